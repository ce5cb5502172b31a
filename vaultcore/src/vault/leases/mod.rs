//! Ending what is leased: of single leases, of all below a path, and of all that are due.

mod below;
mod lanes;
mod others;
mod peers;
#[cfg(test)]
mod tests;

pub(super) use below::{Haste, Manner};

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::Vault;
use super::open::OpenVault;
use super::work::stops;
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::LeaseKey;
use crate::lease::{self, Claimed, Lease, REMOVE_PAGE, Reach};
use crate::operation::{Act, Failure, Registry};
use crate::path::EntryPath;
use lanes::{LOOK, each_page};
use peers::Peers;

/// What became of a number of leases.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Those that were ended.
    pub(crate) ended: usize,
    /// Those that could not be, and are tried again later, or were given up on.
    pub(crate) failed: usize,
    /// Those that cannot be read.
    pub(crate) unreadable: usize,
    /// Those that others end at this moment.
    pub(crate) others: Vec<LeaseKey>,
}

impl Ended {
    fn add(&mut self, other: Self) {
        self.ended = self.ended.saturating_add(other.ended);
        self.failed = self.failed.saturating_add(other.failed);
        self.unreadable = self.unreadable.saturating_add(other.unreadable);
        self.others.extend(other.others);
    }
}

/// Whether a lease may be dropped whose end outside failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    No,
    /// It is forgotten: what it leased may live on. Dangerous.
    Yes,
}

/// What ends something outside, or why it cannot be ended now.
type Prepared = std::result::Result<Act, Failure>;

/// How far one round through what is due has come.
pub(super) struct Round {
    /// The last entry that was looked at.
    after: Option<EntryPath>,
    reach: Reach,
    ended: usize,
    peers: Peers,
}

impl Vault {
    /// Ends all leases that are due; returns how many it ended. A first error goes to `failed`, and
    /// the rest is done all the same. Between two pages the vault can be sealed.
    pub(super) fn reap(&self, failed: &mut Option<Error>) -> Result<usize> {
        let mut round = self.round()?;
        while self.with_open(|open| self.reap_page(open, &mut round, failed))? {}
        Ok(round.ended)
    }

    /// Begins a round through what somebody ended since `begun`, such as the leases of a token that was
    /// revoked: nothing that ran out.
    pub(super) fn round_of_ended(&self, begun: Timestamp) -> Result<Round> {
        Ok(Round {
            after: Some(lease::before(begun)?),
            reach: Reach::Ended,
            ended: 0,
            peers: Peers::default(),
        })
    }

    fn round(&self) -> Result<Round> {
        // What was ended since the clock is in doubt lies behind all that is old by it.
        let doubted = self.core.time.doubted();
        Ok(Round {
            after: doubted.map(lease::before).transpose()?,
            reach: match doubted {
                Some(_) => Reach::Ended,
                None => Reach::All,
            },
            ended: 0,
            peers: Peers::default(),
        })
    }

    /// Ends a page of the leases that are due; returns whether there may be more.
    pub(super) fn reap_page(
        &self,
        open: &OpenVault,
        round: &mut Round,
        failed: &mut Option<Error>,
    ) -> Result<bool> {
        match self.end_page(open, round, failed) {
            Err(error) if stops(&error) => Err(error),
            Err(error) => {
                *failed = failed.take().or(Some(error));
                Ok(false)
            }
            Ok(more) => Ok(more && !self.core.ending.load(Ordering::Relaxed)),
        }
    }

    fn end_page(
        &self,
        open: &OpenVault,
        round: &mut Round,
        failed: &mut Option<Error>,
    ) -> Result<bool> {
        let after = round.after.as_ref();
        let page = open.transact(|txn, _| lease::due(txn, txn.now(), after, LOOK))?;
        if page.is_empty() {
            return Ok(false);
        }
        let (reach, peers) = (round.reach, &round.peers);
        let done = each_page(&page, |part, workers| {
            let mut failed = None;
            let claimed = self.claim_page(open, part, reach, &mut failed)?;
            let ended = self.end_claimed(open, claimed, (Force::No, workers), peers)?;
            Ok((ended, failed))
        })?;
        for (ended, error) in done {
            round.ended = round.ended.saturating_add(ended.ended);
            *failed = failed.take().or(error);
        }
        let full = page.len() >= LOOK;
        round.after = page.into_iter().next_back();
        Ok(full)
    }

    /// Ends a lease now. Returns it if somebody else ends it at this moment.
    ///
    /// # Errors
    /// What went wrong outside; the lease is tried again later then. `Unavailable` if this process has
    /// no engine or driver for it: it is over then, and another process ends what it leased; or if
    /// that is being made at this moment: it is over then, and undone once it is made.
    pub(super) fn end_lease(&self, open: &OpenVault, key: LeaseKey) -> Result<Option<LeaseKey>> {
        let claimed = open.transact(|txn, _| match lease::load(txn, key)? {
            Some(lease) if lease.entry.is_being_made(txn.now()) => {
                lease::mark(txn, lease).map(|()| Err(being_made()))
            }
            Some(lease) if !self.is_able(txn, &lease)? => {
                lease::mark(txn, lease).map(|()| Err(elsewhere()))
            }
            Some(lease) => Ok(Ok(lease::claim(txn, lease)?.ok_or(Some(key)))),
            None => Ok(Ok(Err(None))), // it is gone
        })?;
        let claimed = match claimed? {
            Ok(claimed) => claimed,
            Err(others) => return Ok(others),
        };
        let acts = self.prepare(open, std::slice::from_ref(&claimed));
        let ended = acts.into_iter().try_for_each(|act| act?.run());
        let (_, failed) = self.settle(open, vec![(claimed, ended.err())], Force::No)?;
        failed.map_or(Ok(None), Err)
    }

    /// Ends what was made under a lease that did not come into force.
    ///
    /// It may have taken so long that somebody has ended the lease before there was anything to
    /// end: it is recorded anew, and ended now that all is made that will be.
    pub(super) fn undo(&self, open: &OpenVault, lease: &Lease) -> Result<()> {
        open.transact(|txn, _| lease::reopen(txn, lease))?;
        self.end_lease(open, lease.key).map(drop)
    }

    /// Ends what was claimed: outside, several at a time, and then in storage.
    fn end_claimed(
        &self,
        open: &OpenVault,
        claimed: Vec<Claimed>,
        (force, workers): (Force, usize),
        peers: &Peers,
    ) -> Result<Ended> {
        if claimed.is_empty() {
            return Ok(Ended::default());
        }
        let workers = workers.min(claimed.len());
        let prepared = self.prepare(open, &claimed);
        let waiting = Mutex::new(claimed.into_iter().zip(prepared));
        let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
        let work = || {
            let mut done = Vec::new();
            while let Some((claimed, act)) = next() {
                let failure = act.and_then(|act| peers.attempt(act)).err();
                done.push((claimed, failure));
            }
            done
        };
        let done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                // The leases of one that panics stay claimed, and run out.
                done.extend(other.join().unwrap_or_default());
            }
            done
        });
        self.settle(open, done, force).map(|(ended, _)| ended)
    }

    /// Returns whether this process has the engine and the driver of a lease.
    fn is_able(&self, txn: &mut Txn<'_>, lease: &Lease) -> Result<bool> {
        match self.core.engine(&lease.entry.kind) {
            Ok(engine) => engine.is_able(txn, &lease.entry.leased()),
            Err(_) => Ok(false),
        }
    }

    /// Claims a page of leases that are due. If one of them cannot be, the rest of it is all the same.
    fn claim_page(
        &self,
        open: &OpenVault,
        page: &[EntryPath],
        reach: Reach,
        failed: &mut Option<Error>,
    ) -> Result<Vec<Claimed>> {
        let able = |txn: &mut Txn<'_>, lease: &Lease| self.is_able(txn, lease);
        let claim =
            |part: &[EntryPath]| open.transact(|txn, _| lease::claim_due(txn, part, reach, able));
        match claim(page) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            claimed => return claimed,
        }
        let mut claimed = Vec::new();
        for entry in page.chunks(1) {
            match claim(entry) {
                Ok(more) => claimed.extend(more),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    *failed = failed.take().or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(claimed)
    }

    /// Prepares to end what leases lease, all of them in one transaction: what several need of
    /// storage is read once. What keeps one of them from being ended keeps no other.
    fn prepare(&self, open: &OpenVault, claimed: &[Claimed]) -> Vec<Prepared> {
        let prepared = open.transact(|txn, _| {
            let one = |claimed: &Claimed| -> Prepared {
                let entry = &claimed.lease.entry;
                let engine = self.core.engine(&entry.kind).map_err(Failure::Lasting)?;
                let act = engine.revoke(txn, &entry.leased());
                act.map_err(Failure::Passing)
            };
            Ok(claimed.iter().map(one).collect::<Vec<_>>())
        });
        prepared.unwrap_or_else(|error| {
            let failed = |_| {
                let again = Error::new(error.kind(), error.to_string());
                Err(Failure::Passing(again))
            };
            claimed.iter().map(failed).collect()
        })
    }

    /// Deletes the leases that were ended, and puts back those that could not be. Returns the first
    /// error of those.
    fn settle(
        &self,
        open: &OpenVault,
        done: Vec<(Claimed, Option<Failure>)>,
        force: Force,
    ) -> Result<(Ended, Option<Error>)> {
        let mut total = Ended::default();
        for page in done.chunks(REMOVE_PAGE) {
            let ended = open.transact(|txn, _| settle_page(txn, page, force))?;
            total.add(ended);
        }
        let failures = done.into_iter().filter_map(|(_, failure)| failure);
        let first = failures.map(Failure::into_error).next();
        Ok((total, first))
    }
}

fn being_made() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "what the lease is for is being made at this moment: the lease is over, and it is undone",
    )
}

fn elsewhere() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "this process has no engine or driver for the lease: it is over, and a process that has ends \
         what it leased",
    )
}

fn settle_page(
    txn: &mut Txn<'_>,
    page: &[(Claimed, Option<Failure>)],
    force: Force,
) -> Result<Ended> {
    let mut total = Ended::default();
    for (claimed, failure) in page {
        match failure {
            Some(failure) if force == Force::No => {
                lease::fail(txn, claimed, failure)?;
                total.failed = total.failed.saturating_add(1);
            }
            _ => {
                let own = lease::complete(txn, claimed)?;
                total.ended = total.ended.saturating_add(usize::from(own));
            }
        }
    }
    Ok(total)
}
