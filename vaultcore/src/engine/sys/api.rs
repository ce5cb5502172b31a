//! Vault's paths and JSON of the vault itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::builtin::{self, Listed};
use super::mounts::MountInfo;
use super::namespaces::NamespaceInfo;
use super::{
    ChangeNamespace, CreateNamespace, DeleteNamespace, ListMounts, ListNamespaces, Mount,
    MountTune, NewMount, ReadKeyStatus, ReadMount, ReadNamespace, Remount, RemountStatus, Rotate,
    Tune, Unmount,
};
use crate::engine::kv;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Nonce;
use crate::lease::SYSTEM_TTL;
use crate::mount::Class;
use crate::operation::{Call, Erased, Handler};
use crate::path::MountPath;
use crate::wire::{Fields, Object, Response, Route, Shape, Verb};

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
        pattern: "remount/status/{id}",
        verbs: &[(Verb::Read, remount_status)],
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

/// Returns which mount is tuned, by which folder: `sys/mounts/auth/x/tune`, by which Vault's client
/// for Go tunes auth methods, is that of `sys/auth/x/tune`.
fn tuned(class: Class, path: MountPath) -> Result<(Class, MountPath, Class)> {
    let of_auth = path.as_str().strip_prefix("auth/").map(MountPath::new);
    match of_auth.filter(|_| class == Class::Secret) {
        Some(path) => Ok((Class::Auth, path?, class)),
        None => Ok((class, path, class)),
    }
}

fn read<'c>(call: &Call<'c>, class: Class) -> Made<'c> {
    let (path, tune) = mount_path(call)?;
    let (class, path, by) = match tune {
        true => tuned(class, path)?,
        false => (class, path, class),
    };
    Ok(Box::new(ReadMount {
        class,
        by,
        path,
        tune,
    }))
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
        let (class, path, by) = tuned(class, path)?;
        return Ok(Box::new(Tune {
            class,
            by,
            path,
            tune,
        }));
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
        default_ttl: ttl(fields, "default_lease_ttl")?,
        max_ttl: ttl(fields, "max_lease_ttl")?,
        listed,
        plain_request_keys: fields.list("audit_non_hmac_request_keys")?,
        plain_response_keys: fields.list("audit_non_hmac_response_keys")?,
        request_headers: fields.list("passthrough_request_headers")?,
        response_headers: fields.list("allowed_response_headers")?,
        token_type: fields.text("token_type")?.map(|text| text.to_string()),
    })
}

/// Reads a TTL; `system` is none of the mount's own, as in Vault.
fn ttl(fields: &Fields<'_>, name: &str) -> Result<Option<Duration>> {
    match fields.raw(name) {
        Some("\"system\"") => Ok(Some(Duration::ZERO)),
        _ => fields.duration(name),
    }
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

fn remount_status<'c>(call: &Call<'c>) -> Made<'c> {
    let id = Nonce::parse(call.captures.get("id"));
    let id = id.ok_or_else(|| Error::not_found("there is no such move"))?;
    Ok(Box::new(RemountStatus { id }))
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
        metadata: notes(call)?,
    }))
}

/// Returns the notes on a namespace, which are texts and nothing else.
fn notes(call: &Call<'_>) -> Result<BTreeMap<String, String>> {
    let wrong = || Error::invalid("custom_metadata values must be texts");
    let Some(json) = call.fields.raw("custom_metadata") else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(json).map_err(|_| wrong())
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
    match info.kind.as_str() {
        kv::KIND_V1 => {}
        // Clients find out by it how a path is to be written.
        kv::KIND_V2 => {
            options.insert("version".to_owned(), "2".to_owned());
        }
        other => return (other, options),
    }
    ("kv", options)
}

pub(super) fn mount_object(class: Class, info: &MountInfo) -> Object {
    let (kind, _) = named(info);
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
    options(object, class, info)
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

/// The reply that lists mounts, by path, with those that are built in.
pub(super) fn mounts(class: Class, listed: &Listed) -> Response {
    let mut all: BTreeMap<&str, Object> = BTreeMap::new();
    for mount in builtin::all(class) {
        all.insert(mount.path, mount.object(listed.space));
    }
    for info in &listed.mounts {
        all.insert(info.path.as_str(), mount_object(class, info));
    }
    let mut object = Object::new();
    for (path, mount) in all {
        object = object.object(path, mount);
    }
    Response::data(object).shaped(Shape::Doubled)
}

/// What people without a token are shown of a mount.
pub(super) fn brief(class: Class, info: &MountInfo) -> Object {
    let (kind, _) = named(info);
    options(
        Object::new().text("description", &info.description),
        class,
        info,
    )
    .text("type", kind)
}

fn options(object: Object, class: Class, info: &MountInfo) -> Object {
    let (kind, options) = named(info);
    match options.is_empty() && class == Class::Secret && kind != "kv" {
        true => object.null("options"),
        false => object.map("options", &options),
    }
}

pub(super) fn mount(class: Class, info: &MountInfo) -> Response {
    Response::data(mount_object(class, info)).shaped(Shape::Doubled)
}

/// The reply that shows what can be tuned.
pub(super) fn tuning(class: Class, info: &MountInfo) -> Response {
    let system = SYSTEM_TTL;
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
