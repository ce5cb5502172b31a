//! Revoking of tokens.

use super::{Subject, api, by_accessor};
use crate::error::{Error, Result};
use crate::id::{NamespaceId, TokenId};
use crate::lease;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::EntryPath;
use crate::token::{self, Lookup, Presented, RevokeStep, authenticate, find_secret};
use crate::wire::{Json, Object, Response, Shape};

/// Revokes a token, with its children or without.
pub(crate) struct RevokeToken {
    pub(crate) subject: Subject,
    /// Whether its children become orphans instead.
    pub(crate) orphan: bool,
}

impl Operation for RevokeToken {
    /// The work of revoking what is below, if there was such a token.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        if self.orphan {
            let path = "auth/token/revoke-orphan";
            return Ok(vec![Access::new(path, Capability::Update).sudo()]);
        }
        Ok(self.subject.access("revoke", Capability::Update))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let token = match &self.subject {
            Subject::Own => Some(cx.token()?.clone()),
            Subject::Secret(text) => match authenticate(cx.txn, &Presented::new(text))? {
                Lookup::Valid(token) => Some(token),
                Lookup::Limited | Lookup::Invalid => find_secret(cx.txn, text)?,
            },
            Subject::Accessor(accessor) => Some(by_accessor(cx, accessor)?),
        };
        let Some(token) = token else {
            return match self.orphan {
                true => Err(Error::invalid("there is no such token to be revoked")),
                false => Ok(None),
            };
        };
        match self.orphan {
            true => token::revoke_only(cx.txn, &token).map(Some),
            false => token::begin_revocation(cx.txn, &token).map(Some),
        }
    }

    fn input(&self) -> Json {
        api::subject(&self.subject).finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()).waiting())
    }
}

/// What repairs tokens in Vault.
pub(crate) struct TidyTokens;

impl Operation for TidyTokens {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new("auth/token/tidy", Capability::Update)])
    }

    /// Tokens, and what finds them, change in one commit: there is nothing to be repaired.
    fn perform(&self, _: &mut Context<'_, '_>) -> Result<()> {
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty().shaped(Shape::Accepted).warned(vec![
            "Tokens and what finds them change together: there is nothing to tidy.".into(),
        ]))
    }
}

/// Takes the next step of a revocation.
pub(crate) struct RevokeStepOf {
    pub(crate) work: EntryPath,
    pub(crate) node: Option<(NamespaceId, TokenId)>,
}

impl Operation for RevokeStepOf {
    type Reply = RevokeStep;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// It was allowed when it was begun.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<RevokeStep> {
        token::step(cx.txn, &self.work, self.node, |txn, id| {
            Ok(lease::detach_page(txn, id)? > 0)
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &RevokeStep) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Begins to revoke a token that ran out.
pub(crate) struct ExpireToken {
    pub(crate) due: EntryPath,
}

impl Operation for ExpireToken {
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// It was decided when the token was made.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        token::expire(cx.txn, &self.due)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()))
    }
}
