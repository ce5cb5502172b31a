//! Letting a lease live longer.

use std::time::Duration;

use zeroize::Zeroizing;

use super::super::sys;
use super::{api, find, unknown};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::LeaseKey;
use crate::lease::{Lease, extended};
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Act, Capability, Context, Failure, Operation, Outside, Target};
use crate::wire::{Json, Leased, Object, Response};

/// Lets a lease live longer, and what it leases.
pub(crate) struct RenewLease {
    pub(crate) id: Zeroizing<String>,
    /// How long from now; `None`: as it was made.
    pub(crate) increment: Option<Duration>,
    /// Whether it may come to live shorter than it does now.
    pub(crate) shorten: bool,
}

/// A lease that was renewed.
pub(crate) struct Renewed {
    key: LeaseKey,
    /// The end that the lease had when this one was decided on.
    before: Timestamp,
    until: Timestamp,
    act: Option<Act>,
    /// Another end, and how it is brought about, if the first one was overtaken.
    next: Option<(Timestamp, Act)>,
    shorten: bool,
    pub(crate) id: String,
    pub(crate) ttl: Duration,
    /// Whether less was given than asked for.
    pub(crate) capped: bool,
}

impl Operation for RenewLease {
    type Reply = Renewed;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys("leases/renew", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Renewed> {
        let lease = find(cx, &self.id)?.ok_or_else(unknown)?;
        let now = cx.txn.now();
        let (space, mount) = (lease.entry.namespace, lease.entry.mount);
        let mounts = MountTable::load(cx.txn, space, Class::Secret)?;
        let ceiling = mounts
            .with_id(mount)
            .and_then(|mount| mount.tuning.max_ttl());
        let asked = (self.increment, self.shorten);
        let (until, capped) = extended(&lease.entry, now, asked, ceiling)?;
        let engine = cx.registry.engine(&lease.entry.kind)?;
        let act = engine.renew(cx.txn, &lease.entry.leased(), until)?;
        Ok(Renewed {
            key: lease.key,
            before: lease.entry.expires,
            until,
            act: Some(act),
            next: None,
            shorten: self.shorten && self.increment.is_some(),
            id: lease.entry.id.clone(),
            ttl: until.since(now),
            capped,
        })
    }

    fn outside<'r>(&'r self, renewed: &'r mut Renewed) -> Option<Box<dyn Outside + 'r>> {
        Some(Box::new(Prolonging(renewed)))
    }

    fn input(&self) -> Json {
        let mut object = Object::new().text("lease_id", &self.id);
        if let Some(increment) = self.increment {
            object = object.number("increment", increment.as_secs());
        }
        object.finish()
    }

    fn output(&self, renewed: &Renewed) -> Result<Response> {
        Ok(api::renewed(renewed))
    }
}

impl Renewed {
    pub(super) fn leased(&self) -> Leased {
        Leased {
            id: self.id.clone(),
            renewable: true,
            ttl: self.ttl,
        }
    }
}

/// First what is leased lasts longer, then its lease: nothing outlives what is recorded of it, but
/// for what a crash between the two leaves, and that ends with the lease.
struct Prolonging<'r>(&'r mut Renewed);

impl Outside for Prolonging<'_> {
    fn act(&mut self) -> Result<()> {
        let act = self.0.act.take();
        act.map_or(Ok(()), |act| act.run().map_err(Failure::into_error))
    }

    /// Of two renewals at the same time nobody knows whose change came last outside: who records the
    /// second makes it once more, so that both last equally long.
    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        let renewed = &mut *self.0;
        renewed.next = None;
        let (before, until) = (renewed.before, renewed.until);
        let mut overtaken = false;
        let lease = Lease::prolong(cx, renewed.key, |now| {
            overtaken = now != before;
            if overtaken && !renewed.shorten {
                return until.max(now);
            }
            until
        })?;
        if overtaken {
            let engine = cx.registry.engine(&lease.entry.kind)?;
            let until = lease.entry.expires;
            let act = engine.renew(cx.txn, &lease.entry.leased(), until)?;
            renewed.next = Some((until, act));
            renewed.ttl = until.since(cx.txn.now());
        }
        Ok(())
    }

    fn again(&mut self) -> bool {
        let Some((until, act)) = self.0.next.take() else {
            return false;
        };
        (self.0.before, self.0.until) = (until, until);
        self.0.act = Some(act);
        true
    }

    /// A renewal that fails leaves the lease as it was.
    fn lease(&mut self) -> Option<LeaseKey> {
        None
    }
}
