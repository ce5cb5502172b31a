//! The vault file and its lock file, before SQLite sees them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::registry::Identity;
use super::{Create, Sharing};
use crate::storage::StorageError;

/// Returns the path of a file that stands beside the one at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns `path` with its folder resolved, so that it means the same file whatever the process
/// does to its working directory.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StorageError> {
    let Some(name) = path.file_name() else {
        return Err(StorageError::Invalid(
            "the path of a vault file ends in a name",
        ));
    };
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).map_err(|error| failed("the folder", error))?;
    Ok(folder.join(name))
}

/// Returns the identity of the file at `path`, which is created if `create` says so.
///
/// An existing file is not opened: closing it again would drop the locks that SQLite holds on it
/// for this process. Must run alone in the process, which is what [`Claim`](super::registry::Claim)
/// sees to.
pub(super) fn find(path: &Path, create: Create) -> Result<Identity, StorageError> {
    match identity(path)? {
        Some(_) if create == Create::New => Err(StorageError::Unsupported(
            "the file exists already, and was to be created".to_owned(),
        )),
        Some(found) => Ok(found),
        None if create == Create::Never => {
            Err(StorageError::Unavailable("there is no such file", None))
        }
        None => {
            create_private(path).map_err(|error| failed("the file", error))?;
            identity(path)?.ok_or(StorageError::Unavailable("the file is gone again", None))
        }
    }
}

/// Returns the identity of the file at `path`, or none if there is nothing.
pub(super) fn identity(path: &Path) -> Result<Option<Identity>, StorageError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("the file", error)),
    };
    let kind = found.file_type();
    if kind.is_symlink() {
        return Err(StorageError::Invalid("a vault file is no symbolic link"));
    }
    if kind.is_dir() {
        return Err(StorageError::Invalid("a vault file is no folder"));
    }
    if !kind.is_file() {
        return Err(StorageError::Invalid("a vault file is a regular file"));
    }
    Ok(Some((found.dev(), found.ino())))
}

/// Creates an empty file that its owner alone may read and write, whatever the umask; SQLite
/// gives its -wal and -shm files the same mode. One that another process creates first is as good.
fn create_private(path: &Path) -> io::Result<()> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        // A umask can only have taken bits away.
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The lock file beside the vault file: shared by handles that share, or held by one alone. The
/// file stays when the lock goes, since deleting it would let two locks stand side by side.
pub(super) struct Sidecar(File);

impl Sidecar {
    /// Takes the lock beside the file at `path`, without waiting.
    pub(super) fn lock(path: &Path, sharing: Sharing) -> Result<Self, StorageError> {
        let path = beside(path, "-lock");
        let file = create_private(&path).and_then(|()| File::open(&path));
        let file = file.map_err(|error| failed("the lock file", error))?;
        let (locked, other) = match sharing {
            Sharing::Shared => (
                file.try_lock_shared(),
                "another handle has the file exclusively",
            ),
            Sharing::Exclusive => (file.try_lock(), "another handle has the file open"),
        };
        match locked {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StorageError::Unavailable(other, None)),
            Err(TryLockError::Error(error)) => Err(failed("the lock file", error)),
        }
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Closing is not enough if a forked child still has the descriptor.
        let _ = self.0.unlock();
    }
}

fn failed(what: &'static str, error: io::Error) -> StorageError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StorageError::Full(Some(Box::new(error)));
    }
    let message = match (what, error.kind()) {
        ("the folder", io::ErrorKind::NotFound) => "the folder of the file does not exist",
        ("the folder", _) => "the folder of the file cannot be opened",
        ("the lock file", _) => "the lock file beside the file cannot be opened",
        _ => "the file cannot be opened or created",
    };
    StorageError::Unavailable(message, Some(Box::new(error)))
}
