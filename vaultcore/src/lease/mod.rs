//! Leases: what a secret that was made for somebody lives by, and who ends it.
//!
//! Stored as: `sys/lease/<key>` the lease; `sys/lease-due/<second>/<key>` when the reaper looks at
//! it next; `sys/lease-of/<token>/<key>` the leases of a token; `ns/<ns>/lease-in/<mount>/<path>/..`
//! those of a mount, by their ids, or of an auth
//! method's tokens. `<key>` is a MAC of the id. Nothing is loaded at unseal.

mod entry;
mod life;
mod reap;
mod store;
mod sweep;

pub(crate) use entry::{Lease, State};
pub(crate) use life::{NewLease, Pending, begin, extended, pending};
pub(crate) use reap::{
    CLAIM_PAGE, Claimed, REMOVE_PAGE, Reach, before, claim, claim_due, complete, detach_page, due,
    fail, mark, reopen,
};
pub(crate) use store::{
    below, drop_unreadable, entry_path, find, key_at, lead, load, names, of_mount, page, peek,
    places,
};
pub(crate) use sweep::Sweep;

use std::time::Duration;

/// How long something leased lives unless anybody says so, and at most: 768 hours, as in Vault.
pub(crate) const SYSTEM_TTL: Duration = Duration::from_secs(768 * 3_600);
