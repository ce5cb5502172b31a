//! Vault's paths and JSON of roles and their secret ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::{IssuedSecretId, NewSecretId, RoleOptions, SecretIdInfo};
use super::role::Role;
use super::{
    By, CreateSecretId, DeleteRole, DestroySecretId, Field, ListRoles, ListSecretIds, Login,
    LookupSecretId, ReadRole, ResetField, TidySecretIds, WriteRole,
};
use crate::auth::name;
use crate::auth::options::TokenOptions;
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::secret::SecretString;
use crate::wire::{Fields, Json, Object, Response, Route, Shape, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The fields, and what they were called before.
pub(super) const OLD_NAMES: &[(&str, &str)] =
    &[("token_policies", "policies"), ("token_period", "period")];

/// The paths below the mount.
pub(super) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "login",
        verbs: &[(Verb::Write, login)],
    },
    Route {
        pattern: "tidy/secret-id",
        verbs: &[(Verb::Write, tidy)],
    },
    Route {
        pattern: "role",
        verbs: &[(Verb::List, list)],
    },
    Route {
        pattern: "role/{name}",
        verbs: &[
            (Verb::Read, read),
            (Verb::Write, write),
            (Verb::Delete, delete),
        ],
    },
    Route {
        pattern: "role/{name}/secret-id",
        verbs: &[(Verb::Write, create), (Verb::List, list_secret_ids)],
    },
    Route {
        pattern: "role/{name}/custom-secret-id",
        verbs: &[(Verb::Write, create_chosen)],
    },
    Route {
        pattern: "role/{name}/secret-id/lookup",
        verbs: &[(Verb::Write, lookup)],
    },
    Route {
        pattern: "role/{name}/secret-id/destroy",
        verbs: &[(Verb::Write, destroy), (Verb::Delete, destroy)],
    },
    Route {
        pattern: "role/{name}/secret-id-accessor/lookup",
        verbs: &[(Verb::Write, lookup_accessor)],
    },
    Route {
        pattern: "role/{name}/secret-id-accessor/destroy",
        verbs: &[
            (Verb::Write, destroy_accessor),
            (Verb::Delete, destroy_accessor),
        ],
    },
    Route {
        pattern: "role/{name}/role-id",
        verbs: &[(Verb::Read, read_role_id), (Verb::Write, write_role_id)],
    },
    Route {
        pattern: "role/{name}/local-secret-ids",
        verbs: &[(Verb::Read, read_local)],
    },
    Route {
        pattern: "role/{name}/{field}",
        verbs: &[
            (Verb::Read, read_field),
            (Verb::Write, write_field),
            (Verb::Delete, reset_field),
        ],
    },
];

fn role_name(call: &Call<'_>) -> Result<String> {
    name::canonical(call.captures.get("name"))
}

fn secret(fields: &Fields<'_>, name: &str) -> Result<SecretString> {
    let text = fields.text(name)?.unwrap_or_default();
    Ok(SecretString::copy_from(&text))
}

fn required(fields: &Fields<'_>, name: &str) -> Result<SecretString> {
    let text = secret(fields, name)?;
    if text.expose().is_empty() {
        return Err(Error::invalid(format!("missing {name}")));
    }
    Ok(text)
}

fn login<'c>(call: &Call<'c>) -> Made<'c> {
    // What is no text is as good as none.
    let id = |name| secret(call.fields, name).unwrap_or_else(|_| SecretString::copy_from(""));
    let (role_id, secret_id) = (id("role_id"), id("secret_id"));
    Ok(Box::new(Login::new(call.mount, role_id, secret_id)))
}

fn tidy<'c>(call: &Call<'c>) -> Made<'c> {
    let mount = Some(call.mount);
    Ok(Box::new(TidySecretIds { mount }))
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListRoles {
        mount: call.mount,
        page: page(call.fields)?,
    }))
}

fn read<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadRole {
        mount: call.mount,
        name: role_name(call)?,
        field: None,
    }))
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteRole {
        mount: call.mount,
        name: role_name(call)?,
    }))
}

fn write<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let id = fields.text("role_id")?.filter(|id| !id.is_empty());
    let options = RoleOptions {
        role_id: id.map(|id| id.to_string()),
        bind_secret_id: fields.flag("bind_secret_id")?,
        secret_id_bound_cidrs: match fields.list("secret_id_bound_cidrs")? {
            Some(networks) => Some(networks),
            None => fields.list("bound_cidr_list")?,
        },
        secret_id_num_uses: fields.count("secret_id_num_uses")?,
        secret_id_ttl: fields.duration("secret_id_ttl")?,
        local_secret_ids: fields.flag("local_secret_ids")?,
        token: TokenOptions::read(fields, OLD_NAMES)?,
    };
    Ok(Box::new(WriteRole {
        mount: call.mount,
        name: role_name(call)?,
        field: None,
        options,
    }))
}

/// Returns the field that the last part of the path names.
fn field(call: &Call<'_>) -> Result<Field> {
    let unknown = || Error::not_found("a role has no such field");
    Field::at(call.captures.get("field")).ok_or_else(unknown)
}

fn read_role_id<'c>(call: &Call<'c>) -> Made<'c> {
    read_one(call, Field::RoleId)
}

fn read_local<'c>(call: &Call<'c>) -> Made<'c> {
    read_one(call, Field::LocalSecretIds)
}

fn read_field<'c>(call: &Call<'c>) -> Made<'c> {
    read_one(call, field(call)?)
}

fn read_one<'c>(call: &Call<'c>, field: Field) -> Made<'c> {
    Ok(Box::new(ReadRole {
        mount: call.mount,
        name: role_name(call)?,
        field: Some(field),
    }))
}

fn write_role_id<'c>(call: &Call<'c>) -> Made<'c> {
    write_one(call, Field::RoleId)
}

fn write_field<'c>(call: &Call<'c>) -> Made<'c> {
    write_one(call, field(call)?)
}

fn write_one<'c>(call: &Call<'c>, field: Field) -> Made<'c> {
    Ok(Box::new(WriteRole {
        mount: call.mount,
        name: role_name(call)?,
        field: Some(field),
        options: field.read(call.fields)?,
    }))
}

fn reset_field<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ResetField {
        mount: call.mount,
        name: role_name(call)?,
        field: field(call)?,
    }))
}

fn create<'c>(call: &Call<'c>) -> Made<'c> {
    made(call, None)
}

fn create_chosen<'c>(call: &Call<'c>) -> Made<'c> {
    made(call, Some(required(call.fields, "secret_id")?))
}

fn made<'c>(call: &Call<'c>, chosen: Option<SecretString>) -> Made<'c> {
    let fields = call.fields;
    let new = NewSecretId {
        chosen: chosen.map(Arc::new),
        num_uses: fields.count("num_uses")?,
        ttl: fields.duration("ttl")?,
        cidrs: fields.list("cidr_list")?.unwrap_or_default(),
        token_cidrs: fields.list("token_bound_cidrs")?.unwrap_or_default(),
        metadata: notes(fields)?,
    };
    Ok(Box::new(CreateSecretId {
        mount: call.mount,
        role: role_name(call)?,
        new,
    }))
}

/// Reads `metadata`: an object, its text, or `name=value` between commas.
fn notes(fields: &Fields<'_>) -> Result<BTreeMap<String, String>> {
    let wrong = || Error::invalid("the field `metadata` is not an object of texts");
    let object = |json: &str| Fields::parse(format!("{{\"m\":{json}}}").as_bytes())?.map("m");
    let text = match fields.raw("metadata") {
        None => return Ok(BTreeMap::new()),
        Some(json) if json.starts_with('{') => {
            return Ok(object(json)?.unwrap_or_default());
        }
        Some(_) => fields.text("metadata")?.unwrap_or_default(),
    };
    if text.trim_start().starts_with('{') {
        let found = object(&text).map_err(|_| wrong())?;
        return Ok(found.unwrap_or_default());
    }
    let pairs = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
}

fn list_secret_ids<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListSecretIds {
        mount: call.mount,
        role: role_name(call)?,
    }))
}

fn text(call: &Call<'_>) -> Result<By> {
    required(call.fields, "secret_id").map(By::Text)
}

fn accessor(call: &Call<'_>) -> Result<By> {
    let text = required(call.fields, "secret_id_accessor")?;
    Ok(By::Accessor(text.expose().to_owned()))
}

fn lookup<'c>(call: &Call<'c>) -> Made<'c> {
    looked_up(call, text(call)?)
}

fn lookup_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    looked_up(call, accessor(call)?)
}

fn looked_up<'c>(call: &Call<'c>, by: By) -> Made<'c> {
    Ok(Box::new(LookupSecretId {
        mount: call.mount,
        role: role_name(call)?,
        by,
    }))
}

fn destroy<'c>(call: &Call<'c>) -> Made<'c> {
    destroyed(call, text(call)?)
}

fn destroy_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    destroyed(call, accessor(call)?)
}

fn destroyed<'c>(call: &Call<'c>, by: By) -> Made<'c> {
    Ok(Box::new(DestroySecretId {
        mount: call.mount,
        role: role_name(call)?,
        by,
    }))
}

/// The request of writing a role.
pub(super) fn role_options(options: &RoleOptions) -> Json {
    let mut object = Object::new();
    if let Some(id) = &options.role_id {
        object = object.text("role_id", id);
    }
    if let Some(bind) = options.bind_secret_id {
        object = object.flag("bind_secret_id", bind);
    }
    if let Some(networks) = &options.secret_id_bound_cidrs {
        object = object.list("secret_id_bound_cidrs", networks);
    }
    if let Some(uses) = options.secret_id_num_uses {
        object = object.number("secret_id_num_uses", uses);
    }
    if let Some(ttl) = options.secret_id_ttl {
        object = object.number("secret_id_ttl", ttl.as_secs());
    }
    if let Some(local) = options.local_secret_ids {
        object = object.flag("local_secret_ids", local);
    }
    options.token.input(object).finish()
}

/// The request of making a secret id.
pub(super) fn new_secret_id(new: &NewSecretId) -> Json {
    let mut object = Object::new();
    if let Some(chosen) = &new.chosen {
        object = object.text("secret_id", chosen.expose());
    }
    if let Some(uses) = new.num_uses {
        object = object.number("num_uses", uses);
    }
    if let Some(ttl) = new.ttl {
        object = object.number("ttl", ttl.as_secs());
    }
    object
        .list("cidr_list", &new.cidrs)
        .list("token_bound_cidrs", &new.token_cidrs)
        .map("metadata", &new.metadata)
        .finish()
}

/// The reply of reading a role, or a field of it.
pub(super) fn role(role: Option<&Role>, field: Option<Field>) -> Response {
    let Some(role) = role else {
        return Response::empty().shaped(Shape::NotFound);
    };
    if let Some(field) = field {
        return Response::data(field.output(role, Object::new()));
    }
    let fields = [
        Field::BindSecretId,
        Field::LocalSecretIds,
        Field::SecretIdBoundCidrs,
        Field::SecretIdNumUses,
        Field::SecretIdTtl,
    ];
    let object = fields
        .into_iter()
        .fold(Object::new(), |object, field| field.output(role, object));
    Response::data(role.params.output(object))
}

/// The reply of making a secret id.
pub(super) fn issued(issued: &IssuedSecretId) -> Response {
    let object = Object::new()
        .text("secret_id", issued.secret_id.expose())
        .text("secret_id_accessor", &issued.accessor)
        .number("secret_id_num_uses", issued.num_uses)
        .number("secret_id_ttl", issued.ttl.as_secs());
    Response::data(object)
}

/// The reply of looking at a secret id.
pub(super) fn secret_id(info: &SecretIdInfo) -> Response {
    let object = Object::new()
        .list("cidr_list", &info.cidrs)
        .time("creation_time", Some(info.created));
    let object = match info.expires {
        Some(time) => object.time("expiration_time", Some(time)),
        None => object.text("expiration_time", "0001-01-01T00:00:00Z"),
    };
    let object = object
        .time("last_updated_time", Some(info.updated))
        .map("metadata", &info.metadata)
        .text("secret_id_accessor", &info.accessor)
        .number("secret_id_num_uses", info.num_uses)
        .number("secret_id_ttl", info.ttl.as_secs())
        .list("token_bound_cidrs", &info.token_bound_cidrs);
    Response::data(object)
}
