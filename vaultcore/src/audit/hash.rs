//! The hash under which a value can be found in a log without standing there.

use data_encoding::HEXLOWER;

use super::buffer::Buffer;
use crate::crypto::mac::{MacKey, derive};

/// What stands in front of every hashed value.
const PREFIX: &str = "hmac-sha256:";

/// Hashes values under the key of one device.
pub(super) struct Hasher(MacKey);

impl Hasher {
    pub(super) fn new(salt_key: &[u8; 32]) -> Self {
        Self(MacKey::new(&derive(salt_key, "audit-hash")))
    }

    /// Returns what stands in the log for `value`.
    pub(super) fn hash(&self, value: &[u8]) -> String {
        let mut text = String::from(PREFIX);
        HEXLOWER.encode_append(&self.0.sign_plain(value), &mut text);
        text
    }

    /// Writes what stands in the log for `value`, as a JSON string.
    pub(super) fn write(&self, buffer: &mut Buffer, value: &[u8]) {
        buffer.push(b"\"");
        buffer.push(PREFIX.as_bytes());
        buffer.hex(&self.0.sign_plain(value));
        buffer.push(b"\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_hashes_as_it_is_written_and_differs_by_device() {
        let (one, other) = (Hasher::new(&[1; 32]), Hasher::new(&[2; 32]));
        let mut buffer = Buffer::new(false);
        one.write(&mut buffer, b"value");
        let written = String::from_utf8(buffer.as_bytes().to_vec()).expect("text");
        assert_eq!(written, format!("\"{}\"", one.hash(b"value")));
        assert_eq!(written.len(), 12 + 64 + 2);
        assert_ne!(one.hash(b"value"), other.hash(b"value"));
        assert_ne!(one.hash(b"value"), one.hash(b"valuf"));
    }
}
