//! Groups in storage, with all that finds them. Every change of a group writes the epoch, which so
//! proves what was read of them, absence too.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounds::{MAX_LINKS, limit};
use super::entities::{member_folder, store_bounded};
use super::group::{Group, GroupKind};
use super::name::{check_alias_name, check_name, folded};
use super::{Named, Pointer, alias_part};
use crate::barrier::{Tree, Txn, layout};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId, MountId, NamespaceId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::Scan;

/// The groups of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct Groups(NamespaceId);

impl Groups {
    pub(crate) fn new(namespace: NamespaceId) -> Self {
        Self(namespace)
    }

    /// Returns the group with this id.
    pub(crate) fn with_id(self, txn: &mut Txn<'_>, id: GroupId) -> Result<Option<Arc<Group>>> {
        txn.load_kept_guarded(&self.entry(id)?, Group::decode)
    }

    /// Returns the group of this name, in upper or lower case.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is no name.
    pub(crate) fn named(self, txn: &mut Txn<'_>, name: &str) -> Result<Option<Arc<Group>>> {
        let path = self.name_entry(txn, name)?;
        match txn.load_guarded::<Named<GroupId>>(&path)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Returns the external group that a mount calls `name`.
    pub(crate) fn with_alias(
        self,
        txn: &mut Txn<'_>,
        mount: MountId,
        name: &str,
    ) -> Result<Option<Arc<Group>>> {
        let path = self.alias_of_entry(txn, mount, name)?;
        match txn.load_guarded::<Pointer<GroupId>>(&path)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Returns the group that has the alias `id`.
    pub(crate) fn with_alias_id(
        self,
        txn: &mut Txn<'_>,
        id: AliasId,
    ) -> Result<Option<Arc<Group>>> {
        match txn.load_guarded::<Pointer<GroupId>>(&self.alias_entry(id)?)? {
            Some(found) => self.with_id(txn, found.id),
            None => Ok(None),
        }
    }

    /// Returns the entities that are members, sorted: a list, and as such of no one moment.
    ///
    /// Whoever changes them all writes the group, too, so that two who do so do not overlook each
    /// other.
    pub(crate) fn members(self, txn: &mut Txn<'_>, id: GroupId) -> Result<Vec<EntityId>> {
        let folder = member_folder(self.0, id);
        let found = txn.scan(&Scan::new(folder.as_str()))?;
        let corrupt = || Error::corrupt("a stored member of a group is none");
        let ids = found.iter().map(|path| {
            let part = path.strip_prefix(folder.as_str()).unwrap_or_default();
            EntityId::parse(part).ok_or_else(corrupt)
        });
        ids.collect()
    }

    /// Returns the folder that lists the members of a group.
    pub(crate) fn member_folder(self, id: GroupId) -> Folder {
        member_folder(self.0, id)
    }

    /// Makes a group, or changes it from `before`; links to other groups are changed elsewhere.
    ///
    /// # Errors
    /// `InvalidArgument` if its name or alias is taken or cannot be, `LimitExceeded`.
    pub(crate) fn put(
        self,
        txn: &mut Txn<'_>,
        before: Option<&Group>,
        after: &Group,
    ) -> Result<()> {
        check_name(&after.name)?;
        self.move_name(txn, before, after)?;
        self.move_alias(txn, before, Some(after))?;
        self.write(txn, after)
    }

    fn move_name(self, txn: &mut Txn<'_>, before: Option<&Group>, after: &Group) -> Result<()> {
        if before.is_some_and(|before| before.name == after.name) {
            return Ok(());
        }
        if let Some(before) = before {
            let path = self.name_entry(txn, &before.name)?;
            txn.delete(path);
        }
        let path = self.name_entry(txn, &after.name)?;
        if txn.load_guarded::<Named<GroupId>>(&path)?.is_some() {
            return Err(Error::invalid("group name is already in use"));
        }
        let (id, name) = (after.id, after.name.clone());
        txn.store(path, &Named { id, name })
    }

    fn move_alias(
        self,
        txn: &mut Txn<'_>,
        before: Option<&Group>,
        after: Option<&Group>,
    ) -> Result<()> {
        let old = before.and_then(|before| before.alias.as_ref());
        let new = after.and_then(|after| after.alias.as_ref().map(|alias| (after.id, alias)));
        if let Some(old) = old {
            let path = self.alias_of_entry(txn, old.mount, &old.name)?;
            txn.delete(path);
            txn.delete(self.alias_entry(old.id)?);
        }
        let Some((group, alias)) = new else {
            return Ok(());
        };
        check_alias_name(&alias.name)?;
        let path = self.alias_of_entry(txn, alias.mount, &alias.name)?;
        if txn.load_guarded::<Pointer<GroupId>>(&path)?.is_some() {
            return Err(Error::invalid(
                "alias of that name and mount belongs to another group",
            ));
        }
        txn.store(path, &Pointer { id: group })?;
        txn.store(self.alias_entry(alias.id)?, &Pointer { id: group })
    }

    /// Writes a group whose name and alias did not change, and the epoch with it.
    pub(super) fn write(self, txn: &mut Txn<'_>, group: &Group) -> Result<()> {
        if group.members.len().max(group.parents.len()) > MAX_LINKS {
            let text = "a group has at most 50 groups as members, and is a member of at most 50";
            return Err(limit(text));
        }
        store_bounded(txn, self.entry(group.id)?, group)?;
        txn.bump_epoch()
    }

    /// Deletes a group and its links. Its entries of members are left, for whoever wipes
    /// [`member_folder`](Self::member_folder); entities that still name it are in no group by that.
    pub(crate) fn remove(self, txn: &mut Txn<'_>, group: &Group) -> Result<()> {
        for id in &group.members {
            self.update(txn, *id, |member| {
                member.parents.retain(|id| *id != group.id)
            })?;
        }
        for id in &group.parents {
            self.update(txn, *id, |parent| {
                parent.members.retain(|id| *id != group.id)
            })?;
        }
        let path = self.name_entry(txn, &group.name)?;
        txn.delete(path);
        self.move_alias(txn, Some(group), None)?;
        txn.delete(self.entry(group.id)?);
        txn.bump_epoch()
    }

    /// Changes another group, if it is there.
    pub(super) fn update(
        self,
        txn: &mut Txn<'_>,
        id: GroupId,
        change: impl FnOnce(&mut Group),
    ) -> Result<()> {
        let Some(found) = self.with_id(txn, id)? else {
            return Ok(());
        };
        let mut group = Group::clone(&found);
        change(&mut group);
        group.changes = group.changes.saturating_add(1);
        self.write(txn, &group)
    }

    /// Returns the folder of all groups, by id.
    pub(crate) fn folder(self) -> Folder {
        layout::area(self.0, "group")
    }

    /// Returns the folder of all aliases of groups, by id.
    pub(crate) fn alias_folder(self) -> Folder {
        layout::area(self.0, "group-alias")
    }

    /// Returns the folder of all names, hidden.
    pub(crate) fn name_folder(self) -> Folder {
        self.names().folder()
    }

    fn entry(self, id: GroupId) -> Result<EntryPath> {
        self.folder().entry(&id.to_string())
    }

    fn alias_entry(self, id: AliasId) -> Result<EntryPath> {
        self.alias_folder().entry(&id.to_string())
    }

    fn names(self) -> Tree {
        Tree {
            namespace: self.0,
            area: "group-name",
            mount: MountId::BUILT_IN,
        }
    }

    fn name_entry(self, txn: &Txn<'_>, name: &str) -> Result<EntryPath> {
        txn.hidden_entry(self.names(), &folded(name)?)
    }

    fn alias_of_entry(self, txn: &Txn<'_>, mount: MountId, name: &str) -> Result<EntryPath> {
        let part = alias_part(txn, "group", self.0, mount, name);
        layout::area(self.0, "group-alias-of").entry(&part)
    }
}

/// Returns a group that is not stored yet, with a name of its own.
pub(crate) fn new_group(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    kind: GroupKind,
) -> Result<Group> {
    let id = GroupId::from_bytes(txn.unique(&[b"group", namespace.as_bytes()])?);
    let now = txn.now();
    let digits = id.to_string();
    let mut name = format!("group_{}", digits.get(..8).unwrap_or(&digits));
    if Groups::new(namespace).named(txn, &name)?.is_some() {
        name = format!("group_{digits}");
    }
    Ok(Group {
        id,
        name,
        kind,
        metadata: BTreeMap::new(),
        policies: Vec::new(),
        members: Vec::new(),
        parents: Vec::new(),
        alias: None,
        created: now,
        updated: now,
        changes: 0,
    })
}
