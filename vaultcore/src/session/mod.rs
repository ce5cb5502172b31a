//! What a caller works with: a session, and a facade for each engine.

mod kv;
mod kv1;
mod sys;

use std::fmt;

pub use kv::{Kv, KvTransaction, Secret};
pub use kv1::KvV1;
pub use sys::Sys;

use crate::error::Result;
use crate::path::MountPath;
use crate::vault::{Caller, Vault};

/// A caller of the vault, with its rights. So far the embedding program is the only one.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let session = vault.owner()?;
/// session.sys().mount("secret", NewMount::kv2())?;
/// let kv = session.kv("secret")?;
/// # let _ = kv;
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    vault: Vault,
    caller: Caller,
}

impl Vault {
    /// Returns the session of the embedding program: full rights, no token.
    ///
    /// Its calls answer `Sealed` once the vault is sealed, and work again after an unseal.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`; `PermissionDenied` if the owner is switched off.
    pub fn owner(&self) -> Result<Session> {
        self.check_owner()?;
        Ok(Session {
            vault: self.clone(),
            caller: Caller::Owner,
        })
    }
}

impl Session {
    /// Returns the operations on the vault itself.
    #[must_use]
    pub fn sys(&self) -> Sys {
        Sys::new(self.vault.clone(), self.caller)
    }

    /// Returns the versioned key-value secrets mounted at `mount`.
    ///
    /// Whether such a mount exists is checked with each call.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path that cannot be.
    pub fn kv(&self, mount: &str) -> Result<Kv> {
        Ok(Kv::new(
            self.vault.clone(),
            self.caller,
            MountPath::new(mount)?,
        ))
    }

    /// Returns the key-value secrets without versions mounted at `mount`.
    ///
    /// # Errors
    /// As [`kv`](Self::kv).
    pub fn kv_v1(&self, mount: &str) -> Result<KvV1> {
        Ok(KvV1::new(
            self.vault.clone(),
            self.caller,
            MountPath::new(mount)?,
        ))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.caller)
    }
}
