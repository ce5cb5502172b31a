//! Operations that a request was turned into.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::barrier::Txn;
use crate::engine::wrapping;
use crate::error::{Error, Result};
use crate::id::LeaseKey;
use crate::operation::{
    Access, Admission, Answer, Capability, Context, Erased, Operation, Outside, Replied, Target,
};
use crate::wire::{Fields, Json, Response, Shape, Verb};

/// The operation of a request, whose reply is wrapped if the request asks for that.
pub(super) struct Routed<'c> {
    pub(super) operation: Box<dyn Erased + 'c>,
    pub(super) body: &'c [u8],
    pub(super) fields: &'c Fields<'c>,
    pub(super) path: &'c str,
    pub(super) wrap: Option<Duration>,
}

/// What the operation replied, and the answer once there is nothing left to do.
pub(super) struct Reply {
    replied: Replied,
    answer: Option<Answer>,
}

impl Reply {
    /// Returns the answer.
    pub(super) fn into_answer(self) -> Answer {
        let early = || {
            Err(Error::invalid(
                "an answer was asked for before it was complete",
            ))
        };
        self.answer.unwrap_or_else(early)
    }
}

impl Operation for Routed<'_> {
    type Reply = Reply;

    fn target(&self) -> Target<'_> {
        self.operation.target()
    }

    fn admission(&self) -> Admission {
        self.operation.admission()
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.operation.access(cx)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Reply> {
        let mut replied = self.operation.respond(cx)?;
        let more = self.operation.outside(&mut replied).is_some();
        let answer = match more {
            true => None,
            false => Some(self.answer(cx, &replied)?),
        };
        Ok(Reply { replied, answer })
    }

    fn outside<'r>(&'r self, reply: &'r mut Reply) -> Option<Box<dyn Outside + 'r>> {
        self.operation.outside(&mut reply.replied)?;
        Some(Box::new(RoutedOutside {
            routed: self,
            reply,
        }))
    }

    fn wrap_ttl(&self) -> Option<Duration> {
        self.wrap
    }

    /// What was sent, whatever the operation took of it.
    fn input(&self) -> Json {
        Zeroizing::new(self.body.to_vec())
    }

    fn output(&self, reply: &Reply) -> Result<Response> {
        match &reply.answer {
            Some(Ok(response)) => Ok(response.copy()),
            Some(Err(error)) => Err(Error::new(error.kind(), error.to_string())),
            None => Ok(Response::empty()),
        }
    }
}

impl Routed<'_> {
    /// Returns what is answered, wrapped if the request asks for that.
    fn answer(&self, cx: &mut Context<'_, '_>, replied: &Replied) -> Result<Answer> {
        let mut answer = self.operation.answer(replied);
        if let Ok(response) = &mut answer {
            self.warn_of_unknown(response);
        }
        match (&answer, self.wrap) {
            (Ok(response), Some(ttl)) if wrapping::worth(response) => {
                wrapping::wrap(cx, response, ttl, self.path).map(Ok)
            }
            _ => Ok(answer),
        }
    }
}

impl Routed<'_> {
    /// Says which fields of the request meant nothing, as in Vault: of an answer that says anything.
    fn warn_of_unknown(&self, response: &mut Response) {
        let bare = matches!(response.shape, Shape::Bare(_));
        if bare || response.data.is_none() && response.auth.is_none() {
            return;
        }
        let names: Vec<&str> = self.fields.unasked().collect();
        if !names.is_empty() {
            let names = names.join(" ");
            let text = format!("Endpoint ignored these unrecognized parameters: [{names}]");
            response.warnings.push(text.into());
        }
    }
}

/// What the operation of a request does outside; the answer is made when that is complete.
struct RoutedOutside<'r, 'c> {
    routed: &'r Routed<'c>,
    reply: &'r mut Reply,
}

impl Outside for RoutedOutside<'_, '_> {
    fn act(&mut self) -> Result<()> {
        let outside = self.routed.operation.outside(&mut self.reply.replied);
        outside.map_or(Ok(()), |mut outside| outside.act())
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        let outside = self.routed.operation.outside(&mut self.reply.replied);
        outside.map_or(Ok(()), |mut outside| outside.complete(cx))?;
        self.reply.answer = Some(self.routed.answer(cx, &self.reply.replied)?);
        Ok(())
    }

    fn again(&mut self) -> bool {
        let outside = self.routed.operation.outside(&mut self.reply.replied);
        outside.is_some_and(|mut outside| outside.again())
    }

    fn abandon(&mut self, txn: &mut Txn<'_>) -> Result<()> {
        let outside = self.routed.operation.outside(&mut self.reply.replied);
        outside.map_or(Ok(()), |mut outside| outside.abandon(txn))
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        let mut outside = self.routed.operation.outside(&mut self.reply.replied)?;
        outside.lease()
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
