//! Where encrypted entries are kept: untrusted, ordered, shared by any number of processes.
//!
//! A backend implements [`Storage`]: three methods, and two hints that have defaults. It sees
//! ciphertext only. All safety between processes comes from [`Storage::commit`], which applies a
//! whole [`Batch`] or, if one of its expectations no longer holds, nothing.

mod batch;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
#[cfg(feature = "conformance")]
mod fault;
mod forward;
mod memory;
#[cfg(all(feature = "sqlite", unix))]
mod sqlite;
mod walk;

use std::fmt;

pub use crate::path::{EntryPath, MAX_ENTRY_PATH};
pub use batch::{Batch, MAX_BATCH, MAX_EXPECTATIONS, MAX_VALUE, MAX_WRITES};
pub use error::StorageError;
#[cfg(feature = "conformance")]
pub use fault::{Call, Fault, Faults, Faulty};
pub use memory::Memory;
#[cfg(all(feature = "sqlite", unix))]
pub use sqlite::{Create, Durability, Sqlite, SqliteOptions};

/// Untrusted, ordered, shared by any number of processes.
///
/// Every backend passes the public suite in `storage::conformance` (feature `conformance`).
///
/// ```
/// use vaultcore::storage::{Batch, EntryPath, Memory, Storage, StorageError};
/// let storage = Memory::new();
/// let path = EntryPath::new("a/b")?;
/// let create = Batch::new().expect(path.clone(), None).put(path.clone(), b"value".to_vec());
/// let revision = storage.commit(&create)?;
/// assert!(matches!(storage.commit(&create), Err(StorageError::Conflict)));
/// let entries = storage.read(&[path])?;
/// assert!(entries.iter().flatten().all(|entry| entry.revision == revision));
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub trait Storage: Send + Sync {
    /// Returns the entries at `paths`, all as of one moment, in the order of `paths`.
    ///
    /// # Errors
    /// Any but `Conflict` and `Indeterminate`.
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError>;

    /// Returns paths under a prefix, in byte order; with a delimiter, each subfolder once.
    ///
    /// Sees every commit that finished before the scan began.
    ///
    /// # Errors
    /// Any but `Conflict` and `Indeterminate`.
    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError>;

    /// Applies every write of `batch`, or none if an expectation no longer holds.
    ///
    /// Returns the revision that every written entry now has. A batch without writes only checks
    /// its expectations, all as of one moment.
    ///
    /// # Errors
    /// `Conflict` if an expectation failed, `TooLarge` beyond [`Batch::check`], `Unavailable` if
    /// nothing happened, `Indeterminate` if the outcome is unknown, `Full` if there is no room.
    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError>;

    /// Returns a number that moves whenever anyone has written since, or `None` if the backend
    /// cannot tell cheaply. Numbers that this handle returned compare with each other only.
    ///
    /// If two calls return the same number, no commit became visible between them.
    ///
    /// # Errors
    /// Any but `Conflict` and `Indeterminate`.
    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }

    /// Returns whether this handle is the only one that can write, in this process and any other.
    ///
    /// A vault that was given such a storage by value believes its cache without asking. One that
    /// was given a reference or an `Arc`, which others may hold as well, does not.
    fn exclusive(&self) -> bool {
        false
    }
}

/// A stored value and its revision.
///
/// ```
/// use vaultcore::storage::{Entry, Revision};
/// let entry = Entry::new(b"value".to_vec(), Revision::new(7));
/// assert_eq!(entry.value, b"value");
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes, as they were written.
    pub value: Vec<u8>,
    /// Changes with every write of the entry.
    pub revision: Revision,
}

impl Entry {
    /// Creates an entry.
    #[must_use]
    pub fn new(value: Vec<u8>, revision: Revision) -> Self {
        Self { value, revision }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} bytes, {:?})", self.value.len(), self.revision)
    }
}

/// An opaque number that changes with every write of its entry and never comes back, also after
/// the entry was deleted and written anew. It does not order the writes of different entries.
///
/// ```
/// use vaultcore::storage::Revision;
/// assert_ne!(Revision::new(1), Revision::new(2));
/// assert_eq!(Revision::new(1).number(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(u128);

impl Revision {
    /// Creates a revision, for backends.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Returns the number, for backends.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

/// What [`Storage::scan`] is to return.
///
/// ```
/// use vaultcore::storage::Scan;
/// let scan = Scan::new("sys/").after("sys/header").limit(100).folders();
/// assert_eq!(scan.prefix, "sys/");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Only paths that begin with this text; empty means all.
    pub prefix: String,
    /// Only results greater than this one, in byte order; the last result of a page.
    pub after: Option<String>,
    /// At most so many results.
    pub limit: usize,
    /// If set, paths that hold this byte after the prefix are cut behind its first occurrence and
    /// returned once: `a/b` and `a/c` under an empty prefix become `a/`.
    pub delimiter: Option<u8>,
}

impl Scan {
    /// Creates a scan of everything under `prefix`.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            after: None,
            limit: usize::MAX,
            delimiter: None,
        }
    }

    /// Begins behind `last`, the last result of the page before.
    #[must_use]
    pub fn after(mut self, last: impl Into<String>) -> Self {
        self.after = Some(last.into());
        self
    }

    /// Returns at most `limit` results.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Stays in one folder: subfolders are returned once, with their slash.
    #[must_use]
    pub fn folders(mut self) -> Self {
        self.delimiter = Some(b'/');
        self
    }
}
