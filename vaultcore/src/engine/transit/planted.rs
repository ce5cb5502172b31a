//! For tests: keys that were used as often as a test says.

use super::budget::{Given, Limits};
use super::{KIND, KeyName, stored, use_entry};
use crate::error::Result;
use crate::operation::{Access, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// Counts `uses` of the newest version of a key as given away.
pub(crate) struct Plant<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) uses: u64,
}

impl Operation for Plant<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let key = stored(cx, &self.name)?;
        let limits = Limits {
            rotate: u64::MAX,
            refuse: u64::MAX,
        };
        let mut given = Given::default();
        given.take(key.latest(), self.uses, self.uses, limits, false)?;
        let path = use_entry(cx.mount()?, &key.id)?;
        cx.txn.store(path, &given)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
