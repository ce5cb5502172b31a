//! Passwords of people, as they are stored: stretched, with all that it takes to do it again.

use std::cell::RefCell;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::barrier::Txn;
use crate::crypto::{equal, pbkdf2};
use crate::error::{Error, Result};
use crate::seal::{Argon2Params, stretch};
use crate::secret::SecretString;

/// The longest password, in bytes.
pub(crate) const MAX_PASSWORD: usize = 4_096;
/// The least rounds of PBKDF2 that OWASP recommends, and the most that are done.
const ROUNDS: u32 = if cfg!(test) { 1_000 } else { 600_000 };
const MAX_ROUNDS: u32 = 10_000_000;
/// The memory in KiB and the passes of Argon2id that OWASP recommends at least.
const ARGON2: (u32, u32) = if cfg!(test) { (8_192, 1) } else { (19_456, 2) };

/// How a password was stretched.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Algorithm {
    Argon2id(Argon2Params),
    Pbkdf2 { rounds: u32 },
}

/// A stored password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    algorithm: Algorithm,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Algorithm {
    /// Returns what new passwords are stretched by.
    fn newest() -> Result<Self> {
        if cfg!(feature = "passphrase") {
            let (memory, passes) = ARGON2;
            return Argon2Params::new(memory, passes, 1).map(Self::Argon2id);
        }
        Ok(Self::Pbkdf2 { rounds: ROUNDS })
    }

    fn is_sane(self) -> bool {
        match self {
            Self::Argon2id(params) => params.is_sane(),
            Self::Pbkdf2 { rounds } => (1..=MAX_ROUNDS).contains(&rounds),
        }
    }

    fn stretch(self, password: &SecretString, salt: &[u8; 16]) -> Result<[u8; 32]> {
        match self {
            Self::Argon2id(params) => Ok(*stretch(password, salt, &params)?),
            Self::Pbkdf2 { rounds } => {
                let none = || Error::corrupt("a stored password has no rounds");
                let rounds = NonZeroU32::new(rounds).ok_or_else(none)?;
                Ok(*pbkdf2::stretch(password.expose().as_bytes(), salt, rounds))
            }
        }
    }
}

impl PasswordHash {
    /// Stretches a new password, named by `context`.
    ///
    /// # Errors
    /// `InvalidArgument` for one that is empty or too long.
    pub(crate) fn new(txn: &Txn<'_>, password: &SecretString, context: &[&[u8]]) -> Result<Self> {
        check(password)?;
        let salt = txn.unique(context)?;
        let algorithm = Algorithm::newest()?;
        Ok(Self {
            algorithm,
            salt,
            hash: algorithm.stretch(password, &salt)?,
        })
    }

    /// The password of nobody: none is it, and to find that out takes as long as for anybody.
    fn nobody() -> Result<Self> {
        Ok(Self {
            algorithm: Algorithm::newest()?,
            salt: [0; 16],
            hash: [0; 32],
        })
    }

    /// Returns whether the stored parameters are such as this version writes: what was read back
    /// may not make a login take for ever.
    pub(crate) fn is_sane(&self) -> bool {
        self.algorithm.is_sane()
    }

    fn matches(&self, password: &SecretString) -> Result<bool> {
        let given = self.algorithm.stretch(password, &self.salt)?;
        Ok(equal(&given, &self.hash))
    }
}

/// Returns an error for a password that nobody may have.
fn check(password: &SecretString) -> Result<()> {
    let length = password.expose().len();
    if length == 0 {
        return Err(Error::invalid("missing password"));
    }
    if length > MAX_PASSWORD {
        return Err(Error::invalid(format!(
            "a password has at most {MAX_PASSWORD} bytes"
        )));
    }
    Ok(())
}

/// A password that somebody presents. An attempt that is overtaken does not stretch it again.
pub(crate) struct Presented {
    password: SecretString,
    known: RefCell<Option<(PasswordHash, bool)>>,
}

impl Presented {
    pub(crate) fn new(password: SecretString) -> Self {
        Self {
            password,
            known: RefCell::new(None),
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.password.expose()
    }

    /// Returns an error for a password that nobody may have.
    pub(crate) fn check(&self) -> Result<()> {
        check(&self.password)
    }

    /// Returns whether it is the one that is `stored`; it is nobody's who has none.
    pub(crate) fn is(&self, stored: Option<&PasswordHash>) -> Result<bool> {
        let nobody = PasswordHash::nobody()?;
        let against = stored.unwrap_or(&nobody);
        if let Some((hash, verdict)) = &*self.known.borrow()
            && hash == against
        {
            return Ok(*verdict && stored.is_some());
        }
        let verdict = against.matches(&self.password)?;
        *self.known.borrow_mut() = Some((against.clone(), verdict));
        Ok(verdict && stored.is_some())
    }
}

/// A password that is to be stored. An attempt that is overtaken does not stretch it again.
#[derive(Default)]
pub(crate) struct Chosen(RefCell<Option<PasswordHash>>);

impl Chosen {
    pub(crate) fn hash(
        &self,
        txn: &Txn<'_>,
        password: &SecretString,
        context: &[&[u8]],
    ) -> Result<PasswordHash> {
        if let Some(known) = &*self.0.borrow() {
            return Ok(known.clone());
        }
        let hash = PasswordHash::new(txn, password, context)?;
        *self.0.borrow_mut() = Some(hash.clone());
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(algorithm: Algorithm, password: &str) -> PasswordHash {
        let password = SecretString::copy_from(password);
        let hash = algorithm.stretch(&password, &[7; 16]).expect("stretches");
        PasswordHash {
            algorithm,
            salt: [7; 16],
            hash,
        }
    }

    #[test]
    fn both_algorithms_tell_right_from_wrong() {
        let newest = Algorithm::newest().expect("newest");
        for algorithm in [newest, Algorithm::Pbkdf2 { rounds: 3 }] {
            let hash = stored(algorithm, "right");
            for (text, expected) in [("right", true), ("Right", false), ("", false)] {
                let presented = Presented::new(SecretString::copy_from(text));
                assert_eq!(presented.is(Some(&hash)).ok(), Some(expected));
                assert_eq!(presented.is(None).ok(), Some(false));
            }
        }
    }

    #[test]
    fn parameters_out_of_bounds_are_refused() {
        assert!(stored(Algorithm::Pbkdf2 { rounds: 1 }, "x").is_sane());
        for rounds in [0, MAX_ROUNDS + 1] {
            assert!(!Algorithm::Pbkdf2 { rounds }.is_sane());
        }
    }

    #[test]
    fn another_hash_is_stretched_anew() {
        let presented = Presented::new(SecretString::copy_from("one"));
        let rounds = Algorithm::Pbkdf2 { rounds: 3 };
        let (one, two) = (stored(rounds, "one"), stored(rounds, "two"));
        for (hash, expected) in [(&one, true), (&two, false), (&one, true), (&one, true)] {
            assert_eq!(presented.is(Some(hash)).ok(), Some(expected));
        }
    }

    #[test]
    fn passwords_are_bounded() {
        let of = |length| check(&SecretString::from("x".repeat(length)));
        assert!(of(1).is_ok() && of(MAX_PASSWORD).is_ok());
        assert!(of(0).is_err() && of(MAX_PASSWORD + 1).is_err());
    }
}
