//! Policies, and the tools about them.

use crate::rig::{Rig, mode};

const APP: &str = "# of the app\npath \"secret/data/app/*\" { capabilities = [\"read\"] }\n";

#[test]
fn policies_are_written_read_listed_and_deleted() {
    let rig = Rig::bare();
    rig.write("app.hcl", APP);
    let run = rig.ok(&["policy", "write", "app", "app.hcl"]);
    assert_eq!(run.out, "Success! Uploaded policy: app\n");
    rig.call(&["policy", "write", "other", "-"]).input(APP).ok();
    assert_eq!(
        rig.ok(&["policy", "list"]).lines(),
        ["app", "default", "other", "root"]
    );
    assert_eq!(rig.ok(&["policy", "read", "app"]).out, APP);
    assert_eq!(
        rig.ok(&["policy", "read", "-format=json", "app"]).json()["policy"],
        APP
    );
    let names = rig.ok(&["policy", "list", "-format=json"]).json();
    assert_eq!(
        names,
        serde_json::json!(["app", "default", "other", "root"])
    );
    assert_eq!(
        rig.ok(&["policy", "delete", "app"]).out,
        "Success! Deleted policy: app\n"
    );
    rig.ok(&["policy", "delete", "app"]);
    rig.call(&["policy", "read", "app"]).fails(2);
}

#[test]
fn what_is_no_policy_is_refused() {
    let rig = Rig::bare();
    let bad = r#"path "a" { capabilities = ["write"] }"#;
    let run = rig
        .call(&["policy", "write", "app", "-"])
        .input(bad)
        .fails(2);
    assert!(run.err.contains("line 1"), "{run:?}");
    rig.call(&["policy", "write", "root", "-"])
        .input(APP)
        .fails(2);
    rig.call(&["policy", "write", "app", "none.hcl"]).fails(1);
    rig.call(&["policy", "delete", "default"]).fails(2);
}

#[test]
fn fmt_lays_out_a_file_anew_and_keeps_its_comments_and_mode() {
    let rig = Rig::empty();
    let file = rig.write(
        "app.hcl",
        "# of the app\npath   \"a\"   {capabilities=[\"read\"]}",
    );
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640))
        .expect("mode");
    rig.ok(&["policy", "fmt", "app.hcl"]);
    let text = rig.read("app.hcl");
    assert!(text.starts_with("# of the app\npath \"a\" {\n"), "{text}");
    assert_eq!(mode(&file), 0o640);
    rig.ok(&["policy", "fmt", "app.hcl"]);
    assert_eq!(rig.read("app.hcl"), text, "once is enough");
    assert_eq!(
        rig.call(&["policy", "fmt", "-"]).input(&text).ok().out,
        text
    );
    rig.write("bad.hcl", "path {");
    rig.call(&["policy", "fmt", "bad.hcl"]).fails(1);
    assert_eq!(rig.read("bad.hcl"), "path {");
}

#[test]
fn lint_finds_what_is_not_meant() {
    let rig = Rig::empty();
    rig.write("good.hcl", APP);
    rig.write("bad.hcl", "path \"*\" { capabilities = [\"read\"] }\n");
    assert_eq!(rig.ok(&["policy", "lint", "good.hcl"]).out, "");
    let run = rig.run(&["policy", "lint", "good.hcl", "bad.hcl"]);
    assert_eq!(run.code, 1);
    assert!(
        run.out.starts_with("bad.hcl: line 1") && run.out.contains("every path"),
        "{run:?}"
    );
    let run = rig.run(&["policy", "lint", "-format=json", "bad.hcl"]);
    assert_eq!(
        (run.code, &run.json()[0]["kind"]),
        (1, &"Everything".into())
    );
    let run = rig.call(&["policy", "lint", "-"]).input("path {").run();
    assert_eq!(run.code, 1);
    rig.call(&["policy", "lint", "none.hcl"]).fails(1);
}

#[test]
fn lint_reads_the_policies_of_the_vault() {
    let rig = Rig::bare();
    rig.call(&["policy", "write", "all", "-"])
        .input("path \"*\" { capabilities = [\"read\"] }")
        .ok();
    assert_eq!(rig.run(&["policy", "lint", "-policy=all"]).code, 1);
    rig.ok(&["policy", "lint", "-policy=default"]);
    rig.call(&["policy", "lint", "-policy=none"]).fails(2);
}

#[test]
fn explain_names_the_rule_that_decides() {
    let rig = Rig::empty();
    rig.write(
        "app.hcl",
        "path \"secret/*\" { capabilities = [\"read\"] }\n\
         path \"secret/data/+\" { capabilities = [\"deny\"] }\n",
    );
    let run = rig.ok(&[
        "policy",
        "explain",
        "-file=app.hcl",
        "read",
        "secret/data/db",
    ]);
    assert!(
        run.out.starts_with("read is denied: the rule says deny\n"),
        "{run:?}"
    );
    assert!(run.out.contains("decides: policy `app.hcl`, line 2"));
    let words = [
        "policy",
        "explain",
        "-file=app.hcl",
        "-format=json",
        "read",
        "secret/other",
    ];
    let told = rig.ok(&words).json();
    assert_eq!(
        (&told["allowed"], &told["decided"][0]["pattern"]),
        (&true.into(), &"secret/*".into())
    );
    rig.call(&["policy", "explain", "-file=app.hcl", "write", "secret/a"])
        .fails(1);
    rig.call(&["policy", "explain", "-file=app.hcl", "read"])
        .fails(1);
}

#[test]
fn explain_is_about_whoever_asks_unless_told_otherwise() {
    let rig = Rig::new();
    let run = rig.ok(&["policy", "explain", "read", "secret/data/a"]);
    assert!(
        run.out.starts_with("read is allowed") && run.out.contains("`root`"),
        "{run:?}"
    );
    let words = ["policy", "explain", "-format=json", "read", "secret/data/a"];
    assert_eq!(rig.ok(&words).json()["allowed"], true);
    let policy = "path \"sys/policies/acl/*\" { capabilities = [\"read\"] }";
    let token = rig.token_with(policy);
    let words = ["policy", "explain", "read", "sys/policies/acl/x"];
    let run = rig.call(&words).token(&token).ok();
    assert!(run.out.contains("decides: policy `made`"), "{run:?}");
    let words = [
        "policy",
        "explain",
        "-policy=default",
        "-policy=made",
        "update",
        "secret/data/a",
    ];
    assert!(rig.ok(&words).out.starts_with("update is denied: no rule"));
    rig.call(&["policy", "explain", "-policy=none", "read", "a"])
        .fails(2);
}

#[test]
fn explain_knows_rules_about_parameters() {
    let rig = Rig::empty();
    rig.write(
        "app.hcl",
        "path \"transit/keys/+\" { capabilities = [\"create\"]\n allowed_parameters = \
         { \"type\" = [\"ed25519\"] } }",
    );
    for (body, allowed) in [("ed25519", true), ("rsa-2048", false)] {
        let words = [
            "policy",
            "explain",
            "-file=app.hcl",
            "-body=-",
            "-format=json",
            "create",
            "transit/keys/a",
        ];
        let run = rig
            .call(&words)
            .input(format!("{{\"type\": \"{body}\"}}"))
            .ok();
        assert_eq!(run.json()["allowed"], allowed, "{body}");
    }
}

#[test]
fn diff_shows_what_is_gained_and_lost() {
    let rig = Rig::bare();
    rig.write("old.hcl", APP);
    rig.write(
        "new.hcl",
        "path \"secret/data/app/*\" { capabilities = [\"read\", \"delete\"] }",
    );
    let run = rig.ok(&["policy", "diff", "old.hcl", "new.hcl"]);
    assert!(run.out.starts_with("+ delete `secret/data/app/"), "{run:?}");
    assert_eq!(rig.ok(&["policy", "diff", "old.hcl", "old.hcl"]).out, "");
    let words = ["policy", "diff", "-format=json", "new.hcl", "old.hcl"];
    let changes = rig.ok(&words).json();
    assert_eq!(
        (&changes[0]["capability"], &changes[0]["gained"]),
        (&"delete".into(), &false.into())
    );
    rig.ok(&["policy", "write", "app", "old.hcl"]);
    let run = rig.ok(&["policy", "diff", "-policy=app", "new.hcl"]);
    assert!(run.out.starts_with("+ delete"));
    rig.call(&["policy", "diff", "old.hcl"]).fails(1);
    rig.call(&["policy", "diff", "-policy=app", "old.hcl", "new.hcl"])
        .fails(1);
    rig.call(&["policy", "diff", "-policy=none", "new.hcl"])
        .fails(2);
}

#[test]
fn tools_about_files_need_no_vault() {
    let rig = Rig::empty();
    rig.write("app.hcl", APP);
    for words in [
        &["policy", "fmt", "app.hcl"][..],
        &["policy", "lint", "app.hcl"],
        &["policy", "explain", "-file=app.hcl", "read", "a"],
        &["policy", "diff", "app.hcl", "app.hcl"],
    ] {
        rig.call(words)
            .without("VAULTCORE_VAULT")
            .without_key()
            .ok();
    }
}
