//! What a storage backend may answer instead of a result.

use std::error::Error as StdError;

use crate::error::{Error, ErrorKind};

type Source = Box<dyn StdError + Send + Sync>;

/// Why a storage call failed. Backends build it; the vault turns it into an [`Error`].
///
/// ```
/// use vaultcore::storage::StorageError;
/// let error = StorageError::TooLarge("a batch has at most 128 writes");
/// assert_eq!(vaultcore::Error::from(error).kind(), vaultcore::ErrorKind::TooLarge);
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// An expectation of the batch does not hold. Nothing happened.
    #[error("an entry was changed by someone else")]
    Conflict,
    /// Nothing happened, and the same call may succeed later.
    #[error("the storage is not available: {0}")]
    Unavailable(&'static str, #[source] Option<Source>),
    /// The commit may or may not have happened.
    #[error("the storage did not say whether the commit happened: {0}")]
    Indeterminate(&'static str, #[source] Option<Source>),
    /// The batch is beyond a limit. Nothing happened.
    #[error("{0}")]
    TooLarge(&'static str),
    /// The storage has no room. Nothing happened.
    #[error("the storage is full")]
    Full(#[source] Option<Source>),
    /// This process is a forked child of the one that opened the storage.
    #[error("a storage does not cross a fork: this process is a child of the one that opened it")]
    Forked,
    /// The storage found its own files damaged, or not its own.
    #[error("the storage is damaged: {0}")]
    Damaged(&'static str, #[source] Option<Source>),
    /// The call was wrong, which is a bug of the caller. Nothing happened.
    #[error("{0}")]
    Invalid(&'static str),
    /// The backend, or its version, cannot do this. Nothing happened.
    #[error("{0}")]
    Unsupported(String),
    /// Anything else. Nothing happened.
    #[error("the storage failed: {0}")]
    Other(&'static str, #[source] Option<Source>),
}

impl StorageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict => ErrorKind::Conflict,
            Self::Unavailable(..) => ErrorKind::Unavailable,
            Self::Indeterminate(..) => ErrorKind::Indeterminate,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Full(_) => ErrorKind::Full,
            Self::Forked => ErrorKind::Forked,
            Self::Damaged(..) => ErrorKind::Corrupt,
            Self::Invalid(_) => ErrorKind::InvalidArgument,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            Self::Other(..) => ErrorKind::Storage,
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        let public = Self::new(error.kind(), error.to_string());
        match error {
            StorageError::Unavailable(_, Some(source))
            | StorageError::Indeterminate(_, Some(source))
            | StorageError::Full(Some(source))
            | StorageError::Damaged(_, Some(source))
            | StorageError::Other(_, Some(source)) => public.with_source(source),
            _ => public,
        }
    }
}
