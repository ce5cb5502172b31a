//! What stands for `extended` in builds without the feature `crypto-ext`: all of it is refused, by an
//! error that names the feature.

use zeroize::Zeroizing;

use super::RawKey;
use super::hash::{Oaep, Rare};
use super::rng::Random;
use super::sign::{Algorithm, Message, Pair, Scheme, needs_extension};
use crate::error::Result;

/// Whether this build has it.
pub(crate) const BUILT: bool = false;

/// There is none.
pub(crate) enum Signer {}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm, _: &[u8], _: &[u8]) -> Result<Self> {
        Err(lacking(algorithm))
    }

    pub(crate) fn sign(&self, _: Scheme, _: Message<'_>) -> Result<Vec<u8>> {
        match *self {}
    }
}

/// There is none.
pub(crate) enum Decryptor {}

impl Decryptor {
    pub(crate) fn new(_: Algorithm, _: &[u8]) -> Result<Self> {
        Err(needs_extension("decrypting by RSA"))
    }

    pub(crate) fn decrypt(&self, _: Oaep, _: &[u8], _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match *self {}
    }
}

/// There is none.
pub(crate) enum Decapsulator {}

impl Decapsulator {
    pub(crate) fn new(_: &[u8]) -> Result<Self> {
        Err(needs_extension("ML-KEM"))
    }

    pub(crate) fn decapsulate(&self, _: &[u8]) -> Option<RawKey> {
        match *self {}
    }
}

fn lacking(algorithm: Algorithm) -> crate::error::Error {
    needs_extension(match algorithm {
        Algorithm::EcdsaP521 => "ECDSA over P-521",
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => {
            "signing by ECDSA with another hash than the curve's, or of a hash,"
        }
        Algorithm::Rsa(_) => "making RSA keys",
        Algorithm::MlDsa65 => "ML-DSA",
        Algorithm::Ed25519 => "this",
    })
}

pub(crate) fn rare_hash(hash: Rare, _: &[u8]) -> Result<Vec<u8>> {
    Err(needs_extension(&format!(
        "the hash function {}",
        hash.name()
    )))
}

pub(crate) fn rare_hmac(hash: Rare, _: &[u8], _: &[u8]) -> Result<Vec<u8>> {
    rare_hash(hash, &[])
}

pub(crate) fn generate(algorithm: Algorithm, _: &dyn Random) -> Result<Pair> {
    Err(lacking(algorithm))
}

pub(crate) fn public_of_private(algorithm: Algorithm, _: &[u8]) -> Result<Vec<u8>> {
    Err(lacking(algorithm))
}

pub(crate) fn seed_of_pkcs8(algorithm: Algorithm, _: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    Err(lacking(algorithm))
}

pub(crate) fn has_point(_: Algorithm, _: &[u8]) -> bool {
    false
}

pub(crate) fn verify(
    algorithm: Algorithm,
    _: &[u8],
    _: Scheme,
    _: Message<'_>,
    _: &[u8],
) -> Result<bool> {
    Err(match algorithm {
        Algorithm::EcdsaP521 | Algorithm::MlDsa65 => lacking(algorithm),
        _ => needs_extension("verifying by this hash with this type of key, or of a hash,"),
    })
}

pub(crate) fn encrypt(_: Algorithm, _: &[u8], _: Oaep, _: &[u8], _: &[u8]) -> Result<Vec<u8>> {
    Err(needs_extension("encrypting by RSA"))
}

pub(crate) fn wrap(_: &[u8; 32], _: &[u8]) -> Result<Vec<u8>> {
    Err(needs_extension("exporting wrapped keys"))
}

pub(crate) fn unwrap(_: &[u8; 32], _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    None
}

pub(crate) fn generate_kem() -> Result<Pair> {
    Err(needs_extension("ML-KEM"))
}

pub(crate) fn public_of_kem(_: &[u8]) -> Result<Vec<u8>> {
    Err(needs_extension("ML-KEM"))
}

pub(crate) fn is_kem_seed(_: &[u8], _: &[u8]) -> bool {
    false
}

pub(crate) fn kem_fits(_: &[u8]) -> bool {
    false
}

pub(crate) fn encapsulate(_: &[u8]) -> Result<(Vec<u8>, RawKey)> {
    Err(needs_extension("ML-KEM"))
}
