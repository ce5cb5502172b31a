//! What SQLite's errors mean to the caller, and how long to wait for another process.

use std::thread;
use std::time::Duration;

use rusqlite::{Error, ErrorCode};

use crate::storage::StorageError;

/// Explains an error outside COMMIT, where nothing has happened.
pub(super) fn failed(error: Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StorageError::Unavailable("another process holds the file's lock", boxed(error))
        }
        Some(ErrorCode::FileLockingProtocolFailed) => {
            StorageError::Unavailable("the file could not be locked", boxed(error))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StorageError::Unavailable("the file cannot be opened", boxed(error))
        }
        Some(ErrorCode::OutOfMemory) => StorageError::Unavailable("out of memory", boxed(error)),
        Some(ErrorCode::DiskFull) => StorageError::Full(boxed(error)),
        Some(ErrorCode::DatabaseCorrupt) => {
            StorageError::Damaged("the file's structure is broken", boxed(error))
        }
        Some(ErrorCode::NotADatabase) => {
            StorageError::Damaged("the file is not a vault file", boxed(error))
        }
        Some(ErrorCode::ReadOnly) => StorageError::Other("the file is not writable", boxed(error)),
        Some(ErrorCode::SystemIoFailure) => {
            StorageError::Other("the file could not be read or written", boxed(error))
        }
        _ => StorageError::Other("SQLite refused the call", boxed(error)),
    }
}

/// Explains an error of COMMIT, after which the outcome is known in two cases only: nobody but us
/// was to be waited for, and a transaction that found no room has been rolled back.
pub(super) fn commit_failed(error: Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull) => failed(error),
        _ => StorageError::Indeterminate("the file could not be written", boxed(error)),
    }
}

#[allow(clippy::unnecessary_wraps)] // the shape of StorageError's sources
fn boxed(error: Error) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    Some(Box::new(error))
}

/// Runs `attempt` until it does not find the file busy, or until `timeout` was spent waiting.
///
/// SQLite's own handler sleeps up to 100 ms at a time, which is a hundred commits.
pub(super) fn patiently<T>(
    timeout: Duration,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    const FIRST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_micros(1_600);
    let mut left = timeout;
    let mut pause = FIRST;
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && !left.is_zero() => {}
            answer => return answer,
        }
        thread::sleep(pause.min(left));
        left = left.saturating_sub(pause);
        pause = pause.saturating_mul(2).min(LONGEST);
    }
}

fn is_busy(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Error {
        Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
    }

    #[test]
    fn patience_ends() {
        let mut attempts = 0;
        let answer = patiently(Duration::from_micros(200), || {
            attempts += 1;
            Err::<(), _>(busy())
        });
        assert!(answer.is_err());
        assert_eq!(attempts, 4); // 50 + 100 + 50 microseconds, and the last attempt
    }

    #[test]
    fn an_io_error_is_indeterminate_at_commit_only() {
        let io =
            || Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), None);
        assert!(matches!(failed(io()), StorageError::Other(..)));
        assert!(matches!(
            commit_failed(io()),
            StorageError::Indeterminate(..)
        ));
        assert!(matches!(
            commit_failed(busy()),
            StorageError::Unavailable(..)
        ));
    }
}
