//! Aliases of entities.

use super::info::AliasInfo;
use super::options::AliasOptions;
use super::{method, methods, shape};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId};
use crate::identity::{Alias, Entities, Entity, check_metadata, new_alias, new_entity};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response, Shape};

/// Makes an alias of an entity, or changes it.
pub(crate) struct WriteAlias {
    pub(crate) options: AliasOptions,
    /// The entity; without one a new alias gets a new one.
    pub(crate) entity: Option<EntityId>,
    /// The id that the path names, if it names one.
    pub(crate) path: Option<String>,
}

pub(super) fn write_access(family: &str, path: Option<&str>) -> Vec<Access> {
    let path = match path {
        Some(id) => format!("identity/{family}/id/{id}"),
        None => format!("identity/{family}"),
    };
    vec![Access::new(path, Capability::Update)]
}

pub(super) fn alias_input(options: &AliasOptions, owner: Option<String>) -> Json {
    let mut object = Object::new();
    let texts = [
        ("id", options.id.map(|id| id.to_string())),
        ("name", options.name.clone()),
        ("mount_accessor", options.accessor.clone()),
        ("canonical_id", owner),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            object = object.text(name, &text);
        }
    }
    if let Some(metadata) = &options.custom_metadata {
        object = object.map("custom_metadata", metadata);
    }
    object.finish()
}

/// Takes over what `options` say of an alias that there is, or makes it.
pub(super) fn written(
    cx: &mut Context<'_, '_>,
    before: Option<&Alias>,
    options: &AliasOptions,
) -> Result<Alias> {
    let table = methods(cx)?;
    let mount = options
        .accessor
        .as_ref()
        .map(|text| method(&table, text))
        .transpose()?;
    let mut alias = match (before, mount, &options.name) {
        (Some(before), ..) => before.clone(),
        (None, Some(mount), Some(name)) => {
            new_alias(cx.txn, cx.space.id, mount.id, &mount.accessor, name)?
        }
        _ => return Err(incomplete()),
    };
    if let Some(mount) = mount {
        alias.mount = mount.id;
        alias.accessor.clone_from(&mount.accessor);
    }
    if let Some(name) = &options.name {
        alias.name.clone_from(name);
    }
    if let Some(metadata) = &options.custom_metadata {
        check_metadata(metadata)?;
        alias.custom_metadata.clone_from(metadata);
    }
    alias.updated = cx.txn.now();
    Ok(alias)
}

fn incomplete() -> Error {
    Error::invalid("'id' or 'mount_accessor' and 'name' must be provided")
}

impl WriteAlias {
    /// Returns the entity that has the alias now, and the alias.
    fn find(&self, cx: &mut Context<'_, '_>) -> Result<Option<(std::sync::Arc<Entity>, AliasId)>> {
        let entities = Entities::new(cx.space.id);
        if let Some(id) = self.options.id {
            let invalid = || Error::invalid("invalid alias ID provided");
            let found = entities.with_alias_id(cx.txn, id)?.ok_or_else(invalid)?;
            return Ok(Some((found, id)));
        }
        let (Some(name), Some(accessor)) = (&self.options.name, &self.options.accessor) else {
            return Err(incomplete());
        };
        let mount = method(&methods(cx)?, accessor)?.id;
        let found = entities.with_alias(cx.txn, mount, name)?;
        let alias = |entity: std::sync::Arc<Entity>| {
            let id = entity.alias_of(mount).map(|alias| alias.id)?;
            Some((entity, id))
        };
        Ok(found.and_then(alias))
    }
}

impl Operation for WriteAlias {
    type Reply = (EntityId, AliasId);

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(write_access("entity-alias", self.path.as_deref()))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let entities = Entities::new(cx.space.id);
        let found = self.find(cx)?;
        let known = found.as_ref().and_then(|(entity, id)| entity.alias(*id));
        let alias = written(cx, known, &self.options)?;
        let (id, now) = (alias.id, cx.txn.now());
        let owner = self.entity.or(found.as_ref().map(|(entity, _)| entity.id));
        // Moved to another entity it is taken from the one first.
        if let Some((holder, _)) = found
            .as_ref()
            .filter(|(entity, _)| Some(entity.id) != owner)
        {
            let mut without = Entity::clone(holder);
            without.aliases.retain(|other| other.id != id);
            without.updated = now;
            entities.put(cx.txn, Some(holder), &without)?;
        }
        let Some(owner) = owner else {
            let mut entity = new_entity(cx.txn, cx.space.id)?;
            entity.aliases.push(alias);
            entities.put(cx.txn, None, &entity)?;
            return Ok((entity.id, id));
        };
        let invalid = || Error::invalid("invalid canonical ID");
        let before = entities.with_id(cx.txn, owner)?.ok_or_else(invalid)?;
        let mut after = Entity::clone(&before);
        match after.aliases.iter_mut().find(|other| other.id == id) {
            Some(place) => *place = alias,
            None => after.aliases.push(alias),
        }
        after.updated = now;
        entities.put(cx.txn, Some(&before), &after)?;
        Ok((owner, id))
    }

    fn input(&self) -> Json {
        alias_input(&self.options, self.entity.map(|id| id.to_string()))
    }

    fn output(&self, (entity, alias): &Self::Reply) -> Result<Response> {
        let object = Object::new()
            .text("canonical_id", &entity.to_string())
            .text("id", &alias.to_string());
        Ok(Response::data(object))
    }
}

/// Reads an alias of an entity.
pub(crate) struct ReadAlias {
    pub(crate) id: Option<AliasId>,
    pub(crate) path: String,
}

impl Operation for ReadAlias {
    type Reply = Option<AliasInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("identity/entity-alias/id/{}", self.path);
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<AliasInfo>> {
        let Some(id) = self.id else {
            return Ok(None);
        };
        let found = Entities::new(cx.space.id).with_alias_id(cx.txn, id)?;
        let Some(entity) = found else {
            return Ok(None);
        };
        let (table, space) = (methods(cx)?, cx.space.id.part());
        let owner = entity.id.to_string();
        let alias = entity.alias(id);
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

/// Deletes an alias of an entity, which stays.
pub(crate) struct DeleteAlias {
    pub(crate) id: Option<AliasId>,
    pub(crate) path: String,
}

impl Operation for DeleteAlias {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("identity/entity-alias/id/{}", self.path);
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let Some(id) = self.id else {
            return Ok(());
        };
        let entities = Entities::new(cx.space.id);
        let Some(before) = entities.with_alias_id(cx.txn, id)? else {
            return Ok(());
        };
        let mut after = Entity::clone(&before);
        after.aliases.retain(|alias| alias.id != id);
        after.updated = cx.txn.now();
        entities.put(cx.txn, Some(&before), &after)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
