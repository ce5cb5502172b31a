//! Tokens as an auth method: the one that is built in, at `auth/token/`.

pub(crate) mod api;
mod create;
mod lookup;
mod new;
mod renew;
mod revoke;
mod roles;

pub use lookup::TokenInfo;
pub use new::NewToken;

pub(crate) use create::{CreateToken, MakeRoot, Via, root_token};
pub(crate) use lookup::{ListAccessors, LookupToken};
pub(crate) use renew::RenewToken;
pub(crate) use revoke::{ExpireToken, RevokeStepOf, RevokeToken, TidyTokens};
pub(crate) use roles::{DeleteRole, ListRoles, ReadRole, WriteRole};

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::mount::NamespaceTable;
use crate::operation::{Access, Actor, Capability, Context};
use crate::token::{Lookup, Presented, State, Token, authenticate, find_accessor};

/// Which token an operation is about.
#[derive(Clone)]
pub(crate) enum Subject {
    /// The caller's own.
    Own,
    /// The one with this text.
    Secret(Zeroizing<String>),
    /// The one with this accessor.
    Accessor(String),
}

impl Subject {
    /// Returns the token, if it is in force.
    ///
    /// # Errors
    /// `PermissionDenied` for a text, `NotFound` for an accessor that names none.
    pub(crate) fn find(&self, cx: &mut Context<'_, '_>) -> Result<Token> {
        match self {
            Self::Own => cx.token().cloned(),
            Self::Secret(text) => {
                let own = cx
                    .secret
                    .is_some_and(|secret| secret.expose() == text.as_str());
                if own && matches!(cx.actor, Actor::Token(_)) {
                    return cx.token().cloned(); // it was looked up, and its use was taken
                }
                let token = match authenticate(cx.txn, &Presented::new(text))? {
                    Lookup::Valid(token) => token,
                    Lookup::Limited | Lookup::Invalid => limited(cx, text)?,
                };
                match cx.judge.serves(cx.txn, &token)? {
                    true => Ok(token),
                    false => Err(bad_token()),
                }
            }
            Self::Accessor(accessor) => {
                if let Actor::Token(own) = cx.actor
                    && own.id.is_some()
                    && own.entry.accessor == *accessor
                {
                    return Ok((**own).clone()); // as with its text
                }
                let token = by_accessor(cx, accessor)?;
                let entry = &token.entry;
                let alive = entry.state == State::Active && !entry.expired(cx.txn.now());
                match alive && cx.judge.serves(cx.txn, &token)? {
                    true => Ok(token),
                    false => Err(unknown_accessor()),
                }
            }
        }
    }

    /// Returns the text of the token, if it is known.
    pub(crate) fn text<'s>(&'s self, cx: &Context<'s, '_>) -> &'s str {
        match self {
            Self::Own => cx.secret.map_or("", |secret| secret.expose()),
            Self::Secret(text) => text,
            Self::Accessor(_) => "",
        }
    }

    /// Returns the last part of the paths of operations on it.
    fn suffix(&self) -> &'static str {
        match self {
            Self::Own => "-self",
            Self::Secret(_) => "",
            Self::Accessor(_) => "-accessor",
        }
    }

    fn access(&self, verb: &str, own: Capability) -> Vec<Access> {
        let capability = match self {
            Self::Own => own,
            _ => Capability::Update,
        };
        let path = format!("auth/token/{verb}{}", self.suffix());
        vec![Access::new(path, capability)]
    }
}

/// Returns the stored token that `accessor` names, in whatever state it is.
///
/// # Errors
/// `InvalidArgument` if there is none in the namespace of the request or below it: an accessor is
/// no secret, so that it must not lead out.
fn by_accessor(cx: &mut Context<'_, '_>, accessor: &str) -> Result<Token> {
    let token = find_accessor(cx.txn, accessor)?.ok_or_else(unknown_accessor)?;
    if token.namespace == cx.space.id {
        return Ok(token);
    }
    let table = NamespaceTable::load(cx.txn)?;
    let path = table.path(token.namespace);
    match path.is_some_and(|path| path.starts_with(cx.space.path)) {
        true => Ok(token),
        false => Err(unknown_accessor()),
    }
}

fn unknown_accessor() -> Error {
    Error::invalid("invalid accessor")
}

/// A token with limited uses may be looked at without taking one.
fn limited(cx: &mut Context<'_, '_>, text: &str) -> Result<Token> {
    let token = crate::token::find_secret(cx.txn, text)?.ok_or_else(bad_token)?;
    let alive = !token.entry.expired(cx.txn.now()) && token.entry.state == State::Active;
    alive.then_some(token).ok_or_else(bad_token)
}

fn bad_token() -> Error {
    Error::new(ErrorKind::PermissionDenied, "bad token")
}
