//! Makes passwords: every one that satisfies a policy is as likely as any other.

use zeroize::Zeroizing;

use super::PasswordPolicy;
use crate::error::{Error, Result};
use crate::secret::SecretString;

/// How often a password is drawn. A policy under which this is ever too few is not taken.
const DRAWS: u32 = 100_000;
/// How often one is drawn before a policy is taken, for each of so many passwords.
const TRIES: u32 = 1_000;
const PASSWORDS: u32 = 10;

impl PasswordPolicy {
    /// Makes a password of blocks of random bytes.
    ///
    /// # Errors
    /// What `block` returns.
    pub(crate) fn generate(&self, block: impl Fn(u64) -> Result<[u8; 16]>) -> Result<SecretString> {
        let failed = || Error::corrupt("the random source makes no password");
        self.drawn(&block, &mut 0, DRAWS)?.ok_or_else(failed)
    }

    /// Checks that passwords are soon found.
    ///
    /// # Errors
    /// `InvalidArgument` if hardly any password satisfies the policy.
    pub(crate) fn check(&self, block: impl Fn(u64) -> Result<[u8; 16]>) -> Result<()> {
        let mut number = 0;
        for _ in 0..PASSWORDS {
            if self.drawn(&block, &mut number, TRIES)?.is_none() {
                return Err(Error::invalid(
                    "hardly any password satisfies the policy: are the rules too restrictive?",
                ));
            }
        }
        Ok(())
    }

    fn drawn(
        &self,
        block: &impl Fn(u64) -> Result<[u8; 16]>,
        number: &mut u64,
        draws: u32,
    ) -> Result<Option<SecretString>> {
        for _ in 0..draws {
            let chars = self.draw(block, number)?;
            if self.is_satisfied(&chars) {
                let mut text = Zeroizing::new(String::with_capacity(4 * self.length));
                text.extend(chars.iter());
                return Ok(Some(SecretString::copy_from(&text)));
            }
        }
        Ok(None)
    }

    pub(super) fn is_satisfied(&self, chars: &[char]) -> bool {
        self.rules.iter().all(|rule| {
            let has = |c: &&char| rule.chars.binary_search(c).is_ok();
            chars.iter().filter(has).count() >= rule.least
        })
    }

    /// Draws characters without bias: bytes past the last whole multiple are dropped.
    fn draw(
        &self,
        block: &impl Fn(u64) -> Result<[u8; 16]>,
        number: &mut u64,
    ) -> Result<Zeroizing<Vec<char>>> {
        let size = self.all.len().max(1);
        let fair = 256 / size * size;
        let mut chars = Zeroizing::new(Vec::with_capacity(self.length));
        while chars.len() < self.length {
            let bytes = Zeroizing::new(block(*number)?);
            *number = number.saturating_add(1);
            for byte in bytes.iter().map(|byte| usize::from(*byte)) {
                if byte < fair && chars.len() < self.length {
                    chars.extend(self.all.get(byte % size));
                }
            }
        }
        Ok(chars)
    }
}
