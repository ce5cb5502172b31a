//! Numbers of versions, and which versions are kept.

use serde_json::json;
use vaultcore::ErrorKind;
use vaultcore::kv::{KvConfigUpdate, MetadataUpdate};

use crate::common::{World, data, kept, kind, put, put_many};

#[test]
fn versions_start_at_one_and_go_up_by_one() {
    let kv = World::new().kv();
    let numbers: Vec<u64> = (0..4).map(|_| put(&kv, "a", 0).version).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(put(&kv, "b", 0).version, 1);
}

#[test]
fn a_number_is_never_used_again() {
    let kv = World::new().kv();
    put_many(&kv, "a", 3);
    kv.delete("a").expect("deleted");
    assert_eq!(put(&kv, "a", 4).version, 4);
    kv.destroy("a", &[4]).expect("destroyed");
    assert_eq!(put(&kv, "a", 5).version, 5);
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(1))
        .expect("metadata");
    assert_eq!(put(&kv, "a", 6).version, 6);
}

#[test]
fn ten_versions_are_kept_unless_told_otherwise() {
    let kv = World::new().kv();
    put_many(&kv, "a", 10);
    assert_eq!(kept(&kv, "a"), (1..=10).collect::<Vec<_>>());
    put(&kv, "a", 11);
    assert_eq!(kept(&kv, "a"), (2..=11).collect::<Vec<_>>());
}

#[test]
fn a_lower_limit_prunes_at_the_next_write_and_not_before() {
    let world = World::new();
    let kv = world.kv();
    put_many(&kv, "a", 5);
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(2))
        .expect("metadata");
    assert_eq!(kept(&kv, "a"), [1, 2, 3, 4, 5]);
    assert_eq!(world.records(), 5);
    assert_eq!(
        kv.get_version::<serde_json::Value>("a", 1)
            .expect("kept")
            .data,
        json!({"n": 1})
    );
    put(&kv, "a", 6);
    assert_eq!(kept(&kv, "a"), [5, 6]);
    assert_eq!(world.records(), 2);
}

#[test]
fn pruned_versions_are_unknown() {
    let kv = World::new().kv();
    put_many(&kv, "a", 12);
    assert_eq!(
        kind(kv.get_version::<serde_json::Value>("a", 2)),
        ErrorKind::NotFound
    );
    kv.undelete("a", &[1, 2])
        .expect("unknown numbers are passed over");
    assert_eq!(
        kind(kv.get_version::<serde_json::Value>("a", 2)),
        ErrorKind::NotFound
    );
}

#[test]
fn the_oldest_version_is_zero_until_one_is_pruned() {
    let kv = World::new().kv();
    let oldest = |kv: &vaultcore::kv::Kv| kv.metadata("a").expect("metadata").oldest_version;
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(3))
        .expect("metadata");
    for (write, expected) in [(1, 0), (2, 0), (3, 0), (4, 2), (5, 3)] {
        put(&kv, "a", write);
        assert_eq!(oldest(&kv), expected, "after write {write}");
    }
}

#[test]
fn the_oldest_version_stands_still_when_the_limit_is_raised() {
    let kv = World::new().kv();
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(2))
        .expect("metadata");
    put_many(&kv, "a", 4);
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(4))
        .expect("metadata");
    put(&kv, "a", 5);
    assert_eq!(kept(&kv, "a"), [3, 4, 5]);
    assert_eq!(kv.metadata("a").expect("metadata").oldest_version, 3);
}

#[test]
fn a_pruned_destroyed_version_leaves_its_place() {
    let world = World::new();
    let kv = world.kv();
    kv.configure(&KvConfigUpdate::new().max_versions(3))
        .expect("set");
    put_many(&kv, "a", 3);
    kv.destroy("a", &[1, 3]).expect("destroyed");
    assert_eq!(world.records(), 1);
    put_many(&kv, "a", 3);
    assert_eq!((kept(&kv, "a"), world.records()), (vec![4, 5, 6], 3));
    assert_eq!(data(&kv, "a"), json!({"n": 3}));
}

#[test]
fn the_mount_decides_where_the_secret_says_nothing() {
    let kv = World::new().kv();
    kv.configure(&KvConfigUpdate::new().max_versions(2))
        .expect("set");
    put_many(&kv, "a", 4);
    assert_eq!(kept(&kv, "a"), [3, 4]);
}

/// Unlike in Vault, where the larger one of the two counts.
#[test]
fn the_secret_overrides_its_mount_downwards_too() {
    let kv = World::new().kv();
    kv.configure(&KvConfigUpdate::new().max_versions(5))
        .expect("set");
    for (path, own, expected) in [("down", 2, 2), ("up", 8, 8), ("same", 0, 5)] {
        kv.put_metadata(path, &MetadataUpdate::new().max_versions(own))
            .expect("metadata");
        put_many(&kv, path, 10);
        assert_eq!(kept(&kv, path).len(), expected, "{path}");
    }
}

#[test]
fn limits_are_exact_on_mount_and_secret() {
    let kv = World::new().kv();
    for count in [0, 1, 999, 1_000] {
        kv.configure(&KvConfigUpdate::new().max_versions(count))
            .expect("mount");
        kv.put_metadata("a", &MetadataUpdate::new().max_versions(count))
            .expect("secret");
    }
    for count in [1_001, u32::MAX] {
        let mount = kv.configure(&KvConfigUpdate::new().max_versions(count));
        assert_eq!(kind(mount), ErrorKind::InvalidArgument);
        let secret = kv.put_metadata("a", &MetadataUpdate::new().max_versions(count));
        assert_eq!(kind(secret), ErrorKind::InvalidArgument);
    }
    assert_eq!(kv.config().expect("config").max_versions, 1_000);
    assert_eq!(kv.metadata("a").expect("metadata").max_versions, 1_000);
}

#[test]
fn the_limit_may_change_at_any_time() {
    let world = World::new();
    let kv = world.kv();
    let mut written = 0;
    let mut have = 0;
    for limit in [1, 3, 2, 7, 1, 120, 5, 119, 1] {
        kv.put_metadata("a", &MetadataUpdate::new().max_versions(limit))
            .expect("metadata");
        for _ in 0..limit + 2 {
            written += 1;
            have = (have + 1).min(u64::from(limit));
            put(&kv, "a", written);
            assert_eq!(
                kept(&kv, "a"),
                (written - have + 1..=written).collect::<Vec<_>>()
            );
            assert_eq!(
                world.records() as u64,
                have,
                "limit {limit}, write {written}"
            );
        }
        for number in kept(&kv, "a") {
            let found = kv.get_version::<serde_json::Value>("a", number);
            assert_eq!(found.expect("kept").data, json!({ "n": number }));
        }
    }
}
