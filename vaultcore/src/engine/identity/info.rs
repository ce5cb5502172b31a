//! What is told of entities, aliases and groups.

use std::collections::BTreeMap;
use std::fmt;

use super::{methods, place_of};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{AliasId, EntityId, GroupId};
use crate::identity::{Alias, Entity, Group, GroupKind, Groups, groups_of};
use crate::mount::MountTable;
use crate::operation::Context;

/// An entity.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # use vaultcore::who::EntityOptions;
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let identity = vault.owner()?.identity();
/// let id = identity.create_entity(&EntityOptions::new().name("ann").policies(["app"]))?;
/// let ann = identity.entity(id)?;
/// assert_eq!((ann.name.as_str(), ann.policies[0].as_str()), ("ann", "app"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub struct EntityInfo {
    /// Names it for ever.
    pub id: EntityId,
    /// Its name, as it was written.
    pub name: String,
    /// What people wrote of it.
    pub metadata: BTreeMap<String, String>,
    /// The policies of its own, sorted.
    pub policies: Vec<String>,
    /// Whether it is shut out.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The ways in which it logs in.
    pub aliases: Vec<AliasInfo>,
    /// The groups that it is a member of itself, sorted.
    pub direct_groups: Vec<GroupId>,
    /// The groups that those are in, sorted.
    pub inherited_groups: Vec<GroupId>,
    /// The entities that were merged into it; of many the last 64.
    pub merged: Vec<EntityId>,
    pub(crate) space: String,
}

/// An alias of an entity or of an external group: what an auth method calls it.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # use vaultcore::who::{AliasOptions, EntityOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let owner = vault.owner()?;
/// owner.sys().enable_auth("userpass", NewMount::new("userpass"))?;
/// let method = owner.sys().auth_mounts()?.remove(0);
/// let ann = owner.identity().create_entity(&EntityOptions::new().name("ann"))?;
/// let alias = AliasOptions::new().name("ann").mount_accessor(&method.accessor);
/// let alias = owner.identity().add_alias(Some(ann), &alias)?;
/// assert_eq!(owner.identity().alias(alias)?.mount_path, "auth/userpass/");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub struct AliasInfo {
    /// Names it for ever.
    pub id: AliasId,
    /// What the auth method calls it.
    pub name: String,
    /// The accessor of the auth method.
    pub mount_accessor: String,
    /// Where the auth method is, such as `auth/userpass/`; empty if it is no more.
    pub mount_path: String,
    /// The kind of the auth method; empty if it is no more.
    pub mount_type: String,
    /// What the auth method said at the last login.
    pub metadata: BTreeMap<String, String>,
    /// What people wrote.
    pub custom_metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The entities that it belonged to before they were merged.
    pub merged_from: Vec<EntityId>,
    /// What it belongs to.
    pub(crate) owner: String,
    pub(crate) space: String,
}

/// A group.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # use vaultcore::who::{EntityOptions, GroupOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let identity = vault.owner()?.identity();
/// let ann = identity.create_entity(&EntityOptions::new().name("ann"))?;
/// let staff = identity.create_group(&GroupOptions::new().name("staff").members([ann]))?;
/// assert_eq!(identity.group(staff)?.members, [ann]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub struct GroupInfo {
    /// Names it for ever.
    pub id: GroupId,
    /// Its name, as it was written.
    pub name: String,
    /// Who says who is a member.
    pub kind: GroupKind,
    /// What people wrote of it.
    pub metadata: BTreeMap<String, String>,
    /// The policies that its members have, sorted.
    pub policies: Vec<String>,
    /// The entities that are members themselves, sorted.
    pub members: Vec<EntityId>,
    /// The groups that are members, sorted.
    pub groups: Vec<GroupId>,
    /// The groups that it is a member of, sorted.
    pub parents: Vec<GroupId>,
    /// What an auth method calls it, if it is external.
    pub alias: Option<AliasInfo>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Counts its changes.
    pub modify_index: u64,
    pub(crate) space: String,
}

impl EntityInfo {
    pub(super) fn of(cx: &mut Context<'_, '_>, entity: &Entity) -> Result<Self> {
        let table = methods(cx)?;
        let space = cx.space.id.part();
        let owner = entity.id.to_string();
        let alias = |alias| AliasInfo::of(alias, &owner, &space, &table);
        let reached = groups_of(cx.txn, cx.space.id, entity)?;
        let own = |id: &&GroupId| reached.contains_key(*id);
        let direct: Vec<GroupId> = entity.groups.iter().filter(own).copied().collect();
        let inherited = reached.keys().filter(|id| !direct.contains(id));
        Ok(Self {
            id: entity.id,
            name: entity.name.clone(),
            metadata: entity.metadata.clone(),
            policies: entity.policies.clone(),
            disabled: entity.disabled,
            created: entity.created,
            updated: entity.updated,
            aliases: entity.aliases.iter().map(alias).collect(),
            inherited_groups: inherited.copied().collect(),
            direct_groups: direct,
            merged: entity.merged.clone(),
            space,
        })
    }
}

impl AliasInfo {
    pub(super) fn of(alias: &Alias, owner: &str, space: &str, table: &MountTable) -> Self {
        let (mount_path, mount_type) = place_of(table, alias.mount);
        Self {
            id: alias.id,
            name: alias.name.clone(),
            mount_accessor: alias.accessor.clone(),
            mount_path,
            mount_type,
            metadata: alias.metadata.clone(),
            custom_metadata: alias.custom_metadata.clone(),
            created: alias.created,
            updated: alias.updated,
            merged_from: alias.merged_from.clone(),
            owner: owner.to_owned(),
            space: space.to_owned(),
        }
    }
}

impl GroupInfo {
    pub(super) fn of(cx: &mut Context<'_, '_>, group: &Group) -> Result<Self> {
        let space = cx.space.id.part();
        let alias = match &group.alias {
            Some(alias) => {
                let table = methods(cx)?;
                Some(AliasInfo::of(alias, &group.id.to_string(), &space, &table))
            }
            None => None,
        };
        Ok(Self {
            id: group.id,
            name: group.name.clone(),
            kind: group.kind,
            metadata: group.metadata.clone(),
            policies: group.policies.clone(),
            members: Groups::new(cx.space.id).members(cx.txn, group.id)?,
            groups: group.members.clone(),
            parents: group.parents.clone(),
            alias,
            created: group.created,
            updated: group.updated,
            modify_index: group.changes,
            space,
        })
    }
}

impl fmt::Debug for EntityInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityInfo({})", self.id)
    }
}

impl fmt::Debug for AliasInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AliasInfo({})", self.id)
    }
}

impl fmt::Debug for GroupInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupInfo({})", self.id)
    }
}
