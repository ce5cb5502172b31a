//! Tells cheaply whether anything was committed, by this process or another.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::storage::StorageError;

/// The source of change marks.
pub(super) enum Mark {
    Shared(WalIndex),
    Own(OwnCommits),
}

/// The header of SQLite's wal-index, by which readers themselves learn of commits: a commit is
/// visible once its counter, frame number and checksum stand there, and not before.
///
/// `PRAGMA data_version` compares the same bytes, but takes and returns file locks for it. Here
/// it is one system call, and no lock in this process. The file format is documented
/// (sqlite.org/walformat.html); all that is used of it is that the first 48 bytes differ.
///
/// Closing this descriptor drops the locks that SQLite holds on the file for this process, so it
/// is closed after all connections.
pub(super) struct WalIndex(File);

const HEADER: usize = 48;
/// The first number of the header, which SQLite changes if it changes the layout.
const LAYOUT: u32 = 3_007_000;

impl WalIndex {
    /// Opens the wal-index of the file at `path`, which a connection must have made.
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        let file = File::open(super::file::beside(path, "-shm"));
        file.map(Self).map_err(unreadable)
    }

    fn number(&self) -> Result<Option<u64>, StorageError> {
        let mut header = [0; HEADER];
        self.0.read_exact_at(&mut header, 0).map_err(unreadable)?;
        let layout = header.first_chunk().copied().map(u32::from_ne_bytes);
        if layout != Some(LAYOUT) {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&header);
        Ok(Some(hasher.finish()))
    }
}

/// Counts the commits of the only handle there is.
#[derive(Default)]
pub(super) struct OwnCommits {
    /// Odd while a commit runs, and may become visible at any moment.
    count: AtomicU64,
    doubts: AtomicU64,
}

impl OwnCommits {
    /// While a commit runs every number is a new one, since nobody can tell on which side of it
    /// the caller reads.
    fn number(&self) -> u64 {
        const DOUBT: u64 = 1 << 63;
        let count = self.count.load(Ordering::SeqCst);
        if count.is_multiple_of(2) {
            return count;
        }
        DOUBT | self.doubts.fetch_add(1, Ordering::SeqCst)
    }
}

/// A commit that runs, until it is dropped.
pub(super) struct Running<'a>(Option<&'a OwnCommits>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.0 {
            own.count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Mark {
    pub(super) fn number(&self) -> Result<Option<u64>, StorageError> {
        match self {
            Self::Shared(index) => index.number(),
            Self::Own(own) => Ok(Some(own.number())),
        }
    }

    /// Notes that a commit runs. Only the holder of the writing connection calls this.
    pub(super) fn commit_runs(&self) -> Running<'_> {
        let own = match self {
            Self::Shared(_) => None,
            Self::Own(own) => Some(own),
        };
        if let Some(own) = own {
            own.count.fetch_add(1, Ordering::SeqCst);
        }
        Running(own)
    }
}

fn unreadable(error: std::io::Error) -> StorageError {
    StorageError::Unavailable("the file's wal-index cannot be read", Some(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_taken_during_a_commit_equal_no_other() {
        let mark = Mark::Own(OwnCommits::default());
        let number = || mark.number().expect("a number");
        let before = number();
        assert_eq!(before, number());
        let running = mark.commit_runs();
        let (first, second) = (number(), number());
        drop(running);
        let after = number();
        let all = std::collections::HashSet::from([before, first, second, after]);
        assert_eq!(all.len(), 4);
        assert_eq!(after, number());
    }
}
