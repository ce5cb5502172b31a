//! Vault's JSON of key-value secrets: what requests say, and what is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{DeleteAfter, KvConfig, KvConfigUpdate};
use super::delete::Selection;
use super::get::Found;
use super::list::Name;
use super::meta::{KvMetadata, MetadataUpdate};
use super::metadata::{Cas, VersionInfo};
use super::patch::{Gone, Keys};
use super::put::Written;
use crate::wire::{Array, Json, Object, Response, Shape, go_duration};

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
    let data = with_custom(version_info(Object::new(), &written.info), &written.custom);
    Response::data(data).leaving(written.rest.clone())
}

/// The reply of a patch of a version that has no data: 404, and what became of it.
pub(super) fn not_patched(gone: &Gone) -> Response {
    let data = with_custom(version_info(Object::new(), &gone.info), &gone.custom);
    Response::data(data).shaped(Shape::NotFound)
}

fn with_custom(object: Object, custom: &BTreeMap<String, String>) -> Object {
    match custom.is_empty() {
        true => object.null("custom_metadata"),
        false => object.map("custom_metadata", custom),
    }
}

/// The reply of asking for the keys of a version; one without data is answered with 404.
pub(super) fn keys(keys: &Keys) -> Response {
    let metadata = with_custom(version_info(Object::new(), &keys.info), &keys.custom);
    let object = Object::new().object("metadata", metadata);
    match &keys.json {
        Some(json) => Response::data(object.raw("subkeys", json)),
        None => Response::data(object.null("subkeys")).shaped(Shape::NotFound),
    }
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
    let metadata = with_custom(version_info(Object::new(), &found.info), &found.custom);
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
    object = with_custom(object, &metadata.custom_metadata)
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

/// The reply of a change of metadata: says so if the mount wants what the secret does not.
pub(super) fn metadata_written(overruled: bool) -> Response {
    let warning = "the mount requires `cas`, so that `cas_required` false has no effect";
    match overruled {
        true => Response::empty().warned(vec![warning.into()]),
        false => Response::empty(),
    }
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
