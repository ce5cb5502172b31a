//! What is kept of a lease.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::clock::Timestamp;
use crate::id::{LeaseKey, MountId, NamespaceId, TokenId};
use crate::operation::Leased;
use crate::record::Record;

/// A stored lease, and where it is found.
#[derive(Clone)]
pub(crate) struct Lease {
    pub(crate) key: LeaseKey,
    pub(crate) entry: LeaseEntry,
}

/// A lease, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LeaseEntry {
    /// Where it was made and 24 random characters, as Vault prints it.
    pub(crate) id: String,
    pub(crate) namespace: NamespaceId,
    pub(crate) mount: MountId,
    /// The kind of the engine, which is asked to end it, also when the mount is gone.
    pub(crate) kind: String,
    /// The id below the mount.
    pub(crate) path: String,
    /// The token that it dies with; none for the owner's.
    pub(crate) token: Option<(NamespaceId, TokenId)>,
    /// The auth method of the login that the token comes from: it dies with that, too.
    pub(crate) via: Option<(NamespaceId, MountId)>,
    pub(crate) issued: Timestamp,
    pub(crate) renewed: Option<Timestamp>,
    pub(crate) expires: Timestamp,
    pub(crate) ttl: u64,     // microseconds
    pub(crate) max_ttl: u64, // microseconds
    pub(crate) renewable: bool,
    pub(crate) state: State,
    /// When the reaper looks at it next.
    pub(crate) due: Timestamp,
    /// What went wrong when it was to be ended; empty if nothing did.
    pub(crate) failure: String,
    /// What the engine needs to end or to prolong it.
    pub(crate) data: Vec<u8>,
}

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Recorded before there is what it leases, so that a crash leaves nothing that nobody knows of.
    Pending,
    Active,
    /// To be ended; whoever has the claim does it now.
    Revoking {
        attempts: u32,
        claim: Option<[u8; 16]>,
    },
    /// Given up on: it waits for an operator, and is tried once a day.
    Irrevocable,
    /// Ended while what it leases may still be under way: it does not come into force, and is looked
    /// at when it would be late, whatever became of who was making it.
    Cancelled,
}

impl LeaseEntry {
    pub(crate) fn leased(&self) -> Leased<'_> {
        Leased {
            namespace: self.namespace,
            mount: self.mount,
            data: &self.data,
        }
    }

    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_micros(self.ttl)
    }

    /// Returns the last moment that a renewal can reach while the mount lets leases live for `ceiling`:
    /// one that was lowered since it was made counts, too.
    pub(crate) fn latest(&self, ceiling: Option<Duration>) -> Timestamp {
        let max = Duration::from_micros(self.max_ttl);
        let max = ceiling.map_or(max, |ceiling| ceiling.min(max));
        self.issued.saturating_add(max)
    }

    /// Returns whether what it leases may still be under way at `now`: there may be nothing to end yet,
    /// and something in a moment.
    pub(crate) fn is_being_made(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Pending | State::Cancelled) && now < self.due
    }

    /// Returns whether somebody has a claim on it, and ends it.
    pub(crate) fn is_claimed(&self) -> bool {
        matches!(self.state, State::Revoking { claim: Some(_), .. })
    }

    /// Returns whether what it leases may be used at `now`.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.state == State::Active && now < self.expires
    }
}

impl Drop for LeaseEntry {
    fn drop(&mut self) {
        self.data.zeroize();
        self.id.zeroize();
    }
}

impl Record for LeaseEntry {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "lease";
}

/// What leads to a lease.
#[derive(Serialize, Deserialize)]
pub(super) struct Pointer {
    pub(super) key: LeaseKey,
}

impl Record for Pointer {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "pointer to a lease";
}
