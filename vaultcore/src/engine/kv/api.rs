//! Vault's paths and JSON of key-value secrets.

use super::config::{DeleteAfter, KvConfigUpdate};
use super::meta::{MetadataUpdate, UpdateMode};
use super::metadata::Cas;
use super::{
    Configure, Delete, DeleteMetadata, DeleteV1, Get, GetV1, List, ListV1, Patch, Put, PutV1,
    ReadConfig, ReadMetadata, Recursion, Selection, Subkeys, Unknown, WriteMetadata, check_object,
};
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::path::{FolderPath, SecretPath};
use crate::wire::{Fields, Route, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths of version 2.
pub(super) const V2_ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "config",
        verbs: &[(Verb::Read, read_config), (Verb::Write, write_config)],
    },
    Route {
        pattern: "data/{path..}",
        verbs: &[
            (Verb::Read, get),
            (Verb::Write, put),
            (Verb::Patch, patch),
            (Verb::Delete, delete_newest),
        ],
    },
    Route {
        pattern: "delete/{path..}",
        verbs: &[(Verb::Write, delete)],
    },
    Route {
        pattern: "undelete/{path..}",
        verbs: &[(Verb::Write, undelete)],
    },
    Route {
        pattern: "destroy/{path..}",
        verbs: &[(Verb::Write, destroy)],
    },
    Route {
        pattern: "metadata/{path..}",
        verbs: &[
            (Verb::Read, read_metadata),
            (Verb::List, list),
            (Verb::Scan, scan),
            (Verb::Write, write_metadata),
            (Verb::Patch, patch_metadata),
            (Verb::Delete, delete_metadata),
        ],
    },
    Route {
        pattern: "subkeys/{path..}",
        verbs: &[(Verb::Read, subkeys)],
    },
];

/// The paths of version 1.
pub(super) const V1_ROUTES: &[Route<Handler>] = &[Route {
    pattern: "{path..}",
    verbs: &[
        (Verb::Read, get_one),
        (Verb::List, list_one),
        (Verb::Scan, scan_one),
        (Verb::Write, put_one),
        (Verb::Delete, delete_one),
    ],
}];

fn path(call: &Call<'_>) -> Result<SecretPath> {
    match call.captures.get("path") {
        "" => Err(Error::not_found("the root of the mount is no secret")),
        path => SecretPath::new(path),
    }
}

fn folder(call: &Call<'_>) -> Result<FolderPath> {
    FolderPath::new(call.captures.get("path"))
}

fn read_config<'c>(call: &Call<'c>) -> Made<'c> {
    let mount = call.mount.clone();
    Ok(Box::new(ReadConfig { mount }))
}

fn write_config<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let mut update = KvConfigUpdate::new();
    if let Some(count) = fields.count("max_versions")? {
        update = update.max_versions(versions(count)?);
    }
    if let Some(required) = fields.flag("cas_required")? {
        update = update.cas_required(required);
    }
    if let Some(required) = fields.flag("metadata_cas_required")? {
        update = update.metadata_cas_required(required);
    }
    if let Some(text) = fields.text("delete_version_after")? {
        update = update.delete_version_after(delete_after(fields, &text)?);
    }
    let mount = call.mount.clone();
    Ok(Box::new(Configure { mount, update }))
}

fn delete_after(fields: &Fields<'_>, text: &str) -> Result<DeleteAfter> {
    if text.starts_with('-') {
        return Ok(DeleteAfter::Never); // any negative time, as in Vault
    }
    let after = fields.duration("delete_version_after")?;
    Ok(after.map_or(DeleteAfter::Unset, DeleteAfter::Duration))
}

fn versions(count: u64) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::invalid("max_versions is at most 1000"))
}

fn get<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Get {
        mount: call.mount,
        path: path(call)?,
        version: version(call.fields)?,
    }))
}

/// Returns the version that is asked for; numbers below 1 are the newest, as in Vault.
fn version(fields: &Fields<'_>) -> Result<Option<u64>> {
    let version = fields.integer("version")?.unwrap_or(0);
    Ok(u64::try_from(version).ok().filter(|version| *version > 0))
}

fn put<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Put {
        mount: call.mount.clone(),
        path: path(call)?,
        json: data(call.fields)?,
        cas: cas(call.fields)?,
    }))
}

fn patch<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Patch {
        mount: call.mount.clone(),
        path: path(call)?,
        json: data(call.fields)?,
        cas: cas(call.fields)?,
    }))
}

/// Returns the field `data`: a JSON object.
fn data<'c>(fields: &Fields<'c>) -> Result<&'c [u8]> {
    let json = fields
        .raw("data")
        .ok_or_else(|| Error::invalid("no data provided"))?;
    check_object(json.as_bytes())?;
    Ok(json.as_bytes())
}

fn cas(fields: &Fields<'_>) -> Result<Cas> {
    let Some(options) = fields.raw("options") else {
        return Ok(Cas::Any);
    };
    cas_field(&Fields::parse(options.as_bytes())?)
}

fn cas_field(fields: &Fields<'_>) -> Result<Cas> {
    Ok(fields.count("cas")?.map_or(Cas::Any, Cas::Version))
}

fn select<'c>(call: &Call<'c>, selection: Selection) -> Made<'c> {
    Ok(Box::new(Delete {
        mount: call.mount.clone(),
        path: path(call)?,
        selection,
        unknown: Unknown::PassedOver,
    }))
}

fn delete_newest<'c>(call: &Call<'c>) -> Made<'c> {
    select(call, Selection::DeleteNewest)
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    select(call, Selection::Delete(numbers(call.fields)?))
}

fn undelete<'c>(call: &Call<'c>) -> Made<'c> {
    select(call, Selection::Undelete(numbers(call.fields)?))
}

fn destroy<'c>(call: &Call<'c>) -> Made<'c> {
    select(call, Selection::Destroy(numbers(call.fields)?))
}

fn numbers(fields: &Fields<'_>) -> Result<Vec<u64>> {
    let numbers = fields.numbers("versions")?.unwrap_or_default();
    let positive = numbers.into_iter().map(u64::try_from);
    positive
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::invalid("the field `versions` names versions by their numbers"))
}

fn read_metadata<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadMetadata {
        mount: call.mount.clone(),
        path: path(call)?,
    }))
}

fn write_metadata<'c>(call: &Call<'c>) -> Made<'c> {
    change_metadata(call, UpdateMode::Write)
}

fn patch_metadata<'c>(call: &Call<'c>) -> Made<'c> {
    change_metadata(call, UpdateMode::Patch)
}

fn change_metadata<'c>(call: &Call<'c>, mode: UpdateMode) -> Made<'c> {
    let fields = call.fields;
    let mut update = MetadataUpdate::new();
    if let Some(count) = fields.count("max_versions")? {
        update = update.max_versions(versions(count)?);
    }
    if let Some(required) = fields.flag("cas_required")? {
        update = update.cas_required(required);
    }
    if let Some(required) = fields.flag("metadata_cas_required")? {
        update = update.metadata_cas_required(required);
    }
    if let Some(cas) = fields.count("metadata_cas")? {
        update = update.cas(Cas::Version(cas));
    }
    if let Some(after) = fields.duration("delete_version_after")? {
        update = update.delete_version_after(after);
    }
    if fields.is_null("custom_metadata") && mode == UpdateMode::Patch {
        update = update.drop_custom();
    }
    if let Some(json) = fields.raw("custom_metadata") {
        update = custom(update.clear_custom(), json)?;
    }
    Ok(Box::new(WriteMetadata {
        mount: call.mount.clone(),
        path: path(call)?,
        update,
        mode,
    }))
}

/// Reads custom metadata: texts, or `null` to remove one.
fn custom(mut update: MetadataUpdate, json: &str) -> Result<MetadataUpdate> {
    let wrong = |_| Error::invalid("the field `custom_metadata` is not an object of texts");
    let fields = Fields::parse(json.as_bytes()).map_err(wrong)?;
    for name in fields.names() {
        update = match fields.text(name).map_err(wrong)? {
            Some(value) => update.custom(name, value.as_str()),
            None => update.remove_custom(name),
        };
    }
    Ok(update)
}

fn delete_metadata<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteMetadata {
        mount: call.mount.clone(),
        path: path(call)?,
    }))
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    names(call, Recursion::One)
}

fn scan<'c>(call: &Call<'c>) -> Made<'c> {
    names(call, Recursion::All)
}

fn names<'c>(call: &Call<'c>, recursion: Recursion) -> Made<'c> {
    Ok(Box::new(List {
        mount: call.mount.clone(),
        folder: folder(call)?,
        recursion,
        page: page(call.fields)?,
    }))
}

fn subkeys<'c>(call: &Call<'c>) -> Made<'c> {
    let depth = call.fields.count("depth")?.unwrap_or(0);
    Ok(Box::new(Subkeys {
        mount: call.mount.clone(),
        path: path(call)?,
        version: version(call.fields)?,
        depth: usize::try_from(depth).unwrap_or(usize::MAX),
    }))
}

fn get_one<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(GetV1 {
        mount: call.mount.clone(),
        path: path(call)?,
    }))
}

fn put_one<'c>(call: &Call<'c>) -> Made<'c> {
    let json = call.fields.whole();
    if call.fields.names().next().is_none() {
        return Err(Error::invalid("missing data fields"));
    }
    check_object(json)?;
    Ok(Box::new(PutV1 {
        mount: call.mount.clone(),
        path: path(call)?,
        json,
    }))
}

fn delete_one<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteV1 {
        mount: call.mount.clone(),
        path: path(call)?,
    }))
}

fn list_one<'c>(call: &Call<'c>) -> Made<'c> {
    names_one(call, Recursion::One)
}

fn scan_one<'c>(call: &Call<'c>) -> Made<'c> {
    names_one(call, Recursion::All)
}

fn names_one<'c>(call: &Call<'c>, recursion: Recursion) -> Made<'c> {
    Ok(Box::new(ListV1 {
        recursion,
        mount: call.mount.clone(),
        folder: folder(call)?,
        page: page(call.fields)?,
    }))
}
