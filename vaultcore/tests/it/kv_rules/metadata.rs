//! Metadata of secrets, and its limits.

use std::collections::BTreeMap;
use std::time::Duration;

use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, MetadataUpdate};

use crate::common::{World, kind, put};

fn custom(kv: &Kv) -> BTreeMap<String, String> {
    kv.metadata("a").expect("metadata").custom_metadata
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    entries.iter().map(owned).collect()
}

fn one(key: &str, value: &str) -> MetadataUpdate {
    MetadataUpdate::new().custom(key, value)
}

fn many(count: usize) -> MetadataUpdate {
    (0..count).fold(MetadataUpdate::new(), |update, number| {
        update.custom(number.to_string(), "value")
    })
}

#[test]
fn a_write_replaces_all_custom_metadata() {
    let kv = World::new().kv();
    kv.put_metadata("a", &one("x", "1").custom("y", "2"))
        .expect("written");
    kv.put_metadata("a", &one("z", "3")).expect("written");
    assert_eq!(custom(&kv), map(&[("z", "3")]));
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(3))
        .expect("written");
    assert_eq!(custom(&kv), map(&[("z", "3")]), "what is not named stays");
    kv.put_metadata("a", &MetadataUpdate::new().clear_custom())
        .expect("written");
    assert!(custom(&kv).is_empty());
}

#[test]
fn a_patch_merges_custom_metadata() {
    let kv = World::new().kv();
    kv.put_metadata("a", &one("x", "1").custom("y", "2"))
        .expect("written");
    kv.patch_metadata("a", &one("y", "3").custom("z", "4"))
        .expect("patched");
    assert_eq!(custom(&kv), map(&[("x", "1"), ("y", "3"), ("z", "4")]));
    kv.patch_metadata(
        "a",
        &MetadataUpdate::new()
            .remove_custom("x")
            .remove_custom("none"),
    )
    .expect("patched");
    assert_eq!(custom(&kv), map(&[("y", "3"), ("z", "4")]));
    kv.patch_metadata("a", &MetadataUpdate::new().clear_custom())
        .expect("patched");
    assert_eq!(custom(&kv), map(&[("y", "3"), ("z", "4")]));
}

#[test]
fn a_patch_needs_a_secret_and_a_write_does_not() {
    let kv = World::new().kv();
    assert_eq!(
        kind(kv.patch_metadata("a", &one("x", "1"))),
        ErrorKind::NotFound
    );
    kv.put_metadata("a", &one("x", "1")).expect("written");
    let metadata = kv.metadata("a").expect("metadata");
    assert_eq!((metadata.current_version, metadata.oldest_version), (0, 0));
    assert!(metadata.versions.is_empty());
    assert_eq!(kv.list("").expect("list"), ["a"]);
}

#[test]
fn sixty_four_keys_and_no_more() {
    let kv = World::new().kv();
    for count in [63, 64] {
        kv.put_metadata("a", &many(count))
            .expect("within the limit");
        assert_eq!(custom(&kv).len(), count);
    }
    assert_eq!(
        kind(kv.put_metadata("a", &many(65))),
        ErrorKind::LimitExceeded
    );
    assert_eq!(
        kind(kv.put_metadata("b", &many(65))),
        ErrorKind::LimitExceeded
    );
    assert_eq!(kind(kv.metadata("b")), ErrorKind::NotFound);
    // OpenBao lets a patch go beyond its own limit; what counts here is what would be stored.
    assert_eq!(
        kind(kv.patch_metadata("a", &one("x", "1"))),
        ErrorKind::LimitExceeded
    );
    kv.patch_metadata("a", &one("x", "1").remove_custom("0"))
        .expect("still 64");
    assert_eq!(custom(&kv).len(), 64);
}

#[test]
fn keys_have_1_to_128_bytes_and_values_1_to_512() {
    let kv = World::new().kv();
    let key = |length: usize| one(&"k".repeat(length), "v");
    let value = |length: usize| one("k", &"v".repeat(length));
    for good in [key(1), key(127), key(128), value(1), value(511), value(512)] {
        kv.put_metadata("a", &good).expect("within the limits");
    }
    for bad in [key(0), key(129), value(0), value(513)] {
        assert_eq!(kind(kv.put_metadata("a", &bad)), ErrorKind::InvalidArgument);
        assert_eq!(
            kind(kv.patch_metadata("a", &bad)),
            ErrorKind::InvalidArgument
        );
    }
    assert_eq!(custom(&kv), map(&[("k", &"v".repeat(512))]));
}

#[test]
fn limits_count_bytes_and_not_characters() {
    let kv = World::new().kv();
    let umlauts = |bytes: usize| "\u{e4}".repeat(bytes / 2);
    kv.put_metadata("a", &one(&umlauts(128), &umlauts(512)))
        .expect("fits");
    assert_eq!(
        kind(kv.put_metadata("a", &one(&umlauts(130), "v"))),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(kv.put_metadata("a", &one("k", &umlauts(514)))),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn custom_metadata_is_printable() {
    let kv = World::new().kv();
    for bad in ["a\nb", "\0", "\u{7f}", "\u{85}", "tab\t"] {
        assert_eq!(
            kind(kv.put_metadata("a", &one("k", bad))),
            ErrorKind::InvalidArgument
        );
        assert_eq!(
            kind(kv.put_metadata("a", &one(bad, "v"))),
            ErrorKind::InvalidArgument
        );
    }
    kv.put_metadata("a", &one("k \u{e9}", "\u{4e2d}\u{1f511} ~"))
        .expect("printable");
}

#[test]
fn a_refused_update_changes_nothing() {
    let world = World::new();
    let kv = world.kv();
    kv.put_metadata("a", &one("x", "1").max_versions(3))
        .expect("written");
    let before = kv.metadata("a").expect("metadata");
    world.advance(5);
    let bad = one("", "1").max_versions(7).cas_required(true);
    assert_eq!(kind(kv.put_metadata("a", &bad)), ErrorKind::InvalidArgument);
    assert_eq!(kv.metadata("a").expect("metadata"), before);
}

#[test]
fn an_update_changes_only_what_it_sets() {
    let kv = World::new().kv();
    let all = one("x", "1")
        .max_versions(3)
        .cas_required(true)
        .delete_version_after(Duration::from_secs(9));
    kv.put_metadata("a", &all).expect("written");
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("written");
    kv.patch_metadata("a", &MetadataUpdate::new())
        .expect("patched");
    let metadata = kv.metadata("a").expect("metadata");
    assert_eq!((metadata.max_versions, metadata.cas_required), (3, true));
    assert_eq!(metadata.delete_version_after, Some(Duration::from_secs(9)));
    assert_eq!(metadata.custom_metadata, map(&[("x", "1")]));
}

#[test]
fn times_tell_when_it_was_created_and_changed() {
    let world = World::new();
    let kv = world.kv();
    let times = || {
        let metadata = kv.metadata("a").expect("metadata");
        (metadata.created_time, metadata.updated_time)
    };
    let created = world.now();
    put(&kv, "a", 1);
    assert_eq!(times(), (created, created));
    type Change = fn(&Kv) -> vaultcore::Result<()>;
    let changes: [Change; 6] = [
        |kv| {
            kv.put("a", &serde_json::json!({}), vaultcore::kv::Cas::Any)
                .map(|_| ())
        },
        |kv| kv.put_metadata("a", &MetadataUpdate::new()),
        |kv| kv.patch_metadata("a", &MetadataUpdate::new()),
        |kv| kv.delete("a"),
        |kv| kv.undelete("a", &[2]),
        |kv| kv.destroy("a", &[2]),
    ];
    for change in changes {
        world.advance(1);
        change(&kv).expect("changed");
        assert_eq!(times(), (created, world.now()));
    }
    let changed = world.now();
    world.advance(1);
    kv.get_version::<serde_json::Value>("a", 1)
        .expect("reading changes nothing");
    assert_eq!(times(), (created, changed));
}

#[test]
fn metadata_counts_its_own_changes() {
    let kv = World::new().kv();
    let count = || kv.metadata("a").expect("metadata").current_metadata_version;
    put(&kv, "a", 1);
    assert_eq!(count(), 0);
    kv.put_metadata("a", &one("x", "1")).expect("written");
    assert_eq!(count(), 1);
    kv.patch_metadata("a", &one("x", "2")).expect("patched");
    put(&kv, "a", 2);
    kv.delete("a").expect("deleted");
    assert_eq!(count(), 2);
}

#[test]
fn metadata_may_be_written_with_the_version_it_expects() {
    let kv = World::new().kv();
    let write = |cas| kv.put_metadata("a", &one("x", "1").cas(cas));
    put(&kv, "a", 1);
    write(Cas::Absent).expect("metadata was never written");
    let refused = write(Cas::Version(0)).expect_err("it was now");
    assert_eq!(refused.versions(), Some((0, 1)));
    write(Cas::Version(1)).expect("the version there is");
    let patch = kv.patch_metadata("a", &one("x", "2").cas(Cas::Version(1)));
    assert_eq!(kind(patch), ErrorKind::Conflict);
    put(&kv, "a", 2); // moves the version of the data alone
    write(Cas::Version(2)).expect("the version there is");
}

#[test]
fn metadata_cas_may_be_required_by_secret_or_mount() {
    let kv = World::new().kv();
    let plain = || kv.put_metadata("a", &one("x", "1"));
    kv.put_metadata("a", &MetadataUpdate::new().metadata_cas_required(true))
        .expect("set");
    assert_eq!(kind(plain()), ErrorKind::InvalidArgument);
    let lift = MetadataUpdate::new()
        .metadata_cas_required(false)
        .cas(Cas::Version(1));
    kv.put_metadata("a", &lift).expect("lifted");
    plain().expect("not required");
    kv.configure(&KvConfigUpdate::new().metadata_cas_required(true))
        .expect("set");
    assert!(kv.config().expect("config").metadata_cas_required);
    assert_eq!(kind(plain()), ErrorKind::InvalidArgument);
    assert!(!kv.metadata("a").expect("metadata").metadata_cas_required);
    put(&kv, "a", 1); // data needs none
}
