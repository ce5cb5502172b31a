//! Response wrapping: a reply is kept in the cubbyhole of a token that is good for one reading.
//!
//! The token and what it holds are written in the commit of the request itself, and unwrapping
//! marks the token in the commit that reads: exactly one unwrap wins, in whichever process.

mod api;

pub(crate) use api::ROUTES;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::auth::token::Subject;
use crate::clock::Timestamp;
use crate::engine::cubbyhole;
use crate::error::{Error, Result};
use crate::lease::SYSTEM_TTL;
use crate::operation::{Access, Actor, Admission, Capability, Context, Operation, Target};
use crate::path::EntryPath;
use crate::token::{
    State, Token, TokenEntry, TokenKind, Uses, WRAPPING_POLICY, begin_revocation, create,
    find_secret, micros,
};
use crate::wire::{Fields, Json, Object, Response, WrapInfo};

/// The longest that a reply is kept: 32 days, as tokens live in Vault.
const MAX_TTL: Duration = SYSTEM_TTL;
/// Where in the cubbyhole the reply is.
const REPLY: &str = "response";
/// Where in the cubbyhole stands what is known of it.
const INFO: &str = "wrapinfo";

/// What is known of a wrapped reply.
#[derive(Serialize, Deserialize)]
struct Info {
    creation_time: Timestamp,
    creation_ttl: u64, // microseconds
    creation_path: String,
}

/// Returns whether there is anything in a reply to be kept.
pub(crate) fn worth(response: &Response) -> bool {
    let secret = response.data.is_some() || response.auth.is_some() || response.auth_json.is_some();
    secret && response.wrap_info.is_none() && !response.lists_nothing()
}

/// Keeps `response` for `ttl`, and returns the reply that says where.
///
/// # Errors
/// `InvalidArgument` for a TTL beyond 32 days.
pub(crate) fn wrap(
    cx: &mut Context<'_, '_>,
    response: &Response,
    ttl: Duration,
    path: &str,
) -> Result<Response> {
    let mut kept = Object::new();
    kept = match &response.data {
        Some(data) => kept.raw("data", data),
        None => kept.null("data"),
    };
    kept = match (&response.auth, &response.auth_json) {
        (Some(auth), _) => kept.object("auth", auth.object()),
        (None, Some(json)) => kept.raw("auth", json),
        (None, None) => kept.null("auth"),
    };
    if let Some(lease) = &response.lease {
        kept = kept
            .text("lease_id", &lease.id)
            .flag("renewable", lease.renewable)
            .number("lease_duration", lease.ttl.as_secs());
    }
    if !response.warnings.is_empty() {
        kept = kept.list("warnings", &response.warnings);
    }
    let info = keep(cx, &kept.finish(), ttl, path)?;
    Ok(Response {
        wrap_info: Some(WrapInfo {
            wrapped_accessor: accessor_in(response)?,
            ..info
        }),
        rest: response.rest.clone(),
        ..Response::default()
    })
}

/// Returns the accessor of the token, or of the secret id, that a reply holds.
fn accessor_in(response: &Response) -> Result<String> {
    if let Some(auth) = &response.auth {
        return Ok(auth.accessor.clone());
    }
    let Some(data) = response.data.as_ref() else {
        return Ok(String::new());
    };
    let named = Fields::parse(data)?.text("secret_id_accessor")?;
    Ok(named.map(|text| text.to_string()).unwrap_or_default())
}

/// Keeps the text of a reply for `ttl`.
fn keep(cx: &mut Context<'_, '_>, json: &[u8], ttl: Duration, path: &str) -> Result<WrapInfo> {
    if ttl.is_zero() || ttl > MAX_TTL {
        return Err(Error::invalid("a reply is wrapped for at most 768 hours"));
    }
    let now = cx.txn.now();
    let policies = vec![WRAPPING_POLICY.to_owned()];
    let mut entry = TokenEntry::new(TokenKind::Service, policies, path);
    entry.live_for(now, ttl);
    entry.explicit_max_ttl = micros(ttl);
    entry.uses = Some(Uses::new(1));
    let created = create(cx.txn, cx.space.id, entry, None)?;
    let token = Token {
        id: created.id,
        namespace: cx.space.id,
        entry: created.entry.into(),
    };
    cubbyhole::store(cx, &token, REPLY, json)?;
    let info = Object::new()
        .number("creation_time", now.as_micros())
        .number("creation_ttl", micros(ttl))
        .text("creation_path", path)
        .finish();
    cubbyhole::store(cx, &token, INFO, &info)?;
    Ok(WrapInfo {
        token: created.secret,
        accessor: token.entry.accessor.clone(),
        ttl,
        creation_time: now,
        creation_path: path.to_owned(),
        wrapped_accessor: String::new(),
    })
}

/// Finds the wrapping token that a request is about: the one it names, or the caller's own.
fn wrapping_token(cx: &mut Context<'_, '_>, subject: &Subject) -> Result<Token> {
    let token = match (subject, cx.actor) {
        (Subject::Secret(text), _) => find_valid(cx, text)?,
        (_, Actor::Token(token)) => Some((**token).clone()),
        _ => None,
    };
    let wraps = |token: &Token| {
        token.id.is_some()
            && token
                .entry
                .policies
                .iter()
                .any(|name| name == WRAPPING_POLICY)
    };
    token.filter(wraps).ok_or_else(no_wrapping_token)
}

fn find_valid(cx: &mut Context<'_, '_>, text: &str) -> Result<Option<Token>> {
    let now = cx.txn.now();
    let valid = |token: &Token| token.entry.state == State::Active && !token.entry.expired(now);
    match find_secret(cx.txn, text)?.filter(valid) {
        // Those of a namespace that was deleted are still stored for a while.
        Some(token) if cx.judge.serves(cx.txn, &token)? => Ok(Some(token)),
        _ => Ok(None),
    }
}

fn no_wrapping_token() -> Error {
    Error::invalid("wrapping token is not valid or does not exist")
}

fn info(cx: &mut Context<'_, '_>, token: &Token) -> Result<Info> {
    let json = cubbyhole::load(cx, token, INFO)?.ok_or_else(no_wrapping_token)?;
    serde_json::from_slice(&json).map_err(|_| Error::corrupt("stored wrap info does not parse"))
}

/// Keeps whatever the caller sends, wrapped; the request names the TTL.
pub(crate) struct Wrap<'d> {
    pub(crate) json: &'d [u8],
}

impl Operation for Wrap<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new("sys/wrapping/wrap", Capability::Update)])
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<()> {
        Ok(())
    }

    fn input(&self) -> Json {
        Zeroizing::new(self.json.to_vec())
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response {
            data: Some(Zeroizing::new(self.json.to_vec())),
            ..Response::default()
        })
    }
}

/// What [`LookupWrapping`] found.
pub(crate) struct Found {
    ttl: Duration,
    time: Timestamp,
    path: String,
}

/// Looks at a wrapping token without using it up.
pub(crate) struct LookupWrapping {
    pub(crate) subject: Subject,
}

impl Operation for LookupWrapping {
    type Reply = Found;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// Whoever has the token may look, as in Vault.
    fn admission(&self) -> Admission {
        Admission::Anyone
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new("sys/wrapping/lookup", Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Found> {
        let token = wrapping_token(cx, &self.subject)?;
        let info = info(cx, &token)?;
        Ok(Found {
            ttl: Duration::from_micros(info.creation_ttl),
            time: info.creation_time,
            path: info.creation_path,
        })
    }

    fn input(&self) -> Json {
        api::named(&self.subject)
    }

    fn output(&self, found: &Found) -> Result<Response> {
        Ok(Response::data(
            Object::new()
                .text("creation_path", &found.path)
                .time("creation_time", Some(found.time))
                .number("creation_ttl", found.ttl.as_secs()),
        ))
    }
}

/// Returns what a wrapping token holds, once.
pub(crate) struct Unwrap {
    pub(crate) subject: Subject,
}

/// A reply that was kept, and the work of ending its token.
pub(crate) struct Unwrapped {
    pub(crate) json: Json,
    pub(crate) rest: EntryPath,
}

impl Operation for Unwrap {
    type Reply = Unwrapped;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new("sys/wrapping/unwrap", Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Unwrapped> {
        let token = wrapping_token(cx, &self.subject)?;
        let json = cubbyhole::load(cx, &token, REPLY)?.ok_or_else(no_wrapping_token)?;
        let rest = begin_revocation(cx.txn, &token)?;
        Ok(Unwrapped { json, rest })
    }

    fn input(&self) -> Json {
        api::named(&self.subject)
    }

    fn output(&self, unwrapped: &Unwrapped) -> Result<Response> {
        api::unwrapped(unwrapped)
    }
}

/// Moves what a wrapping token holds to a new one, with the TTL and the path of the first.
pub(crate) struct Rewrap {
    pub(crate) subject: Subject,
}

/// A reply that was wrapped anew.
pub(crate) struct Rewrapped {
    info: WrapInfo,
    rest: EntryPath,
}

impl Operation for Rewrap {
    type Reply = Rewrapped;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new("sys/wrapping/rewrap", Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Rewrapped> {
        let token = wrapping_token(cx, &self.subject)?;
        let json = cubbyhole::load(cx, &token, REPLY)?.ok_or_else(no_wrapping_token)?;
        let old = info(cx, &token)?;
        let rest = begin_revocation(cx.txn, &token)?;
        let ttl = Duration::from_micros(old.creation_ttl);
        let info = keep(cx, &json, ttl, &old.creation_path)?;
        Ok(Rewrapped { info, rest })
    }

    fn input(&self) -> Json {
        api::named(&self.subject)
    }

    fn output(&self, rewrapped: &Rewrapped) -> Result<Response> {
        Ok(Response {
            wrap_info: Some(rewrapped.info.copy()),
            rest: vec![rewrapped.rest.clone()],
            ..Response::default()
        })
    }
}
