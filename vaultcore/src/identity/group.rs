//! What is kept of a group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::bounds::{MAX_LINKS, sound_ids, sound_policies};
use super::entity::{Alias, wipe};
use super::name::{check_alias_name, check_name};
use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::record::Record;

/// Who says who is a member of a group.
///
/// ```
/// use vaultcore::who::GroupKind;
/// assert_eq!(GroupKind::Internal.as_str(), "internal");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupKind {
    /// Whoever manages the vault.
    #[default]
    Internal,
    /// An auth method, at each login.
    External,
}

impl GroupKind {
    /// Returns the word that Vault has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// A group, as stored; its members that are entities stand in entries of their own.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) kind: GroupKind,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Sorted, each once.
    pub(crate) policies: Vec<String>,
    /// The groups that are members, sorted.
    pub(crate) members: Vec<GroupId>,
    /// The groups that it is a member of, sorted.
    pub(crate) parents: Vec<GroupId>,
    /// What an auth method calls an external group.
    pub(crate) alias: Option<Alias>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// Counts the changes, from 1.
    pub(crate) changes: u64,
}

impl Record for Group {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "group";

    fn is_sound(&self) -> bool {
        check_name(&self.name).is_ok()
            && sound_policies(&self.policies)
            && sound_ids(&self.members, MAX_LINKS)
            && sound_ids(&self.parents, MAX_LINKS)
            && !self.members.contains(&self.id)
            && self.alias.as_ref().is_none_or(|alias| {
                self.kind == GroupKind::External && check_alias_name(&alias.name).is_ok()
            })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.name.zeroize();
        wipe(&mut self.metadata);
    }
}
