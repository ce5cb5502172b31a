//! A storage that lets something happen at one of the events of a call, and counts what the call
//! commits before and after.

use std::sync::{Arc, Mutex};

use vaultcore::storage::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

use crate::rig::Rig;

/// What is wrong with the storage on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    Nothing,
    /// It does not check what a commit expects.
    Blind,
}

/// What was committed, seen from the moment of the change.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// Whether the call had written before it.
    pub(super) before: bool,
    /// Commits that wrote after it.
    pub(super) after: usize,
}

/// Is told whether the call had written before.
type Change = Box<dyn FnOnce(bool) + Send>;

#[derive(Default)]
struct State {
    armed: bool,
    events: u64,
    at: u64,
    change: Option<Change>,
    seen: Seen,
}

#[derive(Clone)]
pub(super) struct Watched {
    inner: Rig,
    marks: bool,
    plant: Plant,
    state: Arc<Mutex<State>>,
}

impl Watched {
    pub(super) fn new(inner: Rig, marks: bool, plant: Plant) -> Self {
        Self {
            inner,
            marks,
            plant,
            state: Arc::default(),
        }
    }

    /// Has `change` happen at event `at` from now on.
    pub(super) fn arm(&self, at: u64, change: impl FnOnce(bool) + Send + 'static) {
        *self.state.lock().expect("lock") = State {
            armed: true,
            at,
            change: Some(Box::new(change)),
            ..State::default()
        };
    }

    /// Returns what was seen, if the change came.
    pub(super) fn disarm(&self) -> Option<Seen> {
        let mut state = self.state.lock().expect("lock");
        state.armed = false;
        let came = state.change.take().is_none();
        came.then_some(state.seen)
    }

    /// One event. The change uses the storage below, not this one.
    fn event(&self) {
        let mut state = self.state.lock().expect("lock");
        if !state.armed {
            return;
        }
        let now = state.events == state.at;
        state.events += 1;
        if let Some(change) = state.change.take_if(|_| now) {
            change(state.seen.before);
        }
    }

    fn wrote(&self) {
        let mut state = self.state.lock().expect("lock");
        match (state.armed, state.change.is_none()) {
            (true, true) => state.seen.after += 1,
            (true, false) => state.seen.before = true,
            (false, _) => {}
        }
    }
}

impl Storage for Watched {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.event();
        let found = self.inner.read(paths);
        self.event();
        found
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.event();
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        self.event();
        let mut batch = batch.clone();
        if self.plant == Plant::Blind {
            batch.expect.clear();
        }
        let revision = self.inner.commit(&batch)?;
        if !batch.writes.is_empty() {
            self.wrote();
        }
        self.event();
        Ok(revision)
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.event();
        match self.marks {
            true => self.inner.change_mark(),
            false => Ok(None),
        }
    }
}
