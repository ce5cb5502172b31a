//! Mounting of engines.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use super::sys;
use crate::engine::kv;
use crate::error::{Error, Result};
use crate::id::MountId;
use crate::mount::{MAX_TTL, Mount as Entry, MountTable};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;

/// An engine to be mounted.
///
/// ```
/// use vaultcore::NewMount;
/// let versioned = NewMount::kv2().description("secrets of the web shop");
/// let also_versioned = NewMount::new("kv").option("version", "2");
/// # let _ = (versioned, also_versioned);
/// ```
#[must_use]
#[derive(Clone, PartialEq, Eq)]
pub struct NewMount {
    kind: String,
    description: String,
    options: BTreeMap<String, String>,
    default_ttl: Option<Duration>,
    max_ttl: Option<Duration>,
}

impl NewMount {
    /// An engine by the name of its kind: `kv-v2`, `kv-v1`, or `kv` with the option `version`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            description: String::new(),
            options: BTreeMap::new(),
            default_ttl: None,
            max_ttl: None,
        }
    }

    /// Key-value secrets with versions.
    pub fn kv2() -> Self {
        Self::new(kv::KIND_V2)
    }

    /// Key-value secrets without versions.
    pub fn kv1() -> Self {
        Self::new(kv::KIND_V1)
    }

    /// Sets a text for people, at most 512 bytes.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Sets an option of the engine.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets how long a lease of the mount lives unless it says so itself.
    pub fn default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets how long a lease of the mount may live.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = Some(ttl);
        self
    }

    /// Returns the kind, with `kv` and its version resolved, and the options for the engine.
    pub(crate) fn resolved(&self) -> Result<(&str, Vec<(String, String)>)> {
        let options = self.options.clone().into_iter().collect();
        let version = self.options.get("version").map(String::as_str);
        let kind = match (self.kind.as_str(), version) {
            ("kv", Some("2")) | (kv::KIND_V2, Some("2") | None) => kv::KIND_V2,
            ("kv", Some("1") | None) | (kv::KIND_V1, Some("1") | None) => kv::KIND_V1,
            ("kv" | kv::KIND_V1 | kv::KIND_V2, Some(_)) => {
                return Err(Error::invalid("the version of a key-value mount is 1 or 2"));
            }
            (other, _) => other,
        };
        Ok((kind, options))
    }
}

impl std::fmt::Debug for NewMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewMount({})", self.kind)
    }
}

/// A mount, as listed.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// sys.mount("secret", NewMount::kv2())?;
/// let mounts = sys.mounts()?;
/// assert_eq!(mounts.iter().map(|mount| mount.path.as_str()).collect::<Vec<_>>(), ["secret/"]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct MountInfo {
    /// Names the mount for ever.
    pub id: MountId,
    /// Where it is.
    pub path: MountPath,
    /// Which engine answers there.
    pub kind: String,
    /// A text for people.
    pub description: String,
    /// The options it was mounted with.
    pub options: BTreeMap<String, String>,
    /// How long a lease lives unless it says so itself.
    pub default_ttl: Option<Duration>,
    /// How long a lease may live.
    pub max_ttl: Option<Duration>,
}

impl std::fmt::Debug for MountInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MountInfo({}, {})", self.id, self.kind)
    }
}

/// Mounts an engine.
pub(crate) struct Mount<'n> {
    pub(crate) path: MountPath,
    /// Resolved, and accepted by the engine.
    pub(crate) kind: &'n str,
    pub(crate) new: &'n NewMount,
    /// The engine's configuration, encoded.
    pub(crate) config: Vec<u8>,
}

impl Operation for Mount<'_> {
    type Reply = MountId;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys(
            &format!("mounts/{}", self.path.as_str()),
            Capability::Update,
        )
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<MountId> {
        check_description(&self.new.description)?;
        check_ttls(self.new.default_ttl, self.new.max_ttl)?;
        let mut table = MountTable::load(cx.txn)?;
        // What a mount keeps is found by its id, so it must differ even if randomness fails.
        let id = MountId::from_bytes(cx.txn.unique(&[b"mount", self.path.as_str().as_bytes()])?);
        table.add(Entry {
            id,
            path: self.path.clone(),
            kind: Zeroizing::new(self.kind.to_owned()),
            description: Zeroizing::new(self.new.description.clone()),
            options: self.new.options.clone(),
            default_ttl: self.new.default_ttl,
            max_ttl: self.new.max_ttl,
            config: self.config.clone(),
        })?;
        table.store(cx.txn)?;
        Ok(id)
    }
}

fn check_description(text: &str) -> Result<()> {
    if text.len() <= 512 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(
        "a description has at most 512 bytes and no control characters",
    ))
}

fn check_ttls(default: Option<Duration>, max: Option<Duration>) -> Result<()> {
    for ttl in [default, max].into_iter().flatten() {
        if ttl > MAX_TTL || ttl.subsec_nanos() % 1_000 != 0 {
            return Err(Error::invalid(
                "the TTL of a mount is a whole number of microseconds, below 2^64",
            ));
        }
    }
    match (default, max) {
        (Some(default), Some(max)) if default > max => Err(Error::invalid(
            "the default TTL of a mount is not longer than its maximum",
        )),
        _ => Ok(()),
    }
}

/// Lists the mounts, by path.
pub(crate) struct ListMounts;

impl Operation for ListMounts {
    type Reply = Vec<MountInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys("mounts", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Vec<MountInfo>> {
        let table = MountTable::load(cx.txn)?;
        let info = |mount: &Entry| MountInfo {
            id: mount.id,
            path: mount.path.clone(),
            kind: mount.kind.to_string(),
            description: mount.description.to_string(),
            options: mount.options.clone(),
            default_ttl: mount.default_ttl,
            max_ttl: mount.max_ttl,
        };
        Ok(table.iter().map(info).collect())
    }
}

/// A change of a mount: only what is set is changed.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::MountTune;
/// let tune = MountTune::new().description("moved").max_ttl(Duration::from_secs(3_600));
/// # let _ = tune;
/// ```
#[must_use]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MountTune {
    description: Option<String>,
    default_ttl: Option<Duration>,
    max_ttl: Option<Duration>,
}

impl MountTune {
    /// Creates a change of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the text for people, at most 512 bytes.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets how long a lease lives unless it says so itself; zero: as the system says.
    pub fn default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets how long a lease may live; zero: as the system says.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = Some(ttl);
        self
    }

    fn apply(&self, mount: &mut Entry) -> Result<()> {
        if let Some(text) = &self.description {
            check_description(text)?;
            mount.description = Zeroizing::new(text.clone());
        }
        let set = |ttl: Duration| Some(ttl).filter(|ttl| !ttl.is_zero());
        mount.default_ttl = self.default_ttl.map_or(mount.default_ttl, set);
        mount.max_ttl = self.max_ttl.map_or(mount.max_ttl, set);
        check_ttls(mount.default_ttl, mount.max_ttl)
    }
}

impl std::fmt::Debug for MountTune {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MountTune")
    }
}

/// Changes a mount.
pub(crate) struct Tune<'t> {
    pub(crate) path: MountPath,
    pub(crate) tune: &'t MountTune,
}

impl Operation for Tune<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys(
            &format!("mounts/{}tune", self.path.as_str()),
            Capability::Update,
        )
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut table = MountTable::load(cx.txn)?;
        let missing = || Error::not_found("no engine is mounted there");
        self.tune
            .apply(table.at_mut(&self.path).ok_or_else(missing)?)?;
        table.store(cx.txn)
    }
}
