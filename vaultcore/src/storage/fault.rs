//! A storage that fails when it is told to, for tests of what stands on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

/// Passes calls on to another storage, counts them, and fails one of them, or all from one on.
///
/// ```
/// use vaultcore::storage::{Batch, Call, EntryPath, Fault, Faulty, Memory, Storage};
/// let storage = Faulty::new(Memory::new());
/// let faults = storage.faults();
/// let path = EntryPath::new("sys/header")?;
/// let batch = Batch::new().put(path.clone(), b"value".to_vec());
///
/// faults.arm(Fault::once(1).of(&[Call::Commit]).with_effect());
/// assert!(storage.commit(&batch).is_err(), "the caller can not know");
/// assert!(storage.read(&[path])?[0].is_some(), "but it happened");
/// assert_eq!(faults.calls(), 2);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Debug)]
pub struct Faulty<S> {
    storage: S,
    faults: Faults,
}

/// The switch of a [`Faulty`], which may be kept and used after the storage was handed on.
///
/// ```
/// use vaultcore::storage::{Fault, Faulty, Memory};
/// use vaultcore::{ErrorKind, Vault};
/// let storage = Faulty::new(Memory::new());
/// let faults = storage.faults();
/// let vault = Vault::builder(storage).build()?;
/// faults.arm(Fault::from_call(1));
/// assert!(vault.status().is_err_and(|error| error.kind() == ErrorKind::Unavailable));
/// faults.disarm();
/// assert!(!vault.status()?.initialized());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    calls: AtomicU64,
    armed: Mutex<Option<Armed>>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// How many calls of the chosen kinds came since.
    seen: u64,
}

/// A method of [`Storage`] that can be made to fail.
///
/// ```
/// use vaultcore::storage::{Call, Fault};
/// let fault = Fault::once(1).of(&[Call::Read, Call::Scan]);
/// # let _ = fault;
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Storage::read`].
    Read,
    /// [`Storage::scan`].
    Scan,
    /// [`Storage::commit`].
    Commit,
}

/// Which calls fail, and how.
///
/// ```
/// use vaultcore::storage::{Call, Fault};
/// let third_commit = Fault::once(3).of(&[Call::Commit]);
/// let dead_from_the_second = Fault::from_call(2);
/// assert_ne!(third_commit, dead_from_the_second);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    first: u64,
    last: u64,
    calls: Vec<Call>,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing happens: `Unavailable`.
    Without,
    /// A commit happens, and its caller is told `Indeterminate`.
    With,
}

impl Fault {
    /// Fails call `number`, counted from one, and no other.
    #[must_use]
    pub fn once(number: u64) -> Self {
        Self::between(number, number)
    }

    /// Fails call `number`, counted from one, and every one behind it.
    #[must_use]
    pub fn from_call(number: u64) -> Self {
        Self::between(number, u64::MAX)
    }

    /// Counts and fails calls of these kinds only.
    #[must_use]
    pub fn of(mut self, calls: &[Call]) -> Self {
        self.calls = calls.to_vec();
        self
    }

    /// Lets a commit happen before it fails, as `Indeterminate`. Without this a call that fails
    /// does nothing, and is `Unavailable`, as reads and scans are in any case.
    #[must_use]
    pub fn with_effect(mut self) -> Self {
        self.effect = Effect::With;
        self
    }

    fn between(first: u64, last: u64) -> Self {
        Self {
            first,
            last,
            calls: vec![Call::Read, Call::Scan, Call::Commit],
            effect: Effect::Without,
        }
    }
}

impl Faults {
    /// Sets the fault that is to come. Its count begins now.
    pub fn arm(&self, fault: Fault) {
        *self.armed() = Some(Armed { fault, seen: 0 });
    }

    /// Lets all calls pass again.
    pub fn disarm(&self) {
        *self.armed() = None;
    }

    /// Returns how many reads, scans and commits there were, whether they failed or not.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Counts a call, and returns how it is to fail, if it is.
    fn strike(&self, call: Call) -> Option<Effect> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let mut armed = self.armed();
        let armed = armed
            .as_mut()
            .filter(|armed| armed.fault.calls.contains(&call))?;
        armed.seen = armed.seen.saturating_add(1);
        let struck = armed.fault.first..=armed.fault.last;
        struck.contains(&armed.seen).then_some(armed.fault.effect)
    }

    fn armed(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Storage> Faulty<S> {
    /// Wraps `storage`; every call passes until a fault is armed.
    pub fn new(storage: S) -> Self {
        Self {
            storage,
            faults: Faults::default(),
        }
    }

    /// Returns the switch.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn pass(&self, call: Call) -> Result<(), StorageError> {
        match self.faults.strike(call) {
            Some(_) => Err(planted()),
            None => Ok(()),
        }
    }
}

impl<S: Storage> Storage for Faulty<S> {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.pass(Call::Read)?;
        self.storage.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.pass(Call::Scan)?;
        self.storage.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        match self.faults.strike(Call::Commit) {
            None => self.storage.commit(batch),
            Some(Effect::Without) => Err(planted()),
            Some(Effect::With) => {
                self.storage.commit(batch)?;
                Err(StorageError::Indeterminate("a planted fault", None))
            }
        }
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.storage.change_mark()
    }

    fn exclusive(&self) -> bool {
        self.storage.exclusive()
    }
}

fn planted() -> StorageError {
    StorageError::Unavailable("a planted fault", None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Memory;

    fn path() -> EntryPath {
        EntryPath::new("a").expect("path")
    }

    fn batch() -> Batch {
        Batch::new().put(path(), b"x".to_vec())
    }

    fn is_there(storage: &dyn Storage) -> bool {
        storage.read(&[path()]).expect("read")[0].is_some()
    }

    #[test]
    fn one_call_fails_without_effect() {
        let storage = Faulty::new(Memory::new());
        storage.faults().arm(Fault::once(2));
        assert!(!is_there(&storage));
        let answer = storage.commit(&batch());
        assert!(
            matches!(answer, Err(StorageError::Unavailable(..))),
            "{answer:?}"
        );
        assert!(!is_there(&storage));
        assert!(storage.commit(&batch()).is_ok());
        assert_eq!(storage.faults().calls(), 4);
    }

    #[test]
    fn calls_fail_from_one_on_until_disarmed() {
        let storage = Faulty::new(Memory::new());
        let faults = storage.faults();
        faults.arm(Fault::from_call(2).of(&[Call::Scan]));
        let scan = || storage.scan(&Scan::new(""));
        assert!(scan().is_ok());
        assert!(scan().is_err());
        assert!(storage.commit(&batch()).is_ok());
        assert!(scan().is_err());
        faults.disarm();
        assert!(scan().is_ok());
    }

    #[test]
    fn a_commit_happens_and_fails() {
        let storage = Faulty::new(Memory::new());
        storage
            .faults()
            .arm(Fault::once(1).of(&[Call::Commit]).with_effect());
        let answer = storage.commit(&batch());
        assert!(
            matches!(answer, Err(StorageError::Indeterminate(..))),
            "{answer:?}"
        );
        assert!(is_there(&storage));
    }

    #[test]
    fn a_commit_that_is_refused_says_so_whatever_is_armed() {
        let storage = Faulty::new(Memory::new());
        storage.faults().arm(Fault::once(1).with_effect());
        let refused = batch().expect(path(), Some(Revision::new(9)));
        assert!(matches!(
            storage.commit(&refused),
            Err(StorageError::Conflict)
        ));
    }
}
