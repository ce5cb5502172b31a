//! The one public error.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of every fallible call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why an operation failed.
        ///
        /// The numbers are part of the C ABI: none is ever changed or used again.
        ///
        /// ```
        /// use vaultcore::ErrorKind;
        /// assert_eq!(ErrorKind::Conflict.code(), 1);
        /// assert_eq!(ErrorKind::Sealed.to_string(), "Sealed");
        /// ```
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum ErrorKind { $($(#[$doc])* $name = $code,)* }

        impl ErrorKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

kinds! {
    /// The record was changed by someone else; read again and retry.
    Conflict = 1,
    /// Stored bytes failed to authenticate or to parse.
    Corrupt = 2,
    /// The storage already holds a vault.
    AlreadyInitialized = 3,
    /// No audit device took the record, so nothing was answered.
    AuditFailed = 4,
    /// The clock jumped in a way that nothing confirms.
    ClockSuspect = 5,
    /// The handle was closed.
    Closed = 6,
    /// The lease, token or version has run out.
    Expired = 7,
    /// This process is a forked child of the one that opened the vault, which does not cross a fork.
    Forked = 8,
    /// The storage has no room left.
    Full = 9,
    /// The change may or may not have happened; read before trying again.
    Indeterminate = 10,
    /// An argument is not what the call takes; nothing was changed.
    InvalidArgument = 11,
    /// A limit that was set on the object is reached.
    LimitExceeded = 12,
    /// There is no such object.
    NotFound = 13,
    /// The storage holds no vault yet.
    NotInitialized = 14,
    /// A bug in vaultcore, caught at the boundary.
    Panicked = 15,
    /// The caller may not do this.
    PermissionDenied = 16,
    /// The vault is sealed.
    Sealed = 17,
    /// The storage failed.
    Storage = 18,
    /// The time allowed for the call ran out.
    Timeout = 19,
    /// The input is larger than the limit, which the message names.
    TooLarge = 20,
    /// Nothing happened; the same call may succeed later.
    Unavailable = 21,
    /// The share, passphrase or key does not open this vault.
    UnsealFailed = 22,
    /// This build, format or backend does not have what was asked for.
    Unsupported = 23,
}

impl ErrorKind {
    /// Returns the number of the kind, which is the status code of the C ABI.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What went wrong, for programs ([`kind`](Error::kind)) and for people (`Display`).
///
/// No error carries a secret: not a value, a name of a secret, a token, a share or a key.
///
/// ```
/// use vaultcore::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::NotFound, "no such version");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "no such version");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    versions: Option<(u64, u64)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error. `message` tells what was wrong and what was expected, and no secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            versions: None,
            source: None,
        }))
    }

    /// Adds the error that caused this one. Its text may be shown, so it holds no secret either.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Creates the error of a check-and-set that expected one version and found another.
    pub(crate) fn version_conflict(expected: u64, found: u64) -> Self {
        let message = format!("check-and-set expected version {expected}, found {found}");
        let mut error = Self::new(ErrorKind::Conflict, message);
        error.0.versions = Some((expected, found));
        error
    }

    /// Creates an `InvalidArgument`.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Creates a `Corrupt`.
    pub(crate) fn corrupt(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Creates a `NotFound`.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Returns why the operation failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the version that a check-and-set expected and the one that it found.
    ///
    /// `None` for every error but a check-and-set conflict. A found version of 0 means that the
    /// secret has no version.
    #[must_use]
    pub fn versions(&self) -> Option<(u64, u64)> {
        self.0.versions
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.0.kind)
            .field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_from_one_without_a_gap() {
        let numbers: Vec<u32> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(numbers, (1..=23).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
