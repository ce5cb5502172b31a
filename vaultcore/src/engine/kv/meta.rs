//! The metadata of a secret, as callers see and change it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{Config, check_versions, micros};
use super::get::no_secret;
use super::metadata::{Cas, Home, Metadata, Version, VersionInfo, data_entry};
use super::purge::Dropped;
use super::{KIND_V2, api_path, shapes};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{MountPath, SecretPath};
use crate::wire::{Json, Object, Response};

const MAX_CUSTOM: usize = 64;
const MAX_CUSTOM_KEY: usize = 128;
const MAX_CUSTOM_VALUE: usize = 512;

/// The metadata of a secret.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, kv::{Cas, MetadataUpdate}, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().mount("secret", NewMount::kv2())?;
/// # let kv = owner.kv("secret")?;
/// kv.put_metadata("app", &MetadataUpdate::new().max_versions(3))?;
/// let metadata = kv.metadata("app")?;
/// assert_eq!((metadata.current_version, metadata.max_versions), (0, 3));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct KvMetadata {
    /// When the secret was created.
    pub created_time: Timestamp,
    /// When anything of it changed last.
    pub updated_time: Timestamp,
    /// The number of the newest version; 0 if none was written.
    pub current_version: u64,
    /// The number of the oldest version that is kept; 0 until one was dropped, as in Vault.
    pub oldest_version: u64,
    /// How many versions the secret keeps; 0: as many as its mount says.
    pub max_versions: u32,
    /// Whether every write must say which version it expects.
    pub cas_required: bool,
    /// Whether every write of the metadata must say which version of it it expects.
    pub metadata_cas_required: bool,
    /// How long after it is written a version is deleted.
    pub delete_version_after: Option<Duration>,
    /// The caller's own notes.
    pub custom_metadata: BTreeMap<String, String>,
    /// Counts the changes of the metadata itself.
    pub current_metadata_version: u64,
    /// The versions that are kept, oldest first.
    pub versions: Vec<VersionInfo>,
}

impl std::fmt::Debug for KvMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "KvMetadata(version {}, {} kept, custom metadata [redacted])",
            self.current_version,
            self.versions.len()
        )
    }
}

/// A change of metadata: only what is set is changed.
///
/// ```
/// use vaultcore::kv::MetadataUpdate;
/// let update = MetadataUpdate::new().max_versions(5).custom("team", "payments");
/// # let _ = update;
/// ```
#[must_use]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MetadataUpdate {
    pub(super) max_versions: Option<u32>,
    pub(super) cas_required: Option<bool>,
    pub(super) metadata_cas_required: Option<bool>,
    cas: Option<Cas>,
    pub(super) delete_version_after: Option<Duration>,
    pub(super) custom: Option<BTreeMap<String, Option<String>>>,
    drop_custom: bool,
}

impl MetadataUpdate {
    /// Creates an update that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many versions the secret keeps, 1 to 1,000; 0: as many as its mount says. Its own
    /// number counts, also where it is smaller than the mount's.
    pub fn max_versions(mut self, count: u32) -> Self {
        self.max_versions = Some(count);
        self
    }

    /// Sets whether every write must say which version it expects. The mount may ask for it too.
    pub fn cas_required(mut self, required: bool) -> Self {
        self.cas_required = Some(required);
        self
    }

    /// Sets whether every write of the metadata must say which version of it it expects, by
    /// [`cas`](Self::cas). The mount may ask for it too.
    pub fn metadata_cas_required(mut self, required: bool) -> Self {
        self.metadata_cas_required = Some(required);
        self
    }

    /// Expects that the metadata has this version, [`KvMetadata::current_metadata_version`];
    /// [`Cas::Absent`]: that it was never written, which holds for a secret that only has data.
    pub fn cas(mut self, cas: Cas) -> Self {
        self.cas = Some(cas);
        self
    }

    /// Sets how long after it is written a version is deleted; zero: as the mount says.
    pub fn delete_version_after(mut self, after: Duration) -> Self {
        self.delete_version_after = Some(after);
        self
    }

    /// Sets one entry of the custom metadata. Writing replaces all of them by those of the update,
    /// patching changes only those named. At most 64 keys of 1 to 128 bytes, with values of 1 to
    /// 512 bytes, printable.
    pub fn custom(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.custom
            .get_or_insert_default()
            .insert(key.into(), Some(value.into()));
        self
    }

    /// Removes one entry of the custom metadata when patched. Written, an update keeps none but
    /// those that it sets, so that this alone removes all of them.
    pub fn remove_custom(mut self, key: impl Into<String>) -> Self {
        self.custom.get_or_insert_default().insert(key.into(), None);
        self
    }

    /// Removes all custom metadata, also when patched.
    pub(super) fn drop_custom(mut self) -> Self {
        self.drop_custom = true;
        self
    }

    /// Removes all custom metadata when written; changes nothing when patched.
    pub fn clear_custom(mut self) -> Self {
        self.custom = Some(BTreeMap::new());
        self
    }

    fn apply(&self, metadata: &mut Metadata, mode: UpdateMode) -> Result<()> {
        if let Some(count) = self.max_versions {
            check_versions(count)?;
            metadata.max_versions = count;
        }
        if let Some(required) = self.cas_required {
            metadata.cas_required = required;
        }
        if let Some(required) = self.metadata_cas_required {
            metadata.metadata_cas_required = required;
        }
        if let Some(after) = self.delete_version_after {
            metadata.delete_after = Some(micros(after)?).filter(|micros| *micros > 0);
        }
        if self.drop_custom {
            metadata.custom.clear();
        }
        let Some(custom) = &self.custom else {
            return Ok(());
        };
        if mode == UpdateMode::Write {
            metadata.custom.clear();
        }
        for (key, value) in custom {
            match value {
                Some(value) => metadata.custom.insert(key.clone(), value.clone()),
                None => metadata.custom.remove(key),
            };
        }
        check_custom(&metadata.custom)
    }
}

impl std::fmt::Debug for MetadataUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetadataUpdate([redacted])")
    }
}

fn check_custom(custom: &BTreeMap<String, String>) -> Result<()> {
    if custom.len() > MAX_CUSTOM {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "custom metadata has at most {MAX_CUSTOM} keys, not {}",
                custom.len()
            ),
        ));
    }
    let printable = |text: &str| !text.chars().any(char::is_control);
    for (key, value) in custom {
        let key_fits = (1..=MAX_CUSTOM_KEY).contains(&key.len()) && printable(key);
        if !key_fits || !(1..=MAX_CUSTOM_VALUE).contains(&value.len()) || !printable(value) {
            return Err(Error::invalid(
                "custom metadata has keys of 1 to 128 bytes and values of 1 to 512, all printable",
            ));
        }
    }
    Ok(())
}

/// Reads the metadata of a secret.
pub(crate) struct ReadMetadata {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
}

impl Operation for ReadMetadata {
    type Reply = KvMetadata;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "metadata", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<KvMetadata> {
        let mut metadata = Metadata::load(cx, &self.path)?.ok_or_else(no_secret)?;
        Ok(KvMetadata {
            created_time: metadata.created,
            updated_time: metadata.updated,
            current_version: metadata.current,
            oldest_version: metadata.oldest(),
            max_versions: metadata.max_versions,
            cas_required: metadata.cas_required,
            metadata_cas_required: metadata.metadata_cas_required,
            delete_version_after: metadata.delete_after(),
            custom_metadata: std::mem::take(&mut metadata.custom),
            current_metadata_version: metadata.revision,
            versions: metadata.versions.iter().map(Version::info).collect(),
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, metadata: &Self::Reply) -> Result<Response> {
        Ok(shapes::metadata(metadata))
    }
}

/// How an update treats what it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateMode {
    /// Custom metadata is replaced; a secret that does not exist gets metadata only.
    Write,
    /// Custom metadata is merged; the secret must exist.
    Patch,
}

/// Changes the metadata of a secret.
pub(crate) struct WriteMetadata {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) update: MetadataUpdate,
    pub(crate) mode: UpdateMode,
}

impl Operation for WriteMetadata {
    /// Whether the secret is not to require `cas` where its mount does.
    type Reply = bool;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let exists = Metadata::load(cx, &self.path)?.is_some();
        let capability = match self.mode {
            UpdateMode::Patch => Capability::Patch,
            UpdateMode::Write if exists => Capability::Update,
            UpdateMode::Write => Capability::Create,
        };
        let path = api_path(cx.mount()?, "metadata", self.path.as_str());
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<bool> {
        let mut metadata = match (Metadata::load(cx, &self.path)?, self.mode) {
            (Some(metadata), _) => metadata,
            (None, UpdateMode::Write) => Metadata::new(cx, &self.path)?,
            (None, UpdateMode::Patch) => return Err(no_secret()),
        };
        let config = Config::of(cx.mount()?)?;
        let required = config.metadata_cas_required(metadata.metadata_cas_required);
        self.update
            .cas
            .unwrap_or(Cas::Any)
            .check(metadata.revision, required)?;
        self.update.apply(&mut metadata, self.mode)?;
        metadata.revision = metadata.revision.saturating_add(1);
        metadata.store(cx, &self.path)?;
        Ok(self.update.cas_required == Some(false) && config.cas_required(false))
    }

    fn input(&self) -> Json {
        shapes::metadata_update(&self.update)
    }

    fn output(&self, overruled: &bool) -> Result<Response> {
        Ok(shapes::metadata_written(*overruled))
    }
}

/// Removes a secret with all its versions. A new one at the same path begins at version 1.
pub(crate) struct DeleteMetadata {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
}

impl Operation for DeleteMetadata {
    /// The work entry that deletes the rest, if there is a rest.
    type Reply = Option<crate::path::EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "metadata", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(metadata) = Metadata::load(cx, &self.path)? else {
            return Ok(None);
        };
        let home = Home::of(cx.mount()?);
        let entry = Metadata::entry(cx, &self.path)?;
        cx.txn.delete(entry.clone());
        if !metadata.doomed.is_empty() {
            cx.txn.delete(Dropped::entry(&metadata.key)?); // what it names goes here
        }
        let live = metadata.versions.iter().filter_map(|version| version.slot);
        let mut slots: Vec<u16> = live.chain(metadata.doomed.iter().copied()).collect();
        let rest = slots.split_off(slots.len().min(super::put::SWEEP));
        for slot in slots {
            cx.txn.delete(data_entry(home, &metadata.key, slot)?);
        }
        let dropped = (!rest.is_empty()).then(|| Dropped {
            home,
            metadata: entry.as_str().to_owned(),
            key: metadata.key,
            slots: rest,
        });
        Dropped::leave(cx.txn, dropped.into_iter().collect())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()).waiting())
    }
}
