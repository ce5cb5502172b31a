//! What was found by the name of a secret is used again, and is never more than what is true.

use std::sync::Arc;
use std::time::Duration;

use super::Vault;
use super::open::OpenVault;
use crate::barrier::{Freshness, planted};
use crate::clock::{ManualClock, Timestamp};
use crate::engine::kv::{Cas, MetadataUpdate};
use crate::engine::sys::NewMount;
use crate::seal::NewSlot;
use crate::secret::SecretBytes;
use crate::session::{Kv, Session};
use crate::storage::{Memory, Sqlite, Storage};

/// A vault with two secrets.
struct World {
    vault: Vault,
    clock: Arc<ManualClock>,
    owner: Session,
    kv: Kv,
    _folder: Option<tempfile::TempDir>,
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[7; 32])
}

fn open(storage: Box<dyn Storage>, clock: &Arc<ManualClock>) -> Vault {
    let builder = Vault::builder(storage).clock(Arc::clone(clock));
    builder.build().expect("vault")
}

impl World {
    /// On a file that is this process's alone, on one that is not, and in memory.
    fn each() -> [Self; 3] {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("folder"));
        let [alone, shared] = folders;
        let own = Sqlite::exclusive(alone.path().join("vault")).expect("storage");
        let common = Sqlite::open(shared.path().join("vault")).expect("storage");
        let worlds = [
            Self::new(Box::new(own), Some(alone)),
            Self::new(Box::new(common), Some(shared)),
            Self::new(Box::new(Memory::new()), None),
        ];
        let counted = worlds.each_ref().map(Self::is_counted);
        assert_eq!(counted, [true, false, false]);
        worlds
    }

    /// Returns whether commits are counted, as on a storage that is this process's alone.
    fn is_counted(&self) -> bool {
        let freshness = self.vault.with_open(OpenVault::freshness);
        matches!(freshness, Ok(Freshness::Exclusive(_)))
    }

    fn new(storage: Box<dyn Storage>, folder: Option<tempfile::TempDir>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1 << 50)));
        let vault = open(storage, &clock);
        vault.init([NewSlot::key(key())]).expect("init");
        vault.unseal_key(&key()).expect("unsealed");
        let owner = vault.owner().expect("owner");
        let sys = owner.sys();
        sys.mount("secret", NewMount::kv2()).expect("mounted");
        let kv = owner.kv("secret").expect("path");
        for path in ["app", "other"] {
            for number in [1, 2] {
                put(&kv, path, number);
            }
        }
        Self {
            vault,
            clock,
            owner,
            kv,
            _folder: folder,
        }
    }

    /// Reads until what is found is used.
    fn warm(&self, path: &str) {
        let before = planted::USED.get();
        for _ in 0..8 {
            self.kv.get_json(path).expect("there");
        }
        assert!(planted::USED.get() > before + 1, "it is not used");
    }

    /// Returns what is read at `app`, as it is asked for some times: the version, and its JSON.
    fn reads(&self, version: u64) -> Vec<Option<(u64, String)>> {
        let read = || {
            let secret = self.kv.get_version_json("app", version).ok()?;
            let json = String::from_utf8(secret.data.expose().to_vec()).expect("text");
            Some((secret.version, json))
        };
        (0..4).map(|_| read()).collect()
    }
}

fn put(kv: &Kv, path: &str, number: u64) {
    let json = json(number);
    kv.put_json(path, json.as_bytes(), Cas::Any)
        .expect("written");
}

fn json(number: u64) -> String {
    format!("{{\"number\":{number}}}")
}

/// What is changed, and which version is read then, if any; it holds its number.
type Change = (&'static str, fn(&World), Option<u64>);

const CHANGES: [Change; 9] = [
    (
        "a version is added",
        |world| put(&world.kv, "app", 3),
        Some(3),
    ),
    (
        "another secret is written",
        |world| put(&world.kv, "other", 3),
        Some(2),
    ),
    (
        "the newest version is deleted",
        |world| world.kv.delete("app").expect("deleted"),
        None,
    ),
    (
        "it is brought back",
        |world| {
            world.kv.delete("app").expect("deleted");
            assert_eq!(world.reads(0), vec![None; 4]);
            world.kv.undelete("app", &[2]).expect("undeleted");
        },
        Some(2),
    ),
    (
        "it is destroyed",
        |world| world.kv.destroy("app", &[2]).expect("destroyed"),
        None,
    ),
    (
        "all of it is deleted, and it is written again",
        |world| {
            world.kv.delete_metadata("app").expect("deleted");
            put(&world.kv, "app", 1);
        },
        Some(1),
    ),
    (
        "it has secret metadata",
        |world| {
            let update = MetadataUpdate::new().custom("owner", "somebody");
            world.kv.put_metadata("app", &update).expect("written");
        },
        Some(2),
    ),
    (
        "the key of all records is rotated",
        |world| world.owner.sys().rotate().map(drop).expect("rotated"),
        Some(2),
    ),
    (
        "another mount is there",
        |world| {
            let sys = world.owner.sys();
            sys.remount("secret", "elsewhere").expect("moved");
            sys.mount("secret", NewMount::kv2()).expect("mounted");
            put(&world.kv, "app", 1);
        },
        Some(1),
    ),
];

#[test]
fn what_is_written_is_read() {
    for (what, change, left) in CHANGES {
        for world in World::each() {
            world.warm("app");
            change(&world);
            let expected = left.map(|number| (number, json(number)));
            assert_eq!(world.reads(0), vec![expected; 4], "{what}");
        }
    }
}

#[test]
fn each_version_is_the_one_that_was_asked_for() {
    for world in World::each() {
        world.warm("app");
        for version in [1, 0, 2, 0, 1, 2] {
            let number = if version == 0 { 2 } else { version };
            let expected = Some((number, json(number)));
            assert_eq!(world.reads(version), vec![expected; 4], "{version}");
        }
        assert_eq!(world.reads(3), vec![None; 4]);
    }
}

/// Nothing is written when its time comes.
#[test]
fn a_version_whose_time_has_come_is_gone() {
    for world in World::each() {
        let life = Duration::from_secs(60);
        let update = MetadataUpdate::new().delete_version_after(life);
        world.kv.put_metadata("app", &update).expect("written");
        put(&world.kv, "app", 3);
        world.warm("app");
        world.clock.advance(life);
        assert_eq!(world.reads(0), vec![None; 4]);
    }
}

/// Returns what is read of a secret that another process has written, by who has just read another one.
fn after_another_process() -> Option<(u64, String)> {
    let storage = Arc::new(Memory::new());
    let world = World::new(Box::new(Arc::clone(&storage)), None);
    let other = open(Box::new(storage), &world.clock);
    other.unseal_key(&key()).expect("unsealed");
    world.warm("app");
    let kv = other.owner().expect("owner").kv("secret").expect("path");
    put(&kv, "app", 3);
    world.warm("other");
    world.reads(0)[0].clone()
}

#[test]
fn what_another_process_wrote_is_read() {
    assert_eq!(after_another_process(), Some((3, json(3))));
    planted::TRUSTING.set(true);
    let wrong = after_another_process();
    planted::TRUSTING.set(false);
    assert_eq!(wrong, Some((2, json(2))), "the planted fault is found");
}

#[test]
fn threads_read_what_was_written_before() {
    for world in World::each() {
        world.warm("app");
        let newest = std::sync::atomic::AtomicU64::new(2);
        let order = std::sync::atomic::Ordering::SeqCst;
        std::thread::scope(|scope| {
            let readers = [(); 3].map(|()| {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 40 {
                        let least = newest.load(order);
                        let secret = world.kv.get_json("app").expect("there");
                        assert!(secret.version >= least.max(seen), "{}", secret.version);
                        let text = secret.data.expose();
                        assert_eq!(text, json(secret.version).as_bytes());
                        seen = secret.version;
                    }
                })
            });
            for number in 3..=40 {
                put(&world.kv, "app", number);
                newest.store(number, order);
            }
            for reader in readers {
                reader.join().expect("no panic");
            }
        });
        world.vault.seal().expect("sealed");
    }
}
