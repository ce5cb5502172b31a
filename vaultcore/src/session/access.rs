//! Policies, and what they come to.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Sys;
use crate::auth::token::Subject;
use crate::engine::sys::{
    DeletePolicy, Family, ListPolicies, ReadCapabilities, ReadPolicy, WritePolicy,
};
use crate::error::{Error, Result};
use crate::secret::SecretString;
use crate::vault::Metric;

impl Sys {
    /// Writes a policy of the namespace, over what was there: HCL, or JSON if it begins with a brace.
    ///
    /// It counts from the next call on, for every token that names it.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is no policy, which says where, and for the names `root`
    /// and `response-wrapping`; `Unsupported` for attributes that there are not; `TooLarge`.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, NewToken, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// let root = vault.login(init.root_token())?;
    /// root.sys().put_policy("app", r#"path "secret/data/app/*" { capabilities = ["read"] }"#)?;
    /// let token = root.token().create(&NewToken::new().policy("app"))?;
    /// assert_eq!(root.sys().capabilities(&token, "secret/data/app/db")?, ["read"]);
    /// assert_eq!(root.sys().capabilities(&token, "secret/data/other")?, ["deny"]);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn put_policy(&self, name: &str, text: &str) -> Result<()> {
        let operation = WritePolicy {
            name: name.to_lowercase(),
            text: text.to_owned(),
            family: Family::New,
        };
        self.vault.run(&self.caller, &operation)
    }

    /// Returns the text of a policy; that of `root` is empty.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn policy(&self, name: &str) -> Result<String> {
        let operation = ReadPolicy {
            name: name.to_lowercase(),
            family: Family::New,
        };
        let found = self.vault.run(&self.caller, &operation)?;
        found.ok_or_else(|| Error::not_found("there is no such policy"))
    }

    /// Removes a policy, if it exists. Tokens keep its name, which grants nothing then.
    ///
    /// # Errors
    /// `InvalidArgument` for those that stay: `root`, `default`, `response-wrapping`.
    pub fn delete_policy(&self, name: &str) -> Result<()> {
        let operation = DeletePolicy {
            name: name.to_lowercase(),
            family: Family::New,
        };
        self.vault.run(&self.caller, &operation)
    }

    /// Lists the names of the policies, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn policies(&self) -> Result<Vec<String>> {
        let operation = ListPolicies {
            family: Family::New,
            read: false,
            page: None,
        };
        let names = self.vault.run(&self.caller, &operation)?;
        Ok(names.iter().map(|name| name.to_string()).collect())
    }

    /// Returns what this process counts of the vault, under Vault's names.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn metrics(&self) -> Result<Vec<Metric>> {
        self.vault.metrics(&self.caller)
    }

    /// Returns what a token may do at a path, in the words of policies; `root` and `deny` stand
    /// alone.
    ///
    /// # Errors
    /// `PermissionDenied`, also if the token is none.
    pub fn capabilities(&self, token: &SecretString, path: &str) -> Result<Vec<Cow<'static, str>>> {
        let text = Zeroizing::new(token.expose().to_owned());
        let operation = ReadCapabilities {
            subject: Subject::Secret(text),
            paths: vec![path.to_owned()],
        };
        let found = self.vault.run(&self.caller, &operation)?;
        let words = found.into_iter().next().unwrap_or_default();
        Ok(words.into_iter().map(Cow::Borrowed).collect())
    }
}
