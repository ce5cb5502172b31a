//! Who is a member of a group.

use std::collections::BTreeSet;

use super::bounds::{MAX_CHANGES, limit};
use super::entities::Entities;
use super::entity::Entity;
use super::group::Group;
use super::groups::Groups;
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityId, GroupId, NamespaceId};

/// Makes `members` the entities that are members of `group`, which the caller writes in the same
/// transaction: two who do so at once do not overlook each other.
///
/// # Errors
/// `InvalidArgument` for an entity that there is not; `LimitExceeded` for more changes than one
/// commit takes, and for an entity in too many groups.
pub(crate) fn set_members(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    group: &Group,
    members: &[EntityId],
) -> Result<()> {
    let wanted: BTreeSet<EntityId> = members.iter().copied().collect();
    let now = Groups::new(namespace).members(txn, group.id)?;
    let now: BTreeSet<EntityId> = now.into_iter().collect();
    let changed: Vec<EntityId> = wanted.symmetric_difference(&now).copied().collect();
    if changed.len() > MAX_CHANGES {
        let count = changed.len();
        return Err(limit(format!(
            "one call adds and removes at most {MAX_CHANGES} members of a group, this one {count}"
        )));
    }
    let entities = Entities::new(namespace);
    for id in changed {
        let joins = wanted.contains(&id);
        let Some(before) = entities.with_id(txn, id)? else {
            if joins {
                return Err(Error::invalid("invalid entity ID"));
            }
            continue; // it was deleted meanwhile, and its membership with it
        };
        let mut after = Entity::clone(&before);
        after.groups = alive(txn, namespace, &before.groups)?;
        after.groups.retain(|other| *other != group.id);
        if joins {
            after.groups.push(group.id);
            after.groups.sort_unstable();
        }
        after.updated = txn.now();
        entities.put(txn, Some(&before), &after)?;
    }
    Ok(())
}

/// Returns those of `ids` that were not deleted.
fn alive(txn: &mut Txn<'_>, namespace: NamespaceId, ids: &[GroupId]) -> Result<Vec<GroupId>> {
    let groups = Groups::new(namespace);
    let mut alive = Vec::with_capacity(ids.len().saturating_add(1));
    for id in ids {
        if groups.with_id(txn, *id)?.is_some() {
            alive.push(*id);
        }
    }
    Ok(alive)
}
