//! Keys themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::transit::{ExportType, KeyInfo, KeyUpdate, NewKey, WrapHash};

use super::Transit;
use crate::error::call;
use crate::secret::{Data, Secret, Text};

/// What may leave a key.
const EXPORTS: [ExportType; 4] = [
    ExportType::Encryption,
    ExportType::Signing,
    ExportType::Hmac,
    ExportType::Public,
];

fn imported(kind: &str, allow_rotation: bool) -> vaultcore::Result<NewKey> {
    Ok(NewKey::new(kind.parse()?).allow_rotation(allow_rotation))
}

fn told<'py>(py: Python<'py>, info: &KeyInfo) -> PyResult<Bound<'py, PyDict>> {
    let versions = PyDict::new(py);
    for version in &info.versions {
        let one = PyDict::new(py);
        one.set_item("created_time", version.created.to_string())?;
        one.set_item("public_key", version.public_key.as_deref())?;
        versions.set_item(version.version, one)?;
    }
    let told = PyDict::new(py);
    told.set_item("name", &info.name)?;
    told.set_item("kind", info.kind.name())?;
    for (name, value) in [
        ("derived", info.derived),
        ("convergent", info.convergent),
        ("exportable", info.exportable),
        ("allow_plaintext_backup", info.allow_plaintext_backup),
        ("deletion_allowed", info.deletion_allowed),
        ("imported", info.imported),
        ("allow_rotation", info.allow_rotation),
        ("soft_deleted", info.soft_deleted),
    ] {
        told.set_item(name, value)?;
    }
    for (name, value) in [
        ("latest_version", info.latest_version),
        ("min_decryption_version", info.min_decryption_version),
        ("min_encryption_version", info.min_encryption_version),
        ("min_available_version", info.min_available_version),
        ("key_size", info.key_size.into()),
    ] {
        told.set_item(name, value)?;
    }
    told.set_item("auto_rotate", info.auto_rotate_period.as_secs())?;
    told.set_item("versions", versions)?;
    Ok(told)
}

#[pymethods]
impl Transit {
    /// Make a key, of type "aes256-gcm96" unless told; one that is there stays as it is.
    /// `auto_rotate` is seconds, 0 for never; `key_size` is bytes of a key of type "hmac".
    #[pyo3(signature = (
        key, kind="aes256-gcm96", *, derived=false, convergent=false, exportable=false,
        allow_plaintext_backup=false, auto_rotate=0, key_size=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn create(
        &self,
        py: Python<'_>,
        key: &str,
        kind: &str,
        derived: bool,
        convergent: bool,
        exportable: bool,
        allow_plaintext_backup: bool,
        auto_rotate: u64,
        key_size: Option<u16>,
    ) -> PyResult<()> {
        call(py, || {
            let mut new = NewKey::new(kind.parse()?)
                .derived(derived)
                .convergent(convergent)
                .exportable(exportable)
                .allow_plaintext_backup(allow_plaintext_backup)
                .auto_rotate(Duration::from_secs(auto_rotate));
            if let Some(size) = key_size {
                new = new.key_size(size);
            }
            self.transit.create(key, &new).map(drop)
        })
    }

    /// Return what is known of a key; the public keys of a derived one are those of `context`.
    #[pyo3(signature = (key, *, context=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        context: Option<Data>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let info = call(py, || match &context {
            None => self.transit.read(key),
            Some(context) => self.transit.read_derived(key, context.expose()),
        })?;
        told(py, &info)
    }

    /// List the names of the keys, sorted.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.transit.list())
    }

    /// Return the number of a key's newest version.
    fn latest_version(&self, py: Python<'_>, key: &str) -> PyResult<u32> {
        call(py, || Ok(self.transit.read(key)?.latest_version))
    }

    /// Change the rules of a key; what is None stays. That a key may be exported or backed up is
    /// not taken back. `auto_rotate` is seconds, 0 for never.
    #[pyo3(signature = (
        key, *, min_decryption_version=None, min_encryption_version=None, deletion_allowed=None,
        exportable=None, allow_plaintext_backup=None, auto_rotate=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn configure(
        &self,
        py: Python<'_>,
        key: &str,
        min_decryption_version: Option<u32>,
        min_encryption_version: Option<u32>,
        deletion_allowed: Option<bool>,
        exportable: Option<bool>,
        allow_plaintext_backup: Option<bool>,
        auto_rotate: Option<u64>,
    ) -> PyResult<()> {
        type Set<T> = fn(KeyUpdate, T) -> KeyUpdate;
        let numbers: [(Option<u32>, Set<u32>); 2] = [
            (min_decryption_version, KeyUpdate::min_decryption_version),
            (min_encryption_version, KeyUpdate::min_encryption_version),
        ];
        let switches: [(Option<bool>, Set<bool>); 3] = [
            (deletion_allowed, KeyUpdate::deletion_allowed),
            (exportable, KeyUpdate::exportable),
            (allow_plaintext_backup, KeyUpdate::allow_plaintext_backup),
        ];
        let mut update = KeyUpdate::new();
        for (value, set) in numbers {
            update = value.map_or(update.clone(), |value| set(update, value));
        }
        for (value, set) in switches {
            update = value.map_or(update.clone(), |value| set(update, value));
        }
        if let Some(seconds) = auto_rotate {
            update = update.auto_rotate(Duration::from_secs(seconds));
        }
        call(py, || self.transit.configure(key, &update))
    }

    /// Add a version to a key, and return its number.
    fn rotate(&self, py: Python<'_>, key: &str) -> PyResult<u32> {
        call(py, || self.transit.rotate(key))
    }

    /// Remove all versions before `first` for good, and with them what they encrypted.
    fn trim(&self, py: Python<'_>, key: &str, first: u32) -> PyResult<()> {
        call(py, || self.transit.trim(key, first))
    }

    /// Take a key out of use.
    fn soft_delete(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        call(py, || self.transit.soft_delete(key))
    }

    /// Put a soft-deleted key into use again.
    fn soft_restore(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        call(py, || self.transit.soft_restore(key))
    }

    /// Delete a key that may be deleted.
    fn delete(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        call(py, || self.transit.delete(key))
    }

    /// Set whether encrypting under a key that is not there makes it, as it does at first.
    fn upsert(&self, py: Python<'_>, allowed: bool) -> PyResult<()> {
        call(py, || self.transit.upsert(allowed))
    }

    /// Return the versions of an exportable key by their numbers, in clear. `what` is
    /// "encryption-key", "signing-key", "hmac-key" or "public-key".
    #[pyo3(signature = (key, what="encryption-key"))]
    fn export(&self, py: Python<'_>, key: &str, what: &str) -> PyResult<BTreeMap<u32, Py<Secret>>> {
        let found = EXPORTS.into_iter().find(|kind| kind.name() == what);
        let what = found.ok_or_else(|| {
            let names = EXPORTS.map(ExportType::name).join(", ");
            PyValueError::new_err(format!("what is exported is one of {names}"))
        })?;
        let versions = call(py, || self.transit.export(key, what))?.into_iter();
        let secret = |(version, text)| Ok((version, Py::new(py, Secret::text(text))?));
        versions.map(secret).collect()
    }

    /// Return the versions of an exportable key by their numbers, each wrapped under the RSA key
    /// `destination`: as a rule the wrapping key of another vault, imported here.
    #[pyo3(signature = (destination, key, *, hash="SHA256"))]
    fn export_wrapped(
        &self,
        py: Python<'_>,
        destination: &str,
        key: &str,
        hash: &str,
    ) -> PyResult<BTreeMap<u32, String>> {
        let versions = call(py, || {
            let hash: WrapHash = hash.parse()?;
            self.transit.export_wrapped(destination, key, hash)
        })?;
        Ok(versions.into_iter().collect())
    }

    /// Return a key with all its versions, in clear, as `restore` takes it.
    fn backup(&self, py: Python<'_>, key: &str) -> PyResult<Secret> {
        call(py, || self.transit.backup(key)).map(Secret::text)
    }

    /// Bring a key back from a backup. With `replace`, one of this name goes.
    #[pyo3(signature = (key, backup, *, replace=false))]
    fn restore(&self, py: Python<'_>, key: &str, backup: Text, replace: bool) -> PyResult<()> {
        call(py, || match replace {
            true => self.transit.restore_over(key, &backup.0),
            false => self.transit.restore(key, &backup.0),
        })
    }

    /// Import a key that was made elsewhere: 32 bytes, or PKCS#8 of a pair.
    #[pyo3(signature = (key, material, kind="aes256-gcm96", *, allow_rotation=true))]
    fn import_key(
        &self,
        py: Python<'_>,
        key: &str,
        material: Data,
        kind: &str,
        allow_rotation: bool,
    ) -> PyResult<()> {
        call(py, || {
            let new = imported(kind, allow_rotation)?;
            self.transit.import(key, &new, material.expose())
        })
    }

    /// Import one more version of an imported key.
    fn import_version(&self, py: Python<'_>, key: &str, material: Data) -> PyResult<()> {
        call(py, || self.transit.import_version(key, material.expose()))
    }

    /// Import the private key of a version of which only the public one is known.
    fn import_private(
        &self,
        py: Python<'_>,
        key: &str,
        version: u32,
        material: Data,
    ) -> PyResult<()> {
        call(py, || {
            self.transit.import_private(key, version, material.expose())
        })
    }

    /// Import a public key, which verifies: in PEM, or of Ed25519 its bytes in base64.
    #[pyo3(signature = (key, public_key, kind, *, allow_rotation=true))]
    fn import_public(
        &self,
        py: Python<'_>,
        key: &str,
        public_key: &str,
        kind: &str,
        allow_rotation: bool,
    ) -> PyResult<()> {
        call(py, || {
            let new = imported(kind, allow_rotation)?;
            self.transit.import_public(key, &new, public_key)
        })
    }

    /// Return the public key, in PEM, for which keys are wrapped that `import_wrapped` takes.
    fn wrapping_key(&self, py: Python<'_>) -> PyResult<String> {
        call(py, || self.transit.wrapping_key())
    }

    /// Import a key that is wrapped under `wrapping_key`, in base64, as Vault's clients and HSMs
    /// wrap it (CKM_RSA_AES_KEY_WRAP). `hash` is that of OAEP.
    #[pyo3(signature = (
        key, wrapped, kind="aes256-gcm96", *, hash="SHA256", allow_rotation=true
    ))]
    fn import_wrapped(
        &self,
        py: Python<'_>,
        key: &str,
        wrapped: &str,
        kind: &str,
        hash: &str,
        allow_rotation: bool,
    ) -> PyResult<()> {
        call(py, || {
            let (new, hash) = (imported(kind, allow_rotation)?, hash.parse()?);
            self.transit.import_wrapped(key, &new, wrapped, hash)
        })
    }

    /// Import one more version of an imported key, wrapped as for `import_wrapped`.
    #[pyo3(signature = (key, wrapped, *, hash="SHA256"))]
    fn import_wrapped_version(
        &self,
        py: Python<'_>,
        key: &str,
        wrapped: &str,
        hash: &str,
    ) -> PyResult<()> {
        call(py, || {
            self.transit
                .import_wrapped_version(key, wrapped, hash.parse()?)
        })
    }
}
