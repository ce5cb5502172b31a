//! Logging in, and the file that keeps the token.

use crate::rig::{Rig, mode};

const KEPT: &str = ".vaultcore-token";

#[test]
fn a_token_is_checked_and_kept() {
    let rig = Rig::new();
    let run = rig.call(&["login", &rig.root]).nobody().ok();
    assert!(run.out.starts_with("Success! You are logged in."));
    assert_eq!(
        (run.row("token_policies"), run.row("token_duration")),
        ("[\"root\"]", "\u{221e}")
    );
    assert_eq!(mode(&rig.path(KEPT)), 0o600);
    assert_eq!(rig.read(KEPT), rig.root);
    rig.call(&["kv", "put", "secret/a", "x=1"]).nobody().ok();
}

#[test]
fn a_token_comes_from_standard_input_or_a_file() {
    let rig = Rig::bare();
    rig.write("token", format!("{}\n", rig.root));
    for word in ["-", "token=-"] {
        rig.call(&["login", word])
            .nobody()
            .input(format!("{}\n", rig.root))
            .ok();
    }
    rig.call(&["login", "@token"]).nobody().ok();
    rig.call(&["login", "token=@token"]).nobody().ok();
    rig.call(&["login", "-"]).nobody().input("").fails(1);
    rig.call(&["login", "a", "b"]).nobody().fails(1);
    let run = rig.call(&["login"]).nobody().fails(1);
    assert!(run.err.contains("terminal"));
}

#[test]
fn a_wrong_token_is_not_kept_or_quoted() {
    let rig = Rig::bare();
    let wrong = "hvs.wrongwrongwrongwrongwron";
    rig.call(&["login", wrong]).nobody().secret(wrong).fails(2);
    assert!(!rig.path(KEPT).exists());
    rig.call(&["login", &rig.root]).nobody().ok();
    rig.call(&["login", wrong]).nobody().secret(wrong).fails(2);
    assert_eq!(rig.read(KEPT), rig.root);
}

#[test]
fn a_user_logs_in_with_a_password() {
    let rig = Rig::bare();
    rig.ok(&["auth", "enable", "userpass"]);
    rig.call(&[
        "write",
        "auth/userpass/users/bob",
        "policies=app",
        "password=-",
    ])
    .input("correct horse")
    .ok();
    let words = ["login", "-method=userpass", "username=bob", "password=-"];
    let run = rig.call(&words).nobody().input("correct horse\n").ok();
    assert_eq!(run.row("token_meta_username"), "bob");
    assert_eq!(run.row("token_duration"), "768h");
    assert_eq!(
        rig.call(&["token", "lookup"])
            .nobody()
            .ok()
            .row("display_name"),
        "userpass-bob"
    );
    let wrong = rig
        .call(&words)
        .nobody()
        .input("wrong horse")
        .secret("wrong horse")
        .fails(2);
    assert!(!wrong.err.contains("bob"));
    for words in [
        &["login", "-method=userpass", "password=x"][..],
        &["login", "-method=userpass", "username=bob"],
        &[
            "login",
            "-method=userpass",
            "username=bob",
            "password=x",
            "other=y",
        ],
        &["login", "-method=none"],
    ] {
        rig.call(words).nobody().fails(1);
    }
}

#[test]
fn an_auth_method_may_be_elsewhere() {
    let rig = Rig::bare();
    rig.ok(&["auth", "enable", "-path=people", "userpass"]);
    rig.ok(&["write", "auth/people/users/bob", "password=x"]);
    let words = [
        "login",
        "-method=userpass",
        "-path=people",
        "username=bob",
        "password=x",
    ];
    rig.call(&words).nobody().ok();
}

#[test]
fn a_machine_logs_in_by_role_and_secret_id() {
    let rig = Rig::bare();
    rig.ok(&["auth", "enable", "approle"]);
    rig.ok(&[
        "write",
        "auth/approle/role/web",
        "token_policies=web",
        "secret_id_num_uses=1",
    ]);
    let role = rig
        .ok(&["read", "-field=role_id", "auth/approle/role/web/role-id"])
        .out;
    let words = [
        "write",
        "-f",
        "-field=secret_id",
        "auth/approle/role/web/secret-id",
    ];
    let secret = rig.ok(&words).out;
    let role = format!("role_id={role}");
    let words = [
        "login",
        "-method=approle",
        "-token-only",
        &role,
        "secret_id=-",
    ];
    let token = rig.call(&words).nobody().input(&secret).ok().out;
    assert!(token.starts_with("hvs."));
    assert!(!rig.path(KEPT).exists(), "-token-only keeps nothing");
    rig.call(&words)
        .nobody()
        .input(&secret)
        .secret(&secret)
        .fails(2); // its one use was taken
    rig.call(&["login", "-method=approle"]).nobody().fails(1);
}

#[test]
fn flags_say_what_is_kept_and_printed() {
    let rig = Rig::bare();
    let run = rig.call(&["login", "-no-store", &rig.root]).nobody().ok();
    assert!(run.out.contains("not kept") && !rig.path(KEPT).exists());
    let run = rig.call(&["login", "-no-print", &rig.root]).nobody().ok();
    assert!(run.out.is_empty() && rig.path(KEPT).exists());
    let run = rig.call(&["login", "-token-only", &rig.root]).nobody().ok();
    assert_eq!(run.out, rig.root);
    let run = rig
        .call(&["login", "-field=token", &rig.root])
        .nobody()
        .ok();
    assert_eq!(run.out, rig.root);
    let run = rig
        .call(&["login", "-format=json", &rig.root])
        .nobody()
        .ok()
        .json();
    assert_eq!(run["auth"]["client_token"], rig.root.as_str());
    assert_eq!(run["auth"]["policies"][0], "root");
}

#[test]
fn the_token_file_may_be_elsewhere() {
    let rig = Rig::bare();
    rig.call(&["login", &rig.root, "--token-file=t1"])
        .nobody()
        .ok();
    rig.call(&["login", &rig.root])
        .env("VAULTCORE_TOKEN_FILE", rig.path("t2"))
        .nobody()
        .ok();
    assert!(!rig.path(KEPT).exists());
    rig.call(&["token", "lookup", "--token-file=t1"])
        .nobody()
        .ok();
    assert_eq!(rig.call(&["token", "lookup"]).nobody().run().code, 2);
    rig.call(&["login", &rig.root, "--token-file=none/t"])
        .nobody()
        .fails(1);
}

#[test]
fn the_variable_goes_before_the_file_and_that_is_said() {
    let rig = Rig::bare();
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    let run = rig.call(&["login", &rig.root]).token(&token).ok();
    assert!(run.err.contains("VAULTCORE_TOKEN is set"));
    let run = rig.call(&["token", "lookup"]).token(&token).ok();
    assert_eq!(run.row("policies"), "[default]");
}

#[test]
fn a_link_at_the_place_of_the_token_file_is_replaced() {
    let rig = Rig::bare();
    let target = rig.write("innocent", "text");
    std::os::unix::fs::symlink(&target, rig.path(KEPT)).expect("link");
    rig.call(&["login", &rig.root]).nobody().ok();
    assert_eq!(rig.read("innocent"), "text");
    assert!(!rig.path(KEPT).is_symlink());
    assert_eq!(mode(&rig.path(KEPT)), 0o600);
}

#[test]
fn an_open_token_file_is_closed_to_others_by_a_login() {
    let rig = Rig::bare();
    rig.write(KEPT, "old");
    std::fs::set_permissions(
        rig.path(KEPT),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .expect("mode");
    rig.call(&["login", &rig.root]).nobody().ok();
    assert_eq!(mode(&rig.path(KEPT)), 0o600);
    let files = std::fs::read_dir(rig.folder()).expect("folder");
    let drafts = files.filter(|file| {
        let name = file.as_ref().expect("file").file_name();
        name.to_string_lossy().starts_with("..")
    });
    assert_eq!(drafts.count(), 0, "no draft is left");
}

#[test]
fn a_revoked_token_is_forgotten() {
    let rig = Rig::bare();
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.call(&["login", &token]).nobody().ok();
    rig.call(&["token", "revoke", "-self"]).nobody().ok();
    assert!(!rig.path(KEPT).exists());
    rig.call(&["token", "lookup"]).token(&token).fails(2);
}

#[test]
fn a_login_may_be_wrapped() {
    let rig = Rig::bare();
    rig.ok(&["auth", "enable", "userpass"]);
    rig.ok(&["write", "auth/userpass/users/bob", "password=x"]);
    let words = [
        "login",
        "-method=userpass",
        "-wrap-ttl=60",
        "username=bob",
        "password=x",
    ];
    let run = rig.call(&words).nobody().ok();
    assert!(!rig.path(KEPT).exists());
    let token = run.row("wrapping_token:").to_owned();
    let words = ["unwrap", "-field=token_meta_username", &token];
    assert_eq!(rig.ok(&words).out, "bob");
}
