//! What the storage holds afterwards: every record that should be there, and no other.

use std::sync::Arc;

use serde_json::{Value, json};
use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, MetadataUpdate};
use vaultcore::storage::Storage;

use crate::common::{Dying, World, data, kept, kind, kv_of, put, put_many};

fn limit(kv: &Kv, count: u32) {
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(count))
        .expect("metadata");
}

#[test]
fn from_a_thousand_versions_to_one() {
    let world = World::new();
    let kv = world.kv();
    limit(&kv, 1_000);
    put_many(&kv, "a", 1_001);
    assert_eq!((world.records(), kept(&kv, "a").len()), (1_000, 1_000));
    limit(&kv, 1);
    put(&kv, "a", 7);
    assert_eq!((world.records(), kept(&kv, "a")), (1, vec![1_002]));
    assert_eq!(data(&kv, "a"), json!({"n": 7}));
    limit(&kv, 3);
    put_many(&kv, "a", 5);
    assert_eq!(
        (world.records(), kept(&kv, "a")),
        (3, vec![1_005, 1_006, 1_007])
    );
    for (number, value) in [(1_005, 3), (1_006, 4), (1_007, 5)] {
        let found = kv.get_version::<Value>("a", number).expect("kept");
        assert_eq!(found.data, json!({ "n": value }));
    }
}

#[test]
fn three_hundred_versions_destroyed_at_once() {
    let world = World::new();
    let kv = world.kv();
    limit(&kv, 400);
    put_many(&kv, "a", 310);
    let numbers: Vec<u64> = (1..=300).collect();
    kv.destroy("a", &numbers).expect("destroyed");
    assert_eq!(world.records(), 10);
    let destroyed = kv.metadata("a").expect("metadata").versions;
    assert_eq!(destroyed.iter().filter(|info| info.destroyed).count(), 300);
    for number in 301..=310 {
        kv.get_version::<Value>("a", number).expect("kept");
    }
    put_many(&kv, "a", 20);
    assert_eq!(world.records(), 30);
}

#[test]
fn a_secret_of_500_versions_is_removed_whole() {
    let world = World::new();
    let kv = world.kv();
    limit(&kv, 500);
    put_many(&kv, "a", 500);
    put(&kv, "b", 1);
    kv.delete_metadata("a").expect("removed");
    assert_eq!((world.records(), world.work()), (1, 0));
    assert_eq!(data(&kv, "b"), json!({"n": 1}));
}

fn dying() -> (Arc<Dying>, World) {
    let storage = Dying::new();
    let world = World::on(Arc::clone(&storage) as Arc<dyn Storage>);
    (storage, world)
}

#[test]
fn an_interrupted_removal_is_finished_elsewhere() {
    for commits in 1..=4 {
        let (storage, world) = dying();
        let kv = world.kv();
        limit(&kv, 500);
        put_many(&kv, "a", 500);
        storage.die_after(commits);
        let _ = kv.delete_metadata("a"); // what it answers is another test's matter
        storage.revive();
        let other = world.other();
        assert_eq!(kind(kv_of(&other).metadata("a")), ErrorKind::NotFound);
        assert_eq!((world.records(), world.work()), (500 - commits * 100, 1));
        assert_eq!(other.tick().expect("tick"), 1);
        assert_eq!(
            (world.records(), world.work()),
            (0, 0),
            "after {commits} commits"
        );
        assert_eq!(other.tick().expect("tick"), 0);
    }
}

#[test]
fn an_interrupted_removal_leaves_a_new_secret_of_that_name_alone() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 300);
    put_many(&kv, "a", 300);
    storage.die_after(1);
    let _ = kv.delete_metadata("a");
    storage.revive();
    assert_eq!(put(&kv, "a", 9).version, 1);
    assert_eq!(world.other().tick().expect("tick"), 1);
    assert_eq!((world.records(), data(&kv, "a")), (1, json!({"n": 9})));
}

#[test]
fn an_interrupted_removal_that_never_began_changes_nothing() {
    let (storage, world) = dying();
    let kv = world.kv();
    put_many(&kv, "a", 3);
    storage.die_after(0);
    assert_eq!(kind(kv.delete_metadata("a")), ErrorKind::Unavailable);
    storage.revive();
    assert_eq!(
        (world.records(), world.work(), data(&kv, "a")),
        (3, 0, json!({"n": 3}))
    );
}

/// Two removals leave two pieces of work; another secret's removal must not disturb them.
#[test]
fn interrupted_removals_do_not_mix() {
    let (storage, world) = dying();
    let kv = world.kv();
    kv.configure(&KvConfigUpdate::new().max_versions(250))
        .expect("set");
    for path in ["a", "b"] {
        put_many(&kv, path, 250);
        storage.die_after(1);
        let _ = kv.delete_metadata(path);
        storage.revive();
    }
    put(&kv, "c", 1);
    assert_eq!((world.records(), world.work()), (301, 2));
    assert_eq!(world.other().tick().expect("tick"), 2);
    assert_eq!((world.records(), world.work()), (1, 0));
}

#[test]
fn an_interrupted_sweep_is_finished_by_the_next_write() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 400);
    put_many(&kv, "a", 400);
    limit(&kv, 1);
    storage.die_after(1);
    let _ = kv.put("a", &json!({"n": 7}), Cas::Any);
    storage.revive();
    assert_eq!(kept(&kv, "a"), [401]);
    assert_eq!(data(&kv, "a"), json!({"n": 7}));
    assert!(world.records() > 1);
    let other = kv_of(&world.other());
    put(&other, "a", 8);
    assert_eq!((world.records(), kept(&other, "a")), (1, vec![402]));
}

/// The version was written, and a caller who is told otherwise writes it twice.
#[test]
fn a_write_succeeds_though_its_sweep_is_interrupted() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 150);
    put_many(&kv, "a", 150);
    limit(&kv, 1);
    storage.die_after(1);
    let info = kv
        .put("a", &json!({"n": 7}), Cas::Version(150))
        .expect("written");
    assert_eq!(info.version, 151);
    storage.revive();
    limit(&kv, 150);
    put_many(&kv, "a", 149);
    limit(&kv, 1);
    storage.die_after(1);
    let done = kv.transaction(|tx| tx.put("a", &json!({"n": 8}), Cas::Any));
    assert_eq!(done.expect("written")[0].version, 301);
    storage.revive();
    put(&kv, "a", 9);
    assert_eq!((world.records(), data(&kv, "a")), (1, json!({"n": 9})));
}

#[test]
fn an_interrupted_destruction_is_finished_by_calling_it_again() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 400);
    put_many(&kv, "a", 400);
    let all: Vec<u64> = (1..=400).collect();
    storage.die_after(1);
    assert_eq!(kind(kv.destroy("a", &all)), ErrorKind::Indeterminate);
    storage.revive();
    assert_eq!(
        world.records(),
        300,
        "the data is still there, and the caller knows"
    );
    kv_of(&world.other()).destroy("a", &all).expect("destroyed");
    assert_eq!(world.records(), 0);
}

#[test]
fn a_delete_does_not_answer_for_what_an_earlier_call_left() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 400);
    put_many(&kv, "a", 400);
    let all: Vec<u64> = (1..=399).collect();
    storage.die_after(1);
    assert_eq!(kind(kv.destroy("a", &all)), ErrorKind::Indeterminate);
    storage.revive();
    storage.die_after(1);
    kv.delete("a")
        .expect("it is deleted, though old data could not be");
    storage.revive();
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    world.vault.tick().expect("the rest");
    assert_eq!(world.records(), 1);
}

#[test]
fn doomed_records_go_with_the_secret() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 400);
    put_many(&kv, "a", 400);
    storage.die_after(1);
    let _ = kv.destroy("a", &(1..=400).collect::<Vec<_>>());
    storage.revive();
    assert_eq!(world.records(), 300);
    kv.delete_metadata("a").expect("removed");
    assert_eq!((world.records(), world.work()), (0, 0));
}

/// A write changes data, versions and metadata in one commit: there is no state in between.
#[test]
fn a_write_that_prunes_does_not_tear() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, 3);
    put_many(&kv, "a", 3);
    limit(&kv, 2);
    let before = kv.metadata("a").expect("metadata");
    storage.die_after(0);
    let write = || kv.put("a", &json!({"n": 4}), Cas::Version(3));
    assert_eq!(kind(write()), ErrorKind::Unavailable);
    assert_eq!(
        (kv.metadata("a").expect("metadata"), world.records()),
        (before, 3)
    );
    storage.die_after(1);
    assert_eq!(write().expect("one commit").version, 4);
    assert_eq!((kept(&kv, "a"), world.records()), (vec![3, 4], 2));
    assert_eq!(data(&kv, "a"), json!({"n": 4}));
}

#[test]
fn a_transaction_is_one_commit() {
    let (storage, world) = dying();
    let kv = world.kv();
    let write = || {
        kv.transaction(|tx| {
            (0..50).try_for_each(|n| tx.put(&format!("s{n}"), &json!({}), Cas::Absent))
        })
    };
    storage.die_after(0);
    assert_eq!(kind(write()), ErrorKind::Unavailable);
    assert_eq!((kv.list("").expect("list").len(), world.records()), (0, 0));
    storage.die_after(1);
    write().expect("one commit");
    assert_eq!(
        (kv.list("").expect("list").len(), world.records()),
        (50, 50)
    );
}

#[test]
fn a_refused_call_writes_nothing() {
    let world = World::new();
    let kv = world.kv();
    put(&kv, "a", 1);
    let before = world
        .storage
        .change_mark()
        .expect("mark")
        .expect("Memory tells");
    let _ = kv.put("a", &json!({}), Cas::Version(9));
    let _ = kv.put("a", &json!([]), Cas::Any);
    let _ = kv.patch("b", &json!({}), Cas::Any);
    let _ = kv.rollback("a", 9, Cas::Any);
    let _ = kv.destroy("b", &[1]);
    let _ = kv.put_metadata("a", &MetadataUpdate::new().max_versions(1_001));
    let _ = kv.configure(&KvConfigUpdate::new().max_versions(1_001));
    kv.delete("b").expect("nothing to do");
    kv.delete_metadata("b").expect("nothing to do");
    kv.delete_versions("a", &[9]).expect("nothing to do");
    kv.get::<Value>("a").expect("read");
    kv.metadata("a").expect("metadata");
    kv.list("").expect("list");
    let after = world
        .storage
        .change_mark()
        .expect("mark")
        .expect("Memory tells");
    assert_eq!(before, after);
}
