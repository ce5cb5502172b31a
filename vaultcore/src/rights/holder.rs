//! Who holds a token, and what they have by it.

use super::denied;
use crate::barrier::Txn;
use crate::error::Result;
use crate::id::{EntityId, NamespaceId};
use crate::identity::{self, Alias, Entity, Group, Resolved};
use crate::mount::NamespaceTable;
use crate::policy;
use crate::token::Token;

/// Who holds a token, as far as rights go.
#[derive(Default)]
pub(crate) struct Holder {
    pub(crate) policies: Vec<String>,
    pub(crate) identity: Option<policy::Identity>,
}

impl Holder {
    /// Returns who holds `token`.
    ///
    /// # Errors
    /// `PermissionDenied` if that is an entity that is disabled, or is no more.
    pub(crate) fn of(txn: &mut Txn<'_>, spaces: &NamespaceTable, token: &Token) -> Result<Self> {
        let Some(id) = token.entry.entity else {
            return Ok(Self::default());
        };
        let (space, found) = find(txn, spaces, token, id)?.ok_or_else(denied)?;
        if found.entity.disabled {
            return Err(denied());
        }
        // A name of a policy means that of the entity's namespace, which a token in another one
        // does not have.
        let own = space == token.namespace && !token.entry.no_identity_policies;
        Ok(Self {
            policies: if own { found.policies() } else { Vec::new() },
            identity: Some(identity_of(&found)),
        })
    }
}

/// Looks for an entity where the token was made, and in the namespaces above: its holder may have
/// logged in there.
fn find(
    txn: &mut Txn<'_>,
    spaces: &NamespaceTable,
    token: &Token,
    id: EntityId,
) -> Result<Option<(NamespaceId, Resolved)>> {
    let mut path = spaces.path(token.namespace);
    while let Some(here) = path {
        if let Some(space) = spaces.id(here)
            && let Some(found) = identity::resolve(txn, space, id)?
        {
            return Ok(Some((space, found)));
        }
        path = above(here);
    }
    Ok(None)
}

/// Returns the path of the namespace that holds the one at `path`; the root has none.
fn above(path: &str) -> Option<&str> {
    let bare = path.strip_suffix('/')?;
    let end = bare.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    path.get(..end)
}

/// Returns what the templates of policies may take.
fn identity_of(found: &Resolved) -> policy::Identity {
    policy::Identity {
        entity: Some(entity_of(&found.entity)),
        groups: found.groups.iter().map(|group| group_of(group)).collect(),
    }
}

fn entity_of(entity: &Entity) -> policy::Entity {
    let aliases = entity.aliases.iter();
    policy::Entity {
        id: entity.id.to_string(),
        name: entity.name.clone(),
        metadata: entity.metadata.clone(),
        aliases: aliases
            .map(|alias| (alias.accessor.clone(), alias_of(alias)))
            .collect(),
    }
}

fn alias_of(alias: &Alias) -> policy::Alias {
    policy::Alias {
        id: alias.id.to_string(),
        name: alias.name.clone(),
        metadata: alias.metadata.clone(),
        custom_metadata: alias.custom_metadata.clone(),
    }
}

fn group_of(group: &Group) -> policy::Group {
    policy::Group {
        id: group.id.to_string(),
        name: group.name.clone(),
        metadata: group.metadata.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_lie_in_each_other() {
        assert_eq!(above("team/app/"), Some("team/"));
        assert_eq!(above("team/"), Some(""));
        assert_eq!(above(""), None);
    }
}
