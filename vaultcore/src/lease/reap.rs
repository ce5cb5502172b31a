//! Ending leases: claimed in one commit, ended outside, deleted in another.
//!
//! A claim is random, and what it says of a lease is compared before the lease is deleted or put
//! back: of any number of processes exactly one completes it. A claim whose holder died becomes
//! due like anything else.

use std::time::Duration;

use super::entry::{Lease, State};
use super::store::{AGENDA, add, change, due_path, last_key, load, of_path, of_token, remove};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TokenId;
use crate::operation::Failure;
use crate::path::EntryPath;

/// How long a claim lasts: longer than all that its holder does under it, each for the timeout of a
/// driver.
const CLAIM: Duration = Duration::from_secs(300);
/// How often a lease is tried to be ended before it is given up on.
const ATTEMPTS: u32 = 6;
/// How long until what was given up on is tried again.
const AGAIN: Duration = Duration::from_secs(24 * 3_600);
/// Leases that one commit claims: each takes three writes.
pub(crate) const CLAIM_PAGE: usize = 40;
/// Leases that one commit deletes: each takes five writes, and one expectation.
pub(crate) const REMOVE_PAGE: usize = 24;
/// The longest text that is kept of what went wrong, in bytes; as in Vault.
const MAX_FAILURE: usize = 240;

/// To be ended, and tried by nobody yet.
const OVER: State = State::Revoking {
    attempts: 0,
    claim: None,
};

/// A lease that is this process's to end.
pub(crate) struct Claimed {
    pub(crate) lease: Lease,
    pub(crate) claim: [u8; 16],
}

/// Returns the entries of leases that are due by `now`, the earliest first, at most `limit`, from
/// behind `after`.
pub(crate) fn due(
    txn: &mut Txn<'_>,
    now: Timestamp,
    after: Option<&EntryPath>,
    limit: usize,
) -> Result<Vec<EntryPath>> {
    AGENDA.due(txn, now, after, limit)
}

/// Which leases are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    /// Only those that somebody ended, while the clock may be wrong: none for being old.
    Ended,
}

/// Returns the place in the order of time before all leases that are due at `time` or later.
pub(crate) fn before(time: Timestamp) -> Result<EntryPath> {
    AGENDA.before(time)
}

/// Claims the leases of those entries that are due, but for those that this process is not `able` to
/// end: they wait for one that is. An entry that is not true any more is deleted.
pub(crate) fn claim_due(
    txn: &mut Txn<'_>,
    entries: &[EntryPath],
    reach: Reach,
    able: impl Fn(&mut Txn<'_>, &Lease) -> Result<bool>,
) -> Result<Vec<Claimed>> {
    let now = txn.now();
    let mut claimed = Vec::new();
    for path in entries {
        let key = last_key(path.as_str())?;
        match load(txn, key)? {
            Some(lease) if due_path(lease.entry.due, key)? == *path => {
                let ended = matches!(
                    lease.entry.state,
                    State::Revoking { claim: None, .. } | State::Cancelled
                );
                let reached = lease.entry.due <= now && (ended || reach == Reach::All);
                if reached && able(txn, &lease)? {
                    claimed.extend(claim(txn, lease)?);
                }
            }
            _ => txn.delete(path.clone()),
        }
    }
    Ok(claimed)
}

/// Claims a lease, whatever its state; `None` if somebody else's claim is in force.
pub(crate) fn claim(txn: &mut Txn<'_>, mut lease: Lease) -> Result<Option<Claimed>> {
    let now = txn.now();
    let attempts = match lease.entry.state {
        State::Revoking { claim: Some(_), .. } if lease.entry.due > now => return Ok(None),
        State::Revoking { attempts, .. } => attempts,
        State::Irrevocable => ATTEMPTS,
        State::Pending | State::Active | State::Cancelled => 0,
    };
    let claim = txn.unique(&[b"claim", lease.key.as_bytes()])?;
    lease.entry.state = State::Revoking {
        attempts,
        claim: Some(claim),
    };
    change(txn, &mut lease, now.saturating_add(CLAIM))?;
    Ok(Some(Claimed { lease, claim }))
}

/// Marks a lease as over and due: what it leases may not be used any more, and whoever reaps next
/// ends it. One that is being made is undone by who makes it, who finds out; should nobody do so, by
/// whoever reaps when it would be late.
pub(crate) fn mark(txn: &mut Txn<'_>, mut lease: Lease) -> Result<()> {
    let now = txn.now();
    let (state, due) = match lease.entry.state {
        State::Revoking { claim: Some(_), .. } if lease.entry.due > now => return Ok(()),
        _ if lease.entry.is_being_made(now) => (State::Cancelled, lease.entry.due),
        _ => (OVER, now),
    };
    lease.entry.state = state;
    change(txn, &mut lease, due)
}

/// Records a lease as over and due, whoever has a claim on it, and also if it is gone.
pub(crate) fn reopen(txn: &mut Txn<'_>, lease: &Lease) -> Result<()> {
    let now = txn.now();
    let found = load(txn, lease.key)?;
    let known = found.is_some();
    let mut lease = found.unwrap_or_else(|| lease.clone());
    lease.entry.state = OVER;
    if known {
        return change(txn, &mut lease, now);
    }
    lease.entry.due = now;
    add(txn, &lease)
}

/// Returns the lease if it is still this claim's.
fn held(txn: &mut Txn<'_>, claimed: &Claimed) -> Result<Option<(Lease, u32)>> {
    let found = load(txn, claimed.lease.key)?;
    Ok(found.and_then(|lease| match lease.entry.state {
        State::Revoking {
            attempts,
            claim: Some(claim),
        } if claim == claimed.claim => Some((lease, attempts)),
        _ => None,
    }))
}

/// Deletes a lease whose end is done; returns whether it was still this claim's.
pub(crate) fn complete(txn: &mut Txn<'_>, claimed: &Claimed) -> Result<bool> {
    let Some((lease, _)) = held(txn, claimed)? else {
        return Ok(false);
    };
    remove(txn, &lease)?;
    Ok(true)
}

/// Puts a lease back that could not be ended: to be tried later, or to be given up on.
pub(crate) fn fail(txn: &mut Txn<'_>, claimed: &Claimed, failure: &Failure) -> Result<()> {
    let Some((mut lease, attempts)) = held(txn, claimed)? else {
        return Ok(());
    };
    let (error, tried, lasting) = match failure {
        Failure::Passing(error) => (error, 1, false),
        Failure::Lasting(error) => (error, 1, true),
        Failure::Untried(error) => (error, 0, false),
    };
    let attempts = attempts.saturating_add(tried);
    let now = txn.now();
    let mut text = error.to_string();
    while text.len() > MAX_FAILURE {
        text.pop();
    }
    lease.entry.failure = text;
    let due = if lasting || attempts >= ATTEMPTS {
        lease.entry.state = State::Irrevocable;
        now.saturating_add(AGAIN)
    } else {
        lease.entry.state = State::Revoking {
            attempts,
            claim: None,
        };
        now.saturating_add(pause(attempts, txn.random()?))
    };
    change(txn, &mut lease, due)
}

/// Returns how long to wait before attempt `attempts` + 1: 10 seconds, doubled each time, half of it
/// more or less.
fn pause(attempts: u32, [jitter, ..]: [u8; 16]) -> Duration {
    let base = Duration::from_secs(10 << attempts.saturating_sub(1).min(ATTEMPTS));
    base / 2 + base * u32::from(jitter) / 255
}

/// Takes a page of leases away from their token, which is being revoked: they are over, and due.
/// Returns how many they were.
pub(crate) fn detach_page(txn: &mut Txn<'_>, token: TokenId) -> Result<usize> {
    let keys = of_token(txn, token, REMOVE_PAGE)?;
    let now = txn.now();
    for key in &keys {
        txn.delete(of_path(token, *key)?);
        let Some(mut lease) = load(txn, *key)? else {
            continue;
        };
        lease.entry.token = None;
        let due = match lease.entry.state {
            State::Active => {
                lease.entry.state = OVER;
                now
            }
            // What is being made is refused when it is to come into force.
            State::Pending | State::Cancelled | State::Revoking { .. } | State::Irrevocable => {
                lease.entry.due
            }
        };
        change(txn, &mut lease, due)?;
    }
    Ok(keys.len())
}
