//! Aliases of external groups.

use std::sync::Arc;

use super::alias::{alias_input, write_access, written};
use super::info::AliasInfo;
use super::options::AliasOptions;
use super::{methods, shape};
use crate::error::{Error, Result};
use crate::id::{AliasId, GroupId};
use crate::identity::{Group, GroupKind, Groups, new_group};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response, Shape};

/// Makes the alias of an external group, or changes it.
pub(crate) struct WriteGroupAlias {
    pub(crate) options: AliasOptions,
    /// The group; without one a new alias gets a new one.
    pub(crate) group: Option<GroupId>,
    /// The id that the path names, if it names one.
    pub(crate) path: Option<String>,
}

impl WriteGroupAlias {
    /// Returns the group that the alias is to belong to, if it is there yet.
    fn owner(&self, cx: &mut Context<'_, '_>) -> Result<Option<Arc<Group>>> {
        let groups = Groups::new(cx.space.id);
        if let Some(id) = self.group {
            let invalid = || Error::invalid("invalid group ID given in 'canonical_id'");
            let group = groups.with_id(cx.txn, id)?.ok_or_else(invalid)?;
            return Ok(Some(group));
        }
        match self.options.id {
            Some(id) => groups.with_alias_id(cx.txn, id),
            None => Ok(None),
        }
    }

    /// Returns the group that has the alias now.
    fn holder(&self, cx: &mut Context<'_, '_>) -> Result<Option<Arc<Group>>> {
        let groups = Groups::new(cx.space.id);
        if let Some(id) = self.options.id {
            let invalid = || Error::invalid("invalid group alias ID");
            let found = groups.with_alias_id(cx.txn, id)?.ok_or_else(invalid)?;
            return Ok(Some(found));
        }
        let name = self.options.name.as_ref();
        let name = name.ok_or_else(|| Error::invalid("missing alias name"))?;
        let accessor = self.options.accessor.as_ref();
        let accessor = accessor.ok_or_else(|| Error::invalid("missing mount_accessor"))?;
        let mount = super::method(&methods(cx)?, accessor)?.id;
        groups.with_alias(cx.txn, mount, name)
    }
}

impl Operation for WriteGroupAlias {
    type Reply = (GroupId, AliasId);

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(write_access("group-alias", self.path.as_deref()))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let groups = Groups::new(cx.space.id);
        let holder = self.holder(cx)?;
        let known = holder.as_ref().and_then(|group| group.alias.as_ref());
        let alias = written(cx, known, &self.options)?;
        let id = alias.id;
        let owner = match self.owner(cx)? {
            Some(owner) => Some(owner),
            None => holder.clone(),
        };
        if owner
            .as_ref()
            .is_some_and(|owner| owner.kind == GroupKind::Internal)
        {
            return Err(Error::invalid("alias can't be set on an internal group"));
        }
        let (before, mut after) = match owner {
            Some(owner) => {
                let after = Group::clone(&owner);
                (Some(owner), after)
            }
            None => (None, new_group(cx.txn, cx.space.id, GroupKind::External)?),
        };
        if let Some(holder) = holder.filter(|holder| holder.id != after.id) {
            let mut without = Group::clone(&holder);
            without.alias = None;
            without.changes = without.changes.saturating_add(1);
            groups.put(cx.txn, Some(&holder), &without)?;
        }
        after.alias = Some(alias);
        after.updated = cx.txn.now();
        after.changes = after.changes.saturating_add(1);
        groups.put(cx.txn, before.as_deref(), &after)?;
        Ok((after.id, id))
    }

    fn input(&self) -> Json {
        alias_input(&self.options, self.group.map(|id| id.to_string()))
    }

    fn output(&self, (group, alias): &Self::Reply) -> Result<Response> {
        let object = Object::new()
            .text("canonical_id", &group.to_string())
            .text("id", &alias.to_string());
        Ok(Response::data(object))
    }
}

/// Reads the alias of a group.
pub(crate) struct ReadGroupAlias {
    pub(crate) id: Option<AliasId>,
    pub(crate) path: String,
}

fn access(path: &str, capability: Capability) -> Vec<Access> {
    let path = format!("identity/group-alias/id/{path}");
    vec![Access::new(path, capability)]
}

impl Operation for ReadGroupAlias {
    type Reply = Option<AliasInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(&self.path, Capability::Read))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<AliasInfo>> {
        let Some(id) = self.id else {
            return Ok(None);
        };
        let found = Groups::new(cx.space.id).with_alias_id(cx.txn, id)?;
        let Some(group) = found else {
            return Ok(None);
        };
        let (table, space) = (methods(cx)?, cx.space.id.part());
        let owner = group.id.to_string();
        let alias = group.alias.as_ref();
        Ok(alias.map(|alias| AliasInfo::of(alias, &owner, &space, &table)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, found: &Option<AliasInfo>) -> Result<Response> {
        Ok(match found {
            Some(info) => shape::alias(info),
            None => Response::empty().shaped(Shape::NotFound),
        })
    }
}

/// Deletes the alias of a group: nobody is a member of it from then on.
pub(crate) struct DeleteGroupAlias {
    pub(crate) id: Option<AliasId>,
    pub(crate) path: String,
}

impl Operation for DeleteGroupAlias {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(&self.path, Capability::Delete))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let Some(id) = self.id else {
            return Ok(());
        };
        let groups = Groups::new(cx.space.id);
        let Some(before) = groups.with_alias_id(cx.txn, id)? else {
            return Ok(());
        };
        let mut after = Group::clone(&before);
        after.alias = None;
        after.updated = cx.txn.now();
        after.changes = after.changes.saturating_add(1);
        groups.put(cx.txn, Some(&before), &after)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
