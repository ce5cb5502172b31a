//! Merging of entities.

use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId};
use crate::identity::{Merge, merge};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response};

/// Merges entities into another one, in one commit.
pub(crate) struct MergeEntities {
    /// One that cannot be is that of none.
    pub(crate) from: Vec<Option<EntityId>>,
    pub(crate) to: Option<EntityId>,
    pub(crate) keep: Vec<AliasId>,
    pub(crate) force: bool,
}

impl Operation for MergeEntities {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(
            "identity/entity/merge",
            Capability::Update,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let from: Option<Vec<EntityId>> = self.from.iter().copied().collect();
        let from = from.ok_or_else(|| Error::invalid("entity id to merge from is invalid"))?;
        let to = self
            .to
            .ok_or_else(|| Error::invalid("entity id to merge to is invalid"))?;
        let what = Merge {
            from,
            to,
            keep: self.keep.clone(),
            force: self.force,
        };
        merge(cx.txn, cx.space.id, &what)
    }

    fn input(&self) -> Json {
        let from = self.from.iter().flatten().map(EntityId::to_string);
        let to = self.to.map(|id| id.to_string()).unwrap_or_default();
        Object::new()
            .list("from_entity_ids", from)
            .text("to_entity_id", &to)
            .list(
                "conflicting_alias_ids_to_keep",
                self.keep.iter().map(AliasId::to_string),
            )
            .flag("force", self.force)
            .finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
