//! Bytes and text that wipe themselves and do not print.

use std::fmt;
use std::io;

use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, `[redacted]` in `Debug`, neither cloned nor serialized.
///
/// ```
/// use vaultcore::SecretBytes;
/// let secret = SecretBytes::copy_from(b"s3cr3t");
/// assert_eq!(secret.expose(), b"s3cr3t");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// ```
pub struct SecretBytes {
    /// The bytes, and a zero behind them if there was room for one: the C interface hands out the
    /// whole then, instead of a copy.
    whole: Box<[u8]>,
    len: usize,
}

impl SecretBytes {
    /// Copies `bytes`. The caller's copy stays the caller's to wipe.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        let mut whole = Vec::with_capacity(bytes.len().saturating_add(1));
        whole.extend_from_slice(bytes);
        Self::take(whole).unwrap_or_else(Self::copy_exactly)
    }

    /// Returns the bytes. What is copied out of them is no longer wiped.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.whole.get(..self.len).unwrap_or_default()
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives the bytes away with a zero behind them, for the C interface: who takes them wipes
    /// them.
    ///
    /// # Errors
    /// These bytes, if there is no zero.
    #[doc(hidden)]
    pub fn into_terminated(mut self) -> Result<Box<[u8]>, Self> {
        match self.whole.len() == self.len {
            true => Err(self),
            false => Ok(std::mem::take(&mut self.whole)),
        }
    }

    /// Takes over `bytes` where they are, if they fill their buffer but for the zero.
    fn take(mut bytes: Vec<u8>) -> Result<Self, Vec<u8>> {
        let len = bytes.len();
        match bytes.capacity().saturating_sub(len) {
            0 => {}
            1 => bytes.push(0),
            // Shrinking would move the bytes and leave the old ones in the heap.
            _ => return Err(bytes),
        }
        let whole = bytes.into_boxed_slice();
        Ok(Self { whole, len })
    }

    /// Copies `bytes` into a box of their length, and wipes them.
    fn copy_exactly(bytes: Vec<u8>) -> Self {
        let (whole, len) = (Box::from(bytes.as_slice()), bytes.len());
        wipe(bytes);
        Self { whole, len }
    }
}

impl From<Vec<u8>> for SecretBytes {
    /// Takes over `bytes` without leaving a copy behind.
    fn from(bytes: Vec<u8>) -> Self {
        Self::take(bytes).unwrap_or_else(Self::copy_exactly)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        vaultcore_os::zero(&mut self.whole); // all at once, not byte by byte
    }
}

/// Wipes all that `bytes` may hold, what lies behind their end too.
fn wipe(mut bytes: Vec<u8>) {
    bytes.resize(bytes.capacity(), 0); // where it is: there is room
    vaultcore_os::zero(&mut bytes);
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Secret text: as [`SecretBytes`], and UTF-8.
///
/// ```
/// use vaultcore::SecretString;
/// let secret = SecretString::from(String::from("correct horse"));
/// assert_eq!(secret.expose(), "correct horse");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// ```
pub struct SecretString(SecretBox<str>);

impl SecretString {
    /// Copies `text`. The caller's copy stays the caller's to wipe.
    #[must_use]
    pub fn copy_from(text: &str) -> Self {
        Self(SecretBox::new(Box::from(text)))
    }

    /// Returns the text. What is copied out of it is no longer wiped.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for SecretString {
    /// Takes over `text` without leaving a copy behind.
    fn from(text: String) -> Self {
        if text.len() == text.capacity() {
            return Self(SecretBox::new(text.into_boxed_str()));
        }
        let secret = Self::copy_from(&text);
        wipe(text.into_bytes());
        secret
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A buffer to serialize secrets into: it grows without leaving old copies in the heap.
#[derive(Default)]
pub(crate) struct SecretWriter(Zeroizing<Vec<u8>>);

impl SecretWriter {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2).max(256)));
            larger.extend_from_slice(&self.0);
            self.0 = larger; // wipes the old buffer
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl io::Write for SecretWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serde for text that wipes itself: `#[serde(with = "crate::secret::wiped")]`.
pub(crate) mod wiped {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(crate) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let bytes = SecretBytes::copy_from(b"canary");
        let text = SecretString::copy_from("canary");
        assert_eq!(format!("{bytes:?}{text:?}"), "[redacted][redacted]");
    }

    #[test]
    fn spare_capacity_changes_nothing() {
        let mut vec = Vec::with_capacity(64);
        vec.extend_from_slice(b"abc");
        assert_eq!(SecretBytes::from(vec).expose(), b"abc");
        for spare in [0, 1, 2] {
            let mut vec = Vec::with_capacity(3 + spare);
            vec.extend_from_slice(b"abc");
            let bytes = SecretBytes::from(vec);
            assert_eq!((bytes.expose(), bytes.len()), (&b"abc"[..], 3));
        }
        let mut text = String::with_capacity(64);
        text.push_str("abc");
        assert_eq!(SecretString::from(text).expose(), "abc");
    }

    #[test]
    fn bytes_are_given_away_with_a_zero_where_there_is_one() {
        for bytes in [&b""[..], b"a", b"abc\0"] {
            let whole = SecretBytes::copy_from(bytes).into_terminated();
            let whole = whole.expect("a copy has room");
            assert_eq!(whole.split_last(), Some((&0, bytes)));
        }
        let full = SecretBytes::from(vec![7; 3]).into_terminated();
        assert_eq!(full.expect_err("no room").expose(), [7; 3]);
    }

    #[test]
    fn the_writer_keeps_what_it_is_given() {
        let mut writer = SecretWriter::default();
        for byte in 0..=255u8 {
            writer.push(&[byte; 3]);
        }
        assert_eq!(writer.into_bytes().len(), 768);
    }
}
