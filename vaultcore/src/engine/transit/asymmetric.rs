//! Encrypting under public keys: RSA-OAEP, and ML-KEM for data keys.
//!
//! RSA as in Vault: OAEP with SHA-256. Associated data is its label, which Vault leaves empty.
//! `PKCS #1` version 1.5 is not there: whoever may ask whether its padding is right can decrypt.
//!
//! ML-KEM: `encapsulation 1088 | nonce 12 | ciphertext | tag 16`. The shared secret makes, by
//! HKDF-SHA256 without salt, 32 bytes that are a key of AES-256-GCM and 32 that make the nonce of text
//! and associated data: a random source that repeats itself never makes a nonce serve two texts.

use zeroize::Zeroizing;

use super::item::Input;
use super::kind::KeyType;
use super::prepared::Usable;
use crate::crypto::cipher::{Cipher, CipherKey};
use crate::crypto::extended;
use crate::crypto::hash::{self, Hash, HmacKey, Oaep};
use crate::crypto::kem::CIPHERTEXT;
use crate::error::{Error, Result};

const NONCE: usize = 12;
/// What the shared secret is used for.
const PURPOSE: &[u8] = b"vaultcore ml-kem-768 data key";

/// Encrypts the data of an item.
pub(super) fn seal(version: Usable<'_>, item: &Input<'_>) -> Result<Vec<u8>> {
    let public = version.stored.public.as_slice();
    if version.kind == KeyType::MlKem768 {
        return seal_by_kem(public, item.data(), &item.associated);
    }
    let algorithm = version.kind.algorithm().ok_or_else(no_encryption)?;
    let hash = Oaep::Sha256;
    extended::encrypt(algorithm, public, hash, &item.associated, item.data())
}

/// Decrypts; `None` whatever is wrong.
pub(super) fn open(
    version: Usable<'_>,
    associated: &[u8],
    bytes: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    if version.kind == KeyType::MlKem768 {
        return open_by_kem(version, associated, bytes);
    }
    let key = version.decryptor().ok()?;
    key.decrypt(Oaep::Sha256, associated, bytes)
}

fn seal_by_kem(public: &[u8], plain: &[u8], associated: &[u8]) -> Result<Vec<u8>> {
    let (mut out, secret) = extended::encapsulate(public)?;
    let (cipher, nonces) = keys(&*secret)?;
    let made = nonces.nonce(&[plain, associated]);
    let nonce = made.get(..NONCE).unwrap_or_default();
    let mut text = Zeroizing::new(plain.to_vec());
    let tag = cipher.encrypt(nonce, associated, &mut text)?;
    for part in [nonce, &text, &tag] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

fn open_by_kem(version: Usable<'_>, associated: &[u8], bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (encapsulation, rest) = bytes.split_at_checked(CIPHERTEXT)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    let secret = version.decapsulator().ok()?.decapsulate(encapsulation)?;
    let (cipher, _) = keys(&*secret).ok()?;
    let mut text = Zeroizing::new(sealed.to_vec());
    let length = cipher.decrypt(nonce, associated, &mut text, 0)?;
    text.truncate(length);
    Some(text)
}

/// Returns what encrypts by a shared secret, and what makes its nonce.
fn keys(secret: &[u8]) -> Result<(CipherKey, HmacKey)> {
    let both = hash::hkdf(secret, PURPOSE, 64)?;
    let (key, nonces) = both.split_at(both.len() / 2);
    Ok((
        CipherKey::new(Cipher::Aes256Gcm, key)?,
        HmacKey::new(Hash::Sha256, nonces),
    ))
}

fn no_encryption() -> Error {
    Error::invalid("keys of this type do not encrypt")
}
