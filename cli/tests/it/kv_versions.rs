//! Versions of secrets: deleting, bringing back, destroying; metadata.

use crate::rig::Rig;

fn with_versions(count: u32) -> Rig {
    let rig = Rig::new();
    for number in 1..=count {
        rig.ok(&["kv", "put", "secret/a", &format!("x={number}")]);
    }
    rig
}

#[test]
fn an_old_version_can_be_read() {
    let rig = with_versions(3);
    assert_eq!(
        rig.ok(&["kv", "get", "-version=2", "-field=x", "secret/a"])
            .out,
        "2"
    );
    assert_eq!(
        rig.ok(&["kv", "get", "-version=2", "secret/a"])
            .row("version"),
        "2"
    );
    rig.call(&["kv", "get", "-version=9", "secret/a"]).fails(2);
    rig.call(&["kv", "get", "-version=x", "secret/a"]).fails(1);
}

#[test]
fn a_deleted_version_shows_what_is_left_of_it() {
    let rig = with_versions(1);
    let run = rig.ok(&["kv", "delete", "secret/a"]);
    assert_eq!(
        run.out,
        "Success! Data deleted (if it existed) at: secret/data/a\n"
    );
    let get = rig.ok(&["kv", "get", "secret/a"]);
    assert_ne!(get.row("deletion_time"), "n/a");
    assert!(!get.out.contains("Data"));
    rig.call(&["kv", "get", "-field=x", "secret/a"]).fails(2);
    rig.ok(&["kv", "undelete", "-versions=1", "secret/a"]);
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "1");
}

#[test]
fn several_versions_are_deleted_and_brought_back() {
    let rig = with_versions(3);
    rig.ok(&["kv", "delete", "-versions=1,2", "secret/a"]);
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "3");
    rig.call(&["kv", "get", "-version=1", "-field=x", "secret/a"])
        .fails(2);
    rig.ok(&["kv", "undelete", "-versions=1", "-versions=2", "secret/a"]);
    assert_eq!(
        rig.ok(&["kv", "get", "-version=1", "-field=x", "secret/a"])
            .out,
        "1"
    );
    rig.call(&["kv", "undelete", "secret/a"]).fails(1);
    rig.call(&["kv", "undelete", "-versions=x", "secret/a"])
        .fails(1);
}

#[test]
fn what_is_destroyed_is_gone() {
    let rig = with_versions(2);
    rig.ok(&["kv", "destroy", "-versions=1", "secret/a"]);
    let get = rig.ok(&["kv", "get", "-version=1", "secret/a"]);
    assert_eq!(get.row("destroyed"), "true");
    rig.ok(&["kv", "undelete", "-versions=1", "secret/a"]);
    rig.call(&["kv", "get", "-version=1", "-field=x", "secret/a"])
        .fails(2);
    rig.call(&["kv", "destroy", "secret/a"]).fails(1);
}

#[test]
fn rollback_writes_an_old_version_anew() {
    let rig = with_versions(3);
    let run = rig.ok(&["kv", "rollback", "-version=1", "secret/a"]);
    assert_eq!(run.row("version"), "4");
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "1");
    rig.ok(&["kv", "delete", "-versions=2", "secret/a"]);
    rig.call(&["kv", "rollback", "-version=2", "secret/a"])
        .fails(2);
    rig.call(&["kv", "rollback", "-version=9", "secret/a"])
        .fails(2);
    rig.call(&["kv", "rollback", "-version=0", "secret/a"])
        .fails(1);
    rig.call(&["kv", "rollback", "secret/a"]).fails(1);
    rig.call(&["kv", "rollback", "-version=1", "secret/none"])
        .fails(2);
}

#[test]
fn metadata_is_shown_version_by_version() {
    let rig = with_versions(11);
    let run = rig.ok(&["kv", "metadata", "get", "secret/a"]);
    assert_eq!(run.row("current_version"), "11");
    let heads: Vec<_> = run
        .lines()
        .into_iter()
        .filter(|line| line.contains("= Version "))
        .collect();
    assert_eq!(heads.len(), 10);
    assert!(
        heads[8].contains("Version 10") && heads[9].contains("Version 11"),
        "{heads:?}"
    );
    let data = rig.data(&["kv", "metadata", "get", "secret/a"]);
    assert_eq!(data["versions"].as_object().expect("versions").len(), 10);
    assert_eq!(
        rig.ok(&[
            "kv",
            "metadata",
            "get",
            "-field=current_version",
            "secret/a"
        ])
        .out,
        "11"
    );
}

#[test]
fn metadata_is_written_and_changed() {
    let rig = with_versions(1);
    let words = [
        "kv",
        "metadata",
        "put",
        "-max-versions=3",
        "-cas-required",
        "-delete-version-after=1h",
        "-custom-metadata=owner=ops",
        "-custom-metadata=tier=1",
        "secret/a",
    ];
    rig.ok(&words);
    let data = rig.data(&["kv", "metadata", "get", "secret/a"]);
    assert_eq!(
        (&data["max_versions"], &data["cas_required"]),
        (&3.into(), &true.into())
    );
    assert_eq!(
        data["custom_metadata"],
        serde_json::json!({"owner": "ops", "tier": "1"})
    );
    rig.call(&["kv", "put", "secret/a", "x=2"]).fails(2);

    let words = [
        "kv",
        "metadata",
        "patch",
        "-cas-required=false",
        "-remove-custom-metadata=tier",
        "secret/a",
    ];
    rig.ok(&words);
    let data = rig.data(&["kv", "metadata", "get", "secret/a"]);
    assert_eq!(
        (&data["max_versions"], &data["cas_required"]),
        (&3.into(), &false.into())
    );
    assert_eq!(data["custom_metadata"], serde_json::json!({"owner": "ops"}));
    rig.call(&[
        "kv",
        "metadata",
        "put",
        "-custom-metadata=owner",
        "secret/a",
    ])
    .fails(1);
}

#[test]
fn deleted_metadata_takes_the_secret_with_it() {
    let rig = with_versions(2);
    let run = rig.ok(&["kv", "metadata", "delete", "secret/a"]);
    assert_eq!(
        run.out,
        "Success! Data deleted (if it existed) at: secret/metadata/a\n"
    );
    rig.call(&["kv", "get", "secret/a"]).fails(2);
    assert_eq!(
        rig.ok(&["kv", "put", "secret/a", "x=1"]).row("version"),
        "1"
    );
}
