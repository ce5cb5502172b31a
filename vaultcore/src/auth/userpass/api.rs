//! Vault's paths and JSON of users.

use super::{DeleteUser, ListUsers, Login, Part, ReadUser, User, WriteUser};
use crate::auth::name;
use crate::auth::options::TokenOptions;
use crate::auth::password::Chosen;
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::secret::SecretString;
use crate::wire::{Fields, Object, Response, Route, Shape, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The fields, and what they were called before.
const OLD_NAMES: &[(&str, &str)] = &[
    ("token_policies", "policies"),
    ("token_bound_cidrs", "bound_cidrs"),
    ("token_ttl", "ttl"),
    ("token_max_ttl", "max_ttl"),
];

/// The paths below the mount.
pub(super) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "login/{name}",
        verbs: &[(Verb::Write, login)],
    },
    Route {
        pattern: "users",
        verbs: &[(Verb::List, list)],
    },
    Route {
        pattern: "users/{name}",
        verbs: &[
            (Verb::Read, read),
            (Verb::Write, write),
            (Verb::Delete, delete),
        ],
    },
    Route {
        pattern: "users/{name}/password",
        verbs: &[(Verb::Write, write_password)],
    },
    Route {
        pattern: "users/{name}/policies",
        verbs: &[(Verb::Write, write_policies)],
    },
];

fn user_name(call: &Call<'_>) -> Result<String> {
    name::canonical(call.captures.get("name"))
}

fn password(fields: &Fields<'_>) -> Result<Option<SecretString>> {
    if fields.has("password_hash") {
        return Err(Error::invalid(
            "a password is given as such: hashes that others made are not taken",
        ));
    }
    let text = fields.text("password")?;
    let text = text.filter(|text| !text.is_empty());
    Ok(text.map(|text| SecretString::copy_from(&text)))
}

fn login<'c>(call: &Call<'c>) -> Made<'c> {
    // What is no text is as good as none.
    let password = call.fields.text("password").ok().flatten();
    let password = SecretString::copy_from(&password.unwrap_or_default());
    let name = call.captures.get("name");
    Ok(Box::new(Login::new(call.mount, name, password)))
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ListUsers {
        mount: call.mount,
        page: page(call.fields)?,
    }))
}

fn read<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadUser {
        mount: call.mount,
        name: user_name(call)?,
    }))
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(DeleteUser {
        mount: call.mount,
        name: user_name(call)?,
    }))
}

fn write<'c>(call: &Call<'c>) -> Made<'c> {
    let options = TokenOptions::read(call.fields, OLD_NAMES)?;
    changed(call, Part::Whole, password(call.fields)?, options)
}

fn write_password<'c>(call: &Call<'c>) -> Made<'c> {
    let missing = || Error::invalid("missing password");
    let password = password(call.fields)?.ok_or_else(missing)?;
    changed(call, Part::Password, Some(password), TokenOptions::new())
}

fn write_policies<'c>(call: &Call<'c>) -> Made<'c> {
    let options = TokenOptions::read(call.fields, OLD_NAMES)?.policies_alone();
    changed(call, Part::Policies, None, options)
}

fn changed<'c>(
    call: &Call<'c>,
    part: Part,
    password: Option<SecretString>,
    options: TokenOptions,
) -> Made<'c> {
    Ok(Box::new(WriteUser {
        mount: call.mount,
        name: user_name(call)?,
        part,
        password,
        options,
        chosen: Chosen::default(),
    }))
}

/// The reply of reading a user.
pub(super) fn user(user: Option<&User>) -> Response {
    match user {
        Some(user) => Response::data(user.params.output(Object::new())),
        None => Response::empty().shaped(Shape::NotFound),
    }
}
