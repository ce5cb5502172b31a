//! Storage in the memory of one process, for tests and for vaults that nobody keeps.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::walk::{Step, Walk};
use super::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

/// Entries in memory, gone when it is dropped. Share it in an [`Arc`](std::sync::Arc).
///
/// ```
/// use vaultcore::storage::{Batch, EntryPath, Memory, Storage};
/// let storage = Memory::new();
/// let path = EntryPath::new("sys/header")?;
/// let revision = storage.commit(&Batch::new().put(path.clone(), b"value".to_vec()))?;
/// let entry = storage.read(&[path])?.remove(0).expect("just written");
/// assert_eq!(entry.revision, revision);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Default)]
pub struct Memory(RwLock<State>);

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    /// Counts the commits that wrote: the source of revisions, and the change mark.
    commits: u64,
}

impl Memory {
    /// Creates an empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks for reading. A panic can not have left half a batch, since nothing below may panic
    /// between the first write and the last, so poison is ignored.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Memory {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        let state = self.state();
        let entry = |path: &EntryPath| state.entries.get(path.as_str()).cloned();
        Ok(paths.iter().map(entry).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        let mut walk = Walk::new(scan);
        let state = self.state();
        let mut start = walk.start();
        while state.scan_from(&start, &mut walk) == Step::InFolder {
            start = walk.behind_folder();
        }
        Ok(walk.finish())
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        batch.check()?;
        if batch.writes.is_empty() {
            return self.state().check(batch).map(|()| Revision::new(0));
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.check(batch)?;
        Ok(state.apply(batch))
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        Ok(Some(self.state().commits))
    }
}

impl State {
    /// Walks from `start` to the end of a folder or of the scan.
    fn scan_from(&self, start: &str, walk: &mut Walk<'_>) -> Step {
        for path in self.entries.range(start.to_owned()..).map(|(path, _)| path) {
            match walk.take(path) {
                Step::Next => {}
                step => return step,
            }
        }
        Step::Done
    }

    fn check(&self, batch: &Batch) -> Result<(), StorageError> {
        let revision = |path: &EntryPath| self.entries.get(path.as_str()).map(|e| e.revision);
        let holds = |(path, expected): &(EntryPath, Option<Revision>)| revision(path) == *expected;
        if batch.expect.iter().all(holds) {
            Ok(())
        } else {
            Err(StorageError::Conflict)
        }
    }

    fn apply(&mut self, batch: &Batch) -> Revision {
        self.commits = self.commits.saturating_add(1);
        let revision = Revision::new(u128::from(self.commits));
        for (path, value) in &batch.writes {
            let path = path.as_str().to_owned();
            match value {
                Some(value) => self
                    .entries
                    .insert(path, Entry::new(value.clone(), revision)),
                None => self.entries.remove(&path),
            };
        }
        revision
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} entries)", self.state().entries.len())
    }
}
