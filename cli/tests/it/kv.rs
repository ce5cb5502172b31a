//! Key-value secrets: writing, reading, listing.

use crate::rig::Rig;

#[test]
fn put_shows_the_version_and_get_the_data() {
    let rig = Rig::new();
    let put = rig.ok(&["kv", "put", "secret/app/db", "user=app", "password=hunter2"]);
    assert!(
        put.out
            .starts_with("=== Secret Path ===\nsecret/data/app/db\n\n======= Metadata")
    );
    assert_eq!((put.row("version"), put.row("deletion_time")), ("1", "n/a"));
    assert!(!put.out.contains("hunter2"));
    let get = rig.ok(&["kv", "get", "secret/app/db"]);
    assert!(
        get.out
            .contains("\n====== Data ======\nKey         Value\n"),
        "{}",
        get.out
    );
    assert_eq!((get.row("password"), get.row("user")), ("hunter2", "app"));
}

#[test]
fn get_prints_one_field_as_it_is() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=a  b\n", "n=1"]);
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "a  b\n");
    assert_eq!(rig.ok(&["kv", "get", "-field", "n", "secret/a"]).out, "1");
    assert_eq!(
        rig.ok(&["kv", "get", "--field=x", "-format=json", "secret/a"])
            .json(),
        "a  b\n"
    );
    rig.call(&["kv", "get", "-field=zz", "secret/a"]).fails(1);
}

#[test]
fn get_tells_programs_the_whole_reply() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    let run = rig.ok(&["kv", "get", "-format=json", "secret/a"]);
    let reply = run.json();
    assert_eq!(reply["data"]["data"]["x"], "1");
    assert_eq!(reply["data"]["metadata"]["version"], 1);
    assert!(run.out.starts_with("{\n  \"request_id\": \""));
    assert!(reply.get("auth").is_none() && reply.get("warnings").is_some());
}

#[test]
fn a_mount_can_be_given_apart_from_the_path() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "-mount=secret", "app/db", "x=1"]);
    assert_eq!(
        rig.ok(&["kv", "get", "-mount", "secret", "-field=x", "app/db"])
            .out,
        "1"
    );
    assert_eq!(
        rig.ok(&["kv", "get", "-field=x", "/secret/app/db"]).out,
        "1"
    );
    assert_eq!(
        rig.ok(&["kv", "get", "-mount=/secret/", "-field=x", "app/db"])
            .out,
        "1"
    );
}

#[test]
fn check_and_set_lets_one_of_two_win() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "-cas=0", "secret/a", "x=1"]);
    let lost = rig
        .call(&["kv", "put", "-cas=0", "secret/a", "x=2"])
        .fails(2);
    assert!(lost.err.contains("found 1"), "{lost:?}");
    rig.ok(&["kv", "put", "-cas=1", "secret/a", "x=2"]);
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "2");
}

#[test]
fn what_is_not_there_is_2() {
    let rig = Rig::new();
    for verb in ["get", "list"] {
        let run = rig.call(&["kv", verb, "secret/none"]).fails(2);
        assert_eq!(run.err, "Error: no value found\n");
    }
    rig.call(&["kv", "get", "other/none"]).fails(2);
    rig.call(&["kv", "metadata", "get", "secret/none"]).fails(2);
}

#[test]
fn list_shows_names_and_folders() {
    let rig = Rig::new();
    for path in ["secret/b", "secret/app/x", "secret/a"] {
        rig.ok(&["kv", "put", path, "x=1"]);
    }
    assert_eq!(
        rig.ok(&["kv", "list", "secret"]).lines(),
        ["Keys", "----", "a", "app/", "b"]
    );
    let names = rig.ok(&["kv", "list", "-format=json", "secret/"]).json();
    assert_eq!(names, serde_json::json!(["a", "app/", "b"]));
    assert_eq!(rig.ok(&["kv", "list", "secret/app"]).lines()[2..], ["x"]);
    let paged = rig.ok(&["kv", "list", "-after=a", "-limit=1", "secret"]);
    assert_eq!(paged.lines()[2..], ["app/"]);
    let all = rig.ok(&["kv", "scan", "secret"]);
    assert_eq!(all.lines()[2..], ["a", "app/x", "b"]);
    let none = rig.run(&["kv", "list", "-format=json", "secret/none"]);
    assert_eq!((none.code, none.json()), (2, serde_json::json!({})));
}

#[test]
fn patch_changes_some_fields() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1", "y=2", "z=3"]);
    let run = rig.ok(&["kv", "patch", "-remove-data=z", "secret/a", "y=4"]);
    assert_eq!(run.row("version"), "2");
    let data = rig.data(&["kv", "get", "secret/a"]);
    assert_eq!(data["data"], serde_json::json!({"x": "1", "y": "4"}));
    rig.call(&["kv", "patch", "-cas=1", "secret/a", "y=5"])
        .fails(2);
    rig.call(&["kv", "patch", "secret/none", "y=5"]).fails(2);
    rig.call(&["kv", "patch", "secret/a"]).fails(1);
}

#[test]
fn patch_by_reading_and_writing_takes_no_leave_to_patch() {
    let rig = Rig::new();
    rig.call(&["kv", "put", "secret/a", "-"])
        .input(r#"{"n": 1.50, "x": "1", "z": 0}"#)
        .ok();
    let token = rig.token_with(r#"path "secret/data/*" { capabilities = ["read", "update"] }"#);
    rig.call(&["kv", "patch", "secret/a", "x=2"])
        .token(&token)
        .fails(2);
    let words = [
        "kv",
        "patch",
        "-method=rw",
        "-remove-data=z",
        "secret/a",
        "x=2",
    ];
    rig.call(&words).token(&token).ok();
    let shown = rig.ok(&["kv", "get", "-format=json", "secret/a"]).out;
    assert!(
        shown.contains("\"n\": 1.50"),
        "numbers stay as they were: {shown}"
    );
    assert!(shown.contains("\"x\": \"2\"") && !shown.contains("\"z\""));
}

#[test]
fn version_1_has_no_versions() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "-version=1", "-path=one", "kv"]);
    assert_eq!(
        rig.ok(&["kv", "put", "one/a", "x=1"]).out,
        "Success! Data written to: one/a\n"
    );
    let get = rig.ok(&["kv", "get", "one/a"]);
    assert_eq!(
        get.out,
        "== Data ==\nKey    Value\n---    -----\nx      1\n"
    );
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "one/a"]).out, "1");
    assert_eq!(
        rig.ok(&["kv", "get", "-format=json", "one/a"]).json()["data"]["x"],
        "1"
    );
    assert_eq!(rig.ok(&["kv", "list", "one"]).lines()[2..], ["a"]);
    for words in [
        &["kv", "put", "-cas=1", "one/a", "x=1"][..],
        &["kv", "get", "-version=1", "one/a"],
        &["kv", "patch", "one/a", "x=1"],
        &["kv", "undelete", "-versions=1", "one/a"],
        &["kv", "destroy", "-versions=1", "one/a"],
        &["kv", "rollback", "-version=1", "one/a"],
        &["kv", "metadata", "get", "one/a"],
        &["kv", "scan", "one"],
    ] {
        rig.call(words).fails(1);
    }
    rig.ok(&["kv", "delete", "one/a"]);
    rig.call(&["kv", "get", "one/a"]).fails(2);
}

#[test]
fn other_engines_have_no_secrets() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "transit"]);
    rig.call(&["kv", "get", "transit/a"]).fails(1);
}

#[test]
fn policies_count() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/app/a", "x=1"]);
    let token = rig.token_with(r#"path "secret/data/app/*" { capabilities = ["read"] }"#);
    assert_eq!(
        rig.call(&["kv", "get", "-field=x", "secret/app/a"])
            .token(&token)
            .ok()
            .out,
        "1"
    );
    rig.call(&["kv", "get", "secret/other"])
        .token(&token)
        .fails(2);
    rig.call(&["kv", "put", "secret/app/a", "x=2"])
        .token(&token)
        .fails(2);
    rig.call(&["kv", "list", "secret/app"])
        .token(&token)
        .fails(2);
}

#[test]
fn nobody_is_not_the_owner_unless_it_is_said() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    let run = rig.call(&["kv", "get", "secret/a"]).nobody().run();
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--owner"), "{run:?}");
    let words = ["kv", "get", "-field=x", "secret/a", "--owner"];
    assert_eq!(rig.call(&words).nobody().ok().out, "1");
    let empty = rig.call(&["kv", "get", "secret/a"]).token("").run();
    assert_eq!(empty.code, 2, "an empty token is none");
}

#[test]
fn a_wrapped_secret_is_read_once() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    let words = [
        "kv",
        "get",
        "-wrap-ttl=5m",
        "-field=wrapping_token",
        "secret/a",
    ];
    let token = rig.ok(&words).out;
    let run = rig
        .call(&["unwrap", "-format=json", "-"])
        .nobody()
        .input(&token)
        .ok();
    assert_eq!(run.json()["data"]["data"]["x"], "1");
    rig.call(&["unwrap", "-"])
        .nobody()
        .input(&token)
        .secret(&token)
        .fails(2);
}
