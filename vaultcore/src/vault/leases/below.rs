//! Ending all leases below a path, and all tokens of logins there.

use super::super::Vault;
use super::super::open::OpenVault;
use super::{Ended, Force};
use crate::barrier::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::lease::{self, CLAIM_PAGE, Claimed, State, Sweep};
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

/// A page of leases: those that are ours to end, and how many are not.
#[derive(Default)]
struct Taken {
    claimed: Vec<Claimed>,
    left: usize,
}

impl Vault {
    /// Ends all leases that `folder` of storage leads to, whatever their state. One that cannot be
    /// read is counted, and dropped by force; the rest is ended all the same.
    pub(in super::super) fn end_below(
        &self,
        open: &OpenVault,
        folder: &Folder,
        force: Force,
        haste: Haste,
    ) -> Result<Ended> {
        let mut total = Ended::default();
        let mut after: Option<String> = None;
        loop {
            let page = |txn: &mut Txn<'_>| lease::places(txn, folder, after.as_deref(), CLAIM_PAGE);
            let (places, next) = open.transact(|txn, _| page(txn))?;
            let claimed = self.claim_places(open, &places, (force, haste), &mut total)?;
            total.add(self.end_claimed(open, claimed, force)?);
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
        (force, haste): (Force, Haste),
        total: &mut Ended,
    ) -> Result<Vec<Claimed>> {
        let claim =
            |part: &[EntryPath]| open.transact(|txn, _| self.take(txn, part, (force, haste)));
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
                Err(error) if error.kind() == ErrorKind::Corrupt => match force {
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
    /// to one that can.
    fn take(
        &self,
        txn: &mut Txn<'_>,
        places: &[EntryPath],
        (force, haste): (Force, Haste),
    ) -> Result<Taken> {
        let now = txn.now();
        let mut taken = Taken::default();
        for place in places {
            let Some(key) = lease::lead(txn, place)? else {
                continue;
            };
            let Some(lease) = lease::load(txn, key)? else {
                continue;
            };
            if force == Force::No && lease.entry.is_being_made(now) {
                taken.left = taken.left.saturating_add(1);
                lease::mark(txn, lease)?;
                continue;
            }
            let tried = !matches!(lease.entry.state, State::Pending | State::Active);
            let waits = tried && haste == Haste::WhenDue;
            let able = force == Force::Yes || self.is_able(txn, &lease)?;
            if able && !(waits && lease.entry.due > now) {
                taken.claimed.extend(lease::claim(txn, lease)?);
                continue;
            }
            taken.left = taken.left.saturating_add(1);
            if !able && !waits {
                lease::mark(txn, lease)?;
            }
        }
        Ok(taken)
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
        let force = if force { Force::Yes } else { Force::No };
        let mut total = Ended::default();
        if let Some(key) = sweep.lease() {
            let claimed = open.transact(|txn, _| match lease::load(txn, key)? {
                Some(lease) => lease::claim(txn, lease),
                None => Ok(None),
            })?;
            let claimed = claimed.into_iter().collect();
            total.add(self.end_claimed(open, claimed, force)?);
        }
        for folder in &folders {
            total.add(self.end_below(open, folder, force, Haste::Now)?);
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
