//! What an operation leaves to be done outside, between two commits of its own.

use super::Vault;
use super::config::Config;
use super::open::OpenVault;
use super::run::{Caller, Use, Who, resolve};
use super::trail::Trail;
use crate::barrier::Txn;
use crate::error::Result;
use crate::lease;
use crate::operation::{Actor, Admission, Context, Operation};
use crate::rights;
use crate::token::{self, State, Token};

impl Vault {
    /// Does what an operation leaves to be done outside, and records that it is done. If either
    /// fails, what it is leased by is ended.
    pub(super) fn beyond<O: Operation>(
        &self,
        open: &OpenVault,
        (caller, taken): (&Caller, Use),
        operation: &O,
        mut reply: O::Reply,
    ) -> Result<O::Reply> {
        if let Some(mut outside) = operation.outside(&mut reply) {
            let lease = match outside.lease() {
                Some(key) => Some(open.transact(|txn, _| lease::pending(txn, key))?),
                None => None,
            };
            let mut once = || {
                outside.act()?;
                open.transact(|txn, config| {
                    let complete = |cx: &mut Context<'_, '_>| outside.complete(cx);
                    self.still_allowed(txn, config, (caller, taken), operation, complete)
                })?;
                Ok(outside.again())
            };
            let done = loop {
                match once() {
                    Ok(true) => {}
                    done => break done,
                }
            };
            if let Err(error) = done {
                // What cannot be undone, or recorded, now is seen to by the background work.
                let _ = match lease {
                    Some(lease) => self.undo(open, &lease),
                    None => open.transact(|txn, _| outside.abandon(txn)),
                };
                return Err(error);
            }
        }
        Ok(reply)
    }

    /// Finds out whether who asked is still there. The call has its use of a token that has so many,
    /// the last one too.
    fn still_there(
        &self,
        txn: &mut Txn<'_>,
        config: &Config,
        (caller, taken): (&Caller, Use),
    ) -> Result<Actor> {
        let (Who::Token(secret), Use::Taken) = (&caller.who, taken) else {
            return self.actor(txn, config, caller, Admission::Token, &mut Use::None);
        };
        let now = txn.now();
        let alive = |token: &Token| {
            let over = token.entry.expired(now) || token.entry.state == State::Revoking;
            !over
        };
        match token::find_secret(txn, secret.expose())?.filter(alive) {
            Some(token) if config.serves(txn, &token)? => {
                rights::check_address(&token, caller.remote)?;
                Ok(Actor::Token(Box::new(token)))
            }
            _ => Err(rights::denied()),
        }
    }

    /// Does `work` if the caller may still do what `operation` takes.
    fn still_allowed<O: Operation>(
        &self,
        txn: &mut Txn<'_>,
        config: &Config,
        (caller, taken): (&Caller, Use),
        operation: &O,
        work: impl FnOnce(&mut Context<'_, '_>) -> Result<()>,
    ) -> Result<()> {
        let actor = self.still_there(txn, config, (caller, taken))?;
        let space = self.space(config, caller, &actor)?;
        let tables = config.tables(txn, space.id)?;
        let mount = resolve(&tables, operation, &actor)?;
        let mut cx = Context::new(txn, &actor, space, (&*self.core, config), mount)
            .from(caller.remote)
            .presenting(caller.secret());
        self.authorize(
            (config, caller),
            &mut cx,
            operation,
            &mut Trail::new(caller),
        )?;
        work(&mut cx)
    }
}
