//! Versions that are deleted by themselves.

use std::time::Duration;

use serde_json::Value;
use vaultcore::kv::{Cas, DeleteAfter, Kv, KvConfigUpdate, MetadataUpdate};
use vaultcore::{ErrorKind, Timestamp};

use crate::common::{START, World, kind, put};

fn on_mount(kv: &Kv, after: DeleteAfter) {
    kv.configure(&KvConfigUpdate::new().delete_version_after(after))
        .expect("configured");
}

fn seconds(number: u64) -> DeleteAfter {
    DeleteAfter::Duration(Duration::from_secs(number))
}

fn on_secret(kv: &Kv, path: &str, number: u64) {
    let update = MetadataUpdate::new().delete_version_after(Duration::from_secs(number));
    kv.put_metadata(path, &update).expect("metadata");
}

fn later(number: u64) -> Option<Timestamp> {
    Some(START.saturating_add(Duration::from_secs(number)))
}

#[test]
fn the_smaller_one_that_is_set_counts() {
    let kv = World::new().kv();
    let cases = [
        ("both, secret smaller", seconds(20), 10, later(10)),
        ("both, mount smaller", seconds(10), 20, later(10)),
        ("mount only", seconds(10), 0, later(10)),
        ("secret only", DeleteAfter::Unset, 10, later(10)),
        ("zero on the mount is unset", seconds(0), 10, later(10)),
        ("neither", DeleteAfter::Unset, 0, None),
    ];
    for (path, mount, secret, expected) in cases {
        on_mount(&kv, mount);
        on_secret(&kv, path, secret);
        assert_eq!(put(&kv, path, 1).deletion_time, expected, "{path}");
    }
}

#[test]
fn never_on_the_mount_beats_every_secret() {
    let kv = World::new().kv();
    on_mount(&kv, DeleteAfter::Never);
    on_secret(&kv, "a", 10);
    assert_eq!(put(&kv, "a", 1).deletion_time, None);
    let config = kv.config().expect("config");
    assert_eq!(config.delete_version_after, DeleteAfter::Never);
}

#[test]
fn zero_clears_it() {
    let kv = World::new().kv();
    on_secret(&kv, "a", 10);
    let after = |kv: &Kv| kv.metadata("a").expect("metadata").delete_version_after;
    assert_eq!(after(&kv), Some(Duration::from_secs(10)));
    on_secret(&kv, "a", 0);
    assert_eq!(after(&kv), None);
    assert_eq!(put(&kv, "a", 1).deletion_time, None);
    on_mount(&kv, seconds(10));
    on_mount(&kv, seconds(0));
    assert_eq!(
        kv.config().expect("config").delete_version_after,
        DeleteAfter::Unset
    );
    assert_eq!(put(&kv, "a", 2).deletion_time, None);
}

#[test]
fn it_is_stamped_when_a_version_is_written() {
    let world = World::new();
    let kv = world.kv();
    put(&kv, "a", 1);
    on_secret(&kv, "a", 10);
    world.advance(5);
    put(&kv, "a", 2);
    on_secret(&kv, "a", 1_000);
    let times: Vec<_> = kv.metadata("a").expect("metadata").versions;
    let times: Vec<_> = times.iter().map(|info| info.deletion_time).collect();
    assert_eq!(times, [None, later(15)]);
}

#[test]
fn a_version_is_gone_at_its_time_and_not_before() {
    let world = World::new();
    let kv = world.kv();
    on_secret(&kv, "a", 10);
    let info = put(&kv, "a", 1);
    world.set_wall(Timestamp::from_micros(
        later(10).expect("set").as_micros() - 1,
    ));
    assert!(!info.deleted(world.now()));
    assert_eq!(
        kv.get::<Value>("a").expect("alive").deletion_time,
        later(10)
    );
    world.set_wall(later(10).expect("set"));
    assert!(info.deleted(world.now()));
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.subkeys("a", 0, 0)), ErrorKind::NotFound);
    assert_eq!(kind(kv.rollback("a", 1, Cas::Any)), ErrorKind::NotFound);
}

#[test]
fn deleting_what_ran_out_keeps_its_time() {
    let world = World::new();
    let kv = world.kv();
    on_secret(&kv, "a", 10);
    put(&kv, "a", 1);
    world.advance(60);
    kv.delete("a").expect("nothing to do");
    kv.delete_versions("a", &[1]).expect("nothing to do");
    assert_eq!(
        kv.metadata("a").expect("metadata").versions[0].deletion_time,
        later(10)
    );
}

#[test]
fn deleting_what_would_run_out_later_takes_place_now() {
    let world = World::new();
    let kv = world.kv();
    on_secret(&kv, "a", 100);
    put(&kv, "a", 1);
    world.advance(3);
    kv.delete("a").expect("deleted");
    assert_eq!(
        kv.metadata("a").expect("metadata").versions[0].deletion_time,
        later(3)
    );
}

#[test]
fn undelete_gives_the_life_anew_from_now() {
    let world = World::new();
    let kv = world.kv();
    on_secret(&kv, "a", 10);
    put(&kv, "a", 1);
    world.advance(60);
    kv.undelete("a", &[1]).expect("undeleted");
    assert_eq!(
        kv.get::<Value>("a").expect("alive").deletion_time,
        later(70)
    );
    world.advance(4);
    kv.undelete("a", &[1])
        .expect("a live version gets it anew too");
    assert_eq!(
        kv.get::<Value>("a").expect("alive").deletion_time,
        later(74)
    );
    world.advance(10);
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
}

/// So does OpenBao: what an undelete names gets the life that is configured now.
#[test]
fn undelete_limits_a_version_that_had_no_limit() {
    let kv = World::new().kv();
    put(&kv, "a", 1);
    on_secret(&kv, "a", 10);
    kv.undelete("a", &[1]).expect("undeleted");
    assert_eq!(
        kv.get::<Value>("a").expect("alive").deletion_time,
        later(10)
    );
}

#[test]
fn undelete_lifts_a_limit_that_is_no_longer_set() {
    let kv = World::new().kv();
    on_secret(&kv, "a", 10);
    put(&kv, "a", 1);
    on_secret(&kv, "a", 0);
    kv.undelete("a", &[1]).expect("undeleted");
    assert_eq!(kv.get::<Value>("a").expect("alive").deletion_time, None);
}

#[test]
fn patch_and_rollback_stamp_it_as_put_does() {
    let world = World::new();
    let kv = world.kv();
    on_secret(&kv, "a", 10);
    put(&kv, "a", 1);
    world.advance(1);
    let patched = kv.patch("a", &serde_json::json!({"x": 1}), Cas::Any);
    assert_eq!(patched.expect("patched").deletion_time, later(11));
    world.advance(1);
    let back = kv.rollback("a", 1, Cas::Any).expect("rolled back");
    assert_eq!((back.version, back.deletion_time), (3, later(12)));
}

#[test]
fn the_longest_life_does_not_overflow() {
    let kv = World::new().kv();
    let update = MetadataUpdate::new().delete_version_after(Duration::from_micros(u64::MAX));
    kv.put_metadata("a", &update).expect("metadata");
    assert_eq!(
        put(&kv, "a", 1).deletion_time,
        Some(Timestamp::from_micros(u64::MAX))
    );
    let longer = MetadataUpdate::new().delete_version_after(Duration::MAX);
    assert_eq!(
        kind(kv.put_metadata("a", &longer)),
        ErrorKind::InvalidArgument
    );
    kv.get::<Value>("a").expect("alive");
}
