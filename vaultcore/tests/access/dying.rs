//! A storage that takes a number of calls and then none, as if the process had been killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};

/// Memory that stops answering. What it holds can be opened by others.
pub(crate) struct Dying {
    pub(crate) inner: Arc<Memory>,
    left: AtomicUsize,
}

impl Dying {
    pub(crate) fn on(inner: &Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            left: AtomicUsize::new(usize::MAX),
        })
    }

    /// Takes `count` more calls, and refuses the rest.
    pub(crate) fn die_after(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }

    /// Returns whether a call was refused.
    pub(crate) fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn pass(&self) -> Result<(), StorageError> {
        let spend = |left: usize| left.checked_sub(1);
        let spent = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend);
        match spent {
            Ok(_) => Ok(()),
            Err(_) => Err(StorageError::Unavailable("the process is dead", None)),
        }
    }
}

impl Storage for Dying {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.pass()?;
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.pass()?;
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let first = self.left.load(Ordering::SeqCst) == 1;
        match self.pass() {
            // The commit in which the process dies is lost.
            Ok(()) if first => Err(StorageError::Indeterminate("the process is dead", None)),
            Ok(()) => self.inner.commit(batch),
            Err(error) => Err(error),
        }
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.pass()?;
        self.inner.change_mark()
    }
}
