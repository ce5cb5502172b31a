//! From a login to the entity that logs in.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{check_metadata, limit};
use super::entities::Entities;
use super::entity::{Alias, Entity};
use super::group::GroupKind;
use super::groups::Groups;
use super::name::check_alias_name;
use super::resolve::counts;
use crate::barrier::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AliasId, EntityId, GroupId, MountId, NamespaceId};

/// The most groups that an auth method may say somebody is in.
const MAX_NAMES: usize = 1_000;

/// Returns the entity that `alias` of a mount belongs to, who just proved to be that.
///
/// The first time both are made, in this transaction.
///
/// # Errors
/// `PermissionDenied` if the entity is disabled; `InvalidArgument` for a name or metadata that
/// cannot be.
pub(crate) fn login(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    (mount, accessor): (MountId, &str),
    alias: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<EntityId> {
    check_metadata(metadata)?;
    check_alias_name(alias)?;
    let entities = Entities::new(namespace);
    let Some(found) = entities.with_alias(txn, mount, alias)? else {
        let mut entity = new_entity(txn, namespace)?;
        let mut alias = new_alias(txn, namespace, mount, accessor, alias)?;
        alias.metadata.clone_from(metadata);
        entity.aliases.push(alias);
        entities.put(txn, None, &entity)?;
        return Ok(entity.id);
    };
    if found.disabled {
        return Err(Error::new(ErrorKind::PermissionDenied, "permission denied"));
    }
    let known = found.alias_of(mount);
    if known.is_some_and(|alias| alias.metadata != *metadata || alias.accessor != accessor) {
        let mut entity = Entity::clone(&found);
        for alias in entity
            .aliases
            .iter_mut()
            .filter(|alias| alias.mount == mount)
        {
            alias.metadata.clone_from(metadata);
            accessor.clone_into(&mut alias.accessor);
            alias.updated = txn.now();
        }
        entities.put(txn, Some(&found), &entity)?;
    }
    Ok(found.id)
}

/// Returns an entity that is not stored yet, with a name of its own.
pub(crate) fn new_entity(txn: &mut Txn<'_>, namespace: NamespaceId) -> Result<Entity> {
    let id = EntityId::from_bytes(txn.unique(&[b"entity", namespace.as_bytes()])?);
    let now = txn.now();
    let digits = id.to_string();
    let mut name = format!("entity_{}", digits.get(..8).unwrap_or(&digits));
    if Entities::new(namespace).named(txn, &name)?.is_some() {
        name = format!("entity_{digits}");
    }
    Ok(Entity {
        id,
        name,
        metadata: BTreeMap::new(),
        policies: Vec::new(),
        disabled: false,
        created: now,
        updated: now,
        aliases: Vec::new(),
        groups: Vec::new(),
        merged: Vec::new(),
    })
}

/// Returns an alias that is not stored yet.
pub(crate) fn new_alias(
    txn: &Txn<'_>,
    namespace: NamespaceId,
    mount: MountId,
    accessor: &str,
    name: &str,
) -> Result<Alias> {
    let context: [&[u8]; 4] = [
        b"alias",
        namespace.as_bytes(),
        mount.as_bytes(),
        name.as_bytes(),
    ];
    let now = txn.now();
    Ok(Alias {
        id: AliasId::from_bytes(txn.unique(&context)?),
        mount,
        accessor: accessor.to_owned(),
        name: name.to_owned(),
        metadata: BTreeMap::new(),
        custom_metadata: BTreeMap::new(),
        created: now,
        updated: now,
        merged_from: Vec::new(),
    })
}

/// Makes an entity a member of those external groups that a mount calls by `names`, and of none
/// else of that mount.
///
/// # Errors
/// `LimitExceeded`; `InvalidArgument` if there is no such entity.
pub(crate) fn sync_groups(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    mount: MountId,
    id: EntityId,
    names: &[String],
) -> Result<()> {
    if names.len() > MAX_NAMES {
        return Err(limit(format!(
            "an auth method names at most {MAX_NAMES} groups"
        )));
    }
    let (entities, groups) = (Entities::new(namespace), Groups::new(namespace));
    let missing = || Error::invalid("there is no such entity");
    let found = entities.with_id(txn, id)?.ok_or_else(missing)?;
    let mut wanted: BTreeSet<GroupId> = BTreeSet::new();
    for name in names {
        if let Some(group) = groups.with_alias(txn, mount, name)? {
            wanted.insert(group.id);
        }
    }
    for id in &found.groups {
        let Some(group) = groups.with_id(txn, *id)? else {
            continue; // it was deleted, and is forgotten with the next change
        };
        let own = group.kind == GroupKind::External
            && group
                .alias
                .as_ref()
                .is_some_and(|alias| alias.mount == mount);
        if !own && counts(&found, &group) {
            wanted.insert(*id);
        }
    }
    let wanted: Vec<GroupId> = wanted.into_iter().collect();
    if wanted == found.groups {
        return Ok(());
    }
    let mut entity = Entity::clone(&found);
    entity.groups = wanted;
    entity.updated = txn.now();
    entities.put(txn, Some(&found), &entity)
}
