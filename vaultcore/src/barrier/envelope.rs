//! The encryption of one record.
//!
//! `format (1) | term (4, big endian) | salt (16) | nonce (12) | ciphertext | tag (16)`. Each
//! record has a key of its own, HMAC-SHA256(term key, label, vault id, salt), so that random salts
//! need no exact count of uses. The path, the vault and the header are authenticated.

use zeroize::Zeroizing;

use crate::crypto::aead::{self, NONCE, TAG};
use crate::crypto::mac::{MacKey, derive};
use crate::crypto::rng::{Random, random};
use crate::crypto::{RawKey, framed};
use crate::error::Result;
use crate::id::VaultId;
use crate::path::EntryPath;

const FORMAT: u8 = 1;
const SALT: usize = 16;
/// What encryption adds to a record.
pub(crate) const OVERHEAD: usize = 1 + 4 + SALT + NONCE + TAG;

/// The two keys of a term: records are encrypted under one, salts and nonces hedged by the other.
#[derive(Debug)]
pub(crate) struct SealingKey {
    label: &'static str,
    records: MacKey,
    hedge: MacKey,
}

impl SealingKey {
    /// Prepares `key`. Keys of different use have different labels.
    pub(crate) fn new(label: &'static str, key: &[u8; 32]) -> Self {
        let hedge = derive(key, "hedge");
        Self {
            label,
            records: MacKey::new(key),
            hedge: MacKey::new(&hedge),
        }
    }

    /// Encrypts `plaintext` for `path` in term number `term`.
    pub(crate) fn encrypt(
        &self,
        place: &Place<'_>,
        term: u32,
        plaintext: &[u8],
        source: &dyn Random,
    ) -> Result<Vec<u8>> {
        let aad = self.aad(place, term);
        let (salt, nonce) = self.salt_and_nonce(&aad, plaintext, source)?;
        let key = self.record_key(place.vault, &salt);
        let mut out = Vec::with_capacity(plaintext.len().saturating_add(OVERHEAD));
        out.push(FORMAT);
        out.extend_from_slice(&term.to_be_bytes());
        out.extend_from_slice(&salt);
        out.extend_from_slice(&nonce);
        let header = out.len();
        out.extend_from_slice(plaintext);
        let body = out.get_mut(header..).unwrap_or_default();
        let tag = aead::encrypt_once(&key, nonce, &aad, body)?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made for the same place; `None` for anything else.
    pub(crate) fn decrypt(
        &self,
        place: &Place<'_>,
        record: &Stored<'_>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let aad = self.aad(place, record.term);
        let key = self.record_key(place.vault, record.salt);
        let mut buffer = Zeroizing::new(record.body.to_vec());
        let length = aead::decrypt_once(&key, *record.nonce, &aad, &mut buffer)?.len();
        buffer.truncate(length);
        Some(buffer)
    }

    /// Returns 16 bytes that differ whenever `fresh` or `context` does.
    pub(crate) fn unique(&self, fresh: &[u8; 16], context: &[&[u8]]) -> [u8; 16] {
        let tag = self.hedge.sign(&[b"unique", fresh, &framed(context)]);
        tag.first_chunk().copied().unwrap_or_default()
    }

    fn aad(&self, place: &Place<'_>, term: u32) -> Vec<u8> {
        framed(&[
            self.label.as_bytes(),
            place.vault.as_bytes(),
            place.path.as_str().as_bytes(),
            &[FORMAT],
            &term.to_be_bytes(),
        ])
    }

    fn record_key(&self, vault: &VaultId, salt: &[u8; SALT]) -> RawKey {
        self.records
            .sign(&[self.label.as_bytes(), vault.as_bytes(), salt])
    }

    /// A source that repeats itself, or a forked process, gets equal salts and nonces only for
    /// equal plaintexts at equal places, and then the records are equal too.
    fn salt_and_nonce(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        source: &dyn Random,
    ) -> Result<([u8; SALT], [u8; NONCE])> {
        let fresh: [u8; 32] = random(source)?;
        let hedged = self.hedge.sign(&[&fresh, aad, plaintext]);
        vaultcore_os::scrub_stack(); // the MAC's context held the last block of the plaintext
        let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
        let outputs = salt.iter_mut().chain(nonce.iter_mut());
        for (to, from) in outputs.zip(hedged.iter()) {
            *to = *from;
        }
        Ok((salt, nonce))
    }
}

/// Where a record belongs: it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) vault: &'a VaultId,
    pub(crate) path: &'a EntryPath,
}

/// A stored record, split into its fields.
pub(crate) struct Stored<'a> {
    pub(crate) term: u32,
    salt: &'a [u8; SALT],
    nonce: &'a [u8; NONCE],
    body: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Splits `bytes`; `None` if they are too short or of another format.
    pub(crate) fn split(bytes: &'a [u8]) -> Option<Self> {
        let ([FORMAT], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (term, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, body) = rest.split_first_chunk()?;
        (body.len() >= TAG).then_some(Self {
            term: u32::from_be_bytes(*term),
            salt,
            nonce,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::crypto::rng::OsRandom;
    use crate::error::Error;

    const VAULT: VaultId = VaultId::from_bytes([9; 16]);

    struct Broken(u8);
    impl Random for Broken {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            buffer.fill(self.0);
            Ok(())
        }
    }
    struct Dead;
    impl Random for Dead {
        fn fill(&self, _: &mut [u8]) -> Result<()> {
            Err(Error::invalid("dead"))
        }
    }

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).expect("path")
    }

    fn key() -> SealingKey {
        SealingKey::new("record", &[3; 32])
    }

    fn open(key: &SealingKey, vault: &VaultId, at: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let path = path(at);
        let place = Place { vault, path: &path };
        Some(key.decrypt(&place, &Stored::split(bytes)?)?.to_vec())
    }

    fn sealed(at: &str, text: &[u8], source: &dyn Random) -> Vec<u8> {
        let path = path(at);
        key()
            .encrypt(
                &Place {
                    vault: &VAULT,
                    path: &path,
                },
                1,
                text,
                source,
            )
            .expect("encrypts")
    }

    #[test]
    fn every_flip_cut_extension_and_move_is_refused() {
        let record = sealed("a/b", b"value", &OsRandom);
        assert_eq!(record.len(), 5 + OVERHEAD);
        assert_eq!(
            open(&key(), &VAULT, "a/b", &record).expect("opens"),
            b"value"
        );
        for index in 0..record.len() {
            for bit in 0..8 {
                let mut changed = record.clone();
                changed[index] ^= 1 << bit;
                assert!(
                    open(&key(), &VAULT, "a/b", &changed).is_none(),
                    "byte {index}"
                );
            }
            assert!(open(&key(), &VAULT, "a/b", &record[..index]).is_none());
        }
        let mut longer = record.clone();
        longer.push(0);
        assert!(open(&key(), &VAULT, "a/b", &longer).is_none());
        assert!(open(&key(), &VAULT, "a/c", &record).is_none());
        assert!(open(&key(), &VaultId::from_bytes([8; 16]), "a/b", &record).is_none());
        assert!(
            open(
                &SealingKey::new("keyring", &[3; 32]),
                &VAULT,
                "a/b",
                &record
            )
            .is_none()
        );
    }

    #[test]
    fn a_broken_source_never_repeats_a_key_and_nonce() {
        for source in [Broken(0), Broken(255)] {
            let mut seen = HashSet::new();
            for number in 0..200u32 {
                let text = number.to_be_bytes();
                for at in ["a", "b"] {
                    let record = sealed(at, &text, &source);
                    assert!(seen.insert(record[5..33].to_vec()), "salt and nonce repeat");
                    // The same write again gives the same bytes, and so tells nothing new.
                    assert_eq!(record, sealed(at, &text, &source));
                }
            }
        }
    }

    /// The control of the test above: without the hedge, a broken source repeats at once.
    #[test]
    fn an_unhedged_nonce_would_repeat() {
        let draw = || random::<28>(&Broken(0)).expect("random");
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_dead_source_stops_the_write() {
        let path = path("a");
        let place = Place {
            vault: &VAULT,
            path: &path,
        };
        assert!(key().encrypt(&place, 1, b"value", &Dead).is_err());
    }
}
