//! Ending all leases below a path, and all tokens of logins there.

use super::super::Vault;
use super::super::open::OpenVault;
use super::lanes::{LOOK, each_page};
use super::peers::Peers;
use super::{Ended, Force};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, NamespaceId};
use crate::lease::{self, Claimed, Lease, State, Sweep};
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
    pub(in super::super) latest: Option<Timestamp>,
}

/// A page of leases: those that are ours to end, those that others end, and how many are left to a later
/// time.
#[derive(Default)]
struct Taken {
    claimed: Vec<Claimed>,
    others: Vec<LeaseKey>,
    left: usize,
}

impl Taken {
    /// Notes those that are not ours.
    fn note(self, total: &mut Ended) -> Vec<Claimed> {
        total.failed = total.failed.saturating_add(self.left);
        total.others.extend(self.others);
        self.claimed
    }
}

/// Whose a lease is to end.
enum Whose {
    Ours(Box<Claimed>),
    Others,
    /// Nobody's now.
    Later,
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
            let page = |txn: &mut Txn<'_>| lease::places(txn, folder, after.as_deref(), LOOK);
            let (places, next) = open.transact(|txn, _| page(txn))?;
            let done = each_page(&places, |part, workers| {
                let mut ended = Ended::default();
                let claimed = self.claim_places(open, part, manner, &mut ended)?;
                ended.add(self.end_claimed(open, claimed, (manner.force, workers), &peers)?);
                Ok(ended)
            })?;
            done.into_iter().for_each(|ended| total.add(ended));
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
                return Ok(taken?.note(total));
            }
        }
        let mut claimed = Vec::new();
        for place in places {
            match claim(std::slice::from_ref(place)) {
                Ok(taken) => claimed.extend(taken.note(total)),
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
            if manner
                .latest
                .is_some_and(|latest| lease.entry.issued > latest)
            {
                continue;
            }
            match self.take_one(txn, lease, manner)? {
                Whose::Ours(claimed) => taken.claimed.push(*claimed),
                Whose::Others => taken.others.push(key),
                Whose::Later => taken.left = taken.left.saturating_add(1),
            }
        }
        Ok(taken)
    }

    /// Claims a lease, unless it is left to somebody else, or to a later time.
    fn take_one(&self, txn: &mut Txn<'_>, lease: Lease, manner: Manner) -> Result<Whose> {
        let now = txn.now();
        if lease.entry.is_being_made(now) {
            // By force, too: were it dropped now, nobody would know of what is there in a moment.
            return lease::mark(txn, lease).map(|()| Whose::Later);
        }
        let tried = !matches!(lease.entry.state, State::Pending | State::Active);
        let waits = tried && manner.haste == Haste::WhenDue;
        let able = manner.force == Force::Yes || self.is_able(txn, &lease)?;
        if able && !(waits && lease.entry.due > now) {
            return Ok(match lease::claim(txn, lease)? {
                Some(claimed) => Whose::Ours(Box::new(claimed)),
                None => Whose::Others,
            });
        }
        if !able && !waits {
            lease::mark(txn, lease)?;
        }
        Ok(Whose::Later)
    }

    /// Ends the leases that a work entry names. Returns those that others end at this moment.
    pub(in super::super) fn sweep(
        &self,
        open: &OpenVault,
        work: &EntryPath,
    ) -> Result<Vec<LeaseKey>> {
        let sweep = open.transact(|txn, _| Sweep::load(txn, work))?;
        let Some(sweep) = sweep else {
            return Ok(Vec::new()); // somebody else finished it
        };
        if let Some((namespace, path)) = sweep.made_at() {
            self.end_tokens(open, namespace, path)?;
        }
        let (folders, force) = sweep.folders()?;
        let manner = Manner {
            force: if force { Force::Yes } else { Force::No },
            haste: Haste::Now,
            latest: Some(sweep.latest()),
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
            (0, 0) => Ok(total.others),
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
        let mut total = Ended::default();
        match taken {
            None => {} // it is gone
            Some(Whose::Others) => total.others.push(key),
            Some(Whose::Later) => total.failed = 1,
            Some(Whose::Ours(claimed)) => {
                let alone = (manner.force, 1);
                total.add(self.end_claimed(open, vec![*claimed], alone, &Peers::default())?);
            }
        }
        Ok(total)
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
