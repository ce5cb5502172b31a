//! What ring lacks, by aws-lc: RSA keys made here and RSA-OAEP, ECDSA over P-521 and of hashes, AES
//! key wrap, SHA-224 and SHA-3, ML-DSA and ML-KEM. Builds without the feature `crypto-ext` have `missing.rs` instead.
//!
//! aws-lc wipes what it frees; while a key is in use it is in ordinary memory. It draws keys, salts
//! and encapsulations from the system's random source by a generator of its own, which a fork does
//! not repeat, and takes no other.

mod hash;
mod kem;
mod rsa;
mod sign;
mod wrap;

pub(crate) use hash::{rare_hash, rare_hmac};
pub(crate) use kem::{
    Decapsulator, encapsulate, generate_kem, is_kem_seed, kem_fits, public_of_kem,
};
pub(crate) use rsa::{Decryptor, encrypt};
pub(crate) use sign::{Signer, generate, has_point, public_of_private, seed_of_pkcs8, verify};
pub(crate) use wrap::{unwrap, wrap};

/// Whether this build has it.
pub(crate) const BUILT: bool = true;
