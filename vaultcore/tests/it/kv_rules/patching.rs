//! Merge patch, rollback, and the shape of a version.

use serde_json::{Value, json};
use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, MAX_VALUE, MetadataUpdate};

use crate::common::{World, conflict, data, kind, put, put_many};

fn with(value: &Value) -> Kv {
    let kv = World::new().kv();
    kv.put("a", value, Cas::Absent).expect("written");
    kv
}

fn subkeys(kv: &Kv, version: u64, depth: usize) -> Value {
    let json = kv.subkeys("a", version, depth).expect("subkeys");
    serde_json::from_slice(json.expose()).expect("json")
}

#[test]
fn a_patch_merges_into_a_new_version() {
    let kv = with(&json!({"user": "app", "db": {"host": "x", "port": 1}}));
    let info = kv.patch("a", &json!({"db": {"port": 2}, "new": [1]}), Cas::Any);
    assert_eq!(info.expect("patched").version, 2);
    let expected = json!({"user": "app", "db": {"host": "x", "port": 2}, "new": [1]});
    assert_eq!(data(&kv, "a"), expected);
    let old = kv.get_version::<Value>("a", 1).expect("kept").data;
    assert_eq!(old["db"]["port"], 1);
}

#[test]
fn null_removes_a_field() {
    let kv = with(&json!({"a": 1, "b": {"c": 2, "d": 3}}));
    kv.patch(
        "a",
        &json!({"a": null, "b": {"c": null}, "x": null}),
        Cas::Any,
    )
    .expect("patched");
    assert_eq!(data(&kv, "a"), json!({"b": {"d": 3}}));
}

#[test]
fn an_empty_patch_writes_the_same_again() {
    let kv = with(&json!({"a": 1}));
    assert_eq!(
        kv.patch("a", &json!({}), Cas::Any)
            .expect("patched")
            .version,
        2
    );
    assert_eq!(data(&kv, "a"), json!({"a": 1}));
}

#[test]
fn a_patch_needs_a_live_newest_version() {
    let kv = World::new().kv();
    let patch = |kv: &Kv| kv.patch("a", &json!({"b": 1}), Cas::Any);
    assert_eq!(kind(patch(&kv)), ErrorKind::NotFound);
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("metadata");
    assert_eq!(kind(patch(&kv)), ErrorKind::NotFound);
    put_many(&kv, "a", 2);
    kv.delete("a").expect("deleted");
    assert_eq!(kind(patch(&kv)), ErrorKind::NotFound);
    kv.undelete("a", &[2]).expect("undeleted");
    kv.destroy("a", &[2]).expect("destroyed");
    assert_eq!(kind(patch(&kv)), ErrorKind::NotFound);
    assert_eq!(kv.metadata("a").expect("metadata").current_version, 2);
}

#[test]
fn a_patch_honours_check_and_set() {
    let kv = with(&json!({"a": 1}));
    let patch = |cas| kv.patch("a", &json!({"b": 1}), cas);
    assert_eq!(conflict(patch(Cas::Version(2))), (2, 1));
    assert_eq!(conflict(patch(Cas::Absent)), (0, 1));
    assert_eq!(patch(Cas::Version(1)).expect("patched").version, 2);
}

/// As in OpenBao: a caller who expects another version learns of that first.
#[test]
fn a_patch_of_a_deleted_version_checks_first() {
    let kv = with(&json!({"a": 1}));
    kv.delete("a").expect("deleted");
    let patch = |cas| kv.patch("a", &json!({"b": 1}), cas);
    assert_eq!(conflict(patch(Cas::Version(7))), (7, 1));
    assert_eq!(kind(patch(Cas::Version(1))), ErrorKind::NotFound);
    kv.patch_metadata("a", &MetadataUpdate::new().cas_required(true))
        .expect("metadata");
    assert_eq!(kind(patch(Cas::Any)), ErrorKind::InvalidArgument);
}

#[test]
fn a_patch_is_an_object_and_so_is_its_result() {
    let kv = with(&json!({"a": 1}));
    for bad in [json!([1]), json!("text"), json!(null), json!(1)] {
        assert_eq!(
            kind(kv.patch("a", &bad, Cas::Any)),
            ErrorKind::InvalidArgument
        );
    }
    assert_eq!(data(&kv, "a"), json!({"a": 1}));
}

#[test]
fn a_patch_may_not_make_a_secret_too_large() {
    let kv = with(&json!({"a": "x".repeat(MAX_VALUE - 100)}));
    let patch = json!({"b": "y".repeat(200)});
    assert_eq!(kind(kv.patch("a", &patch, Cas::Any)), ErrorKind::TooLarge);
    assert_eq!(kv.metadata("a").expect("metadata").current_version, 1);
}

#[test]
fn numbers_survive_a_patch() {
    let kv = with(&json!({"big": u64::MAX, "small": i64::MIN, "float": 0.1}));
    kv.patch("a", &json!({"x": 1}), Cas::Any).expect("patched");
    let expected = json!({"big": u64::MAX, "small": i64::MIN, "float": 0.1, "x": 1});
    assert_eq!(data(&kv, "a"), expected);
}

/// A patch that does not name a number must not round it.
#[test]
fn numbers_beyond_64_bits_survive_a_patch() {
    let kv = World::new().kv();
    let odd = br#"{"n":340282366920938463463374607431768211455,"f":0.10000000000000000555}"#;
    kv.put_json("a", odd, Cas::Any).expect("written");
    kv.patch("a", &json!({"x": 1}), Cas::Any).expect("patched");
    let json = kv.get_json("a").expect("read").data;
    let text = str::from_utf8(json.expose()).expect("text");
    assert!(
        text.contains("340282366920938463463374607431768211455"),
        "{text}"
    );
    assert!(text.contains("0.10000000000000000555"), "{text}");
}

#[test]
fn a_rollback_writes_old_data_as_a_new_version() {
    let kv = World::new().kv();
    put_many(&kv, "a", 3);
    assert_eq!(
        kv.rollback("a", 1, Cas::Version(3)).expect("back").version,
        4
    );
    assert_eq!(data(&kv, "a"), json!({"n": 1}));
    assert_eq!(conflict(kv.rollback("a", 1, Cas::Version(3))), (3, 4));
}

#[test]
fn a_rollback_needs_a_live_version() {
    let kv = World::new().kv();
    assert_eq!(kind(kv.rollback("a", 1, Cas::Any)), ErrorKind::NotFound);
    put_many(&kv, "a", 3);
    kv.delete_versions("a", &[1]).expect("deleted");
    kv.destroy("a", &[2]).expect("destroyed");
    for gone in [1, 2, 4] {
        assert_eq!(
            kind(kv.rollback("a", gone, Cas::Any)),
            ErrorKind::NotFound,
            "{gone}"
        );
    }
    assert_eq!(
        kind(kv.rollback("a", 0, Cas::Any)),
        ErrorKind::InvalidArgument
    );
    kv.delete("a").expect("deleted");
    kv.undelete("a", &[1]).expect("undeleted");
    assert_eq!(
        kv.rollback("a", 1, Cas::Any).expect("an older one").version,
        4
    );
}

/// The version that is rolled back to may be the one that the new version pushes out.
#[test]
fn a_rollback_to_the_version_that_it_prunes() {
    let kv = World::new().kv();
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(1))
        .expect("metadata");
    put(&kv, "a", 1);
    assert_eq!(kv.rollback("a", 1, Cas::Any).expect("back").version, 2);
    assert_eq!(data(&kv, "a"), json!({"n": 1}));
}

#[test]
fn subkeys_show_keys_to_a_depth() {
    let kv = with(&json!({"a": {"b": {"c": 1}}, "l": [{"x": 1}], "s": "secret"}));
    let one = json!({"a": null, "l": null, "s": null});
    let two = json!({"a": {"b": null}, "l": null, "s": null});
    let all = json!({"a": {"b": {"c": null}}, "l": null, "s": null});
    assert_eq!(subkeys(&kv, 0, 1), one);
    assert_eq!(subkeys(&kv, 0, 2), two);
    for depth in [0, 3, 4, usize::MAX] {
        assert_eq!(subkeys(&kv, 0, depth), all, "depth {depth}");
    }
}

/// OpenBao 2.7.2 answers null for an empty object, at every depth.
#[test]
fn an_empty_object_is_a_leaf() {
    let kv = with(&json!({"e": {}, "o": {"e": {}}}));
    assert_eq!(subkeys(&kv, 0, 0), json!({"e": null, "o": {"e": null}}));
    let kv = with(&json!({}));
    assert_eq!(subkeys(&kv, 0, 0), json!({}));
}

#[test]
fn subkeys_of_a_version_that_is_kept() {
    let kv = with(&json!({"old": 1}));
    kv.put("a", &json!({"new": 1}), Cas::Any).expect("written");
    assert_eq!(subkeys(&kv, 1, 0), json!({"old": null}));
    assert_eq!(subkeys(&kv, 2, 0), json!({"new": null}));
    kv.delete_versions("a", &[1]).expect("deleted");
    assert_eq!(kind(kv.subkeys("a", 1, 0)), ErrorKind::NotFound);
    assert_eq!(kind(kv.subkeys("a", 3, 0)), ErrorKind::NotFound);
    assert_eq!(kind(kv.subkeys("b", 0, 0)), ErrorKind::NotFound);
}

#[test]
fn numbers_that_no_float_holds_survive_a_patch() {
    let kv = World::new().kv();
    let json = br#"{"z":123456789012345678901,"rate":0.12345678901234567891,"in":{"a":1.50}}"#;
    kv.put_json("a", json, Cas::Any).expect("written");
    kv.patch("a", &json!({"in": {"b": 2}}), Cas::Any)
        .expect("patched");
    let now = kv.get_json("a").expect("read").data;
    let expected =
        r#"{"z":123456789012345678901,"rate":0.12345678901234567891,"in":{"a":1.50,"b":2}}"#;
    assert_eq!(str::from_utf8(now.expose()), Ok(expected));
}
