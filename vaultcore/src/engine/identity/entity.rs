//! Entities: written, read, deleted.

use std::sync::Arc;

use super::info::EntityInfo;
use super::options::EntityOptions;
use super::{Key, access, methods, shape};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId};
use crate::identity::{Entities, Entity, check_metadata, new_entity, policy_names};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response, Shape};

const FAMILY: &str = "entity";
/// The most entities that one call deletes.
const MAX_BATCH: usize = 50;

fn find(
    cx: &mut Context<'_, '_>,
    key: &Key<EntityId>,
    name: Option<&str>,
) -> Result<Option<Arc<Entity>>> {
    let entities = Entities::new(cx.space.id);
    match (key, name) {
        (Key::Named(Some(id)) | Key::Id(Some(id), _), _) => entities.with_id(cx.txn, *id),
        (Key::Name(name), _) => entities.named(cx.txn, name),
        (Key::New | Key::Named(None), Some(name)) => entities.named(cx.txn, name),
        (Key::New | Key::Named(None) | Key::Id(None, _), _) => Ok(None),
    }
}

fn access_of(cx: &mut Context<'_, '_>, key: &Key<EntityId>, capability: Capability) -> Vec<Access> {
    let found = match key {
        Key::Name(_) => find(cx, key, None).ok().flatten(),
        _ => None,
    };
    let stored = found.as_ref().map(|entity| entity.name.as_str());
    access(FAMILY, key, stored, capability)
}

/// Makes an entity, or changes it.
pub(crate) struct WriteEntity {
    pub(crate) key: Key<EntityId>,
    pub(crate) options: EntityOptions,
}

/// The entity that was written.
pub(crate) struct EntityWritten {
    pub(crate) id: EntityId,
    name: String,
    made: bool,
}

impl Operation for WriteEntity {
    type Reply = EntityWritten;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access_of(cx, &self.key, Capability::Update))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<EntityWritten> {
        let options = &self.options;
        let name = options.name.as_deref().filter(|name| !name.is_empty());
        let before = find(cx, &self.key, name)?;
        let mut after = match (&self.key, &before) {
            (Key::New, Some(_)) => return Err(Error::invalid("entity name is already in use")),
            (_, Some(before)) => Entity::clone(before),
            (Key::Id(..) | Key::Named(Some(_)), None) => {
                return Err(Error::invalid("entity not found from id"));
            }
            (_, None) => new_entity(cx.txn, cx.space.id)?,
        };
        match (&self.key, name) {
            (Key::Name(name), _) if before.is_none() => after.name.clone_from(name),
            (Key::Name(_), _) | (_, None) => {}
            // Found by its name, it keeps the spelling that it has.
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
        after.disabled = options.disabled.unwrap_or(after.disabled);
        after.updated = cx.txn.now();
        Entities::new(cx.space.id).put(cx.txn, before.as_deref(), &after)?;
        Ok(EntityWritten {
            id: after.id,
            name: after.name.clone(),
            made: before.is_none(),
        })
    }

    fn input(&self) -> Json {
        let mut object = Object::new();
        if let Some(name) = &self.options.name {
            object = object.text("name", name);
        }
        if let Some(metadata) = &self.options.metadata {
            object = object.map("metadata", metadata);
        }
        if let Some(policies) = &self.options.policies {
            object = object.list("policies", policies);
        }
        if let Some(disabled) = self.options.disabled {
            object = object.flag("disabled", disabled);
        }
        object.finish()
    }

    fn output(&self, written: &EntityWritten) -> Result<Response> {
        if !written.made {
            return Ok(Response::empty());
        }
        let object = Object::new()
            .null("aliases")
            .text("id", &written.id.to_string())
            .text("name", &written.name);
        Ok(Response::data(object))
    }
}

/// By what an entity is looked for.
pub(crate) enum Find {
    Key(Key<EntityId>),
    /// By the id of an alias; one that cannot be is that of none.
    AliasId(Option<AliasId>),
    /// By the name of an alias, and the accessor of its mount.
    Alias(String, String),
}

/// Reads an entity.
pub(crate) struct ReadEntity {
    pub(crate) find: Find,
    /// Whether it is looked up, which takes another right, and is answered another way.
    pub(crate) lookup: bool,
}

impl Operation for ReadEntity {
    type Reply = Option<EntityInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        match &self.find {
            Find::Key(key) if !self.lookup => Ok(access_of(cx, key, Capability::Read)),
            _ => Ok(vec![Access::new(
                "identity/lookup/entity",
                Capability::Update,
            )]),
        }
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<EntityInfo>> {
        let entities = Entities::new(cx.space.id);
        let found = match &self.find {
            Find::Key(key) => find(cx, key, None)?,
            Find::AliasId(Some(id)) => entities.with_alias_id(cx.txn, *id)?,
            Find::AliasId(None) => None,
            Find::Alias(name, accessor) => {
                let table = methods(cx)?;
                match table.with_accessor(accessor) {
                    Some(mount) => entities.with_alias(cx.txn, mount.id, name)?,
                    None => None,
                }
            }
        };
        found.map(|entity| EntityInfo::of(cx, &entity)).transpose()
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, found: &Option<EntityInfo>) -> Result<Response> {
        Ok(match found {
            Some(info) => shape::entity(info),
            None if self.lookup => Response::empty(),
            None => Response::empty().shaped(Shape::NotFound),
        })
    }
}

/// Deletes entities, with their aliases and memberships: their tokens are refused from then on.
pub(crate) struct DeleteEntities {
    pub(crate) keys: Vec<Key<EntityId>>,
    pub(crate) batch: bool,
}

impl Operation for DeleteEntities {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        if self.batch {
            let path = "identity/entity/batch-delete";
            return Ok(vec![Access::new(path, Capability::Update)]);
        }
        let keys = self.keys.iter();
        let each = keys.flat_map(|key| access_of(cx, key, Capability::Delete));
        Ok(each.collect())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        if self.keys.is_empty() {
            return Err(Error::invalid("missing entity ids to delete"));
        }
        if self.keys.len() > MAX_BATCH {
            let text = format!("at most {MAX_BATCH} entities are deleted at once");
            return Err(crate::identity::limit(text));
        }
        for key in &self.keys {
            if let Some(entity) = find(cx, key, None)? {
                Entities::new(cx.space.id).remove(cx.txn, &entity)?;
            }
        }
        Ok(())
    }

    fn input(&self) -> Json {
        let ids = self.keys.iter().filter_map(|key| match key {
            Key::Id(Some(id), _) => Some(id.to_string()),
            _ => None,
        });
        match self.batch {
            true => Object::new().list("entity_ids", ids).finish(),
            false => Object::new().finish(),
        }
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
