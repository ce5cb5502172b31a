//! Mounting of engines and auth methods.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use super::builtin::Listed;
use super::tune::{MountTune, check_default};
use super::{api, protected, sys};
use crate::engine::{kv, transit};
use crate::error::{Error, Result};
use crate::id::MountId;
use crate::mount::{Class, Mount as Entry, MountTable, NamespaceTable, Tuning, accessor};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// What key-value secrets without versions were called of old.
const GENERIC: &str = "generic";

/// An engine to be mounted, or an auth method to be enabled.
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
    options: BTreeMap<String, String>,
    tune: MountTune,
}

impl NewMount {
    /// An engine by the name of its kind: `kv-v2`, `kv-v1`, or `kv` with the option `version`; or
    /// an auth method: `userpass`, `approle`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            options: BTreeMap::new(),
            tune: MountTune::new(),
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

    /// Named keys that encrypt and sign.
    pub fn transit() -> Self {
        Self::new(transit::KIND)
    }

    /// Sets a text for people, at most 512 bytes.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.tune = self.tune.description(text);
        self
    }

    /// Sets an option of the engine.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets how long a lease of the mount lives unless it says so itself.
    pub fn default_ttl(mut self, ttl: Duration) -> Self {
        self.tune = self.tune.default_ttl(ttl);
        self
    }

    /// Sets how long a lease of the mount may live.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.tune = self.tune.max_ttl(ttl);
        self
    }

    /// Sets all that may be tuned later.
    pub fn tuned(mut self, tune: MountTune) -> Self {
        self.tune = tune;
        self
    }

    /// Returns the kind, with `kv` and its version resolved, and the options for the engine.
    fn resolved(&self) -> Result<(&str, Vec<(String, String)>)> {
        let options = self.options.clone().into_iter().collect();
        let version = self.options.get("version").map(String::as_str);
        let kind = match (self.kind.as_str(), version) {
            ("kv", Some("2")) | (kv::KIND_V2, Some("2") | None) => kv::KIND_V2,
            ("kv" | kv::KIND_V1 | GENERIC, Some("1") | None) => kv::KIND_V1,
            ("kv" | kv::KIND_V1 | kv::KIND_V2, Some(_)) => {
                return Err(Error::invalid("the version of a key-value mount is 1 or 2"));
            }
            (other, _) => other,
        };
        Ok((kind, options))
    }

    /// Returns the options that are shown: a kind that says its version has it among them.
    fn stored_options(&self) -> BTreeMap<String, String> {
        let mut options = self.options.clone();
        let version = match self.kind.as_str() {
            kv::KIND_V1 => "1",
            kv::KIND_V2 => "2",
            _ => return options,
        };
        options.insert("version".to_owned(), version.to_owned());
        options
    }

    pub(super) fn input(&self) -> Object {
        let object = api::tune(Object::new(), &self.tune);
        object
            .text("type", &self.kind)
            .map("options", &self.options)
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
    /// Where it is; for auth methods below `auth/`.
    pub path: MountPath,
    /// Which engine or auth method answers there.
    pub kind: String,
    /// Names it in policies and audit: the kind and the beginning of the id.
    pub accessor: String,
    /// A text for people.
    pub description: String,
    /// The options it was mounted with.
    pub options: BTreeMap<String, String>,
    /// How long a lease lives unless it says so itself.
    pub default_ttl: Option<Duration>,
    /// How long a lease may live.
    pub max_ttl: Option<Duration>,
    pub(super) tuning: Tuning,
}

impl MountInfo {
    pub(super) fn of(mount: &Entry) -> Self {
        Self {
            id: mount.id,
            path: mount.path.clone(),
            kind: mount.kind.to_string(),
            accessor: mount.accessor.clone(),
            description: mount.description.to_string(),
            options: mount.options.clone(),
            default_ttl: mount.tuning.default_ttl(),
            max_ttl: mount.tuning.max_ttl(),
            tuning: mount.tuning.clone(),
        }
    }

    /// Returns whether people without a token may see that it is there.
    #[must_use]
    pub fn listed(&self) -> bool {
        self.tuning.listed
    }
}

impl std::fmt::Debug for MountInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MountInfo({}, {})", self.id, self.kind)
    }
}

/// Returns the folder of `sys/` in which a table's mounts are named.
fn folder(class: Class) -> &'static str {
    match class {
        Class::Secret => "mounts",
        Class::Auth => "auth",
    }
}

/// Access to what can be tuned of a mount, by the folder that the request names.
fn tune_access(
    (class, by): (Class, Class),
    path: &MountPath,
    capability: Capability,
) -> Result<Vec<Access>> {
    match (class, by) {
        (Class::Auth, Class::Secret) => {
            sys(&format!("mounts/auth/{}tune", path.as_str()), capability)
        }
        _ => access(class, path, "tune", capability),
    }
}

/// Access to one mount. That to auth methods is protected.
pub(super) fn access(
    class: Class,
    path: &MountPath,
    end: &str,
    capability: Capability,
) -> Result<Vec<Access>> {
    let path = path.as_str();
    let path = if end.is_empty() {
        path.trim_end_matches('/')
    } else {
        path
    };
    let path = format!("{}/{path}{end}", folder(class));
    match class {
        Class::Secret => sys(&path, capability),
        Class::Auth => protected(&path, capability),
    }
}

pub(super) fn missing() -> Error {
    Error::not_found("nothing is mounted there")
}

/// A path is a mount's or a namespace's, not both: a request could not tell them apart.
pub(super) fn check_no_namespace(
    cx: &mut Context<'_, '_>,
    class: Class,
    path: &MountPath,
) -> Result<()> {
    if class == Class::Auth {
        return Ok(()); // those lie below `auth/`, which is no namespace
    }
    let table = NamespaceTable::load(cx.txn)?;
    let (space, _) = table.split(cx.space.path, path.as_str());
    if space == cx.space.path {
        return Ok(());
    }
    Err(Error::invalid("the path is that of a namespace"))
}

/// Mounts an engine, or enables an auth method.
pub(crate) struct Mount<'n> {
    pub(crate) class: Class,
    pub(crate) path: MountPath,
    pub(crate) new: std::borrow::Cow<'n, NewMount>,
}

impl Operation for Mount<'_> {
    type Reply = MountId;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(self.class, &self.path, "", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<MountId> {
        let (kind, options) = self.new.resolved()?;
        let config = match self.class {
            Class::Secret => cx.registry.engine(kind)?.configure(&options)?,
            Class::Auth => cx.registry.method(kind).map(|_| Vec::new())?,
        };
        check_no_namespace(cx, self.class, &self.path)?;
        let mut table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        let id = self.new_id(cx, &table, kind)?;
        let mut mount = Entry {
            id,
            path: self.path.clone(),
            kind: Zeroizing::new(kind.to_owned()),
            accessor: accessor(self.class, kind, id),
            description: Zeroizing::new(String::new()),
            options: self.new.stored_options(),
            tuning: Tuning::default(),
            config,
        };
        self.new.tune.apply(&mut mount)?;
        check_default(&mount.tuning)?;
        table.add(mount)?;
        table.store(cx.txn)?;
        Ok(id)
    }

    fn input(&self) -> Json {
        self.new.input().finish()
    }

    fn output(&self, _: &MountId) -> Result<Response> {
        Ok(Response::empty())
    }
}

impl Mount<'_> {
    /// Returns an id whose accessor no other mount has. What a mount keeps is found by its id, so
    /// it must differ even if randomness fails.
    fn new_id(&self, cx: &Context<'_, '_>, table: &MountTable, kind: &str) -> Result<MountId> {
        let path = self.path.as_str().as_bytes();
        for attempt in 0..16u8 {
            let context: [&[u8]; 4] = [b"mount", cx.space.id.as_bytes(), path, &[attempt]];
            let id = MountId::from_bytes(cx.txn.unique(&context)?);
            if id != MountId::BUILT_IN
                && table
                    .with_accessor(&accessor(self.class, kind, id))
                    .is_none()
            {
                return Ok(id);
            }
        }
        Err(Error::corrupt("every new accessor of a mount is taken"))
    }
}

/// Lists the mounts, by path.
pub(crate) struct ListMounts {
    pub(crate) class: Class,
}

impl Operation for ListMounts {
    type Reply = Listed;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys(folder(self.class), Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Listed> {
        let table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        Ok(Listed {
            space: cx.space.id,
            mounts: table.iter().map(MountInfo::of).collect(),
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, mounts: &Self::Reply) -> Result<Response> {
        Ok(api::mounts(self.class, mounts))
    }
}

/// Reads one mount.
pub(crate) struct ReadMount {
    pub(crate) class: Class,
    /// Whose folder of `sys/` the request names.
    pub(crate) by: Class,
    pub(crate) path: MountPath,
    /// Whether the reply is what can be tuned.
    pub(crate) tune: bool,
}

impl Operation for ReadMount {
    type Reply = MountInfo;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        match self.tune {
            true => tune_access((self.class, self.by), &self.path, Capability::Read),
            false => access(self.class, &self.path, "", Capability::Read),
        }
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<MountInfo> {
        let table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        table.at(&self.path).map(MountInfo::of).ok_or_else(missing)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, mount: &MountInfo) -> Result<Response> {
        Ok(match self.tune {
            true => api::tuning(self.class, mount),
            false => api::mount(self.class, mount),
        })
    }
}

/// Changes a mount.
pub(crate) struct Tune {
    pub(crate) class: Class,
    /// Whose folder of `sys/` the request names.
    pub(crate) by: Class,
    pub(crate) path: MountPath,
    pub(crate) tune: MountTune,
}

impl Operation for Tune {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        tune_access((self.class, self.by), &self.path, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        let mount = table.at_mut(&self.path).ok_or_else(missing)?;
        self.tune.apply(mount)?;
        self.tune.check_changes_no_engine(self.class, mount)?;
        table.store(cx.txn)
    }

    fn input(&self) -> Json {
        api::tune(Object::new(), &self.tune).finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
