//! Keys from what people and hosts keep: passphrases (Argon2id, RFC 9106) and key files.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::mac::derive;
use crate::crypto::{KeptKey, keep};
use crate::error::{Error, Result};
use crate::secret::{SecretBytes, SecretString};

/// What one guess at a passphrase costs.
///
/// The default is 64 MiB of memory and 3 passes in one lane, the second recommendation of RFC 9106.
///
/// ```
/// use vaultcore::Argon2Params;
/// assert!(Argon2Params::new(65_536, 3, 1).is_ok());
/// assert!(Argon2Params::new(8, 1, 1).is_err()); // far too cheap
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Params {
    /// Creates parameters: memory in KiB (8,192 to 1,048,576), passes (1 to 64), lanes (1 to 16).
    ///
    /// # Errors
    /// `InvalidArgument` outside these bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self> {
        let params = Self {
            memory_kib,
            passes,
            lanes,
        };
        if params.is_sane() {
            return Ok(params);
        }
        Err(Error::invalid(
            "Argon2 takes 8,192 to 1,048,576 KiB of memory, 1 to 64 passes, 1 to 16 lanes",
        ))
    }

    pub(crate) fn is_sane(&self) -> bool {
        (8_192..=1_048_576).contains(&self.memory_kib)
            && (1..=64).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self {
            memory_kib: 65_536,
            passes: 3,
            lanes: 1,
        }
    }
}

/// Stretches `passphrase`.
#[cfg(feature = "passphrase")]
pub(crate) fn stretch(
    passphrase: &SecretString,
    salt: &[u8; 16],
    params: &Argon2Params,
) -> Result<KeptKey> {
    use argon2::{Algorithm, Argon2, Block, Params, Version};
    let refused = |_| Error::invalid("Argon2 refused its parameters");
    let params = Params::new(params.memory_kib, params.passes, params.lanes, Some(32));
    let params = params.map_err(refused)?;
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    KeptKey::try_fill(|key| {
        let (text, memory) = (passphrase.expose().as_bytes(), memory.as_mut_slice());
        argon2
            .hash_password_into_with_memory(text, salt, key, memory)
            .map_err(refused)
    })
}

/// Says which feature is missing.
#[cfg(not(feature = "passphrase"))]
pub(crate) fn stretch(_: &SecretString, _: &[u8; 16], _: &Argon2Params) -> Result<KeptKey> {
    Err(Error::new(
        crate::error::ErrorKind::Unsupported,
        "this build has no passphrase slots: its feature `passphrase` is off",
    ))
}

/// Returns the slot key that belongs to the 32 bytes of a key file.
///
/// # Errors
/// `InvalidArgument` for any other length.
pub(crate) fn from_key(key: &SecretBytes) -> Result<KeptKey> {
    let mut raw = Zeroizing::new([0; 32]);
    if key.len() != raw.len() {
        return Err(Error::invalid(format!(
            "a key has 32 bytes, this one has {}",
            key.len()
        )));
    }
    raw.copy_from_slice(key.expose());
    Ok(keep(&derive(&raw, "key-slot")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "passphrase")]
    #[test]
    fn passphrase_salt_and_parameters_all_count() {
        let cheap = Argon2Params::new(8_192, 1, 1).expect("params");
        let key = |text: &str, salt: u8, params: &Argon2Params| {
            *stretch(&SecretString::copy_from(text), &[salt; 16], params).expect("key")
        };
        let first = key("correct horse", 1, &cheap);
        assert_eq!(first, key("correct horse", 1, &cheap));
        assert_ne!(first, key("correct horsf", 1, &cheap));
        assert_ne!(first, key("correct horse", 2, &cheap));
        assert_ne!(
            first,
            key(
                "correct horse",
                1,
                &Argon2Params::new(8_192, 2, 1).expect("p")
            )
        );
    }

    #[test]
    fn keys_have_32_bytes() {
        assert!(from_key(&SecretBytes::copy_from(&[0; 32])).is_ok());
        for length in [0, 31, 33] {
            assert!(from_key(&SecretBytes::from(vec![0; length])).is_err());
        }
    }
}
