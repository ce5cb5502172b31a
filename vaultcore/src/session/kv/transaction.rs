//! One transaction over many secrets.

use std::fmt;

use serde::Serialize;

use super::Kv;
use crate::engine::kv::{Action, Cas, Change, Transact, VersionInfo, to_json};
use crate::error::Result;
use crate::path::SecretPath;
use crate::secret::SecretBytes;

impl Kv {
    /// Changes many secrets at once: all of them, or none.
    ///
    /// The closure runs once and collects changes, at most 50, each of another secret. Returns the
    /// newest version of each, in their order.
    ///
    /// # Errors
    /// What the closure returns; `Conflict` if the expectation of any change fails;
    /// `LimitExceeded` beyond 50; `TooLarge` beyond 1.25 MiB in all.
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// # use vaultcore::{NewMount, NewSlot, Vault, kv::Cas, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("secret", NewMount::kv2())?;
    /// # let kv = session.kv("secret")?;
    /// let done = kv.transaction(|tx| {
    ///     tx.put("app/user", &BTreeMap::from([("name", "app")]), Cas::Absent)?;
    ///     tx.put("app/password", &BTreeMap::from([("value", "s3cr3t")]), Cas::Absent)
    /// })?;
    /// assert_eq!(done.len(), 2);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn transaction(
        &self,
        collect: impl FnOnce(&mut KvTransaction) -> Result<()>,
    ) -> Result<Vec<VersionInfo>> {
        let mut collected = KvTransaction {
            changes: Vec::new(),
        };
        collect(&mut collected)?;
        if collected.changes.is_empty() {
            return Ok(Vec::new());
        }
        let operation = Transact::new(self.mount.clone(), collected.changes)?;
        let done = self.vault.run(&self.caller, &operation)?;
        if let Some(rest) = &done.rest {
            let _ = self.vault.finish(rest); // as in `finish`
        }
        Ok(done.infos)
    }
}

/// Collects the changes of [`Kv::transaction`].
///
/// ```
/// # use std::collections::BTreeMap;
/// # use vaultcore::{ErrorKind, NewMount, NewSlot, Vault, kv::Cas, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let session = vault.owner()?;
/// # session.sys().mount("secret", NewMount::kv2())?;
/// # let kv = session.kv("secret")?;
/// let refused = kv.transaction(|tx| {
///     tx.put("new", &BTreeMap::from([("value", "x")]), Cas::Absent)?;
///     tx.put("old", &BTreeMap::from([("value", "y")]), Cas::Version(7)) // it has none
/// });
/// assert!(refused.is_err_and(|error| error.kind() == ErrorKind::Conflict));
/// assert!(kv.list("")?.is_empty()); // neither was written
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct KvTransaction {
    changes: Vec<Change>,
}

impl KvTransaction {
    /// Adds a write of a new version.
    ///
    /// # Errors
    /// As [`Kv::put`], but for `Conflict`, which the transaction returns.
    pub fn put<T: Serialize + ?Sized>(&mut self, path: &str, data: &T, cas: Cas) -> Result<()> {
        let path = SecretPath::new(path)?;
        let json = SecretBytes::copy_from(&to_json(data)?);
        self.changes.push(Change {
            path,
            cas,
            action: Action::Put(json),
        });
        Ok(())
    }

    /// Adds the deletion of the newest version; `cas` tells which one that must be. Unlike
    /// [`Kv::delete`], a secret that does not exist fails the transaction, with `NotFound`.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path that cannot be.
    pub fn delete(&mut self, path: &str, cas: Cas) -> Result<()> {
        let path = SecretPath::new(path)?;
        self.changes.push(Change {
            path,
            cas,
            action: Action::Delete,
        });
        Ok(())
    }
}

impl fmt::Debug for KvTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KvTransaction({} changes)", self.changes.len())
    }
}
