//! Key-value secrets without versions.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kv::{decode, plain};
use crate::engine::kv::{DeleteV1, GetV1, ListV1, PutV1, Recursion, to_json};
use crate::error::{Error, Result};
use crate::path::{FolderPath, MountPath, SecretPath};
use crate::vault::{Caller, Vault};

/// Key-value secrets without versions, as Vault's KV version 1.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let session = vault.owner()?;
/// session.sys().mount("old", NewMount::kv1())?;
/// let kv = session.kv_v1("old")?;
/// kv.put("app/db", &BTreeMap::from([("password", "s3cr3t")]))?;
/// let secret: BTreeMap<String, String> = kv.get("app/db")?;
/// assert_eq!(secret["password"], "s3cr3t");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct KvV1 {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
}

impl KvV1 {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
        }
    }

    /// Writes a secret, over what was there. `data` serializes to a JSON object.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge` for a path or data that cannot be, `NotFound` without a mount.
    pub fn put<T: Serialize + ?Sized>(&self, path: &str, data: &T) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        let json = to_json(data)?;
        self.vault.run(
            &self.caller,
            &PutV1 {
                mount,
                path,
                json: &json,
            },
        )
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` if the data does not fit `T`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        let secret = self.vault.run(&self.caller, &GetV1 { mount, path })?;
        let secret = secret.ok_or_else(|| Error::not_found("there is no such secret"))?;
        decode(&secret.json)
    }

    /// Removes a secret, if it exists.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn delete(&self, path: &str) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        self.vault.run(&self.caller, &DeleteV1 { mount, path })
    }

    /// Lists the names in a folder, sorted; subfolders end in a slash.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        let (mount, folder) = (self.mount.clone(), FolderPath::new(folder)?);
        let names = self.vault.run(
            &self.caller,
            &ListV1 {
                mount,
                folder,
                recursion: Recursion::One,
                page: None,
            },
        )?;
        Ok(plain(names))
    }
}

impl fmt::Debug for KvV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KvV1")
    }
}
