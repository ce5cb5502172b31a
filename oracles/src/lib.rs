//! What the oracles judge: vaultcore's secret sharing, and random cases for it.
//!
//! The library keeps `split` and `combine` to itself, since nobody should share a secret past its
//! ceremonies. So its source files are compiled into this package as they stand: what is judged is
//! the code that ships, and its API needs no door for tests.

use crypto::{gf256, rng, shamir};

#[allow(dead_code, reason = "vaultcore uses the rest")]
#[path = "../../vaultcore/src/error.rs"]
mod error;

#[allow(dead_code, reason = "vaultcore uses the rest")]
#[path = "../../vaultcore/src/secret.rs"]
mod secret;

#[allow(dead_code, reason = "vaultcore uses the rest")]
#[path = "../../vaultcore/src/crypto"]
mod crypto {
    pub(crate) mod gf256;
    pub(crate) mod rng;
    pub(crate) mod shamir;
}

/// Multiplies in the field.
pub fn mul(a: u8, b: u8) -> u8 {
    gf256::mul(a, b)
}

/// Returns the multiplicative inverse in the field.
pub fn inverse(a: u8) -> u8 {
    gf256::inverse(a)
}

/// Splits with the system's randomness. A share is `y1 .. yn x`.
///
/// # Panics
/// If the split is refused.
pub fn split(secret: &[u8], shares: u8, threshold: u8) -> Vec<Vec<u8>> {
    let shares = shamir::split(secret, shares, threshold, &rng::OsRandom);
    let copy = |share: &secret::SecretBytes| share.expose().to_vec();
    shares.expect("splits").iter().map(copy).collect()
}

/// Combines shares of the form `y1 .. yn x`.
///
/// # Panics
/// If the shares are refused.
pub fn combine<S: AsRef<[u8]>>(shares: &[S]) -> Vec<u8> {
    let shares: Vec<&[u8]> = shares.iter().map(AsRef::as_ref).collect();
    let secret = shamir::combine(&shares).expect("combines");
    secret.expose().to_vec()
}

/// Fills `buffer` with random bytes.
///
/// # Panics
/// If the system has none.
pub fn random(buffer: &mut [u8]) {
    rng::Random::fill(&rng::OsRandom, buffer).expect("the system is random");
}

/// Returns a random number in `least..=most`.
pub fn between(least: usize, most: usize) -> usize {
    let mut bytes = [0; 4]; // 32 bits are so many that the remainder is even enough for a test
    random(&mut bytes);
    least + u32::from_le_bytes(bytes) as usize % (most - least + 1)
}

/// One random sharing.
#[derive(Debug)]
pub struct Case {
    /// What is shared.
    pub secret: Vec<u8>,
    /// How many shares there are.
    pub shares: u8,
    /// How many yield the secret.
    pub threshold: u8,
}

impl Case {
    /// Makes a random secret of `length` bytes.
    pub fn new(length: usize, shares: u8, threshold: u8) -> Self {
        let mut secret = vec![0; length];
        random(&mut secret);
        Self {
            secret,
            shares,
            threshold,
        }
    }

    /// Makes a case with at most 16 shares; every other secret has 32 bytes.
    pub fn random() -> Self {
        let shares = between(2, 16);
        let length = [32, between(1, 100)][between(0, 1)];
        Self::new(length, shares as u8, between(2, shares) as u8)
    }

    /// Returns as many of `shares` as the threshold asks for, at random.
    pub fn choose(&self, mut shares: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        assert_eq!(shares.len(), usize::from(self.shares));
        while shares.len() > usize::from(self.threshold) {
            shares.swap_remove(between(0, shares.len() - 1));
        }
        shares
    }
}
