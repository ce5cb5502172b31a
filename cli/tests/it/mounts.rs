//! Secrets engines, auth methods and namespaces.

use crate::rig::Rig;

#[test]
fn engines_are_enabled_listed_tuned_moved_and_disabled() {
    let rig = Rig::bare();
    let run = rig.ok(&["secrets", "enable", "transit"]);
    assert_eq!(
        run.out,
        "Success! Enabled the transit secrets engine at: transit/\n"
    );
    let words = [
        "secrets",
        "enable",
        "-path=kv",
        "-version=2",
        "-description=some text",
        "kv",
    ];
    rig.ok(&words);
    let list = rig.ok(&["secrets", "list"]);
    assert_eq!(list.lines()[0].split_whitespace().next(), Some("Path"));
    assert!(list.row("kv/").ends_with("some text"));
    let words = [
        "secrets",
        "tune",
        "-description=other",
        "-max-lease-ttl=10h",
        "kv",
    ];
    assert_eq!(
        rig.ok(&words).out,
        "Success! Tuned the secrets engine at: kv/\n"
    );
    let detailed = rig.ok(&["secrets", "list", "-detailed"]);
    assert!(detailed.row("kv/").contains("10h") && detailed.row("kv/").contains("map[version:2]"));
    rig.ok(&["secrets", "move", "kv", "other"]);
    let all = rig.ok(&["secrets", "list", "-format=json"]).json();
    assert_eq!(all["other/"]["description"], "other");
    assert!(all.get("kv/").is_none());
    rig.ok(&["secrets", "disable", "other/"]);
    rig.ok(&["secrets", "disable", "other"]);
    assert!(
        rig.ok(&["secrets", "list", "-format=json"])
            .json()
            .get("other/")
            .is_none()
    );
}

#[test]
fn what_cannot_be_mounted_is_2() {
    let rig = Rig::new();
    rig.call(&["secrets", "enable", "none-such"]).fails(2);
    rig.call(&["secrets", "enable", "-path=secret", "kv"])
        .fails(2);
    rig.call(&["secrets", "enable", "-path=sys", "kv"]).fails(2);
    rig.call(&["secrets", "move", "none", "other"]).fails(2);
    rig.call(&["secrets", "tune", "-description=x", "none"])
        .fails(2);
    rig.call(&["secrets", "enable"]).fails(1);
    rig.call(&["secrets", "enable", "-options=x", "kv"])
        .fails(1);
}

#[test]
fn auth_methods_are_enabled_listed_and_disabled() {
    let rig = Rig::bare();
    let words = [
        "auth",
        "enable",
        "-path=people",
        "-default-lease-ttl=1h",
        "userpass",
    ];
    assert_eq!(
        rig.ok(&words).out,
        "Success! Enabled userpass auth method at: people/\n"
    );
    let list = rig.ok(&["auth", "list"]);
    assert!(list.row("people/").starts_with("userpass"));
    assert!(list.row("token/").starts_with("token"));
    rig.ok(&["auth", "tune", "-description=all of us", "people"]);
    rig.ok(&["auth", "move", "people", "users"]);
    let all = rig.ok(&["auth", "list", "-format=json"]).json();
    assert_eq!(all["users/"]["description"], "all of us");
    rig.ok(&["auth", "disable", "users"]);
    assert!(
        rig.ok(&["auth", "list", "-format=json"])
            .json()
            .get("users/")
            .is_none()
    );
    rig.call(&["auth", "enable", "none-such"]).fails(2);
}

#[test]
fn the_kind_names_the_version_of_key_value_engines() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "kv-v2"]);
    rig.ok(&["kv", "put", "kv-v2/a", "x=1"]);
    assert_eq!(rig.ok(&["kv", "get", "kv-v2/a"]).row("version"), "1");
}

#[test]
fn namespaces_keep_to_themselves() {
    let rig = Rig::new();
    let words = ["namespace", "create", "-custom-metadata=owner=ops", "team"];
    assert_eq!(rig.ok(&words).row("path"), "team/");
    assert_eq!(rig.ok(&["namespace", "list"]).lines()[2..], ["team/"]);
    let found = rig.data(&["namespace", "lookup", "team"]);
    assert_eq!(found["custom_metadata"]["owner"], "ops");
    let words = [
        "namespace",
        "patch",
        "-remove-custom-metadata=owner",
        "team",
    ];
    rig.ok(&words);
    assert_eq!(
        rig.data(&["namespace", "lookup", "team"])["custom_metadata"],
        serde_json::json!({})
    );

    let words = [
        "secrets",
        "enable",
        "-namespace=team",
        "-path=own",
        "-version=2",
        "kv",
    ];
    rig.ok(&words);
    rig.ok(&["kv", "put", "-ns=team", "own/a", "x=1"]);
    assert_eq!(
        rig.call(&["kv", "get", "-field=x", "own/a"])
            .env("VAULTCORE_NAMESPACE", "team")
            .ok()
            .out,
        "1"
    );
    rig.call(&["kv", "get", "own/a"]).fails(2);
    rig.call(&["kv", "get", "-namespace=none", "own/a"])
        .fails(2);
    let run = rig.ok(&["namespace", "delete", "team"]);
    assert_eq!(
        run.out,
        "Success! Namespace deleted (if it existed): team\n"
    );
    rig.call(&["namespace", "lookup", "team"]).fails(2);
    rig.call(&["namespace", "list"]).fails(2);
}

#[test]
fn the_owner_acts_in_a_namespace_too() {
    let rig = Rig::bare();
    rig.ok(&["namespace", "create", "team"]);
    let words = [
        "secrets",
        "enable",
        "-namespace=team",
        "--owner",
        "-path=own",
        "kv-v2",
    ];
    rig.call(&words).nobody().ok();
    rig.call(&["kv", "put", "-namespace=team", "--owner", "own/a", "x=1"])
        .nobody()
        .ok();
    rig.call(&["operator", "key-status", "--owner"])
        .nobody()
        .ok();
}
