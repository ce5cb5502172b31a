//! The configuration of a mount.

use serde::{Deserialize, Serialize};

use super::KIND;
use crate::error::{Error, Result};
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Capability, Context, Mounted, Operation, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::wire::{Json, Object, Response};

/// The configuration as it is stored in the mount table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) disable_upsert: bool,
}

impl Record for Config {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "transit configuration";
}

pub(super) fn of(mount: Mounted<'_>) -> Result<Config> {
    Config::decode(mount.config)
}

fn access(cx: &Context<'_, '_>, capability: Capability) -> Result<Vec<Access>> {
    let path = format!("{}config/keys", cx.mount()?.path.as_str());
    Ok(vec![Access::new(path, capability)])
}

/// Reads the configuration of a mount.
pub(crate) struct ReadConfig<'m> {
    pub(crate) mount: &'m MountPath,
}

impl Operation for ReadConfig<'_> {
    type Reply = Config;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Config> {
        of(cx.mount()?)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, config: &Config) -> Result<Response> {
        let object = Object::new().flag("disable_upsert", config.disable_upsert);
        Ok(Response::data(object))
    }
}

/// Changes the configuration of a mount.
pub(crate) struct Configure<'m> {
    pub(crate) mount: &'m MountPath,
    pub(crate) disable_upsert: bool,
}

impl Operation for Configure<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut table = MountTable::load(cx.txn, cx.mount()?.namespace, Class::Secret)?;
        let gone = || Error::not_found("no engine is mounted there");
        let mount = table.at_mut(self.mount).ok_or_else(gone)?;
        let mut config = Config::decode(&mount.config)?;
        if config.disable_upsert == self.disable_upsert {
            return Ok(()); // every process would load its mounts anew, for nothing
        }
        config.disable_upsert = self.disable_upsert;
        mount.config = config.encode()?.to_vec();
        table.store(cx.txn)
    }

    fn input(&self) -> Json {
        let object = Object::new().flag("disable_upsert", self.disable_upsert);
        object.finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
