//! Writing a version.

use std::collections::BTreeMap;

use super::config::Config;
use super::metadata::{Cas, Home, Metadata, Version, VersionInfo};
use super::purge::Dropped;
use super::{KIND_V2, api_path, data, shapes};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath, SecretPath};
use crate::wire::{Json, Response};

/// Records that one commit may delete beside what it writes.
pub(super) const SWEEP: usize = 100;

/// Writes a new version of a secret.
pub(crate) struct Put<'d> {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    /// Checked by [`super::check_object`].
    pub(crate) json: &'d [u8],
    pub(crate) cas: Cas,
}

/// What a write came to.
pub(crate) struct Written {
    pub(crate) info: VersionInfo,
    pub(crate) custom: BTreeMap<String, String>,
    /// The work entry that deletes the rest of dropped versions, if there is a rest.
    pub(crate) rest: Option<EntryPath>,
}

/// A version that was added, and what is left of those that it pushed out.
pub(super) struct Added {
    pub(super) info: VersionInfo,
    pub(super) custom: BTreeMap<String, String>,
    pub(super) dropped: Option<Dropped>,
}

impl Added {
    /// Leaves a work entry for what is left.
    pub(super) fn written(self, cx: &mut Context<'_, '_>) -> Result<Written> {
        let rest = Dropped::leave(cx.txn, self.dropped.into_iter().collect())?;
        Ok(Written {
            info: self.info,
            custom: self.custom,
            rest,
        })
    }
}

impl Operation for Put<'_> {
    type Reply = Written;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![write_access(cx, &self.path)?])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Written> {
        add(cx, &self.path, self.json, self.cas, SWEEP)?.written(cx)
    }

    fn input(&self) -> Json {
        shapes::written(self.json, self.cas)
    }

    fn output(&self, written: &Self::Reply) -> Result<Response> {
        Ok(shapes::version_written(written))
    }
}

/// A write creates a secret that has no metadata yet, and updates any other.
pub(super) fn write_access(cx: &mut Context<'_, '_>, path: &SecretPath) -> Result<Access> {
    let exists = Metadata::load_shared(cx, path)?.is_some();
    let capability = if exists {
        Capability::Update
    } else {
        Capability::Create
    };
    Ok(Access::new(
        api_path(cx.mount()?, "data", path.as_str()),
        capability,
    ))
}

/// Adds a version with data `json` to the secret at `path`.
pub(super) fn add(
    cx: &mut Context<'_, '_>,
    path: &SecretPath,
    json: &[u8],
    cas: Cas,
    budget: usize,
) -> Result<Added> {
    let metadata = match Metadata::load(cx, path)? {
        Some(metadata) => metadata,
        None => Metadata::new(cx, path)?,
    };
    add_to(cx, path, metadata, json, cas, budget)
}

/// Adds a version to the secret whose metadata was read already.
pub(super) fn add_to(
    cx: &mut Context<'_, '_>,
    path: &SecretPath,
    mut metadata: Metadata,
    json: &[u8],
    cas: Cas,
    budget: usize,
) -> Result<Added> {
    let mount = cx.mount()?;
    let config = Config::of(mount)?;
    check_cas(cx, &metadata, cas)?;
    let number = metadata.next_version()?;
    let mark = cx
        .txn
        .unique(&[b"mark", &metadata.key, &number.to_be_bytes()])?;
    let slot = metadata.add_version(cx.txn.now(), mark, &config)?;
    let record = data::encode(&metadata.key, number, &mark, json);
    cx.txn
        .put(metadata.data_entry(Home::of(mount), slot)?, &record)?;
    let dropped = metadata.sweep_and_store(cx, path, budget)?;
    let info = metadata.newest().map(Version::info);
    let missing = || Error::corrupt("a version that was added is missing");
    Ok(Added {
        info: info.ok_or_else(missing)?,
        custom: std::mem::take(&mut metadata.custom),
        dropped,
    })
}

/// Checks `cas` against the newest version, and whether it may be left out.
pub(super) fn check_cas(cx: &Context<'_, '_>, metadata: &Metadata, cas: Cas) -> Result<()> {
    let config = Config::of(cx.mount()?)?;
    cas.check(metadata.current, config.cas_required(metadata.cas_required))
}
