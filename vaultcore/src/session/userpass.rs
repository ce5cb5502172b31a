//! Users with passwords.

use std::fmt;

use crate::auth::userpass::{DeleteUser, ListUsers, Part, ReadUser, WriteUser};
use crate::auth::{Chosen, TokenOptions, TokenSettings, canonical};
use crate::error::{Error, Result};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::vault::{Caller, Vault};

/// The users of an auth method `userpass`; they log in by [`Vault::login_userpass`].
///
/// A name is of letters, digits, `_`, `-` and `.`; upper and lower case are the same.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, SecretString, TokenOptions, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let owner = vault.owner()?;
/// owner.sys().enable_auth("userpass", NewMount::new("userpass"))?;
/// let users = owner.userpass("userpass")?;
/// let password = SecretString::copy_from("correct horse");
/// users.write("Bob", Some(&password), &TokenOptions::new().policies(["app"]))?;
/// assert_eq!(users.list()?, ["bob"]);
/// users.delete("bob")?;
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Userpass {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
}

impl Userpass {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
        }
    }

    /// Writes a user: what is not set stays as it is. A new one takes a password, of at most 4,096
    /// bytes, which is stored stretched by Argon2id.
    ///
    /// # Errors
    /// `InvalidArgument` for a name, password or options that cannot be; `PermissionDenied`.
    pub fn write(
        &self,
        name: &str,
        password: Option<&SecretString>,
        options: &TokenOptions,
    ) -> Result<()> {
        self.change(name, Part::Whole, password, options.clone())
    }

    /// Sets the password of a user, and lets it in again if it was locked out. Its tokens live on.
    ///
    /// # Errors
    /// As [`write`](Self::write); `InvalidArgument` if there is no such user.
    pub fn set_password(&self, name: &str, password: &SecretString) -> Result<()> {
        self.change(name, Part::Password, Some(password), TokenOptions::new())
    }

    /// Sets the policies of a user. Tokens that it has are not renewed from then on.
    ///
    /// # Errors
    /// As [`write`](Self::write); `InvalidArgument` if there is no such user.
    pub fn set_policies<S: Into<String>>(
        &self,
        name: &str,
        policies: impl IntoIterator<Item = S>,
    ) -> Result<()> {
        let options = TokenOptions::new().policies(policies);
        self.change(name, Part::Policies, None, options)
    }

    fn change(
        &self,
        name: &str,
        part: Part,
        password: Option<&SecretString>,
        options: TokenOptions,
    ) -> Result<()> {
        let write = WriteUser {
            mount: &self.mount,
            name: canonical(name)?,
            part,
            password: password.map(|text| SecretString::copy_from(text.expose())),
            options,
            chosen: Chosen::default(),
        };
        self.vault.run(&self.caller, &write)
    }

    /// Returns what the tokens of a user are like.
    ///
    /// # Errors
    /// `NotFound` if there is no such user, `InvalidArgument` for a name that cannot be;
    /// `PermissionDenied`.
    pub fn read(&self, name: &str) -> Result<TokenSettings> {
        let read = ReadUser {
            mount: &self.mount,
            name: canonical(name)?,
        };
        let missing = || Error::not_found("there is no such user");
        let user = self.vault.run(&self.caller, &read)?.ok_or_else(missing)?;
        Ok(TokenSettings::of(&user.params))
    }

    /// Removes a user; none of that name is no error. Its tokens are not renewed from then on.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be; `PermissionDenied`.
    pub fn delete(&self, name: &str) -> Result<()> {
        let delete = DeleteUser {
            mount: &self.mount,
            name: canonical(name)?,
        };
        self.vault.run(&self.caller, &delete)
    }

    /// Lists the names of the users, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn list(&self) -> Result<Vec<String>> {
        let list = ListUsers {
            mount: &self.mount,
            page: None,
        };
        let found = self.vault.run(&self.caller, &list)?;
        Ok(found.iter().map(|name| name.to_string()).collect())
    }
}

impl fmt::Debug for Userpass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Userpass")
    }
}
