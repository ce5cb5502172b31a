//! Work that takes many commits, and can be resumed by any process.

use super::known::Lesson;
use super::open::OpenVault;
use super::{Caller, Force, Haste, Manner, Vault};
use crate::auth::approle::TidySecretIds;
use crate::auth::token::{ExpireToken, RevokeStepOf};
use crate::barrier::{Txn, layout};
use crate::engine::database;
use crate::engine::kv::{PurgePage, Sweeping};
use crate::engine::sys::{DropTerms, RewrapPage, WipePage};
use crate::engine::transit::{self, RotateDue};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, NamespaceId, TokenId};
use crate::lease;
use crate::mount::Wipe;
use crate::operation::Operation;
use crate::path::EntryPath;
use crate::storage::Scan;
use crate::token::{self, RevokeStep};

/// Work entries found by one scan.
const PAGE: usize = 100;

impl Vault {
    /// Finishes work that a crash, here or in another process, left half done, and revokes tokens
    /// that ran out, and deletes secret ids that did.
    ///
    /// Such work is the deletion of records that nothing refers to any more, so nothing is wrong as
    /// long as it is not done; storage is larger, and holds what was deleted for good. A token that
    /// ran out is refused at once; here it goes, with its children. Cheap when there is nothing: a few
    /// reads. Returns how many pieces of work were finished. A host calls it after
    /// an unseal and now and then, once a minute for instance, in any number of processes; it needs
    /// no owner's session.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`, and what the storage says. Work that can not be done, because
    /// its entry is `Corrupt` for instance, does not stop the rest: all of it is tried, and then the
    /// first error is returned. `ClockSuspect` if the clock is more than a day ahead after a boot:
    /// nothing is ended then for being old, see [`Sys::confirm_clock`](crate::Sys::confirm_clock).
    pub fn tick(&self) -> Result<usize> {
        self.with_open(|open| {
            open.commit_heads(1);
            Ok(())
        })?;
        let mut failed = None;
        self.keep_time(&mut failed)?;
        self.tidy_outside(&mut failed)?;
        let certain = self.core.time.check().is_ok(); // what is not was said already
        let mut finished = 0usize;
        if certain {
            finished = self.end_due(&mut failed)?;
        }
        finished = finished.saturating_add(self.reap(&mut failed)?);
        if certain {
            // After the leases: they do not wait for databases that do not answer.
            finished = finished.saturating_add(self.rotate_passwords(&mut failed)?);
        }
        let mut last = String::new();
        loop {
            let folder = layout::work();
            let scan = Scan::new(folder.as_str()).after(last.as_str()).limit(PAGE);
            let found = self.core.storage.scan(&scan)?;
            for path in &found {
                match entry(path).and_then(|entry| self.advance(&entry)) {
                    Ok(()) => finished = finished.saturating_add(1),
                    Err(error) if stops(&error) => return Err(error),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            // A full page that leads on; a storage that repeats itself holds nobody up.
            match found.into_iter().nth(PAGE.saturating_sub(1)) {
                Some(path) if path > last => last = path,
                _ => return failed.map_or(Ok(finished), Err),
            }
        }
    }

    /// Keeps to the time of all processes. A clock that may be wrong is a first error.
    fn keep_time(&self, failed: &mut Option<Error>) -> Result<()> {
        let kept = self.with_open(|open| open.transact(|txn, _| txn.keep_time()));
        match kept.and_then(|()| self.core.time.check()) {
            Err(error) if stops(&error) => Err(error),
            Err(error) => {
                *failed = Some(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Lets go of what is held outside by what other processes have changed or deleted.
    fn tidy_outside(&self, failed: &mut Option<Error>) -> Result<()> {
        let engines = &self.core.engines;
        let tidied = self.with_open(|open| {
            open.transact(|txn, _| engines.iter().try_for_each(|engine| engine.tidy(txn)))
        });
        match tidied {
            Err(error) if stops(&error) => return Err(error),
            Err(error) => *failed = failed.take().or(Some(error)),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Ends all that ran out, and rotates keys that are due; returns how many pieces of work that was.
    fn end_due(&self, failed: &mut Option<Error>) -> Result<usize> {
        let expired = self.expire_tokens(failed)?;
        let rotated = self.rotate_keys(failed)?;
        self.expire_secret_ids(failed)?;
        Ok(expired.saturating_add(rotated))
    }

    /// Begins to revoke tokens that ran out; the work that this leaves is found like any other.
    fn expire_tokens(&self, failed: &mut Option<Error>) -> Result<usize> {
        let mut finished = 0usize;
        let mut last: Option<EntryPath> = None;
        loop {
            let page = |txn: &mut Txn<'_>| token::due(txn, txn.now(), last.as_ref(), PAGE);
            let due = self.with_open(|open| open.transact(|txn, _| page(txn)))?;
            for due in &due {
                let expire = ExpireToken { due: due.clone() };
                let work = self.run(&Caller::system(), &expire);
                match work.and_then(|work| work.map(|work| self.advance(&work)).transpose()) {
                    Ok(work) => finished = finished.saturating_add(usize::from(work.is_some())),
                    Err(error) if stops(&error) => return Err(error),
                    Err(error) => *failed = failed.take().or(Some(error)),
                }
            }
            // Those that cannot be revoked now hold up nobody behind them.
            let full = due.len() >= PAGE;
            match due.into_iter().next_back().filter(|_| full) {
                Some(next) if Some(&next) > last.as_ref() => last = Some(next),
                _ => return Ok(finished),
            }
        }
    }

    /// Rotates transit keys that are due.
    fn rotate_keys(&self, failed: &mut Option<Error>) -> Result<usize> {
        let rotate = |entry| self.run(&Caller::system(), &RotateDue { entry });
        self.each_due(transit::due, rotate, failed)
    }

    /// Changes passwords of static database roles that are due. One that fails is due again later.
    fn rotate_passwords(&self, failed: &mut Option<Error>) -> Result<usize> {
        let change = |entry| {
            let done = self.run(&Caller::system(), &database::RotateDue { entry });
            done.and_then(|done| done.transpose().map(|done| done.is_some()))
        };
        self.each_due(database::due, change, failed)
    }

    /// Does what each due entry is for; returns for how many it was done. Those that fail hold up nobody
    /// behind them.
    fn each_due(
        &self,
        due: impl Fn(&mut Txn<'_>, Option<&EntryPath>, usize) -> Result<Vec<EntryPath>>,
        work: impl Fn(EntryPath) -> Result<bool>,
        failed: &mut Option<Error>,
    ) -> Result<usize> {
        let mut finished = 0usize;
        let mut last: Option<EntryPath> = None;
        loop {
            let page = |txn: &mut Txn<'_>| due(txn, last.as_ref(), PAGE);
            let entries = self.with_open(|open| open.transact(|txn, _| page(txn)))?;
            for entry in &entries {
                match work(entry.clone()) {
                    Ok(done) => finished = finished.saturating_add(usize::from(done)),
                    Err(error) if stops(&error) => return Err(error),
                    Err(error) => *failed = failed.take().or(Some(error)),
                }
            }
            let full = entries.len() >= PAGE;
            match entries.into_iter().next_back().filter(|_| full) {
                Some(next) if Some(&next) > last.as_ref() => last = Some(next),
                _ => return Ok(finished),
            }
        }
    }

    /// Deletes secret ids of roles that ran out: a page with nothing to delete is the last.
    fn expire_secret_ids(&self, failed: &mut Option<Error>) -> Result<()> {
        let tidy = TidySecretIds { mount: None };
        loop {
            match self.run(&Caller::system(), &tidy) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if stops(&error) => return Err(error),
                Err(error) => {
                    *failed = failed.take().or(Some(error));
                    return Ok(());
                }
            }
        }
    }

    /// Does the work that an entry names, all of it, and waits for leases that others end.
    pub(crate) fn finish(&self, work: &EntryPath) -> Result<()> {
        let others = self.work_off(work)?;
        self.await_others(others)
    }

    /// Does the work that an entry names, and waits for nobody else.
    pub(crate) fn advance(&self, work: &EntryPath) -> Result<()> {
        self.work_off(work).map(drop)
    }

    /// Does the work that an entry names; what revoked tokens leased is ended, too, as far as it can be
    /// now. Returns leases that others end at this moment.
    fn work_off(&self, work: &EntryPath) -> Result<Vec<LeaseKey>> {
        let begun = self.now();
        let others = self.with_open(|open| self.finish_on(open, work))?;
        if kind_of(work) == Some("revoke") {
            let mut round = self.round_of_ended(begun)?;
            // Between two pages the vault can be sealed; the leases are over already.
            let mut page = || self.with_open(|open| self.reap_page(open, &mut round, &mut None));
            while page().unwrap_or(false) {}
        }
        Ok(others)
    }

    fn finish_on(&self, open: &OpenVault, work: &EntryPath) -> Result<Vec<LeaseKey>> {
        if let Some(key) = lease::key_at(work) {
            let others = self.end_lease(open, key)?;
            return Ok(others.into_iter().collect());
        }
        match kind_of(work) {
            Some("wipe") => {
                if let Some(leases) = open.transact(|txn, _| Wipe::leases(txn, work))? {
                    let manner = Manner {
                        force: Force::No,
                        haste: Haste::WhenDue,
                        latest: None,
                    };
                    self.end_below(open, &leases, manner)?;
                }
                let page = WipePage { work: work.clone() };
                while self.system(open, &page)? {}
            }
            Some("leases") => return self.sweep(open, work),
            Some("revoke") => self.revoke_all(open, work)?,
            _ => {
                let page = PurgePage {
                    entry: work.clone(),
                };
                while self.system(open, &page)? == Sweeping::More {}
            }
        }
        Ok(Vec::new())
    }

    fn system<O: Operation>(&self, open: &OpenVault, operation: &O) -> Result<O::Reply> {
        self.run_on(open, &Caller::system(), operation, &mut Lesson::none())
    }

    /// Revokes a token with all below it: children first. How far it came is in memory only; who
    /// resumes begins at the top, and finds what is left.
    fn revoke_all(&self, open: &OpenVault, work: &EntryPath) -> Result<()> {
        let mut below: Vec<(NamespaceId, TokenId)> = Vec::new();
        loop {
            let step = RevokeStepOf {
                work: work.clone(),
                node: below.last().copied(),
            };
            match self.system(open, &step)? {
                RevokeStep::Below(more) => below.extend(more),
                RevokeStep::Again => {}
                RevokeStep::Gone => {
                    if below.pop().is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Revokes a token on the way, as one whose last use was taken, and ends a page of what it leased:
    /// the rest is the background work's.
    pub(super) fn revoke_on(
        &self,
        open: &OpenVault,
        space: NamespaceId,
        id: TokenId,
    ) -> Result<()> {
        let work = open.transact(|txn, _| match token::find(txn, space, id)? {
            Some(token) => token::begin_revocation(txn, &token).map(Some),
            None => Ok(None),
        })?;
        let Some(work) = work else {
            return Ok(());
        };
        let mut round = self.round_of_ended(self.now())?;
        self.finish_on(open, &work)?;
        self.reap_page(open, &mut round, &mut None).map(drop)
    }

    /// Encrypts all entries of old terms anew, then drops those terms.
    pub(crate) fn rewrap_all(
        &self,
        caller: &Caller,
        mut progress: impl FnMut(u64) -> Result<()>,
    ) -> Result<usize> {
        loop {
            let page = self.run(caller, &RewrapPage)?;
            progress(page.done)?;
            if page.finished {
                return self.run(caller, &DropTerms);
            }
        }
    }
}

/// Returns what kind of work an entry names.
fn kind_of(work: &EntryPath) -> Option<&str> {
    let folder = layout::work();
    let name = work.as_str().strip_prefix(folder.as_str())?;
    name.split_once('/').map(|(kind, _)| kind)
}

fn entry(path: &str) -> Result<EntryPath> {
    let corrupt = |_| Error::corrupt("the path of a work entry is none");
    EntryPath::new(path).map_err(corrupt)
}

/// Returns whether nothing else can be done after `error`.
pub(super) fn stops(error: &Error) -> bool {
    use ErrorKind::{Closed, Forked, Sealed};
    matches!(error.kind(), Closed | Forked | Sealed)
}
