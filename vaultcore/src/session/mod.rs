//! What a caller works with: a session, and a facade for each engine.

mod access;
mod approle;
mod audit;
mod database;
mod identity;
mod kv;
mod kv1;
mod leased;
mod leases;
mod login;
mod passwords;
mod sys;
mod token;
mod transit;
mod userpass;

use std::fmt;
use std::sync::Arc;

pub use approle::AppRole;
pub use audit::NewAudit;
pub use database::{Credentials, Databases};
pub use identity::Identity;
pub use kv::{Kv, KvTransaction, Secret};
pub use kv1::KvV1;
pub use leased::LeasedSecret;
pub use leases::Leases;
pub use sys::Sys;
pub use token::TokenStore;
pub use transit::{RewrapAll, Rewrapped, ToRewrap, Transit};
pub use userpass::Userpass;

use crate::error::Result;
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::vault::{Bearer, Caller, Vault, Who};

/// A caller of the vault, with its rights: the embedding program, or the holder of a token.
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
            caller: Caller::owner(),
        })
    }
}

impl Vault {
    /// Returns the session of whoever holds `token`, in the token's own namespace.
    ///
    /// Each call looks the token up anew, so that one that was revoked or ran out is refused from
    /// then on. A token of limited uses is not used up by this.
    ///
    /// # Errors
    /// `PermissionDenied` if it is no token, `Sealed`, `Closed`, `Forked`.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let session = vault.login(init.root_token())?;
    /// session.sys().mount("secret", NewMount::kv2())?;
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn login(&self, token: &SecretString) -> Result<Session> {
        let bearer = Bearer::new(token.expose());
        let home = self.home_of(&bearer)?;
        let mut caller = Caller::new(Who::Token(Arc::new(bearer)));
        caller.space = Arc::from(home);
        Ok(Session {
            vault: self.clone(),
            caller,
        })
    }
}

impl Session {
    /// Returns this session in another namespace: its path from the root, such as `team/app`.
    ///
    /// Whether there is such a namespace, and whether the caller may act there, is checked with
    /// each call.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path that cannot be.
    pub fn namespace(&self, path: &str) -> Result<Self> {
        let space = match path.trim_matches('/') {
            "" => Arc::from(""),
            path => Arc::from(MountPath::new(path)?.as_str()),
        };
        let mut session = self.clone();
        session.caller.space = space;
        Ok(session)
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the tokens of the namespace.
    #[must_use]
    pub fn token(&self) -> TokenStore {
        TokenStore::new(self.vault.clone(), self.caller.clone())
    }

    /// Returns the leases of the namespace.
    #[must_use]
    pub fn leases(&self) -> Leases {
        Leases::new(self.vault.clone(), self.caller.clone())
    }

    /// Returns the entities and groups of the namespace.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(self.vault.clone(), self.caller.clone())
    }

    /// Returns the users of the auth method `userpass` enabled at `mount`, below `auth/`.
    ///
    /// Whether such a mount exists is checked with each call.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path that cannot be.
    pub fn userpass(&self, mount: &str) -> Result<Userpass> {
        Ok(Userpass::new(
            self.vault.clone(),
            self.caller.clone(),
            MountPath::new(mount)?,
        ))
    }

    /// Returns the roles of the auth method `approle` enabled at `mount`, below `auth/`.
    ///
    /// Whether such a mount exists is checked with each call.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path that cannot be.
    pub fn approle(&self, mount: &str) -> Result<AppRole> {
        Ok(AppRole::new(
            self.vault.clone(),
            self.caller.clone(),
            MountPath::new(mount)?,
        ))
    }

    /// Returns the operations on the vault itself.
    #[must_use]
    pub fn sys(&self) -> Sys {
        Sys::new(self.vault.clone(), self.caller.clone())
    }

    /// Returns the credentials of databases of the engine mounted at `mount`.
    ///
    /// Whether such a mount exists is checked with each call.
    ///
    /// # Errors
    /// `InvalidArgument` for a path that is none.
    pub fn database(&self, mount: &str) -> Result<Databases> {
        let mount = MountPath::new(mount)?;
        Ok(Databases::new(
            self.vault.clone(),
            self.caller.clone(),
            mount,
        ))
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
            self.caller.clone(),
            MountPath::new(mount)?,
        ))
    }

    /// Returns the named keys of the transit engine mounted at `mount`.
    ///
    /// Whether such a mount exists is checked with each call.
    ///
    /// # Errors
    /// As [`kv`](Self::kv).
    pub fn transit(&self, mount: &str) -> Result<Transit> {
        Ok(Transit::new(
            self.vault.clone(),
            self.caller.clone(),
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
            self.caller.clone(),
            MountPath::new(mount)?,
        ))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.caller)
    }
}
