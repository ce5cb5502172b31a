//! Groups: written, read, deleted.

use std::sync::Arc;

use super::info::GroupInfo;
use super::options::GroupOptions;
use super::{Key, access, methods, shape};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId};
use crate::identity::{
    Group, GroupKind, Groups, check_metadata, limit, new_group, policy_names, set_members,
};
use crate::mount::Wipe;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::EntryPath;
use crate::wire::{Json, Object, Response, Shape};

const FAMILY: &str = "group";
/// The most other groups that one call links or unlinks, if it changes members, too.
const MAX_LINKED: usize = 20;

pub(super) fn find(
    cx: &mut Context<'_, '_>,
    key: &Key<GroupId>,
    name: Option<&str>,
) -> Result<Option<Arc<Group>>> {
    let groups = Groups::new(cx.space.id);
    match (key, name) {
        (Key::Named(Some(id)) | Key::Id(Some(id), _), _) => groups.with_id(cx.txn, *id),
        (Key::Name(name), _) => groups.named(cx.txn, name),
        (Key::New | Key::Named(None), Some(name)) => groups.named(cx.txn, name),
        (Key::New | Key::Named(None) | Key::Id(None, _), _) => Ok(None),
    }
}

fn access_of(cx: &mut Context<'_, '_>, key: &Key<GroupId>, capability: Capability) -> Vec<Access> {
    let found = match key {
        Key::Name(_) => find(cx, key, None).ok().flatten(),
        _ => None,
    };
    let stored = found.as_ref().map(|group| group.name.as_str());
    access(FAMILY, key, stored, capability)
}

/// Makes a group, or changes it.
pub(crate) struct WriteGroup {
    pub(crate) key: Key<GroupId>,
    pub(crate) options: GroupOptions,
}

/// The group that was written.
pub(crate) struct GroupWritten {
    pub(crate) id: GroupId,
    name: String,
    made: bool,
}

impl WriteGroup {
    /// Returns the group as it is to be, but for its members.
    fn after(&self, cx: &mut Context<'_, '_>, before: Option<&Group>) -> Result<Group> {
        let options = &self.options;
        let mut after = match (&self.key, before) {
            (Key::New, Some(_)) => return Err(Error::invalid("group name is already in use")),
            (_, Some(before)) => before.clone(),
            (Key::Id(..) | Key::Named(Some(_)), None) => {
                return Err(Error::invalid("group not found from id"));
            }
            (_, None) => new_group(cx.txn, cx.space.id, options.kind.unwrap_or_default())?,
        };
        if options.kind.is_some_and(|kind| kind != after.kind) {
            return Err(Error::invalid("group type cannot be changed"));
        }
        if after.kind == GroupKind::External {
            let some = |count: Option<usize>| count.is_some_and(|count| count > 0);
            if some(options.members.as_ref().map(Vec::len)) {
                return Err(Error::invalid(
                    "member entities can't be set manually for external groups",
                ));
            }
            if some(options.groups.as_ref().map(Vec::len)) {
                return Err(Error::invalid(
                    "member groups can't be set for external groups",
                ));
            }
        }
        let name = options.name.as_deref().filter(|name| !name.is_empty());
        match (&self.key, name) {
            (Key::Name(name), _) if before.is_none() => after.name.clone_from(name),
            (Key::Name(_), _) | (_, None) => {}
            (Key::Named(None), Some(_)) if before.is_some() => {}
            (_, Some(name)) => name.clone_into(&mut after.name),
        }
        if let Some(metadata) = &options.metadata {
            check_metadata(metadata)?;
            after.metadata.clone_from(metadata);
        }
        if let Some(policies) = &options.policies {
            after.policies = policy_names(policies)?;
        }
        after.updated = cx.txn.now();
        after.changes = after.changes.saturating_add(1);
        Ok(after)
    }

    /// Returns an error if one commit cannot take the links beside the members.
    fn check_links(&self, after: &Group) -> Result<()> {
        let (Some(groups), Some(_)) = (&self.options.groups, &self.options.members) else {
            return Ok(());
        };
        let added = groups.iter().filter(|id| !after.members.contains(id));
        let removed = after.members.iter().filter(|id| !groups.contains(id));
        if added.count().saturating_add(removed.count()) > MAX_LINKED {
            let text = "write members and more than 20 other groups in two calls";
            return Err(limit(text));
        }
        Ok(())
    }
}

impl Operation for WriteGroup {
    type Reply = GroupWritten;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access_of(cx, &self.key, Capability::Update))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<GroupWritten> {
        let name = self.options.name.as_deref().filter(|name| !name.is_empty());
        let before = find(cx, &self.key, name)?;
        let mut after = self.after(cx, before.as_deref())?;
        self.check_links(&after)?;
        let groups = Groups::new(cx.space.id);
        groups.put(cx.txn, before.as_deref(), &after)?;
        if after.kind == GroupKind::Internal {
            if let Some(members) = &self.options.groups {
                groups.link(cx.txn, &mut after, members)?;
            }
            if let Some(members) = &self.options.members {
                set_members(cx.txn, cx.space.id, &after, members)?;
            }
        }
        Ok(GroupWritten {
            id: after.id,
            name: after.name.clone(),
            made: before.is_none(),
        })
    }

    fn input(&self) -> Json {
        let options = &self.options;
        let mut object = Object::new();
        if let Some(name) = &options.name {
            object = object.text("name", name);
        }
        if let Some(kind) = options.kind {
            object = object.text("type", kind.as_str());
        }
        if let Some(metadata) = &options.metadata {
            object = object.map("metadata", metadata);
        }
        if let Some(policies) = &options.policies {
            object = object.list("policies", policies);
        }
        if let Some(members) = &options.members {
            object = object.list("member_entity_ids", members.iter().map(EntityId::to_string));
        }
        if let Some(groups) = &options.groups {
            object = object.list("member_group_ids", groups.iter().map(GroupId::to_string));
        }
        object.finish()
    }

    fn output(&self, written: &GroupWritten) -> Result<Response> {
        if !written.made {
            return Ok(Response::empty());
        }
        let object = Object::new()
            .text("id", &written.id.to_string())
            .text("name", &written.name);
        Ok(Response::data(object))
    }
}

/// By what a group is looked for.
pub(crate) enum FindGroup {
    Key(Key<GroupId>),
    /// By the id of its alias; one that cannot be is that of none.
    AliasId(Option<AliasId>),
    /// By the name of its alias, and the accessor of its mount.
    Alias(String, String),
}

/// Reads a group.
pub(crate) struct ReadGroup {
    pub(crate) find: FindGroup,
    /// Whether it is looked up, which takes another right, and is answered another way.
    pub(crate) lookup: bool,
}

impl Operation for ReadGroup {
    type Reply = Option<GroupInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        match &self.find {
            FindGroup::Key(key) if !self.lookup => Ok(access_of(cx, key, Capability::Read)),
            _ => Ok(vec![Access::new(
                "identity/lookup/group",
                Capability::Update,
            )]),
        }
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<GroupInfo>> {
        let groups = Groups::new(cx.space.id);
        let found = match &self.find {
            FindGroup::Key(key) => find(cx, key, None)?,
            FindGroup::AliasId(Some(id)) => groups.with_alias_id(cx.txn, *id)?,
            FindGroup::AliasId(None) => None,
            FindGroup::Alias(name, accessor) => {
                let table = methods(cx)?;
                match table.with_accessor(accessor) {
                    Some(mount) => groups.with_alias(cx.txn, mount.id, name)?,
                    None => None,
                }
            }
        };
        found.map(|group| GroupInfo::of(cx, &group)).transpose()
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, found: &Option<GroupInfo>) -> Result<Response> {
        Ok(match found {
            Some(info) => shape::group(info),
            None if self.lookup => Response::empty(),
            None => Response::empty().shaped(Shape::NotFound),
        })
    }
}

/// Deletes a group: its members have its policies no more from then on.
pub(crate) struct DeleteGroup {
    pub(crate) key: Key<GroupId>,
}

impl Operation for DeleteGroup {
    /// What is left to be done: the list of its members is wiped.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access_of(cx, &self.key, Capability::Delete))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(group) = find(cx, &self.key, None)? else {
            return Ok(None);
        };
        let groups = Groups::new(cx.space.id);
        groups.remove(cx.txn, &group)?;
        let folder = groups.member_folder(group.id);
        Wipe::leave(cx.txn, &group.id.to_string(), None, [folder]).map(Some)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()))
    }
}
