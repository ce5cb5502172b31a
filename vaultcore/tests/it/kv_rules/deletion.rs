//! Deleting, undeleting, destroying, and reading what is left.

use serde_json::{Value, json};
use vaultcore::kv::{Kv, MetadataUpdate};
use vaultcore::{ErrorKind, Timestamp};

use crate::common::{World, data, kept, kind, put, put_many};

/// What became of each version: live, deleted or destroyed.
fn states(kv: &Kv, now: Timestamp) -> Vec<&'static str> {
    let state = |info: &vaultcore::kv::VersionInfo| match (info.destroyed, info.deleted(now)) {
        (true, _) => "destroyed",
        (false, true) => "deleted",
        (false, false) => "live",
    };
    kv.metadata("a")
        .expect("metadata")
        .versions
        .iter()
        .map(state)
        .collect()
}

fn three() -> (World, Kv) {
    let world = World::new();
    let kv = world.kv();
    put_many(&kv, "a", 3);
    (world, kv)
}

#[test]
fn delete_marks_the_newest_version_only() {
    let (world, kv) = three();
    kv.delete("a").expect("deleted");
    assert_eq!(states(&kv, world.now()), ["live", "live", "deleted"]);
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(
        kv.get_version::<Value>("a", 2).expect("alive").data,
        json!({"n": 2})
    );
    assert_eq!(world.records(), 3, "the data stays until it is destroyed");
}

#[test]
fn delete_is_a_no_op_on_what_is_deleted() {
    let (world, kv) = three();
    kv.delete("a").expect("deleted");
    let before = kv.metadata("a").expect("metadata");
    world.advance(10);
    kv.delete("a").expect("nothing to do");
    assert_eq!(kv.metadata("a").expect("metadata"), before);
    kv.destroy("a", &[3]).expect("destroyed");
    let before = kv.metadata("a").expect("metadata");
    world.advance(10);
    kv.delete("a").expect("nothing to do");
    assert_eq!(kv.metadata("a").expect("metadata"), before);
}

#[test]
fn delete_is_a_no_op_on_what_is_not_there() {
    let kv = World::new().kv();
    kv.delete("a").expect("nothing to do");
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("metadata");
    kv.delete("a").expect("nothing to do");
    assert!(kept(&kv, "a").is_empty());
}

#[test]
fn versions_are_deleted_and_undeleted_by_number() {
    let (world, kv) = three();
    kv.delete_versions("a", &[3, 1, 3, 9]).expect("deleted");
    assert_eq!(states(&kv, world.now()), ["deleted", "live", "deleted"]);
    kv.undelete("a", &[1, 9]).expect("undeleted");
    assert_eq!(states(&kv, world.now()), ["live", "live", "deleted"]);
    kv.undelete("a", &[1, 2, 3]).expect("undeleted");
    assert_eq!(data(&kv, "a"), json!({"n": 3}));
}

#[test]
fn undelete_does_not_change_a_live_version() {
    let (world, kv) = three();
    let before = kv.metadata("a").expect("metadata");
    world.advance(5);
    kv.undelete("a", &[1, 2, 3]).expect("nothing to do");
    assert_eq!(kv.metadata("a").expect("metadata"), before);
}

#[test]
fn destroy_removes_the_data_and_keeps_the_metadata() {
    let (world, kv) = three();
    let before = kv.metadata("a").expect("metadata").versions;
    kv.destroy("a", &[2, 2, 9]).expect("destroyed");
    assert_eq!(states(&kv, world.now()), ["live", "destroyed", "live"]);
    let after = kv.metadata("a").expect("metadata").versions;
    assert_eq!(after[1].created_time, before[1].created_time);
    assert_eq!(after[1].deletion_time, None);
    assert_eq!(world.records(), 2);
    assert_eq!(kind(kv.get_version::<Value>("a", 2)), ErrorKind::NotFound);
}

#[test]
fn a_destroyed_version_stays_destroyed() {
    let (world, kv) = three();
    kv.destroy("a", &[2]).expect("destroyed");
    kv.undelete("a", &[2]).expect("passed over");
    kv.delete_versions("a", &[2]).expect("passed over");
    kv.destroy("a", &[2]).expect("passed over");
    assert_eq!(states(&kv, world.now()), ["live", "destroyed", "live"]);
    assert_eq!(
        kv.metadata("a").expect("metadata").versions[1].deletion_time,
        None
    );
}

#[test]
fn a_deleted_version_can_be_destroyed() {
    let (world, kv) = three();
    kv.delete_versions("a", &[1]).expect("deleted");
    kv.destroy("a", &[1]).expect("destroyed");
    assert_eq!(states(&kv, world.now()), ["destroyed", "live", "live"]);
    assert_eq!(world.records(), 2);
}

#[test]
fn lists_of_versions_need_a_number_and_a_secret() {
    let (_world, kv) = three();
    type Call = fn(&Kv, &str, &[u64]) -> vaultcore::Result<()>;
    let calls: [Call; 3] = [Kv::delete_versions, Kv::undelete, Kv::destroy];
    for call in calls {
        assert_eq!(kind(call(&kv, "a", &[])), ErrorKind::InvalidArgument);
        assert_eq!(kind(call(&kv, "b", &[1])), ErrorKind::NotFound);
        call(&kv, "a", &[0, 4, u64::MAX]).expect("unknown numbers are passed over");
        call(&kv, "a", &[9; 1_000]).expect("as many as a secret may have");
        assert_eq!(kind(call(&kv, "a", &[1; 1_001])), ErrorKind::TooLarge);
    }
    assert_eq!(data(&kv, "a"), json!({"n": 3}));
}

#[test]
fn delete_metadata_removes_everything_and_numbering_starts_over() {
    let (world, kv) = three();
    kv.put_metadata("a", &MetadataUpdate::new().custom("team", "web"))
        .expect("metadata");
    kv.destroy("a", &[1]).expect("destroyed");
    kv.delete_metadata("a").expect("removed");
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(kv.list("").expect("list"), Vec::<String>::new());
    assert_eq!((world.records(), world.work()), (0, 0));
    assert_eq!(put(&kv, "a", 9).version, 1);
    let metadata = kv.metadata("a").expect("metadata");
    assert!(metadata.custom_metadata.is_empty());
    assert_eq!(metadata.oldest_version, 0);
    kv.delete_metadata("b").expect("nothing to do");
}

#[test]
fn reading_tells_what_became_of_a_version() {
    let (_world, kv) = three();
    kv.delete_versions("a", &[1]).expect("deleted");
    kv.destroy("a", &[2]).expect("destroyed");
    let said = |path: &str, version| {
        let error = kv.get_version::<Value>(path, version).expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        error.to_string()
    };
    assert!(said("a", 1).contains("version 1 of the secret is deleted"));
    assert!(said("a", 2).contains("version 2 of the secret is destroyed"));
    assert!(said("a", 4).contains("no such version"));
    assert!(said("b", 1).contains("no such secret"));
}

#[test]
fn a_destroyed_version_is_called_destroyed_even_if_it_was_deleted() {
    let (_world, kv) = three();
    kv.delete("a").expect("deleted");
    kv.destroy("a", &[3]).expect("destroyed");
    let error = kv.get::<Value>("a").expect_err("gone");
    assert!(error.to_string().contains("destroyed"), "{error}");
}

#[test]
fn version_zero_is_the_newest() {
    let (_world, kv) = three();
    assert_eq!(kv.get_version::<Value>("a", 0).expect("newest").version, 3);
    kv.delete("a").expect("deleted");
    assert_eq!(kind(kv.get_version::<Value>("a", 0)), ErrorKind::NotFound);
    assert_eq!(kv.get_version::<Value>("a", 2).expect("older").version, 2);
}

#[test]
fn a_secret_with_metadata_only_has_nothing_to_read() {
    let kv = World::new().kv();
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("metadata");
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.get_version::<Value>("a", 0)), ErrorKind::NotFound);
    assert_eq!(kind(kv.subkeys("a", 0, 0)), ErrorKind::NotFound);
}

#[test]
fn a_read_comes_with_the_times_and_notes_of_its_version() {
    let world = World::new();
    let kv = world.kv();
    let first = world.now();
    put(&kv, "a", 1);
    world.advance(7);
    put(&kv, "a", 2);
    kv.patch_metadata("a", &MetadataUpdate::new().custom("team", "web"))
        .expect("metadata");
    let old = kv.get_version::<Value>("a", 1).expect("kept");
    assert_eq!(
        (old.version, old.created_time, old.deletion_time),
        (1, first, None)
    );
    assert_eq!(old.custom_metadata["team"], "web");
    assert_eq!(
        kv.get::<Value>("a").expect("newest").created_time,
        world.now()
    );
}
