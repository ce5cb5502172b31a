//! Ceremonies: what needs new keys in memory before the commit that makes them count.

use std::sync::{Arc, PoisonError};

use super::known::Lesson;
use super::progress::{Collected, combine};
use super::{Caller, Vault};
use crate::barrier::RootKey;
use crate::crypto::rng::random;
use crate::engine::sys::{AddSlot, CommitRekey, ReadRekey, RemoveSlot, RotateRoot, StartRekey};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Nonce, SlotId};
use crate::operation::Operation;
use crate::seal::{NewSlot, Share, SlotDraft};
use crate::secret::SecretBytes;

/// A rekey that was started: its nonce, and the new shares.
///
/// The new shares count only once enough of them were given back; until then the old ones open
/// the vault, and these open nothing.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(2, 2)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// let rekey = sys.rekey(None, 5, 3)?;
/// assert_eq!(rekey.shares().len(), 5);
/// sys.rekey_cancel()?; // the old shares stay
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Debug)]
pub struct Rekey {
    nonce: Nonce,
    shares: Vec<Share>,
}

impl Rekey {
    /// Returns the nonce that the verification has to name.
    #[must_use]
    pub fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Returns the new shares, which exist nowhere else.
    #[must_use]
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }
}

/// How far the verification of a rekey has come.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(2, 2)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// let rekey = sys.rekey(None, 3, 2)?;
/// let done: Vec<bool> = rekey.shares().iter().take(2)
///     .map(|share| sys.rekey_verify(rekey.nonce(), share).map(|progress| progress.complete))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(done, [false, true]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyProgress {
    /// New shares given so far.
    pub progress: u8,
    /// New shares needed.
    pub threshold: u8,
    /// Whether the new shares are in force, and the old ones dead.
    pub complete: bool,
}

/// The rekey whose new shares come back.
const VERIFIED: ReadRekey = ReadRekey {
    path: "rekey/verify",
};

impl Vault {
    /// Adds a slot. Returns its id and, for Shamir, the shares.
    pub(crate) fn add_slot(&self, caller: &Caller, new: &NewSlot) -> Result<(SlotId, Vec<Share>)> {
        self.with_open(|_| Ok(()))?; // before the work of making a key
        vaultcore_os::scrubbed(|| {
            let draft = SlotDraft::new(new, &*self.core.random)?;
            self.run(caller, &AddSlot { draft: &draft })?;
            Ok((draft.id, draft.shares))
        })
    }

    /// Removes a slot, under a new root key.
    pub(crate) fn remove_slot(&self, caller: &Caller, slot: SlotId) -> Result<()> {
        self.with_new_root(caller, |root| RemoveSlot { slot, root })
    }

    /// Makes a new root key.
    pub(crate) fn rotate_root(&self, caller: &Caller) -> Result<()> {
        self.with_new_root(caller, |root| RotateRoot { root })
    }

    /// Starts a rekey of `slot`, or of the only Shamir slot.
    pub(crate) fn new_shares(
        &self,
        caller: &Caller,
        slot: Option<SlotId>,
        shares: u8,
        threshold: u8,
    ) -> Result<Rekey> {
        let source = &*self.core.random;
        let nonce = Nonce::from_bytes(random(source)?);
        vaultcore_os::scrubbed(|| {
            let draft = SlotDraft::new(&NewSlot::shamir(shares, threshold), source)?;
            let start = StartRekey {
                slot,
                draft: &draft,
                nonce,
            };
            self.run(caller, &start)?;
            Ok(Rekey {
                nonce,
                shares: draft.shares,
            })
        })
    }

    /// Takes back one new share. With the last one that is needed, the new shares are in force.
    pub(crate) fn verify_rekey(
        &self,
        caller: &Caller,
        nonce: Nonce,
        share: &Share,
    ) -> Result<RekeyProgress> {
        let pending = self.run(caller, &VERIFIED)?;
        pending.check(nonce)?;
        let sharing = pending.sharing();
        if !sharing.knows(share.expose()) {
            return Err(Error::new(
                ErrorKind::UnsealFailed,
                "this is not one of the new shares, or it was mistyped",
            ));
        }
        let threshold = sharing.threshold;
        let (progress, complete) = self.collect_new_share(nonce, share, threshold)?;
        if let Some(shares) = complete {
            vaultcore_os::scrubbed(|| {
                let kek = combine(&shares)?;
                self.with_new_root(caller, |root| CommitRekey { nonce, kek, root })
            })?;
            self.forget_new_shares();
            return Ok(RekeyProgress {
                progress,
                threshold,
                complete: true,
            });
        }
        Ok(RekeyProgress {
            progress,
            threshold,
            complete: false,
        })
    }

    /// Keeps a new share in memory; returns copies of all of them once there are enough. They stay
    /// until the rekey is done, so that one that failed needs only one share given again.
    fn collect_new_share(
        &self,
        nonce: Nonce,
        share: &Share,
        threshold: u8,
    ) -> Result<(u8, Option<Vec<SecretBytes>>)> {
        self.with_open(|open| {
            let mut rekey = open.rekey().lock().unwrap_or_else(PoisonError::into_inner);
            let collected = match &mut *rekey {
                Some(collected) if collected.nonce == nonce => collected,
                other => other.insert(Collected::new(nonce)),
            };
            collected.add(share.expose());
            let progress = u8::try_from(collected.shares.len()).unwrap_or(u8::MAX);
            let copies = || collected.shares.iter().map(copy).collect();
            Ok((progress, (progress >= threshold).then(copies)))
        })
    }

    /// Returns how many of the new shares came back to this process.
    pub(crate) fn new_shares_given(&self, nonce: Nonce) -> Result<u8> {
        self.with_open(|open| {
            let rekey = open.rekey().lock().unwrap_or_else(PoisonError::into_inner);
            let given = rekey.as_ref().filter(|collected| collected.nonce == nonce);
            let given = given.map_or(0, |collected| collected.shares.len());
            Ok(u8::try_from(given).unwrap_or(u8::MAX))
        })
    }

    fn forget_new_shares(&self) {
        // A vault that is sealed meanwhile has forgotten them already.
        let _ = self.with_open(|open| {
            *open.rekey().lock().unwrap_or_else(PoisonError::into_inner) = None;
            Ok(())
        });
    }

    /// Runs an operation that stores a new root key, and follows it.
    fn with_new_root<O: Operation>(
        &self,
        caller: &Caller,
        operation: impl FnOnce(Arc<RootKey>) -> O,
    ) -> Result<O::Reply> {
        vaultcore_os::scrubbed(|| {
            let root = RootKey::generate(&*self.core.random)?;
            let operation = operation(Arc::clone(&root));
            self.with_open(|open| {
                open.change_root(&root, || {
                    self.run_on(open, caller, &operation, &mut Lesson::none())
                })
            })
        })
    }
}

fn copy(share: &SecretBytes) -> SecretBytes {
    SecretBytes::copy_from(share.expose())
}
