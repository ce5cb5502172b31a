//! Optimistic transactions: what was read is expected, all of it, at commit.

mod finish;
mod reads;

use std::cell::OnceCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(crate) use finish::Outcome;
pub(crate) use reads::Freshness;
use reads::Read;

use super::cache::Decoded;
use super::envelope::{Place, Stored};
use super::{Barrier, Keyring, Keys, Name, RootKey, Time, Tree, encrypt, hide_folder, layout};
use crate::clock::Timestamp;
use crate::crypto::rng::{Random, random};
use crate::error::{Error, Result};
use crate::id::VaultId;
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::{Revision, Scan};

/// One attempt at an operation. It records what it read, absence too, sees its own writes, and
/// expects all it read when it commits. The epoch is part of every read set, with no way round.
pub(crate) struct Txn<'a> {
    barrier: &'a Barrier,
    keys: &'a Keys,
    epoch: Option<Revision>,
    now: OnceCell<Timestamp>,
    freshness: Option<Freshness>,
    reads: Vec<Read>,
    writes: Vec<(EntryPath, Option<Vec<u8>>)>,
    /// What some of the writes decode to, for the cache.
    decoded: Vec<(EntryPath, Decoded)>,
    cached: usize,
    fetches: usize,
    moved: bool,
    /// Whether it rests on what an earlier one read, see [`resume`](Self::resume).
    resumed: bool,
    scanned: bool,
    /// Whether the epoch was found to be the one that the attempt rests on.
    checked: bool,
    anchored: bool,
    proven: bool,
    after: Vec<Box<dyn FnOnce() + 'a>>,
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
            now: OnceCell::new(),
            freshness: None,
            reads: Vec::new(), // the first one makes room for four
            writes: Vec::new(),
            decoded: Vec::new(),
            cached: 0,
            fetches: 0,
            moved: false,
            resumed: false,
            scanned: false,
            checked: false,
            anchored: false,
            proven: false,
            after: Vec::new(),
        }
    }

    /// Begins an attempt that rests on what an earlier one read, too, which was current when the storage
    /// told `before` of changes: `None` unless it tells the same now.
    ///
    /// What the earlier one read is not in the read set, so this one neither writes nor goes to the
    /// storage: where it would have to, it is over, and it is never committed, see
    /// [`stands`](Self::stands).
    pub(crate) fn resume(
        barrier: &'a Barrier,
        keys: &'a Keys,
        epoch: Option<Revision>,
        before: Freshness,
    ) -> Option<Self> {
        let same = Freshness::now(barrier).is_ok_and(|now| now == before);
        if !same || before == Freshness::Unknown {
            return None;
        }
        let mut txn = Self::begin(barrier, keys, epoch);
        txn.freshness = Some(before);
        txn.checked = true;
        txn.resumed = true;
        Some(txn)
    }

    /// Returns the time of the attempt: all that is decided in it is decided at this moment.
    pub(crate) fn now(&self) -> Timestamp {
        *self.now.get_or_init(|| self.barrier.time.now())
    }

    pub(super) fn time(&self) -> &'a Time {
        &self.barrier.time
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
        match self.read(path)? {
            Some(held) => self.decrypt(path, &held.entry.value).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the record at `path`, if there is one.
    pub(crate) fn load<R: Record>(&mut self, path: &EntryPath) -> Result<Option<R>> {
        self.get(path)?.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// Returns the record at `path`, every change of which writes the epoch, too.
    ///
    /// The epoch, which every commit expects, then proves it: it takes no place among the entries
    /// that a commit can expect.
    pub(crate) fn load_guarded<R: Record>(&mut self, path: &EntryPath) -> Result<Option<R>> {
        let known = self.position(path).is_some();
        self.refresh(path)?;
        let record = self.load(path);
        if !known {
            self.leave_out(path);
        }
        record
    }

    /// Returns the record at `path` as [`load`](Self::load) does, from memory if it was decoded
    /// before. It is kept there if `holds_no_secret` says so.
    pub(crate) fn load_shared<R: Record + Send + Sync + 'static>(
        &mut self,
        path: &EntryPath,
        holds_no_secret: fn(&R) -> bool,
    ) -> Result<Option<Arc<R>>> {
        if self.writes.iter().any(|(written, _)| written == path) {
            return Ok(self.load(path)?.map(Arc::new));
        }
        let Some(held) = self.read(path)? else {
            return Ok(None);
        };
        if let Some(known) = held.decoded::<R>() {
            return Ok(Some(known));
        }
        let record = Arc::new(R::decode(&self.decrypt(path, &held.entry.value)?)?);
        if holds_no_secret(&record) {
            self.barrier.cache.keep_decoded(path, &held, &record);
        }
        Ok(Some(record))
    }

    /// Returns what `build` makes of the entry at `path`, from memory if it was made of this very entry
    /// before. It is kept beside the entry, and dropped with it, at the latest when the vault is
    /// sealed: what holds a secret wipes itself.
    pub(crate) fn load_kept<T: Send + Sync + 'static>(
        &mut self,
        path: &EntryPath,
        build: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Result<Option<Arc<T>>> {
        if self.writes.iter().any(|(written, _)| written == path) {
            let written = self.get(path)?;
            return written.map(|bytes| build(&bytes).map(Arc::new)).transpose();
        }
        let Some(held) = self.read(path)? else {
            return Ok(None);
        };
        if let Some(known) = held.decoded::<T>() {
            return Ok(Some(known));
        }
        let made = Arc::new(build(&self.decrypt(path, &held.entry.value)?)?);
        self.barrier.cache.keep_decoded(path, &held, &made);
        Ok(Some(made))
    }

    /// Returns what [`load_kept`](Self::load_kept) returns of an entry that, as with
    /// [`load_guarded`](Self::load_guarded), the epoch proves.
    pub(crate) fn load_kept_guarded<T: Send + Sync + 'static>(
        &mut self,
        path: &EntryPath,
        build: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Result<Option<Arc<T>>> {
        let known = self.position(path).is_some();
        self.refresh(path)?;
        let found = self.load_kept(path, build);
        if !known {
            self.leave_out(path);
        }
        found
    }

    /// Returns the record at `path` for a list of many: as the scan that found it, it is no part of
    /// the read set. Each was true at some moment of the call, not all at the same.
    pub(crate) fn load_listed<R: Record>(&mut self, path: &EntryPath) -> Result<Option<R>> {
        let known = self.position(path).is_some();
        self.refresh(path)?;
        let found = self.load(path);
        if !known {
            self.leave_out(path);
        }
        found
    }

    /// Has `change` made to memory once the attempt is committed; an attempt that is not changes
    /// nothing.
    pub(crate) fn after_commit(&mut self, change: impl FnOnce() + 'a) {
        self.after.push(Box::new(change));
    }

    /// Returns the stored bytes at `path`, for entries that encrypt themselves.
    pub(crate) fn raw(&mut self, path: &EntryPath) -> Result<Option<Vec<u8>>> {
        if let Some((_, value)) = self.writes.iter().find(|(written, _)| written == path) {
            return Ok(value.clone());
        }
        Ok(self.read(path)?.map(|held| held.entry.value.clone()))
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

    /// Writes `record`, which holds no secret, as [`store`](Self::store) does, and leaves it decoded
    /// to whoever reads it next.
    pub(crate) fn store_shared<R: Record + Send + Sync + 'static>(
        &mut self,
        path: EntryPath,
        record: Arc<R>,
    ) -> Result<()> {
        self.store(path.clone(), &*record)?;
        self.decoded.push((path, record));
        Ok(())
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
        self.moved |= self.resumed;
        self.decoded.retain(|(decoded, _)| *decoded != path);
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

    /// Writes the epoch so that every process seals itself at its next call.
    pub(crate) fn raise_seals(&mut self) -> Result<()> {
        let path = self.barrier.epoch_path.clone();
        let missing = || Error::corrupt("the epoch entry is missing");
        let mut epoch: Epoch = self.load(&path)?.ok_or_else(missing)?;
        epoch.count = epoch.count.saturating_add(1);
        epoch.seals = epoch.seals.saturating_add(1);
        self.store(path, &epoch)
    }

    /// Returns how often every process was told to seal itself.
    pub(crate) fn seals(&mut self) -> Result<u64> {
        let path = self.barrier.epoch_path.clone();
        let missing = || Error::corrupt("the epoch entry is missing");
        let epoch: Epoch = self.load(&path)?.ok_or_else(missing)?;
        Ok(epoch.seals)
    }

    /// Returns stored paths. What is absent here may exist: a scan is not part of the read set.
    pub(crate) fn scan(&mut self, scan: &Scan) -> Result<Vec<String>> {
        self.scanned = true;
        Ok(self.barrier.storage.scan(scan)?)
    }

    /// Returns the stored path of `path` in `tree`, its segments hidden.
    pub(crate) fn hidden_entry(&self, tree: Tree, path: &str) -> Result<EntryPath> {
        self.barrier.hidden_entry(self.keyring(), tree, path)
    }

    /// Returns the same of an entry that names another one, with what was found there, see [`led_to`](Self::led_to).
    pub(crate) fn hidden_name(&self, tree: Tree, path: &str) -> Result<Arc<Name>> {
        self.barrier.hidden_name(self.keyring(), tree, path, true)
    }

    /// Returns the stored folder of `path` in `tree`, its segments hidden.
    pub(crate) fn hidden_folder(&self, tree: Tree, path: &str) -> Result<Folder> {
        hide_folder(self.keyring(), &tree.folder(), path)
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

    /// Returns the names in `folder` of `tree`, sorted; subfolders end in a slash. As with
    /// [`scan`](Self::scan), what is absent here may exist.
    pub(crate) fn names(&mut self, tree: Tree, folder: &str) -> Result<Vec<Zeroizing<String>>> {
        let stored = self.hidden_folder(tree, folder)?;
        let found = self.scan(&Scan::new(stored.as_str()).folders())?;
        let mut names = Vec::with_capacity(found.len());
        for path in &found {
            let part = path.strip_prefix(stored.as_str()).unwrap_or_default();
            let bare = part.strip_suffix('/');
            let mut name = self.reveal(&stored, bare.unwrap_or(part))?;
            if bare.is_some() {
                name.push('/');
            }
            names.push(name);
        }
        names.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
        Ok(names)
    }

    /// Encrypts the entry at `path` anew if it stands in a term before `target`, and otherwise
    /// leaves it out of the transaction. Returns the bytes written.
    pub(crate) fn rewrap(&mut self, path: &EntryPath, target: u32) -> Result<Option<usize>> {
        let Some(held) = self.read(path)? else {
            return Ok(None);
        };
        let old = Stored::split(&held.entry.value).is_none_or(|record| record.term < target);
        if old {
            let plain = self.decrypt(path, &held.entry.value)?;
            self.put(path.clone(), &plain)?;
            return Ok(Some(held.entry.value.len()));
        }
        self.leave_out(path);
        Ok(None)
    }

    pub(super) fn decrypt(&self, path: &EntryPath, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
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
}
