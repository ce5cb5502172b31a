//! Vault's paths and JSON of databases.

use std::time::Duration;

use super::{Connection, ConnectionInfo};
use super::{
    DeleteConnection, DeleteRole, DeleteStaticRole, IssueCredentials, Kept, ListNames, Name,
    ReadConnection, ReadRole, ReadStaticCredentials, ReadStaticRole, ResetConnection, Role,
    RotateRoot, RotateStatic, StaticRole, WriteConnection, WriteRole, WriteStaticRole,
};
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::secret::SecretString;
use crate::wire::{Fields, Json, Object, Response, Route, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below the mount.
pub(super) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "config",
        verbs: &[(Verb::List, list_connections)],
    },
    Route {
        pattern: "config/{name}",
        verbs: &[
            (Verb::Read, read_connection),
            (Verb::Write, write_connection),
            (Verb::Delete, delete_connection),
        ],
    },
    Route {
        pattern: "reset/{name}",
        verbs: &[(Verb::Write, reset)],
    },
    Route {
        pattern: "rotate-root/{name}",
        verbs: &[(Verb::Write, rotate_root)],
    },
    Route {
        pattern: "roles",
        verbs: &[(Verb::List, list_roles)],
    },
    Route {
        pattern: "roles/{name}",
        verbs: &[
            (Verb::Read, read_role),
            (Verb::Write, write_role),
            (Verb::Delete, delete_role),
        ],
    },
    Route {
        pattern: "creds/{name}",
        verbs: &[(Verb::Read, issue)],
    },
    Route {
        pattern: "static-roles",
        verbs: &[(Verb::List, list_static)],
    },
    Route {
        pattern: "static-roles/{name}",
        verbs: &[
            (Verb::Read, read_static),
            (Verb::Write, write_static),
            (Verb::Delete, delete_static),
        ],
    },
    Route {
        pattern: "static-creds/{name}",
        verbs: &[(Verb::Read, static_credentials)],
    },
    Route {
        pattern: "rotate-role/{name}",
        verbs: &[(Verb::Write, rotate_static)],
    },
];

/// The fields of a connection that are not options of its driver.
const OWN: &[&str] = &[
    "plugin_name",
    "plugin_version",
    "verify_connection",
    "allowed_roles",
    "root_rotation_statements",
    "root_credentials_rotate_statements",
    "password_policy",
    "connection_url",
    "username",
    "password",
    "username_template",
    "max_open_connections",
    "max_idle_connections",
    "max_connection_lifetime",
    "disable_escaping",
];

fn name(call: &Call<'_>) -> Result<Name> {
    Name::new(call.captures.get("name"))
}

fn list<'c>(call: &Call<'c>, kept: Kept) -> Made<'c> {
    Ok(Box::new(ListNames {
        mount: call.mount,
        kept,
        page: page(call.fields)?,
    }))
}

fn list_connections<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Kept::Connections)
}

fn read_connection<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadConnection {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn delete_connection<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteConnection {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn reset<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ResetConnection {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn rotate_root<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(RotateRoot {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn write_connection<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(WriteConnection {
        mount: call.mount,
        name: name(call)?,
        connection: read_connection_fields(call.fields)?,
    }))
}

fn read_connection_fields(fields: &Fields<'_>) -> Result<Connection> {
    if fields.flag("disable_escaping")?.unwrap_or_default() {
        return Err(Error::invalid(
            "disable_escaping is not supported: names and passwords are always data",
        ));
    }
    let text = |name: &str| -> Result<Option<String>> {
        Ok(fields.text(name)?.map(|text| text.to_string()))
    };
    let count = |name: &str| -> Result<Option<u32>> {
        let large = |_| Error::invalid(format!("{name} is too large"));
        fields
            .count(name)?
            .map(u32::try_from)
            .transpose()
            .map_err(large)
    };
    let root_statements = match statements(fields, "root_rotation_statements")? {
        None => statements(fields, "root_credentials_rotate_statements")?,
        given => given,
    };
    let password = fields.text("password")?;
    let mut connection = Connection {
        plugin: text("plugin_name")?,
        url: text("connection_url")?,
        username: text("username")?,
        password: password.map(|text| SecretString::copy_from(&text).into()),
        allowed_roles: fields.list("allowed_roles")?,
        root_statements,
        password_policy: text("password_policy")?,
        username_template: text("username_template")?,
        max_open: count("max_open_connections")?,
        max_idle: count("max_idle_connections")?,
        max_lifetime: fields.duration("max_connection_lifetime")?,
        verify: fields.flag("verify_connection")?,
        ..Connection::default()
    };
    for name in fields.names().filter(|name| !OWN.contains(name)) {
        if let Some(value) = fields.text(name)? {
            connection
                .options
                .insert(name.to_owned(), value.to_string());
        }
    }
    Ok(connection)
}

/// Reads statements: one text, or a list of them. A text is not split at commas.
fn statements(fields: &Fields<'_>, name: &str) -> Result<Option<Vec<String>>> {
    let Some(json) = fields.raw(name) else {
        return Ok(None);
    };
    if json.trim_start().starts_with('"') {
        let text = fields.text(name)?.unwrap_or_default();
        let one = Some(text.to_string()).filter(|text| !text.is_empty());
        return Ok(Some(one.into_iter().collect()));
    }
    fields.list(name)
}

fn list_roles<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Kept::Roles)
}

fn read_role<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadRole {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn delete_role<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteRole {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn write_role<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    if let Some(kind) = fields.text("credential_type")?
        && kind.as_str() != "password"
    {
        return Err(Error::invalid("the credential_type of a role is password"));
    }
    Ok(Box::new(WriteRole {
        mount: call.mount,
        name: name(call)?,
        role: Role {
            config: fields.text("db_name")?.map(|text| text.to_string()),
            creation: statements(fields, "creation_statements")?,
            renewal: statements(fields, "renew_statements")?,
            rollback: statements(fields, "rollback_statements")?,
            revocation: statements(fields, "revocation_statements")?,
            default_ttl: fields.duration("default_ttl")?,
            max_ttl: fields.duration("max_ttl")?,
        },
    }))
}

fn issue<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(IssueCredentials {
        mount: call.mount,
        role: name(call)?,
    }))
}

fn list_static<'c>(call: &Call<'c>) -> Made<'c> {
    list(call, Kept::StaticRoles)
}

fn read_static<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadStaticRole {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn delete_static<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteStaticRole {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn static_credentials<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadStaticCredentials {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn rotate_static<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(RotateStatic {
        mount: call.mount,
        name: name(call)?,
    }))
}

/// `username` is one user; `dual_usernames`, ours, are two that take turns.
fn write_static<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let one = fields.text("username")?.map(|text| vec![text.to_string()]);
    let two = fields.list("dual_usernames")?;
    if one.is_some() && two.is_some() {
        return Err(Error::invalid("a role has a username or dual_usernames"));
    }
    let schedule = fields.text("rotation_schedule")?;
    let schedule = schedule.filter(|text| !text.is_empty());
    Ok(Box::new(WriteStaticRole {
        mount: call.mount,
        name: name(call)?,
        role: StaticRole {
            config: fields.text("db_name")?.map(|text| text.to_string()),
            usernames: one.or(two),
            statements: statements(fields, "rotation_statements")?,
            period: fields.duration("rotation_period")?,
            schedule: schedule.map(|text| text.to_string()),
            window: fields.duration("rotation_window")?,
            grace: fields.duration("grace_period")?,
        },
    }))
}

/// What is asked for, as audit records it and rules on parameters see it.
pub(super) fn connection(connection: &Connection) -> Json {
    let mut object = Object::new();
    let texts = [
        ("plugin_name", &connection.plugin),
        ("connection_url", &connection.url),
        ("username", &connection.username),
        ("password_policy", &connection.password_policy),
        ("username_template", &connection.username_template),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            object = object.text(name, value);
        }
    }
    if let Some(password) = &connection.password {
        object = object.text("password", password.expose());
    }
    if let Some(roles) = &connection.allowed_roles {
        object = object.list("allowed_roles", roles);
    }
    if let Some(statements) = &connection.root_statements {
        object = object.list("root_rotation_statements", statements);
    }
    for (name, value) in &connection.options {
        object = object.text(name, value);
    }
    object.finish()
}

/// A connection in Vault's shape.
pub(super) fn connection_info(info: &ConnectionInfo) -> Response {
    let mut details = Object::new()
        .text("connection_url", &info.url)
        .text(
            "max_connection_lifetime",
            &seconds(info.max_connection_lifetime),
        )
        .number("max_idle_connections", info.max_idle_connections)
        .number("max_open_connections", info.max_open_connections)
        .text("username", &info.username)
        .text("username_template", &info.username_template);
    for (name, value) in &info.options {
        details = details.text(name, value);
    }
    Response::data(
        Object::new()
            .list("allowed_roles", &info.allowed_roles)
            .object("connection_details", details)
            .text("password_policy", &info.password_policy)
            .text("plugin_name", &info.plugin)
            .text("plugin_version", "")
            .list(
                "root_credentials_rotate_statements",
                &info.root_rotation_statements,
            ),
    )
}

fn seconds(duration: Duration) -> String {
    crate::wire::go_duration(duration)
}

/// A role in Vault's shape.
pub(super) fn role_object(role: &Role) -> Object {
    let mut object = Object::new().text("credential_type", "password");
    if let Some(config) = &role.config {
        object = object.text("db_name", config);
    }
    let lists = [
        ("creation_statements", &role.creation),
        ("renew_statements", &role.renewal),
        ("revocation_statements", &role.revocation),
        ("rollback_statements", &role.rollback),
    ];
    for (name, value) in lists {
        if let Some(value) = value {
            object = object.list(name, value);
        }
    }
    for (name, value) in [("default_ttl", role.default_ttl), ("max_ttl", role.max_ttl)] {
        if let Some(value) = value {
            object = object.number(name, value.as_secs());
        }
    }
    object
}

/// Adds when a password is changed.
pub(super) fn times(
    mut object: Object,
    period: Option<Duration>,
    schedule: Option<&str>,
    window: Option<Duration>,
) -> Object {
    if let Some(period) = period {
        object = object.number("rotation_period", period.as_secs());
    }
    if let Some(schedule) = schedule {
        object = object.text("rotation_schedule", schedule);
    }
    match window.filter(|window| !window.is_zero()) {
        Some(window) => object.number("rotation_window", window.as_secs()),
        None => object,
    }
}

/// A static role in Vault's shape.
pub(super) fn static_object(role: &StaticRole) -> Object {
    let mut object = Object::new().text("credential_type", "password");
    if let Some(config) = &role.config {
        object = object.text("db_name", config);
    }
    if let Some(statements) = &role.statements {
        object = object.list("rotation_statements", statements);
    }
    object = times(object, role.period, role.schedule.as_deref(), role.window);
    match role.usernames.as_deref() {
        Some([one]) => object.text("username", one),
        Some(two) => {
            let grace = role.grace.unwrap_or_default().as_secs();
            object
                .list("dual_usernames", two)
                .number("grace_period", grace)
        }
        None => object,
    }
}
