//! Memory with a hook before and after each call, by which a test interleaves what it wants.

use std::sync::{Arc, RwLock};

use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};

/// Where a call to the storage stands.
pub(crate) enum Event<'a> {
    BeforeRead,
    AfterRead(&'a [EntryPath]),
    BeforeCommit(&'a Batch),
    AfterCommit(&'a Batch),
    Mark,
}
type Hook = Arc<dyn Fn(&Event<'_>) -> Option<StorageError> + Send + Sync>;

/// What the storage tells of changes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Exclusive,
    Mark,
    Unknown,
}

/// Memory, with a hook before and after each call.
pub(crate) struct Hooked {
    inner: Arc<Memory>,
    mode: Mode,
    hook: Arc<RwLock<Option<Hook>>>,
}

/// Sets and clears the hook.
#[derive(Clone)]
pub(crate) struct Switch(Arc<RwLock<Option<Hook>>>);
impl Switch {
    pub(crate) fn set(
        &self,
        hook: impl Fn(&Event<'_>) -> Option<StorageError> + Send + Sync + 'static,
    ) {
        *self.0.write().unwrap() = Some(Arc::new(hook));
    }
    pub(crate) fn clear(&self) {
        *self.0.write().unwrap() = None;
    }
}

/// Puts hooks around `inner`.
pub(crate) fn hooked(inner: &Arc<Memory>, mode: Mode) -> (Hooked, Switch) {
    let hook = Arc::new(RwLock::new(None));
    (
        Hooked {
            inner: Arc::clone(inner),
            mode,
            hook: Arc::clone(&hook),
        },
        Switch(hook),
    )
}

impl Hooked {
    fn at(&self, event: Event<'_>) -> Result<(), StorageError> {
        let hook = self.hook.read().unwrap().clone();
        match hook.and_then(|hook| hook(&event)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Storage for Hooked {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.at(Event::BeforeRead)?;
        let found = self.inner.read(paths);
        self.at(Event::AfterRead(paths))?;
        found
    }
    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }
    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        self.at(Event::BeforeCommit(batch))?;
        let done = self.inner.commit(batch);
        self.at(Event::AfterCommit(batch))?;
        done
    }
    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.at(Event::Mark)?;
        match self.mode {
            Mode::Unknown => Ok(None),
            _ => self.inner.change_mark(),
        }
    }
    fn exclusive(&self) -> bool {
        self.mode == Mode::Exclusive
    }
}
