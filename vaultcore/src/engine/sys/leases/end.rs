//! Ending leases.

use zeroize::Zeroizing;

use super::super::{protected, sys};
use super::{find, places};
use crate::error::Result;
use crate::lease::{self, Sweep};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::EntryPath;
use crate::wire::{Json, Object, Response, Shape};

/// Whether the caller waits until what is leased has ended, and is told if that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It is over at once, and ended as soon as can be.
    No,
    Yes,
}

/// Ends a lease.
pub(crate) struct RevokeLease {
    pub(crate) id: Zeroizing<String>,
    pub(crate) wait: Wait,
}

impl Operation for RevokeLease {
    /// The work of ending it, if there was such a lease.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys("leases/revoke", Capability::Update)
    }

    /// The lease is over with this commit, whatever becomes of what it leases.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(lease) = find(cx, &self.id)? else {
            return Ok(None); // it was ended before, as in Vault
        };
        let work = lease::entry_path(lease.key)?;
        lease::mark(cx.txn, lease)?;
        Ok(Some(work))
    }

    fn input(&self) -> Json {
        let wait = self.wait == Wait::Yes;
        let object = Object::new().text("lease_id", &self.id);
        object.flag("sync", wait).finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(left(rest.clone(), self.wait))
    }
}

/// What is answered of work that is left.
fn left(rest: Option<EntryPath>, wait: Wait) -> Response {
    let mut response = Response::empty().leaving(rest);
    match wait {
        Wait::Yes => response.waits = true,
        Wait::No => response.shape = Shape::Accepted,
    }
    response
}

/// Ends all leases below a path.
pub(crate) struct RevokeBelow {
    pub(crate) prefix: Zeroizing<String>,
    pub(crate) wait: Wait,
    /// Whether leases are dropped even if what they lease cannot be ended. Dangerous.
    pub(crate) force: bool,
}

impl Operation for RevokeBelow {
    /// The work of ending them.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let verb = if self.force { "force" } else { "prefix" };
        let prefix = self.prefix.as_str();
        protected(
            &format!("leases/revoke-{verb}/{prefix}"),
            Capability::Update,
        )
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        if let Some(lease) = find(cx, &self.prefix)? {
            let key = lease.key; // the id of one, as in Vault
            lease::mark(cx.txn, lease)?;
            return match self.force {
                true => Sweep::by_force(cx.txn, key).leave(cx.txn).map(Some),
                false => lease::entry_path(key).map(Some),
            };
        }
        let space = cx.space.id;
        let prefix = self.prefix.trim_matches('/');
        if prefix == "auth" || prefix.starts_with("auth/") {
            // In Vault tokens are leases, of the paths that made them.
            return Sweep::tokens(cx.txn, space, prefix).leave(cx.txn).map(Some);
        }
        let places = places(cx, &self.prefix)?;
        if places.is_empty() {
            return Ok(None);
        }
        let folders = places
            .iter()
            .map(|(mount, rest)| lease::below(cx.txn, space, *mount, rest));
        let folders = folders.collect::<Result<Vec<_>>>()?;
        Sweep::leases(cx.txn, &folders, self.force)
            .leave(cx.txn)
            .map(Some)
    }

    fn input(&self) -> Json {
        let wait = self.wait == Wait::Yes;
        Object::new().flag("sync", wait).finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        let wait = if self.force { Wait::Yes } else { self.wait };
        Ok(left(rest.clone(), wait))
    }
}

/// What repairs leases in Vault.
pub(crate) struct TidyLeases;

impl Operation for TidyLeases {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        protected("leases/tidy", Capability::Update)
    }

    /// Leases, and what finds them, change in one commit: there is nothing to be repaired.
    fn perform(&self, _: &mut Context<'_, '_>) -> Result<()> {
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty().shaped(Shape::Accepted).warned(vec![
            "Leases and what finds them change together: there is nothing to tidy.".into(),
        ]))
    }
}
