//! The cubbyhole: each token's own place, which nobody else can look into and which dies with it.
//!
//! Stored as `cubbyhole/<token>/<hidden path>`.

mod api;

pub(crate) use api::ROUTES;

use zeroize::Zeroizing;

use crate::barrier::Tree;
use crate::error::{Error, Result};
use crate::id::MountId;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, FolderPath, SecretPath};
use crate::secret::SecretWriter;
use crate::token::Token;
use crate::wire::{Json, Object, Page, Response, Shape};

const FORMAT: u8 = 1;

/// Returns the tree of names in a token's cubbyhole.
///
/// # Errors
/// `InvalidArgument` for a batch token, which has none.
fn tree(token: &Token) -> Result<Tree> {
    let none = || Error::invalid("cubbyhole operations are only supported by service tokens");
    let id = token.id.ok_or_else(none)?;
    Ok(Tree {
        namespace: token.namespace,
        area: "cubbyhole",
        mount: MountId::from_bytes(*id.as_bytes()),
    })
}

fn entry(cx: &Context<'_, '_>, token: &Token, path: &str) -> Result<EntryPath> {
    cx.txn.hidden_entry(tree(token)?, path)
}

/// Writes `json` into the cubbyhole of `token`.
pub(crate) fn store(
    cx: &mut Context<'_, '_>,
    token: &Token,
    path: &str,
    json: &[u8],
) -> Result<()> {
    let mut record = SecretWriter::with_capacity(json.len().saturating_add(1));
    record.push(&[FORMAT]);
    record.push(json);
    let entry = entry(cx, token, path)?;
    cx.txn.put(entry, &record.into_bytes())
}

/// Reads from the cubbyhole of `token`.
pub(crate) fn load(cx: &mut Context<'_, '_>, token: &Token, path: &str) -> Result<Option<Json>> {
    let entry = entry(cx, token, path)?;
    let Some(record) = cx.txn.get(&entry)? else {
        return Ok(None);
    };
    match record.split_first() {
        Some((&FORMAT, json)) => Ok(Some(Zeroizing::new(json.to_vec()))),
        _ => Err(Error::corrupt("a stored cubbyhole entry does not parse")),
    }
}

fn access(path: &str, capability: Capability) -> Vec<Access> {
    vec![Access::new(format!("cubbyhole/{path}"), capability)]
}

/// Writes a secret into the caller's cubbyhole.
pub(crate) struct PutCubbyhole<'d> {
    pub(crate) path: SecretPath,
    pub(crate) json: &'d [u8],
}

impl Operation for PutCubbyhole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let exists = match cx.token() {
            Ok(token) => load(cx, token, self.path.as_str())?.is_some(),
            Err(_) => false,
        };
        let capability = if exists {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(access(self.path.as_str(), capability))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let token = cx.token()?;
        store(cx, token, self.path.as_str(), self.json)
    }

    fn input(&self) -> Json {
        Zeroizing::new(self.json.to_vec())
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a secret from the caller's cubbyhole.
pub(crate) struct GetCubbyhole {
    pub(crate) path: SecretPath,
}

impl Operation for GetCubbyhole {
    type Reply = Option<Json>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(self.path.as_str(), Capability::Read))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<Json>> {
        let token = cx.token()?;
        load(cx, token, self.path.as_str())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, json: &Option<Json>) -> Result<Response> {
        Ok(match json {
            Some(json) => Response {
                data: Some(json.clone()),
                ..Response::default()
            },
            None => Response::empty().shaped(Shape::NotFound),
        })
    }
}

/// Removes a secret from the caller's cubbyhole.
pub(crate) struct DeleteCubbyhole {
    pub(crate) path: SecretPath,
}

impl Operation for DeleteCubbyhole {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(self.path.as_str(), Capability::Delete))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let entry = entry(cx, cx.token()?, self.path.as_str())?;
        cx.txn.delete(entry);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists a folder of the caller's cubbyhole.
pub(crate) struct ListCubbyhole {
    pub(crate) folder: FolderPath,
    pub(crate) page: Option<Page>,
}

impl Operation for ListCubbyhole {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(self.folder.as_str(), Capability::List))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let tree = tree(cx.token()?)?;
        let names = cx.txn.names(tree, self.folder.as_str())?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        match &self.page {
            Some(page) => page.input(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}
