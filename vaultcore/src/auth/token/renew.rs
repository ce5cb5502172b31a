//! Renewing of tokens.

use std::time::Duration;

use super::roles::load_role;
use super::{Subject, api};
use crate::auth::params::auth;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::SYSTEM_TTL;
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::secret::SecretString;
use crate::token::{Created, State, Token, renew};
use crate::wire::{Json, Response};

/// Lets a token live longer.
pub(crate) struct RenewToken {
    pub(crate) subject: Subject,
    /// How long from now; `None`: as it was made.
    pub(crate) increment: Option<Duration>,
    /// Whether it may come to live shorter than it does now.
    pub(crate) shorten: bool,
}

/// A token that was renewed.
pub(crate) struct Renewed {
    pub(crate) created: Created,
    pub(crate) ttl: Duration,
    /// Whether less was given than asked for.
    pub(crate) capped: bool,
}

impl Operation for RenewToken {
    type Reply = Renewed;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(self.subject.access("renew", Capability::Update))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Renewed> {
        let token = self.subject.find(cx)?;
        let (entry, now) = (&token.entry, cx.txn.now());
        if entry.state != State::Active {
            // The call has its last use: it is gone with the answer, and was never to stay longer.
            return Err(Error::invalid("token not found"));
        }
        let Some(expires) = entry.expires.filter(|_| entry.renewable) else {
            return Err(Error::invalid("lease is not renewable"));
        };
        check_login(cx, &token)?;
        let period = self.period(cx, &token)?;
        let increment = self.increment.filter(|time| !time.is_zero());
        let wanted = match period {
            0 => increment.unwrap_or_else(|| entry.creation_ttl()),
            period => Duration::from_micros(period),
        };
        let mut until = now.saturating_add(wanted);
        if period == 0 {
            until = until.min(entry.created.saturating_add(self.longest(cx, &token)));
        }
        if let Some(max) = entry.explicit_max_ttl() {
            until = until.min(entry.created.saturating_add(max));
        }
        if until <= now {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "past the max TTL, cannot renew",
            ));
        }
        if !(self.shorten && increment.is_some()) {
            until = until.max(expires); // a renewal shortens nothing unless told to
        }
        let entry = renew(cx.txn, &token, until, period)?;
        let text = self.subject.text(cx);
        Ok(Renewed {
            ttl: until.since(now),
            capped: until.since(now) < wanted,
            created: Created {
                secret: SecretString::copy_from(text),
                id: token.id,
                entry,
            },
        })
    }

    fn input(&self) -> Json {
        let mut object = api::subject(&self.subject);
        if let Some(increment) = self.increment {
            object = object.number("increment", increment.as_secs());
        }
        object.finish()
    }

    fn output(&self, renewed: &Renewed) -> Result<Response> {
        let mut auth = auth(&renewed.created, &[]);
        auth.lease = renewed.ttl;
        let mut response = Response::auth(auth);
        if renewed.capped {
            response = response.warned(vec![
                "TTL of the token is limited by its max TTL: it lives shorter than asked for"
                    .into(),
            ]);
        }
        Ok(response)
    }
}

/// Asks the method by which the token was got whether it may be renewed.
fn check_login(cx: &mut Context<'_, '_>, token: &Token) -> Result<()> {
    let Some(id) = token.entry.mount else {
        return Ok(());
    };
    let table = MountTable::load(cx.txn, token.namespace, Class::Auth)?;
    let gone = || Error::invalid("the auth method of the token is gone");
    let mount = table.with_id(id).ok_or_else(gone)?;
    let method = cx.registry.method(&mount.kind)?;
    method.renew(cx, table.mounted(mount), token)
}

impl RenewToken {
    /// Returns the period in microseconds; that of a role is the role's of now.
    fn period(&self, cx: &mut Context<'_, '_>, token: &Token) -> Result<u64> {
        let entry = &token.entry;
        if entry.mount.is_some() || entry.role.is_empty() {
            return Ok(entry.period);
        }
        Ok(match load_role(cx, &entry.role)? {
            Some(role) if role.params.period > 0 => role.params.period,
            _ => entry.period,
        })
    }

    /// Returns how long the token may live in all.
    fn longest(&self, _: &Context<'_, '_>, token: &Token) -> Duration {
        let max = Duration::from_micros(token.entry.max_ttl);
        if max.is_zero() { SYSTEM_TTL } else { max }
    }
}
