//! Logging in by an auth method.

use crate::auth::{approle, userpass};
use crate::error::Result;
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::vault::{Caller, Vault, Who};

impl Vault {
    /// Logs a user in by the auth method `userpass` enabled at `mount`, below `auth/` of the root
    /// namespace, and returns a token for [`login`](Self::login).
    ///
    /// After five failures in a row nobody is let in by that name for 15 minutes, which looks like
    /// any other failure; what passes 15 minutes without one is forgotten.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong name or password, whichever it is, and for somebody who is
    /// locked out; `PermissionDenied` if there is no such auth method.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, SecretString, TokenOptions, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let owner = vault.owner()?;
    /// owner.sys().enable_auth("userpass", NewMount::new("userpass"))?;
    /// let password = SecretString::copy_from("correct horse");
    /// let users = owner.userpass("userpass")?;
    /// users.write("bob", Some(&password), &TokenOptions::new().policies(["app"]))?;
    /// let token = vault.login_userpass("userpass", "Bob", &password)?;
    /// assert_eq!(owner.token().lookup(&token)?.policies, ["app", "default"]);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn login_userpass(
        &self,
        mount: &str,
        name: &str,
        password: &SecretString,
    ) -> Result<SecretString> {
        let mount = MountPath::new(mount)?;
        let password = SecretString::copy_from(password.expose());
        let login = userpass::Login::new(&mount, name, password);
        self.run(&nobody(), &login)?.token(userpass::refused)
    }

    /// Logs a machine in by the auth method `approle` enabled at `mount`, below `auth/` of the root
    /// namespace, and returns a token for [`login`](Self::login).
    ///
    /// A use of the secret id is taken when all else is right, in the commit that makes the token.
    /// A role that takes no secret id is given an empty one. Where the caller comes from is not
    /// known here, so that a role that is bound to networks lets nobody in.
    ///
    /// # Errors
    /// `InvalidArgument` for ids that let nobody in, whatever the reason; `PermissionDenied` if
    /// there is no such auth method.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, TokenOptions, Vault, storage::Memory};
    /// # use vaultcore::approle::{NewSecretId, RoleOptions};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let owner = vault.owner()?;
    /// owner.sys().enable_auth("approle", NewMount::new("approle"))?;
    /// let roles = owner.approle("approle")?;
    /// let token = TokenOptions::new().policies(["web"]);
    /// roles.write("web", &RoleOptions::new().secret_id_num_uses(1).token(token))?;
    /// let (role_id, issued) = (
    ///     roles.role_id("web")?,
    ///     roles.create_secret_id("web", &NewSecretId::new())?,
    /// );
    /// vault.login_approle("approle", &role_id, &issued.secret_id)?;
    /// // Its one use was taken.
    /// assert!(vault.login_approle("approle", &role_id, &issued.secret_id).is_err());
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn login_approle(
        &self,
        mount: &str,
        role_id: &str,
        secret_id: &SecretString,
    ) -> Result<SecretString> {
        let mount = MountPath::new(mount)?;
        let role_id = SecretString::copy_from(role_id);
        let secret_id = SecretString::copy_from(secret_id.expose());
        let login = approle::Login::new(&mount, role_id, secret_id);
        self.run(&nobody(), &login)?.token(approle::refused)
    }
}

fn nobody() -> Caller {
    Caller::new(Who::Anonymous)
}
