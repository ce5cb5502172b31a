//! How keys of ML-KEM-768 are written (RFC 9935).

use zeroize::Zeroizing;

use super::der::{self, Reader, oid};
use super::extended;
use super::sign::{Pair, unfit, unreadable};
use crate::error::{Error, Result};

/// The length of what is sent to the holder of a private key.
pub(crate) const CIPHERTEXT: usize = 1_088;
const PRIVATE: usize = 2_400;
const PUBLIC: usize = 1_184;
/// The tag of a seed in PKCS#8.
const SEED: u8 = 0x80;

/// Reads a private key: its 2,400 bytes, alone or in PKCS#8. Checks that its parts fit together.
///
/// # Errors
/// `InvalidArgument` for anything else, also for a seed alone; `Unsupported` without `crypto-ext`.
pub(crate) fn read_private(bytes: &[u8]) -> Result<Pair> {
    let found = der::pkcs8(bytes);
    let private = match &found {
        Some(found) => {
            let mut algorithm = found.algorithm;
            if algorithm.read(der::OID) != Some(oid::ML_KEM_768) {
                return Err(unreadable());
            }
            expanded(found.key)?
        }
        None => bytes,
    };
    if private.len() != PRIVATE {
        return Err(unreadable());
    }
    let public = extended::public_of_kem(private)?;
    if found.is_some_and(|found| !found.is_of(&public)) {
        return Err(unfit());
    }
    let private = Zeroizing::new(private.to_vec());
    Ok(Pair { private, public })
}

/// Returns whether a stored key pair, or its public key if `private` is empty, is one that was read or
/// made here: whether its parts fit together.
pub(crate) fn is_pair(private: &[u8], public: &[u8]) -> bool {
    match private.is_empty() {
        true => public_of_spki(&to_spki(public)).is_some_and(|taken| taken == public),
        false => read_private(private).is_ok_and(|pair| pair.public == public),
    }
}

/// Returns the expanded key of the forms that PKCS#8 has for it.
fn expanded(key: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(key);
    let found = match reader.peek() {
        Some(SEED) => {
            return Err(Error::invalid(
                "an ML-KEM key is imported as it is expanded, not as its seed",
            ));
        }
        Some(der::SEQUENCE) => reader.inside(der::SEQUENCE).and_then(|mut both| {
            let (seed, key) = (both.read(der::OCTET_STRING)?, both.read(der::OCTET_STRING)?);
            (both.is_empty() && extended::is_kem_seed(seed, key)).then_some(key)
        }),
        _ => reader.read(der::OCTET_STRING),
    };
    found.filter(|_| reader.is_empty()).ok_or_else(unreadable)
}

/// Returns a private key in PKCS#8.
pub(crate) fn to_pkcs8(private: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = der::value(der::OCTET_STRING, &[private]);
    let key = der::value(der::OCTET_STRING, &[&key]);
    der::value(der::SEQUENCE, &[&der::number(&[]), &identifier(), &key])
}

/// Returns a public key as SubjectPublicKeyInfo (RFC 5280).
pub(crate) fn to_spki(public: &[u8]) -> Vec<u8> {
    der::spki(&identifier(), public)
}

/// Returns the public key inside SubjectPublicKeyInfo if it is one of ML-KEM-768.
pub(crate) fn public_of_spki(der: &[u8]) -> Option<Vec<u8>> {
    let public = der::public_of_spki(&identifier(), der)?;
    let fits = public.len() == PUBLIC && extended::kem_fits(public);
    fits.then(|| public.to_vec())
}

fn identifier() -> Zeroizing<Vec<u8>> {
    let named = der::value(der::OID, &[oid::ML_KEM_768]);
    der::value(der::SEQUENCE, &[&named])
}

#[cfg(all(test, feature = "crypto-ext"))]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_every_format() {
        let pair = extended::generate_kem().expect("generated");
        assert_eq!((pair.private.len(), pair.public.len()), (PRIVATE, PUBLIC));
        let pkcs8 = to_pkcs8(&pair.private);
        for bytes in [&pkcs8, &pair.private] {
            let again = read_private(bytes).expect("reads");
            assert_eq!(
                (&again.private, &again.public),
                (&pair.private, &pair.public)
            );
        }
        let spki = to_spki(&pair.public);
        assert_eq!(public_of_spki(&spki), Some(pair.public.clone()));
        for length in 0..pkcs8.len() {
            assert!(read_private(&pkcs8[..length]).is_err(), "{length}");
        }
        // Another public key in it, another hash, another secret: each is found.
        // A secret that differs in one number may decrypt all the same, so that all of it is changed.
        for part in [0..1_152, 1_152..1_153, 2_336..2_337] {
            let mut changed = pair.private.clone();
            changed[part.clone()].iter_mut().for_each(|byte| *byte ^= 1);
            assert!(read_private(&changed).is_err(), "{part:?}");
        }
    }

    #[test]
    fn a_secret_is_shared_with_the_holder_of_the_key_alone() {
        let pair = extended::generate_kem().expect("generated");
        let (ciphertext, secret) = extended::encapsulate(&pair.public).expect("made");
        assert_eq!(ciphertext.len(), CIPHERTEXT);
        let holder = extended::Decapsulator::new(&pair.private).expect("ready");
        assert_eq!(*holder.decapsulate(&ciphertext).expect("secret"), *secret);
        let other = extended::generate_kem().expect("generated");
        let other = extended::Decapsulator::new(&other.private).expect("ready");
        assert_ne!(*other.decapsulate(&ciphertext).expect("another"), *secret);
        assert!(holder.decapsulate(&ciphertext[1..]).is_none());
    }
    /// What kyber-py 1.2.0 expands the seed 00 01 .. 3f to; its public key is that of OpenSSL 4.0.3.
    #[test]
    fn a_seed_beside_the_expanded_key_is_its_own() {
        let text: String = include_str!("kem/expanded.txt")
            .split_whitespace()
            .collect();
        let private = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .expect("hex");
        let seed: Vec<u8> = (0..64).collect();
        let both = |seed: &[u8], behind: &[u8]| {
            let (seed, key) = (
                der::value(der::OCTET_STRING, &[seed]),
                der::value(der::OCTET_STRING, &[&private]),
            );
            let key = der::value(der::SEQUENCE, &[&seed, &key, behind]);
            let key = der::value(der::OCTET_STRING, &[&key]);
            der::value(der::SEQUENCE, &[&der::number(&[]), &identifier(), &key])
        };
        let read = read_private(&both(&seed, &[])).expect("reads");
        assert_eq!(*read.private, private);
        for at in [0, 31, 32, 63] {
            let mut other = seed.clone();
            other[at] ^= 1;
            assert!(read_private(&both(&other, &[])).is_err(), "{at}");
        }
        for other in [
            &seed[..63],
            &seed[..32],
            &[],
            &[seed.as_slice(), &[0]].concat(),
        ] {
            assert!(read_private(&both(other, &[])).is_err());
        }
        assert!(read_private(&both(&seed, &[0])).is_err(), "more behind");
    }
}
