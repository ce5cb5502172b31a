//! The AEADs that transit keys may be of.

#[cfg(feature = "xchacha")]
mod extended;

use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use vaultcore_os::LockedBox;

use crate::error::{Error, ErrorKind, Result};

/// The length of every tag.
pub(crate) const TAG: usize = 16;

/// An AEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    /// AES-128-GCM (NIST SP 800-38D).
    Aes128Gcm,
    /// AES-256-GCM (NIST SP 800-38D).
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
    /// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha).
    #[cfg(feature = "xchacha")]
    XChaCha20Poly1305,
}

impl Cipher {
    pub(crate) fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            _ => 32,
        }
    }

    pub(crate) fn nonce_length(self) -> usize {
        match self {
            #[cfg(feature = "xchacha")]
            Self::XChaCha20Poly1305 => 24,
            _ => 12,
        }
    }

    fn of_ring(self) -> Option<&'static aead::Algorithm> {
        match self {
            Self::Aes128Gcm => Some(&aead::AES_128_GCM),
            Self::Aes256Gcm => Some(&aead::AES_256_GCM),
            Self::ChaCha20Poly1305 => Some(&aead::CHACHA20_POLY1305),
            #[cfg(feature = "xchacha")]
            Self::XChaCha20Poly1305 => None,
        }
    }
}

/// An expanded key, in locked memory.
#[derive(Debug)]
pub(crate) struct CipherKey {
    cipher: Cipher,
    schedule: Schedule,
}

#[derive(Debug)]
enum Schedule {
    Ring(LockedBox<LessSafeKey>),
    #[cfg(feature = "xchacha")]
    Extended(extended::Key),
}

impl CipherKey {
    /// Expands `key`.
    ///
    /// # Errors
    /// `InvalidArgument` if it has not the length of the cipher's keys.
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Result<Self> {
        let wrong = || Error::invalid("the key has not the length that its type asks for");
        let schedule = match cipher.of_ring() {
            Some(algorithm) => Schedule::Ring(
                LockedBox::try_new_with(|| UnboundKey::new(algorithm, key).map(LessSafeKey::new))
                    .map_err(|_| wrong())?,
            ),
            #[cfg(feature = "xchacha")]
            None => Schedule::Extended(extended::Key::new(key).ok_or_else(wrong)?),
            #[cfg(not(feature = "xchacha"))]
            None => return Err(wrong()),
        };
        Ok(Self { cipher, schedule })
    }

    pub(crate) fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// Encrypts `buffer` in place and returns the tag.
    pub(crate) fn encrypt(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Result<[u8; TAG]> {
        let refused = || {
            Error::new(
                ErrorKind::TooLarge,
                "the plaintext is beyond what the cipher encrypts",
            )
        };
        match &self.schedule {
            Schedule::Ring(key) => {
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(aad), buffer)
                    .map_err(|_| refused())?;
                tag.as_ref().try_into().map_err(|_| refused())
            }
            #[cfg(feature = "xchacha")]
            Schedule::Extended(key) => key.encrypt(nonce, aad, buffer).ok_or_else(refused),
        }
    }

    /// Decrypts what follows the first `skip` bytes of `buffer`, ciphertext and tag, and moves the
    /// plaintext to its beginning; returns its length, or `None` if it does not authenticate.
    pub(crate) fn decrypt(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        skip: usize,
    ) -> Option<usize> {
        match &self.schedule {
            Schedule::Ring(key) => {
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let plain = key.open_within(nonce, Aad::from(aad), buffer, skip..);
                plain.ok().map(|plain| plain.len())
            }
            #[cfg(feature = "xchacha")]
            Schedule::Extended(key) => key.decrypt(nonce, aad, buffer, skip),
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    const ALL: &[Cipher] = &[
        Cipher::Aes128Gcm,
        Cipher::Aes256Gcm,
        Cipher::ChaCha20Poly1305,
        #[cfg(feature = "xchacha")]
        Cipher::XChaCha20Poly1305,
    ];

    #[test]
    fn each_cipher_brings_back_what_it_took_and_refuses_the_rest() {
        for &cipher in ALL {
            let key = CipherKey::new(cipher, &vec![7; cipher.key_length()]).expect("key");
            let nonce = vec![1; cipher.nonce_length()];
            let mut text = b"value".to_vec();
            let tag = key.encrypt(&nonce, b"aad", &mut text).expect("encrypts");
            let mut stored = [nonce.as_slice(), text.as_slice(), tag.as_slice()].concat();
            let skip = nonce.len();
            for index in skip..stored.len() {
                let mut changed = stored.clone();
                changed[index] ^= 1;
                assert!(key.decrypt(&nonce, b"aad", &mut changed, skip).is_none());
            }
            let other = vec![2; cipher.nonce_length()];
            assert!(
                key.decrypt(&other, b"aad", &mut stored.clone(), skip)
                    .is_none()
            );
            assert!(
                key.decrypt(&nonce, b"axd", &mut stored.clone(), skip)
                    .is_none()
            );
            assert!(key.decrypt(&nonce, b"aad", &mut [], 0).is_none());
            let length = key.decrypt(&nonce, b"aad", &mut stored, skip);
            assert_eq!(length, Some(5), "{cipher:?}");
            assert_eq!(&stored[..5], b"value");
            assert!(CipherKey::new(cipher, &[0; 15]).is_err());
        }
    }

    /// RFC 8439, section 2.8.2.
    #[test]
    fn chacha_matches_the_rfc() {
        let key: Vec<u8> = (0x80..0xa0).collect();
        let key = CipherKey::new(Cipher::ChaCha20Poly1305, &key).expect("key");
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let aad = HEXLOWER.decode(b"50515253c0c1c2c3c4c5c6c7").expect("hex");
        let mut text = b"Ladies and Gentlemen of the class of '99: If I could offer you only \
                         one tip for the future, sunscreen would be it."
            .to_vec();
        let tag = key.encrypt(&nonce, &aad, &mut text).expect("encrypts");
        assert_eq!(HEXLOWER.encode(&tag), "1ae10b594f09e26a7e902ecbd0600691");
        assert!(
            HEXLOWER
                .encode(&text)
                .starts_with("d31a8d34648e60db7b86afbc53ef7ec2")
        );
    }
}
