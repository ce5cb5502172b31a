//! Entities, aliases and groups in Vault's JSON.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::info::{AliasInfo, EntityInfo, GroupInfo};
use crate::wire::{Array, Object, Response};

pub(super) fn entity(info: &EntityInfo) -> Response {
    let mut aliases = Array::new();
    for one in &info.aliases {
        aliases = aliases.object(alias_in_entity(one));
    }
    let mut all = info.direct_groups.clone();
    all.extend(&info.inherited_groups);
    all.sort_unstable();
    let object = Object::new()
        .array("aliases", aliases)
        .time("creation_time", Some(info.created))
        .list("direct_group_ids", texts(&info.direct_groups))
        .flag("disabled", info.disabled)
        .list("group_ids", texts(&all))
        .text("id", &info.id.to_string())
        .list("inherited_group_ids", texts(&info.inherited_groups))
        .time("last_update_time", Some(info.updated));
    let object = ids(object, "merged_entity_ids", &info.merged);
    let object = map(object, "metadata", &info.metadata)
        .text("name", &info.name)
        .text("namespace_id", &info.space)
        .list("policies", &info.policies);
    Response::data(object)
}

pub(super) fn group(info: &GroupInfo) -> Response {
    let alias = info
        .alias
        .as_ref()
        .map_or_else(Object::new, alias_in_entity);
    let object = Object::new()
        .object("alias", alias)
        .time("creation_time", Some(info.created))
        .text("id", &info.id.to_string())
        .time("last_update_time", Some(info.updated));
    let object = ids(object, "member_entity_ids", &info.members);
    let object = ids(object, "member_group_ids", &info.groups);
    let object = map(object, "metadata", &info.metadata)
        .number("modify_index", info.modify_index)
        .text("name", &info.name)
        .text("namespace_id", &info.space);
    let object = ids(object, "parent_group_ids", &info.parents);
    let object = ids(object, "policies", &info.policies).text("type", info.kind.as_str());
    Response::data(object)
}

/// An alias that is read by itself.
pub(super) fn alias(info: &AliasInfo) -> Response {
    Response::data(alias_in_entity(info).text("namespace_id", &info.space))
}

fn alias_in_entity(info: &AliasInfo) -> Object {
    let object = Object::new()
        .text("canonical_id", &info.owner)
        .time("creation_time", Some(info.created));
    let object = map(object, "custom_metadata", &info.custom_metadata)
        .text("id", &info.id.to_string())
        .time("last_update_time", Some(info.updated))
        .flag("local", false);
    let object = ids(object, "merged_from_canonical_ids", &info.merged_from);
    let object = map(object, "metadata", &info.metadata);
    mount(object, info)
}

/// An alias in a list of aliases.
pub(super) fn alias_listed(info: &AliasInfo) -> Object {
    let object = Object::new().text("canonical_id", &info.owner);
    let object = map(object, "custom_metadata", &info.custom_metadata).flag("local", false);
    mount(map(object, "metadata", &info.metadata), info)
}

/// An alias in a list of entities.
pub(super) fn alias_named(info: &AliasInfo) -> Object {
    mount(Object::new().text("id", &info.id.to_string()), info)
}

fn mount(object: Object, info: &AliasInfo) -> Object {
    object
        .text("mount_accessor", &info.mount_accessor)
        .text("mount_path", &info.mount_path)
        .text("mount_type", &info.mount_type)
        .text("name", &info.name)
}

fn texts<I: Display>(ids: &[I]) -> impl Iterator<Item = String> {
    ids.iter().map(I::to_string)
}

/// Adds a list; one without elements is null, as Vault has it.
fn ids<I: Display>(object: Object, name: &str, ids: &[I]) -> Object {
    match ids {
        [] => object.null(name),
        ids => object.list(name, texts(ids)),
    }
}

fn map(object: Object, name: &str, map: &BTreeMap<String, String>) -> Object {
    match map.is_empty() {
        true => object.null(name),
        false => object.map(name, map),
    }
}
