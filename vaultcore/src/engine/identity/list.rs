//! Lists of entities, groups and their aliases.

use super::info::AliasInfo;
use super::{methods, shape};
use crate::error::Result;
use crate::id::{AliasId, EntityId, GroupId};
use crate::identity::{Entities, Entity, Group, Groups, Named, Pointer};
use crate::mount::MountTable;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, Folder};
use crate::storage::Scan;
use crate::wire::{Array, Json, Object, Page, Response};

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Entity,
    EntityAlias,
    Group,
    GroupAlias,
}

/// By what it is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Id,
    Name,
}

/// Lists ids or names, sorted. What is told of each may be of another moment than the list.
pub(crate) struct List {
    pub(crate) family: Family,
    pub(crate) by: By,
    pub(crate) page: Option<Page>,
}

/// Ids or names, each with what is told of it.
pub(crate) type Listed = Vec<(String, Option<Json>)>;

impl Family {
    fn word(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::EntityAlias => "entity-alias",
            Self::Group => "group",
            Self::GroupAlias => "group-alias",
        }
    }

    fn folder(self, cx: &Context<'_, '_>, by: By) -> Folder {
        let (entities, groups) = (Entities::new(cx.space.id), Groups::new(cx.space.id));
        match (self, by) {
            (Self::Entity, By::Id) => entities.folder(),
            (Self::Entity, By::Name) => entities.name_folder(),
            (Self::EntityAlias, _) => entities.alias_folder(),
            (Self::Group, By::Id) => groups.folder(),
            (Self::Group, By::Name) => groups.name_folder(),
            (Self::GroupAlias, _) => groups.alias_folder(),
        }
    }
}

impl List {
    /// Returns the names, as they were written.
    fn names(&self, cx: &mut Context<'_, '_>, stored: &[String]) -> Result<Vec<String>> {
        let mut names = Vec::with_capacity(stored.len());
        for path in stored {
            let path = EntryPath::new(path)?;
            let name = match self.family {
                Family::Group | Family::GroupAlias => {
                    let found = cx.txn.load_listed::<Named<GroupId>>(&path)?;
                    found.map(|named| named.name)
                }
                Family::Entity | Family::EntityAlias => {
                    let found = cx.txn.load_listed::<Named<EntityId>>(&path)?;
                    found.map(|named| named.name)
                }
            };
            names.extend(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns what is told of the one with this id; `None` if it is gone meanwhile.
    fn told(
        &self,
        cx: &mut Context<'_, '_>,
        path: &EntryPath,
        id: &str,
        table: &MountTable,
    ) -> Result<Option<Json>> {
        let object = match self.family {
            Family::Entity => {
                let found = cx.txn.load_listed::<Entity>(path)?;
                found.map(|entity| told_of_entity(cx, &entity, table))
            }
            Family::Group => match cx.txn.load_listed::<Group>(path)? {
                Some(group) => Some(told_of_group(cx, &group)?),
                None => None,
            },
            Family::EntityAlias => told_of_alias(cx, path, id, table)?,
            Family::GroupAlias => told_of_group_alias(cx, path, table)?,
        };
        Ok(object.map(Object::finish))
    }
}

fn told_of_entity(cx: &Context<'_, '_>, entity: &Entity, table: &MountTable) -> Object {
    let space = cx.space.id.part();
    let mut aliases = Array::new();
    for alias in &entity.aliases {
        let info = AliasInfo::of(alias, &entity.id.to_string(), &space, table);
        aliases = aliases.object(shape::alias_named(&info));
    }
    let object = match entity.aliases.is_empty() {
        true => Object::new(),
        false => Object::new().array("aliases", aliases),
    };
    object.text("name", &entity.name)
}

fn told_of_group(cx: &mut Context<'_, '_>, group: &Group) -> Result<Object> {
    let members = Groups::new(cx.space.id).members(cx.txn, group.id)?;
    let count = |count: usize| i128::try_from(count).unwrap_or(i128::MAX);
    Ok(Object::new()
        .text("name", &group.name)
        .number("num_member_entities", count(members.len()))
        .number("num_parent_groups", count(group.parents.len())))
}

fn told_of_alias(
    cx: &mut Context<'_, '_>,
    path: &EntryPath,
    id: &str,
    table: &MountTable,
) -> Result<Option<Object>> {
    let Some(pointer) = cx.txn.load_listed::<Pointer<EntityId>>(path)? else {
        return Ok(None);
    };
    let path = Entities::new(cx.space.id)
        .folder()
        .entry(&pointer.id.to_string())?;
    let Some(entity) = cx.txn.load_listed::<Entity>(&path)? else {
        return Ok(None);
    };
    let alias = AliasId::parse(id).and_then(|id| entity.alias(id));
    let space = cx.space.id.part();
    Ok(alias.map(|alias| {
        let info = AliasInfo::of(alias, &entity.id.to_string(), &space, table);
        shape::alias_listed(&info)
    }))
}

fn told_of_group_alias(
    cx: &mut Context<'_, '_>,
    path: &EntryPath,
    table: &MountTable,
) -> Result<Option<Object>> {
    let Some(pointer) = cx.txn.load_listed::<Pointer<GroupId>>(path)? else {
        return Ok(None);
    };
    let Some(group) = Groups::new(cx.space.id).with_id(cx.txn, pointer.id)? else {
        return Ok(None);
    };
    let space = cx.space.id.part();
    Ok(group.alias.as_ref().map(|alias| {
        let info = AliasInfo::of(alias, &group.id.to_string(), &space, table);
        shape::alias_listed(&info)
    }))
}

impl Operation for List {
    type Reply = Listed;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let by = match self.by {
            By::Id => "id",
            By::Name => "name",
        };
        let path = format!("identity/{}/{by}/", self.family.word());
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Listed> {
        let folder = self.family.folder(cx, self.by);
        let stored = cx.txn.scan(&Scan::new(folder.as_str()))?;
        if self.by == By::Name {
            let names = Page::of(self.page.as_ref(), self.names(cx, &stored)?);
            return Ok(names.into_iter().map(|name| (name, None)).collect());
        }
        let ids = stored
            .iter()
            .filter_map(|path| path.strip_prefix(folder.as_str()));
        let ids = Page::of(self.page.as_ref(), ids.map(str::to_owned).collect());
        let table = methods(cx)?;
        let mut listed = Vec::with_capacity(ids.len());
        for id in ids {
            let path = folder.entry(&id)?;
            if let Some(told) = self.told(cx, &path, &id, &table)? {
                listed.push((id, Some(told)));
            }
        }
        Ok(listed)
    }

    fn input(&self) -> Json {
        match &self.page {
            Some(page) => page.input(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, listed: &Listed) -> Result<Response> {
        let keys = listed.iter().map(|(key, _)| key);
        let object = Object::new();
        let object = match self.by {
            By::Name => object,
            By::Id => {
                let mut infos = Object::new();
                for (key, info) in listed {
                    if let Some(info) = info {
                        infos = infos.raw(key, info);
                    }
                }
                object.object("key_info", infos)
            }
        };
        Ok(Response::list(object.list("keys", keys)))
    }
}
