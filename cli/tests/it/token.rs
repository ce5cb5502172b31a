//! Tokens.

use crate::rig::Rig;

#[test]
fn a_token_is_created_as_asked() {
    let rig = Rig::bare();
    let words = [
        "token",
        "create",
        "-policy=default",
        "-ttl=1h",
        "-explicit-max-ttl=2h",
        "-use-limit=9",
        "-metadata=a=b",
        "-display-name=job",
        "-renewable=false",
        "-format=json",
    ];
    let made = rig.ok(&words).json();
    let token = made["auth"]["client_token"].as_str().expect("token");
    let found = rig.data(&["token", "lookup", token]);
    assert_eq!(found["display_name"], "token-job");
    assert_eq!(
        (&found["num_uses"], &found["explicit_max_ttl"]),
        (&9.into(), &7_200.into())
    );
    assert_eq!(
        (&found["meta"]["a"], &found["renewable"]),
        (&"b".into(), &false.into())
    );
}

#[test]
fn kinds_of_tokens() {
    let rig = Rig::bare();
    let orphan = rig.ok(&["token", "create", "-orphan", "-field=token"]).out;
    assert_eq!(
        rig.ok(&["token", "lookup", "-field=orphan", &orphan]).out,
        "true"
    );
    let batch = rig
        .ok(&[
            "token",
            "create",
            "-type=batch",
            "-policy=default",
            "-field=token",
        ])
        .out;
    assert!(batch.starts_with("hvb."));
    let periodic = rig
        .ok(&["token", "create", "-period=1h", "-field=token"])
        .out;
    assert_eq!(rig.data(&["token", "lookup", &periodic])["period"], 3_600);
    let bare = [
        "token",
        "create",
        "-policy=x",
        "-no-default-policy",
        "-field=policies",
    ];
    assert_eq!(rig.ok(&bare).out, "[x]");
    rig.ok(&[
        "write",
        "auth/token/roles/r",
        "allowed_policies=x",
        "orphan=true",
    ]);
    let of_role = rig
        .ok(&["token", "create", "-role=r", "-policy=x", "-field=token"])
        .out;
    assert_eq!(
        rig.ok(&["token", "lookup", "-field=role", &of_role]).out,
        "r"
    );
    rig.call(&["token", "create", "-role=r", "-policy=y"])
        .fails(2);
    rig.call(&["token", "create", "-ttl=x"]).fails(2);
    rig.call(&["token", "create", "-use-limit=x"]).fails(1);
    rig.call(&["token", "create", "-metadata=x"]).fails(1);
}

#[test]
fn a_token_may_be_chosen_without_showing_it() {
    let rig = Rig::bare();
    let words = ["token", "create", "-policy=default", "-id=-"];
    rig.call(&words)
        .input("my-own-token-of-long-standing\n")
        .ok();
    rig.call(&["token", "lookup"])
        .token("my-own-token-of-long-standing")
        .ok();
}

#[test]
fn a_token_is_looked_up_in_every_way() {
    let rig = Rig::bare();
    let own = rig.ok(&["token", "lookup"]);
    assert_eq!((own.row("policies"), own.row("ttl")), ("[root]", "0s"));
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.write("token", &token);
    for word in [token.as_str(), "@token"] {
        assert_eq!(
            rig.ok(&["token", "lookup", word]).row("policies"),
            "[default]"
        );
    }
    let run = rig.call(&["token", "lookup", "-"]).input(&token).ok();
    let accessor = run.row("accessor").to_owned();
    let run = rig.ok(&["token", "lookup", "-accessor", &accessor]);
    assert_eq!((run.row("policies"), run.row("id")), ("[default]", "n/a"));
    rig.call(&["token", "lookup", "-accessor"]).fails(1);
    rig.call(&["token", "lookup", "-accessor", "none"]).fails(2);
    let wrong = "hvs.wrongwrongwrongwrongwron";
    rig.call(&["token", "lookup", wrong]).secret(wrong).fails(2);
}

#[test]
fn a_token_is_renewed_in_every_way() {
    let rig = Rig::bare();
    let token = rig
        .ok(&[
            "token",
            "create",
            "-policy=default",
            "-ttl=1h",
            "-field=token",
        ])
        .out;
    let own = rig
        .call(&["token", "renew", "-increment=2h"])
        .token(&token)
        .ok();
    assert_eq!(own.row("token_duration"), "2h");
    rig.ok(&["token", "renew", "-i", "3h", &token]);
    let accessor = rig.ok(&["token", "lookup", "-field=accessor", &token]).out;
    rig.ok(&["token", "renew", "-accessor", "-increment=4h", &accessor]);
    let ttl = rig.data(&["token", "lookup", &token])["ttl"]
        .as_u64()
        .expect("ttl");
    assert!((14_300..=14_400).contains(&ttl), "{ttl}");
    rig.call(&["token", "renew"]).fails(2); // the root token has no end
    rig.call(&["token", "renew", "-accessor"]).fails(1);
}

#[test]
fn a_token_is_revoked_with_what_was_made_by_it() {
    let rig = Rig::bare();
    let policy = "path \"auth/token/create\" { capabilities = [\"update\"] }";
    let parent = rig.token_with(policy);
    let words = ["token", "create", "-policy=default", "-field=token"];
    let child = rig.call(&words).token(&parent).ok().out;
    rig.call(&["token", "revoke", "-mode=orphan", "-"])
        .input(&parent)
        .ok();
    rig.ok(&["token", "lookup", &child]);
    rig.call(&["token", "lookup", &parent])
        .secret(&parent)
        .fails(2);

    let parent = rig.token_with(policy);
    let child = rig.call(&words).token(&parent).ok().out;
    let accessor = rig.ok(&["token", "lookup", "-field=accessor", &parent]).out;
    let run = rig.ok(&["token", "revoke", "-accessor", &accessor]);
    assert_eq!(run.out, "Success! Revoked token (if it existed)\n");
    rig.call(&["token", "lookup", &child])
        .secret(&child)
        .fails(2);
}

#[test]
fn revoke_must_be_told_what() {
    let rig = Rig::bare();
    rig.call(&["token", "revoke"]).fails(1);
    rig.call(&["token", "revoke", "-self", "x"]).fails(1);
    rig.call(&["token", "revoke", "-mode=path", "x"]).fails(1);
    rig.call(&["token", "revoke", "-mode=orphan", "-accessor", "x"])
        .fails(1);
    rig.ok(&["token", "lookup"]);
}

#[test]
fn capabilities_of_oneself_and_of_others() {
    let rig = Rig::new();
    assert_eq!(
        rig.ok(&["token", "capabilities", "secret/data/a"]).out,
        "root\n"
    );
    let policy = "path \"secret/data/a\" { capabilities = [\"update\", \"read\"] }";
    let token = rig.token_with(policy);
    let words = ["token", "capabilities", &token, "secret/data/a"];
    assert_eq!(rig.ok(&words).out, "read, update\n");
    let run = rig
        .call(&["token", "capabilities", "-", "secret/data/b"])
        .input(&token)
        .ok();
    assert_eq!(run.out, "deny\n");
    let accessor = rig.ok(&["token", "lookup", "-field=accessor", &token]).out;
    let words = [
        "token",
        "capabilities",
        "-accessor",
        "-format=json",
        &accessor,
        "secret/data/a",
    ];
    assert_eq!(rig.ok(&words).json(), serde_json::json!(["read", "update"]));
    rig.call(&["token", "capabilities"]).fails(1);
    rig.call(&["token", "capabilities", "a", "b", "c"]).fails(1);
}

#[test]
fn a_token_of_one_use_is_used_once() {
    let rig = Rig::bare();
    let words = [
        "token",
        "create",
        "-policy=default",
        "-use-limit=1",
        "-field=token",
    ];
    let token = rig.ok(&words).out;
    rig.call(&["token", "lookup"]).token(&token).ok();
    rig.call(&["token", "lookup"]).token(&token).fails(2);
}
