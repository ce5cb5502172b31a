//! Vault's paths and JSON of wrapping.

use zeroize::Zeroizing;

use super::{LookupWrapping, Rewrap, Unwrap, Unwrapped, Wrap};
use crate::auth::token::Subject;
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::wire::{Fields, Json, Leased, Object, Response, Route, Shape, Verb};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/wrapping/`.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "wrap",
        verbs: &[(Verb::Write, wrap)],
    },
    Route {
        pattern: "lookup",
        verbs: &[(Verb::Write, lookup), (Verb::Read, lookup)],
    },
    Route {
        pattern: "unwrap",
        verbs: &[(Verb::Write, unwrap)],
    },
    Route {
        pattern: "rewrap",
        verbs: &[(Verb::Write, rewrap)],
    },
];

fn wrap<'c>(call: &Call<'c>) -> Made<'c> {
    let json = call.fields.whole();
    let json: &[u8] = if json.is_empty() { b"{}" } else { json };
    Ok(Box::new(Wrap { json }))
}

fn subject(call: &Call<'_>) -> Result<Subject> {
    let text = call.fields.text("token")?.filter(|text| !text.is_empty());
    Ok(text.map_or(Subject::Own, Subject::Secret))
}

fn lookup<'c>(call: &Call<'c>) -> Made<'c> {
    let subject = subject(call)?;
    Ok(Box::new(LookupWrapping { subject }))
}

fn unwrap<'c>(call: &Call<'c>) -> Made<'c> {
    let subject = subject(call)?;
    Ok(Box::new(Unwrap { subject }))
}

fn rewrap<'c>(call: &Call<'c>) -> Made<'c> {
    let subject = subject(call)?;
    Ok(Box::new(Rewrap { subject }))
}

/// The request that names a wrapping token.
pub(super) fn named(subject: &Subject) -> Json {
    match subject {
        Subject::Secret(text) => Object::new().text("token", text).finish(),
        _ => Object::new().finish(),
    }
}

/// The reply that was kept.
pub(super) fn unwrapped(unwrapped: &Unwrapped) -> Result<Response> {
    let corrupt = |_| Error::corrupt("a stored reply does not parse");
    let fields = Fields::parse(&unwrapped.json).map_err(corrupt)?;
    let part = |name: &str| {
        let json = fields.raw(name)?;
        Some(Zeroizing::new(json.as_bytes().to_vec()))
    };
    let warnings = fields.list("warnings")?.unwrap_or_default();
    let id = fields.text("lease_id")?;
    let lease = match id {
        Some(id) => Some(Leased {
            id: id.to_string(),
            renewable: fields.flag("renewable")?.unwrap_or_default(),
            ttl: fields.duration("lease_duration")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Response {
        lease,
        data: part("data"),
        auth_json: part("auth"),
        warnings: warnings.into_iter().map(Into::into).collect(),
        shape: Shape::Envelope,
        rest: vec![unwrapped.rest.clone()],
        ..Response::default()
    })
}
