//! Versioned key-value secrets.

mod metadata;
mod names;
mod transaction;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(in crate::session) use names::plain;
pub use transaction::KvTransaction;

use crate::clock::Timestamp;
use crate::engine::kv::{
    Cas, Delete, Found, Get, Patch, Patched, Plain, Put, Rollback, Selection, Subkeys, Unknown,
    VersionInfo, Written, check_object, from_json, gone, to_json,
};
use crate::error::{Error, ErrorKind, Result};
use crate::path::{MountPath, SecretPath};
use crate::secret::SecretBytes;
use crate::vault::{Caller, Memory, Vault};

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
    memory: Arc<Memory>,
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
            memory: Arc::default(),
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
        Ok(self.finish(self.vault.run(&self.caller, &put)?))
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
        match self.vault.run(&self.caller, &operation)? {
            Patched::Written(written) => Ok(self.finish(written)),
            Patched::Gone(version) => Err(gone(&version.info)),
        }
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
        Ok(self.finish(self.vault.run(&self.caller, &operation)?))
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
        self.get_version_json(path, 0)
    }

    /// Reads one version of a secret as the text of its JSON; 0 is the newest.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_version_json(&self, path: &str, version: u64) -> Result<Secret<SecretBytes>> {
        let (found, data) = self.find(path, Some(version))?;
        Ok(secret(found, SecretBytes::copy_from(data.json())))
    }

    fn read<T: DeserializeOwned>(&self, path: &str, version: Option<u64>) -> Result<Secret<T>> {
        let (found, data) = self.find(path, version)?;
        Ok(secret(found, decode(data.json())?))
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    fn find(&self, path: &str, version: Option<u64>) -> Result<(Found, Plain)> {
        let operation = Get {
            mount: &self.mount,
            path: SecretPath::new(path)?,
            version,
        };
        let mut found = self.vault.run_by(&self.memory, &self.caller, &operation)?;
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
        let keys = self.vault.run(&self.caller, &operation)?;
        let json = keys.json.ok_or_else(|| gone(&keys.info))?;
        Ok(SecretBytes::copy_from(&json))
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
    /// `NotFound` if there is no such secret, `InvalidArgument` without a number, `TooLarge` for
    /// more than 1,000.
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
            unknown: Unknown::Refused,
        };
        match self.vault.run(&self.caller, &operation)? {
            Some(rest) => match self.vault.finish(&rest) {
                Err(error) if matches!(operation.selection, Selection::Destroy(_)) => {
                    Err(half_done(error))
                }
                // What was left of an earlier call is not this one's matter.
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Deletes what is left of dropped versions, and returns what was written.
    fn finish(&self, written: Written) -> VersionInfo {
        if let Some(rest) = written.rest {
            // The write stands, so it is not reported as failed. `Vault::tick` goes on.
            let _ = self.vault.finish(&rest);
        }
        written.info
    }
}

impl fmt::Debug for Kv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kv")
    }
}

/// Says that versions are gone, but that not all of their data could be deleted.
fn half_done(error: Error) -> Error {
    let message =
        "the versions are destroyed, but data of some is stored until `Vault::tick` deletes it";
    Error::new(ErrorKind::Indeterminate, message).with_source(error)
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
pub(in crate::session) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    from_json(json)
        .map_err(|_| Error::invalid("the secret's data does not fit the type it is read as"))
}
