//! ML-KEM-768 (FIPS 203).

use aws_lc_rs::digest;
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use crate::crypto::sign::{Pair, unfit};
use crate::crypto::{RawKey, equal};
use crate::error::{Error, ErrorKind, Result};

/// Where the public key and its hash are in a private key.
const PUBLIC: std::ops::Range<usize> = 1_152..2_336;
const HASH: std::ops::Range<usize> = 2_336..2_368;

/// A private key that is ready to decapsulate.
pub(crate) struct Decapsulator(DecapsulationKey);

impl Decapsulator {
    /// Makes a stored key ready.
    pub(crate) fn new(private: &[u8]) -> Result<Self> {
        let key = DecapsulationKey::new(&ML_KEM_768, private).map_err(|_| unfit())?;
        Ok(Self(key))
    }

    /// Returns the shared secret. A ciphertext of another key, or one that was changed, gives
    /// another secret and no error: FIPS 203 has it so.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Option<RawKey> {
        vaultcore_os::scrubbed(|| {
            let secret = self.0.decapsulate(Ciphertext::from(ciphertext)).ok()?;
            copied(secret.as_ref())
        })
    }
}

/// Makes a key pair.
pub(crate) fn generate_kem() -> Result<Pair> {
    vaultcore_os::scrubbed(|| {
        let key = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| failed())?;
        let private = key.key_bytes().map_err(|_| failed())?;
        let public = key.encapsulation_key().map_err(|_| failed())?;
        Ok(Pair {
            private: Zeroizing::new(private.as_ref().to_vec()),
            public: public.key_bytes().map_err(|_| failed())?.as_ref().to_vec(),
        })
    })
}

/// Returns the public key that is part of a private one, if the two fit together (FIPS 203, 7.3).
pub(crate) fn public_of_kem(private: &[u8]) -> Result<Vec<u8>> {
    let public = private.get(PUBLIC).ok_or_else(unfit)?;
    let hash = private.get(HASH).ok_or_else(unfit)?;
    if !equal(digest::digest(&digest::SHA3_256, public).as_ref(), hash) {
        return Err(unfit());
    }
    let (ciphertext, secret) = encapsulate(public).map_err(|_| unfit())?;
    let again = Decapsulator::new(private)?.decapsulate(&ciphertext);
    match again {
        Some(again) if equal(&*again, &*secret) => Ok(public.to_vec()),
        _ => Err(unfit()),
    }
}

/// Returns whether `seed` is that of a private key, as far as it stands in it (FIPS 203, algorithms 13
/// and 16): its second half does, and of what is hashed of the first half one half ends the public
/// key. aws-lc-rs expands no seeds, so the numbers that the other half makes are not compared.
pub(crate) fn is_kem_seed(seed: &[u8], private: &[u8]) -> bool {
    const RANK: u8 = 3;
    let (Some((first, second)), Some(public)) = (seed.split_at_checked(32), private.get(PUBLIC))
    else {
        return false;
    };
    let hashed = Zeroizing::new([first, &[RANK]].concat());
    let made = vaultcore_os::scrubbed(|| {
        let made = digest::digest(&digest::SHA3_512, &hashed);
        Zeroizing::new(made.as_ref().to_vec())
    });
    let known = made.split_at_checked(32).map(|(known, _)| known);
    let in_public = public.split_at_checked(PUBLIC.len() - 32);
    let behind = private.get(HASH.end..);
    match (known, in_public, behind) {
        (Some(known), Some((_, last)), Some(behind)) => equal(known, last) & equal(second, behind),
        _ => false,
    }
}

/// Returns whether the bytes are a public key.
pub(crate) fn kem_fits(public: &[u8]) -> bool {
    encapsulate(public).is_ok()
}

/// Makes a secret for the holder of the private key; returns what is sent to him, and the secret.
pub(crate) fn encapsulate(public: &[u8]) -> Result<(Vec<u8>, RawKey)> {
    vaultcore_os::scrubbed(|| {
        let key = EncapsulationKey::new(&ML_KEM_768, public).map_err(|_| failed())?;
        let (ciphertext, secret) = key.encapsulate().map_err(|_| failed())?;
        let secret = copied(secret.as_ref()).ok_or_else(failed)?;
        Ok((ciphertext.as_ref().to_vec(), secret))
    })
}

fn copied(secret: &[u8]) -> Option<RawKey> {
    let mut out = RawKey::default();
    if secret.len() != out.len() {
        return None;
    }
    out.copy_from_slice(secret);
    Some(out)
}

fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "the encapsulation failed")
}
