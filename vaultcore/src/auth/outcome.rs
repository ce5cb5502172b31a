//! What a login comes to.

use std::sync::Arc;

use super::entity::entity_of;
use super::params::{Login, TokenParams, auth, issue};
use crate::error::{Error, Result};
use crate::operation::Context;
use crate::secret::SecretString;
use crate::token::{Created, Token};
use crate::wire::Response;

/// What a login came to. One that is refused may have something to commit, which an error could
/// not: that it was tried.
pub(crate) enum LoginOutcome {
    Granted(Box<Granted>),
    Refused,
}

/// The token that somebody got.
pub(crate) struct Granted {
    created: Created,
    /// The policies that it has by who holds it.
    identity: Vec<String>,
}

impl LoginOutcome {
    /// Gives somebody who proved that they are `alias` their token.
    pub(crate) fn grant(
        cx: &mut Context<'_, '_>,
        params: &TokenParams,
        alias: &str,
        mut login: Login,
    ) -> Result<Self> {
        login.entity = Some(entity_of(cx, alias, &login.groups)?);
        let created = issue(cx, params, login)?;
        let identity = match created.entry.entity {
            Some(_) => {
                let token = Token {
                    id: created.id,
                    namespace: cx.space.id,
                    entry: Arc::new(created.entry.clone()),
                };
                cx.judge.identity_policies(cx.txn, &token)?
            }
            None => Vec::new(),
        };
        Ok(Self::Granted(Box::new(Granted { created, identity })))
    }

    /// Returns the token; `refused` is what to say if there is none.
    pub(crate) fn token(self, refused: impl FnOnce() -> Error) -> Result<SecretString> {
        match self {
            Self::Granted(granted) => Ok(granted.created.secret),
            Self::Refused => Err(refused()),
        }
    }

    pub(crate) fn output(&self, refused: impl FnOnce() -> Error) -> Result<Response> {
        match self {
            Self::Granted(granted) => {
                let auth = auth(&granted.created, &granted.identity);
                Ok(Response::auth(auth))
            }
            Self::Refused => Err(refused()),
        }
    }
}
