//! Who somebody is, whichever way they log in.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::id::EntityId;
use crate::identity;
use crate::operation::Context;

/// Returns the entity that `alias` of this mount belongs to, whose holder just proved that; it is
/// made at the first login. `groups` are those that the method says its holder is in.
///
/// What a login says about itself is the token's, not the alias's: two who log in by one role
/// would write over each other what policies are rendered with.
///
/// # Errors
/// `PermissionDenied` if the entity is disabled.
pub(crate) fn entity_of(
    cx: &mut Context<'_, '_>,
    alias: &str,
    groups: &[String],
) -> Result<EntityId> {
    let mount = cx.mount()?;
    let from = (mount.id, mount.accessor);
    let id = identity::login(cx.txn, mount.namespace, from, alias, &BTreeMap::new())?;
    identity::sync_groups(cx.txn, mount.namespace, mount.id, id, groups)?;
    Ok(id)
}
