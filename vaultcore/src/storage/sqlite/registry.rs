//! The files that this process has open.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use vaultcore_os::ForkMark;

use crate::storage::StorageError;

/// A file, whatever its path: device and inode.
pub(super) type Identity = (u64, u64);

/// The one global: POSIX locks belong to the process, and closing any descriptor of a file drops
/// all that the process holds on it, so a file may have one handle in each process.
static OPEN: Mutex<Vec<(Identity, ForkMark)>> = Mutex::new(Vec::new());

/// The right to have a file open, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    identity: Identity,
    mark: ForkMark,
}

impl Claim {
    /// Claims the file that `find` finds or creates. No other claim is made meanwhile, so `find`
    /// may close a descriptor of a file that it has just created.
    pub(super) fn new(
        find: impl FnOnce() -> Result<Identity, StorageError>,
    ) -> Result<Self, StorageError> {
        let mark = ForkMark::new();
        let mut open = lock()?;
        let identity = find()?;
        match open.iter().find(|(other, _)| *other == identity) {
            Some((_, theirs)) if theirs.forked() => Err(inherited()),
            Some(_) => Err(StorageError::Unavailable(
                "this process has the file open already; share that handle",
                None,
            )),
            None => {
                open.push((identity, mark));
                Ok(Self { identity, mark })
            }
        }
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.mark.forked() {
            return;
        }
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(identity, _)| *identity != self.identity);
    }
}

/// Locks without waiting for a thread that a fork left behind: only opening contends, so that
/// a short retry is enough for threads that exist.
fn lock() -> Result<MutexGuard<'static, Vec<(Identity, ForkMark)>>, StorageError> {
    for _ in 0..10_000 {
        match OPEN.try_lock() {
            Ok(open) => return Ok(open),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        }
    }
    Err(StorageError::Unavailable(
        "another thread is opening a file",
        None,
    ))
}

/// SQLite's own table of open files came along with the fork, and would take the parent's locks
/// for its own: a second handle in the child could corrupt the file.
fn inherited() -> StorageError {
    StorageError::Unsupported(
        "this process was forked while the file was open; open it in the child only if the \
         parent did not, or start a new program"
            .to_owned(),
    )
}
