//! The table of handles of the library for C, compiled over loom.
//!
//! Loom runs a model again and again: each time its threads take turns in another order, and loads
//! return other values that they may return. The table is the very source that the library is made
//! of; what that takes from elsewhere stands here, as far as it is needed.

extern crate self as vaultcore; // the name that the table imports from

mod faults;
pub mod models;
mod sync;
#[path = "../../src/table.rs"]
mod table;

pub use faults::{Operation, caught};

/// As `vaultcore::Error`.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
}

/// As `vaultcore::ErrorKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no place left.
    LimitExceeded,
    /// The object was there.
    Closed,
    /// No object was ever there.
    InvalidArgument,
}

/// As `vaultcore::Result`.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(kind: ErrorKind, _message: &'static str) -> Self {
        Self { kind }
    }

    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

mod guard {
    use super::{Error, ErrorKind};

    pub(super) fn invalid(message: &'static str) -> Error {
        Error::new(ErrorKind::InvalidArgument, message)
    }
}
