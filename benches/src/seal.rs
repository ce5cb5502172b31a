//! The encryption of a record with nothing around it: what no vault can do faster.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

const SALT: usize = 16;
const NONCE: usize = 12;
const HEADER: usize = 1 + 4 + SALT + NONCE;
const TAG: usize = 16;
/// What encryption adds, the same as in a vault.
pub(crate) const OVERHEAD: usize = HEADER + TAG;

/// A key from which each record's own is derived.
pub(crate) struct Sealer(hmac::Key);

impl Sealer {
    pub(crate) fn new() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }

    /// Encrypts `plain` for `path`; `fresh` are the bytes of salt and nonce.
    pub(crate) fn seal(&self, path: &str, plain: &[u8], fresh: [u8; SALT + NONCE]) -> Vec<u8> {
        let mut record = vec![0; 5];
        record.extend_from_slice(&fresh);
        let (key, nonce) = self.prepare(&record);
        let mut body = plain.to_vec();
        let aad = Aad::from(path.as_bytes());
        key.seal_in_place_append_tag(nonce, aad, &mut body)
            .expect("encrypts");
        record.extend_from_slice(&body);
        record
    }

    /// Decrypts what `seal` made: a key derivation, a key schedule, and the decryption.
    pub(crate) fn open(&self, path: &str, record: &[u8]) -> Vec<u8> {
        let (key, nonce) = self.prepare(record);
        let mut body = record[HEADER..].to_vec();
        let aad = Aad::from(path.as_bytes());
        let length = key
            .open_in_place(nonce, aad, &mut body)
            .expect("authenticates")
            .len();
        body.truncate(length);
        body
    }

    fn prepare(&self, record: &[u8]) -> (LessSafeKey, Nonce) {
        let (salt, nonce) = record[5..HEADER].split_at(SALT);
        // Label, vault and salt, framed: as long as what a vault signs.
        let mut framed = [0; 4 + 6 + 4 + 16 + 4 + SALT];
        framed[34..].copy_from_slice(salt);
        let key = hmac::sign(&self.0, &framed);
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("32 bytes");
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
        (LessSafeKey::new(key), nonce)
    }
}
