//! What is kept of an entity, and of its aliases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::bounds::{MAX_ALIASES, MAX_DIRECT, MAX_MERGED, limit, sound_ids, sound_policies};
use super::name::{check_alias_name, check_name};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId, MountId};
use crate::record::Record;

/// An entity, as stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) name: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Sorted, each once.
    pub(crate) policies: Vec<String>,
    /// Nobody logs in as it, or acts by its tokens.
    pub(crate) disabled: bool,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// Of each mount one at most.
    pub(crate) aliases: Vec<Alias>,
    /// The groups that it is a direct member of, sorted. One that was deleted may still be named.
    pub(crate) groups: Vec<GroupId>,
    /// The entities that were merged into it; of many the last ones.
    pub(crate) merged: Vec<EntityId>,
}

/// A way of logging in that leads to an entity or an external group.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) id: AliasId,
    pub(crate) mount: MountId,
    pub(crate) accessor: String,
    pub(crate) name: String,
    /// What the auth method said at the last login.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What people wrote.
    pub(crate) custom_metadata: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// The entities that it belonged to before they were merged.
    pub(crate) merged_from: Vec<EntityId>,
}

impl Record for Entity {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "entity";

    fn is_sound(&self) -> bool {
        self.check().is_ok()
            && sound_policies(&self.policies)
            && sound_ids(&self.groups, MAX_DIRECT)
            && self.merged.len() <= MAX_MERGED
    }
}

impl Entity {
    /// Returns an error unless it may be stored.
    pub(super) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        if self.aliases.len() > MAX_ALIASES {
            return Err(limit(format!(
                "an entity has at most {MAX_ALIASES} aliases"
            )));
        }
        if self.groups.len() > MAX_DIRECT {
            return Err(limit(format!(
                "an entity is in at most {MAX_DIRECT} groups itself"
            )));
        }
        for (index, alias) in self.aliases.iter().enumerate() {
            check_alias_name(&alias.name)?;
            if self
                .aliases
                .iter()
                .skip(index.saturating_add(1))
                .any(|other| other.mount == alias.mount)
            {
                return Err(Error::invalid(
                    "an entity has one alias of a mount: alias already exists for requested entity \
                     and mount accessor",
                ));
            }
        }
        Ok(())
    }

    /// Returns its alias of a mount.
    pub(crate) fn alias_of(&self, mount: MountId) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.mount == mount)
    }

    /// Returns its alias with this id.
    pub(crate) fn alias(&self, id: AliasId) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.id == id)
    }
}

/// Keeps the last of what was merged.
pub(super) fn remember(merged: &mut Vec<EntityId>, id: EntityId) {
    merged.retain(|known| *known != id);
    merged.push(id);
    let surplus = merged.len().saturating_sub(MAX_MERGED);
    merged.drain(..surplus);
}

/// Wipes texts that users chose.
pub(super) fn wipe(map: &mut BTreeMap<String, String>) {
    for (mut key, mut value) in std::mem::take(map) {
        key.zeroize();
        value.zeroize();
    }
}

impl Drop for Entity {
    fn drop(&mut self) {
        self.name.zeroize();
        wipe(&mut self.metadata);
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        self.name.zeroize();
        wipe(&mut self.metadata);
        wipe(&mut self.custom_metadata);
    }
}
