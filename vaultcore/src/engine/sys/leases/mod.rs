//! What is done with leases: looking, listing, renewing, ending.

pub(crate) mod api;
mod end;
mod look;
mod renew;

pub use look::{LeaseInfo, LeaseState};

pub(crate) use end::{RevokeBelow, RevokeLease, TidyLeases, Wait};
pub(crate) use look::{CountLeases, ListIrrevocable, ListLeases, LookupLease};
pub(crate) use renew::RenewLease;

use crate::error::{Error, Result};
use crate::id::MountId;
use crate::lease::{self, Lease};
use crate::mount::{Class, MountTable};
use crate::operation::Context;

fn unknown() -> Error {
    Error::invalid("invalid lease")
}

/// Returns the lease of this id, which must be of the namespace of the request.
fn find(cx: &mut Context<'_, '_>, id: &str) -> Result<Option<Lease>> {
    let found = lease::find(cx.txn, id.trim_end_matches('/'))?;
    let space = cx.space.id;
    Ok(found.filter(|lease| lease.entry.namespace == space))
}

/// Returns the mount that `prefix` lies in, with the rest of it, or the mounts that lie below it.
fn places(cx: &mut Context<'_, '_>, prefix: &str) -> Result<Vec<(MountId, String)>> {
    let table = MountTable::load(cx.txn, cx.space.id, Class::Secret)?;
    let prefix = match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    if let Some(mount) = table.holding(&prefix) {
        let rest = prefix.strip_prefix(mount.path.as_str());
        return Ok(vec![(mount.id, rest.unwrap_or_default().to_owned())]);
    }
    let below = table
        .iter()
        .filter(|mount| mount.path.as_str().starts_with(&prefix));
    Ok(below.map(|mount| (mount.id, String::new())).collect())
}
