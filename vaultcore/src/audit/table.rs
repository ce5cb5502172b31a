//! The stored configuration: which devices are enabled, and the salt of each.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::chain::ChainKey;
use super::format::Format;
use super::hash::Hasher;
use super::head::ChainHead;
use super::options::{AuditRules, DeviceKind, FileTarget, Options, Target};
use super::ticket::MAX_DEVICES;
use super::verify::{Report, verify};
use crate::barrier::{Txn, layout};
use crate::crypto::rng::Random;
use crate::crypto::{KeptKey, keep, random_key};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AuditId, NamespaceId};
use crate::path::{EntryPath, MountPath};
use crate::record::Record;

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 4_096;

/// One device that is enabled.
pub(crate) struct DeviceConfig {
    id: AuditId,
    path: MountPath,
    kind: DeviceKind,
    description: Zeroizing<String>,
    given: BTreeMap<String, String>,
    local: bool,
    salt_key: KeptKey,
    options: Options,
}

/// What a device is to be.
#[derive(Clone)]
pub(crate) struct NewDevice {
    pub(crate) path: MountPath,
    /// `file`, `stderr`, `syslog`, `socket` or `callback`.
    pub(crate) kind: String,
    pub(crate) description: String,
    /// As Vault names them.
    pub(crate) options: BTreeMap<String, String>,
    /// Kept as it was given; there is no replication that it would keep out of.
    pub(crate) local: bool,
}

impl DeviceConfig {
    /// Checks what a device is to be, and gives it a salt of its own. `id` names it for ever.
    ///
    /// # Errors
    /// `InvalidArgument` for a kind or an option that there is not, or that `rules` do not allow.
    pub(crate) fn new(
        id: AuditId,
        new: NewDevice,
        rules: AuditRules,
        source: &dyn Random,
    ) -> Result<Self> {
        let kind = DeviceKind::parse(&new.kind)?;
        if new.description.len() > MAX_DESCRIPTION {
            return Err(Error::invalid(format!(
                "the description of an audit device has more than {MAX_DESCRIPTION} bytes"
            )));
        }
        let options = Options::read(kind, &new.options)?;
        options.check(rules)?;
        Ok(Self {
            id,
            path: new.path,
            kind,
            description: Zeroizing::new(new.description),
            given: new.options,
            local: new.local,
            salt_key: random_key(source)?,
            options,
        })
    }

    pub(crate) fn id(&self) -> AuditId {
        self.id
    }

    pub(crate) fn path(&self) -> &MountPath {
        &self.path
    }

    pub(crate) fn kind(&self) -> DeviceKind {
        self.kind
    }

    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Returns the options as they were given.
    pub(crate) fn options(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    /// Reads this device's log, oldest line first, and reports what is wrong with it. Files that
    /// were rotated are read one behind the other. `heads` are the stored ones; those of other
    /// devices are left out.
    ///
    /// # Errors
    /// `Storage` if `lines` can not be read.
    pub(crate) fn verify(&self, lines: impl BufRead, heads: &[ChainHead]) -> Result<Report> {
        let heads = heads.iter().filter(|head| head.device == self.id);
        verify(lines, &self.chain_key(), heads)
    }

    /// Returns what stands in the lines of this device for `input`.
    pub(crate) fn hash(&self, input: &str) -> String {
        Hasher::new(&self.salt_key).hash(input.as_bytes())
    }

    pub(super) fn chain_key(&self) -> ChainKey {
        ChainKey::new(&self.salt_key, &self.options.prefix)
    }

    pub(super) fn target(&self) -> &Target {
        &self.options.target
    }

    pub(super) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    pub(super) fn format(&self) -> Format {
        Format {
            hasher: Hasher::new(&self.salt_key),
            raw: self.options.log_raw,
            hash_accessors: self.options.hmac_accessor,
            elide_lists: self.options.elide_list_responses,
            prefix: self.options.prefix.clone(),
        }
    }

    pub(super) fn copy(&self) -> Self {
        Self {
            id: self.id,
            path: self.path.clone(),
            kind: self.kind,
            description: self.description.clone(),
            given: self.given.clone(),
            local: self.local,
            salt_key: keep(&self.salt_key),
            options: self.options.clone(),
        }
    }

    /// Returns whether `other` is this device, set up in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.path == other.path
            && self.options == other.options
            && crate::crypto::equal(&*self.salt_key, &*other.salt_key)
    }

    fn file(&self) -> Option<&std::path::Path> {
        match self.target() {
            Target::File(FileTarget::Path { path, .. }) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Debug for DeviceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceConfig({}, {})", self.kind.name(), self.id)
    }
}

/// All devices of the vault, by path.
#[derive(Default)]
pub(crate) struct AuditTable {
    devices: Vec<DeviceConfig>,
}

impl AuditTable {
    /// Returns where the table is stored.
    pub(crate) fn entry() -> Result<EntryPath> {
        layout::area(NamespaceId::ROOT, "sys").entry("audit")
    }

    /// Reads the stored table.
    pub(crate) fn load(txn: &mut Txn<'_>) -> Result<Self> {
        match txn.load::<StoredTable>(&Self::entry()?)? {
            Some(stored) => Self::from_stored(stored),
            None => Ok(Self::default()),
        }
    }

    /// Writes the table, and the epoch with it.
    pub(crate) fn store(&self, txn: &mut Txn<'_>) -> Result<()> {
        txn.store(Self::entry()?, &self.to_stored())?;
        txn.bump_epoch()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &DeviceConfig> {
        self.devices.iter()
    }

    /// Returns the device at `path`.
    pub(crate) fn at(&self, path: &MountPath) -> Option<&DeviceConfig> {
        self.devices.iter().find(|device| device.path == *path)
    }

    /// Adds a device.
    ///
    /// # Errors
    /// `InvalidArgument` if its path is taken, or its file is another device's: lines of two
    /// chains with different keys in one file could not be told from forged ones.
    pub(crate) fn add(&mut self, device: DeviceConfig) -> Result<()> {
        if self.at(&device.path).is_some() {
            return Err(Error::invalid("the path is in use by another audit device"));
        }
        let file = device.file();
        if file.is_some() && self.devices.iter().any(|other| other.file() == file) {
            return Err(Error::invalid(
                "another audit device writes to the same file",
            ));
        }
        if self.devices.len() >= MAX_DEVICES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a vault has at most {MAX_DEVICES} audit devices"),
            ));
        }
        let index = self
            .devices
            .partition_point(|other| other.path.as_str() < device.path.as_str());
        self.devices.insert(index, device);
        Ok(())
    }

    /// Removes the device at `path` and returns it.
    pub(crate) fn remove(&mut self, path: &MountPath) -> Option<DeviceConfig> {
        let index = self
            .devices
            .iter()
            .position(|device| device.path == *path)?;
        Some(self.devices.remove(index))
    }

    fn from_stored(stored: StoredTable) -> Result<Self> {
        let devices = stored.devices.iter().map(DeviceConfig::from_stored);
        let devices: Vec<DeviceConfig> = devices.collect::<Result<_>>()?;
        let ordered = devices.is_sorted_by(|left, right| left.path.as_str() < right.path.as_str());
        if !ordered || devices.len() > MAX_DEVICES {
            return Err(Error::corrupt("the stored audit table is out of order"));
        }
        Ok(Self { devices })
    }

    fn to_stored(&self) -> StoredTable {
        StoredTable {
            devices: self.devices.iter().map(DeviceConfig::to_stored).collect(),
        }
    }
}

impl DeviceConfig {
    fn from_stored(stored: &StoredDevice) -> Result<Self> {
        let kind = DeviceKind::parse(&stored.kind)?;
        Ok(Self {
            id: stored.id,
            path: MountPath::new(&stored.path)?,
            kind,
            description: stored.description.clone(),
            given: stored.options.clone(),
            local: stored.local,
            salt_key: keep(&stored.salt_key.0),
            options: Options::read(kind, &stored.options)?,
        })
    }

    fn to_stored(&self) -> StoredDevice {
        StoredDevice {
            id: self.id,
            path: Zeroizing::new(self.path.as_str().to_owned()),
            kind: self.kind.name().to_owned(),
            description: self.description.clone(),
            options: self.given.clone(),
            local: self.local,
            salt_key: StoredKey(*self.salt_key),
        }
    }
}

impl fmt::Debug for AuditTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditTable({} devices)", self.devices.len())
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    devices: Vec<StoredDevice>,
}

impl Record for StoredTable {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "audit table";
}

#[derive(Serialize, Deserialize)]
struct StoredDevice {
    id: AuditId,
    #[serde(with = "crate::secret::wiped")]
    path: Zeroizing<String>,
    kind: String,
    #[serde(with = "crate::secret::wiped")]
    description: Zeroizing<String>,
    options: BTreeMap<String, String>,
    local: bool,
    salt_key: StoredKey,
}

#[derive(Serialize, Deserialize)]
struct StoredKey([u8; 32]);

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests;
