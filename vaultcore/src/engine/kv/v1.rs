//! Version 1: one value a secret, without versions.

use std::time::Duration;

use zeroize::Zeroizing;

use super::list::{Name, Recursion, api_page, list};
use super::{KIND_V1, shapes};
use crate::barrier::Tree;
use crate::error::Result;
use crate::lease::SYSTEM_TTL;
use crate::operation::{Access, Capability, Context, Mounted, Operation, Target};
use crate::path::{EntryPath, FolderPath, MountPath, SecretPath};
use crate::secret::SecretWriter;
use crate::wire::{Fields, Json, Object, Page, Response, Shape};

const FORMAT: u8 = 1;

fn tree(mount: Mounted<'_>) -> Tree {
    Tree {
        namespace: mount.namespace,
        area: "kv-one",
        mount: mount.id,
    }
}

fn entry(cx: &Context<'_, '_>, path: &SecretPath) -> Result<EntryPath> {
    let mount = cx.mount()?;
    cx.txn.hidden_entry(tree(mount), path.as_str())
}

fn api_path(cx: &Context<'_, '_>, path: &str) -> Result<String> {
    Ok(format!("{}{path}", cx.mount()?.path.as_str()))
}

/// Writes a secret.
pub(crate) struct PutV1<'d> {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    /// Checked by [`super::check_object`].
    pub(crate) json: &'d [u8],
}

impl Operation for PutV1<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V1)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let entry = entry(cx, &self.path)?;
        let exists = cx.txn.raw(&entry)?.is_some();
        let capability = if exists {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(vec![Access::new(
            api_path(cx, self.path.as_str())?,
            capability,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut record = SecretWriter::with_capacity(self.json.len().saturating_add(1));
        record.push(&[FORMAT]);
        record.push(self.json);
        let entry = entry(cx, &self.path)?;
        cx.txn.put(entry, &record.into_bytes())
    }

    fn input(&self) -> Json {
        Zeroizing::new(self.json.to_vec())
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// A secret, and how long whoever reads it should keep it.
pub(crate) struct OneSecret {
    pub(crate) json: Zeroizing<Vec<u8>>,
    pub(crate) ttl: Duration,
}

/// Returns what the secret itself says of that: by its field `ttl`, or `lease`, as in Vault.
fn ttl(json: &[u8]) -> Option<Duration> {
    let fields = Fields::parse(json).ok()?;
    let named = |name| fields.duration(name).ok().flatten();
    named("ttl").or_else(|| named("lease"))
}

/// Reads a secret: its JSON, if it exists.
pub(crate) struct GetV1 {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
}

impl Operation for GetV1 {
    type Reply = Option<OneSecret>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V1)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(
            api_path(cx, self.path.as_str())?,
            Capability::Read,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let entry = entry(cx, &self.path)?;
        let Some(record) = cx.txn.get(&entry)? else {
            return Ok(None);
        };
        match record.split_first() {
            Some((&FORMAT, json)) => Ok(Some(OneSecret {
                json: Zeroizing::new(json.to_vec()),
                ttl: ttl(json).unwrap_or(cx.mount()?.default_ttl.unwrap_or(SYSTEM_TTL)),
            })),
            _ => Err(crate::error::Error::corrupt(
                "a stored secret does not parse",
            )),
        }
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, secret: &Self::Reply) -> Result<Response> {
        match secret {
            Some(secret) => Ok(Response {
                data: Some(secret.json.clone()),
                lease_duration: secret.ttl.as_secs(),
                ..Response::default()
            }),
            None => Ok(Response::empty().shaped(Shape::NotFound)),
        }
    }
}

/// Removes a secret, if it exists.
pub(crate) struct DeleteV1 {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
}

impl Operation for DeleteV1 {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V1)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(
            api_path(cx, self.path.as_str())?,
            Capability::Delete,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let entry = entry(cx, &self.path)?;
        cx.txn.delete(entry);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists the names in a folder, sorted.
pub(crate) struct ListV1 {
    pub(crate) mount: MountPath,
    pub(crate) folder: FolderPath,
    pub(crate) recursion: Recursion,
    pub(crate) page: Option<Page>,
}

impl Operation for ListV1 {
    type Reply = Vec<Name>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V1)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(
            api_path(cx, self.folder.as_str())?,
            match self.recursion {
                Recursion::One => Capability::List,
                Recursion::All => Capability::Scan,
            },
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Name>> {
        let tree = tree(cx.mount()?);
        let names = list(cx, tree, &self.folder, self.recursion)?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        api_page(self.page.as_ref())
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        Ok(shapes::listed(names))
    }
}
