//! Moving of mounts.

use super::mounts::{check_no_namespace, missing};
use super::{protected, sys};
use crate::error::{Error, Result};
use crate::id::Nonce;
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response, Shape};

/// Moves a mount to another path of the same namespace. What it keeps stays where it is.
pub(crate) struct Remount {
    pub(crate) class: Class,
    pub(crate) from: MountPath,
    pub(crate) to: MountPath,
}

impl Operation for Remount {
    /// Names the move.
    type Reply = Nonce;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        protected("remount", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Nonce> {
        let mut table = MountTable::load(cx.txn, cx.space.id, self.class)?;
        if self.from == self.to {
            return Err(Error::invalid("the path is already in use"));
        }
        let mut mount = table.remove(&self.from).ok_or_else(missing)?;
        check_no_namespace(cx, self.class, &self.to)?;
        mount.path = self.to.clone();
        table.add(mount)?;
        table.store(cx.txn)?;
        Ok(Nonce::from_bytes(cx.txn.unique(&[b"remount"])?))
    }

    fn input(&self) -> Json {
        Object::new()
            .text("from", self.from.as_str())
            .text("to", self.to.as_str())
            .finish()
    }

    fn output(&self, id: &Nonce) -> Result<Response> {
        let object = Object::new().text("migration_id", &id.to_string());
        Ok(Response::data(object).shaped(Shape::Doubled))
    }
}

/// Tells how far a move has come: it is done before anybody learns its id.
pub(crate) struct RemountStatus {
    pub(crate) id: Nonce,
}

impl Operation for RemountStatus {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let id = self.id;
        sys(&format!("remount/status/{id}"), Capability::Read)
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<()> {
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        let info = Object::new().text("status", "success");
        let object = Object::new()
            .text("migration_id", &self.id.to_string())
            .object("migration_info", info);
        Ok(Response::data(object).shaped(Shape::Doubled))
    }
}
