//! Vault's paths and JSON of key-value secrets.

use std::time::Duration;

use super::config::{DeleteAfter, KvConfig, KvConfigUpdate};
use super::get::Found;
use super::meta::{KvMetadata, MetadataUpdate, UpdateMode};
use super::metadata::{Cas, VersionInfo};
use super::put::Written;
use super::{
    Configure, Delete, DeleteMetadata, DeleteV1, Get, GetV1, List, ListV1, Name, Patch, Put, PutV1,
    ReadConfig, ReadMetadata, Recursion, Selection, Subkeys, WriteMetadata, check_object,
};
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::path::{FolderPath, SecretPath};
use crate::wire::{Array, Fields, Json, Object, Response, Route, Shape, Verb, go_duration, page};

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
        (Verb::Write, put_one),
        (Verb::Delete, delete_one),
    ],
}];

fn path(call: &Call<'_>) -> Result<SecretPath> {
    SecretPath::new(call.captures.get("path"))
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
    Ok(Box::new(ListV1 {
        mount: call.mount.clone(),
        folder: folder(call)?,
        page: page(call.fields)?,
    }))
}

/// The request of a write.
pub(super) fn written(json: &[u8], cas: Cas) -> Json {
    let options = match cas {
        Cas::Any => Object::new(),
        Cas::Absent => Object::new().number("cas", 0),
        Cas::Version(version) => Object::new().number("cas", version),
    };
    Object::new()
        .raw("data", json)
        .object("options", options)
        .finish()
}

/// The reply of a write.
pub(super) fn version_written(written: &Written) -> Response {
    let data = version_info(Object::new(), &written.info).null("custom_metadata");
    Response::data(data).leaving(written.rest.clone())
}

fn version_info(object: Object, info: &VersionInfo) -> Object {
    object
        .time("created_time", Some(info.created_time))
        .time("deletion_time", info.deletion_time)
        .flag("destroyed", info.destroyed)
        .number("version", info.version)
}

/// The reply of a read; a version without data is answered with 404, and its metadata.
pub(super) fn found(found: &Found) -> Response {
    let mut metadata = version_info(Object::new(), &found.info);
    metadata = match found.custom.is_empty() {
        true => metadata.null("custom_metadata"),
        false => metadata.map("custom_metadata", &found.custom),
    };
    let (data, shape) = match &found.data {
        Some(data) => (Object::new().raw("data", data.json()), Shape::Usual),
        None => (Object::new().null("data"), Shape::NotFound),
    };
    Response::data(data.object("metadata", metadata)).shaped(shape)
}

/// The request of a change of versions.
pub(super) fn selected(selection: &Selection) -> Json {
    match selection {
        Selection::DeleteNewest => Object::new().finish(),
        Selection::Delete(numbers) | Selection::Undelete(numbers) | Selection::Destroy(numbers) => {
            let texts = numbers.iter().map(ToString::to_string);
            Object::new().list("versions", texts).finish()
        }
    }
}

pub(super) fn config(config: &KvConfig) -> Response {
    let after = match config.delete_version_after {
        DeleteAfter::Unset => "0s".to_owned(),
        DeleteAfter::Duration(after) => go_duration(after),
        DeleteAfter::Never => "-1s".to_owned(),
    };
    Response::data(
        Object::new()
            .flag("cas_required", config.cas_required)
            .text("delete_version_after", &after)
            .number("max_versions", config.max_versions)
            .flag("metadata_cas_required", config.metadata_cas_required),
    )
}

pub(super) fn config_update(update: &KvConfigUpdate) -> Json {
    let mut object = Object::new();
    if let Some(count) = update.max_versions {
        object = object.number("max_versions", count);
    }
    if let Some(required) = update.cas_required {
        object = object.flag("cas_required", required);
    }
    if let Some(required) = update.metadata_cas_required {
        object = object.flag("metadata_cas_required", required);
    }
    object = match update.delete_version_after {
        Some(DeleteAfter::Duration(after)) => {
            object.text("delete_version_after", &go_duration(after))
        }
        Some(DeleteAfter::Never) => object.text("delete_version_after", "-1s"),
        Some(DeleteAfter::Unset) => object.text("delete_version_after", "0s"),
        None => object,
    };
    object.finish()
}

pub(super) fn metadata(metadata: &KvMetadata) -> Response {
    let mut versions = Object::new();
    for info in &metadata.versions {
        let version = Object::new()
            .time("created_time", Some(info.created_time))
            .time("deletion_time", info.deletion_time)
            .flag("destroyed", info.destroyed);
        versions = versions.object(&info.version.to_string(), version);
    }
    let after = metadata.delete_version_after.unwrap_or(Duration::ZERO);
    let mut object = Object::new()
        .flag("cas_required", metadata.cas_required)
        .time("created_time", Some(metadata.created_time))
        .number(
            "current_metadata_version",
            metadata.current_metadata_version,
        )
        .number("current_version", metadata.current_version);
    object = match metadata.custom_metadata.is_empty() {
        true => object.null("custom_metadata"),
        false => object.map("custom_metadata", &metadata.custom_metadata),
    };
    object = object
        .text("delete_version_after", &go_duration(after))
        .number("max_versions", metadata.max_versions)
        .flag("metadata_cas_required", metadata.metadata_cas_required)
        .number("oldest_version", metadata.oldest_version)
        .time("updated_time", Some(metadata.updated_time))
        .object("versions", versions);
    Response::data(object)
}

pub(super) fn metadata_update(update: &MetadataUpdate) -> Json {
    let mut object = Object::new();
    if let Some(count) = update.max_versions {
        object = object.number("max_versions", count);
    }
    if let Some(required) = update.cas_required {
        object = object.flag("cas_required", required);
    }
    if let Some(required) = update.metadata_cas_required {
        object = object.flag("metadata_cas_required", required);
    }
    if let Some(after) = update.delete_version_after {
        object = object.text("delete_version_after", &go_duration(after));
    }
    if let Some(custom) = &update.custom {
        let mut members = Object::new();
        for (key, value) in custom {
            members = match value {
                Some(value) => members.text(key, value),
                None => members.null(key),
            };
        }
        object = object.object("custom_metadata", members);
    }
    object.finish()
}

pub(super) fn listed(names: &[Name]) -> Response {
    let names = names.iter().map(|name| name.as_str());
    Response::list(Object::new().list("keys", names))
}

/// The request of many changes at once, which Vault does not have.
pub(super) fn changes<'p>(changes: impl Iterator<Item = (&'p str, Option<&'p [u8]>)>) -> Json {
    let mut array = Array::new();
    for (path, json) in changes {
        let change = Object::new().text("path", path);
        array = array.object(match json {
            Some(json) => change.raw("data", json),
            None => change.text("operation", "delete"),
        });
    }
    Object::new().array("changes", array).finish()
}

pub(super) fn changed(infos: &[VersionInfo]) -> Response {
    let mut array = Array::new();
    for info in infos {
        array = array.object(version_info(Object::new(), info));
    }
    Response::data(Object::new().array("versions", array))
}
