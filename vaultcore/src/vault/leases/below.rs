//! Ending all leases below a path, and all tokens of logins there.

use super::super::Vault;
use super::super::open::OpenVault;
use super::peers::Peers;
use super::{Ended, Force};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, NamespaceId};
use crate::lease::{self, CLAIM_PAGE, Claimed, Lease, State, Sweep};
use crate::path::{EntryPath, Folder};
use crate::token;

/// Tokens that one scan looks at.
const TOKEN_PAGE: usize = 100;

/// Whether leases are waited for whose end failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Haste {
    /// They are tried now, whenever they are due.
    Now,
    /// They are left until they are due.
    WhenDue,
}

/// How leases below a path are ended.
#[derive(Clone, Copy)]
pub(in super::super) struct Manner {
    pub(in super::super) force: Force,
    pub(in super::super) haste: Haste,
    /// Those made later stay; `None`: none is.
    pub(in super::super) begun: Option<Timestamp>,
}

/// A page of leases: those that are ours to end, and how many are not.
#[derive(Default)]
struct Taken {
    claimed: Vec<Claimed>,
    left: usize,
}

impl Vault {
    /// Ends the leases that `folder` of storage leads to, whatever their state. One that cannot be
    /// read is counted, and dropped by force; the rest is ended all the same.
    pub(in super::super) fn end_below(
        &self,
        open: &OpenVault,
        folder: &Folder,
        manner: Manner,
    ) -> Result<Ended> {
        let peers = Peers::default();
        let mut total = Ended::default();
        let mut after: Option<String> = None;
        loop {
            let page = |txn: &mut Txn<'_>| lease::places(txn, folder, after.as_deref(), CLAIM_PAGE);
            let (places, next) = open.transact(|txn, _| page(txn))?;
            let claimed = self.claim_places(open, &places, manner, &mut total)?;
            total.add(self.end_claimed(open, claimed, manner.force, &peers)?);
            match next {
                Some(last) if Some(&last) > after.as_ref() => after = Some(last),
                _ => return Ok(total),
            }
        }
    }

    /// Claims a page of leases. If one of them cannot be read, the rest of it is claimed all the same.
    fn claim_places(
        &self,
        open: &OpenVault,
        places: &[EntryPath],
        manner: Manner,
        total: &mut Ended,
    ) -> Result<Vec<Claimed>> {
        let claim = |part: &[EntryPath]| open.transact(|txn, _| self.take(txn, part, manner));
        match claim(places) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            taken => {
                let taken = taken?;
                total.failed = total.failed.saturating_add(taken.left);
                return Ok(taken.claimed);
            }
        }
        let mut claimed = Vec::new();
        for place in places {
            match claim(std::slice::from_ref(place)) {
                Ok(taken) => {
                    total.failed = total.failed.saturating_add(taken.left);
                    claimed.extend(taken.claimed);
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => match manner.force {
                    Force::No => total.unreadable = total.unreadable.saturating_add(1),
                    Force::Yes => {
                        open.transact(|txn, _| lease::drop_unreadable(txn, place))?;
                        total.ended = total.ended.saturating_add(1);
                    }
                },
                Err(error) => return Err(error),
            }
        }
        Ok(claimed)
    }

    /// Claims the leases that `places` lead to. Those that this process cannot end are over, and left
    /// to one that can; so are those that somebody else ends now.
    fn take(&self, txn: &mut Txn<'_>, places: &[EntryPath], manner: Manner) -> Result<Taken> {
        let mut taken = Taken::default();
        for place in places {
            let Some(key) = lease::lead(txn, place)? else {
                continue;
            };
            let Some(lease) = lease::load(txn, key)? else {
                continue;
            };
            if manner.begun.is_some_and(|begun| lease.entry.issued > begun) {
                continue;
            }
            match self.take_one(txn, lease, manner)? {
                Some(claimed) => taken.claimed.push(claimed),
                None => taken.left = taken.left.saturating_add(1),
            }
        }
        Ok(taken)
    }

    /// Claims a lease; `None` if it is left to somebody else, or to a later time.
    fn take_one(&self, txn: &mut Txn<'_>, lease: Lease, manner: Manner) -> Result<Option<Claimed>> {
        let now = txn.now();
        if lease.entry.is_being_made(now) {
            // By force, too: were it dropped now, nobody would know of what is there in a moment.
            return lease::mark(txn, lease).map(|()| None);
        }
        let tried = !matches!(lease.entry.state, State::Pending | State::Active);
        let waits = tried && manner.haste == Haste::WhenDue;
        let able = manner.force == Force::Yes || self.is_able(txn, &lease)?;
        if able && !(waits && lease.entry.due > now) {
            return lease::claim(txn, lease);
        }
        if !able && !waits {
            lease::mark(txn, lease)?;
        }
        Ok(None)
    }

    /// Ends the leases that a work entry names.
    pub(in super::super) fn sweep(&self, open: &OpenVault, work: &EntryPath) -> Result<()> {
        let sweep = open.transact(|txn, _| Sweep::load(txn, work))?;
        let Some(sweep) = sweep else {
            return Ok(()); // somebody else finished it
        };
        if let Some((namespace, path)) = sweep.made_at() {
            self.end_tokens(open, namespace, path)?;
        }
        let (folders, force) = sweep.folders()?;
        let manner = Manner {
            force: if force { Force::Yes } else { Force::No },
            haste: Haste::Now,
            begun: Some(sweep.begun()),
        };
        let mut total = Ended::default();
        if let Some(key) = sweep.lease() {
            total.add(self.end_one(open, key, manner)?);
        }
        for folder in &folders {
            total.add(self.end_below(open, folder, manner)?);
        }
        open.transact(|txn, _| {
            Sweep::done(txn, work);
            Ok(())
        })?;
        match (total.failed, total.unreadable) {
            (0, 0) => Ok(()),
            (failed, 0) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("{failed} leases could not be ended, and are tried again"),
            )),
            (failed, unreadable) => Err(Error::corrupt(format!(
                "{unreadable} leases cannot be read, and are left; {failed} could not be ended, and \
                 are tried again"
            ))),
        }
    }

    /// Ends a single lease as those below a path.
    fn end_one(&self, open: &OpenVault, key: LeaseKey, manner: Manner) -> Result<Ended> {
        let taken = open.transact(|txn, _| match lease::load(txn, key)? {
            Some(lease) => self.take_one(txn, lease, manner).map(Some),
            None => Ok(None),
        })?;
        let Some(taken) = taken else {
            return Ok(Ended::default()); // it is gone
        };
        let left = usize::from(taken.is_none());
        let claimed = taken.into_iter().collect();
        let mut ended = self.end_claimed(open, claimed, manner.force, &Peers::default())?;
        ended.failed = ended.failed.saturating_add(left);
        Ok(ended)
    }

    /// Revokes the tokens that were made by a request to `path`, or below it.
    fn end_tokens(&self, open: &OpenVault, namespace: NamespaceId, path: &str) -> Result<()> {
        let mut after: Option<String> = None;
        loop {
            let page = |txn: &mut Txn<'_>| {
                token::made_at(txn, namespace, path, after.as_deref(), TOKEN_PAGE)
            };
            let (found, next) = open.transact(|txn, _| page(txn))?;
            for id in found {
                self.revoke_on(open, namespace, id)?;
            }
            match next {
                Some(last) if Some(&last) > after.as_ref() => after = Some(last),
                _ => return Ok(()),
            }
        }
    }
}
