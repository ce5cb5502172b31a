//! The end of an attempt: commit, or the check that what was seen was true at one moment.

use std::sync::atomic::Ordering;

use super::Txn;
use super::reads::Freshness;
use crate::barrier::Barrier;
use crate::barrier::cache::Held;
use crate::error::{ErrorKind, Result};
use crate::path::EntryPath;
use crate::storage::{Batch, Entry, Revision, StorageError};

/// How an attempt ended.
pub(crate) enum Outcome {
    /// It is done, and what it returned was true at one moment.
    Done,
    /// It was overtaken, and nothing was written: run the operation again.
    Overtaken,
    /// The epoch moved, and nothing was written: load what rests on it, and run again.
    Moved,
}

impl Txn<'_> {
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
        match self.barrier.storage.commit(&self.expectations()) {
            Ok(_) => Ok(Outcome::Done),
            Err(StorageError::Conflict) => {
                self.forget();
                Ok(Outcome::Overtaken)
            }
            // Nothing was to be written, so there is no outcome to be in doubt about.
            Err(StorageError::Indeterminate(what, source)) => {
                Err(StorageError::Unavailable(what, source).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether everything read is known to have been true at one moment.
    fn one_moment(&self) -> Result<bool> {
        // The epoch, the entry that proves, and the one that it proves.
        let proven = self.proven && self.anchored && self.reads.len() <= 3;
        let single = proven || self.fetches == 1 && self.cached == 0;
        match self.freshness {
            Some(Freshness::Mark(_)) if self.fetches == 0 => Ok(true),
            _ if single => Ok(true),
            Some(Freshness::Mark(mark)) => Ok(self.barrier.storage.change_mark()? == Some(mark)),
            // All from the cache, and no commit begun since: nothing of it can have changed.
            Some(Freshness::Exclusive(begun))
                if self.fetches == 0
                    && self.barrier.cache.begun() == begun
                    && self.barrier.is_alone() =>
            {
                Ok(true)
            }
            Some(Freshness::Exclusive(_)) => Ok(self.unchanged_in_cache()),
            Some(Freshness::Unknown) | None => Ok(self.reads.is_empty()),
        }
    }

    /// Returns what the storage told of changes, if all that was read so far, the epoch among it, is known
    /// to be current as long as it tells the same.
    ///
    /// What came from storage is not: a commit that was begun before may land after. What it writes is
    /// not in the cache.
    pub(crate) fn current_at(&self) -> Option<Freshness> {
        let cached = self.checked && self.fetches == 0 && !self.scanned && !self.moved;
        let known = self.freshness.filter(|known| *known != Freshness::Unknown);
        known.filter(|_| cached && self.writes.is_empty())
    }

    /// Ends an attempt that rests on an earlier one, see [`resume`](Self::resume). Returns whether it
    /// wrote nothing, and all that both read was true at one moment.
    pub(crate) fn stands(self) -> bool {
        match self.current_at().filter(|_| self.after.is_empty()) {
            Some(Freshness::Exclusive(begun)) => {
                self.barrier.cache.begun() == begun && self.barrier.is_alone()
            }
            // All of it was current when the mark was looked at.
            Some(Freshness::Mark(_)) => true,
            Some(Freshness::Unknown) | None => false,
        }
    }

    /// For an exclusive storage: whether every entry read is cached, unchanged. Revisions never
    /// come back, so each was current from its read until now.
    fn unchanged_in_cache(&self) -> bool {
        self.reads.iter().all(|read| {
            let cached = self.barrier.cache.entry(&read.path);
            cached.is_some_and(|cached| Some(cached.held.entry.revision) == read.revision())
        })
    }

    /// Commits the writes, or settles if there are none.
    ///
    /// # Errors
    /// `Indeterminate` if the storage cannot say whether they happened, and whatever else it says.
    pub(crate) fn commit(mut self) -> Result<Outcome> {
        if self.writes.is_empty() || self.moved {
            let after = std::mem::take(&mut self.after);
            let outcome = self.settle()?;
            if matches!(outcome, Outcome::Done) {
                after.into_iter().for_each(|change| change());
            }
            return Ok(outcome);
        }
        if let Err(error) = self.expect_a_write() {
            // An operation that read nothing learns only here that the epoch moved.
            return if self.moved {
                self.settle()
            } else {
                Err(error)
            };
        }
        let mut batch = self.expectations();
        batch.writes = std::mem::take(&mut self.writes);
        let writing = self
            .barrier
            .cache
            .begin_write(batch.writes.iter().map(|(path, _)| path.clone()));
        let submitted = submit(self.barrier, &batch);
        if submitted
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Indeterminate)
        {
            self.barrier.doubtful.store(true, Ordering::SeqCst);
        }
        match submitted? {
            Submitted::Done(revision) => {
                if !matches!(self.freshness, Some(Freshness::Mark(_))) {
                    let mut decoded = std::mem::take(&mut self.decoded);
                    let mut held = |path, value| {
                        let known = decoded.iter().position(|(stored, _)| *stored == path);
                        let record = known.map(|index| decoded.swap_remove(index).1);
                        Some(Held::with(Entry::new(value?, revision?), record))
                    };
                    writing.keep(
                        batch
                            .writes
                            .into_iter()
                            .map(|(path, value)| held(path, value)),
                    );
                }
                self.after.into_iter().for_each(|change| change());
                Ok(Outcome::Done)
            }
            Submitted::Conflict => {
                drop(writing);
                self.forget();
                Ok(Outcome::Overtaken)
            }
        }
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

    fn forget(&self) {
        for read in &self.reads {
            self.barrier.cache.forget(&read.path);
        }
        self.barrier.cache.forget(&self.barrier.epoch_path);
    }
}

/// What became of a batch.
enum Submitted {
    /// It is committed, under this revision if that is known.
    Done(Option<Revision>),
    /// An expectation did not hold.
    Conflict,
}

/// How often an unknown outcome is asked for again.
const SETTLE_ATTEMPTS: usize = 4;

/// Commits `batch`, and settles an unknown outcome by submitting the identical bytes again.
fn submit(barrier: &Barrier, batch: &Batch) -> Result<Submitted> {
    let unknown = match barrier.storage.commit(batch) {
        Ok(revision) => return Ok(Submitted::Done(Some(revision))),
        Err(StorageError::Conflict) => return Ok(Submitted::Conflict),
        Err(error @ StorageError::Indeterminate(..)) => error,
        Err(error) => return Err(error.into()),
    };
    for _ in 0..SETTLE_ATTEMPTS {
        match barrier.storage.commit(batch) {
            Ok(revision) => return Ok(Submitted::Done(Some(revision))),
            Err(StorageError::Conflict) => return settle_conflict(barrier, batch, unknown),
            Err(_) => {}
        }
    }
    Err(unknown.into())
}

/// The first submission happened if storage holds what it wrote: ciphertext is never equal by
/// chance. Otherwise somebody wrote meanwhile, before or after it, and nobody can tell.
fn settle_conflict(barrier: &Barrier, batch: &Batch, unknown: StorageError) -> Result<Submitted> {
    let paths: Vec<EntryPath> = batch.writes.iter().map(|(path, _)| path.clone()).collect();
    let Ok(found) = barrier.storage.read(&paths) else {
        return Err(unknown.into());
    };
    let equal = found
        .iter()
        .zip(&batch.writes)
        .all(|(found, (_, written))| found.as_ref().map(|entry| &entry.value) == written.as_ref());
    if equal {
        Ok(Submitted::Done(None))
    } else {
        Err(unknown.into())
    }
}
