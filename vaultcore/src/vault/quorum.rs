//! What a quorum of shares may do by itself, for when no token that could is left: make a root
//! token, and new shares.

use std::sync::{MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::ceremony::{Rekey, RekeyProgress};
use super::open::OpenVault;
use super::progress::{Collected, combine};
use super::{Caller, Vault};
use crate::auth::token::MakeRoot;
use crate::crypto::equal;
use crate::crypto::rng::random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Nonce, SlotId};
use crate::seal::{NewSlot, Share, SlotDraft};
use crate::secret::SecretString;

/// What was begun in this process, and waits for shares: in memory only.
#[derive(Default)]
pub(super) struct Attempts {
    root: Option<Attempt<Zeroizing<String>>>,
    rekey: Option<Attempt<NewShares>>,
}

/// One thing that was begun, and what it is to bring about.
pub(super) struct Attempt<W> {
    nonce: Nonce,
    /// For a root token what it is to be hidden by, if it goes over a wire.
    wanted: W,
    collected: Collected,
    /// Whose shares they are, and how many it takes.
    slot: Option<(SlotId, u8)>,
}

impl<W> Attempt<W> {
    fn new(nonce: Nonce, wanted: W) -> Self {
        Self {
            nonce,
            wanted,
            collected: Collected::new(nonce),
            slot: None,
        }
    }

    fn progress(&self) -> u8 {
        u8::try_from(self.collected.shares.len()).unwrap_or(u8::MAX)
    }

    fn required(&self) -> Option<u8> {
        self.slot.map(|(_, required)| required)
    }
}

/// The new shares that are asked for.
#[derive(Clone, Copy)]
struct NewShares {
    shares: u8,
    threshold: u8,
}

/// Picks one kind of attempt.
type Kind<W> = fn(&mut Attempts) -> &mut Option<Attempt<W>>;

const ROOT: Kind<Zeroizing<String>> = |attempts| &mut attempts.root;
const REKEY: Kind<NewShares> = |attempts| &mut attempts.rekey;

/// How far the shares of an attempt have come.
struct Given<W> {
    progress: u8,
    required: u8,
    /// The slot whose shares they are, and what is to be done, once there are enough.
    proven: Option<(SlotId, W)>,
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
    /// Shares needed.
    pub required: u8,
    /// The token, with the last share that is needed.
    pub token: Option<SecretString>,
}

/// How far a rekey by the shares of now has come.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(3, 2)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let nonce = vault.start_rekey(5, 2)?;
/// let mut made = None;
/// for share in init.shares().iter().take(2) {
///     made = vault.rekey(nonce, share)?.rekey;
/// }
/// let rekey = made.expect("two shares are enough");
/// for share in rekey.shares().iter().take(2) {
///     vault.rekey_verify(rekey.nonce(), share)?; // the new shares count with the second
/// }
/// # vault.seal()?;
/// # assert!(vault.unseal(&init.shares()[0]).is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct QuorumProgress {
    /// Shares given so far.
    pub progress: u8,
    /// Shares needed.
    pub required: u8,
    /// The new shares, with the last share that is needed. They count once enough of them were given
    /// to [`Vault::rekey_verify`].
    pub rekey: Option<Rekey>,
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
        self.begin(ROOT, Zeroizing::new(pad.to_owned()))
    }

    /// Gives one share; with the last one that is needed the token is made.
    ///
    /// # Errors
    /// `UnsealFailed` for a share that is not of this vault, `InvalidArgument` for another nonce or
    /// for shares of several slots, `NotFound` if none was begun.
    pub fn root_token(&self, nonce: Nonce, share: &Share) -> Result<RootProgress> {
        let given = self.give(ROOT, nonce, share)?;
        let token = match given.proven {
            Some(_) => Some(self.run(&Caller::system(), &MakeRoot)?.secret),
            None => None,
        };
        Ok(RootProgress {
            progress: given.progress,
            required: given.required,
            token,
        })
    }

    /// Drops the making of a root token, if one was begun.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`.
    pub fn cancel_root_token(&self) -> Result<()> {
        self.drop_attempt(ROOT)
    }

    /// Returns the nonce and the pad of the attempt, and the shares given.
    pub(crate) fn root_attempt(&self) -> Result<Option<RootAttempt>> {
        self.with_attempts(|attempts| {
            Ok(attempts.root.as_ref().map(|attempt| RootAttempt {
                nonce: attempt.nonce,
                pad: attempt.wanted.clone(),
                progress: attempt.progress(),
                required: attempt.required(),
            }))
        })
    }

    /// Begins to make new shares by those of now, without a token: `shares` of them, of which
    /// `threshold` open the vault. One that was begun before is dropped.
    ///
    /// The process collects the shares. The new ones take the place of those that were given, of
    /// whichever slot they are; with a token [`Sys::rekey`](crate::Sys::rekey) does it at once.
    ///
    /// # Errors
    /// `InvalidArgument` for numbers that cannot be; `Sealed`, `Closed`, `Forked`.
    pub fn start_rekey(&self, shares: u8, threshold: u8) -> Result<Nonce> {
        // Numbers that cannot be are told now, not once the shares are there.
        vaultcore_os::scrubbed(|| {
            SlotDraft::new(&NewSlot::shamir(shares, threshold), &*self.core.random)
        })?;
        self.begin(REKEY, NewShares { shares, threshold })
    }

    /// Gives one share of those that open the vault now; with the last one that is needed the new
    /// ones are made.
    ///
    /// # Errors
    /// As [`root_token`](Self::root_token).
    pub fn rekey(&self, nonce: Nonce, share: &Share) -> Result<QuorumProgress> {
        let given = self.give(REKEY, nonce, share)?;
        let rekey = match given.proven {
            Some((slot, NewShares { shares, threshold })) => {
                let system = Caller::system();
                Some(self.new_shares(&system, Some(slot), shares, threshold)?)
            }
            None => None,
        };
        Ok(QuorumProgress {
            progress: given.progress,
            required: given.required,
            rekey,
        })
    }

    /// Gives one of the new shares back, named by the nonce of [`Rekey`]; with the last one that is
    /// needed they are in force, and the old ones dead. Who has enough of them needs no token.
    ///
    /// # Errors
    /// `UnsealFailed` for a share that is not a new one, `InvalidArgument` for another nonce,
    /// `NotFound` if no rekey is in progress.
    pub fn rekey_verify(&self, nonce: Nonce, share: &Share) -> Result<RekeyProgress> {
        self.verify_rekey(&Caller::system(), nonce, share)
    }

    /// Drops a rekey that was begun, while it waits for the shares of now.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`.
    pub fn cancel_rekey(&self) -> Result<()> {
        self.drop_attempt(REKEY)
    }

    /// Returns what was begun by [`start_rekey`](Self::start_rekey).
    pub(crate) fn rekey_attempt(&self) -> Result<Option<RekeyAttempt>> {
        self.with_attempts(|attempts| {
            Ok(attempts.rekey.as_ref().map(|attempt| RekeyAttempt {
                nonce: attempt.nonce,
                shares: attempt.wanted.shares,
                threshold: attempt.wanted.threshold,
                progress: attempt.progress(),
                required: attempt.required(),
            }))
        })
    }

    fn begin<W>(&self, kind: Kind<W>, wanted: W) -> Result<Nonce> {
        let nonce = Nonce::from_bytes(random(&*self.core.random)?);
        self.with_attempts(|attempts| {
            *kind(attempts) = Some(Attempt::new(nonce, wanted));
            Ok(nonce)
        })
    }

    fn drop_attempt<W>(&self, kind: Kind<W>) -> Result<()> {
        self.with_attempts(|attempts| {
            *kind(attempts) = None;
            Ok(())
        })
    }

    /// Takes one share of those that open the vault. What they prove, once there are enough, is
    /// checked against the key of their slot; the attempt is over then, whatever comes of it.
    fn give<W>(&self, kind: Kind<W>, nonce: Nonce, share: &Share) -> Result<Given<W>> {
        let (slot, required) = self.slot_and_threshold(share)?;
        let (progress, complete) = self.with_attempts(|attempts| {
            let found = kind(attempts);
            let attempt = found.as_mut().ok_or_else(none_begun)?;
            if attempt.nonce != nonce {
                return Err(Error::invalid("the nonce is of another attempt"));
            }
            if attempt.slot.is_some_and(|(known, _)| known != slot) {
                return Err(Error::invalid("the shares of one attempt are of one slot"));
            }
            attempt.slot = Some((slot, required));
            attempt.collected.add(share.expose());
            let progress = attempt.progress();
            Ok((progress, found.take_if(|_| progress >= required)))
        })?;
        let proven = match complete {
            Some(attempt) => {
                self.check_quorum(slot, &attempt.collected)?;
                Some((slot, attempt.wanted))
            }
            None => None,
        };
        Ok(Given {
            progress,
            required,
            proven,
        })
    }

    fn check_quorum(&self, slot: SlotId, collected: &Collected) -> Result<()> {
        let kek = vaultcore_os::scrubbed(|| combine(&collected.shares))?;
        let right = self.with_open(|open| {
            open.transact(|_, config| {
                let known = config.keys.keyring.kek(slot);
                Ok(known.is_some_and(|known| equal(known, &*kek)))
            })
        })?;
        if right {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::UnsealFailed,
            "the shares do not make the key of their slot",
        ))
    }

    fn with_attempts<T>(&self, work: impl FnOnce(&mut Attempts) -> Result<T>) -> Result<T> {
        self.with_open(|open| work(&mut attempts(open)))
    }
}

fn attempts(open: &OpenVault) -> MutexGuard<'_, Attempts> {
    let attempts = open.attempts().lock();
    attempts.unwrap_or_else(PoisonError::into_inner)
}

/// An attempt at a root token, as it is shown.
pub(crate) struct RootAttempt {
    pub(crate) nonce: Nonce,
    pub(crate) pad: Zeroizing<String>,
    pub(crate) progress: u8,
    /// Nobody knows before the first share.
    pub(crate) required: Option<u8>,
}

/// An attempt at new shares, as it is shown.
pub(crate) struct RekeyAttempt {
    pub(crate) nonce: Nonce,
    pub(crate) shares: u8,
    pub(crate) threshold: u8,
    pub(crate) progress: u8,
    /// Nobody knows before the first share.
    pub(crate) required: Option<u8>,
}

fn none_begun() -> Error {
    Error::not_found("none was begun that this share could be for")
}
