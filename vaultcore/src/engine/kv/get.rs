//! Reading a version.

use std::collections::BTreeMap;

use super::metadata::{Metadata, Version, VersionInfo};
use super::{KIND_V2, api_path, data, shapes};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{MountPath, SecretPath};
use crate::wire::{Json, Object, Response};

pub(crate) use super::data::Plain;

/// Reads a version of a secret.
pub(crate) struct Get<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) path: SecretPath,
    /// `None` or 0: the newest.
    pub(crate) version: Option<u64>,
}

/// A version that exists; deleted and destroyed ones have no data.
pub(crate) struct Found {
    pub(crate) info: VersionInfo,
    pub(crate) custom: BTreeMap<String, String>,
    pub(crate) data: Option<Plain>,
}

impl Found {
    fn new(metadata: &Metadata, version: &Version, data: Option<Plain>) -> Self {
        Self {
            info: version.info(),
            custom: metadata.custom.clone(),
            data,
        }
    }
}

impl Operation for Get<'_> {
    type Reply = Found;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND_V2)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        Some(("data", self.path.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "data", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Found> {
        let name = Metadata::name(cx, &self.path)?;
        let number = self.version.unwrap_or(0);
        if let Some((metadata, record)) = cx.txn.led_to::<Metadata>(&name, number)? {
            let version = wanted(&metadata, self.version)?;
            // What is not live any more is answered below.
            if version.live(|| cx.txn.now()) {
                let data = data::check(record, &metadata, version)?;
                return Ok(Found::new(&metadata, version, Some(data)));
            }
        }
        let metadata = Metadata::load_by(cx, &name)?.ok_or_else(no_secret)?;
        let version = wanted(&metadata, self.version)?;
        if !version.live(|| cx.txn.now()) {
            return Ok(Found::new(&metadata, version, None));
        }
        let entry = data::entry(cx.mount()?, &metadata, version)?;
        let data = data::load(cx, &entry, &metadata, version)?;
        cx.txn.lead(&name, number, &entry);
        Ok(Found::new(&metadata, version, Some(data)))
    }

    fn input(&self) -> Json {
        match self.version {
            Some(version) => Object::new().number("version", version).finish(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, found: &Self::Reply) -> Result<Response> {
        Ok(shapes::found(found))
    }
}

/// Returns version `number`, or the newest for `None` and 0.
pub(super) fn wanted(metadata: &Metadata, number: Option<u64>) -> Result<&Version> {
    let found = match number {
        None | Some(0) => metadata.newest(),
        Some(number) => metadata.version(number),
    };
    found.ok_or_else(|| Error::not_found("the secret has no such version"))
}

/// Returns the live version `number`, or says what became of it.
pub(super) fn live(
    metadata: &Metadata,
    number: Option<u64>,
    now: crate::clock::Timestamp,
) -> Result<Version> {
    let version = wanted(metadata, number)?;
    if version.live(|| now) {
        Ok(version.clone())
    } else {
        Err(gone(&version.info()))
    }
}

/// Says what became of a version that has no data.
pub(crate) fn gone(info: &VersionInfo) -> Error {
    let what = if info.destroyed {
        "destroyed"
    } else {
        "deleted"
    };
    Error::not_found(format!("version {} of the secret is {what}", info.version))
}

pub(super) fn no_secret() -> Error {
    Error::not_found("there is no such secret")
}
