//! What the stories share: a vault on a storage, whose clock stands still until it is moved.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, Kv, VersionInfo};
use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};
use vaultcore::{
    Clock, ClockReading, Error, ErrorKind, Init, ManualClock, NewMount, NewSlot, Result, Session,
    Timestamp, Vault,
};

/// When every story begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// A clock that the test keeps a hand on.
#[derive(Clone)]
pub(crate) struct SharedClock(Arc<ManualClock>);

impl SharedClock {
    /// Makes one that stands at [`START`].
    pub(crate) fn new() -> Self {
        Self(Arc::new(ManualClock::new(START)))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

impl Clock for SharedClock {
    fn read(&self) -> ClockReading {
        self.0.read()
    }
}

/// An unsealed vault with a version 2 mount at `secret`, and what stands behind it.
pub(crate) struct World {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) vault: Vault,
    clock: SharedClock,
    init: Init,
}

impl World {
    /// Makes a vault in memory.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(Memory::new()))
    }

    /// Makes a vault on `storage`, which is empty.
    pub(crate) fn on(storage: Arc<dyn Storage>) -> Self {
        let clock = SharedClock::new();
        let vault = build(&storage, &clock);
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("a new vault");
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let world = Self {
            storage,
            vault,
            clock,
            init,
        };
        let sys = world.owner().sys();
        sys.mount("secret", NewMount::kv2()).expect("mounted");
        world
    }

    /// Opens the same storage once more, as another process does.
    pub(crate) fn other(&self) -> Vault {
        let other = build(&self.storage, &self.clock);
        self.unseal(&other);
        other
    }

    pub(crate) fn unseal(&self, vault: &Vault) {
        vault.unseal(&self.init.shares()[0]).expect("unsealed");
    }

    pub(crate) fn owner(&self) -> Session {
        self.vault.owner().expect("unsealed")
    }

    pub(crate) fn kv(&self) -> Kv {
        kv_of(&self.vault)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.read().wall
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sets the clock, and says that it is right.
    pub(crate) fn set_wall(&self, wall: Timestamp) {
        self.clock.0.set_wall(wall);
        let confirmed = self.owner().sys().confirm_clock();
        assert_eq!(confirmed.expect("confirmed"), wall);
    }

    /// Lets the wall clock jump by some seconds, of which nobody says that it is right.
    pub(crate) fn jump(&self, seconds: i64) {
        let micros = seconds.unsigned_abs() * 1_000_000;
        let now = self.now().as_micros();
        let wall = match seconds {
            0.. => now + micros,
            _ => now - micros,
        };
        self.clock.0.set_wall(Timestamp::from_micros(wall));
    }

    /// Boots the machine again, for the `number`th time.
    pub(crate) fn reboot(&self, number: u8) {
        self.clock.0.reboot([number; 16]);
    }

    /// Counts the records of versions that the storage holds, in all mounts.
    pub(crate) fn records(&self) -> usize {
        self.count("ns/root/kv-data/")
    }

    /// Counts what is left to be finished by a tick.
    pub(crate) fn work(&self) -> usize {
        self.count("work/")
    }

    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.storage.scan(&Scan::new(prefix)).expect("scan").len()
    }
}

/// Returns the secrets at `secret` of an unsealed vault.
pub(crate) fn kv_of(vault: &Vault) -> Kv {
    vault.owner().expect("unsealed").kv("secret").expect("path")
}

fn build(storage: &Arc<dyn Storage>, clock: &SharedClock) -> Vault {
    let builder = Vault::builder(Arc::clone(storage)).clock(clock.clone());
    builder.build().expect("a vault")
}

/// Writes `{"n": number}` to `path`, whatever is there.
pub(crate) fn put(kv: &Kv, path: &str, number: u64) -> VersionInfo {
    let data = json!({ "n": number });
    kv.put(path, &data, Cas::Any).expect("written")
}

/// Writes `count` versions to `path`, with their numbers as data.
pub(crate) fn put_many(kv: &Kv, path: &str, count: u64) {
    for number in 1..=count {
        put(kv, path, number);
    }
}

/// Reads the newest version of `path` as a tree.
pub(crate) fn data(kv: &Kv, path: &str) -> Value {
    kv.get(path).expect("read").data
}

/// Returns the numbers of the versions that are kept.
pub(crate) fn kept(kv: &Kv, path: &str) -> Vec<u64> {
    let versions = kv.metadata(path).expect("metadata").versions;
    versions.iter().map(|info| info.version).collect()
}

/// Returns the kind of the error that `result` must be.
pub(crate) fn kind<T: Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("this must fail").kind()
}

/// Returns the two versions that the check-and-set conflict in `result` tells.
pub(crate) fn conflict<T: Debug>(result: Result<T>) -> (u64, u64) {
    let error: Error = result.expect_err("this must conflict");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    error.versions().expect("versions")
}

/// A storage that takes a number of commits and then none, as if the machine had gone.
pub(crate) struct Dying {
    inner: Memory,
    left: AtomicUsize,
}

impl Dying {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Memory::new(),
            left: AtomicUsize::new(usize::MAX),
        })
    }

    /// Takes `count` more commits that write, and refuses the rest.
    pub(crate) fn die_after(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }

    pub(crate) fn revive(&self) {
        self.die_after(usize::MAX);
    }
}

impl Storage for Dying {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let spend = |left: usize| left.checked_sub(1);
        if !batch.writes.is_empty()
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend)
                .is_err()
        {
            return Err(StorageError::Unavailable("the storage is gone", None));
        }
        self.inner.commit(batch)
    }
}
