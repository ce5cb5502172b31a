//! What opens a vault.

use crate::rig::{Rig, mode};

#[test]
fn slots_are_listed() {
    let rig = Rig::bare();
    let run = rig.ok(&["operator", "slots", "list"]);
    assert_eq!(run.lines().len(), 4);
    assert!(run.out.contains("shamir    3         2"), "{}", run.out);
    let slots = rig
        .ok(&["operator", "slots", "list", "-format=json"])
        .json();
    assert_eq!(
        (&slots[0]["type"], &slots[0]["shares"]),
        (&"shamir".into(), &3.into())
    );
    assert_eq!(slots[1]["type"], "key");
}

#[test]
fn a_passphrase_is_added_and_removed() {
    let rig = Rig::bare();
    let words = [
        "operator",
        "slots",
        "add",
        "passphrase",
        "--new-passphrase-file=-",
    ];
    let id = rig
        .call(&[&words[..], &["-field=id"]].concat())
        .input("correct horse\n")
        .ok()
        .out;
    let open = ["status", "--passphrase-file=-"];
    rig.call(&open).without_key().input("correct horse").ok();
    rig.ok(&["operator", "slots", "remove", &id]);
    rig.call(&open)
        .without_key()
        .input("correct horse")
        .secret("correct horse")
        .fails(2);
    rig.ok(&["status"]);
    rig.call(&words).input("").fails(1);
}

#[test]
fn a_key_file_is_made_and_opens_the_vault() {
    let rig = Rig::bare();
    rig.ok(&["operator", "slots", "add", "key", "other.key"]);
    assert_eq!(mode(&rig.path("other.key")), 0o600);
    rig.call(&["status", "--key-file=other.key"])
        .without_key()
        .ok();
    rig.write("hex.key", "ab".repeat(32));
    rig.ok(&["operator", "slots", "add", "key", "hex.key"]);
    rig.call(&["status"])
        .env("VAULTCORE_KEY_FILE", rig.path("hex.key"))
        .ok();
    rig.write("bad.key", "too short");
    rig.call(&["operator", "slots", "add", "key", "bad.key"])
        .secret("too short")
        .fails(1);
}

#[test]
fn more_shares_are_added() {
    let rig = Rig::bare();
    let words = [
        "operator",
        "slots",
        "add",
        "shamir",
        "-n=2",
        "-t=2",
        "-format=json",
    ];
    let made = rig.ok(&words).json();
    let share = |index: usize| {
        made["unseal_keys_text"][index]
            .as_str()
            .expect("share")
            .to_owned()
    };
    let words = [
        "operator".to_owned(),
        "unseal".to_owned(),
        share(0),
        share(1),
    ];
    rig.call(&words).without_key().ok();
    rig.call(&["operator", "unseal", "@share-0", "@share-2"])
        .without_key()
        .ok();
    let mixed = [
        "operator".to_owned(),
        "unseal".to_owned(),
        share(0),
        rig.shares[0].clone(),
    ];
    assert_eq!(rig.call(&mixed).without_key().run().code, 2);
    rig.call(&["operator", "slots", "add", "shamir", "-n=3", "-t=1"])
        .fails(2);
}

#[test]
fn the_last_slot_stays() {
    let rig = Rig::bare();
    let slots = rig
        .ok(&["operator", "slots", "list", "-format=json"])
        .json();
    let id = |index: usize| slots[index]["id"].as_str().expect("id").to_owned();
    rig.ok(&[
        "operator".to_owned(),
        "slots".to_owned(),
        "remove".to_owned(),
        id(0),
    ]);
    let words = [
        "operator".to_owned(),
        "slots".to_owned(),
        "remove".to_owned(),
        id(1),
    ];
    rig.call(&words).fails(2);
    rig.call(&["operator", "slots", "remove", "zz"]).fails(1);
    rig.call(&["operator", "slots", "remove", &"0".repeat(32)])
        .fails(2);
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .fails(2);
}

#[test]
fn slots_take_leave() {
    let rig = Rig::bare();
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.call(&["operator", "slots", "list"])
        .token(&token)
        .fails(2);
    rig.call(&["operator", "slots", "add", "key", "k2"])
        .token(&token)
        .fails(2);
}

#[test]
fn a_wrong_key_opens_nothing() {
    let rig = Rig::bare();
    rig.write("wrong.key", [7; 32]);
    rig.call(&["token", "lookup", "--key-file=wrong.key"])
        .fails(2);
    rig.call(&["token", "lookup", "--key-file=none.key"])
        .fails(1);
    assert!(
        !rig.path("none.key").exists(),
        "only `init` and `slots add` make a key"
    );
}
