//! Optimistic transactions: what was read is expected, all of it, at commit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cache::Cached;
use super::envelope::{Place, Stored};
use super::{Barrier, Keyring, Keys, RootKey, encrypt, hide_folder, layout};
use crate::clock::Timestamp;
use crate::crypto::rng::{Random, random};
use crate::error::{Error, ErrorKind, Result};
use crate::id::VaultId;
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::{Batch, Entry, Revision, Scan, StorageError};

/// One attempt at an operation. It records what it read, absence too, sees its own writes, and
/// expects all it read when it commits. The epoch is part of every read set, with no way round.
pub(crate) struct Txn<'a> {
    barrier: &'a Barrier,
    keys: &'a Keys,
    epoch: Option<Revision>,
    now: Timestamp,
    freshness: Option<Freshness>,
    reads: Vec<Read>,
    writes: Vec<(EntryPath, Option<Vec<u8>>)>,
    cached: usize,
    fetches: usize,
    moved: bool,
    anchored: bool,
    proven: bool,
}

struct Read {
    path: EntryPath,
    entry: Option<Arc<Entry>>,
}

impl Read {
    fn revision(&self) -> Option<Revision> {
        self.entry.as_ref().map(|entry| entry.revision)
    }
}

/// What the storage can tell about changes since the transaction began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// Nobody else writes, and every write of ours keeps the cache right.
    Exclusive,
    /// What was cached at this mark is current while the mark stands.
    Mark(u64),
    /// Nothing: a cached entry is as good as any guess, and the commit decides.
    Unknown,
}

/// How an attempt ended.
pub(crate) enum Outcome {
    /// It is done, and what it returned was true at one moment.
    Done,
    /// It was overtaken, and nothing was written: run the operation again.
    Overtaken,
    /// The epoch moved, and nothing was written: load what rests on it, and run again.
    Moved,
}

/// The stored epoch: only its revision matters, the count makes each write differ.
#[derive(Serialize, Deserialize)]
pub(crate) struct Epoch {
    count: u64,
    /// Raised to make every process seal itself.
    seals: u64,
}

impl Epoch {
    pub(crate) const FIRST: Self = Self { count: 1, seals: 0 };
}

impl Record for Epoch {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "epoch";
}

impl<'a> Txn<'a> {
    /// Begins an attempt that rests on `keys` and on what else was loaded at `epoch`.
    pub(crate) fn begin(barrier: &'a Barrier, keys: &'a Keys, epoch: Option<Revision>) -> Self {
        Self {
            barrier,
            keys,
            epoch,
            now: barrier.clock.read().wall,
            freshness: None,
            reads: Vec::with_capacity(4),
            writes: Vec::new(),
            cached: 0,
            fetches: 0,
            moved: false,
            anchored: false,
            proven: false,
        }
    }

    /// Returns the time at which the attempt began.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn vault(&self) -> VaultId {
        self.barrier.vault
    }

    pub(crate) fn keys(&self) -> &'a Keys {
        self.keys
    }

    pub(crate) fn keyring(&self) -> &'a Keyring {
        &self.keys.keyring
    }

    /// Returns the random source.
    pub(crate) fn source(&self) -> &'a dyn Random {
        self.barrier.random()
    }

    /// Returns 16 random bytes.
    pub(crate) fn random(&self) -> Result<[u8; 16]> {
        random(self.barrier.random())
    }

    /// Returns 16 bytes that name `context`: random, and never equal for two contexts even if
    /// the random source repeats itself.
    pub(crate) fn unique(&self, context: &[&[u8]]) -> Result<[u8; 16]> {
        let fresh: [u8; 16] = self.random()?;
        Ok(self.keyring().newest()?.key().unique(&fresh, context))
    }

    /// Says that later entries were proven by the first one read, as a version record is by the
    /// metadata that names it: the outcome then rests on that one and on the epoch.
    pub(crate) fn proven(&mut self) {
        self.proven = true;
    }

    /// Returns the decrypted entry at `path`, if there is one.
    pub(crate) fn get(&mut self, path: &EntryPath) -> Result<Option<Zeroizing<Vec<u8>>>> {
        if let Some((_, value)) = self.writes.iter().find(|(written, _)| written == path) {
            return value
                .as_ref()
                .map(|stored| self.decrypt(path, stored))
                .transpose();
        }
        let entry = self.read(path)?;
        match entry {
            Some(entry) => self.decrypt(path, &entry.value).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the record at `path`, if there is one.
    pub(crate) fn load<R: Record>(&mut self, path: &EntryPath) -> Result<Option<R>> {
        self.get(path)?.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// Returns the stored bytes at `path`, for entries that encrypt themselves.
    pub(crate) fn raw(&mut self, path: &EntryPath) -> Result<Option<Vec<u8>>> {
        Ok(self.read(path)?.map(|entry| entry.value.clone()))
    }

    /// Encrypts `value` and writes it at `path`.
    pub(crate) fn put(&mut self, path: EntryPath, value: &[u8]) -> Result<()> {
        let vault = &self.barrier.vault;
        let stored = encrypt(vault, self.keyring(), &path, value, self.source())?;
        self.put_raw(path, stored);
        Ok(())
    }

    /// Writes `record` at `path`.
    pub(crate) fn store<R: Record>(&mut self, path: EntryPath, record: &R) -> Result<()> {
        self.put(path, &record.encode()?)
    }

    /// Writes bytes that are stored as they are.
    pub(crate) fn put_raw(&mut self, path: EntryPath, stored: Vec<u8>) {
        self.write(path, Some(stored));
    }

    /// Deletes the entry at `path`, if there is one.
    pub(crate) fn delete(&mut self, path: EntryPath) {
        self.write(path, None);
    }

    fn write(&mut self, path: EntryPath, value: Option<Vec<u8>>) {
        match self.writes.iter_mut().find(|(written, _)| *written == path) {
            Some((_, old)) => *old = value,
            None => self.writes.push((path, value)),
        }
    }

    /// Writes `keyring`, encrypted under `keys`'s root key or a new one, and the epoch with it.
    pub(crate) fn store_keyring(&mut self, keyring: &Keyring, root: &RootKey) -> Result<()> {
        let path = layout::keyring()?;
        self.read(&path)?;
        self.put_raw(path, keyring.encrypt(root, self.source())?);
        self.bump_epoch()
    }

    /// Writes the epoch: every process drops its keyring and mounts, and loads them again.
    pub(crate) fn bump_epoch(&mut self) -> Result<()> {
        let path = self.barrier.epoch_path.clone();
        let missing = || Error::corrupt("the epoch entry is missing");
        let mut epoch: Epoch = self.load(&path)?.ok_or_else(missing)?;
        epoch.count = epoch.count.saturating_add(1);
        self.store(path, &epoch)
    }

    /// Returns stored paths. What is absent here may exist: a scan is not part of the read set.
    pub(crate) fn scan(&mut self, scan: &Scan) -> Result<Vec<String>> {
        Ok(self.barrier.storage.scan(scan)?)
    }

    /// Returns the stored path of `path` below `root`, its segments hidden.
    pub(crate) fn hidden_entry(&self, root: &Folder, path: &str) -> Result<EntryPath> {
        self.barrier.hidden_entry(self.keyring(), root, path)
    }

    /// Returns the stored folder of `path` below `root`, its segments hidden.
    pub(crate) fn hidden_folder(&self, root: &Folder, path: &str) -> Result<Folder> {
        hide_folder(self.keyring(), root, path)
    }

    /// Returns the name that `part` hides in `folder`.
    ///
    /// # Errors
    /// `Corrupt` if it hides none.
    pub(crate) fn reveal(&self, folder: &Folder, part: &str) -> Result<Zeroizing<String>> {
        let corrupt = || Error::corrupt("a stored name does not authenticate");
        self.keyring()
            .names()
            .reveal(folder, part)
            .ok_or_else(corrupt)
    }

    /// Reads all of `paths` at one moment, so that later reads of them cost nothing.
    pub(crate) fn prefetch(&mut self, paths: &[EntryPath]) -> Result<()> {
        let mut wanted: Vec<EntryPath> = Vec::with_capacity(paths.len());
        for path in paths {
            if self.position(path).is_none() && !self.take_cached(path)? && !wanted.contains(path) {
                wanted.push(path.clone());
            }
        }
        self.check_epoch()?;
        if wanted.is_empty() {
            Ok(())
        } else {
            self.fetch(wanted)
        }
    }

    /// Encrypts the entry at `path` anew if it stands in a term before `target`, and otherwise
    /// leaves it out of the transaction. Returns the bytes written.
    pub(crate) fn rewrap(&mut self, path: &EntryPath, target: u32) -> Result<Option<usize>> {
        let Some(entry) = self.read(path)? else {
            return Ok(None);
        };
        let old = Stored::split(&entry.value).is_none_or(|record| record.term < target);
        if old {
            let plain = self.decrypt(path, &entry.value)?;
            self.put(path.clone(), &plain)?;
            return Ok(Some(entry.value.len()));
        }
        self.reads.retain(|read| read.path != *path);
        Ok(None)
    }

    fn read(&mut self, path: &EntryPath) -> Result<Option<Arc<Entry>>> {
        if self.position(path).is_none() {
            let first = self.reads.is_empty();
            if !self.take_cached(path)? {
                self.fetch(vec![path.clone()])?;
            }
            self.check_epoch()?;
            // The epoch is looked up last: it held from the snapshot until after the entry.
            let vouched = self.fetches == 0 && self.freshness != Some(Freshness::Unknown);
            self.anchored |= first && (self.cached == 0 || vouched);
        }
        let found = self.reads.iter().find(|read| read.path == *path);
        Ok(found.and_then(|read| read.entry.clone()))
    }

    fn position(&self, path: &EntryPath) -> Option<usize> {
        self.reads.iter().position(|read| read.path == *path)
    }

    /// Takes `path` from the cache into the read set, if the storage vouches for it.
    fn take_cached(&mut self, path: &EntryPath) -> Result<bool> {
        let freshness = self.freshness()?;
        let Some(cached) = self.barrier.cache.entry(path) else {
            return Ok(false);
        };
        let current = match freshness {
            Freshness::Exclusive | Freshness::Unknown => true,
            Freshness::Mark(mark) => cached.mark == mark,
        };
        if current {
            self.cached = self.cached.saturating_add(1);
            self.reads.push(Read {
                path: path.clone(),
                entry: Some(cached.entry),
            });
        }
        Ok(current)
    }

    /// Reads `paths` from storage at one moment; the first time together with the epoch.
    fn fetch(&mut self, mut paths: Vec<EntryPath>) -> Result<()> {
        let epoch = &self.barrier.epoch_path;
        if self.fetches == 0 && !paths.contains(epoch) {
            paths.push(epoch.clone());
        }
        let mark = match self.freshness()? {
            Freshness::Mark(mark) => mark,
            Freshness::Exclusive | Freshness::Unknown => 0,
        };
        let cache = &self.barrier.cache;
        let tickets: Vec<_> = paths.iter().map(|path| cache.ticket(path)).collect();
        let entries = self.barrier.storage.read(&paths)?;
        self.fetches = self.fetches.saturating_add(1);
        for ((path, ticket), entry) in paths.into_iter().zip(tickets).zip(entries) {
            let entry = entry.map(Arc::new);
            if let Some(entry) = &entry {
                cache.keep(
                    &path,
                    &ticket,
                    Cached {
                        entry: Arc::clone(entry),
                        mark,
                    },
                );
            }
            self.note(path, entry);
        }
        Ok(())
    }

    /// Adds an entry to the read set. Of two reads of one entry the first is what was used.
    fn note(&mut self, path: EntryPath, entry: Option<Arc<Entry>>) {
        let read = Read { path, entry };
        match self
            .position(&read.path)
            .and_then(|index| self.reads.get(index))
        {
            None => self.reads.push(read),
            Some(before) if before.revision() == read.revision() => {}
            Some(_) => self.moved = true,
        }
    }

    /// Checks that the epoch is the one the attempt rests on.
    fn check_epoch(&mut self) -> Result<()> {
        let path = self.barrier.epoch_path.clone();
        if self.position(&path).is_none() && !self.take_cached(&path)? {
            self.fetch(vec![path.clone()])?;
        }
        let found = self
            .reads
            .iter()
            .find(|read| read.path == path)
            .and_then(Read::revision);
        if found != self.epoch {
            self.moved = true;
        }
        if self.moved {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the vault's keys or mounts changed",
            ));
        }
        Ok(())
    }

    fn freshness(&mut self) -> Result<Freshness> {
        if let Some(known) = self.freshness {
            return Ok(known);
        }
        let storage = &self.barrier.storage;
        let found = if !self.barrier.cache.keeps() {
            Freshness::Unknown
        } else if storage.exclusive() {
            Freshness::Exclusive
        } else {
            storage
                .change_mark()?
                .map_or(Freshness::Unknown, Freshness::Mark)
        };
        self.freshness = Some(found);
        Ok(found)
    }

    fn decrypt(&self, path: &EntryPath, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let place = Place {
            vault: &self.barrier.vault,
            path,
        };
        Stored::split(stored)
            .and_then(|record| {
                self.keyring()
                    .term(record.term)?
                    .key()
                    .decrypt(&place, &record)
            })
            .ok_or_else(|| Error::corrupt("a stored record does not authenticate"))
    }

    /// Ends an attempt that failed or only read: checks that what it saw was true at one moment.
    pub(crate) fn settle(mut self) -> Result<Outcome> {
        if !self.moved && self.reads.is_empty() {
            match self.check_epoch() {
                Err(error) if !self.moved => return Err(error),
                _ => {}
            }
        }
        if self.moved {
            self.forget();
            return Ok(Outcome::Moved);
        }
        if self.one_moment()? {
            return Ok(Outcome::Done);
        }
        let batch = self.expectations();
        match self.barrier.storage.commit(&batch) {
            Ok(_) => Ok(Outcome::Done),
            Err(StorageError::Conflict) => {
                self.forget();
                Ok(Outcome::Overtaken)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether everything read is known to have been true at one moment.
    fn one_moment(&self) -> Result<bool> {
        let single = self.fetches == 1 && self.cached == 0 || self.proven && self.anchored;
        match self.freshness {
            Some(Freshness::Mark(_)) if self.fetches == 0 => Ok(true),
            _ if single => Ok(true),
            Some(Freshness::Mark(mark)) => Ok(self.barrier.storage.change_mark()? == Some(mark)),
            Some(Freshness::Exclusive) => Ok(self.unchanged_in_cache()),
            Some(Freshness::Unknown) | None => Ok(self.reads.is_empty()),
        }
    }

    /// For an exclusive storage: whether every entry read is cached, unchanged. Revisions never
    /// come back, so each was current from its read until now.
    fn unchanged_in_cache(&self) -> bool {
        self.reads.iter().all(|read| {
            let cached = self.barrier.cache.entry(&read.path);
            cached.is_some_and(|cached| Some(cached.entry.revision) == read.revision())
        })
    }

    /// Commits the writes, or settles if there are none.
    ///
    /// # Errors
    /// `Indeterminate` if the storage cannot say whether they happened, and whatever else it says.
    pub(crate) fn commit(mut self) -> Result<Outcome> {
        if self.writes.is_empty() || self.moved {
            return self.settle();
        }
        self.expect_a_write()?;
        let mut batch = self.expectations();
        batch.writes = std::mem::take(&mut self.writes);
        self.forget_written(&batch);
        let outcome = submit(self.barrier, &batch);
        self.forget_written(&batch);
        if matches!(outcome, Ok(Outcome::Overtaken)) {
            self.forget();
        }
        outcome
    }

    /// Makes sure that one path is both expected and written, so that an unknown outcome can be
    /// settled by submitting the batch again.
    fn expect_a_write(&mut self) -> Result<()> {
        let overlap = self
            .writes
            .iter()
            .any(|(path, _)| self.position(path).is_some());
        match self.writes.first() {
            Some((path, _)) if !overlap => {
                let path = path.clone();
                self.fetch(vec![path])
            }
            _ => Ok(()),
        }?;
        self.check_epoch()
    }

    fn expectations(&self) -> Batch {
        let mut batch = Batch::new();
        batch.expect = self
            .reads
            .iter()
            .map(|read| (read.path.clone(), read.revision()))
            .collect();
        batch
    }

    fn forget_written(&self, batch: &Batch) {
        for (path, _) in &batch.writes {
            self.barrier.cache.forget(path);
        }
    }

    fn forget(&self) {
        for read in &self.reads {
            self.barrier.cache.forget(&read.path);
        }
        self.barrier.cache.forget(&self.barrier.epoch_path);
    }
}

/// How often an unknown outcome is asked for again.
const SETTLE_ATTEMPTS: usize = 4;

/// Commits `batch`, and settles an unknown outcome by submitting the identical bytes again.
fn submit(barrier: &Barrier, batch: &Batch) -> Result<Outcome> {
    let unknown = match barrier.storage.commit(batch) {
        Ok(_) => return Ok(Outcome::Done),
        Err(StorageError::Conflict) => return Ok(Outcome::Overtaken),
        Err(error @ StorageError::Indeterminate(..)) => error,
        Err(error) => return Err(error.into()),
    };
    for _ in 0..SETTLE_ATTEMPTS {
        match barrier.storage.commit(batch) {
            Ok(_) => return Ok(Outcome::Done),
            Err(StorageError::Conflict) => return settle_conflict(barrier, batch, unknown),
            Err(_) => {}
        }
    }
    Err(unknown.into())
}

/// The first submission happened if storage holds what it wrote: ciphertext is never equal by
/// chance. Otherwise somebody wrote meanwhile, before or after it, and nobody can tell.
fn settle_conflict(barrier: &Barrier, batch: &Batch, unknown: StorageError) -> Result<Outcome> {
    let paths: Vec<EntryPath> = batch.writes.iter().map(|(path, _)| path.clone()).collect();
    let Ok(found) = barrier.storage.read(&paths) else {
        return Err(unknown.into());
    };
    let equal = found
        .iter()
        .zip(&batch.writes)
        .all(|(found, (_, written))| found.as_ref().map(|entry| &entry.value) == written.as_ref());
    if equal {
        Ok(Outcome::Done)
    } else {
        Err(unknown.into())
    }
}
