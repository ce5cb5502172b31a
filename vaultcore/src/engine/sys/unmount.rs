//! Taking mounts away, with all that they keep.

use super::mounts::access;
use crate::barrier::layout;
use crate::error::Result;
use crate::lease;
use crate::mount::{Class, MountTable, Wipe};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath};
use crate::wire::{Json, Object, Response};

/// Takes a mount away, with all that it keeps.
pub(crate) struct Unmount {
    pub(crate) class: Class,
    pub(crate) path: MountPath,
}

impl Operation for Unmount {
    /// The work of deleting what it kept.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(self.class, &self.path, "", Capability::Delete)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mut table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        table.check_not_built_in(&self.path)?;
        let Some(mount) = table.remove(&self.path) else {
            return Ok(None);
        };
        let areas = match self.class {
            Class::Secret => cx.registry.engine(&mount.kind)?.areas(),
            Class::Auth => cx.registry.method(&mount.kind)?.areas(),
        };
        table.store(cx.txn)?;
        let id = mount.id.to_string();
        let folders = areas
            .iter()
            .map(|area| layout::area(cx.space.id, area).then(&id));
        let leases = lease::of_mount(cx.space.id, Some(mount.id));
        Wipe::leave(cx.txn, &id, Some(&leases), folders).map(Some)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()).waiting())
    }
}

/// Deletes the next page of what a mount or a namespace kept.
pub(crate) struct WipePage {
    pub(crate) work: EntryPath,
}

impl Operation for WipePage {
    /// Whether there is more.
    type Reply = bool;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// It was allowed when it was begun.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<bool> {
        Wipe::page(cx.txn, &self.work)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &bool) -> Result<Response> {
        Ok(Response::empty())
    }
}
