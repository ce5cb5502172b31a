//! Who somebody is, whichever way they log in.

use std::fmt;

use crate::engine::identity::{
    AliasInfo, AliasOptions, By, DeleteAlias, DeleteEntities, DeleteGroup, DeleteGroupAlias,
    EntityInfo, EntityOptions, Family, Find, FindGroup, GroupInfo, GroupOptions, Key, List,
    MergeEntities, ReadAlias, ReadEntity, ReadGroup, ReadGroupAlias, WriteAlias, WriteEntity,
    WriteGroup, WriteGroupAlias,
};
use crate::error::{Error, Result};
use crate::id::{AliasId, EntityId, GroupId};
use crate::vault::{Caller, Vault};

/// The entities and groups of a namespace; Vault's `identity/`.
///
/// An entity is somebody, whichever way they log in; each way is an alias. Policies of an entity,
/// and of the groups that it belongs to, add to those of its tokens. Whoever logs in for the first
/// time gets an entity by that.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// use vaultcore::who::{EntityOptions, GroupOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let identity = vault.owner()?.identity();
/// let ann = identity.create_entity(&EntityOptions::new().name("Ann"))?;
/// let staff = GroupOptions::new().name("staff").policies(["app"]).members([ann]);
/// let staff = identity.create_group(&staff)?;
/// assert_eq!(identity.entity_named("ann")?.direct_groups, [staff]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    vault: Vault,
    caller: Caller,
}

impl Identity {
    pub(super) fn new(vault: Vault, caller: Caller) -> Self {
        Self { vault, caller }
    }

    /// Makes an entity.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is taken, or for what cannot be; `LimitExceeded`,
    /// `PermissionDenied`.
    pub fn create_entity(&self, options: &EntityOptions) -> Result<EntityId> {
        self.write_entity(Key::New, options)
    }

    /// Changes an entity: what is not set stays as it is.
    ///
    /// # Errors
    /// As [`create_entity`](Self::create_entity); `InvalidArgument` if there is no such entity.
    pub fn update_entity(&self, id: EntityId, options: &EntityOptions) -> Result<()> {
        self.write_entity(Key::Id(Some(id), String::new()), options)
            .map(drop)
    }

    fn write_entity(&self, key: Key<EntityId>, options: &EntityOptions) -> Result<EntityId> {
        let options = options.clone();
        Ok(self
            .vault
            .run(&self.caller, &WriteEntity { key, options })?
            .id)
    }

    /// Returns an entity.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`.
    pub fn entity(&self, id: EntityId) -> Result<EntityInfo> {
        self.read_entity(Find::Key(Key::Id(Some(id), String::new())))
    }

    /// Returns the entity of this name, in upper or lower case.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a text that is no name; `PermissionDenied`.
    pub fn entity_named(&self, name: &str) -> Result<EntityInfo> {
        self.read_entity(Find::Key(Key::Name(name.to_owned())))
    }

    /// Returns the entity that logs in as `name` to the auth method with this accessor.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`.
    pub fn entity_with_alias(&self, name: &str, mount_accessor: &str) -> Result<EntityInfo> {
        self.read_entity(Find::Alias(name.to_owned(), mount_accessor.to_owned()))
    }

    fn read_entity(&self, find: Find) -> Result<EntityInfo> {
        let lookup = matches!(find, Find::Alias(..));
        let found = self.vault.run(&self.caller, &ReadEntity { find, lookup })?;
        found.ok_or_else(|| Error::not_found("there is no such entity"))
    }

    /// Deletes an entity, with its aliases and memberships; one that there is not is no error. Its
    /// tokens are refused from then on.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn delete_entity(&self, id: EntityId) -> Result<()> {
        let keys = vec![Key::Id(Some(id), String::new())];
        let operation = DeleteEntities { keys, batch: false };
        self.vault.run(&self.caller, &operation)
    }

    /// Moves aliases and memberships of the entities `from` to `to`, and deletes them, in one
    /// commit. Policies and metadata of `to` stay as they are. Of two aliases of one auth method
    /// the one in `keep` stays, and the other one is deleted.
    ///
    /// # Errors
    /// `InvalidArgument` for entities that there are not, and for two aliases of one auth method
    /// of which `keep` names none or both; `LimitExceeded`, `TooLarge` for more than one commit
    /// takes; `PermissionDenied`.
    pub fn merge_entities(&self, from: &[EntityId], to: EntityId, keep: &[AliasId]) -> Result<()> {
        let operation = MergeEntities {
            from: from.iter().copied().map(Some).collect(),
            to: Some(to),
            keep: keep.to_vec(),
            force: false,
        };
        self.vault.run(&self.caller, &operation)
    }

    /// Lists the names of the entities, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn entities(&self) -> Result<Vec<String>> {
        self.list(Family::Entity)
    }

    fn list(&self, family: Family) -> Result<Vec<String>> {
        let operation = List {
            family,
            by: By::Name,
            page: None,
        };
        let listed = self.vault.run(&self.caller, &operation)?;
        Ok(listed.into_iter().map(|(name, _)| name).collect())
    }

    /// Makes an alias of an entity, or changes the one that there is of that mount and name, or
    /// id. Without an entity a new alias gets a new one.
    ///
    /// # Errors
    /// `InvalidArgument` if mount or name is missing or cannot be, or the entity has another alias
    /// of the mount; `LimitExceeded`, `PermissionDenied`.
    pub fn add_alias(&self, entity: Option<EntityId>, options: &AliasOptions) -> Result<AliasId> {
        let operation = WriteAlias {
            options: options.clone(),
            entity,
            path: None,
        };
        Ok(self.vault.run(&self.caller, &operation)?.1)
    }

    /// Returns an alias of an entity.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`.
    pub fn alias(&self, id: AliasId) -> Result<AliasInfo> {
        let path = id.to_string();
        let read = ReadAlias { id: Some(id), path };
        let found = self.vault.run(&self.caller, &read)?;
        found.ok_or_else(|| Error::not_found("there is no such alias"))
    }

    /// Deletes an alias of an entity, which stays; one that there is not is no error.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn delete_alias(&self, id: AliasId) -> Result<()> {
        let path = id.to_string();
        let delete = DeleteAlias { id: Some(id), path };
        self.vault.run(&self.caller, &delete)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is taken, for members that there are not, for groups that
    /// would hold themselves, and for what else cannot be; `LimitExceeded`, `PermissionDenied`.
    pub fn create_group(&self, options: &GroupOptions) -> Result<GroupId> {
        self.write_group(Key::New, options)
    }

    /// Changes a group: what is not set stays as it is.
    ///
    /// # Errors
    /// As [`create_group`](Self::create_group); `InvalidArgument` if there is no such group.
    pub fn update_group(&self, id: GroupId, options: &GroupOptions) -> Result<()> {
        self.write_group(Key::Id(Some(id), String::new()), options)
            .map(drop)
    }

    fn write_group(&self, key: Key<GroupId>, options: &GroupOptions) -> Result<GroupId> {
        let options = options.clone();
        Ok(self
            .vault
            .run(&self.caller, &WriteGroup { key, options })?
            .id)
    }

    /// Returns a group.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`.
    pub fn group(&self, id: GroupId) -> Result<GroupInfo> {
        self.read_group(Key::Id(Some(id), String::new()))
    }

    /// Returns the group of this name, in upper or lower case.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a text that is no name; `PermissionDenied`.
    pub fn group_named(&self, name: &str) -> Result<GroupInfo> {
        self.read_group(Key::Name(name.to_owned()))
    }

    fn read_group(&self, key: Key<GroupId>) -> Result<GroupInfo> {
        let find = FindGroup::Key(key);
        let read = ReadGroup {
            find,
            lookup: false,
        };
        let found = self.vault.run(&self.caller, &read)?;
        found.ok_or_else(|| Error::not_found("there is no such group"))
    }

    /// Deletes a group; one that there is not is no error. Its members have its policies no more
    /// from then on.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn delete_group(&self, id: GroupId) -> Result<()> {
        let key = Key::Id(Some(id), String::new());
        match self.vault.run(&self.caller, &DeleteGroup { key })? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Lists the names of the groups, sorted.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn groups(&self) -> Result<Vec<String>> {
        self.list(Family::Group)
    }

    /// Makes the alias of an external group, or changes it. Without a group a new alias gets a new
    /// one.
    ///
    /// # Errors
    /// `InvalidArgument` if mount or name is missing or cannot be, or the group is internal;
    /// `PermissionDenied`.
    pub fn set_group_alias(
        &self,
        group: Option<GroupId>,
        options: &AliasOptions,
    ) -> Result<AliasId> {
        let operation = WriteGroupAlias {
            options: options.clone(),
            group,
            path: None,
        };
        Ok(self.vault.run(&self.caller, &operation)?.1)
    }

    /// Returns the alias of a group.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`.
    pub fn group_alias(&self, id: AliasId) -> Result<AliasInfo> {
        let path = id.to_string();
        let read = ReadGroupAlias { id: Some(id), path };
        let found = self.vault.run(&self.caller, &read)?;
        found.ok_or_else(|| Error::not_found("there is no such alias"))
    }

    /// Deletes the alias of a group; one that there is not is no error. Nobody is a member of the
    /// group from then on.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn delete_group_alias(&self, id: AliasId) -> Result<()> {
        let path = id.to_string();
        let delete = DeleteGroupAlias { id: Some(id), path };
        self.vault.run(&self.caller, &delete)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
