//! Check-and-set.

use serde_json::json;
use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, MetadataUpdate, VersionInfo};

use crate::common::{World, conflict, data, kind, put, put_many};

fn write(kv: &Kv, path: &str, cas: Cas) -> vaultcore::Result<VersionInfo> {
    kv.put(path, &json!({"by": "cas"}), cas)
}

fn require_cas(kv: &Kv, path: &str, required: bool) {
    kv.put_metadata(path, &MetadataUpdate::new().cas_required(required))
        .expect("metadata");
}

#[test]
fn a_write_must_name_the_newest_version() {
    let kv = World::new().kv();
    put_many(&kv, "a", 3);
    for wrong in [0, 1, 2, 4, u64::MAX] {
        assert_eq!(conflict(write(&kv, "a", Cas::Version(wrong))), (wrong, 3));
    }
    assert_eq!(data(&kv, "a"), json!({"n": 3}));
    assert_eq!(
        write(&kv, "a", Cas::Version(3)).expect("written").version,
        4
    );
}

#[test]
fn absent_is_version_zero() {
    let kv = World::new().kv();
    assert_eq!(write(&kv, "a", Cas::Absent).expect("written").version, 1);
    assert_eq!(
        write(&kv, "b", Cas::Version(0)).expect("written").version,
        1
    );
    assert_eq!(conflict(write(&kv, "a", Cas::Absent)), (0, 1));
    assert_eq!(conflict(write(&kv, "c", Cas::Version(1))), (1, 0));
}

#[test]
fn a_failed_check_creates_nothing() {
    let world = World::new();
    let kv = world.kv();
    conflict(write(&kv, "a", Cas::Version(1)));
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
    assert_eq!(kv.list("").expect("list"), Vec::<String>::new());
    assert_eq!(world.records(), 0);
}

#[test]
fn a_secret_with_metadata_only_is_absent() {
    let kv = World::new().kv();
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("metadata");
    assert_eq!(write(&kv, "a", Cas::Absent).expect("written").version, 1);
}

#[test]
fn a_deleted_secret_is_not_absent() {
    let kv = World::new().kv();
    put(&kv, "a", 1);
    kv.delete("a").expect("deleted");
    assert_eq!(conflict(write(&kv, "a", Cas::Absent)), (0, 1));
    kv.destroy("a", &[1]).expect("destroyed");
    assert_eq!(conflict(write(&kv, "a", Cas::Absent)), (0, 1));
    assert_eq!(
        write(&kv, "a", Cas::Version(1)).expect("written").version,
        2
    );
}

#[test]
fn a_removed_secret_is_absent() {
    let kv = World::new().kv();
    put_many(&kv, "a", 3);
    kv.delete_metadata("a").expect("removed");
    assert_eq!(write(&kv, "a", Cas::Absent).expect("written").version, 1);
}

#[test]
fn a_secret_that_requires_it_refuses_a_write_without() {
    let kv = World::new().kv();
    require_cas(&kv, "a", true);
    assert_eq!(kind(write(&kv, "a", Cas::Any)), ErrorKind::InvalidArgument);
    write(&kv, "a", Cas::Absent).expect("written");
    assert_eq!(kind(write(&kv, "a", Cas::Any)), ErrorKind::InvalidArgument);
    let patched = kv.patch("a", &json!({"x": 1}), Cas::Any);
    assert_eq!(kind(patched), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(kv.rollback("a", 1, Cas::Any)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kv.metadata("a").expect("metadata").current_version, 1);
    require_cas(&kv, "a", false);
    write(&kv, "a", Cas::Any).expect("no longer required");
}

#[test]
fn a_mount_that_requires_it_refuses_a_write_without() {
    let kv = World::new().kv();
    kv.configure(&KvConfigUpdate::new().cas_required(true))
        .expect("set");
    assert_eq!(kind(write(&kv, "a", Cas::Any)), ErrorKind::InvalidArgument);
    write(&kv, "a", Cas::Absent).expect("written");
    write(&kv, "a", Cas::Version(1)).expect("written");
}

#[test]
fn a_secret_can_not_relax_its_mount() {
    let kv = World::new().kv();
    kv.configure(&KvConfigUpdate::new().cas_required(true))
        .expect("set");
    require_cas(&kv, "a", false);
    assert_eq!(kind(write(&kv, "a", Cas::Any)), ErrorKind::InvalidArgument);
}

#[test]
fn deleting_needs_no_check() {
    let kv = World::new().kv();
    kv.configure(&KvConfigUpdate::new().cas_required(true))
        .expect("set");
    write(&kv, "a", Cas::Absent).expect("written");
    kv.delete("a").expect("deleted");
    kv.undelete("a", &[1]).expect("undeleted");
    kv.destroy("a", &[1]).expect("destroyed");
    kv.delete_metadata("a").expect("removed");
}
