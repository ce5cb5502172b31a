//! Versioned key-value secrets.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::engine::kv::{
    Action, Cas, Change, Configure, Cursor, Delete, DeleteMetadata, Found, Get, KvConfig,
    KvMetadata, List, MetadataUpdate, NamePage, Names, Patch, Put, ReadConfig, ReadMetadata,
    Recursion, Rollback, Selection, Subkeys, Sweep, Sweeping, Transact, UpdateMode, VersionInfo,
    WriteMetadata, Written, check_object, gone, to_json,
};
use crate::error::{Error, Result};
use crate::path::{FolderPath, MountPath, SecretPath};
use crate::secret::SecretBytes;
use crate::vault::{Caller, Vault};

/// Versioned key-value secrets, as Vault's KV version 2.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use vaultcore::{NewMount, NewSlot, Vault, kv::Cas, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let session = vault.owner()?;
/// session.sys().mount("secret", NewMount::kv2())?;
/// let kv = session.kv("secret")?;
/// kv.put("app/db", &BTreeMap::from([("password", "s3cr3t")]), Cas::Absent)?;
/// let secret = kv.get::<BTreeMap<String, String>>("app/db")?;
/// assert_eq!((secret.version, secret.data["password"].as_str()), (1, "s3cr3t"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Kv {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
}

/// A version of a secret, and its data.
///
/// `Debug` does not show the data.
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
/// # kv.put("app/db", &BTreeMap::from([("password", "s3cr3t")]), Cas::Absent)?;
/// let secret = kv.get::<BTreeMap<String, String>>("app/db")?;
/// assert!(!format!("{secret:?}").contains("s3cr3t"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
pub struct Secret<T> {
    /// The data, in the caller's own type.
    pub data: T,
    /// The number of the version.
    pub version: u64,
    /// When it was written.
    pub created_time: Timestamp,
    /// When it will be deleted.
    pub deletion_time: Option<Timestamp>,
    /// The caller's own notes on the secret.
    pub custom_metadata: BTreeMap<String, String>,
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret(version {}, [redacted])", self.version)
    }
}

impl Kv {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
        }
    }

    /// Writes a new version of a secret. `data` serializes to a JSON object of at most 1 MiB.
    ///
    /// # Errors
    /// `Conflict` if `cas` expects another version, see [`Error::versions`]; `InvalidArgument` if
    /// the secret or its mount asks for check-and-set and `cas` is [`Cas::Any`], or for a path or
    /// data that cannot be; `TooLarge`; `NotFound` without a mount.
    pub fn put<T: Serialize + ?Sized>(
        &self,
        path: &str,
        data: &T,
        cas: Cas,
    ) -> Result<VersionInfo> {
        let path = SecretPath::new(path)?;
        self.put_checked(path, &to_json(data)?, cas)
    }

    /// Writes a new version of a secret from the text of a JSON object, which is kept as it is.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_json(&self, path: &str, json: &[u8], cas: Cas) -> Result<VersionInfo> {
        let path = SecretPath::new(path)?;
        check_object(json)?;
        self.put_checked(path, json, cas)
    }

    fn put_checked(&self, path: SecretPath, json: &[u8], cas: Cas) -> Result<VersionInfo> {
        let put = Put {
            mount: self.mount.clone(),
            path,
            json,
            cas,
        };
        let written = self.vault.run(self.caller, &put)?;
        self.finish(&put.path, written)
    }

    /// Merges `patch` into the newest version (JSON merge patch, RFC 7396: null removes a field)
    /// and writes the result as a new version.
    ///
    /// # Errors
    /// As [`put`](Self::put); `NotFound` if the newest version is deleted or there is none.
    pub fn patch<T: Serialize + ?Sized>(
        &self,
        path: &str,
        patch: &T,
        cas: Cas,
    ) -> Result<VersionInfo> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        let json = to_json(patch)?;
        let operation = Patch {
            mount,
            path,
            json: &json,
            cas,
        };
        let written = self.vault.run(self.caller, &operation)?;
        self.finish(&operation.path, written)
    }

    /// Writes the data of version `version` as a new version.
    ///
    /// # Errors
    /// As [`put`](Self::put); `NotFound` if that version is gone.
    pub fn rollback(&self, path: &str, version: u64, cas: Cas) -> Result<VersionInfo> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        if version == 0 {
            return Err(Error::invalid("versions are numbered from 1"));
        }
        let operation = Rollback {
            mount,
            path,
            version,
            cas,
        };
        let written = self.vault.run(self.caller, &operation)?;
        self.finish(&operation.path, written)
    }

    /// Reads the newest version of a secret.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted or destroyed, which the message tells;
    /// `InvalidArgument` if the data does not fit `T`; `Corrupt` if the storage was changed.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Secret<T>> {
        self.read(path, None)
    }

    /// Reads one version of a secret; 0 is the newest.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_version<T: DeserializeOwned>(&self, path: &str, version: u64) -> Result<Secret<T>> {
        self.read(path, Some(version))
    }

    /// Reads the newest version of a secret as the text of its JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_json(&self, path: &str) -> Result<Secret<SecretBytes>> {
        let (found, data) = self.find(path, None)?;
        Ok(secret(found, SecretBytes::copy_from(data.json())))
    }

    fn read<T: DeserializeOwned>(&self, path: &str, version: Option<u64>) -> Result<Secret<T>> {
        let (found, data) = self.find(path, version)?;
        Ok(secret(found, decode(data.json())?))
    }

    fn find(&self, path: &str, version: Option<u64>) -> Result<(Found, crate::engine::kv::Plain)> {
        let operation = Get {
            mount: &self.mount,
            path: SecretPath::new(path)?,
            version,
        };
        let mut found = self.vault.run(self.caller, &operation)?;
        match found.data.take() {
            Some(data) => Ok((found, data)),
            None => Err(gone(&found.info)),
        }
    }

    /// Returns the keys of a version without its values: a JSON object whose leaves are null.
    ///
    /// Shows `depth` levels; 0 shows all. `version` 0 is the newest.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn subkeys(&self, path: &str, version: u64, depth: usize) -> Result<SecretBytes> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        let operation = Subkeys {
            mount,
            path,
            version: Some(version),
            depth,
        };
        Ok(SecretBytes::copy_from(
            &self.vault.run(self.caller, &operation)?,
        ))
    }

    /// Marks the newest version as deleted. Nothing happens if it is, or if there is none.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn delete(&self, path: &str) -> Result<()> {
        self.select(path, Selection::DeleteNewest)
    }

    /// Marks versions as deleted; unknown numbers are passed over.
    ///
    /// # Errors
    /// `NotFound` if there is no such secret, `InvalidArgument` without a number.
    pub fn delete_versions(&self, path: &str, versions: &[u64]) -> Result<()> {
        self.select(path, Selection::Delete(versions.to_vec()))
    }

    /// Brings deleted versions back; those with a limited life get it anew, from now.
    ///
    /// # Errors
    /// As [`delete_versions`](Self::delete_versions).
    pub fn undelete(&self, path: &str, versions: &[u64]) -> Result<()> {
        self.select(path, Selection::Undelete(versions.to_vec()))
    }

    /// Removes the data of versions for good; their metadata stays.
    ///
    /// # Errors
    /// As [`delete_versions`](Self::delete_versions).
    pub fn destroy(&self, path: &str, versions: &[u64]) -> Result<()> {
        self.select(path, Selection::Destroy(versions.to_vec()))
    }

    fn select(&self, path: &str, selection: Selection) -> Result<()> {
        let operation = Delete {
            mount: self.mount.clone(),
            path: SecretPath::new(path)?,
            selection,
        };
        match self.vault.run(self.caller, &operation)? {
            Sweeping::Done => Ok(()),
            Sweeping::More => self.sweep(&operation.path),
        }
    }

    /// Reads the metadata of a secret.
    ///
    /// # Errors
    /// `NotFound` if there is no such secret.
    pub fn metadata(&self, path: &str) -> Result<KvMetadata> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        self.vault.run(self.caller, &ReadMetadata { mount, path })
    }

    /// Writes the metadata of a secret: what `update` sets, with its custom metadata in place of
    /// what was there. A secret that does not exist gets metadata and no version.
    ///
    /// # Errors
    /// `InvalidArgument`, `LimitExceeded` for values beyond the limits.
    pub fn put_metadata(&self, path: &str, update: &MetadataUpdate) -> Result<()> {
        self.write_metadata(path, update, UpdateMode::Write)
    }

    /// Changes the metadata of a secret: what `update` sets, custom metadata key by key.
    ///
    /// # Errors
    /// As [`put_metadata`](Self::put_metadata); `NotFound` if there is no such secret.
    pub fn patch_metadata(&self, path: &str, update: &MetadataUpdate) -> Result<()> {
        self.write_metadata(path, update, UpdateMode::Patch)
    }

    fn write_metadata(&self, path: &str, update: &MetadataUpdate, mode: UpdateMode) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        self.vault.run(
            self.caller,
            &WriteMetadata {
                mount,
                path,
                update,
                mode,
            },
        )
    }

    /// Removes a secret with its metadata and all versions, for good. Nothing happens if there is
    /// none. A new secret at the same path begins at version 1.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn delete_metadata(&self, path: &str) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        match self
            .vault
            .run(self.caller, &DeleteMetadata { mount, path })?
        {
            Some(rest) => self.vault.purge(self.caller, &rest),
            None => Ok(()),
        }
    }

    /// Lists the names in a folder, sorted; subfolders end in a slash. The mount's root is `""`.
    ///
    /// # Errors
    /// `NotFound` without a mount; `Corrupt` if the storage was changed.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.names_of(folder, Recursion::One)
    }

    /// Lists at most `limit` names of a folder that come after `after` in the alphabet.
    ///
    /// As in OpenBao, and at the cost of a pass over the folder; see [`names`](Self::names).
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_page(&self, folder: &str, after: &str, limit: usize) -> Result<Vec<String>> {
        let mut names = self.names_of(folder, Recursion::One)?;
        let start = names.partition_point(|name| name.as_str() <= after);
        names.drain(..start);
        names.truncate(limit);
        Ok(names)
    }

    /// Lists the names of all secrets below a folder, sorted, relative to it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_recursive(&self, folder: &str) -> Result<Vec<String>> {
        self.names_of(folder, Recursion::All)
    }

    fn names_of(&self, folder: &str, recursion: Recursion) -> Result<Vec<String>> {
        let (mount, folder) = (self.mount.clone(), FolderPath::new(folder)?);
        let names = self.vault.run(
            self.caller,
            &List {
                mount,
                folder,
                recursion,
            },
        )?;
        Ok(names.iter().map(|name| (**name).clone()).collect())
    }

    /// Returns one page of a folder's names in the order of storage: cheap at any size.
    ///
    /// # Errors
    /// `InvalidArgument` for a limit of 0; as [`list`](Self::list).
    pub fn names(&self, folder: &str, cursor: Option<&Cursor>, limit: usize) -> Result<NamePage> {
        let (mount, folder) = (self.mount.clone(), FolderPath::new(folder)?);
        let operation = Names {
            mount,
            folder,
            cursor,
            limit,
        };
        let (names, next) = self.vault.run(self.caller, &operation)?;
        let names = names.iter().map(|name| (**name).clone()).collect();
        Ok(NamePage { names, next })
    }

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
        let done = self.vault.run(self.caller, &operation)?;
        for path in &done.unswept {
            self.sweep(path)?;
        }
        Ok(done.infos)
    }

    /// Reads the configuration of the mount.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn config(&self) -> Result<KvConfig> {
        self.vault.run(
            self.caller,
            &ReadConfig {
                mount: self.mount.clone(),
            },
        )
    }

    /// Writes the configuration of the mount.
    ///
    /// # Errors
    /// `InvalidArgument` for values beyond the limits; `NotFound` without a mount.
    pub fn configure(&self, config: KvConfig) -> Result<()> {
        self.vault.run(
            self.caller,
            &Configure {
                mount: self.mount.clone(),
                config,
            },
        )
    }

    /// Deletes what is left of dropped versions, and returns what was written.
    fn finish(&self, path: &SecretPath, written: Written) -> Result<VersionInfo> {
        if written.unswept {
            self.sweep(path)?;
        }
        Ok(written.info)
    }

    fn sweep(&self, path: &SecretPath) -> Result<()> {
        let sweep = Sweep {
            mount: self.mount.clone(),
            path: path.clone(),
        };
        while self.vault.run(self.caller, &sweep)? == Sweeping::More {}
        Ok(())
    }
}

impl fmt::Debug for Kv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kv")
    }
}

/// Collects the changes of [`Kv::transaction`], which has an example.
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

    /// Adds the deletion of the newest version; `cas` tells which one that must be.
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

fn secret<T>(found: Found, data: T) -> Secret<T> {
    Secret {
        data,
        version: found.info.version,
        created_time: found.info.created_time,
        deletion_time: found.info.deletion_time,
        custom_metadata: found.custom,
    }
}

/// Decodes JSON straight into the caller's type. serde's message could quote the data, so it is
/// not passed on.
pub(super) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|_| Error::invalid("the secret's data does not fit the type it is read as"))
}
