//! The clock: that somebody looked at it, and it is right.

use super::{only_root, protected};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::operation::{Access, Call, Capability, Context, Erased, Handler, Operation, Target};
use crate::wire::{Json, Object, Response, Route, Verb};

/// The paths below `sys/` that are about the clock.
pub(crate) const ROUTES: &[Route<Handler>] = &[Route {
    pattern: "clock/confirm",
    verbs: &[(Verb::Write, confirm)],
}];

fn confirm<'c>(_: &Call<'c>) -> Result<Box<dyn Erased + 'c>> {
    Ok(Box::new(ConfirmClock))
}

/// Makes the time of the wall clock the vault's.
pub(crate) struct ConfirmClock;

impl Operation for ConfirmClock {
    /// The time from now on.
    type Reply = Timestamp;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("clock/confirm", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Timestamp> {
        cx.txn.confirm_clock()
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, time: &Timestamp) -> Result<Response> {
        let time = time.to_string();
        Ok(Response::data(Object::new().text("time", &time)))
    }
}
