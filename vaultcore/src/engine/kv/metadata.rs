//! The stored metadata of a secret, and the rules of its versions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::config::{Config, MAX_VERSIONS};
use super::metadata_tree;
use super::purge::Dropped;
use crate::barrier::{Name, Txn};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::{Context, Mounted};
use crate::path::{EntryPath, SecretPath};
use crate::record::Record;

/// Which version a write expects to find.
///
/// ```
/// use vaultcore::kv::Cas;
/// let create = Cas::Absent; // the same as Cas::Version(0)
/// let update = Cas::Version(3);
/// # let _ = (create, update);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cas {
    /// Whatever is there. Refused where check-and-set is required.
    Any,
    /// No version was ever written. A secret that has metadata only passes, one whose versions are
    /// all deleted does not.
    Absent,
    /// Exactly this is the newest version; 0 is [`Cas::Absent`].
    Version(u64),
}

/// One version of a secret.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, kv::Cas, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().mount("secret", NewMount::kv2())?;
/// let kv = owner.kv("secret")?;
/// let info = kv.put("app", &[("key", "value")].into_iter().collect::<std::collections::BTreeMap<_, _>>(), Cas::Absent)?;
/// assert_eq!(info.version, 1);
/// assert!(!info.destroyed);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Its number, from 1.
    pub version: u64,
    /// When it was written.
    pub created_time: Timestamp,
    /// When it was deleted, or will be.
    pub deletion_time: Option<Timestamp>,
    /// Whether its data is gone for good.
    pub destroyed: bool,
    marked: bool,
}

impl VersionInfo {
    /// Returns whether the version is deleted: by a call, or because its time had come by `now`.
    #[must_use]
    pub fn deleted(&self, now: Timestamp) -> bool {
        self.marked || self.deletion_time.is_some_and(|time| time <= now)
    }
}

/// Where a mount keeps its secrets.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Home {
    namespace: NamespaceId,
    mount: MountId,
}

impl Home {
    pub(super) fn of(mount: Mounted<'_>) -> Self {
        Self {
            namespace: mount.namespace,
            mount: mount.id,
        }
    }
}

/// The metadata of a secret, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Metadata {
    /// Random; the versions are stored under it.
    pub(super) key: [u8; 16],
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) current: u64,
    pub(super) max_versions: u32,
    pub(super) cas_required: bool,
    pub(super) metadata_cas_required: bool,
    pub(super) delete_after: Option<u64>, // microseconds
    pub(super) custom: BTreeMap<String, String>,
    /// Counts the changes of the metadata itself.
    pub(super) revision: u64,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    /// Slots of versions that are gone, whose records wait to be deleted.
    pub(super) doomed: Vec<u16>,
}

/// One version, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) created: Timestamp,
    /// When it was deleted, or will be.
    pub(super) deletion: Option<Timestamp>,
    /// Deleted by a call, and so for every process, whatever its clock says.
    pub(super) deleted: bool,
    pub(super) destroyed: bool,
    /// Where its record is, unless destroyed.
    pub(super) slot: Option<u16>,
    /// Proves that the record is the one that was committed with this metadata.
    pub(super) mark: [u8; 16],
}

impl Record for Metadata {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "metadata of a secret";

    /// Versions are looked up by halves, and the newest is the last.
    fn is_sound(&self) -> bool {
        let numbers = || self.versions.iter().map(|version| version.number);
        numbers().is_sorted_by(|left, right| left < right)
            && numbers().next_back().unwrap_or(0) == self.current
            && self.versions.len() <= MAX_VERSIONS as usize
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        for (mut name, mut value) in std::mem::take(&mut self.custom) {
            name.zeroize();
            value.zeroize();
        }
    }
}

impl Version {
    pub(super) fn info(&self) -> VersionInfo {
        VersionInfo {
            version: self.number,
            created_time: self.created,
            deletion_time: self.deletion,
            destroyed: self.destroyed,
            marked: self.deleted,
        }
    }

    /// Returns whether the version can be read. The time is asked for only if it matters.
    pub(super) fn live(&self, now: impl FnOnce() -> Timestamp) -> bool {
        let now = match self.deletion {
            Some(_) => now(),
            None => self.created,
        };
        !self.destroyed && !self.info().deleted(now)
    }
}

impl Metadata {
    /// Returns where the metadata of `path` is stored.
    pub(super) fn entry(cx: &Context<'_, '_>, path: &SecretPath) -> Result<EntryPath> {
        Ok(Self::name(cx, path)?.entry().clone())
    }

    /// Returns the name by which the metadata of `path` is found.
    pub(super) fn name(cx: &Context<'_, '_>, path: &SecretPath) -> Result<Arc<Name>> {
        let mount = cx.mount()?;
        cx.txn.hidden_name(metadata_tree(mount), path.as_str())
    }

    /// Reads the metadata of `path`, if there is any.
    pub(super) fn load(cx: &mut Context<'_, '_>, path: &SecretPath) -> Result<Option<Self>> {
        Ok(Self::load_shared(cx, path)?.map(Arc::unwrap_or_clone))
    }

    /// Reads the metadata of `path`, if there is any, to look at it only.
    pub(super) fn load_shared(
        cx: &mut Context<'_, '_>,
        path: &SecretPath,
    ) -> Result<Option<Arc<Self>>> {
        let name = Self::name(cx, path)?;
        Self::load_by(cx, &name)
    }

    /// Reads the metadata that is found by `name`, if there is any, to look at it only.
    pub(super) fn load_by(cx: &mut Context<'_, '_>, name: &Name) -> Result<Option<Arc<Self>>> {
        cx.txn.load_shared(name.entry(), Self::holds_no_secret)
    }

    /// Makes the metadata of a new secret.
    pub(super) fn new(cx: &Context<'_, '_>, path: &SecretPath) -> Result<Self> {
        let mount = cx.mount()?;
        // Unlike for two secrets even if the random source repeats itself: they must not share it.
        let context: [&[u8]; 3] = [b"key", mount.id.as_bytes(), path.as_str().as_bytes()];
        let now = cx.txn.now();
        Ok(Self {
            key: cx.txn.unique(&context)?,
            created: now,
            updated: now,
            current: 0,
            max_versions: 0,
            cas_required: false,
            metadata_cas_required: false,
            delete_after: None,
            custom: BTreeMap::new(),
            revision: 0,
            versions: Vec::new(),
            doomed: Vec::new(),
        })
    }

    /// Writes the metadata of `path`.
    pub(super) fn store(&mut self, cx: &mut Context<'_, '_>, path: &SecretPath) -> Result<()> {
        self.updated = cx.txn.now();
        let entry = Self::entry(cx, path)?;
        if self.holds_no_secret() {
            return cx.txn.store_shared(entry, Arc::new(self.clone()));
        }
        cx.txn.store(entry, self)
    }

    /// Custom metadata is the caller's; the rest is numbers and times.
    fn holds_no_secret(&self) -> bool {
        self.custom.is_empty()
    }

    /// Returns where the record in `slot` is stored.
    pub(super) fn data_entry(&self, home: Home, slot: u16) -> Result<EntryPath> {
        data_entry(home, &self.key, slot)
    }

    pub(super) fn delete_after(&self) -> Option<Duration> {
        self.delete_after.map(Duration::from_micros)
    }

    pub(super) fn version(&self, number: u64) -> Option<&Version> {
        self.versions.get(self.index(number)?)
    }

    pub(super) fn version_mut(&mut self, number: u64) -> Option<&mut Version> {
        let index = self.index(number)?;
        self.versions.get_mut(index)
    }

    fn index(&self, number: u64) -> Option<usize> {
        let found = self
            .versions
            .binary_search_by_key(&number, |version| version.number);
        found.ok()
    }

    /// Returns the newest version, if any was written.
    pub(super) fn newest(&self) -> Option<&Version> {
        self.version(self.current)
    }

    /// Returns the oldest version that is kept; 0 until one was pruned, as in Vault.
    pub(super) fn oldest(&self) -> u64 {
        match self.versions.first() {
            Some(version) if version.number > 1 => version.number,
            _ => 0,
        }
    }

    /// Adds a version, drops those beyond the limit, and returns the new one's slot.
    pub(super) fn add_version(
        &mut self,
        now: Timestamp,
        mark: [u8; 16],
        config: &Config,
    ) -> Result<u16> {
        let number = self.next_version()?;
        let keep = config.versions(self.max_versions);
        let surplus = self.versions.len().saturating_add(1).saturating_sub(keep);
        let pruned: Vec<u16> = self
            .versions
            .drain(..surplus)
            .filter_map(|old| old.slot)
            .collect();
        // The slot of a pruned version is written over, which deletes it at no cost.
        let (slot, rest) = match pruned.split_first() {
            Some((slot, rest)) => (*slot, rest),
            None => (self.free_slot()?, [].as_slice()),
        };
        self.doomed.extend_from_slice(rest);
        let deletion = config
            .lifetime(self.delete_after())
            .map(|life| now.saturating_add(life));
        let version = Version {
            number,
            created: now,
            deletion,
            deleted: false,
            destroyed: false,
            slot: Some(slot),
            mark,
        };
        self.versions.push(version);
        self.current = number;
        Ok(slot)
    }

    /// Returns the number that the next version will have.
    pub(super) fn next_version(&self) -> Result<u64> {
        let full = || Error::new(ErrorKind::LimitExceeded, "the secret has no version left");
        self.current.checked_add(1).ok_or_else(full)
    }

    /// Returns the lowest slot that holds no record.
    fn free_slot(&self) -> Result<u16> {
        let used = |slot: &u16| {
            self.doomed.contains(slot) || self.versions.iter().any(|old| old.slot == Some(*slot))
        };
        let full = || Error::new(ErrorKind::LimitExceeded, "the secret has no slot left");
        (0..u16::MAX).find(|slot| !used(slot)).ok_or_else(full)
    }

    /// Deletes the records of doomed slots, at most `budget` of them.
    pub(super) fn sweep(&mut self, txn: &mut Txn<'_>, home: Home, budget: usize) -> Result<()> {
        let count = self.doomed.len().min(budget);
        for slot in self.doomed.drain(..count).collect::<Vec<_>>() {
            txn.delete(data_entry(home, &self.key, slot)?);
        }
        Ok(())
    }

    /// Deletes the records of doomed slots, at most `budget` of them, and writes the metadata of
    /// `path`. Returns what is left to be deleted.
    pub(super) fn sweep_and_store(
        &mut self,
        cx: &mut Context<'_, '_>,
        path: &SecretPath,
        budget: usize,
    ) -> Result<Option<Dropped>> {
        let home = Home::of(cx.mount()?);
        self.sweep(cx.txn, home, budget)?;
        self.store(cx, path)?;
        if self.doomed.is_empty() {
            return Ok(None);
        }
        Ok(Some(Dropped {
            home,
            metadata: Self::entry(cx, path)?.as_str().to_owned(),
            key: self.key,
            slots: Vec::new(),
        }))
    }
}

/// Returns where the record in `slot` of the secret `key` is stored.
pub(super) fn data_entry(home: Home, key: &[u8; 16], slot: u16) -> Result<EntryPath> {
    let mut text = String::with_capacity(160);
    text.push_str("ns/"); // as `Tree::folder` makes it
    text.push_str(&home.namespace.part());
    text.push_str("/kv-data/");
    for number in [home.mount.as_bytes(), key] {
        HEXLOWER.encode_append(number, &mut text);
        text.push('/');
    }
    HEXLOWER.encode_append(&u64::from(slot).to_be_bytes(), &mut text);
    EntryPath::from_parts(&text)
}

impl Cas {
    /// Checks the expectation against `current`, the newest version's number.
    pub(super) fn check(self, current: u64, required: bool) -> Result<()> {
        let expected = match self {
            Self::Any if required => {
                return Err(Error::invalid(
                    "this secret takes a write only with the version it expects (check-and-set)",
                ));
            }
            Self::Any => return Ok(()),
            Self::Absent => 0,
            Self::Version(number) => number,
        };
        if expected == current {
            Ok(())
        } else {
            Err(Error::version_conflict(expected, current))
        }
    }
}
