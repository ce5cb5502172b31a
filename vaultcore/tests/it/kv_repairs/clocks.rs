//! A deletion that was answered holds for every process, whatever its clock says.

use std::time::Duration;

use serde_json::Value;
use vaultcore::kv::{Cas, MetadataUpdate};
use vaultcore::{ErrorKind, Timestamp};

use crate::common::{World, data, kind, kv_of, put, put_many};

/// Sets the clock back by some seconds, as that of a process that is behind.
fn behind(world: &World, seconds: u64) {
    let now = world.now().as_micros();
    world.set_wall(Timestamp::from_micros(now - seconds * 1_000_000));
}

#[test]
fn a_delete_is_seen_by_a_clock_that_is_behind() {
    let world = World::new();
    let kv = world.kv();
    put_many(&kv, "a", 2);
    kv.delete("a").expect("deleted");
    behind(&world, 2);
    let other = kv_of(&world.other());
    assert_eq!(kind(other.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(kind(other.subkeys("a", 2, 0)), ErrorKind::NotFound);
    assert_eq!(kind(other.rollback("a", 2, Cas::Any)), ErrorKind::NotFound);
    let info = other.metadata("a").expect("metadata").versions[1];
    assert!(info.deleted(world.now()) && info.deleted(Timestamp::from_micros(0)));
    other.get_version::<Value>("a", 1).expect("alive");
}

#[test]
fn deletes_by_number_and_in_a_transaction_are_seen_too() {
    let world = World::new();
    let kv = world.kv();
    put(&kv, "a", 1);
    put(&kv, "b", 1);
    kv.delete_versions("a", &[1]).expect("deleted");
    kv.transaction(|tx| tx.delete("b", Cas::Version(1)))
        .expect("deleted");
    behind(&world, 2);
    for path in ["a", "b"] {
        assert_eq!(kind(kv.get::<Value>(path)), ErrorKind::NotFound, "{path}");
    }
}

#[test]
fn a_delete_of_what_had_run_out_holds_when_the_clock_goes_back() {
    let world = World::new();
    let kv = world.kv();
    let update = MetadataUpdate::new().delete_version_after(Duration::from_secs(10));
    kv.put_metadata("a", &update).expect("metadata");
    let ends = put(&kv, "a", 1).deletion_time;
    world.advance(11);
    kv.delete("a").expect("deleted");
    behind(&world, 5);
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    let info = kv.metadata("a").expect("metadata").versions[0];
    assert_eq!(info.deletion_time, ends, "it had run out before");
}

#[test]
fn an_undelete_lifts_the_mark_on_any_clock() {
    let world = World::new();
    let kv = world.kv();
    put(&kv, "a", 1);
    kv.delete("a").expect("deleted");
    behind(&world, 2);
    kv.undelete("a", &[1]).expect("undeleted");
    assert_eq!(data(&kv, "a"), serde_json::json!({"n": 1}));
    world.advance(100);
    assert_eq!(data(&kv, "a"), serde_json::json!({"n": 1}));
}
