//! Namespaces.

use std::collections::BTreeMap;

use super::{api, sys};
use crate::audit::{AuditTable, ChainHead};
use crate::error::{Error, Result};
use crate::id::NamespaceId;
use crate::lease;
use crate::mount::{Class, MountTable, Namespace, NamespaceTable, Wipe};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, Folder, MountPath};
use crate::wire::{Json, Object, Response};

/// A namespace, as listed.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let owner = vault.owner()?;
/// owner.sys().create_namespace("team")?;
/// let spaces = owner.sys().namespaces()?;
/// assert_eq!(spaces.first().map(|space| space.path.as_str()), Some("team/"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// Names the namespace for ever.
    pub id: NamespaceId,
    /// Its path from the root, which ends in a slash.
    pub path: String,
    /// The caller's own notes.
    pub custom_metadata: BTreeMap<String, String>,
}

impl NamespaceInfo {
    fn of(space: &Namespace) -> Self {
        Self {
            id: space.id,
            path: space.path.clone(),
            custom_metadata: space.metadata.clone(),
        }
    }
}

/// Returns the path from the root of the namespace `name` below that of the request.
///
/// # Errors
/// `InvalidArgument` for anything but one segment: a namespace further below is changed from the
/// one above it, so that there is one path for policies to name.
fn full(cx: &Context<'_, '_>, name: &str) -> Result<String> {
    let name = MountPath::new(name)?;
    if name.as_str().trim_end_matches('/').contains('/') {
        return Err(Error::invalid("the name of a namespace is one segment"));
    }
    Ok(format!("{}{}", cx.space.path, name.as_str()))
}

fn missing() -> Error {
    Error::not_found("there is no such namespace")
}

fn access(name: &str, capability: Capability) -> Result<Vec<Access>> {
    let name = name.trim_end_matches('/');
    sys(&format!("namespaces/{name}"), capability)
}

/// Creates a namespace below that of the request.
pub(crate) struct CreateNamespace {
    pub(crate) name: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Operation for CreateNamespace {
    type Reply = NamespaceInfo;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<NamespaceInfo> {
        let mounts = MountTable::load(cx.txn, cx.space.id, Class::Secret)?;
        let below = format!("{}/", self.name.trim_end_matches('/'));
        if mounts
            .iter()
            .any(|mount| mount.path.as_str().starts_with(&below))
        {
            return Err(Error::invalid("something is mounted at this path"));
        }
        let mut table = NamespaceTable::load(cx.txn)?;
        let (parent, name) = (cx.space.path, self.name.as_str());
        let context: [&[u8]; 3] = [b"namespace", parent.as_bytes(), name.as_bytes()];
        let id = NamespaceId::from_bytes(cx.txn.unique(&context)?);
        let space = table.add(id, parent, name, self.metadata.clone())?;
        let info = NamespaceInfo::of(space);
        table.store(cx.txn)?;
        Ok(info)
    }

    fn input(&self) -> Json {
        Object::new()
            .map("custom_metadata", &self.metadata)
            .finish()
    }

    fn output(&self, info: &NamespaceInfo) -> Result<Response> {
        Ok(api::namespace(info))
    }
}

/// Replaces or merges the notes of a namespace.
pub(crate) struct ChangeNamespace {
    pub(crate) name: String,
    /// `None` removes a note.
    pub(crate) metadata: BTreeMap<String, Option<String>>,
}

impl Operation for ChangeNamespace {
    type Reply = NamespaceInfo;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Patch)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<NamespaceInfo> {
        let mut table = NamespaceTable::load(cx.txn)?;
        let space = table.at_mut(&full(cx, &self.name)?).ok_or_else(missing)?;
        for (key, value) in &self.metadata {
            match value {
                Some(value) => space.metadata.insert(key.clone(), value.clone()),
                None => space.metadata.remove(key),
            };
        }
        let info = NamespaceInfo::of(space);
        table.store(cx.txn)?;
        Ok(info)
    }

    fn input(&self) -> Json {
        let mut notes = Object::new();
        for (key, value) in &self.metadata {
            notes = match value {
                Some(value) => notes.text(key, value),
                None => notes.null(key),
            };
        }
        Object::new().object("custom_metadata", notes).finish()
    }

    fn output(&self, info: &NamespaceInfo) -> Result<Response> {
        Ok(api::namespace(info))
    }
}

/// Reads a namespace below that of the request.
pub(crate) struct ReadNamespace {
    pub(crate) name: String,
}

impl Operation for ReadNamespace {
    type Reply = NamespaceInfo;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<NamespaceInfo> {
        let table = NamespaceTable::load(cx.txn)?;
        let space = table.at(&full(cx, &self.name)?);
        space.map(NamespaceInfo::of).ok_or_else(missing)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, info: &NamespaceInfo) -> Result<Response> {
        Ok(api::namespace(info))
    }
}

/// Lists the namespaces below that of the request.
pub(crate) struct ListNamespaces {
    /// Whether those below them are listed too.
    pub(crate) all: bool,
}

impl Operation for ListNamespaces {
    type Reply = Vec<(String, NamespaceInfo)>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let capability = if self.all {
            Capability::Scan
        } else {
            Capability::List
        };
        sys("namespaces/", capability)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let table = NamespaceTable::load(cx.txn)?;
        let base = cx.space.path;
        let named = table.below(base).map(|space| {
            let name = space.path.strip_prefix(base).unwrap_or_default();
            (name.to_owned(), NamespaceInfo::of(space))
        });
        let direct = |name: &str| name.trim_end_matches('/').split('/').count() == 1;
        Ok(named.filter(|(name, _)| self.all || direct(name)).collect())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, spaces: &Self::Reply) -> Result<Response> {
        Ok(api::namespaces(spaces))
    }
}

/// Deletes a namespace below that of the request, with all that is in it.
pub(crate) struct DeleteNamespace {
    pub(crate) name: String,
}

impl Operation for DeleteNamespace {
    /// The work of deleting what was in it.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Delete)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mut table = NamespaceTable::load(cx.txn)?;
        let path = full(cx, &self.name)?;
        if table.below(&path).next().is_some() {
            return Err(Error::invalid(
                "the namespace has namespaces below it: delete those first",
            ));
        }
        let Some(space) = table.remove(&path) else {
            return Ok(None);
        };
        table.store(cx.txn)?;
        let mut devices = AuditTable::load(cx.txn)?;
        let gone = devices.remove_all(space.id);
        if !gone.is_empty() {
            devices.store(cx.txn)?;
        }
        let heads = gone.into_iter().map(ChainHead::folder);
        let id = space.id.part();
        let folder = Folder::fixed("ns").then(&id);
        let leases = lease::of_mount(space.id, None);
        let folders = heads.chain([folder]);
        Wipe::leave(cx.txn, &id, Some(&leases), folders).map(Some)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()).waiting())
    }
}
