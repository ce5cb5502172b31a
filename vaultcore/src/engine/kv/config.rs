//! The configuration of a mount.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{KIND_V2, shapes};
use crate::error::{Error, Result};
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Capability, Context, Mounted, Operation, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::wire::{Json, Object, Response};

/// The most versions a secret may keep.
pub(crate) const MAX_VERSIONS: u32 = 1_000;
/// How many it keeps unless told otherwise.
const DEFAULT_VERSIONS: u32 = 10;

/// When versions are deleted by themselves.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::kv::DeleteAfter;
/// let quarter = DeleteAfter::Duration(Duration::from_secs(90 * 86_400));
/// assert_ne!(quarter, DeleteAfter::Unset);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteAfter {
    /// This level says nothing; Vault's `0s`.
    #[default]
    Unset,
    /// So long after a version is written. Of mount and secret, the shorter one counts.
    Duration(Duration),
    /// On a mount: never, whatever its secrets say; Vault's negative value.
    Never,
}

/// The configuration of a version 2 mount.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, kv::KvConfigUpdate, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().mount("secret", NewMount::kv2())?;
/// let kv = owner.kv("secret")?;
/// kv.configure(&KvConfigUpdate::new().max_versions(5))?;
/// let config = kv.config()?;
/// assert_eq!((config.max_versions, config.cas_required), (5, false));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvConfig {
    /// How many versions a secret keeps, unless it says so itself; 0 stands for 10.
    pub max_versions: u32,
    /// Whether every write must say which version it expects.
    pub cas_required: bool,
    /// Whether every write of metadata must say which version of the metadata it expects.
    pub metadata_cas_required: bool,
    /// When versions are deleted by themselves.
    pub delete_version_after: DeleteAfter,
}

/// A change of a mount's configuration: only what is set is changed.
///
/// ```
/// use vaultcore::kv::KvConfigUpdate;
/// let update = KvConfigUpdate::new().max_versions(5).cas_required(true);
/// # let _ = update;
/// ```
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvConfigUpdate {
    pub(super) max_versions: Option<u32>,
    pub(super) cas_required: Option<bool>,
    pub(super) metadata_cas_required: Option<bool>,
    pub(super) delete_version_after: Option<DeleteAfter>,
}

impl KvConfigUpdate {
    /// Creates an update that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many versions a secret keeps, 1 to 1,000; 0 stands for 10.
    pub fn max_versions(mut self, count: u32) -> Self {
        self.max_versions = Some(count);
        self
    }

    /// Sets whether every write must say which version it expects.
    pub fn cas_required(mut self, required: bool) -> Self {
        self.cas_required = Some(required);
        self
    }

    /// Sets whether every write of metadata must say which version of it it expects.
    pub fn metadata_cas_required(mut self, required: bool) -> Self {
        self.metadata_cas_required = Some(required);
        self
    }

    /// Sets when versions are deleted by themselves.
    pub fn delete_version_after(mut self, after: DeleteAfter) -> Self {
        self.delete_version_after = Some(after);
        self
    }

    fn apply(&self, config: &mut Config) -> Result<()> {
        if let Some(count) = self.max_versions {
            check_versions(count)?;
            config.max_versions = count;
        }
        if let Some(required) = self.cas_required {
            config.cas_required = required;
        }
        if let Some(required) = self.metadata_cas_required {
            config.metadata_cas_required = required;
        }
        if let Some(after) = self.delete_version_after {
            config.delete_after = StoredAfter::from_public(after)?;
        }
        Ok(())
    }
}

/// The configuration as it is stored in the mount table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Config {
    max_versions: u32,
    cas_required: bool,
    metadata_cas_required: bool,
    delete_after: StoredAfter,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
enum StoredAfter {
    #[default]
    Unset,
    Micros(u64),
    Never,
}

impl StoredAfter {
    fn from_public(after: DeleteAfter) -> Result<Self> {
        Ok(match after {
            DeleteAfter::Unset => Self::Unset,
            DeleteAfter::Never => Self::Never,
            DeleteAfter::Duration(duration) => match micros(duration)? {
                0 => Self::Unset,
                micros => Self::Micros(micros),
            },
        })
    }
}

impl Record for Config {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "key-value configuration";
}

impl Config {
    pub(super) fn of(mount: Mounted<'_>) -> Result<Self> {
        Self::decode(mount.config)
    }

    /// Returns how many versions a secret keeps; its own wish beats the mount's, either way.
    pub(super) fn versions(&self, own: u32) -> usize {
        let chosen = [own, self.max_versions, DEFAULT_VERSIONS]
            .into_iter()
            .find(|count| *count > 0);
        chosen.unwrap_or(DEFAULT_VERSIONS).min(MAX_VERSIONS) as usize
    }

    /// Returns whether writes must say which version they expect: either level may ask for it.
    pub(super) fn cas_required(&self, own: bool) -> bool {
        self.cas_required || own
    }

    /// Returns whether writes of metadata must say which version of it they expect.
    pub(super) fn metadata_cas_required(&self, own: bool) -> bool {
        self.metadata_cas_required || own
    }

    /// Returns how long a version written now lives, given the secret's own wish.
    pub(super) fn lifetime(&self, own: Option<Duration>) -> Option<Duration> {
        match (self.delete_after, own) {
            (StoredAfter::Never, _) => None,
            (StoredAfter::Unset, own) => own,
            (StoredAfter::Micros(micros), own) => {
                let mount = Duration::from_micros(micros);
                Some(own.map_or(mount, |own| own.min(mount)))
            }
        }
    }

    fn to_public(&self) -> KvConfig {
        KvConfig {
            max_versions: self.max_versions,
            cas_required: self.cas_required,
            metadata_cas_required: self.metadata_cas_required,
            delete_version_after: match self.delete_after {
                StoredAfter::Unset => DeleteAfter::Unset,
                StoredAfter::Never => DeleteAfter::Never,
                StoredAfter::Micros(micros) => DeleteAfter::Duration(Duration::from_micros(micros)),
            },
        }
    }
}

/// Refuses more versions than a secret may keep.
pub(super) fn check_versions(count: u32) -> Result<()> {
    if count <= MAX_VERSIONS {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "max_versions is at most {MAX_VERSIONS}, not {count}"
    )))
}

/// Returns `duration` in microseconds.
pub(super) fn micros(duration: Duration) -> Result<u64> {
    let too_long = |_| Error::invalid("delete_version_after is longer than time is counted");
    u64::try_from(duration.as_micros()).map_err(too_long)
}

/// Reads the configuration of a mount.
pub(crate) struct ReadConfig {
    pub(crate) mount: MountPath,
}

impl Operation for ReadConfig {
    type Reply = KvConfig;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}config", cx.mount()?.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<KvConfig> {
        Ok(Config::of(cx.mount()?)?.to_public())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, config: &Self::Reply) -> Result<Response> {
        Ok(shapes::config(config))
    }
}

/// Changes the configuration of a mount. It stands in the mount table, so that it costs no read.
pub(crate) struct Configure {
    pub(crate) mount: MountPath,
    pub(crate) update: KvConfigUpdate,
}

impl Operation for Configure {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}config", cx.mount()?.path.as_str());
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut table = MountTable::load(cx.txn, cx.mount()?.namespace, Class::Secret)?;
        let gone = || Error::not_found("no engine is mounted there");
        let mount = table.at_mut(&self.mount).ok_or_else(gone)?;
        let mut config = Config::decode(&mount.config)?;
        self.update.apply(&mut config)?;
        let encoded = config.encode()?.to_vec();
        if encoded == mount.config {
            return Ok(()); // every process would load its mounts anew, for nothing
        }
        mount.config = encoded;
        table.store(cx.txn)
    }

    fn input(&self) -> Json {
        shapes::config_update(&self.update)
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_overrides_the_mount_both_ways() {
        let mount = Config {
            max_versions: 5,
            ..Config::default()
        };
        assert_eq!(
            (mount.versions(0), mount.versions(2), mount.versions(7)),
            (5, 2, 7)
        );
        assert_eq!(Config::default().versions(0), 10);
    }

    #[test]
    fn the_shorter_lifetime_counts_and_never_beats_all() {
        let seconds = |number| Some(Duration::from_secs(number));
        let mount = Config {
            delete_after: StoredAfter::Micros(5_000_000),
            ..Config::default()
        };
        assert_eq!(mount.lifetime(None), seconds(5));
        assert_eq!(mount.lifetime(seconds(3)), seconds(3));
        assert_eq!(mount.lifetime(seconds(9)), seconds(5));
        let never = Config {
            delete_after: StoredAfter::Never,
            ..Config::default()
        };
        assert_eq!(never.lifetime(seconds(3)), None);
    }
}
