//! AES-256-GCM (NIST SP 800-38D) with a 96-bit nonce and a 128-bit tag.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use vaultcore_os::{LockedBox, Wiped};

use crate::error::{Error, ErrorKind, Result};

pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;

/// ring's key, or nothing if it refused the bytes, which it does for a wrong length only.
type Schedule = Option<LessSafeKey>;

/// A key that stays in memory for as long as the vault is unsealed.
#[derive(Debug)]
pub(crate) struct AeadKey(LockedBox<Schedule>);

impl AeadKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LockedBox::new_with(|| schedule(key)))
    }

    /// Encrypts `buffer` in place and returns the tag.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG]> {
        encrypt(&self.0, nonce, aad, buffer)
    }

    /// Decrypts `buffer`, ciphertext and tag, in place; `None` if it does not authenticate.
    pub(crate) fn decrypt<'b>(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        buffer: &'b mut [u8],
    ) -> Option<&'b mut [u8]> {
        decrypt(&self.0, nonce, aad, buffer)
    }
}

/// Encrypts `buffer` in place under a key that is used once, and returns the tag.
pub(crate) fn encrypt_once(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG]> {
    encrypt(&Wiped::new(schedule(key)), nonce, aad, buffer)
}

/// Decrypts as [`AeadKey::decrypt`] under a key that is used once.
pub(crate) fn decrypt_once<'b>(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    buffer: &'b mut [u8],
) -> Option<&'b mut [u8]> {
    decrypt(&Wiped::new(schedule(key)), nonce, aad, buffer)
}

fn schedule(key: &[u8; 32]) -> Schedule {
    UnboundKey::new(&AES_256_GCM, key)
        .ok()
        .map(LessSafeKey::new)
}

fn encrypt(key: &Schedule, nonce: [u8; NONCE], aad: &[u8], buffer: &mut [u8]) -> Result<[u8; TAG]> {
    let refused = || {
        Error::new(
            ErrorKind::TooLarge,
            "the plaintext is beyond what GCM encrypts",
        )
    };
    let key = key.as_ref().ok_or_else(refused)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), buffer)
        .map_err(|_| refused())?;
    let mut out = [0; TAG];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    Ok(out)
}

fn decrypt<'b>(
    key: &Schedule,
    nonce: [u8; NONCE],
    aad: &[u8],
    buffer: &'b mut [u8],
) -> Option<&'b mut [u8]> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.as_ref()?
        .open_in_place(nonce, Aad::from(aad), buffer)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// The GCM specification's test case 16: AES-256 with associated data.
    #[test]
    fn gcm_matches_the_specification() {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).expect("hex");
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
            .try_into()
            .expect("32 bytes");
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888")
            .try_into()
            .expect("12 bytes");
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let mut buffer = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let tag = encrypt_once(&key, nonce, &aad, &mut buffer).expect("encrypts");
        assert_eq!(HEXLOWER.encode(&tag), "76fc6ece0f4e1768cddf8853bb2d551b");
        assert!(
            HEXLOWER
                .encode(&buffer)
                .starts_with("522dc1f099567d07f47f37a32a84427d")
        );
    }

    #[test]
    fn tampered_input_is_refused() {
        let key = AeadKey::new(&[7; 32]);
        let mut sealed = b"value".to_vec();
        let tag = key.encrypt([1; 12], b"aad", &mut sealed).expect("encrypts");
        sealed.extend_from_slice(&tag);
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.decrypt([1; 12], b"aad", &mut changed).is_none());
        }
        assert!(key.decrypt([1; 12], b"axd", &mut sealed.clone()).is_none());
        assert!(key.decrypt([2; 12], b"aad", &mut sealed.clone()).is_none());
        assert!(key.decrypt([1; 12], b"aad", &mut []).is_none());
        let plain = key
            .decrypt([1; 12], b"aad", &mut sealed)
            .expect("decrypts")
            .to_vec();
        assert_eq!(plain, b"value");
    }
}
