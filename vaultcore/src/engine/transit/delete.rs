//! Deleting a key, and with it what it encrypted.

use super::rotate::forget_due;
use super::{KIND, KeyName, api_path, entry, stored, use_entry};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// Deletes a key with all its versions, if its rules allow that.
pub(crate) struct Delete<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
}

impl Operation for Delete<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "keys", &self.name)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let path = entry(cx, &self.name)?;
        let key = stored(cx, &self.name)?;
        if !key.rules.deletion_allowed {
            return Err(Error::invalid("deletion is not allowed for this key"));
        }
        forget_due(cx.txn, key.rules.due, &key.id)?;
        let uses = use_entry(cx.mount()?, &key.id)?;
        cx.txn.delete(uses);
        cx.txn.delete(path);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
