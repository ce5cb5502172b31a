//! Vault's paths and JSON of the vault itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::keys::KeyStatus;
use super::mounts::MountInfo;
use super::namespaces::NamespaceInfo;
use super::rekey::PendingRekey;
use super::slots::{SlotInfo, SlotType};
use super::{
    ChangeNamespace, CreateNamespace, DeleteNamespace, ListMounts, ListNamespaces, Mount,
    MountTune, NewMount, ReadKeyStatus, ReadMount, ReadNamespace, Remount, Rotate, Tune, Unmount,
};
use crate::engine::kv;
use crate::error::{Error, ErrorKind, Result};
use crate::mount::Class;
use crate::operation::{Call, Erased, Handler};
use crate::path::MountPath;
use crate::wire::{Array, Fields, Object, Response, Route, Shape, Verb};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/` that are operations; ceremonies stand with the door itself.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "mounts",
        verbs: &[(Verb::Read, list_mounts)],
    },
    Route {
        pattern: "mounts/{path..}",
        verbs: &[
            (Verb::Read, read_mount),
            (Verb::Write, write_mount),
            (Verb::Delete, delete_mount),
        ],
    },
    Route {
        pattern: "auth",
        verbs: &[(Verb::Read, list_auth)],
    },
    Route {
        pattern: "auth/{path..}",
        verbs: &[
            (Verb::Read, read_auth),
            (Verb::Write, write_auth),
            (Verb::Delete, delete_auth),
        ],
    },
    Route {
        pattern: "remount",
        verbs: &[(Verb::Write, remount)],
    },
    Route {
        pattern: "namespaces",
        verbs: &[(Verb::List, list_namespaces), (Verb::Scan, scan_namespaces)],
    },
    Route {
        pattern: "namespaces/{path..}",
        verbs: &[
            (Verb::Read, read_namespace),
            (Verb::Write, create_namespace),
            (Verb::Patch, patch_namespace),
            (Verb::Delete, delete_namespace),
            (Verb::List, list_namespaces),
        ],
    },
    Route {
        pattern: "key-status",
        verbs: &[(Verb::Read, read_key_status)],
    },
    Route {
        pattern: "rotate",
        verbs: &[(Verb::Write, rotate)],
    },
    Route {
        pattern: "rotate/keyring",
        verbs: &[(Verb::Write, rotate)],
    },
];

fn list_mounts<'c>(_: &Call<'c>) -> Made<'c> {
    let class = Class::Secret;
    Ok(Box::new(ListMounts { class }))
}

fn list_auth<'c>(_: &Call<'c>) -> Made<'c> {
    let class = Class::Auth;
    Ok(Box::new(ListMounts { class }))
}

fn read_mount<'c>(call: &Call<'c>) -> Made<'c> {
    read(call, Class::Secret)
}

fn read_auth<'c>(call: &Call<'c>) -> Made<'c> {
    read(call, Class::Auth)
}

/// Returns the mount that the path names, and whether it ends in `/tune`.
fn mount_path(call: &Call<'_>) -> Result<(MountPath, bool)> {
    let path = call.captures.get("path");
    match path.strip_suffix("/tune") {
        Some(path) => Ok((MountPath::new(path)?, true)),
        None => Ok((MountPath::new(path)?, false)),
    }
}

fn read<'c>(call: &Call<'c>, class: Class) -> Made<'c> {
    let (path, tune) = mount_path(call)?;
    Ok(Box::new(ReadMount { class, path, tune }))
}

fn write_mount<'c>(call: &Call<'c>) -> Made<'c> {
    write(call, Class::Secret)
}

fn write_auth<'c>(call: &Call<'c>) -> Made<'c> {
    write(call, Class::Auth)
}

fn write<'c>(call: &Call<'c>, class: Class) -> Made<'c> {
    let (path, tune) = mount_path(call)?;
    let fields = call.fields;
    if tune {
        let tune = read_tune(fields)?;
        return Ok(Box::new(Tune { class, path, tune }));
    }
    let kind = fields.required("type")?;
    let mut tune = match fields.raw("config") {
        Some(config) => read_tune(&Fields::parse(config.as_bytes())?)?,
        None => MountTune::new(),
    };
    tune.description = fields.text("description")?.map(|text| text.to_string());
    let mut new = NewMount::new(kind.as_str()).tuned(tune);
    for (name, value) in fields.map("options")?.unwrap_or_default() {
        new = new.option(name, value);
    }
    let new = Cow::Owned(new);
    Ok(Box::new(Mount { class, path, new }))
}

fn read_tune(fields: &Fields<'_>) -> Result<MountTune> {
    let listed = match fields.text("listing_visibility")? {
        None => None,
        Some(text) => match text.as_str() {
            "unauth" => Some(true),
            "" | "hidden" => Some(false),
            _ => return Err(Error::invalid("listing_visibility is hidden or unauth")),
        },
    };
    Ok(MountTune {
        description: fields.text("description")?.map(|text| text.to_string()),
        options: fields.map("options")?,
        default_ttl: fields.duration("default_lease_ttl")?,
        max_ttl: fields.duration("max_lease_ttl")?,
        listed,
        plain_request_keys: fields.list("audit_non_hmac_request_keys")?,
        plain_response_keys: fields.list("audit_non_hmac_response_keys")?,
        request_headers: fields.list("passthrough_request_headers")?,
        response_headers: fields.list("allowed_response_headers")?,
        token_type: fields.text("token_type")?.map(|text| text.to_string()),
    })
}

fn delete_mount<'c>(call: &Call<'c>) -> Made<'c> {
    delete(call, Class::Secret)
}

fn delete_auth<'c>(call: &Call<'c>) -> Made<'c> {
    delete(call, Class::Auth)
}

fn delete<'c>(call: &Call<'c>, class: Class) -> Made<'c> {
    let (path, tune) = mount_path(call)?;
    if tune {
        return Err(Error::new(ErrorKind::Unsupported, "unsupported operation"));
    }
    Ok(Box::new(Unmount { class, path }))
}

fn remount<'c>(call: &Call<'c>) -> Made<'c> {
    let (from, to) = (call.fields.required("from")?, call.fields.required("to")?);
    let (class, from, to) = match (from.strip_prefix("auth/"), to.strip_prefix("auth/")) {
        (Some(from), Some(to)) => (Class::Auth, from, to),
        (None, None) => (Class::Secret, from.as_str(), to.as_str()),
        _ => return Err(Error::invalid("a mount stays an engine or an auth method")),
    };
    let (from, to) = (MountPath::new(from)?, MountPath::new(to)?);
    Ok(Box::new(Remount { class, from, to }))
}

fn list_namespaces<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListNamespaces { all: false }))
}

fn scan_namespaces<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListNamespaces { all: true }))
}

fn namespace_name(call: &Call<'_>) -> String {
    call.captures.get("path").to_owned()
}

fn read_namespace<'c>(call: &Call<'c>) -> Made<'c> {
    let name = namespace_name(call);
    Ok(Box::new(ReadNamespace { name }))
}

fn create_namespace<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(CreateNamespace {
        name: namespace_name(call),
        metadata: call.fields.map("custom_metadata")?.unwrap_or_default(),
    }))
}

fn patch_namespace<'c>(call: &Call<'c>) -> Made<'c> {
    let mut metadata = BTreeMap::new();
    if let Some(json) = call.fields.raw("custom_metadata") {
        let notes = Fields::parse(json.as_bytes())?;
        for name in notes.names() {
            let value = notes.text(name)?.map(|value| value.to_string());
            metadata.insert(name.to_owned(), value);
        }
    }
    let name = namespace_name(call);
    Ok(Box::new(ChangeNamespace { name, metadata }))
}

fn delete_namespace<'c>(call: &Call<'c>) -> Made<'c> {
    let name = namespace_name(call);
    Ok(Box::new(DeleteNamespace { name }))
}

fn read_key_status<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadKeyStatus))
}

fn rotate<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Rotate))
}

/// Adds what is set of a change of a mount.
pub(super) fn tune(mut object: Object, tune: &MountTune) -> Object {
    let seconds = |ttl: Duration| ttl.as_secs();
    if let Some(text) = &tune.description {
        object = object.text("description", text);
    }
    if let Some(ttl) = tune.default_ttl {
        object = object.number("default_lease_ttl", seconds(ttl));
    }
    if let Some(ttl) = tune.max_ttl {
        object = object.number("max_lease_ttl", seconds(ttl));
    }
    if let Some(listed) = tune.listed {
        object = object.text("listing_visibility", visibility(listed));
    }
    let lists = [
        ("audit_non_hmac_request_keys", &tune.plain_request_keys),
        ("audit_non_hmac_response_keys", &tune.plain_response_keys),
        ("passthrough_request_headers", &tune.request_headers),
        ("allowed_response_headers", &tune.response_headers),
    ];
    for (name, list) in lists {
        if let Some(list) = list {
            object = object.list(name, list);
        }
    }
    object
}

fn visibility(listed: bool) -> &'static str {
    if listed { "unauth" } else { "hidden" }
}

/// Returns a mount's kind and options as Vault names them.
fn named(info: &MountInfo) -> (&str, BTreeMap<String, String>) {
    let mut options = info.options.clone();
    let version = match info.kind.as_str() {
        kv::KIND_V2 => "2",
        kv::KIND_V1 => "1",
        other => return (other, options),
    };
    options.insert("version".to_owned(), version.to_owned());
    ("kv", options)
}

pub(super) fn mount_object(class: Class, info: &MountInfo) -> Object {
    let (kind, options) = named(info);
    let mut config = Object::new()
        .number(
            "default_lease_ttl",
            info.default_ttl.unwrap_or_default().as_secs(),
        )
        .flag("force_no_cache", false)
        .number("max_lease_ttl", info.max_ttl.unwrap_or_default().as_secs());
    if class == Class::Auth {
        let token_type = match info.tuning.token_type.as_str() {
            "" => "default-service",
            other => other,
        };
        config = config.text("token_type", token_type);
    }
    config = tuned_lists(config, info);
    let object = Object::new()
        .text("accessor", &info.accessor)
        .object("config", config)
        .text("description", &info.description)
        .flag("external_entropy_access", false)
        .flag("local", false);
    let object = match options.is_empty() {
        true => object.null("options"),
        false => object.map("options", &options),
    };
    object
        .text("plugin_version", "")
        .flag("seal_wrap", false)
        .text("type", kind)
        .text("uuid", &info.id.to_string())
}

fn tuned_lists(mut object: Object, info: &MountInfo) -> Object {
    let tuning = &info.tuning;
    if tuning.listed {
        object = object.text("listing_visibility", visibility(true));
    }
    let lists = [
        ("audit_non_hmac_request_keys", &tuning.plain_request_keys),
        ("audit_non_hmac_response_keys", &tuning.plain_response_keys),
        ("passthrough_request_headers", &tuning.request_headers),
        ("allowed_response_headers", &tuning.response_headers),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            object = object.list(name, list);
        }
    }
    object
}

/// Mounts that are part of every namespace: path, kind, description.
const BUILT_IN: [(&str, &str, &str); 3] = [
    (
        "cubbyhole/",
        "cubbyhole",
        "per-token private secret storage",
    ),
    ("identity/", "identity", "identity store"),
    (
        "sys/",
        "system",
        "system endpoints used for control, policy and debugging",
    ),
];

fn built_in(kind: &str, description: &str) -> Object {
    let config = Object::new()
        .number("default_lease_ttl", 0)
        .flag("force_no_cache", false)
        .number("max_lease_ttl", 0);
    Object::new()
        .text("accessor", &format!("{kind}_00000000"))
        .object("config", config)
        .text("description", description)
        .flag("external_entropy_access", false)
        .flag("local", kind == "cubbyhole")
        .null("options")
        .text("plugin_version", "")
        .flag("seal_wrap", false)
        .text("type", kind)
        .text("uuid", "")
}

/// The reply that lists mounts, by path, with those that are built in.
pub(super) fn mounts(class: Class, mounts: &[MountInfo]) -> Response {
    let mut all: BTreeMap<String, Object> = BTreeMap::new();
    match class {
        Class::Secret => {
            for (path, kind, description) in BUILT_IN {
                all.insert(path.to_owned(), built_in(kind, description));
            }
        }
        Class::Auth => {
            let token = built_in("token", "token based credentials");
            all.insert("token/".to_owned(), token);
        }
    }
    for info in mounts {
        all.insert(info.path.as_str().to_owned(), mount_object(class, info));
    }
    let mut object = Object::new();
    for (path, mount) in all {
        object = object.object(&path, mount);
    }
    Response::data(object).shaped(Shape::Doubled)
}

pub(super) fn mount(class: Class, info: &MountInfo) -> Response {
    Response::data(mount_object(class, info)).shaped(Shape::Doubled)
}

/// The reply that shows what can be tuned.
pub(super) fn tuning(class: Class, info: &MountInfo) -> Response {
    let system = Duration::from_secs(768 * 3_600);
    let (_, options) = named(info);
    let mut object = Object::new()
        .number(
            "default_lease_ttl",
            info.default_ttl.unwrap_or(system).as_secs(),
        )
        .text("description", &info.description)
        .flag("force_no_cache", false)
        .number("max_lease_ttl", info.max_ttl.unwrap_or(system).as_secs());
    if class == Class::Auth {
        let token_type = match info.tuning.token_type.as_str() {
            "" => "default-service",
            other => other,
        };
        object = object.text("token_type", token_type);
    }
    if !options.is_empty() {
        object = object.map("options", &options);
    }
    Response::data(tuned_lists(object, info)).shaped(Shape::Doubled)
}

fn namespace_object(info: &NamespaceInfo) -> Object {
    Object::new()
        .map("custom_metadata", &info.custom_metadata)
        .text("id", &info.id.part())
        .text("path", &info.path)
        .flag("tainted", false)
        .text("uuid", &info.id.to_string())
}

pub(super) fn namespace(info: &NamespaceInfo) -> Response {
    Response::data(namespace_object(info))
}

pub(super) fn namespaces(spaces: &[(String, NamespaceInfo)]) -> Response {
    let mut infos = Object::new();
    for (name, info) in spaces {
        infos = infos.object(name, namespace_object(info));
    }
    let names = spaces.iter().map(|(name, _)| name);
    Response::list(Object::new().object("key_info", infos).list("keys", names))
}

pub(super) fn key_status(status: &KeyStatus) -> Response {
    let object = Object::new()
        .time("install_time", Some(status.install_time))
        .number("term", status.term);
    Response::data(object).shaped(Shape::Doubled)
}

pub(super) fn slots(slots: &[SlotInfo]) -> Response {
    let mut array = Array::new();
    for slot in slots {
        let object = Object::new()
            .text("id", &slot.id.to_string())
            .time("created_time", Some(slot.created_time))
            .number("generation", slot.generation);
        array = array.object(match slot.kind {
            SlotType::Shamir { shares, threshold } => object
                .text("type", "shamir")
                .number("secret_shares", shares)
                .number("secret_threshold", threshold),
            SlotType::Passphrase => object.text("type", "passphrase"),
            SlotType::Key => object.text("type", "key"),
        });
    }
    Response::data(Object::new().array("slots", array))
}

pub(super) fn pending_rekey(pending: &PendingRekey) -> Response {
    let object = Object::new()
        .text("nonce", &pending.nonce().to_string())
        .time("started", Some(pending.started()))
        .number("t", pending.sharing().threshold);
    Response::data(object)
}
