//! Roles of machines, and their secret ids.

use std::fmt;

use crate::auth::approle::{
    By, CreateSecretId, DeleteRole, DestroySecretId, Field, IssuedSecretId, ListRoles,
    ListSecretIds, LookupSecretId, NewSecretId, ReadRole, Role, RoleOptions, RoleSettings,
    SecretIdInfo, WriteRole,
};
use crate::auth::canonical;
use crate::error::{Error, Result};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::vault::{Caller, Vault};

/// The roles of an auth method `approle`; machines log in by [`Vault::login_approle`].
///
/// A name is of letters, digits, `_`, `-` and `.`; upper and lower case are the same.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # use vaultcore::approle::{NewSecretId, RoleOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let owner = vault.owner()?;
/// owner.sys().enable_auth("approle", NewMount::new("approle"))?;
/// let roles = owner.approle("approle")?;
/// roles.write("web", &RoleOptions::new().role_id("web-servers"))?;
/// let issued = roles.create_secret_id("web", &NewSecretId::new())?;
/// assert_eq!(roles.secret_ids("web")?, [issued.accessor.clone()]);
/// roles.destroy_secret_id("web", &issued.secret_id)?;
/// assert!(vault.login_approle("approle", "web-servers", &issued.secret_id).is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct AppRole {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
}

impl AppRole {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
        }
    }

    /// Writes a role: what is not set stays as it is. A new one gets a random id unless it is
    /// chosen.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or options that cannot be, for an id that another role has, and
    /// for a role that neither takes a secret id nor is bound to networks; `PermissionDenied`.
    pub fn write(&self, name: &str, options: &RoleOptions) -> Result<()> {
        let write = WriteRole {
            mount: &self.mount,
            name: canonical(name)?,
            field: None,
            options: options.clone(),
        };
        self.vault.run(&self.caller, &write)
    }

    /// Returns what a role is like.
    ///
    /// # Errors
    /// `NotFound` if there is no such role, `InvalidArgument` for a name that cannot be;
    /// `PermissionDenied`.
    pub fn read(&self, name: &str) -> Result<RoleSettings> {
        self.role(name, None).map(|role| role.settings())
    }

    /// Returns the id of a role, which its machines present.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn role_id(&self, name: &str) -> Result<String> {
        let role = self.role(name, Some(Field::RoleId))?;
        Ok(role.role_id().to_owned())
    }

    fn role(&self, name: &str, field: Option<Field>) -> Result<Role> {
        let read = ReadRole {
            mount: &self.mount,
            name: canonical(name)?,
            field,
        };
        let missing = || Error::not_found("there is no such role");
        self.vault.run(&self.caller, &read)?.ok_or_else(missing)
    }

    /// Removes a role, with its secret ids; none of that name is no error. Its tokens are not
    /// renewed from then on.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be; `PermissionDenied`.
    pub fn delete(&self, name: &str) -> Result<()> {
        let delete = DeleteRole {
            mount: &self.mount,
            name: canonical(name)?,
        };
        match self.vault.run(&self.caller, &delete)? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Lists the names of the roles, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn list(&self) -> Result<Vec<String>> {
        let list = ListRoles {
            mount: &self.mount,
            page: None,
        };
        let found = self.vault.run(&self.caller, &list)?;
        Ok(found.iter().map(|name| name.to_string()).collect())
    }

    /// Makes a secret id of a role.
    ///
    /// # Errors
    /// `NotFound` if there is no such role, `InvalidArgument` for more than the role allows, and
    /// for a chosen secret id that it has; `PermissionDenied`.
    pub fn create_secret_id(&self, role: &str, new: &NewSecretId) -> Result<IssuedSecretId> {
        let create = CreateSecretId {
            mount: &self.mount,
            role: canonical(role)?,
            new: new.clone(),
        };
        self.vault.run(&self.caller, &create)
    }

    /// Lists the accessors of the secret ids of a role, sorted.
    ///
    /// # Errors
    /// `NotFound` if there is no such role; `PermissionDenied`.
    pub fn secret_ids(&self, role: &str) -> Result<Vec<String>> {
        let list = ListSecretIds {
            mount: &self.mount,
            role: canonical(role)?,
        };
        let found = self.vault.run(&self.caller, &list)?;
        Ok(found.iter().map(|accessor| accessor.to_string()).collect())
    }

    /// Returns what is known of a secret id; `None` if the role has none such in force.
    ///
    /// # Errors
    /// `NotFound` if there is no such role; `PermissionDenied`.
    pub fn lookup_secret_id(
        &self,
        role: &str,
        secret_id: &SecretString,
    ) -> Result<Option<SecretIdInfo>> {
        self.lookup(role, text(secret_id))
    }

    /// Returns what is known of the secret id with this accessor, as
    /// [`lookup_secret_id`](Self::lookup_secret_id) does.
    ///
    /// # Errors
    /// As [`lookup_secret_id`](Self::lookup_secret_id).
    pub fn lookup_accessor(&self, role: &str, accessor: &str) -> Result<Option<SecretIdInfo>> {
        self.lookup(role, By::Accessor(accessor.to_owned()))
    }

    fn lookup(&self, role: &str, by: By) -> Result<Option<SecretIdInfo>> {
        let lookup = LookupSecretId {
            mount: &self.mount,
            role: canonical(role)?,
            by,
        };
        self.vault.run(&self.caller, &lookup)
    }

    /// Destroys a secret id; one that is none is no error. The tokens got by it live on.
    ///
    /// # Errors
    /// `NotFound` if there is no such role; `PermissionDenied`.
    pub fn destroy_secret_id(&self, role: &str, secret_id: &SecretString) -> Result<()> {
        self.destroy(role, text(secret_id))
    }

    /// Destroys the secret id with this accessor.
    ///
    /// # Errors
    /// `NotFound` if there is no such role, or no such accessor; `PermissionDenied`.
    pub fn destroy_accessor(&self, role: &str, accessor: &str) -> Result<()> {
        self.destroy(role, By::Accessor(accessor.to_owned()))
    }

    fn destroy(&self, role: &str, by: By) -> Result<()> {
        let destroy = DestroySecretId {
            mount: &self.mount,
            role: canonical(role)?,
            by,
        };
        self.vault.run(&self.caller, &destroy)
    }
}

fn text(secret_id: &SecretString) -> By {
    By::Text(SecretString::copy_from(secret_id.expose()))
}

impl fmt::Debug for AppRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppRole")
    }
}
