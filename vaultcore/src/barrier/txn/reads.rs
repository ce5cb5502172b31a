//! The read set: what an attempt saw, from the cache or from storage.

use std::sync::Arc;

use super::Txn;
use crate::barrier::Barrier;
use crate::barrier::cache::{Cached, Held};
use crate::error::{Error, ErrorKind, Result};
use crate::path::EntryPath;
use crate::storage::Revision;

/// One entry as it was read; without one, its absence.
pub(super) struct Read {
    pub(super) path: EntryPath,
    pub(super) held: Option<Arc<Held>>,
}

impl Read {
    pub(super) fn revision(&self) -> Option<Revision> {
        self.held.as_ref().map(|held| held.entry.revision)
    }
}

/// What the storage can tell about changes since the transaction began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Freshness {
    /// Nobody else writes, and every write of ours keeps the cache right; so many were begun before.
    Exclusive(u64),
    /// What was cached at this mark is current while the mark stands.
    Mark(u64),
    /// Nothing: a cached entry is as good as any guess, and the commit decides.
    Unknown,
}

impl Freshness {
    /// Asks the storage, or counts.
    pub(crate) fn now(barrier: &Barrier) -> Result<Self> {
        if !barrier.cache.keeps() {
            return Ok(Self::Unknown);
        }
        if barrier.is_alone() {
            return Ok(Self::Exclusive(barrier.cache.begun()));
        }
        let mark = barrier.storage.change_mark()?;
        Ok(mark.map_or(Self::Unknown, Self::Mark))
    }
}

impl Txn<'_> {
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

    pub(super) fn read(&mut self, path: &EntryPath) -> Result<Option<Arc<Held>>> {
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
        Ok(found.and_then(|read| read.held.clone()))
    }

    /// Expects, unread, that there is no entry at `path`, which is drawn at random: the commit finds out, and
    /// an attempt that is wrong about it is overtaken. Returns false if this one knows that there is one.
    pub(crate) fn expect_absent(&mut self, path: &EntryPath) -> Result<bool> {
        let written = self.writes.iter().find(|(written, _)| written == path);
        if written.is_some_and(|(_, value)| value.is_some()) || self.seen(path).is_some() {
            return Ok(false);
        }
        if self.position(path).is_none() {
            self.note(path.clone(), None);
        }
        self.check_epoch().map(|()| true)
    }

    /// Takes an entry out of the read set.
    pub(super) fn leave_out(&mut self, path: &EntryPath) {
        self.reads.retain(|read| read.path != *path);
        self.checked &= *path != self.barrier.epoch_path;
    }

    pub(super) fn position(&self, path: &EntryPath) -> Option<usize> {
        self.reads.iter().position(|read| read.path == *path)
    }

    /// Returns the entry at `path` if it is in the read set.
    pub(in crate::barrier) fn seen(&self, path: &EntryPath) -> Option<&Arc<Held>> {
        let read = self.reads.iter().find(|read| read.path == *path)?;
        read.held.as_ref()
    }

    /// Returns what the storage told of changes when the attempt was begun that this one rests on.
    pub(in crate::barrier) fn resumed_at(&self) -> Option<Freshness> {
        self.freshness.filter(|_| self.resumed)
    }

    /// Takes `path` from the cache into the read set, if the storage vouches for it.
    fn take_cached(&mut self, path: &EntryPath) -> Result<bool> {
        let freshness = self.freshness()?;
        let Some(cached) = self.barrier.cache.entry(path) else {
            return Ok(false);
        };
        let current = match freshness {
            Freshness::Exclusive(_) | Freshness::Unknown => true,
            Freshness::Mark(mark) => cached.mark == Some(mark),
        };
        if current {
            self.cached = self.cached.saturating_add(1);
            self.reads.push(Read {
                path: path.clone(),
                held: Some(cached.held),
            });
        }
        Ok(current)
    }

    /// Reads `paths` from storage at one moment; the first time together with the epoch.
    pub(super) fn fetch(&mut self, mut paths: Vec<EntryPath>) -> Result<()> {
        if self.resumed {
            self.moved = true;
            return Err(moved());
        }
        let epoch = &self.barrier.epoch_path;
        if self.fetches == 0 && !paths.contains(epoch) {
            paths.push(epoch.clone());
        }
        let mark = match self.freshness()? {
            Freshness::Mark(mark) => Some(mark),
            Freshness::Exclusive(_) | Freshness::Unknown => None,
        };
        let cache = &self.barrier.cache;
        let tickets: Vec<_> = paths.iter().map(|path| cache.ticket(path)).collect();
        let entries = self.barrier.storage.read(&paths)?;
        self.fetches = self.fetches.saturating_add(1);
        // What was read may be newer than the mark: it is kept only if the mark still stands.
        let stands = match mark {
            Some(mark) => {
                matches!(self.barrier.storage.change_mark(), Ok(Some(now)) if now == mark)
            }
            None => true,
        };
        for ((path, ticket), entry) in paths.into_iter().zip(tickets).zip(entries) {
            let held = entry.map(Held::new);
            if let Some(held) = held.as_ref().filter(|_| stands) {
                cache.keep(
                    &path,
                    &ticket,
                    Cached {
                        held: Arc::clone(held),
                        mark,
                    },
                );
            }
            self.note(path, held);
        }
        Ok(())
    }

    /// Reads `path` from storage, unless it was read or written before, if the storage cannot tell
    /// whether what is cached is current.
    ///
    /// A stale entry is otherwise found at commit, where it is expected. For one that is not, this
    /// comes first: read while the epoch stands, it is what the epoch proves.
    pub(super) fn refresh(&mut self, path: &EntryPath) -> Result<()> {
        let written = self.writes.iter().any(|(written, _)| written == path);
        if written || self.position(path).is_some() || self.freshness()? != Freshness::Unknown {
            return Ok(());
        }
        self.fetch(vec![path.clone()])?;
        self.check_epoch()
    }

    /// Adds an entry to the read set. Of two reads of one entry the first is what was used.
    fn note(&mut self, path: EntryPath, held: Option<Arc<Held>>) {
        let read = Read { path, held };
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
    pub(super) fn check_epoch(&mut self) -> Result<()> {
        if self.checked && !self.moved {
            return Ok(()); // it is in the read set, and stays there
        }
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
            return Err(moved());
        }
        self.checked = true;
        Ok(())
    }

    fn freshness(&mut self) -> Result<Freshness> {
        if let Some(known) = self.freshness {
            return Ok(known);
        }
        let found = Freshness::now(self.barrier)?;
        self.freshness = Some(found);
        Ok(found)
    }
}

/// The error of an attempt that is over; nobody is told of it.
fn moved() -> Error {
    Error::new(ErrorKind::Unavailable, "the vault's keys or mounts changed")
}
