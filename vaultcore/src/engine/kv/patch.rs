//! Operations that read a version to make another: merge patch, rollback; and the shape of one.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::get::{live, no_secret, wanted};
use super::merge::{keys_only, merge};
use super::metadata::{Cas, Metadata, VersionInfo};
use super::put::{SWEEP, Written, add_to, check_cas};
use super::{KIND_V2, api_path, data, shapes};
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{MountPath, SecretPath};
use crate::wire::{Json, Object, Response};

/// Merges JSON into the newest version (RFC 7396) and writes the result as a new one.
pub(crate) struct Patch<'d> {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    /// Checked by [`super::check_object`].
    pub(crate) json: &'d [u8],
    pub(crate) cas: Cas,
}

/// What a patch came to.
pub(crate) enum Patched {
    Written(Written),
    /// The newest version has no data that could be patched.
    Gone(Gone),
}

/// A version without data: deleted or destroyed.
pub(crate) struct Gone {
    pub(crate) info: VersionInfo,
    pub(crate) custom: BTreeMap<String, String>,
}

impl Operation for Patch<'_> {
    type Reply = Patched;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "data", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Patch)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Patched> {
        let metadata = Metadata::load(cx, &self.path)?.ok_or_else(no_secret)?;
        check_cas(cx, &metadata, self.cas)?; // first, as in Vault: it tells that others wrote
        let newest = wanted(&metadata, None)?;
        if !newest.live(|| cx.txn.now()) {
            return Ok(Patched::Gone(Gone {
                info: newest.info(),
                custom: metadata.custom.clone(),
            }));
        }
        let json = read_live(cx, &metadata, None)?;
        let merged = merge(json.json(), self.json)?;
        let added = add_to(cx, &self.path, metadata, &merged, self.cas, SWEEP)?;
        added.written(cx).map(Patched::Written)
    }

    fn input(&self) -> Json {
        shapes::written(self.json, self.cas)
    }

    fn output(&self, patched: &Self::Reply) -> Result<Response> {
        Ok(match patched {
            Patched::Written(written) => shapes::version_written(written),
            Patched::Gone(gone) => shapes::not_patched(gone),
        })
    }
}

/// Writes an old version's data as a new version, without showing it to the caller.
pub(crate) struct Rollback {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) version: u64,
    pub(crate) cas: Cas,
}

impl Operation for Rollback {
    type Reply = Written;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "data", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Written> {
        let (metadata, json) = load_live(cx, &self.path, Some(self.version))?;
        add_to(cx, &self.path, metadata, json.json(), self.cas, SWEEP)?.written(cx)
    }

    fn input(&self) -> Json {
        Object::new().number("version", self.version).finish()
    }

    fn output(&self, written: &Self::Reply) -> Result<Response> {
        Ok(shapes::version_written(written))
    }
}

/// Returns the JSON of a version with its keys alone: every leaf is null.
pub(crate) struct Subkeys {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) version: Option<u64>,
    /// Levels shown; 0: all.
    pub(crate) depth: usize,
}

/// The keys of a version that exists; deleted and destroyed ones have none.
pub(crate) struct Keys {
    pub(crate) info: VersionInfo,
    pub(crate) custom: BTreeMap<String, String>,
    pub(crate) json: Option<Zeroizing<Vec<u8>>>,
}

impl Operation for Subkeys {
    type Reply = Keys;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "subkeys", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let metadata = Metadata::load(cx, &self.path)?.ok_or_else(no_secret)?;
        let version = wanted(&metadata, self.version)?;
        let levels = match self.depth {
            0 => usize::MAX,
            depth => depth,
        };
        let mount = cx.mount()?;
        let json = match version.live(|| cx.txn.now()) {
            true => {
                let entry = data::entry(mount, &metadata, version)?;
                Some(data::load(cx, &entry, &metadata, version)?)
            }
            false => None,
        };
        let json = json.map(|json| keys_only(json.json(), levels));
        Ok(Keys {
            info: version.info(),
            custom: metadata.custom.clone(),
            json: json.transpose()?,
        })
    }

    fn input(&self) -> Json {
        Object::new()
            .number("depth", u64::try_from(self.depth).unwrap_or(u64::MAX))
            .finish()
    }

    fn output(&self, keys: &Self::Reply) -> Result<Response> {
        Ok(shapes::keys(keys))
    }
}

/// Reads the metadata and the data of a version that is neither deleted nor destroyed.
fn load_live(
    cx: &mut Context<'_, '_>,
    path: &SecretPath,
    version: Option<u64>,
) -> Result<(Metadata, data::Plain)> {
    let metadata = Metadata::load(cx, path)?.ok_or_else(no_secret)?;
    let json = read_live(cx, &metadata, version)?;
    Ok((metadata, json))
}

fn read_live(
    cx: &mut Context<'_, '_>,
    metadata: &Metadata,
    version: Option<u64>,
) -> Result<data::Plain> {
    let version = live(metadata, version, cx.txn.now())?;
    let entry = data::entry(cx.mount()?, metadata, &version)?;
    data::load(cx, &entry, metadata, &version)
}
