//! Entities in storage, with all that finds them.

use std::sync::Arc;

use super::bounds::limit;
use super::entity::{Alias, Entity};
use super::name::folded;
use super::{Named, Pointer, alias_part};
use crate::barrier::{Tree, Txn, layout};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId, MountId, NamespaceId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;

/// The largest record of an entity or a group, in bytes.
const MAX_RECORD: usize = 256 << 10;

/// The entities of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct Entities(NamespaceId);

/// What is to become of an entity: made, changed, or deleted.
pub(crate) struct EntityChange<'e> {
    pub(crate) before: Option<&'e Entity>,
    pub(crate) after: Option<&'e Entity>,
}

impl Entities {
    pub(crate) fn new(namespace: NamespaceId) -> Self {
        Self(namespace)
    }

    /// Returns the entity with this id.
    pub(crate) fn with_id(self, txn: &mut Txn<'_>, id: EntityId) -> Result<Option<Arc<Entity>>> {
        txn.load_kept(&self.entry(id)?, Entity::decode)
    }

    /// Returns the entity of this name, in upper or lower case.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is no name.
    pub(crate) fn named(self, txn: &mut Txn<'_>, name: &str) -> Result<Option<Arc<Entity>>> {
        let path = self.name_entry(txn, name)?;
        match txn.load::<Named<EntityId>>(&path)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Returns the entity that logs in to a mount as `name`.
    pub(crate) fn with_alias(
        self,
        txn: &mut Txn<'_>,
        mount: MountId,
        name: &str,
    ) -> Result<Option<Arc<Entity>>> {
        let path = self.alias_of_entry(txn, mount, name)?;
        match txn.load::<Pointer<EntityId>>(&path)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Returns the entity that has the alias `id`.
    pub(crate) fn with_alias_id(
        self,
        txn: &mut Txn<'_>,
        id: AliasId,
    ) -> Result<Option<Arc<Entity>>> {
        match txn.load::<Pointer<EntityId>>(&self.alias_entry(id)?)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Makes, changes or deletes an entity in this transaction, with all that finds it.
    ///
    /// # Errors
    /// `InvalidArgument` if its name or an alias is taken or cannot be, `LimitExceeded`.
    pub(crate) fn apply(self, txn: &mut Txn<'_>, change: &EntityChange<'_>) -> Result<()> {
        if let Some(after) = change.after {
            after.check()?;
        }
        self.take_out(txn, change)?;
        match (change.before, change.after) {
            (_, Some(after)) => {
                self.put_in(txn, change.before, after)?;
                store_bounded(txn, self.entry(after.id)?, after)
            }
            (Some(before), None) => {
                txn.delete(self.entry(before.id)?);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    /// Makes an entity, or changes it from `before`.
    pub(crate) fn put(
        self,
        txn: &mut Txn<'_>,
        before: Option<&Entity>,
        after: &Entity,
    ) -> Result<()> {
        let after = Some(after);
        self.apply(txn, &EntityChange { before, after })
    }

    /// Deletes an entity, with its aliases and memberships.
    pub(crate) fn remove(self, txn: &mut Txn<'_>, entity: &Entity) -> Result<()> {
        let before = Some(entity);
        self.apply(
            txn,
            &EntityChange {
                before,
                after: None,
            },
        )
    }

    /// Deletes what found the entity before and does not any more.
    fn take_out(self, txn: &mut Txn<'_>, change: &EntityChange<'_>) -> Result<()> {
        let Some(before) = change.before else {
            return Ok(());
        };
        let after = change.after;
        let name = folded(&before.name)?;
        let stays = after.map(|after| folded(&after.name)).transpose()?;
        if stays.as_ref() != Some(&name) {
            let path = self.name_entry(txn, &before.name)?;
            txn.delete(path);
        }
        for alias in &before.aliases {
            let kept = after.and_then(|after| after.alias(alias.id));
            if !kept.is_some_and(|kept| same_key(kept, alias)) {
                let path = self.alias_of_entry(txn, alias.mount, &alias.name)?;
                txn.delete(path);
            }
            if kept.is_none() {
                txn.delete(self.alias_entry(alias.id)?);
            }
        }
        for group in &before.groups {
            if !after.is_some_and(|after| after.groups.contains(group)) {
                txn.delete(member_entry(self.0, *group, before.id)?);
            }
        }
        Ok(())
    }

    /// Writes what finds the entity from now on and did not before.
    fn put_in(self, txn: &mut Txn<'_>, before: Option<&Entity>, after: &Entity) -> Result<()> {
        if before.is_none_or(|before| before.name != after.name) {
            let path = self.name_entry(txn, &after.name)?;
            let holder = txn.load::<Named<EntityId>>(&path)?;
            if holder.is_some_and(|holder| holder.id != after.id) {
                return Err(Error::invalid("entity name is already in use"));
            }
            let (id, name) = (after.id, after.name.clone());
            txn.store(path, &Named { id, name })?;
        }
        for alias in &after.aliases {
            let had = before.and_then(|before| before.alias(alias.id));
            let pointer = Pointer { id: after.id };
            if had.is_none() {
                txn.store(self.alias_entry(alias.id)?, &pointer)?;
            }
            if had.is_some_and(|had| same_key(had, alias)) {
                continue;
            }
            let path = self.alias_of_entry(txn, alias.mount, &alias.name)?;
            if txn.load::<Pointer<EntityId>>(&path)?.is_some() {
                return Err(Error::invalid(
                    "alias of that name and mount belongs to another entity",
                ));
            }
            txn.store(path, &pointer)?;
        }
        for group in &after.groups {
            if !before.is_some_and(|before| before.groups.contains(group)) {
                txn.store(
                    member_entry(self.0, *group, after.id)?,
                    &Pointer { id: after.id },
                )?;
            }
        }
        Ok(())
    }

    /// Returns the folder of all entities, by id.
    pub(crate) fn folder(self) -> Folder {
        layout::area(self.0, "entity")
    }

    /// Returns the folder of all aliases of entities, by id.
    pub(crate) fn alias_folder(self) -> Folder {
        layout::area(self.0, "entity-alias")
    }

    /// Returns the folder of all names, hidden.
    pub(crate) fn name_folder(self) -> Folder {
        self.names().folder()
    }

    fn entry(self, id: EntityId) -> Result<EntryPath> {
        self.folder().entry(&id.to_string())
    }

    fn alias_entry(self, id: AliasId) -> Result<EntryPath> {
        self.alias_folder().entry(&id.to_string())
    }

    fn names(self) -> Tree {
        Tree {
            namespace: self.0,
            area: "entity-name",
            mount: MountId::BUILT_IN,
        }
    }

    fn name_entry(self, txn: &Txn<'_>, name: &str) -> Result<EntryPath> {
        txn.hidden_entry(self.names(), &folded(name)?)
    }

    fn alias_of_entry(self, txn: &Txn<'_>, mount: MountId, name: &str) -> Result<EntryPath> {
        let part = alias_part(txn, "entity", self.0, mount, name);
        layout::area(self.0, "entity-alias-of").entry(&part)
    }
}

/// Returns the folder of the members of a group that are entities.
pub(super) fn member_folder(namespace: NamespaceId, group: GroupId) -> Folder {
    layout::area(namespace, "group-member").then(&group.to_string())
}

fn member_entry(namespace: NamespaceId, group: GroupId, entity: EntityId) -> Result<EntryPath> {
    member_folder(namespace, group).entry(&entity.to_string())
}

/// Whether both are found by the same mount and name.
fn same_key(left: &Alias, right: &Alias) -> bool {
    left.mount == right.mount && left.name == right.name
}

/// Writes a record, unless it is too large.
pub(super) fn store_bounded<R: Record>(
    txn: &mut Txn<'_>,
    path: EntryPath,
    record: &R,
) -> Result<()> {
    let bytes = record.encode()?;
    if bytes.len() > MAX_RECORD {
        let (name, most, count) = (R::NAME, MAX_RECORD, bytes.len());
        return Err(limit(format!(
            "a {name} has at most {most} bytes stored, this one has {count}"
        )));
    }
    txn.put(path, &bytes)
}
