//! How a lease begins, comes into force, and is prolonged.

use std::time::Duration;

use super::SYSTEM_TTL;
use super::entry::{Lease, LeaseEntry, State};
use super::store::{add, change, key_of, load};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, MountId, NamespaceId, TokenId};
use crate::operation::{Actor, Context};
use crate::token::{self, TokenKind, random_text};

/// How long what is leased may take to be made, before the reaper undoes it: longer than the
/// timeouts of all drivers.
const PENDING: Duration = Duration::from_secs(120);
/// The longest id of a lease, in bytes.
const MAX_ID: usize = 1_024;

/// What an engine asks a lease for.
pub(crate) struct NewLease<'l> {
    /// The path of the request below the mount, such as `creds/readonly`.
    pub(crate) path: &'l str,
    /// How long it lives; `None`: as the mount says.
    pub(crate) ttl: Option<Duration>,
    /// How long it may live in all; `None`: as the mount says.
    pub(crate) max_ttl: Option<Duration>,
    pub(crate) renewable: bool,
    /// What the engine needs to end or to prolong what is leased.
    pub(crate) data: Vec<u8>,
}

/// A lease that is recorded, of something that is still to be made.
pub(crate) struct Pending {
    pub(crate) key: LeaseKey,
    pub(crate) id: String,
    pub(crate) ttl: Duration,
    pub(crate) expires: Timestamp,
    pub(crate) renewable: bool,
}

/// Records a lease of something that is made once this is committed.
///
/// # Errors
/// `ClockSuspect` while nobody can tell when it would end. `InvalidArgument` if the caller's token
/// has no further use: what is leased would end with it.
pub(crate) fn begin(cx: &mut Context<'_, '_>, new: NewLease<'_>) -> Result<Pending> {
    cx.txn.check_clock()?;
    let now = cx.txn.now();
    let mount = cx.mount()?;
    let holder = Holder::of(cx)?;
    let ceiling = mount.max_ttl.unwrap_or(SYSTEM_TTL);
    let max_ttl = new.max_ttl.unwrap_or(ceiling).min(ceiling);
    let wanted = new.ttl.or(mount.default_ttl).unwrap_or(SYSTEM_TTL);
    let mut ttl = wanted.min(max_ttl);
    if let Some(until) = holder.until {
        ttl = ttl.min(until.since(now));
    }
    let fresh = random_text(cx.txn, &[b"lease", mount.id.as_bytes()])?;
    let path = format!("{}/{}", new.path.trim_end_matches('/'), *fresh);
    let mut id = format!("{}{}{path}", cx.space.path, mount.path.as_str());
    if cx.space.id != NamespaceId::ROOT {
        id = format!("{}{path}.{}", mount.path.as_str(), cx.space.id.part());
    }
    if id.len() > MAX_ID {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "the id of the lease would be too long",
        ));
    }
    let entry = LeaseEntry {
        id: id.clone(),
        namespace: cx.space.id,
        mount: mount.id,
        kind: mount.kind.to_owned(),
        path,
        token: holder.token,
        via: holder.via,
        issued: now,
        renewed: None,
        expires: now.saturating_add(ttl),
        ttl: token::micros(ttl),
        max_ttl: token::micros(max_ttl),
        renewable: new.renewable && holder.until.is_none(),
        state: State::Pending,
        due: now.saturating_add(PENDING),
        failure: String::new(),
        data: new.data,
    };
    let key = key_of(cx.txn, &id);
    let pending = Pending {
        key,
        id,
        ttl,
        expires: entry.expires,
        renewable: entry.renewable,
    };
    add(cx.txn, &Lease { key, entry })?;
    Ok(pending)
}

/// Whom a lease belongs to.
struct Holder {
    /// The stored token that it dies with.
    token: Option<(NamespaceId, TokenId)>,
    via: Option<(NamespaceId, MountId)>,
    /// The end of a token that is stored nowhere, which the lease must not outlive.
    until: Option<Timestamp>,
}

impl Holder {
    fn of(cx: &Context<'_, '_>) -> Result<Self> {
        let Actor::Token(token) = cx.actor else {
            return Ok(Self {
                token: None,
                via: None,
                until: None,
            });
        };
        if token.entry.state == token::State::Spent {
            return Err(Error::invalid(
                "the token has no further use: what is leased would be revoked with it at once",
            ));
        }
        // A batch token is stored nowhere: its leases die with its parent, or when it runs out.
        let stored = token.id.map(|id| (token.namespace, id));
        let batch = token.entry.kind == TokenKind::Batch;
        Ok(Self {
            token: stored.or(token.entry.parent.filter(|_| batch)),
            via: token.entry.via,
            until: token.entry.expires.filter(|_| batch),
        })
    }
}

/// Returns a lease of something that is about to be made.
///
/// # Errors
/// `Expired` if it is not pending any more: nothing must be made under it.
pub(crate) fn pending(txn: &mut Txn<'_>, key: LeaseKey) -> Result<Lease> {
    let found = load(txn, key)?;
    found
        .filter(|lease| lease.entry.state == State::Pending)
        .ok_or_else(late)
}

fn late() -> Error {
    Error::new(ErrorKind::Expired, "it took too long: the lease was ended")
}

impl Pending {
    /// Brings the lease into force: what it is for was made.
    ///
    /// # Errors
    /// `Expired` if it took so long that the reaper has ended it.
    pub(crate) fn activate(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut lease = load(cx.txn, self.key)?.ok_or_else(late)?;
        if lease.entry.state != State::Pending || lease.entry.expires <= cx.txn.now() {
            return Err(late());
        }
        lease.entry.state = State::Active;
        let expires = lease.entry.expires;
        change(cx.txn, &mut lease, expires)
    }
}

/// Returns until when a lease lives if it is renewed for `increment` from now, within its max TTL and
/// the `ceiling` of its mount, and whether that is less than was asked for. A renewal shortens nothing
/// unless `shorten` says that this is wanted.
///
/// # Errors
/// `InvalidArgument` for a lease that cannot be renewed, or is past its max TTL; `Expired` for one
/// that ran out.
pub(crate) fn extended(
    lease: &LeaseEntry,
    now: Timestamp,
    (increment, shorten): (Option<Duration>, bool),
    ceiling: Option<Duration>,
) -> Result<(Timestamp, bool)> {
    if !lease.is_live(now) {
        return Err(Error::new(ErrorKind::Expired, "lease expired"));
    }
    if !lease.renewable {
        return Err(Error::invalid("lease is not renewable"));
    }
    let increment = increment.filter(|time| !time.is_zero());
    let wanted = now.saturating_add(increment.unwrap_or_else(|| lease.ttl()));
    let mut until = wanted.min(lease.latest(ceiling));
    if until <= now {
        return Err(Error::invalid("past the max TTL, cannot renew"));
    }
    let capped = until < wanted;
    if !(shorten && increment.is_some()) {
        until = until.max(lease.expires);
    }
    Ok((until, capped))
}

impl Lease {
    /// Stores that the lease lives until what `until` makes of the end that it has by now. Returns it.
    ///
    /// # Errors
    /// `Expired` if it was ended meanwhile.
    pub(crate) fn prolong(
        cx: &mut Context<'_, '_>,
        key: LeaseKey,
        until: impl FnOnce(Timestamp) -> Timestamp,
    ) -> Result<Self> {
        let ended = || Error::new(ErrorKind::Expired, "lease expired");
        let mut lease = load(cx.txn, key)?.ok_or_else(ended)?;
        let now = cx.txn.now();
        if !lease.entry.is_live(now) {
            return Err(ended());
        }
        let until = until(lease.entry.expires);
        lease.entry.renewed = Some(now);
        lease.entry.expires = until;
        change(cx.txn, &mut lease, until)?;
        Ok(lease)
    }
}
