//! What a login comes to.

use super::entity::entity_of;
use super::params::{Login, TokenParams, auth, issue};
use crate::error::{Error, Result};
use crate::operation::Context;
use crate::secret::SecretString;
use crate::token::Created;
use crate::wire::Response;

/// What a login came to. One that is refused may have something to commit, which an error could
/// not: that it was tried.
pub(crate) enum LoginOutcome {
    Granted(Box<Created>),
    Refused,
}

impl LoginOutcome {
    /// Gives somebody who proved that they are `alias` their token.
    pub(crate) fn grant(
        cx: &mut Context<'_, '_>,
        params: &TokenParams,
        alias: &str,
        mut login: Login,
    ) -> Result<Self> {
        login.entity = entity_of(cx, alias, &login.metadata)?;
        issue(cx, params, login).map(Box::new).map(Self::Granted)
    }

    /// Returns the token; `refused` is what to say if there is none.
    pub(crate) fn token(self, refused: impl FnOnce() -> Error) -> Result<SecretString> {
        match self {
            Self::Granted(created) => Ok(created.secret),
            Self::Refused => Err(refused()),
        }
    }

    pub(crate) fn output(&self, refused: impl FnOnce() -> Error) -> Result<Response> {
        match self {
            Self::Granted(created) => Ok(Response::auth(auth(created, &[]))),
            Self::Refused => Err(refused()),
        }
    }
}
