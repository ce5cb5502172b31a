//! Who somebody is, whichever way they log in.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::id::EntityId;
use crate::operation::Context;

/// Returns the entity that `alias` of this mount belongs to.
#[allow(clippy::unnecessary_wraps)] // until identity, which may refuse a login, is asked
pub(crate) fn entity_of(
    _: &mut Context<'_, '_>,
    _alias: &str,
    _metadata: &BTreeMap<String, String>,
) -> Result<Option<EntityId>> {
    Ok(None)
}
