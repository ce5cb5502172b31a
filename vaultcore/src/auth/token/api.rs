//! Vault's paths and JSON of tokens.

use std::time::Duration;

use super::create::{FIRST, Via};
use super::lookup::Looked;
use super::roles::Role;
use super::{
    CreateToken, DeleteRole, ListAccessors, ListRoles, LookupToken, NewToken, ReadRole, RenewToken,
    RevokeToken, Subject, TidyTokens, TokenInfo, WriteRole,
};
use crate::error::{Error, Result};
use crate::operation::{Call, Capability, Erased, Handler};
use crate::wire::{Fields, Json, Object, Response, Route, Shape, Verb};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `auth/token/`.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "create",
        verbs: &[(Verb::Write, create)],
    },
    Route {
        pattern: "create-orphan",
        verbs: &[(Verb::Write, create_orphan)],
    },
    Route {
        pattern: "create/{role}",
        verbs: &[(Verb::Write, create_by_role)],
    },
    Route {
        pattern: "lookup",
        verbs: &[(Verb::Write, lookup), (Verb::Read, lookup_by_reading)],
    },
    Route {
        pattern: "lookup-self",
        verbs: &[
            (Verb::Read, lookup_self),
            (Verb::Write, lookup_self_by_writing),
        ],
    },
    Route {
        pattern: "lookup-accessor",
        verbs: &[(Verb::Write, lookup_accessor)],
    },
    Route {
        pattern: "renew",
        verbs: &[(Verb::Write, renew)],
    },
    Route {
        pattern: "renew-self",
        verbs: &[(Verb::Write, renew_self)],
    },
    Route {
        pattern: "renew-accessor",
        verbs: &[(Verb::Write, renew_accessor)],
    },
    Route {
        pattern: "revoke",
        verbs: &[(Verb::Write, revoke)],
    },
    Route {
        pattern: "revoke-self",
        verbs: &[(Verb::Write, revoke_self)],
    },
    Route {
        pattern: "revoke-accessor",
        verbs: &[(Verb::Write, revoke_accessor)],
    },
    Route {
        pattern: "revoke-orphan",
        verbs: &[(Verb::Write, revoke_orphan)],
    },
    Route {
        pattern: "tidy",
        verbs: &[(Verb::Write, tidy)],
    },
    Route {
        pattern: "accessors",
        verbs: &[(Verb::List, accessors)],
    },
    Route {
        pattern: "roles",
        verbs: &[(Verb::List, list_roles)],
    },
    Route {
        pattern: "roles/{role}",
        verbs: &[
            (Verb::Read, read_role),
            (Verb::Write, write_role),
            (Verb::Delete, delete_role),
        ],
    },
];

fn create<'c>(call: &Call<'c>) -> Made<'c> {
    make(call, Via::Create)
}

fn create_orphan<'c>(call: &Call<'c>) -> Made<'c> {
    make(call, Via::CreateOrphan)
}

fn create_by_role<'c>(call: &Call<'c>) -> Made<'c> {
    make(call, Via::Role(role_name(call)))
}

fn role_name(call: &Call<'_>) -> String {
    call.captures.get("role").to_owned()
}

fn make<'c>(call: &Call<'c>, via: Via) -> Made<'c> {
    let fields = call.fields;
    let mut new = NewToken {
        id: fields.text("id")?.filter(|id| !id.is_empty()),
        policies: fields.list("policies")?.unwrap_or_default(),
        metadata: fields.map("meta")?.unwrap_or_default(),
        display_name: fields.text("display_name")?.unwrap_or_default().to_string(),
        ttl: match fields.duration("ttl")? {
            Some(ttl) => Some(ttl),
            None => fields.duration("lease")?,
        },
        explicit_max_ttl: fields.duration("explicit_max_ttl")?,
        period: fields.duration("period")?,
        num_uses: uses(fields)?,
        orphan: fields.flag("no_parent")?.unwrap_or(false),
        no_default_policy: fields.flag("no_default_policy")?.unwrap_or(false),
        renewable: fields.flag("renewable")?,
        batch: false,
        alias: fields
            .text("entity_alias")?
            .filter(|alias| !alias.is_empty()),
    };
    new.batch = match fields.text("type")?.unwrap_or_default().as_str() {
        "" | "service" => false,
        "batch" => true,
        _ => return Err(Error::invalid("invalid 'type' value")),
    };
    Ok(Box::new(CreateToken { new, via }))
}

fn uses(fields: &Fields<'_>) -> Result<u64> {
    let uses = fields.integer("num_uses")?.unwrap_or(0);
    u64::try_from(uses).map_err(|_| Error::invalid("number of uses cannot be negative"))
}

fn secret(call: &Call<'_>) -> Result<Subject> {
    let missing = || Error::invalid("missing token");
    let text = call.fields.text("token")?;
    let text = text.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    Ok(Subject::Secret(text))
}

fn accessor(call: &Call<'_>) -> Result<Subject> {
    let missing = || Error::invalid("missing accessor");
    let text = call.fields.text("accessor")?;
    let text = text.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    Ok(Subject::Accessor(text.to_string()))
}

fn look<'c>(subject: Subject, capability: Capability) -> Made<'c> {
    Ok(Box::new(LookupToken {
        subject,
        capability,
    }))
}

fn lookup<'c>(call: &Call<'c>) -> Made<'c> {
    match secret(call) {
        Ok(subject) => look(subject, Capability::Update),
        Err(_) => look(Subject::Own, Capability::Update), // as in Vault
    }
}

fn lookup_by_reading<'c>(call: &Call<'c>) -> Made<'c> {
    look(secret(call).unwrap_or(Subject::Own), Capability::Read)
}

fn lookup_self<'c>(_: &Call<'c>) -> Made<'c> {
    look(Subject::Own, Capability::Read)
}

fn lookup_self_by_writing<'c>(_: &Call<'c>) -> Made<'c> {
    look(Subject::Own, Capability::Update)
}

fn lookup_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    look(accessor(call)?, Capability::Update)
}

fn renewal<'c>(call: &Call<'c>, subject: Subject) -> Made<'c> {
    Ok(Box::new(RenewToken {
        subject,
        increment: call.fields.duration("increment")?,
        shorten: call.fields.flag("shorten")?.unwrap_or(false),
    }))
}

fn renew<'c>(call: &Call<'c>) -> Made<'c> {
    renewal(call, secret(call)?)
}

fn renew_self<'c>(call: &Call<'c>) -> Made<'c> {
    renewal(call, Subject::Own)
}

fn renew_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    renewal(call, accessor(call)?)
}

fn revocation<'c>(subject: Subject, orphan: bool) -> Made<'c> {
    Ok(Box::new(RevokeToken { subject, orphan }))
}

fn revoke<'c>(call: &Call<'c>) -> Made<'c> {
    revocation(secret(call)?, false)
}

fn revoke_self<'c>(_: &Call<'c>) -> Made<'c> {
    revocation(Subject::Own, false)
}

fn revoke_accessor<'c>(call: &Call<'c>) -> Made<'c> {
    revocation(accessor(call)?, false)
}

fn revoke_orphan<'c>(call: &Call<'c>) -> Made<'c> {
    revocation(secret(call)?, true)
}

fn tidy<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(TidyTokens))
}

fn accessors<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListAccessors))
}

fn list_roles<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListRoles))
}

fn read_role<'c>(call: &Call<'c>) -> Made<'c> {
    let name = role_name(call);
    Ok(Box::new(ReadRole { name }))
}

fn write_role<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(WriteRole {
        name: role_name(call),
        fields: call.fields,
    }))
}

fn delete_role<'c>(call: &Call<'c>) -> Made<'c> {
    let name = role_name(call);
    Ok(Box::new(DeleteRole { name }))
}

/// The request that names a token.
pub(super) fn subject(subject: &Subject) -> Object {
    match subject {
        Subject::Own => Object::new(),
        Subject::Secret(text) => Object::new().text("token", text),
        Subject::Accessor(accessor) => Object::new().text("accessor", accessor),
    }
}

/// The request that makes a token.
pub(super) fn new_token(new: &NewToken) -> Json {
    let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
    let mut object = Object::new()
        .list("policies", &new.policies)
        .map("meta", &new.metadata)
        .text("display_name", &new.display_name)
        .number("ttl", seconds(new.ttl))
        .number("explicit_max_ttl", seconds(new.explicit_max_ttl))
        .number("period", seconds(new.period))
        .number("num_uses", new.num_uses)
        .flag("no_parent", new.orphan)
        .flag("no_default_policy", new.no_default_policy)
        .text("type", if new.batch { "batch" } else { "service" });
    if let Some(id) = &new.id {
        object = object.text("id", id);
    }
    object.finish()
}

/// The reply of a lookup.
pub(super) fn looked_up(looked: &Looked) -> Response {
    let info = &looked.info;
    let unix = |micros: u64| micros / 1_000_000;
    let mut object = Object::new()
        .text("accessor", &info.accessor)
        .number("creation_time", unix(info.creation_time.as_micros()))
        .number("creation_ttl", info.creation_ttl.as_secs())
        .text("display_name", &info.display_name)
        .text(
            "entity_id",
            &info.entity.map(|id| id.to_string()).unwrap_or_default(),
        );
    object = match info.expire_time {
        Some(time) => object.time("expire_time", Some(time)),
        None => object.null("expire_time"),
    };
    object = object
        .number(
            "explicit_max_ttl",
            info.explicit_max_ttl.unwrap_or_default().as_secs(),
        )
        .text("id", &looked.text);
    if !info.identity_policies.is_empty() {
        object = object
            .object("external_namespace_policies", Object::new())
            .list("identity_policies", &info.identity_policies);
    }
    // The first token of a vault has nothing of a lease, as in Vault.
    let leased = info.path != FIRST;
    if leased {
        object = object.time("issue_time", Some(info.creation_time));
    }
    object = life(object, info);
    object = object.list("policies", &info.policies);
    if leased {
        object = object.flag("renewable", info.renewable);
    }
    if !looked.space.is_empty() {
        object = object.text("namespace_path", &looked.space);
    }
    if !info.role.is_empty() {
        object = object.text("role", &info.role);
    }
    if !info.bound_cidrs.is_empty() {
        object = object.list("bound_cidrs", &info.bound_cidrs);
    }
    object = object.number("ttl", info.ttl.as_secs());
    object = object.text("type", if info.batch { "batch" } else { "service" });
    Response::data(object)
}

/// Adds how a token came to be, and how long it lives.
fn life(mut object: Object, info: &TokenInfo) -> Object {
    let unix = |micros: u64| micros / 1_000_000;
    if let Some(renewed) = info.last_renewal {
        object = object
            .time("last_renewal", Some(renewed))
            .number("last_renewal_time", unix(renewed.as_micros()));
    }
    object = match info.metadata.is_empty() {
        true => object.null("meta"),
        false => object.map("meta", &info.metadata),
    };
    object = object
        .number("num_uses", info.num_uses)
        .flag("orphan", info.orphan)
        .text("path", &info.path);
    if let Some(period) = info.period {
        object = object.number("period", period.as_secs());
    }
    object
}

/// The reply of reading a role.
pub(super) fn role(role: Option<&Role>) -> Response {
    let Some(role) = role else {
        return Response::empty().shaped(Shape::NotFound);
    };
    let params = &role.params;
    let object = match role.allowed_entity_aliases.is_empty() {
        true => Object::new().null("allowed_entity_aliases"),
        false => Object::new().list("allowed_entity_aliases", &role.allowed_entity_aliases),
    };
    let old = |name: &str| params.old_names.iter().any(|old| old == name);
    let seconds = |name: &str, micros: u64| if old(name) { micros / 1_000_000 } else { 0 };
    let object = object
        .list("allowed_policies", &role.allowed_policies)
        .list("allowed_policies_glob", &role.allowed_policies_glob)
        .list("disallowed_policies", &role.disallowed_policies)
        .list("disallowed_policies_glob", &role.disallowed_policies_glob)
        .number(
            "explicit_max_ttl",
            seconds("explicit_max_ttl", params.explicit_max_ttl),
        )
        .text("name", &role.name)
        .flag("orphan", role.orphan)
        .text("path_suffix", &role.path_suffix)
        .number("period", seconds("period", params.period))
        .flag("renewable", role.renewable)
        .number(
            "token_explicit_max_ttl",
            params.explicit_max_ttl / 1_000_000,
        )
        .flag("token_no_default_policy", params.no_default_policy)
        .number("token_period", params.period / 1_000_000)
        .text("token_type", role.kind());
    let object = match old("bound_cidrs") {
        true => object.list("bound_cidrs", &params.bound_cidrs),
        false => object,
    };
    Response::data(match params.bound_cidrs.is_empty() {
        true => object,
        false => object.list("token_bound_cidrs", &params.bound_cidrs),
    })
}
