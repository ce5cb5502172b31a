//! Storage in one SQLite file, shared by any number of processes.
//!
//! The file is in WAL mode. Beside it stand SQLite's own `-wal` and `-shm`, and `-lock`, by which
//! handles that share the file and one that owns it keep each other out.

mod connect;
mod failure;
mod file;
mod group;
mod mark;
mod reads;
mod registry;
mod writes;

use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use vaultcore_os::ForkMark;

use self::connect::Target;
use self::file::Sidecar;
use self::group::Queue;
use self::mark::{Mark, OwnCommits, WalIndex};
use self::reads::Readers;
use self::registry::Claim;
use self::writes::{Writer, Writing};
use super::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

/// A vault file, for any number of threads and processes at once.
///
/// A process has one handle of a file, which it shares; a second one is refused, and nothing else
/// in the process may open the file, since closing it would drop SQLite's locks. A handle does not
/// cross a fork: in the child every call answers `Forked`. The child of a process whose other
/// threads were inside SQLite when it was forked must not use SQLite at all, whose own locks it
/// inherits as they were: fork first, then open.
///
/// ```
/// use vaultcore::storage::{Batch, EntryPath, Sqlite, Storage};
/// # let folder = tempfile::tempdir().expect("folder");
/// # let file = folder.path().join("app.vault");
/// let storage = Sqlite::open(&file)?;
/// let path = EntryPath::new("sys/header")?;
/// storage.commit(&Batch::new().expect(path.clone(), None).put(path.clone(), b"value".to_vec()))?;
/// assert!(storage.read(&[path])?[0].is_some());
/// assert!(Sqlite::open(&file).is_err(), "one handle in each process");
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Sqlite {
    inner: Arc<Inner>,
    /// Checked before any lock: another thread may have held it when the process was forked.
    fork: ForkMark,
}

/// Fields drop in this order: the wal-index after all connections, the claim last.
struct Inner {
    readers: Readers,
    writer: Writer,
    /// Never used after opening. While it is open, SQLite keeps the wal-index that `mark` reads.
    _anchor: Mutex<Connection>,
    mark: Mark,
    queue: Queue,
    target: Target,
    sharing: Sharing,
    _sidecar: Sidecar,
    _claim: Claim,
}

/// Who else may have the file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Shared,
    Exclusive,
}

/// What a commit waits for.
///
/// ```
/// use vaultcore::storage::{Durability, SqliteOptions};
/// let options = SqliteOptions::new().durability(Durability::Normal);
/// # let _ = options;
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The disk has the commit: it survives a power loss. The default.
    #[default]
    Full,
    /// The operating system has the commit: it survives a crash of the process. A power loss may
    /// take the last commits, and nothing else.
    Normal,
}

/// Whether the file may or must be created.
///
/// ```
/// use vaultcore::storage::{Create, SqliteOptions};
/// # let folder = tempfile::tempdir().expect("folder");
/// let absent = SqliteOptions::new().create(Create::Never).open(folder.path().join("app.vault"));
/// assert!(absent.is_err());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Create {
    /// It is created if there is none. The default.
    #[default]
    IfMissing,
    /// It is created, and refused if it exists.
    New,
    /// It must exist and be a vault file.
    Never,
}

/// How to open a vault file.
///
/// ```
/// use vaultcore::storage::{Create, Durability, SqliteOptions};
/// # let folder = tempfile::tempdir().expect("folder");
/// # let file = folder.path().join("app.vault");
/// let options = SqliteOptions::new().create(Create::New).durability(Durability::Normal);
/// let storage = options.open(&file)?;
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    durability: Durability,
    create: Create,
    busy_timeout: Duration,
    cache_kib: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            create: Create::default(),
            busy_timeout: Duration::from_secs(10),
            cache_kib: 8 * 1_024,
        }
    }
}

impl SqliteOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what a commit waits for.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets whether the file may or must be created.
    #[must_use]
    pub fn create(mut self, create: Create) -> Self {
        self.create = create;
        self
    }

    /// Sets how long a call waits for other processes before it answers `Unavailable`; 10 s if
    /// not set.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets the page cache of each connection; 8 MiB if not set. There is one connection for the
    /// writer, and one for each thread that reads at the same time.
    #[must_use]
    pub fn cache_kib(mut self, size: u32) -> Self {
        self.cache_kib = size;
        self
    }

    /// Opens the file at `path`, sharing it with other processes.
    ///
    /// # Errors
    /// `Damaged` if it is not a vault file, `Unsupported` for a newer format, `Invalid` for a
    /// folder or a symbolic link, `Unavailable` if this process has it open already, if another
    /// has it exclusively, or if it can not be opened or created.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Sqlite, StorageError> {
        self.open_as(path.as_ref(), Sharing::Shared)
    }

    /// Opens the file at `path` for this process alone.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `Unavailable` if another process has it open.
    pub fn exclusive(&self, path: impl AsRef<Path>) -> Result<Sqlite, StorageError> {
        self.open_as(path.as_ref(), Sharing::Exclusive)
    }

    fn open_as(&self, path: &Path, sharing: Sharing) -> Result<Sqlite, StorageError> {
        connect::check_version(rusqlite::version_number())?;
        let fork = ForkMark::new();
        let path = file::resolve(path)?;
        // Bound first, so that it drops last if a later step fails.
        let claim = Claim::new(|| file::find(&path, self.create))?;
        let target = self.target(path, &claim);
        let mut anchor = target.connect()?;
        target.check(&mut anchor, self.create)?;
        let sidecar = Sidecar::lock(&target.path, sharing)?;
        target.prepare(&mut anchor)?;
        let writer = Writer::new(target.connect()?);
        let mark = match sharing {
            Sharing::Shared => Mark::Shared(WalIndex::open(&target.path)?),
            Sharing::Exclusive => Mark::Own(OwnCommits::default()),
        };
        let inner = Inner {
            readers: Readers::default(),
            writer,
            _anchor: Mutex::new(anchor),
            mark,
            queue: Queue::default(),
            target,
            sharing,
            _sidecar: sidecar,
            _claim: claim,
        };
        Ok(Sqlite {
            inner: Arc::new(inner),
            fork,
        })
    }

    fn target(&self, path: std::path::PathBuf, claim: &Claim) -> Target {
        Target {
            path,
            identity: claim.identity(),
            durability: self.durability,
            timeout: self.busy_timeout,
            cache_kib: self.cache_kib,
        }
    }
}

impl Sqlite {
    /// Opens or creates the file at `path`, sharing it with other processes.
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        SqliteOptions::new().open(path)
    }

    /// Opens or creates the file at `path` for this process alone.
    ///
    /// # Errors
    /// As [`SqliteOptions::exclusive`].
    pub fn exclusive(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        SqliteOptions::new().exclusive(path)
    }

    fn inner(&self) -> Result<&Inner, StorageError> {
        if self.fork.forked() {
            return Err(StorageError::Forked);
        }
        Ok(&self.inner)
    }
}

impl Storage for Sqlite {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        let inner = self.inner()?;
        inner.readers.read(&inner.target, paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        let inner = self.inner()?;
        inner.readers.scan(&inner.target, scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let inner = self.inner()?;
        batch.check()?;
        if batch.writes.is_empty() {
            let checked = inner.readers.check(&inner.target, batch);
            return checked.map(|()| Revision::new(0));
        }
        let (writer, target, mark) = (&inner.writer, &inner.target, &inner.mark);
        inner.queue.submit(
            batch,
            &Writing {
                writer,
                target,
                mark,
            },
        )
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner()?.mark.number()
    }

    fn exclusive(&self) -> bool {
        self.inner.sharing == Sharing::Exclusive
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if self.fork.forked() {
            // The connections are the parent's: closing them here could harm the file.
            mem::forget(Arc::clone(&self.inner));
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({:?})", self.inner.sharing)
    }
}
