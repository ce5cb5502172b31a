//! Vault's paths and JSON of the cubbyhole.

use super::{DeleteCubbyhole, GetCubbyhole, ListCubbyhole, PutCubbyhole};
use crate::engine::kv::check_object;
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::path::{FolderPath, SecretPath};
use crate::wire::{Route, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `cubbyhole/`.
pub(crate) const ROUTES: &[Route<Handler>] = &[Route {
    pattern: "{path..}",
    verbs: &[
        (Verb::Read, get),
        (Verb::Write, put),
        (Verb::Delete, delete),
        (Verb::List, list),
    ],
}];

fn path(call: &Call<'_>) -> Result<SecretPath> {
    SecretPath::new(call.captures.get("path"))
}

fn get<'c>(call: &Call<'c>) -> Made<'c> {
    let path = path(call)?;
    Ok(Box::new(GetCubbyhole { path }))
}

fn put<'c>(call: &Call<'c>) -> Made<'c> {
    if call.fields.names().next().is_none() {
        return Err(Error::invalid("missing data fields"));
    }
    let json = call.fields.whole();
    check_object(json)?;
    let path = path(call)?;
    Ok(Box::new(PutCubbyhole { path, json }))
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    let path = path(call)?;
    Ok(Box::new(DeleteCubbyhole { path }))
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListCubbyhole {
        folder: FolderPath::new(call.captures.get("path"))?,
        page: page(call.fields)?,
    }))
}
