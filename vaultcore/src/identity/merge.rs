//! Several entities that turn out to be one.

use super::bounds::limit;
use super::entities::Entities;
use super::entity::{Entity, remember};
use crate::barrier::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AliasId, EntityId, NamespaceId};

/// The most entities that one call merges.
const MAX_FROM: usize = 50;

/// What is to be merged into what.
pub(crate) struct Merge {
    pub(crate) from: Vec<EntityId>,
    pub(crate) to: EntityId,
    /// Of two aliases of one mount, those to keep.
    pub(crate) keep: Vec<AliasId>,
    /// Whether the alias of the entity merged into is dropped without being asked about.
    pub(crate) force: bool,
}

/// Moves aliases and memberships of entities to another one, and deletes them.
///
/// Policies and metadata of the other one stay as they are, as in Vault.
///
/// # Errors
/// `InvalidArgument` for entities that there are not, and for two aliases of one mount of which
/// `keep` does not name one; `LimitExceeded`.
pub(crate) fn merge(txn: &mut Txn<'_>, namespace: NamespaceId, merge: &Merge) -> Result<()> {
    if merge.from.is_empty() {
        return Err(Error::invalid("missing entity ids to merge from"));
    }
    if merge.from.contains(&merge.to) {
        let text = "to_entity_id should not be present in from_entity_ids";
        return Err(Error::invalid(text));
    }
    if merge.from.len() > MAX_FROM {
        return Err(limit(format!(
            "at most {MAX_FROM} entities are merged at once"
        )));
    }
    let entities = Entities::new(namespace);
    let before = entities.with_id(txn, merge.to)?;
    let before = before.ok_or_else(|| Error::invalid("entity id to merge to is invalid"))?;
    let mut into = Entity::clone(&before);
    for (index, id) in merge.from.iter().enumerate() {
        if merge.from.iter().take(index).any(|other| other == id) {
            continue; // named twice
        }
        let from = entities.with_id(txn, *id)?;
        let from = from.ok_or_else(|| Error::invalid("entity id to merge from is invalid"))?;
        take_over(&mut into, &from, merge)?;
        entities.remove(txn, &from)?;
    }
    into.updated = txn.now();
    entities.put(txn, Some(&before), &into)
}

/// Adds to `into` what it gets of `from`.
fn take_over(into: &mut Entity, from: &Entity, merge: &Merge) -> Result<()> {
    for alias in &from.aliases {
        let mut alias = alias.clone();
        remember(&mut alias.merged_from, from.id);
        let Some(own) = into.alias_of(alias.mount) else {
            into.aliases.push(alias);
            continue;
        };
        let own = own.id;
        match (merge.keep.contains(&own), merge.keep.contains(&alias.id)) {
            (true, false) => {}
            (false, true) => {
                into.aliases.retain(|other| other.id != own);
                into.aliases.push(alias);
            }
            (false, false) if merge.force => {
                into.aliases.retain(|other| other.id != own);
                into.aliases.push(alias);
            }
            (false, false) => return Err(conflict()),
            (true, true) => {
                return Err(Error::invalid(
                    "conflicting_alias_ids_to_keep names both aliases of one mount",
                ));
            }
        }
    }
    into.groups.extend(&from.groups);
    into.groups.sort_unstable();
    into.groups.dedup();
    for id in from.merged.iter().chain([&from.id]) {
        remember(&mut into.merged, *id);
    }
    Ok(())
}

fn conflict() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "toEntity and at least one fromEntity have aliases of the same mount; say which to keep by \
         conflicting_alias_ids_to_keep, or resolve with force",
    )
}
