//! Vault's paths and JSON of identity.

use std::collections::BTreeMap;

use super::options::{AliasOptions, EntityOptions, GroupOptions};
use super::{
    By, DeleteAlias, DeleteEntities, DeleteGroup, DeleteGroupAlias, Family, Find, FindGroup, Key,
    List, MergeEntities, ReadAlias, ReadEntity, ReadGroup, ReadGroupAlias, WriteAlias, WriteEntity,
    WriteGroup, WriteGroupAlias,
};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId};
use crate::identity::GroupKind;
use crate::operation::{Call, Erased, Handler};
use crate::wire::{Fields, Route, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

macro_rules! routes {
    ($($pattern:literal: $($verb:ident $handler:ident),+;)*) => {
        /// The paths below `identity/`.
        pub(crate) const ROUTES: &[Route<Handler>] = &[$(Route {
            pattern: $pattern,
            verbs: &[$((Verb::$verb, $handler)),+],
        }),*];
    };
}

routes! {
    "entity": Write write_entity;
    "entity/id": List list_entities;
    "entity/id/{id}": Read read_entity, Write write_entity_id, Delete delete_entity;
    "entity/name": List list_entity_names;
    "entity/name/{name}": Read read_entity_name, Write write_entity_name, Delete delete_entity_name;
    "entity/batch-delete": Write delete_entities;
    "entity/merge": Write merge_entities;
    "entity-alias": Write write_alias;
    "entity-alias/id": List list_aliases;
    "entity-alias/id/{id}": Read read_alias, Write write_alias_id, Delete delete_alias;
    "group": Write write_group;
    "group/id": List list_groups;
    "group/id/{id}": Read read_group, Write write_group_id, Delete delete_group;
    "group/name": List list_group_names;
    "group/name/{name}": Read read_group_name, Write write_group_name, Delete delete_group_name;
    "group-alias": Write write_group_alias;
    "group-alias/id": List list_group_aliases;
    "group-alias/id/{id}": Read read_group_alias, Write write_group_alias_id,
        Delete delete_group_alias;
    "lookup/entity": Write lookup_entity;
    "lookup/group": Write lookup_group;
}

fn id_text(call: &Call<'_>) -> String {
    call.captures.get("id").to_owned()
}

fn entity_key(call: &Call<'_>) -> Key<EntityId> {
    let text = id_text(call);
    Key::Id(EntityId::parse(&text), text)
}

fn group_key(call: &Call<'_>) -> Key<GroupId> {
    let text = id_text(call);
    Key::Id(GroupId::parse(&text), text)
}

fn name_key<I>(call: &Call<'_>) -> Key<I> {
    Key::Name(call.captures.get("name").to_owned())
}

/// Returns a text that is there and not empty.
fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>> {
    let text = fields.text(name)?.filter(|text| !text.is_empty());
    Ok(text.map(|text| text.to_string()))
}

/// Returns metadata: an object of texts, or texts as `key=value`.
fn pairs(fields: &Fields<'_>, name: &str) -> Result<Option<BTreeMap<String, String>>> {
    if !fields
        .raw(name)
        .is_some_and(|json| json.starts_with(['"', '[']))
    {
        return fields.map(name);
    }
    let wrong = || Error::invalid(format!("the field `{name}` is not an object of texts"));
    let Some(texts) = fields.list(name)? else {
        return Ok(None);
    };
    let pair = |text: String| {
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    texts.into_iter().map(pair).collect::<Result<_>>().map(Some)
}

fn entity_options(fields: &Fields<'_>) -> Result<EntityOptions> {
    Ok(EntityOptions {
        name: text(fields, "name")?,
        metadata: pairs(fields, "metadata")?,
        policies: fields.list("policies")?,
        disabled: fields.flag("disabled")?,
    })
}

fn put_entity<'c>(call: &Call<'c>, key: Key<EntityId>) -> Made<'c> {
    let options = entity_options(call.fields)?;
    Ok(Box::new(WriteEntity { key, options }))
}

fn write_entity<'c>(call: &Call<'c>) -> Made<'c> {
    let id = text(call.fields, "id")?;
    let invalid = || Error::invalid("entity not found from id");
    let id = id
        .map(|id| EntityId::parse(&id).ok_or_else(invalid))
        .transpose()?;
    put_entity(call, Key::Named(id))
}

fn write_entity_id<'c>(call: &Call<'c>) -> Made<'c> {
    put_entity(call, entity_key(call))
}

fn write_entity_name<'c>(call: &Call<'c>) -> Made<'c> {
    put_entity(call, name_key(call))
}

fn get_entity<'c>(key: Key<EntityId>) -> Made<'c> {
    let find = Find::Key(key);
    Ok(Box::new(ReadEntity {
        find,
        lookup: false,
    }))
}

fn read_entity<'c>(call: &Call<'c>) -> Made<'c> {
    get_entity(entity_key(call))
}

fn read_entity_name<'c>(call: &Call<'c>) -> Made<'c> {
    get_entity(name_key(call))
}

fn remove_entity<'c>(key: Key<EntityId>) -> Made<'c> {
    let keys = vec![key];
    Ok(Box::new(DeleteEntities { keys, batch: false }))
}

fn delete_entity<'c>(call: &Call<'c>) -> Made<'c> {
    remove_entity(entity_key(call))
}

fn delete_entity_name<'c>(call: &Call<'c>) -> Made<'c> {
    remove_entity(name_key(call))
}

fn delete_entities<'c>(call: &Call<'c>) -> Made<'c> {
    let ids = call.fields.list("entity_ids")?.unwrap_or_default();
    let key = |text: String| Key::Id(EntityId::parse(&text), text);
    let keys = ids.into_iter().map(key).collect();
    Ok(Box::new(DeleteEntities { keys, batch: true }))
}

fn merge_entities<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let missing = || Error::invalid("missing entity id to merge to");
    let to = text(fields, "to_entity_id")?.ok_or_else(missing)?;
    let from = fields.list("from_entity_ids")?.unwrap_or_default();
    let keep = fields
        .list("conflicting_alias_ids_to_keep")?
        .unwrap_or_default();
    let invalid = || Error::invalid("conflicting_alias_ids_to_keep names what is no alias id");
    let keep: Option<Vec<AliasId>> = keep.iter().map(|id| AliasId::parse(id)).collect();
    Ok(Box::new(MergeEntities {
        from: from.iter().map(|id| EntityId::parse(id)).collect(),
        to: EntityId::parse(&to),
        keep: keep.ok_or_else(invalid)?,
        force: fields.flag("force")?.unwrap_or(false),
    }))
}

fn lookup_entity<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let alias = (
        text(fields, "alias_name")?,
        text(fields, "alias_mount_accessor")?,
    );
    let find = if let Some(id) = text(fields, "id")? {
        Find::Key(Key::Id(EntityId::parse(&id), id))
    } else if let Some(name) = text(fields, "name")? {
        Find::Key(Key::Name(name))
    } else if let Some(id) = text(fields, "alias_id")? {
        Find::AliasId(AliasId::parse(&id))
    } else {
        let (name, accessor) = alias_query(alias)?;
        Find::Alias(name, accessor)
    };
    Ok(Box::new(ReadEntity { find, lookup: true }))
}

fn alias_query(alias: (Option<String>, Option<String>)) -> Result<(String, String)> {
    match alias {
        (Some(name), Some(accessor)) => Ok((name, accessor)),
        (None, None) => Err(Error::invalid("query parameter not supplied")),
        _ => Err(Error::invalid(
            "both 'alias_name' and 'alias_mount_accessor' needs to be set",
        )),
    }
}

fn list<'c>(call: &Call<'c>, family: Family, by: By) -> Made<'c> {
    let page = page(call.fields)?;
    Ok(Box::new(List { family, by, page }))
}

fn list_entities<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::Entity, By::Id)
}

fn list_entity_names<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::Entity, By::Name)
}

fn list_aliases<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::EntityAlias, By::Id)
}

fn list_groups<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::Group, By::Id)
}

fn list_group_names<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::Group, By::Name)
}

fn list_group_aliases<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Family::GroupAlias, By::Id)
}

/// Reads what is to be written of an alias; `path` is the id that the path names.
fn alias_options(fields: &Fields<'_>, path: Option<&str>) -> Result<AliasOptions> {
    let id = match path {
        Some(id) => Some(id.to_owned()),
        None => text(fields, "id")?,
    };
    let invalid = || Error::invalid("invalid alias ID provided");
    Ok(AliasOptions {
        id: id
            .map(|id| AliasId::parse(&id).ok_or_else(invalid))
            .transpose()?,
        name: text(fields, "name")?,
        accessor: text(fields, "mount_accessor")?,
        custom_metadata: pairs(fields, "custom_metadata")?,
    })
}

fn put_alias<'c>(call: &Call<'c>, path: Option<String>) -> Made<'c> {
    let options = alias_options(call.fields, path.as_deref())?;
    let owner = match text(call.fields, "canonical_id")? {
        Some(id) => Some(id),
        None => text(call.fields, "entity_id")?,
    };
    let invalid = || Error::invalid("invalid canonical ID");
    let entity = owner
        .map(|id| EntityId::parse(&id).ok_or_else(invalid))
        .transpose()?;
    Ok(Box::new(WriteAlias {
        options,
        entity,
        path,
    }))
}

fn write_alias<'c>(call: &Call<'c>) -> Made<'c> {
    put_alias(call, None)
}

fn write_alias_id<'c>(call: &Call<'c>) -> Made<'c> {
    put_alias(call, Some(id_text(call)))
}

fn read_alias<'c>(call: &Call<'c>) -> Made<'c> {
    let path = id_text(call);
    let id = AliasId::parse(&path);
    Ok(Box::new(ReadAlias { id, path }))
}

fn delete_alias<'c>(call: &Call<'c>) -> Made<'c> {
    let path = id_text(call);
    let id = AliasId::parse(&path);
    Ok(Box::new(DeleteAlias { id, path }))
}

fn put_group_alias<'c>(call: &Call<'c>, path: Option<String>) -> Made<'c> {
    let options = alias_options(call.fields, path.as_deref())?;
    let invalid = || Error::invalid("invalid group ID given in 'canonical_id'");
    let owner = text(call.fields, "canonical_id")?;
    let group = owner
        .map(|id| GroupId::parse(&id).ok_or_else(invalid))
        .transpose()?;
    Ok(Box::new(WriteGroupAlias {
        options,
        group,
        path,
    }))
}

fn write_group_alias<'c>(call: &Call<'c>) -> Made<'c> {
    put_group_alias(call, None)
}

fn write_group_alias_id<'c>(call: &Call<'c>) -> Made<'c> {
    put_group_alias(call, Some(id_text(call)))
}

fn read_group_alias<'c>(call: &Call<'c>) -> Made<'c> {
    let path = id_text(call);
    let id = AliasId::parse(&path);
    Ok(Box::new(ReadGroupAlias { id, path }))
}

fn delete_group_alias<'c>(call: &Call<'c>) -> Made<'c> {
    let path = id_text(call);
    let id = AliasId::parse(&path);
    Ok(Box::new(DeleteGroupAlias { id, path }))
}

fn group_options(fields: &Fields<'_>) -> Result<GroupOptions> {
    let kind = match text(fields, "type")?.as_deref() {
        None => None,
        Some("internal") => Some(GroupKind::Internal),
        Some("external") => Some(GroupKind::External),
        Some(_) => return Err(Error::invalid("invalid group type")),
    };
    let entity =
        |id: &String| EntityId::parse(id).ok_or_else(|| Error::invalid("invalid entity ID"));
    let group =
        |id: &String| GroupId::parse(id).ok_or_else(|| Error::invalid("invalid member group ID"));
    let members = fields.list("member_entity_ids")?;
    let groups = fields.list("member_group_ids")?;
    Ok(GroupOptions {
        name: text(fields, "name")?,
        kind,
        metadata: pairs(fields, "metadata")?,
        policies: fields.list("policies")?,
        members: members
            .map(|ids| ids.iter().map(entity).collect())
            .transpose()?,
        groups: groups
            .map(|ids| ids.iter().map(group).collect())
            .transpose()?,
    })
}

fn put_group<'c>(call: &Call<'c>, key: Key<GroupId>) -> Made<'c> {
    let options = group_options(call.fields)?;
    Ok(Box::new(WriteGroup { key, options }))
}

fn write_group<'c>(call: &Call<'c>) -> Made<'c> {
    let id = text(call.fields, "id")?;
    let invalid = || Error::invalid("group not found from id");
    let id = id
        .map(|id| GroupId::parse(&id).ok_or_else(invalid))
        .transpose()?;
    put_group(call, Key::Named(id))
}

fn write_group_id<'c>(call: &Call<'c>) -> Made<'c> {
    put_group(call, group_key(call))
}

fn write_group_name<'c>(call: &Call<'c>) -> Made<'c> {
    put_group(call, name_key(call))
}

fn get_group<'c>(key: Key<GroupId>) -> Made<'c> {
    let find = FindGroup::Key(key);
    Ok(Box::new(ReadGroup {
        find,
        lookup: false,
    }))
}

fn read_group<'c>(call: &Call<'c>) -> Made<'c> {
    get_group(group_key(call))
}

fn read_group_name<'c>(call: &Call<'c>) -> Made<'c> {
    get_group(name_key(call))
}

fn delete_group<'c>(call: &Call<'c>) -> Made<'c> {
    let key = group_key(call);
    Ok(Box::new(DeleteGroup { key }))
}

fn delete_group_name<'c>(call: &Call<'c>) -> Made<'c> {
    let key = name_key(call);
    Ok(Box::new(DeleteGroup { key }))
}

fn lookup_group<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let alias = (
        text(fields, "alias_name")?,
        text(fields, "alias_mount_accessor")?,
    );
    let find = if let Some(id) = text(fields, "id")? {
        FindGroup::Key(Key::Id(GroupId::parse(&id), id))
    } else if let Some(name) = text(fields, "name")? {
        FindGroup::Key(Key::Name(name))
    } else if let Some(id) = text(fields, "alias_id")? {
        FindGroup::AliasId(AliasId::parse(&id))
    } else {
        let (name, accessor) = alias_query(alias)?;
        FindGroup::Alias(name, accessor)
    };
    Ok(Box::new(ReadGroup { find, lookup: true }))
}
