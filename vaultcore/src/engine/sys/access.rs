//! Vault's paths and JSON of policies and capabilities.

use zeroize::Zeroizing;

use super::{
    AuditHash, AuditInfo, DeletePolicy, DisableAudit, Family, ListAudit, ListPolicies, MountOf,
    ReadCapabilities, ReadPolicy, ResultantAcl, VisibleMounts, WritePolicy,
};
use crate::auth::token::Subject;
use crate::error::{Error, Result};
use crate::operation::{Access, Call, Capability, Erased, Handler};
use crate::path::MountPath;
use crate::wire::{Object, Response, Route, Shape, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/` that are about who may do what.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "policy",
        verbs: &[(Verb::Read, read_old_list), (Verb::List, list_old)],
    },
    Route {
        pattern: "policy/{name..}",
        verbs: &[
            (Verb::Read, read_old),
            (Verb::Write, write_old),
            (Verb::Delete, delete_old),
        ],
    },
    Route {
        pattern: "policies/acl",
        verbs: &[(Verb::List, list)],
    },
    Route {
        pattern: "policies/acl/{name..}",
        verbs: &[
            (Verb::Read, read),
            (Verb::Write, write),
            (Verb::Delete, delete),
            (Verb::List, list),
        ],
    },
    Route {
        pattern: "audit",
        verbs: &[(Verb::Read, list_audit)],
    },
    Route {
        pattern: "audit/{path..}",
        verbs: &[(Verb::Delete, disable_audit)],
    },
    Route {
        pattern: "audit-hash/{path..}",
        verbs: &[(Verb::Write, hash_audit)],
    },
    Route {
        pattern: "capabilities",
        verbs: &[(Verb::Write, capabilities_of_token)],
    },
    Route {
        pattern: "capabilities-self",
        verbs: &[(Verb::Write, capabilities_of_self)],
    },
    Route {
        pattern: "capabilities-accessor",
        verbs: &[(Verb::Write, capabilities_of_accessor)],
    },
    Route {
        pattern: "internal/ui/mounts",
        verbs: &[(Verb::Read, visible_mounts)],
    },
    Route {
        pattern: "internal/ui/mounts/{path..}",
        verbs: &[(Verb::Read, mount_of)],
    },
    Route {
        pattern: "internal/ui/resultant-acl",
        verbs: &[(Verb::Read, resultant)],
    },
];

fn name(call: &Call<'_>) -> String {
    call.captures.get("name").to_lowercase()
}

fn read_policy<'c>(call: &Call<'c>, family: Family) -> Made<'c> {
    let name = name(call);
    Ok(Box::new(ReadPolicy { name, family }))
}

fn read_old<'c>(call: &Call<'c>) -> Made<'c> {
    read_policy(call, Family::Old)
}

fn read<'c>(call: &Call<'c>) -> Made<'c> {
    read_policy(call, Family::New)
}

fn write_policy<'c>(call: &Call<'c>, family: Family) -> Made<'c> {
    let given = match call.fields.text("policy")? {
        Some(text) => Some(text),
        None => call.fields.text("rules")?, // of old
    };
    let missing = || Error::invalid("'policy' parameter not supplied or empty");
    let text = given.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    let encoded = data_encoding::BASE64.decode(text.as_bytes()).ok();
    let text = match encoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => text,
        None => text.to_string(),
    };
    let name = name(call);
    Ok(Box::new(WritePolicy { name, text, family }))
}

fn write_old<'c>(call: &Call<'c>) -> Made<'c> {
    write_policy(call, Family::Old)
}

fn write<'c>(call: &Call<'c>) -> Made<'c> {
    write_policy(call, Family::New)
}

fn delete_policy<'c>(call: &Call<'c>, family: Family) -> Made<'c> {
    let name = name(call);
    Ok(Box::new(DeletePolicy { name, family }))
}

fn delete_old<'c>(call: &Call<'c>) -> Made<'c> {
    delete_policy(call, Family::Old)
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    delete_policy(call, Family::New)
}

fn list_policies<'c>(call: &Call<'c>, family: Family, read: bool) -> Made<'c> {
    Ok(Box::new(ListPolicies {
        family,
        read,
        page: page(call.fields)?,
    }))
}

fn read_old_list<'c>(call: &Call<'c>) -> Made<'c> {
    list_policies(call, Family::Old, true)
}

fn list_old<'c>(call: &Call<'c>) -> Made<'c> {
    list_policies(call, Family::Old, false)
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    list_policies(call, Family::New, false)
}

fn list_audit<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListAudit))
}

fn device(call: &Call<'_>) -> Result<MountPath> {
    MountPath::new(call.captures.get("path"))
}

fn disable_audit<'c>(call: &Call<'c>) -> Made<'c> {
    let path = device(call)?;
    Ok(Box::new(DisableAudit { path }))
}

fn hash_audit<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(AuditHash {
        path: device(call)?,
        input: call.fields.required("input")?,
    }))
}

/// The reply of listing audit devices.
pub(super) fn audit_devices(devices: &[AuditInfo]) -> Response {
    let mut object = Object::new();
    for device in devices {
        let info = Object::new()
            .text("description", &device.description)
            .flag("local", device.local)
            .map("options", &device.options)
            .text("path", &device.path)
            .text("type", &device.kind);
        object = object.object(&device.path, info);
    }
    Response::data(object).shaped(Shape::Doubled)
}

/// The reply that tells the hash of a value.
pub(super) fn audit_hash(hash: &str) -> Response {
    Response::data(Object::new().text("hash", hash)).shaped(Shape::Doubled)
}

fn paths(call: &Call<'_>) -> Result<Vec<String>> {
    let paths = match call.fields.list("paths")? {
        Some(paths) => paths,
        None => call.fields.list("path")?.unwrap_or_default(),
    };
    match paths.is_empty() {
        true => Err(Error::invalid("paths must be supplied")),
        false => Ok(paths),
    }
}

fn ask<'c>(call: &Call<'c>, subject: Subject) -> Made<'c> {
    let paths = paths(call)?;
    Ok(Box::new(ReadCapabilities { subject, paths }))
}

fn capabilities_of_token<'c>(call: &Call<'c>) -> Made<'c> {
    let text = call.fields.text("token")?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Error::invalid("missing token"))?;
    ask(call, Subject::Secret(text))
}

fn capabilities_of_self<'c>(call: &Call<'c>) -> Made<'c> {
    ask(call, Subject::Own)
}

fn capabilities_of_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    let accessor = call.fields.required("accessor")?;
    ask(call, Subject::Accessor(accessor.to_string()))
}

fn visible_mounts<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(VisibleMounts))
}

fn mount_of<'c>(call: &Call<'c>) -> Made<'c> {
    let path = call.captures.get("path").to_owned();
    Ok(Box::new(MountOf { path }))
}

/// The access that is recorded of what anybody may ask.
pub(super) fn visible(path: &str) -> Vec<Access> {
    vec![Access::new(path, Capability::Read)]
}

fn resultant<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ResultantAcl))
}

/// The reply of reading a policy.
pub(super) fn policy(family: Family, name: &str, text: &str) -> Response {
    match family {
        Family::Old => {
            let object = Object::new().text("name", name).text("rules", text);
            Response::data(object).shaped(Shape::Doubled)
        }
        Family::New => Response::data(Object::new().text("name", name).text("policy", text)),
    }
}

/// The reply of listing policies.
pub(super) fn policies(family: Family, names: &[Zeroizing<String>]) -> Response {
    let names = || names.iter().map(|name| name.as_str());
    match family {
        Family::Old => {
            let object = Object::new()
                .list("keys", names())
                .list("policies", names());
            Response::data(object).shaped(Shape::Doubled)
        }
        Family::New => Response::list(Object::new().list("keys", names())),
    }
}

/// The reply of asking for capabilities.
pub(super) fn capabilities(paths: &[String], all: &[Vec<&'static str>]) -> Response {
    let mut object = Object::new();
    if let ([_], [only]) = (paths, all) {
        object = object.list("capabilities", only);
    }
    for (path, words) in paths.iter().zip(all) {
        object = object.list(path, words);
    }
    Response::data(object).shaped(Shape::Doubled)
}
