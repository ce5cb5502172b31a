//! Identity: who somebody is, whichever way they log in, and the groups that they belong to.
//!
//! An entity holds its aliases and the groups that it is a direct member of, so that one read tells
//! all that is its own. Every change of a group writes the epoch, which proves what was read of
//! groups. Stored as: `entity/<id>`, `entity-name/<hidden name>`, `entity-alias/<id>` and
//! `entity-alias-of/<hash of mount and name>` to the entity; the same for `group`; and
//! `group-member/<group>/<entity>` for the lists of members.

mod bounds;
mod entities;
mod entity;
mod group;
mod groups;
mod login;
mod members;
mod merge;
mod name;
mod nesting;
#[cfg(test)]
mod records;
mod resolve;

pub(crate) use bounds::{check_metadata, limit, policy_names};
pub(crate) use entities::Entities;
pub(crate) use entity::{Alias, Entity};
pub(crate) use group::Group;
pub use group::GroupKind;
pub(crate) use groups::{Groups, new_group};
pub(crate) use login::{login, new_alias, new_entity, sync_groups};
pub(crate) use members::set_members;
pub(crate) use merge::{Merge, merge};
pub(crate) use name::folded;
pub(crate) use resolve::{Resolved, groups_of, resolve};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::barrier::{Txn, Use};
use crate::id::{MountId, NamespaceId};
use crate::record::Record;

/// What an index leads to.
#[derive(Serialize, Deserialize)]
#[serde(bound = "I: Serialize + DeserializeOwned")]
pub(crate) struct Pointer<I> {
    pub(crate) id: I,
}

impl<I: Serialize + DeserializeOwned> Record for Pointer<I> {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "pointer of identity";
}

/// What a name leads to, with the name as it was written.
#[derive(Serialize, Deserialize)]
#[serde(bound = "I: Serialize + DeserializeOwned")]
pub(crate) struct Named<I> {
    pub(crate) id: I,
    pub(crate) name: String,
}

impl<I: Serialize + DeserializeOwned> Record for Named<I> {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "name of identity";
}

/// Returns the part of a path that finds the alias `name` of a mount, and tells neither.
fn alias_part(txn: &Txn<'_>, what: &str, space: NamespaceId, mount: MountId, name: &str) -> String {
    let fields = [
        what.as_bytes(),
        space.as_bytes(),
        mount.as_bytes(),
        name.as_bytes(),
    ];
    let id = txn.keyring().index().id(Use::Alias, &fields);
    data_encoding::HEXLOWER.encode(&id)
}
