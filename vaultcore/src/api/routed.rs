//! Operations that a request was turned into.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::engine::wrapping;
use crate::error::{Error, Result};
use crate::operation::{Access, Admission, Answer, Capability, Context, Erased, Operation, Target};
use crate::wire::{Json, Response, Verb};

/// The operation of a request, whose reply is wrapped if the request asks for that.
pub(super) struct Routed<'c> {
    pub(super) operation: Box<dyn Erased + 'c>,
    pub(super) body: &'c [u8],
    pub(super) path: &'c str,
    pub(super) wrap: Option<Duration>,
}

impl Operation for Routed<'_> {
    type Reply = Answer;

    fn target(&self) -> Target<'_> {
        self.operation.target()
    }

    fn admission(&self) -> Admission {
        self.operation.admission()
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.operation.access(cx)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Answer> {
        let answer = self.operation.respond(cx)?;
        match (&answer, self.wrap) {
            (Ok(response), Some(ttl)) if wrapping::worth(response) => {
                wrapping::wrap(cx, response, ttl, self.path).map(Ok)
            }
            _ => Ok(answer),
        }
    }

    fn wrap_ttl(&self) -> Option<Duration> {
        self.wrap
    }

    /// What was sent, whatever the operation took of it.
    fn input(&self) -> Json {
        Zeroizing::new(self.body.to_vec())
    }

    fn output(&self, answer: &Answer) -> Result<Response> {
        match answer {
            Ok(response) => Ok(response.copy()),
            Err(error) => Err(Error::new(error.kind(), error.to_string())),
        }
    }
}

/// A request that nothing answers, or that cannot be: whoever may not ask is told so first.
pub(super) struct Refused<'c> {
    pub(super) path: String,
    pub(super) verb: Verb,
    pub(super) body: &'c [u8],
    pub(super) error: fn() -> Error,
}

impl Operation for Refused<'_> {
    type Reply = Response;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(self.path.clone(), capability(self.verb))])
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<Response> {
        Err((self.error)())
    }

    fn input(&self) -> Json {
        Zeroizing::new(self.body.to_vec())
    }

    fn output(&self, reply: &Response) -> Result<Response> {
        Ok(reply.copy())
    }
}

/// Returns what a verb takes where nothing more is known.
fn capability(verb: Verb) -> Capability {
    match verb {
        Verb::Read => Capability::Read,
        Verb::List => Capability::List,
        Verb::Scan => Capability::Scan,
        Verb::Write => Capability::Update,
        Verb::Patch => Capability::Patch,
        Verb::Delete => Capability::Delete,
    }
}
