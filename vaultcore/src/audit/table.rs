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
/// The most devices of a vault. Many have a thread.
const MAX_ALL: usize = 64;

/// One device that is enabled.
pub(crate) struct DeviceConfig {
    id: AuditId,
    space: NamespaceId,
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
    /// Checks what a device of the namespace `space` is to be, and gives it a salt of its own. `id`
    /// names it for ever.
    ///
    /// # Errors
    /// `InvalidArgument` for a kind or an option that there is not, or that `rules` do not allow.
    pub(crate) fn new(
        id: AuditId,
        space: NamespaceId,
        new: NewDevice,
        rules: AuditRules,
        source: &dyn Random,
    ) -> Result<Self> {
        let kind = DeviceKind::parse(&new.kind)?;
        rules.check_kind(space, kind)?;
        if new.description.len() > MAX_DESCRIPTION {
            return Err(Error::invalid(format!(
                "the description of an audit device has more than {MAX_DESCRIPTION} bytes"
            )));
        }
        let options = Options::read(kind, &new.options)?;
        options.check(rules)?;
        Ok(Self {
            id,
            space,
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

    /// Returns the namespace that the device is of.
    pub(crate) fn space(&self) -> NamespaceId {
        self.space
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
            space: self.space,
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
            && self.space == other.space
            && self.path == other.path
            && self.options == other.options
            && crate::crypto::equal(&*self.salt_key, &*other.salt_key)
    }

    /// Returns where the device stands in the order of the table.
    fn place(&self) -> (&[u8; 16], &str) {
        (self.space.as_bytes(), self.path.as_str())
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

/// All devices of the vault, by namespace and path.
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

    /// Returns the devices of a namespace.
    pub(crate) fn of(&self, space: NamespaceId) -> impl Iterator<Item = &DeviceConfig> {
        self.iter().filter(move |device| device.space == space)
    }

    /// Returns the device of a namespace at `path`.
    pub(crate) fn at(&self, space: NamespaceId, path: &MountPath) -> Option<&DeviceConfig> {
        self.of(space).find(|device| device.path == *path)
    }

    /// Adds a device.
    ///
    /// # Errors
    /// `InvalidArgument` if its path is taken, or its file is another device's: lines of two
    /// chains with different keys in one file could not be told from forged ones.
    pub(crate) fn add(&mut self, device: DeviceConfig) -> Result<()> {
        if self.at(device.space, &device.path).is_some() {
            return Err(Error::invalid("the path is in use by another audit device"));
        }
        let file = device.file();
        if file.is_some() && self.devices.iter().any(|other| other.file() == file) {
            return Err(Error::invalid(
                "another audit device writes to the same file",
            ));
        }
        if self.of(device.space).count() >= MAX_DEVICES || self.devices.len() >= MAX_ALL {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "a namespace has at most {MAX_DEVICES} audit devices, and a vault {MAX_ALL}"
                ),
            ));
        }
        let index = self
            .devices
            .partition_point(|other| other.place() < device.place());
        self.devices.insert(index, device);
        Ok(())
    }

    /// Removes the device of a namespace at `path` and returns it.
    pub(crate) fn remove(&mut self, space: NamespaceId, path: &MountPath) -> Option<DeviceConfig> {
        let mut devices = self.devices.iter();
        let index = devices.position(|device| device.space == space && device.path == *path)?;
        Some(self.devices.remove(index))
    }

    /// Removes all devices of a namespace, and returns which they were.
    pub(crate) fn remove_all(&mut self, space: NamespaceId) -> Vec<AuditId> {
        let ids = self.of(space).map(DeviceConfig::id).collect();
        self.devices.retain(|device| device.space != space);
        ids
    }

    fn from_stored(stored: StoredTable) -> Result<Self> {
        let devices = stored.devices.iter().map(DeviceConfig::from_stored);
        let devices: Vec<DeviceConfig> = devices.collect::<Result<_>>()?;
        let ordered = devices.is_sorted_by(|left, right| left.place() < right.place());
        if !ordered || devices.len() > MAX_ALL {
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
            space: stored.space,
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
            space: self.space,
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
    space: NamespaceId,
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
