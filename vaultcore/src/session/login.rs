//! Logging in by an auth method.

use crate::auth::userpass;
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
        let login = userpass::Login::new(&mount, name, password)?;
        self.run(&nobody(), &login)?.token(userpass::refused)
    }
}

fn nobody() -> Caller {
    Caller::new(Who::Anonymous)
}
