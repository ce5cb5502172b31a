//! What a login comes to.

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
    /// Gives somebody who proved who they are their token.
    pub(crate) fn grant(
        cx: &mut Context<'_, '_>,
        params: &TokenParams,
        login: Login,
    ) -> Result<Self> {
        let created = issue(cx, params, login)?;
        Ok(Self::Granted(Box::new(created)))
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
