//! Paths: those that a user writes, each with one spelling, and those that storage sees.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, is_nfc, is_nfc_quick};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The longest path a user may write, in bytes.
pub const MAX_PATH: usize = 512;
/// The most segments a path may have.
pub const MAX_SEGMENTS: usize = 32;
/// The longest path that storage sees, in bytes.
pub const MAX_ENTRY_PATH: usize = 2_600;

/// The path of a secret, relative to its mount: `app/db`.
///
/// Every path has exactly one spelling, so that what a policy names and what storage keeps can
/// not differ: segments are separated by single slashes, none is empty, `.` or `..`, none holds a
/// control character, and the text is in Unicode normal form C. It has at most
/// [`MAX_PATH`] bytes and [`MAX_SEGMENTS`] segments. Nothing is decoded or folded: `%2e` is
/// three characters, and `A` is not `a`. `Debug` does not show it.
///
/// ```
/// use vaultcore::SecretPath;
/// assert_eq!(SecretPath::new("app/db")?.as_str(), "app/db");
/// assert!(SecretPath::new("app/../db").is_err());
/// assert!(SecretPath::new("app/db/").is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecretPath(Zeroizing<String>);

impl SecretPath {
    /// Parses `text`.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not in the one spelling, `TooLarge` beyond the limits.
    pub fn new(text: &str) -> Result<Self> {
        check(text)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments, first to last.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// A folder of secrets, relative to its mount: the root, or `app/`.
///
/// Written with or without its last slash; the empty text is the mount's root.
///
/// ```
/// use vaultcore::FolderPath;
/// assert_eq!(FolderPath::new("app")?.as_str(), "app/");
/// assert_eq!(FolderPath::new("")?.as_str(), "");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FolderPath(Zeroizing<String>);

impl FolderPath {
    /// Parses `text`.
    ///
    /// # Errors
    /// As [`SecretPath::new`].
    pub fn new(text: &str) -> Result<Self> {
        let bare = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self(Zeroizing::new(String::new())));
        }
        check(bare)?;
        Ok(Self(Zeroizing::new(format!("{bare}/"))))
    }

    /// Returns the text: empty, or ending in a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments, first to last; none for the root.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }
}

/// Where an engine is mounted: `secret/`.
///
/// `secret` and `secret/` are the same mount; otherwise the rules of [`SecretPath`] hold.
///
/// ```
/// use vaultcore::MountPath;
/// assert_eq!(MountPath::new("secret")?, MountPath::new("secret/")?);
/// assert_eq!(MountPath::new("secret")?.as_str(), "secret/");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MountPath(Zeroizing<String>);

impl MountPath {
    /// Parses `text`.
    ///
    /// # Errors
    /// As [`SecretPath::new`].
    pub fn new(text: &str) -> Result<Self> {
        let bare = text.strip_suffix('/').unwrap_or(text);
        check(bare)?;
        Ok(Self(Zeroizing::new(format!("{bare}/"))))
    }

    /// Returns the text, which ends in a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPath([redacted])")
    }
}

impl fmt::Debug for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FolderPath([redacted])")
    }
}

impl fmt::Debug for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MountPath([redacted])")
    }
}

pub(crate) fn check(text: &str) -> Result<()> {
    if text.len() > MAX_PATH {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "a path has at most {MAX_PATH} bytes, this one has {}",
                text.len()
            ),
        ));
    }
    if text.is_empty() {
        return Err(Error::invalid("a path is not empty"));
    }
    let mut count = 0usize;
    for segment in text.split('/') {
        count = count.saturating_add(1);
        check_segment(segment)?;
    }
    if count > MAX_SEGMENTS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a path has at most {MAX_SEGMENTS} segments, this one has {count}"),
        ));
    }
    let normal = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => is_nfc(text),
    };
    if normal {
        Ok(())
    } else {
        Err(Error::invalid("a path is in Unicode normal form C (NFC)"))
    }
}

fn check_segment(segment: &str) -> Result<()> {
    if segment.is_empty() {
        return Err(Error::invalid(
            "a path has no empty segment: no slash begins, ends or doubles",
        ));
    }
    if segment == "." || segment == ".." {
        return Err(Error::invalid("a path has no segment `.` or `..`"));
    }
    if segment.chars().any(char::is_control) {
        return Err(Error::invalid("a path has no control characters"));
    }
    Ok(())
}

/// The path of an entry as storage sees it: ASCII letters, digits, `-`, `_` and `.`, in parts
/// separated by single slashes, at most [`MAX_ENTRY_PATH`] bytes. It holds no name in clear.
///
/// ```
/// use vaultcore::storage::EntryPath;
/// let path = EntryPath::new("sys/header")?;
/// assert_eq!(path.as_str(), "sys/header");
/// assert!(EntryPath::new("sys//header").is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(Arc<str>);

impl EntryPath {
    /// Parses `text`.
    ///
    /// # Errors
    /// `InvalidArgument` for any other character or an empty part, `TooLarge` beyond the limit.
    pub fn new(text: &str) -> Result<Self> {
        if text.len() > MAX_ENTRY_PATH {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a stored path has at most {MAX_ENTRY_PATH} bytes"),
            ));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if !text.bytes().all(allowed) || text.split('/').any(str::is_empty) {
            return Err(Error::invalid(
                "a stored path has parts of A-Z a-z 0-9 - _ . only",
            ));
        }
        Ok(Self(Arc::from(text)))
    }

    /// Takes a text whose parts are known to be right, and checks only that it is not too long.
    pub(crate) fn from_parts(text: &str) -> Result<Self> {
        debug_assert!(Self::new(text).is_ok());
        if text.len() > MAX_ENTRY_PATH {
            return Self::new(text); // refuses it
        }
        Ok(Self(Arc::from(text)))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stored form of a folder: empty, or parts each followed by a slash.
///
/// Parts are of four kinds: fixed text, ids, numbers, and hidden names, which the barrier makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(String);

impl Folder {
    /// A folder whose parts are fixed text, such as `sys`.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self(format!("{text}/"))
    }

    /// A folder that was stored as its text.
    pub(crate) fn stored(text: &str) -> Result<Self> {
        let corrupt = || Error::corrupt("the path of a stored folder is none");
        let parts = text.strip_suffix('/').ok_or_else(corrupt)?;
        EntryPath::new(parts).map_err(|_| corrupt())?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn then(&self, part: &str) -> Self {
        Self([&self.0, part, "/"].concat())
    }

    pub(crate) fn entry(&self, part: &str) -> Result<EntryPath> {
        EntryPath::from_parts(&[&self.0, part].concat())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_or_none() {
        for bad in [
            "", "/", "a/", "/a", "a//b", ".", "a/..", "a/./b", "a\0b", "a\nb", "e\u{301}",
            "a\u{7f}",
        ] {
            let error = SecretPath::new(bad).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
        }
        for good in ["a", "a/b", "%2e%2e", "A", "\u{e9}", "a b", "...", "a.b"] {
            assert_eq!(SecretPath::new(good).expect(good).as_str(), good);
        }
    }

    #[test]
    fn limits_are_exact() {
        assert!(SecretPath::new(&"a".repeat(MAX_PATH)).is_ok());
        let long = SecretPath::new(&"a".repeat(MAX_PATH + 1)).expect_err("too long");
        assert_eq!(long.kind(), ErrorKind::TooLarge);
        assert!(SecretPath::new(&vec!["a"; MAX_SEGMENTS].join("/")).is_ok());
        let deep = SecretPath::new(&vec!["a"; MAX_SEGMENTS + 1].join("/")).expect_err("too deep");
        assert_eq!(deep.kind(), ErrorKind::TooLarge);
        assert!(SecretPath::new(&"a".repeat(10_000_000)).is_err());
    }

    #[test]
    fn debug_hides_names() {
        let text = format!(
            "{:?}{:?}{:?}",
            SecretPath::new("canary").expect("path"),
            FolderPath::new("canary").expect("path"),
            MountPath::new("canary").expect("path")
        );
        assert!(!text.contains("canary"));
    }
}
