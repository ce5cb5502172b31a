//! The keys of a vault: rotating, rekeying, a root token by a quorum; and what a host does else.

use crate::rig::Rig;

#[test]
fn rotate_adds_a_key_and_rewrap_drops_the_old_one() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    assert_eq!(rig.ok(&["operator", "key-status"]).row("Key Term"), "1");
    let run = rig.ok(&["operator", "rotate"]);
    assert!(run.out.starts_with("Success! Rotated key\n"));
    assert_eq!((run.row("Key Term"), run.row("Key Terms")), ("2", "2"));
    let run = rig.ok(&["operator", "rewrap", "-format=json"]).json();
    assert_eq!(run["dropped_terms"], 1);
    assert!(run["entries"].as_u64().expect("count") > 5);
    let status = rig.ok(&["operator", "key-status", "-format=json"]).json();
    assert_eq!((&status["term"], &status["terms"]), (&2.into(), &1.into()));
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "1");
}

#[test]
fn a_new_root_key_leaves_shares_and_key_files() {
    let rig = Rig::bare();
    let run = rig
        .ok(&["operator", "rotate", "--root", "-format=json"])
        .json();
    assert_eq!(run["term"], 2);
    rig.ok(&["status"]);
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .ok();
}

#[test]
fn keys_take_leave() {
    let rig = Rig::bare();
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    for verb in ["rotate", "rewrap", "key-status", "rekey"] {
        rig.call(&["operator", verb]).token(&token).fails(2);
    }
}

#[test]
fn a_quorum_makes_a_root_token() {
    let rig = Rig::bare();
    rig.ok(&["token", "revoke", "-self"]);
    let words = [
        "operator",
        "generate-root",
        "--share-file=share-0",
        "--share-file=share-2",
    ];
    let run = rig.call(&words).nobody().without_key().ok();
    let token = run.out.strip_prefix("Root Token: ").expect("token").trim();
    let found = rig.call(&["token", "lookup"]).token(token).ok();
    assert_eq!(found.row("policies"), "[root]");
    let words = [&words[..], &["-field=root_token"]].concat();
    assert!(
        rig.call(&words)
            .nobody()
            .without_key()
            .ok()
            .out
            .starts_with("hvs.")
    );
}

#[test]
fn less_than_a_quorum_makes_none() {
    let rig = Rig::bare();
    let words = ["operator", "generate-root", "--share-file=share-0"];
    rig.call(&words).without_key().fails(2);
    rig.call(&["operator", "generate-root"]).fails(1); // a key file is no quorum
}

#[test]
fn rekey_puts_new_shares_in_the_place_of_the_old_ones() {
    let rig = Rig::bare();
    let words = [
        "operator",
        "rekey",
        "-key-shares=4",
        "-key-threshold=3",
        "-format=json",
    ];
    let made = rig.ok(&words).json();
    let nonce = format!(
        "-nonce={}",
        made["verification_nonce"].as_str().expect("nonce")
    );
    let shares = made["unseal_keys_text"].as_array().expect("shares").iter();
    let shares: Vec<&str> = shares.map(|share| share.as_str().expect("share")).collect();
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .ok(); // still the old

    let verify = ["operator", "rekey", "-verify", &nonce, "--new-share-file=-"];
    rig.call(&verify).input(shares[..2].join("\n")).fails(2);
    rig.call(&verify).input(rig.shares.join("\n")).fails(2);
    let run = rig.call(&verify).input(shares[1..].join("\n")).ok();
    assert!(run.out.starts_with("Success!"));

    let words = ["operator", "unseal", "@share-0", "@share-1"];
    rig.call(&words).without_key().fails(2);
    let words = ["operator", "unseal", shares[0], shares[1], shares[3]];
    rig.call(&words).without_key().ok();
    rig.ok(&["status"]);
}

#[test]
fn rekey_status_tells_what_is_in_progress() {
    let rig = Rig::bare();
    let status = ["operator", "rekey", "-status"];
    let idle = rig.ok(&status);
    assert_eq!((idle.row("Started"), idle.row("Nonce")), ("false", ""));
    let begun = rig.ok(&["operator", "rekey", "-n=5", "-t=3", "-format=json"]);
    let begun = begun.json();
    let told = rig.ok(&status);
    assert_eq!(
        told.row("Nonce"),
        begun["verification_nonce"].as_str().unwrap()
    );
    assert_eq!(
        (told.row("New Shares"), told.row("New Threshold")),
        ("5", "3")
    );
    let told = rig
        .ok(&["operator", "rekey", "-status", "-format=json"])
        .json();
    assert_eq!((&told["started"], &told["n"]), (&true.into(), &5.into()));
    assert_eq!(
        rig.ok(&["operator", "rekey", "-status", "-field=t"])
            .out
            .trim(),
        "3"
    );
    rig.ok(&["operator", "rekey", "-cancel"]);
    assert_eq!(rig.ok(&status).row("Started"), "false");
    rig.call(&["operator", "rekey", "-status", "-cancel"])
        .fails(1);
}

#[test]
fn rekey_can_be_dropped() {
    let rig = Rig::bare();
    let words = [
        "operator",
        "rekey",
        "-init",
        "-n",
        "2",
        "-t",
        "2",
        "-field=verification_nonce",
    ];
    let nonce = rig.ok(&words).out;
    rig.ok(&["operator", "rekey", "-cancel"]);
    let nonce = format!("-nonce={nonce}");
    let words = [
        "operator",
        "rekey",
        "-verify",
        &nonce,
        "--new-share-file=share-0",
    ];
    rig.call(&words).fails(2);
    rig.call(&["operator", "rekey", "-verify"]).fails(1);
    rig.call(&["operator", "rekey", "-verify", "-nonce=zz"])
        .fails(1);
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .ok();
}

#[test]
fn a_tick_ends_what_ran_out() {
    let rig = Rig::bare();
    assert_eq!(rig.ok(&["operator", "tick"]).row("Finished"), "0");
    rig.ok(&["namespace", "create", "team"]);
    assert_eq!(
        rig.ok(&["operator", "tick", "-format=json"]).json()["finished"],
        0
    );
    rig.ok(&["secrets", "enable", "-namespace=team", "database"]);
    rig.ok(&["operator", "tick"]);
    let words = [
        "write",
        "-namespace=team",
        "database/config/app",
        "plugin_name=postgresql-database-plugin",
        "connection_url=postgresql://localhost/app",
        "allowed_roles=*",
        "verify_connection=false",
    ];
    match cfg!(feature = "postgres") {
        true => {
            rig.ok(&words);
            rig.ok(&["operator", "tick"]);
        }
        false => drop(rig.call(&words).fails(2)),
    }
}

#[test]
fn the_clock_is_confirmed_by_who_may() {
    let rig = Rig::bare();
    assert!(
        rig.ok(&["operator", "confirm-clock", "-field=time"])
            .out
            .ends_with('Z')
    );
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.call(&["operator", "confirm-clock"])
        .token(&token)
        .fails(2);
}

#[test]
fn what_is_no_single_reply_is_not_wrapped_or_cut() {
    let rig = Rig::bare();
    for words in [
        &["operator", "key-status", "-wrap-ttl=60"][..],
        &["operator", "slots", "list", "-wrap-ttl=60"],
        &["operator", "slots", "list", "-field=id"],
        &[
            "policy",
            "explain",
            "-field=allowed",
            "-policy=default",
            "read",
            "a",
        ],
        &["policy", "lint", "-field=x", "-policy=default"],
        &["audit", "verify", "-field=x", "file", "none"],
    ] {
        rig.call(words).fails(1);
    }
}
