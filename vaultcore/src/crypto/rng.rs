//! Randomness as a parameter.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind, Result};

/// Where the vault gets its randomness from.
///
/// What the vault derives from it is hedged: a source that repeats itself, or returns zeros, never
/// makes one (key, nonce) pair serve two plaintexts. An error stops the operation.
///
/// ```
/// use vaultcore::{OsRandom, Random, Result, Vault, storage::Memory};
///
/// /// Mixes the bytes of a device into those of the system.
/// struct Mixed(fn() -> u8);
/// impl Random for Mixed {
///     fn fill(&self, buffer: &mut [u8]) -> Result<()> {
///         OsRandom.fill(buffer)?;
///         buffer.iter_mut().for_each(|byte| *byte ^= (self.0)());
///         Ok(())
///     }
/// }
/// let vault = Vault::builder(Memory::new()).random(Mixed(|| 0x5a)).build()?;
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub trait Random: Send + Sync {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    /// `Unavailable` if the source failed.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// The random source of the operating system, asked anew each time, so that a forked process never
/// repeats another's bytes.
///
/// ```
/// use vaultcore::{OsRandom, Random};
/// let mut bytes = [0; 32];
/// OsRandom.fill(&mut bytes)?;
/// assert_ne!(bytes, [0; 32]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

/// Returns the system's source as ring takes it, for signatures and keys that it makes by itself: it
/// takes no other, and mixes what it draws with the key and the message.
#[allow(clippy::disallowed_methods)] // the one place that asks the system
pub(crate) fn system() -> SystemRandom {
    SystemRandom::new()
}

impl Random for OsRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        system()
            .fill(buffer)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system's random source failed"))
    }
}

/// Returns `N` random bytes.
pub(crate) fn random<const N: usize>(source: &dyn Random) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    source.fill(&mut bytes)?;
    Ok(bytes)
}
