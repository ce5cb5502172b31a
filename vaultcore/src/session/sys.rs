//! The vault itself: mounts, keys, slots.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::clock::Timestamp;
use crate::engine::sys::{
    CancelRekey, ConfirmClock, CreateNamespace, DeleteNamespace, KeyStatus, ListMounts,
    ListNamespaces, ListSlots, Mount, MountInfo, MountTune, NamespaceInfo, NewMount, ReadKeyStatus,
    Remount, Rotate, SlotInfo, Tune, Unmount,
};
use crate::error::Result;
use crate::id::{MountId, Nonce, SlotId};
use crate::mount::Class;
use crate::path::MountPath;
use crate::seal::{NewSlot, Share};
use crate::vault::{Caller, Rekey, RekeyProgress, Vault};

/// Operations on the vault itself.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// sys.mount("secret", NewMount::kv2())?;
/// assert_eq!(sys.rotate()?, 2);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Sys {
    pub(super) vault: Vault,
    pub(super) caller: Caller,
}

impl Sys {
    pub(super) fn new(vault: Vault, caller: Caller) -> Self {
        Self { vault, caller }
    }

    /// Mounts an engine at `path`, and returns the mount's id.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown kind or option, and for a path that is reserved, taken,
    /// or above or below another mount.
    pub fn mount(&self, path: &str, new: NewMount) -> Result<MountId> {
        self.add(Class::Secret, path, new)
    }

    /// Enables an auth method at `path` below `auth/`, and returns the mount's id.
    ///
    /// # Errors
    /// As [`mount`](Self::mount).
    pub fn enable_auth(&self, path: &str, new: NewMount) -> Result<MountId> {
        self.add(Class::Auth, path, new)
    }

    fn add(&self, class: Class, path: &str, new: NewMount) -> Result<MountId> {
        let mount = Mount {
            class,
            path: MountPath::new(path)?,
            new: Cow::Owned(new),
        };
        self.vault.run(&self.caller, &mount)
    }

    /// Returns the mounts, by path.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn mounts(&self) -> Result<Vec<MountInfo>> {
        let class = Class::Secret;
        Ok(self.vault.run(&self.caller, &ListMounts { class })?.mounts)
    }

    /// Returns the auth methods that are enabled, by their paths below `auth/`.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn auth_mounts(&self) -> Result<Vec<MountInfo>> {
        let class = Class::Auth;
        Ok(self.vault.run(&self.caller, &ListMounts { class })?.mounts)
    }

    /// Removes the engine mounted at `path`, with all that it keeps. Nothing there is no error.
    ///
    /// Nothing is reached there from the first commit on. Should the call be interrupted after
    /// that, [`Vault::tick`] deletes what is left.
    ///
    /// # Errors
    /// `InvalidArgument` for a path that cannot be, and what the storage says.
    pub fn unmount(&self, path: &str) -> Result<()> {
        self.remove(Class::Secret, path)
    }

    /// Disables the auth method at `path` below `auth/`, as [`unmount`](Self::unmount) does. Tokens
    /// that were got by it are no good any more.
    ///
    /// # Errors
    /// As [`unmount`](Self::unmount).
    pub fn disable_auth(&self, path: &str) -> Result<()> {
        self.remove(Class::Auth, path)
    }

    fn remove(&self, class: Class, path: &str) -> Result<()> {
        let path = MountPath::new(path)?;
        match self.vault.run(&self.caller, &Unmount { class, path })? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Moves the engine mounted at `from` to the path `to`. What it keeps stays where it is.
    ///
    /// # Errors
    /// `NotFound` if nothing is mounted at `from`; for `to` as [`mount`](Self::mount).
    pub fn remount(&self, from: &str, to: &str) -> Result<()> {
        let remount = Remount {
            class: Class::Secret,
            from: MountPath::new(from)?,
            to: MountPath::new(to)?,
        };
        self.vault.run(&self.caller, &remount).map(drop)
    }

    /// Creates a namespace below that of the session: one segment, such as `team`.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be, is reserved or taken.
    pub fn create_namespace(&self, name: &str) -> Result<NamespaceInfo> {
        let create = CreateNamespace {
            name: name.to_owned(),
            metadata: BTreeMap::new(),
        };
        self.vault.run(&self.caller, &create)
    }

    /// Returns the namespaces directly below that of the session, by path.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn namespaces(&self) -> Result<Vec<NamespaceInfo>> {
        let found = self
            .vault
            .run(&self.caller, &ListNamespaces { all: false })?;
        Ok(found.into_iter().map(|(_, space)| space).collect())
    }

    /// Deletes a namespace below that of the session, with all that is in it, as
    /// [`unmount`](Self::unmount) does. None of that name is no error.
    ///
    /// # Errors
    /// `InvalidArgument` if there are namespaces below it.
    pub fn delete_namespace(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        match self.vault.run(&self.caller, &DeleteNamespace { name })? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Changes a mount.
    ///
    /// # Errors
    /// `NotFound` if nothing is mounted at `path`, `InvalidArgument` for values that cannot be.
    pub fn tune(&self, path: &str, tune: &MountTune) -> Result<()> {
        let tune = Tune {
            class: Class::Secret,
            by: Class::Secret,
            path: MountPath::new(path)?,
            tune: tune.clone(),
        };
        self.vault.run(&self.caller, &tune)
    }

    /// Adds a term to the keyring, which encrypts from now on, and returns its number.
    ///
    /// What was written before stays readable, under its old term. See [`Self::rewrap_all`].
    ///
    /// # Errors
    /// `LimitExceeded` if there are 1,000 terms.
    pub fn rotate(&self) -> Result<u32> {
        vaultcore_os::scrubbed(|| self.vault.run(&self.caller, &Rotate))
    }

    /// Says that the wall clock is right: its time is the vault's from now on, in every process, and
    /// what ran out by it may be ended. Returns it.
    ///
    /// The vault asks the wall clock once a boot, and then goes by the time since boot. A wall clock
    /// that is more than a day ahead when the machine comes up is not believed at once: until it is
    /// confirmed, or has run evenly for ten minutes, [`Vault::tick`] ends nothing and says
    /// `ClockSuspect`. After a clock was set right while the machine ran this is called, too.
    ///
    /// ```
    /// # use vaultcore::{NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let time = vault.owner()?.sys().confirm_clock()?;
    /// println!("it is {time}");
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn confirm_clock(&self) -> Result<Timestamp> {
        self.vault.run(&self.caller, &ConfirmClock)
    }

    /// Returns what the keyring holds.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn key_status(&self) -> Result<KeyStatus> {
        self.vault.run(&self.caller, &ReadKeyStatus)
    }

    /// Encrypts every entry of an old term anew, then drops the old terms; returns how many.
    ///
    /// `progress` is told how many entries were looked at. If it returns an error the work stops
    /// there, and goes on there with the next call, in whichever process.
    ///
    /// # Errors
    /// What `progress` returns, and what the storage says.
    pub fn rewrap_all(&self, progress: impl FnMut(u64) -> Result<()>) -> Result<usize> {
        self.vault.rewrap_all(&self.caller, progress)
    }

    /// Makes a new root key, wrapped in every slot, and a new term, in one commit.
    ///
    /// Shares, passphrases and keys stay, so this does not shut out whoever has one of them, nor
    /// whoever once opened the vault and kept a copy of its storage: the old keyring holds the keys
    /// of the slots. A [rekey](Self::rekey) of the only slot does. Other processes are sealed and
    /// unseal again.
    ///
    /// # Errors
    /// `LimitExceeded` if there are 1,000 terms.
    pub fn rotate_root(&self) -> Result<()> {
        self.vault.rotate_root(&self.caller)
    }

    /// Returns the key slots.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn slots(&self) -> Result<Vec<SlotInfo>> {
        self.vault.run(&self.caller, &ListSlots)
    }

    /// Adds a key slot, and returns its id and, for Shamir, its shares.
    ///
    /// # Errors
    /// `InvalidArgument` for a slot that cannot be, `LimitExceeded` if there are 32.
    pub fn add_slot(&self, new: &NewSlot) -> Result<(SlotId, Vec<Share>)> {
        self.vault.add_slot(&self.caller, new)
    }

    /// Removes a key slot, and makes a new root key, as [`Self::rotate_root`] does.
    ///
    /// What opened the slot does not open the vault any more. With a copy of the storage of before it
    /// still gives the keys of the slots that stay, as long as those stay: leave one Shamir slot
    /// alone, rekey it, then add the others anew, to shut such a holder out.
    ///
    /// # Errors
    /// `NotFound`, and `InvalidArgument` for the last slot.
    pub fn remove_slot(&self, slot: SlotId) -> Result<()> {
        self.vault.remove_slot(&self.caller, slot)
    }

    /// Starts a rekey: new shares for `slot`, or for the only Shamir slot.
    ///
    /// They count once enough of them came back through [`Self::rekey_verify`]; until then the old
    /// ones do. A rekey that was in progress is replaced.
    ///
    /// # Errors
    /// `InvalidArgument` for a sharing that cannot be, `NotFound` if there is no Shamir slot.
    pub fn rekey(&self, slot: Option<SlotId>, shares: u8, threshold: u8) -> Result<Rekey> {
        self.vault.new_shares(&self.caller, slot, shares, threshold)
    }

    /// Gives back one new share. With the last that is needed, the new shares are in force and the
    /// old ones dead, in one commit.
    ///
    /// If this is the only slot, nothing of before opens what is written from now on, whatever
    /// copies of the storage there are. Other slots stay as they are.
    ///
    /// # Errors
    /// `UnsealFailed` for a share that is not a new one, `InvalidArgument` for another nonce,
    /// `NotFound` if no rekey is in progress.
    pub fn rekey_verify(&self, nonce: Nonce, share: &Share) -> Result<RekeyProgress> {
        self.vault.verify_rekey(&self.caller, nonce, share)
    }

    /// Drops the rekey in progress, if there is one: the old shares stay.
    ///
    /// # Errors
    /// `Sealed`, and what the storage says.
    pub fn rekey_cancel(&self) -> Result<()> {
        self.vault.run(&self.caller, &CancelRekey)
    }
}

impl fmt::Debug for Sys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sys")
    }
}
