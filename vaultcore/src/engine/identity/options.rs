//! What is to be written of entities, aliases and groups.

use std::collections::BTreeMap;

use crate::id::{AliasId, EntityId, GroupId};
use crate::identity::GroupKind;

/// What to write of an entity; what is not set stays as it is.
///
/// ```
/// use vaultcore::who::EntityOptions;
/// let ann = EntityOptions::new().name("ann").policies(["app"]).metadata("team", "blue");
/// # let _ = ann;
/// ```
#[derive(Clone, Default)]
pub struct EntityOptions {
    pub(crate) name: Option<String>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) policies: Option<Vec<String>>,
    pub(crate) disabled: Option<bool>,
}

impl EntityOptions {
    /// Creates options that set nothing. A new entity gets a name of its own then.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name: 1 to 255 bytes without a slash, in Unicode normal form C. It is kept as it is
    /// written, and no other entity has it in upper or lower case.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets the policies, at most 256: what every token of the entity may do besides its own.
    /// `root` is refused.
    #[must_use]
    pub fn policies<S: Into<String>>(mut self, policies: impl IntoIterator<Item = S>) -> Self {
        self.policies = Some(policies.into_iter().map(Into::into).collect());
        self
    }

    /// Adds an entry of metadata, of at most 64; together they replace what there was. A key has at
    /// most 128 bytes, a value 512.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        let metadata = self.metadata.get_or_insert_default();
        metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets all of the metadata, also to none.
    #[must_use]
    pub fn all_metadata(mut self, all: BTreeMap<String, String>) -> Self {
        self.metadata = Some(all);
        self
    }

    /// Sets whether the entity is shut out: it cannot log in, and its tokens are refused.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = Some(disabled);
        self
    }
}

/// What to write of a group; what is not set stays as it is.
///
/// ```
/// use vaultcore::who::{GroupKind, GroupOptions};
/// let staff = GroupOptions::new().name("staff").policies(["app"]);
/// let outside = GroupOptions::new().name("outside").kind(GroupKind::External);
/// # let _ = (staff, outside);
/// ```
#[derive(Clone, Default)]
pub struct GroupOptions {
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<GroupKind>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) policies: Option<Vec<String>>,
    pub(crate) members: Option<Vec<EntityId>>,
    pub(crate) groups: Option<Vec<GroupId>>,
}

impl GroupOptions {
    /// Creates options that set nothing. A new group gets a name of its own then.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name, as [`EntityOptions::name`].
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets who says who is a member; of a new group only.
    #[must_use]
    pub fn kind(mut self, kind: GroupKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the policies, as [`EntityOptions::policies`].
    #[must_use]
    pub fn policies<S: Into<String>>(mut self, policies: impl IntoIterator<Item = S>) -> Self {
        self.policies = Some(policies.into_iter().map(Into::into).collect());
        self
    }

    /// Adds an entry of metadata, as [`EntityOptions::metadata`].
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        let metadata = self.metadata.get_or_insert_default();
        metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets all of the metadata, also to none.
    #[must_use]
    pub fn all_metadata(mut self, all: BTreeMap<String, String>) -> Self {
        self.metadata = Some(all);
        self
    }

    /// Sets the entities that are members, all of them, of an internal group. One call adds and
    /// removes at most 50.
    #[must_use]
    pub fn members(mut self, members: impl IntoIterator<Item = EntityId>) -> Self {
        self.members = Some(members.into_iter().collect());
        self
    }

    /// Sets the groups that are members, all of them, at most 50, of an internal group. Who is a
    /// member of those has the policies of this one, too.
    #[must_use]
    pub fn groups(mut self, groups: impl IntoIterator<Item = GroupId>) -> Self {
        self.groups = Some(groups.into_iter().collect());
        self
    }
}

/// What to write of an alias; what is not set stays as it is.
///
/// ```
/// use vaultcore::who::AliasOptions;
/// let alias = AliasOptions::new().name("ann@example.org").mount_accessor("userpass_0123abcd");
/// # let _ = alias;
/// ```
#[derive(Clone, Default)]
pub struct AliasOptions {
    pub(crate) id: Option<AliasId>,
    pub(crate) name: Option<String>,
    pub(crate) accessor: Option<String>,
    pub(crate) custom_metadata: Option<BTreeMap<String, String>>,
}

impl AliasOptions {
    /// Creates options that set nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names an alias that there is, to change it. Otherwise mount and name say which it is.
    #[must_use]
    pub fn id(mut self, id: AliasId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the name, as the auth method says it: 1 to 512 bytes in Unicode normal form C, upper
    /// and lower case are different.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets the auth method, by its accessor.
    #[must_use]
    pub fn mount_accessor(mut self, accessor: &str) -> Self {
        self.accessor = Some(accessor.to_owned());
        self
    }

    /// Adds an entry of metadata that no login changes, as [`EntityOptions::metadata`].
    #[must_use]
    pub fn custom_metadata(mut self, key: &str, value: &str) -> Self {
        let metadata = self.custom_metadata.get_or_insert_default();
        metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets all of the metadata that no login changes, also to none.
    #[must_use]
    pub fn all_custom_metadata(mut self, all: BTreeMap<String, String>) -> Self {
        self.custom_metadata = Some(all);
        self
    }
}
