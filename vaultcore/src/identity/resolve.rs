//! What somebody is and has by it, for the policies of their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bounds::{MAX_DEPTH, MAX_REACHED, limit};
use super::entities::Entities;
use super::entity::Entity;
use super::group::{Group, GroupKind};
use super::groups::Groups;
use crate::barrier::Txn;
use crate::error::Result;
use crate::id::{EntityId, GroupId, NamespaceId};

/// An entity with all the groups that it belongs to.
pub(crate) struct Resolved {
    pub(crate) entity: Arc<Entity>,
    /// Those that it is a member of, and those that they are in, sorted by id.
    pub(crate) groups: Vec<Arc<Group>>,
}

impl Resolved {
    /// Returns the policies of the entity and all its groups, sorted, each once.
    pub(crate) fn policies(&self) -> Vec<String> {
        let groups = self.groups.iter().flat_map(|group| &group.policies);
        let all: BTreeSet<&String> = self.entity.policies.iter().chain(groups).collect();
        all.into_iter().cloned().collect()
    }
}

/// Returns who an entity is; `None` if there is no such one. A disabled one is returned as such.
///
/// It takes one place among the entries that a commit expects, whatever the groups.
///
/// # Errors
/// `LimitExceeded` if it belongs to more groups than are followed.
pub(crate) fn resolve(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    id: EntityId,
) -> Result<Option<Resolved>> {
    let Some(entity) = Entities::new(namespace).with_id(txn, id)? else {
        return Ok(None);
    };
    let groups = groups_of(txn, namespace, &entity)?;
    let groups = groups.into_values().collect();
    Ok(Some(Resolved { entity, groups }))
}

/// Returns the groups of an entity, and all that they are in, as far as they are there.
pub(crate) fn groups_of(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    entity: &Entity,
) -> Result<BTreeMap<GroupId, Arc<Group>>> {
    let groups = Groups::new(namespace);
    let mut found: BTreeMap<GroupId, Arc<Group>> = BTreeMap::new();
    let mut row: BTreeSet<GroupId> = entity.groups.iter().copied().collect();
    let mut depth = 0usize;
    while !row.is_empty() {
        depth = depth.saturating_add(1);
        if depth > MAX_DEPTH || found.len() > MAX_REACHED {
            let text = "an entity belongs to at most 1,000 groups, nested at most 16 deep";
            return Err(limit(text));
        }
        let mut next = BTreeSet::new();
        for id in row {
            if found.contains_key(&id) {
                continue;
            }
            let Some(group) = groups.with_id(txn, id)? else {
                continue; // it was deleted
            };
            if depth == 1 && !counts(entity, &group) {
                continue;
            }
            next.extend(group.parents.iter().copied());
            found.insert(id, group);
        }
        row = next;
    }
    Ok(found)
}

/// Returns whether an entity is in a group that it names.
///
/// Of an external one it is only as long as it logs in to the mount that says so.
pub(super) fn counts(entity: &Entity, group: &Group) -> bool {
    match (group.kind, &group.alias) {
        (GroupKind::Internal, _) => true,
        (GroupKind::External, Some(alias)) => entity.alias_of(alias.mount).is_some(),
        (GroupKind::External, None) => false,
    }
}
