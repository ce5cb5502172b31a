//! Version 1: one value a secret.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, KvV1, MAX_VALUE};
use vaultcore::{ErrorKind, NewMount};

use crate::common::{World, kind};

fn one() -> (World, KvV1) {
    let world = World::new();
    let owner = world.owner();
    owner.sys().mount("one", NewMount::kv1()).expect("mounted");
    let kv = owner.kv_v1("one").expect("path");
    (world, kv)
}

#[test]
fn a_write_replaces_and_a_read_returns() {
    let (world, kv) = one();
    kv.put("a", &json!({"x": 1, "y": 2})).expect("written");
    kv.put("a", &json!({"x": 3})).expect("written");
    assert_eq!(kv.get::<Value>("a").expect("read"), json!({"x": 3}));
    assert_eq!(world.count("ns/root/kv-one/"), 1);
}

#[test]
fn a_removed_secret_is_gone() {
    let (world, kv) = one();
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    kv.put("a", &json!({"x": 1})).expect("written");
    kv.delete("a").expect("removed");
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    kv.delete("a").expect("nothing to do");
    assert_eq!(world.count("ns/root/kv-one/"), 0);
    kv.put("a", &json!({"x": 2})).expect("written anew");
    assert_eq!(kv.get::<Value>("a").expect("read"), json!({"x": 2}));
}

#[test]
fn lists_show_one_level() {
    let (_world, kv) = one();
    for path in ["b", "a", "c/d", "c", "c/e/f"] {
        kv.put(path, &json!({"at": path})).expect("written");
    }
    assert_eq!(kv.list("").expect("list"), ["a", "b", "c", "c/"]);
    assert_eq!(kv.list("c").expect("list"), ["d", "e/"]);
    assert_eq!(
        kv.get::<Value>("c/e/f").expect("read"),
        json!({"at": "c/e/f"})
    );
    assert_eq!(kv.list("none").expect("list"), Vec::<String>::new());
}

#[test]
fn values_and_paths_have_the_same_limits() {
    let (_world, kv) = one();
    let value = |size: usize| BTreeMap::from([("a", "x".repeat(size - 8))]);
    kv.put("a", &value(MAX_VALUE)).expect("fits");
    assert_eq!(
        kv.get::<Value>("a").expect("read")["a"]
            .as_str()
            .expect("text")
            .len(),
        MAX_VALUE - 8
    );
    assert_eq!(
        kind(kv.put("a", &value(MAX_VALUE + 1))),
        ErrorKind::TooLarge
    );
    assert_eq!(kind(kv.put("a", &json!([1]))), ErrorKind::InvalidArgument);
    for bad in ["", "a/", "/a", "a//b", ".."] {
        assert_eq!(kind(kv.put(bad, &json!({}))), ErrorKind::InvalidArgument);
        assert_eq!(kind(kv.get::<Value>(bad)), ErrorKind::InvalidArgument);
        assert_eq!(kind(kv.delete(bad)), ErrorKind::InvalidArgument);
    }
}

#[test]
fn the_two_versions_do_not_mix() {
    let (world, kv) = one();
    let owner = world.owner();
    let wrong = owner.kv("one").expect("path");
    assert_eq!(
        kind(wrong.put("a", &json!({}), Cas::Any)),
        ErrorKind::NotFound
    );
    assert_eq!(kind(wrong.config()), ErrorKind::NotFound);
    let wrong = owner.kv_v1("secret").expect("path");
    assert_eq!(kind(wrong.put("a", &json!({}))), ErrorKind::NotFound);
    assert_eq!(kind(wrong.list("")), ErrorKind::NotFound);
    kv.put("a", &json!({"x": 1})).expect("written");
    assert_eq!(kind(world.kv().get::<Value>("a")), ErrorKind::NotFound);
}

#[test]
fn it_outlives_rotation_and_sealing() {
    let (world, kv) = one();
    kv.put("a", &json!({"x": 1})).expect("written");
    let sys = world.owner().sys();
    sys.rotate().expect("rotated");
    kv.put("b", &json!({"x": 2})).expect("written");
    assert_eq!(sys.rewrap_all(|_| Ok(())).expect("rewrapped"), 1);
    kv.put("c", &json!({"x": 3})).expect("written");
    sys.rotate().expect("rotated");
    kv.delete("c").expect("removed");
    world.vault.seal().expect("sealed");
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::Sealed);
    world.unseal(&world.vault);
    assert_eq!(kv.get::<Value>("a").expect("read"), json!({"x": 1}));
    assert_eq!(kv.get::<Value>("b").expect("read"), json!({"x": 2}));
}
