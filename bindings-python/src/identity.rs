//! Who somebody is: entities, aliases and groups.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::who::{
    AliasInfo, AliasOptions, EntityInfo, EntityOptions, GroupInfo, GroupKind, GroupOptions,
};
use vaultcore::{AliasId, EntityId, Error, ErrorKind, GroupId, Result};

use crate::error::call;

/// The entities and groups of a namespace. Ids are text, of 32 hex digits.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Identity {
    identity: vaultcore::who::Identity,
}

impl Identity {
    pub(crate) fn new(identity: vaultcore::who::Identity) -> Self {
        Self { identity }
    }
}

type Metadata = Option<BTreeMap<String, String>>;
type List = Option<Vec<String>>;

/// Reads the bytes of an id.
fn bytes_of(text: &str) -> Result<[u8; 16]> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let number = match text.len() == 32 && text.bytes().all(hex) {
        true => u128::from_str_radix(text, 16).ok(),
        false => None,
    };
    number.map(u128::to_be_bytes).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            "an id is 32 hex digits in lower case",
        )
    })
}

fn entity_id(text: &str) -> Result<EntityId> {
    bytes_of(text).map(EntityId::from_bytes)
}

fn group_id(text: &str) -> Result<GroupId> {
    bytes_of(text).map(GroupId::from_bytes)
}

fn alias_id(text: &str) -> Result<AliasId> {
    bytes_of(text).map(AliasId::from_bytes)
}

fn all<T>(read: fn(&str) -> Result<T>, texts: &[String]) -> Result<Vec<T>> {
    texts.iter().map(|text| read(text)).collect()
}

fn entity_options(
    name: Option<&str>,
    policies: List,
    metadata: Metadata,
    disabled: Option<bool>,
) -> EntityOptions {
    let mut options = EntityOptions::new();
    if let Some(name) = name {
        options = options.name(name);
    }
    if let Some(policies) = policies {
        options = options.policies(policies);
    }
    if let Some(metadata) = metadata {
        options = options.all_metadata(metadata);
    }
    match disabled {
        Some(disabled) => options.disabled(disabled),
        None => options,
    }
}

/// What a group is to be like, as given.
struct GroupParts<'g> {
    name: Option<&'g str>,
    kind: Option<&'g str>,
    policies: List,
    metadata: Metadata,
    members: List,
    groups: List,
}

impl GroupParts<'_> {
    fn options(self) -> Result<GroupOptions> {
        let mut options = GroupOptions::new();
        if let Some(name) = self.name {
            options = options.name(name);
        }
        options = match self.kind {
            None => options,
            Some("internal") => options.kind(GroupKind::Internal),
            Some("external") => options.kind(GroupKind::External),
            Some(_) => {
                let message = "a group is `internal` or `external`";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
        };
        if let Some(policies) = self.policies {
            options = options.policies(policies);
        }
        if let Some(metadata) = self.metadata {
            options = options.all_metadata(metadata);
        }
        if let Some(members) = self.members {
            options = options.members(all(entity_id, &members)?);
        }
        if let Some(groups) = self.groups {
            options = options.groups(all(group_id, &groups)?);
        }
        Ok(options)
    }
}

fn alias_options(name: &str, accessor: &str, metadata: Metadata) -> AliasOptions {
    let options = AliasOptions::new().name(name).mount_accessor(accessor);
    match metadata {
        Some(metadata) => options.all_custom_metadata(metadata),
        None => options,
    }
}

#[pymethods]
impl Identity {
    /// Make an entity, and return its id.
    #[pyo3(signature = (*, name=None, policies=None, metadata=None, disabled=None))]
    fn create_entity(
        &self,
        py: Python<'_>,
        name: Option<&str>,
        policies: List,
        metadata: Metadata,
        disabled: Option<bool>,
    ) -> PyResult<String> {
        let options = entity_options(name, policies, metadata, disabled);
        call(py, || self.identity.create_entity(&options)).map(|id| id.to_string())
    }

    /// Change an entity: what is not given stays.
    #[pyo3(signature = (entity, *, name=None, policies=None, metadata=None, disabled=None))]
    fn update_entity(
        &self,
        py: Python<'_>,
        entity: &str,
        name: Option<&str>,
        policies: List,
        metadata: Metadata,
        disabled: Option<bool>,
    ) -> PyResult<()> {
        let options = entity_options(name, policies, metadata, disabled);
        call(py, || {
            self.identity.update_entity(entity_id(entity)?, &options)
        })
    }

    /// Return an entity.
    fn entity<'py>(&self, py: Python<'py>, entity: &str) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || self.identity.entity(entity_id(entity)?))?;
        describe_entity(py, &found)
    }

    /// Return the entity of this name, in upper or lower case.
    fn entity_named<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
        describe_entity(py, &call(py, || self.identity.entity_named(name))?)
    }

    /// Return the entity that logs in by this name at the auth method with this accessor.
    fn entity_with_alias<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        mount_accessor: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || self.identity.entity_with_alias(name, mount_accessor))?;
        describe_entity(py, &found)
    }

    /// Delete an entity with its aliases and memberships; one that there is not is no error.
    fn delete_entity(&self, py: Python<'_>, entity: &str) -> PyResult<()> {
        call(py, || self.identity.delete_entity(entity_id(entity)?))
    }

    /// Move aliases and memberships of entities to another one, and delete them. Of two aliases of
    /// one auth method the one in `keep` stays.
    #[pyo3(signature = (entities, into, *, keep=None))]
    fn merge_entities(
        &self,
        py: Python<'_>,
        entities: Vec<String>,
        into: &str,
        keep: List,
    ) -> PyResult<()> {
        call(py, || {
            let keep = all(alias_id, &keep.unwrap_or_default())?;
            let from = all(entity_id, &entities)?;
            self.identity.merge_entities(&from, entity_id(into)?, &keep)
        })
    }

    /// List the names of the entities, sorted.
    fn entities(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.identity.entities())
    }

    /// Make an alias of an entity, a new one if none is given, and return its id.
    #[pyo3(signature = (name, mount_accessor, *, entity=None, custom_metadata=None))]
    fn add_alias(
        &self,
        py: Python<'_>,
        name: &str,
        mount_accessor: &str,
        entity: Option<&str>,
        custom_metadata: Metadata,
    ) -> PyResult<String> {
        let options = alias_options(name, mount_accessor, custom_metadata);
        let made = call(py, || {
            let entity = entity.map(entity_id).transpose()?;
            self.identity.add_alias(entity, &options)
        })?;
        Ok(made.to_string())
    }

    /// Return an alias of an entity.
    fn alias<'py>(&self, py: Python<'py>, alias: &str) -> PyResult<Bound<'py, PyDict>> {
        describe_alias(py, &call(py, || self.identity.alias(alias_id(alias)?))?)
    }

    /// Delete an alias of an entity; one that there is not is no error.
    fn delete_alias(&self, py: Python<'_>, alias: &str) -> PyResult<()> {
        call(py, || self.identity.delete_alias(alias_id(alias)?))
    }

    /// Make a group, "internal" or "external", and return its id.
    #[pyo3(signature = (
        *, name=None, kind=None, policies=None, metadata=None, members=None, groups=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn create_group(
        &self,
        py: Python<'_>,
        name: Option<&str>,
        kind: Option<&str>,
        policies: List,
        metadata: Metadata,
        members: List,
        groups: List,
    ) -> PyResult<String> {
        let parts = GroupParts {
            name,
            kind,
            policies,
            metadata,
            members,
            groups,
        };
        let made = call(py, || self.identity.create_group(&parts.options()?))?;
        Ok(made.to_string())
    }

    /// Change a group: what is not given stays.
    #[pyo3(signature = (
        group, *, name=None, policies=None, metadata=None, members=None, groups=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but one are named")]
    fn update_group(
        &self,
        py: Python<'_>,
        group: &str,
        name: Option<&str>,
        policies: List,
        metadata: Metadata,
        members: List,
        groups: List,
    ) -> PyResult<()> {
        let parts = GroupParts {
            name,
            kind: None,
            policies,
            metadata,
            members,
            groups,
        };
        call(py, || {
            self.identity
                .update_group(group_id(group)?, &parts.options()?)
        })
    }

    /// Return a group.
    fn group<'py>(&self, py: Python<'py>, group: &str) -> PyResult<Bound<'py, PyDict>> {
        describe_group(py, &call(py, || self.identity.group(group_id(group)?))?)
    }

    /// Return the group of this name, in upper or lower case.
    fn group_named<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
        describe_group(py, &call(py, || self.identity.group_named(name))?)
    }

    /// Delete a group; one that there is not is no error.
    fn delete_group(&self, py: Python<'_>, group: &str) -> PyResult<()> {
        call(py, || self.identity.delete_group(group_id(group)?))
    }

    /// List the names of the groups, sorted.
    fn groups(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.identity.groups())
    }

    /// Make the alias of an external group, a new one if none is given, and return its id.
    #[pyo3(signature = (name, mount_accessor, *, group=None, custom_metadata=None))]
    fn set_group_alias(
        &self,
        py: Python<'_>,
        name: &str,
        mount_accessor: &str,
        group: Option<&str>,
        custom_metadata: Metadata,
    ) -> PyResult<String> {
        let options = alias_options(name, mount_accessor, custom_metadata);
        let made = call(py, || {
            let group = group.map(group_id).transpose()?;
            self.identity.set_group_alias(group, &options)
        })?;
        Ok(made.to_string())
    }

    /// Return the alias of a group.
    fn group_alias<'py>(&self, py: Python<'py>, alias: &str) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || self.identity.group_alias(alias_id(alias)?))?;
        describe_alias(py, &found)
    }

    /// Delete the alias of a group; one that there is not is no error.
    fn delete_group_alias(&self, py: Python<'_>, alias: &str) -> PyResult<()> {
        call(py, || self.identity.delete_group_alias(alias_id(alias)?))
    }

    fn __repr__(&self) -> &'static str {
        "Identity()"
    }
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn describe_entity<'py>(py: Python<'py>, found: &EntityInfo) -> PyResult<Bound<'py, PyDict>> {
    let aliases = found.aliases.iter().map(|alias| describe_alias(py, alias));
    let told = PyDict::new(py);
    told.set_item("id", found.id.to_string())?;
    told.set_item("name", &found.name)?;
    told.set_item("metadata", &found.metadata)?;
    told.set_item("policies", &found.policies)?;
    told.set_item("disabled", found.disabled)?;
    told.set_item("created", found.created.to_string())?;
    told.set_item("updated", found.updated.to_string())?;
    told.set_item("aliases", aliases.collect::<PyResult<Vec<_>>>()?)?;
    told.set_item("direct_groups", texts(&found.direct_groups))?;
    told.set_item("inherited_groups", texts(&found.inherited_groups))?;
    told.set_item("merged", texts(&found.merged))?;
    Ok(told)
}

fn describe_alias<'py>(py: Python<'py>, found: &AliasInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("id", found.id.to_string())?;
    told.set_item("name", &found.name)?;
    told.set_item("mount_accessor", &found.mount_accessor)?;
    told.set_item("mount_path", &found.mount_path)?;
    told.set_item("mount_type", &found.mount_type)?;
    told.set_item("metadata", &found.metadata)?;
    told.set_item("custom_metadata", &found.custom_metadata)?;
    told.set_item("created", found.created.to_string())?;
    told.set_item("updated", found.updated.to_string())?;
    told.set_item("merged_from", texts(&found.merged_from))?;
    Ok(told)
}

fn describe_group<'py>(py: Python<'py>, found: &GroupInfo) -> PyResult<Bound<'py, PyDict>> {
    let alias = found.alias.as_ref();
    let alias = alias.map(|alias| describe_alias(py, alias)).transpose()?;
    let told = PyDict::new(py);
    told.set_item("id", found.id.to_string())?;
    told.set_item("name", &found.name)?;
    told.set_item("kind", found.kind.as_str())?;
    told.set_item("metadata", &found.metadata)?;
    told.set_item("policies", &found.policies)?;
    told.set_item("members", texts(&found.members))?;
    told.set_item("groups", texts(&found.groups))?;
    told.set_item("parents", texts(&found.parents))?;
    told.set_item("alias", alias)?;
    told.set_item("created", found.created.to_string())?;
    told.set_item("updated", found.updated.to_string())?;
    told.set_item("modify_index", found.modify_index)?;
    Ok(told)
}
