//! A storage that a test can look into, change behind the vault's back, and make fail; and a random
//! source that does the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};
use vaultcore::{Error, ErrorKind, ManualClock, OsRandom, Random, Timestamp, Vault, VaultBuilder};

/// The present of all tests: nothing here depends on the machine's clock.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// What happens to a call that is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing happens, and the caller is told so.
    Nothing,
    /// Nothing happens, and the caller is told that nobody knows.
    Unknown,
    /// A commit happens, and the caller is told that nobody knows.
    Happened,
    /// Half a batch is applied, which no storage may do: the planted fault.
    Half,
}

/// Which calls are to fail, counted from 1 since the plan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) effect: Effect,
}

/// Entries in memory. Clones are one storage; [`Rig::copy`] makes another.
#[derive(Clone)]
pub(crate) struct Rig(Arc<Inner>);

struct Inner {
    memory: Memory,
    plan: Mutex<Option<Plan>>,
    calls: AtomicU64,
    failed: AtomicU64,
    /// Every value that any commit wrote, with its path.
    log: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            memory: Memory::new(),
            plan: Mutex::new(None),
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            log: Mutex::new(Vec::new()),
        }))
    }

    /// Returns another storage with the same entries.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for (path, entry) in self.dump() {
            copy.overwrite(&path, Some(entry.value));
        }
        copy
    }

    /// Returns all entries.
    pub(crate) fn dump(&self) -> BTreeMap<String, Entry> {
        let memory = &self.0.memory;
        let texts = memory.scan(&Scan::new("")).expect("scan");
        let paths: Vec<_> = texts
            .iter()
            .map(|text| EntryPath::new(text).expect("path"))
            .collect();
        let entries = memory.read(&paths).expect("read");
        texts
            .into_iter()
            .zip(entries.into_iter().flatten())
            .collect()
    }

    /// Returns the bytes of all entries.
    pub(crate) fn values(&self) -> BTreeMap<String, Vec<u8>> {
        let dump = self.dump().into_iter();
        dump.map(|(path, entry)| (path, entry.value)).collect()
    }

    /// Writes or deletes an entry behind the vault's back.
    pub(crate) fn overwrite(&self, path: &str, value: Option<Vec<u8>>) {
        let path = EntryPath::new(path).expect("path");
        let batch = match value {
            Some(value) => Batch::new().put(path, value),
            None => Batch::new().delete(path),
        };
        self.0.memory.commit(&batch).expect("overwrites");
    }

    /// Puts all entries back as they were in `values`, and removes those that are not in it.
    pub(crate) fn restore(&self, values: &BTreeMap<String, Vec<u8>>) {
        let now = self.values();
        for path in now.keys().filter(|path| !values.contains_key(*path)) {
            self.overwrite(path, None);
        }
        for (path, value) in values {
            if now.get(path) != Some(value) {
                self.overwrite(path, Some(value.clone()));
            }
        }
    }

    /// Lets calls fail from now on.
    pub(crate) fn arm(&self, plan: Plan) {
        self.0.calls.store(0, Ordering::SeqCst);
        self.0.failed.store(0, Ordering::SeqCst);
        *self.0.plan.lock().expect("lock") = Some(plan);
    }

    /// Lets all calls pass again, and returns how many failed.
    pub(crate) fn disarm(&self) -> u64 {
        *self.0.plan.lock().expect("lock") = None;
        self.0.failed.load(Ordering::SeqCst)
    }

    /// Returns every value ever written, with its path.
    pub(crate) fn log(&self) -> Vec<(String, Vec<u8>)> {
        self.0.log.lock().expect("lock").clone()
    }

    fn strike(&self) -> Option<Effect> {
        let plan = (*self.0.plan.lock().expect("lock"))?;
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let struck = (plan.first..=plan.last).contains(&number);
        if struck {
            self.0.failed.fetch_add(1, Ordering::SeqCst);
        }
        struck.then_some(plan.effect)
    }

    fn pass(&self) -> Result<(), StorageError> {
        match self.strike() {
            Some(_) => Err(StorageError::Unavailable("a planted fault", None)),
            None => Ok(()),
        }
    }

    fn really_commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let revision = self.0.memory.commit(batch)?;
        let mut log = self.0.log.lock().expect("lock");
        for (path, value) in &batch.writes {
            if let Some(value) = value {
                log.push((path.as_str().to_owned(), value.clone()));
            }
        }
        Ok(revision)
    }
}

impl Storage for Rig {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.pass()?;
        self.0.memory.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.pass()?;
        self.0.memory.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let unknown = || StorageError::Indeterminate("a planted fault", None);
        match self.strike() {
            None => self.really_commit(batch),
            Some(Effect::Nothing) => Err(StorageError::Unavailable("a planted fault", None)),
            Some(Effect::Unknown) => Err(unknown()),
            Some(Effect::Happened) => {
                self.really_commit(batch)?;
                Err(unknown())
            }
            Some(Effect::Half) => {
                let mut half = batch.clone();
                half.writes.truncate(batch.writes.len() / 2);
                self.really_commit(&half)?;
                Err(StorageError::Unavailable("a planted fault", None))
            }
        }
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.pass()?;
        self.0.memory.change_mark()
    }
}

/// The system's randomness, which fails when it is told to. Clones are one source.
#[derive(Clone, Default)]
pub(crate) struct Dice(Arc<DiceState>);

#[derive(Default)]
struct DiceState {
    plan: Mutex<Option<(u64, u64)>>,
    calls: AtomicU64,
    failed: AtomicU64,
}

impl Dice {
    /// Lets calls `first` to `last` fail, counted from 1 from now on.
    pub(crate) fn arm(&self, first: u64, last: u64) {
        self.0.calls.store(0, Ordering::SeqCst);
        self.0.failed.store(0, Ordering::SeqCst);
        *self.0.plan.lock().expect("lock") = Some((first, last));
    }

    /// Lets all calls pass again, and returns how many failed.
    pub(crate) fn disarm(&self) -> u64 {
        *self.0.plan.lock().expect("lock") = None;
        self.0.failed.load(Ordering::SeqCst)
    }
}

impl Random for Dice {
    fn fill(&self, buffer: &mut [u8]) -> vaultcore::Result<()> {
        if let Some((first, last)) = *self.0.plan.lock().expect("lock") {
            let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
            if (first..=last).contains(&number) {
                self.0.failed.fetch_add(1, Ordering::SeqCst);
                return Err(Error::new(ErrorKind::Unavailable, "a planted fault"));
            }
        }
        OsRandom.fill(buffer)
    }
}

/// Begins a vault on `rig`, at [`NOW`].
pub(crate) fn builder(rig: &Rig) -> VaultBuilder {
    Vault::builder(rig.clone()).clock(ManualClock::new(NOW))
}
