//! Unsealing: one share at a time, or a passphrase or key at once.

use std::sync::{Arc, PoisonError};

use super::open::OpenVault;
use super::{State, Vault, closed};
use crate::barrier::{Barrier, RootKey, layout};
use crate::crypto::rng::random;
use crate::crypto::{KeptKey, keep, shamir};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Nonce, SlotId, VaultId};
use crate::seal::{
    CeremonyId, Header, ShamirSlot, Share, Slot, SlotKind, Slots, from_key, stretch,
};
use crate::secret::{SecretBytes, SecretString};
use crate::storage::Revision;

/// The shares given so far, in memory only.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) ceremony: Option<Collected>,
}

/// The shares of one slot, or of one rekey.
pub(super) struct Collected {
    sharing: Option<CeremonyId>, // that of the shares; a rekey makes another
    pub(super) nonce: Nonce,
    pub(super) shares: Vec<SecretBytes>,
}

/// How far an unseal has come; `sys/seal-status` in Vault's words.
///
/// ```
/// use vaultcore::{NewSlot, Vault, storage::Memory};
/// let vault = Vault::builder(Memory::new()).build()?;
/// let init = vault.init([NewSlot::shamir(5, 3)])?;
/// if let Some(share) = init.shares().first() {
///     let status = vault.unseal(share)?;
///     assert!(status.sealed());
///     assert_eq!((status.progress(), status.threshold()), (1, 3));
/// }
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealStatus {
    initialized: bool,
    sealed: bool,
    threshold: u8,
    shares: u8,
    progress: u8,
    nonce: Option<Nonce>,
}

impl SealStatus {
    /// Returns whether the storage holds a vault.
    #[must_use]
    pub fn initialized(&self) -> bool {
        self.initialized
    }

    /// Returns whether the vault is sealed.
    #[must_use]
    pub fn sealed(&self) -> bool {
        self.sealed
    }

    /// Returns how many shares open the vault; 0 if it has no Shamir slot.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Returns how many shares there are; 0 if the vault has no Shamir slot.
    #[must_use]
    pub fn shares(&self) -> u8 {
        self.shares
    }

    /// Returns how many shares were given so far.
    #[must_use]
    pub fn progress(&self) -> u8 {
        self.progress
    }

    /// Returns the nonce of the unseal in progress.
    #[must_use]
    pub fn nonce(&self) -> Option<Nonce> {
        self.nonce
    }
}

/// What of the storage is needed to unseal.
struct Locked {
    vault: VaultId,
    slots: Slots,
    /// That of the list of slots.
    revision: Revision,
}

/// How often slots are read again because others changed them.
const ATTEMPTS: usize = 16;

impl Vault {
    /// Returns whether the vault exists, whether it is sealed, and how far an unseal has come.
    ///
    /// # Errors
    /// `Closed`, `Forked`, and what the storage says.
    pub fn status(&self) -> Result<SealStatus> {
        self.check_process()?;
        let locked = match self.locked() {
            Ok(locked) => Some(locked),
            Err(error) if error.kind() == ErrorKind::NotInitialized => None,
            Err(error) => return Err(error),
        };
        let state = self
            .core
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match (&*state, locked) {
            (State::Closed, _) => Err(closed()),
            (_, None) => Ok(status(None, true, None)),
            (State::Sealed(progress), Some(locked)) => Ok(status(
                Some(&locked.slots),
                true,
                progress.ceremony.as_ref(),
            )),
            (State::Unsealed(_), Some(locked)) => Ok(status(Some(&locked.slots), false, None)),
        }
    }

    /// Returns the slot that a share is of, and how many shares open it.
    pub(super) fn slot_and_threshold(&self, share: &Share) -> Result<(SlotId, u8)> {
        self.check_process()?;
        let locked = self.locked()?;
        let (slot, shamir) = locked.slot_of(share)?;
        Ok((slot.id, shamir.threshold))
    }

    /// Gives one share. With the last one that is needed, the vault is unsealed.
    ///
    /// A share given twice counts once. A wrong share is refused and named, and the others stay.
    /// Unsealing an unsealed vault changes nothing.
    ///
    /// # Errors
    /// `UnsealFailed` for a share that is not of this vault, `NotInitialized`, `Corrupt`,
    /// `Unsupported` for a vault of a newer version.
    pub fn unseal(&self, share: &Share) -> Result<SealStatus> {
        self.check_process()?;
        let locked = self.locked()?;
        let (slot, shamir) = locked.slot_of(share)?;
        let mut state = self
            .core
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let progress = match &mut *state {
            State::Closed => return Err(closed()),
            State::Unsealed(_) => return Ok(status(Some(&locked.slots), false, None)),
            State::Sealed(progress) => progress,
        };
        let nonce = Nonce::from_bytes(random(&*self.core.random)?);
        let collected = progress.add(shamir, nonce, share);
        if collected.shares.len() < usize::from(shamir.threshold) {
            return Ok(status(Some(&locked.slots), true, Some(collected)));
        }
        // If storage fails now the shares stay, and any of them given again tries again.
        let id = slot.id;
        let (open, locked) = vaultcore_os::scrubbed(|| {
            let kek = combine(&collected.shares)?;
            self.open(locked, id, &kek)
        })?;
        *state = State::Unsealed(Box::new(open));
        Ok(status(Some(&locked.slots), false, None))
    }

    /// Unseals with a passphrase, by whichever passphrase slot it opens.
    ///
    /// Takes as long, and as much memory, as the slot's Argon2id parameters ask for.
    ///
    /// # Errors
    /// `UnsealFailed` if it opens no slot, `Unsupported` without the feature `passphrase`.
    pub fn unseal_passphrase(&self, passphrase: &SecretString) -> Result<SealStatus> {
        vaultcore_os::scrubbed(|| {
            self.unseal_directly("passphrase", |kind| match kind {
                SlotKind::Passphrase { salt, params } => {
                    stretch(passphrase, salt, params).map(Some)
                }
                _ => Ok(None),
            })
        })
    }

    /// Unseals with the 32 bytes of a key slot.
    ///
    /// # Errors
    /// `UnsealFailed` if it opens no slot, `InvalidArgument` for any other length.
    pub fn unseal_key(&self, key: &SecretBytes) -> Result<SealStatus> {
        vaultcore_os::scrubbed(|| {
            let kek = from_key(key)?;
            self.unseal_directly("key", |kind| match kind {
                SlotKind::Key => Ok(Some(keep(&kek))),
                _ => Ok(None),
            })
        })
    }

    /// Tries every slot that `candidate` has a key for.
    fn unseal_directly(
        &self,
        what: &'static str,
        candidate: impl Fn(&SlotKind) -> Result<Option<KeptKey>>,
    ) -> Result<SealStatus> {
        self.check_process()?;
        let locked = self.locked()?;
        for slot in &locked.slots.slots {
            let Some(kek) = candidate(&slot.kind)? else {
                continue;
            };
            if slot.accepts(&locked.vault, &kek)? {
                let id = slot.id;
                return self.unseal_slot(locked, id, &kek);
            }
        }
        Err(Error::new(
            ErrorKind::UnsealFailed,
            format!("the {what} opens no slot of this vault"),
        ))
    }

    /// Opens a slot under the lock, as [`unseal`](Self::unseal) does: what is loaded before it could
    /// be older than what others acknowledged meanwhile.
    fn unseal_slot(&self, locked: Locked, id: SlotId, kek: &[u8; 32]) -> Result<SealStatus> {
        let state = &self.core.state;
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Closed => return Err(closed()),
            State::Unsealed(_) => return Ok(status(Some(&locked.slots), false, None)),
            State::Sealed(_) => {}
        }
        let (open, locked) = self.open(locked, id, kek)?;
        *state = State::Unsealed(Box::new(open));
        Ok(status(Some(&locked.slots), false, None))
    }

    /// Opens the slot `id` with `kek`, and the keyring with the root key in it. Slots that were
    /// changed since they were read are read again: the keyring is then of another root key.
    fn open(&self, locked: Locked, id: SlotId, kek: &[u8; 32]) -> Result<(OpenVault, Locked)> {
        let mut locked = locked;
        for _ in 0..ATTEMPTS {
            let error = match self.open_once(&locked, id, kek) {
                Ok(open) => return Ok((open, locked)),
                Err(error) if error.kind() == ErrorKind::Corrupt => error,
                Err(error) => return Err(error),
            };
            let now = self.locked()?;
            if now.revision == locked.revision {
                return Err(error);
            }
            locked = now;
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "others changed the key slots all the time",
        ))
    }

    fn open_once(&self, locked: &Locked, id: SlotId, kek: &[u8; 32]) -> Result<OpenVault> {
        let gone = || {
            Error::new(
                ErrorKind::UnsealFailed,
                "the key slot was removed meanwhile",
            )
        };
        let mut slots = locked.slots.slots.iter();
        let slot = slots.find(|slot| slot.id == id).ok_or_else(gone)?;
        let core = &self.core;
        let root = RootKey::new(slot.unwrap_root(&locked.vault, kek)?);
        let barrier = Barrier::new(
            locked.vault,
            Arc::clone(&core.storage),
            Arc::clone(&core.random),
            Arc::clone(&core.time),
            core.cache_bytes,
        )?;
        OpenVault::new(barrier, root, Arc::clone(&core.hosts))
    }

    /// Reads header and slots at one moment.
    fn locked(&self) -> Result<Locked> {
        let paths = [layout::header()?, layout::slots()?];
        let mut found = self.core.storage.read(&paths)?.into_iter();
        let Some(header) = found.next().flatten() else {
            return Err(Error::new(
                ErrorKind::NotInitialized,
                "the storage holds no vault yet",
            ));
        };
        let vault = Header::decode(&header.value)?.vault;
        let missing = || Error::corrupt("the list of key slots is missing");
        let stored = found.next().flatten().ok_or_else(missing)?;
        Ok(Locked {
            vault,
            slots: Slots::parse(&stored.value)?,
            revision: stored.revision,
        })
    }
}

impl Locked {
    /// Returns the slot whose sharing `share` is of.
    fn slot_of(&self, share: &Share) -> Result<(&Slot, &ShamirSlot)> {
        let shamir_slots = self.slots.slots.iter().filter_map(|slot| match &slot.kind {
            SlotKind::Shamir(shamir) => Some((slot, shamir)),
            _ => None,
        });
        let mut candidates = shamir_slots.clone();
        if let Some(found) = candidates.find(|(_, shamir)| shamir.knows(share.expose())) {
            return Ok(found);
        }
        Err(Error::new(
            ErrorKind::UnsealFailed,
            self.why_not(share, shamir_slots),
        ))
    }

    /// Names a wrong share: by its number if it is printed, else by its last byte, its x.
    fn why_not<'s>(
        &self,
        share: &Share,
        mut slots: impl Iterator<Item = (&'s Slot, &'s ShamirSlot)>,
    ) -> String {
        let name = share
            .number()
            .map_or("this share".into(), |number| format!("share {number}"));
        let x = share.expose().last().copied();
        let known = slots.any(|(_, shamir)| match share.ceremony() {
            Some(ceremony) => shamir.ceremony == ceremony,
            None => shamir.checks.iter().any(|check| Some(check.x) == x),
        });
        if known {
            format!("{name} was changed or mistyped: it is not the one that was handed out")
        } else {
            format!("{name} is not of this vault's present shares")
        }
    }
}

impl Progress {
    /// Keeps `share`, once. Shares of another slot, and those that a rekey has replaced since, are
    /// dropped, and so is their nonce.
    fn add(&mut self, shamir: &ShamirSlot, nonce: Nonce, share: &Share) -> &mut Collected {
        let sharing = Some(shamir.ceremony);
        self.ceremony
            .take_if(|collected| collected.sharing != sharing);
        let collected = self.ceremony.get_or_insert_with(|| Collected {
            sharing,
            ..Collected::new(nonce)
        });
        // The list of slots is storage's: what it let in before, it may not know any more.
        collected.shares.retain(|old| shamir.knows(old.expose()));
        collected.add(share.expose());
        collected
    }
}

impl Collected {
    pub(super) fn new(nonce: Nonce) -> Self {
        Self {
            sharing: None,
            nonce,
            shares: Vec::new(),
        }
    }

    /// Keeps `share`, once.
    pub(super) fn add(&mut self, share: &[u8]) {
        if !self
            .shares
            .iter()
            .any(|known| crate::crypto::equal(known.expose(), share))
        {
            self.shares.push(SecretBytes::copy_from(share));
        }
    }
}

/// Combines `shares` to a slot's key; a single one is the key itself.
pub(super) fn combine(shares: &[SecretBytes]) -> Result<KeptKey> {
    let combined;
    let bytes = match shares {
        [only] => only,
        several => {
            let parts: Vec<&[u8]> = several.iter().map(SecretBytes::expose).collect();
            combined = shamir::combine(&parts)?;
            &combined
        }
    };
    KeptKey::try_fill(|kek| {
        if bytes.len() != kek.len() {
            return Err(Error::new(
                ErrorKind::UnsealFailed,
                "the shares do not make a key",
            ));
        }
        kek.copy_from_slice(bytes.expose());
        Ok(())
    })
}

/// Describes the state. A vault with several Shamir slots shows the one in progress, or the first.
fn status(slots: Option<&Slots>, sealed: bool, collected: Option<&Collected>) -> SealStatus {
    let all = slots.into_iter().flat_map(|slots| &slots.slots);
    let mut shamir = all.filter_map(|slot| match &slot.kind {
        SlotKind::Shamir(shamir) => Some(shamir),
        _ => None,
    });
    let first = shamir.clone().next();
    // Shares that a rekey has replaced since are worth nothing.
    let current = collected.and_then(|collected| {
        let found = shamir.find(|shamir| collected.sharing == Some(shamir.ceremony));
        Some((found?, collected))
    });
    let shamir = current.map(|(shamir, _)| shamir).or(first);
    let collected = current.map(|(_, collected)| collected);
    let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    SealStatus {
        initialized: slots.is_some(),
        sealed,
        threshold: shamir.map_or(0, |shamir| shamir.threshold),
        shares: shamir.map_or(0, |shamir| count(shamir.checks.len())),
        progress: collected.map_or(0, |collected| count(collected.shares.len())),
        nonce: collected.map(|collected| collected.nonce),
    }
}
