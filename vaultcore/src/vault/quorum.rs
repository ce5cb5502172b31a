//! A root token by a quorum of shares, for when no other is left.

use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::progress::{Collected, combine};
use super::{Caller, Vault};
use crate::auth::token::MakeRoot;
use crate::crypto::equal;
use crate::crypto::rng::random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Nonce, SlotId};
use crate::seal::Share;
use crate::secret::SecretString;

/// The making of a root token that was begun: in memory only, and of this process.
pub(super) struct Attempt {
    nonce: Nonce,
    /// What the token is to be hidden by, if it goes over a wire.
    pad: Zeroizing<String>,
    collected: Collected,
    slot: Option<(SlotId, u8)>,
}

/// How far the making of a root token has come.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(3, 2)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let nonce = vault.start_root_token()?;
/// let mut made = None;
/// for share in init.shares().iter().take(2) {
///     made = vault.root_token(nonce, share)?.token;
/// }
/// let root = vault.login(&made.expect("two shares are enough"))?;
/// # let _ = root;
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct RootProgress {
    /// Shares given so far.
    pub progress: u8,
    /// Shares needed; 0 until the first was given, if there are several Shamir slots.
    pub required: u8,
    /// The token, with the last share that is needed.
    pub token: Option<SecretString>,
}

impl Vault {
    /// Begins to make a root token. One that was begun before is dropped.
    ///
    /// The process collects the shares; a token needs as many as an unseal does.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`.
    pub fn start_root_token(&self) -> Result<Nonce> {
        self.start_padded_root_token("")
    }

    /// Begins to make a root token that is hidden by `pad` on its way.
    pub(crate) fn start_padded_root_token(&self, pad: &str) -> Result<Nonce> {
        let nonce = Nonce::from_bytes(random(&*self.core.random)?);
        self.with_attempt(|attempt| {
            *attempt = Some(Attempt {
                nonce,
                pad: Zeroizing::new(pad.to_owned()),
                collected: Collected::new(nonce),
                slot: None,
            });
            Ok(nonce)
        })
    }

    /// Gives one share; with the last one that is needed the token is made.
    ///
    /// # Errors
    /// `UnsealFailed` for a share that is not of this vault, `InvalidArgument` for another nonce or
    /// for shares of several slots, `NotFound` if none was begun.
    pub fn root_token(&self, nonce: Nonce, share: &Share) -> Result<RootProgress> {
        let (slot, threshold) = self.slot_and_threshold(share)?;
        let (progress, complete) = self.with_attempt(|found| {
            let attempt = found.as_mut().ok_or_else(none_begun)?;
            if attempt.nonce != nonce {
                return Err(Error::invalid("the nonce is of another attempt"));
            }
            if attempt.slot.is_some_and(|(known, _)| known != slot) {
                return Err(Error::invalid("the shares of one attempt are of one slot"));
            }
            attempt.slot = Some((slot, threshold));
            attempt.collected.add(share.expose());
            let progress = u8::try_from(attempt.collected.shares.len()).unwrap_or(u8::MAX);
            if progress < threshold {
                return Ok((progress, None));
            }
            Ok((progress, found.take()))
        })?;
        let token = match complete {
            Some(attempt) => Some(self.make_root(slot, &attempt)?),
            None => None,
        };
        Ok(RootProgress {
            progress,
            required: threshold,
            token,
        })
    }

    fn make_root(&self, slot: SlotId, attempt: &Attempt) -> Result<SecretString> {
        let kek = vaultcore_os::scrubbed(|| combine(&attempt.collected.shares))?;
        let right = self.with_open(|open| {
            open.transact(|_, config| {
                let known = config.keys.keyring.kek(slot);
                Ok(known.is_some_and(|known| equal(known, &*kek)))
            })
        })?;
        if !right {
            return Err(Error::new(
                ErrorKind::UnsealFailed,
                "the shares do not make the key of their slot",
            ));
        }
        Ok(self.run(&Caller::system(), &MakeRoot)?.secret)
    }

    /// Drops the making of a root token, if one was begun.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`.
    pub fn cancel_root_token(&self) -> Result<()> {
        self.with_attempt(|attempt| {
            *attempt = None;
            Ok(())
        })
    }

    /// Returns the nonce and the pad of the attempt, the shares given, and those needed.
    pub(crate) fn root_attempt(&self) -> Result<Option<RootAttempt>> {
        self.with_attempt(|attempt| {
            Ok(attempt.as_ref().map(|attempt| RootAttempt {
                nonce: attempt.nonce,
                pad: attempt.pad.clone(),
                progress: u8::try_from(attempt.collected.shares.len()).unwrap_or(u8::MAX),
            }))
        })
    }

    fn with_attempt<T>(&self, work: impl FnOnce(&mut Option<Attempt>) -> Result<T>) -> Result<T> {
        self.with_open(|open| {
            let attempt = open.attempt().lock();
            work(&mut attempt.unwrap_or_else(PoisonError::into_inner))
        })
    }
}

/// An attempt, as it is shown.
pub(crate) struct RootAttempt {
    pub(crate) nonce: Nonce,
    pub(crate) pad: Zeroizing<String>,
    pub(crate) progress: u8,
}

fn none_begun() -> Error {
    Error::not_found("no root token is being made")
}
