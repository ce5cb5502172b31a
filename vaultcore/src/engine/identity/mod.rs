//! Identity as it is managed: entities, aliases, groups; the mount that is built in at `identity/`.

mod alias;
pub(crate) mod api;
mod entity;
mod group;
mod group_alias;
mod info;
mod list;
mod merge;
mod options;
mod shape;
#[cfg(test)]
mod tests;

pub use info::{AliasInfo, EntityInfo, GroupInfo};
pub use options::{AliasOptions, EntityOptions, GroupOptions};

pub(crate) use alias::{DeleteAlias, ReadAlias, WriteAlias};
pub(crate) use entity::{DeleteEntities, Find, ReadEntity, WriteEntity};
pub(crate) use group::{DeleteGroup, FindGroup, ReadGroup, WriteGroup};
pub(crate) use group_alias::{DeleteGroupAlias, ReadGroupAlias, WriteGroupAlias};
pub(crate) use list::{By, Family, List};
pub(crate) use merge::MergeEntities;

use std::fmt::Display;

use crate::error::{Error, Result};
use crate::id::MountId;
use crate::identity::folded;
use crate::mount::{Class, Mount, MountTable};
use crate::operation::{Access, Capability, Context};

/// Which one an operation is about, or what is to be written where.
#[derive(Clone)]
pub(crate) enum Key<I> {
    /// A new one: there is none of its name.
    New,
    /// The one that the request names, by id or name; a new one if that is not there.
    Named(Option<I>),
    Id(Option<I>, String),
    Name(String),
}

/// Returns what a caller must be allowed: on each spelling of the path that may mean the same, so
/// that no rule is escaped by another one.
fn access<I: Display>(
    family: &str,
    key: &Key<I>,
    stored: Option<&str>,
    capability: Capability,
) -> Vec<Access> {
    let path = |rest: &str| Access::new(format!("identity/{family}{rest}"), capability);
    let name = match key {
        Key::New | Key::Named(_) => return vec![path("")],
        Key::Id(Some(id), _) => return vec![path(&format!("/id/{id}"))],
        Key::Id(None, text) => return vec![path(&format!("/id/{text}"))],
        Key::Name(name) => name,
    };
    let folded = folded(name).ok();
    let mut names: Vec<&str> = vec![name];
    names.extend(stored);
    names.extend(folded.as_deref());
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .map(|name| path(&format!("/name/{name}")))
        .collect()
}

/// Returns the auth methods of the namespace, which aliases belong to.
fn methods(cx: &mut Context<'_, '_>) -> Result<MountTable> {
    MountTable::load(cx.txn, cx.space.id, Class::Auth)
}

/// Returns the auth method with this accessor.
fn method<'t>(table: &'t MountTable, accessor: &str) -> Result<&'t Mount> {
    let invalid = || Error::invalid("invalid mount accessor");
    table.with_accessor(accessor).ok_or_else(invalid)
}

/// Returns where a mount is, and its kind; both are empty of one that is no more.
fn place_of(table: &MountTable, id: MountId) -> (String, String) {
    match table.with_id(id) {
        Some(mount) => (
            format!("auth/{}", mount.path.as_str()),
            mount.kind.to_string(),
        ),
        None => (String::new(), String::new()),
    }
}
