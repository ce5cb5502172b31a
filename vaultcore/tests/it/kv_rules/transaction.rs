//! Many secrets at once, or none.

use serde_json::json;
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, MetadataUpdate};
use vaultcore::{Error, ErrorKind};

use crate::common::{World, conflict, data, kept, kind, put, put_many};

/// Everything that can be seen of a mount.
fn all(kv: &Kv) -> Vec<(String, vaultcore::kv::KvMetadata)> {
    let names = kv.list_recursive("").expect("list");
    let metadata = |name: String| (name.clone(), kv.metadata(&name).expect("metadata"));
    names.into_iter().map(metadata).collect()
}

#[test]
fn all_changes_are_made() {
    let kv = World::new().kv();
    put_many(&kv, "b", 2);
    put(&kv, "c", 1);
    let done = kv.transaction(|tx| {
        tx.put("a", &json!({"x": 1}), Cas::Absent)?;
        tx.put("b", &json!({"x": 2}), Cas::Version(2))?;
        tx.delete("c", Cas::Version(1))
    });
    let versions: Vec<u64> = done
        .expect("done")
        .iter()
        .map(|info| info.version)
        .collect();
    assert_eq!(versions, [1, 3, 1]);
    assert_eq!(
        (data(&kv, "a"), data(&kv, "b")),
        (json!({"x": 1}), json!({"x": 2}))
    );
    assert!(
        kv.metadata("c").expect("metadata").versions[0]
            .deletion_time
            .is_some()
    );
}

#[test]
fn one_failed_check_undoes_all() {
    let world = World::new();
    let kv = world.kv();
    put_many(&kv, "b", 2);
    put(&kv, "d", 1);
    let before = all(&kv);
    let names = ["a", "b", "c", "d"];
    for wrong in 0..names.len() {
        let done = kv.transaction(|tx| {
            for (index, name) in names.iter().enumerate() {
                let cas = if index == wrong {
                    Cas::Version(9)
                } else {
                    Cas::Any
                };
                match index {
                    3 => tx.delete(name, cas)?,
                    _ => tx.put(name, &json!({"x": 1}), cas)?,
                }
            }
            Ok(())
        });
        assert_eq!(conflict(done).0, 9);
        assert_eq!(all(&kv), before, "change {wrong}");
    }
    assert_eq!(world.records(), 3);
}

#[test]
fn a_required_check_is_required_here_too() {
    let kv = World::new().kv();
    kv.put_metadata("b", &MetadataUpdate::new().cas_required(true))
        .expect("metadata");
    let done = kv.transaction(|tx| {
        tx.put("a", &json!({}), Cas::Any)?;
        tx.put("b", &json!({}), Cas::Any)
    });
    assert_eq!(kind(done), ErrorKind::InvalidArgument);
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
    kv.configure(&KvConfigUpdate::new().cas_required(true))
        .expect("set");
    let done = kv.transaction(|tx| tx.put("a", &json!({}), Cas::Any));
    assert_eq!(kind(done), ErrorKind::InvalidArgument);
    kv.transaction(|tx| tx.put("a", &json!({}), Cas::Absent))
        .expect("done");
}

#[test]
fn fifty_secrets_and_no_more() {
    let world = World::new();
    let kv = world.kv();
    let write = |count: usize| {
        kv.transaction(|tx| {
            (0..count).try_for_each(|n| tx.put(&format!("s{n}"), &json!({ "n": n }), Cas::Any))
        })
    };
    assert_eq!(kind(write(51)), ErrorKind::LimitExceeded);
    assert_eq!(world.records(), 0);
    assert_eq!(write(50).expect("fifty").len(), 50);
    assert_eq!(world.records(), 50);
    assert_eq!(write(50).expect("again")[49].version, 2);
    assert_eq!(data(&kv, "s49"), json!({"n": 49}));
}

#[test]
fn fifty_secrets_that_all_prune() {
    let world = World::new();
    let kv = world.kv();
    for secret in 0..50 {
        put_many(&kv, &format!("s{secret}"), 5);
    }
    kv.configure(&KvConfigUpdate::new().max_versions(1))
        .expect("set");
    kv.transaction(|tx| {
        (0..50).try_for_each(|n| tx.put(&format!("s{n}"), &json!({"last": n}), Cas::Version(5)))
    })
    .expect("done");
    assert_eq!(world.records(), 50);
    for secret in 0..50 {
        assert_eq!(kept(&kv, &format!("s{secret}")), [6]);
        assert_eq!(data(&kv, &format!("s{secret}")), json!({"last": secret}));
    }
}

#[test]
fn a_secret_is_named_once() {
    let kv = World::new().kv();
    put(&kv, "a", 1);
    let twice = kv.transaction(|tx| {
        tx.put("a", &json!({}), Cas::Any)?;
        tx.put("a", &json!({}), Cas::Any)
    });
    assert_eq!(kind(twice), ErrorKind::InvalidArgument);
    let both = kv.transaction(|tx| {
        tx.put("a", &json!({}), Cas::Any)?;
        tx.delete("a", Cas::Any)
    });
    assert_eq!(kind(both), ErrorKind::InvalidArgument);
    assert_eq!(kv.metadata("a").expect("metadata").current_version, 1);
}

#[test]
fn too_large_in_all_changes_nothing() {
    let world = World::new();
    let kv = world.kv();
    let big = json!({"x": "y".repeat(30_000)});
    let write = |count: usize| {
        kv.transaction(|tx| (0..count).try_for_each(|n| tx.put(&format!("s{n}"), &big, Cas::Any)))
    };
    assert_eq!(kind(write(50)), ErrorKind::TooLarge);
    assert_eq!(world.records(), 0);
    assert_eq!(kv.list("").expect("list"), Vec::<String>::new());
    write(40).expect("1.2 MB fit");
}

#[test]
fn deleting_inside_needs_a_version() {
    let kv = World::new().kv();
    let delete = |path: &str, cas| kv.transaction(|tx| tx.delete(path, cas));
    assert_eq!(kind(delete("a", Cas::Any)), ErrorKind::NotFound);
    kv.put_metadata("a", &MetadataUpdate::new())
        .expect("metadata");
    assert_eq!(kind(delete("a", Cas::Any)), ErrorKind::NotFound);
    put_many(&kv, "a", 2);
    assert_eq!(conflict(delete("a", Cas::Version(1))), (1, 2));
    assert_eq!(delete("a", Cas::Version(2)).expect("deleted")[0].version, 2);
    assert_eq!(delete("a", Cas::Any).expect("nothing to do")[0].version, 2);
}

#[test]
fn the_closure_decides() {
    let kv = World::new().kv();
    let stopped = kv.transaction(|tx| {
        tx.put("a", &json!({}), Cas::Any)?;
        Err(Error::new(
            ErrorKind::Unsupported,
            "the caller changed its mind",
        ))
    });
    assert_eq!(kind(stopped), ErrorKind::Unsupported);
    let mut runs = 0;
    let refused = kv.transaction(|tx| {
        runs += 1;
        tx.put("a/", &json!({}), Cas::Any)
    });
    assert_eq!((kind(refused), runs), (ErrorKind::InvalidArgument, 1));
    assert!(kv.transaction(|_| Ok(())).expect("nothing").is_empty());
    assert_eq!(kv.list("").expect("list"), Vec::<String>::new());
}

#[test]
fn a_failed_write_can_not_be_swallowed_half() {
    let kv = World::new().kv();
    let done = kv.transaction(|tx| {
        assert!(tx.put("a", &json!([1]), Cas::Any).is_err());
        tx.put("b", &json!({}), Cas::Any)
    });
    assert_eq!(done.expect("what was collected is done").len(), 1);
    assert_eq!(kv.list("").expect("list"), ["b"]);
}
