//! Password policies, and passwords by them.

use super::Sys;
use crate::engine::sys::{
    DeletePasswordPolicy, GeneratePassword, ListPasswordPolicies, ReadPasswordPolicy,
    WritePasswordPolicy,
};
use crate::error::Result;
use crate::secret::SecretString;

impl Sys {
    /// Writes a password policy of the namespace, over what was there: HCL, or JSON if it begins with a
    /// brace. Connections of databases name it by
    /// [`password_policy`](crate::database::Connection::password_policy).
    ///
    /// A password has 4 to 100 characters, each as likely as any other of those that the rules name,
    /// which are 256 at most; all that satisfy the rules are equally likely.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is no policy, which says where, and for one that no password,
    /// or hardly any, satisfies; `TooLarge`.
    ///
    /// ```
    /// # use vaultcore::{NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let sys = vault.owner()?.sys();
    /// let text = r#"
    ///     length = 12
    ///     rule "charset" {
    ///       charset = "abcdefghjkmnpqrstuvwxyz"
    ///     }
    ///     rule "charset" {
    ///       charset = "23456789"
    ///       min-chars = 2
    ///     }
    /// "#;
    /// sys.put_password_policy("readable", text)?;
    /// assert_eq!(sys.generate_password("readable")?.expose().len(), 12);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn put_password_policy(&self, name: &str, text: &str) -> Result<()> {
        let operation = WritePasswordPolicy {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        self.vault.run(&self.caller, &operation)
    }

    /// Returns the text of a password policy.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn password_policy(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        self.vault.run(&self.caller, &ReadPasswordPolicy { name })
    }

    /// Removes a password policy, if it exists. What makes passwords by it fails from then on.
    ///
    /// # Errors
    /// What the storage says.
    pub fn delete_password_policy(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.vault.run(&self.caller, &DeletePasswordPolicy { name })
    }

    /// Lists the names of the password policies, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn password_policies(&self) -> Result<Vec<String>> {
        let operation = ListPasswordPolicies { page: None };
        let names = self.vault.run(&self.caller, &operation)?;
        Ok(names.iter().map(|name| name.to_string()).collect())
    }

    /// Returns a password that was made by a policy, and is kept nowhere.
    ///
    /// # Errors
    /// `NotFound` if there is no such policy.
    pub fn generate_password(&self, name: &str) -> Result<SecretString> {
        let name = name.to_owned();
        self.vault.run(&self.caller, &GeneratePassword { name })
    }
}
