//! A hidden name, and what was found by it.
//!
//! A secret is read by its name, from there to its metadata, and from there to the record of a version:
//! three lookups. While nothing was written since, the next reader takes what they found from here.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use zeroize::Zeroizing;

use super::cache::Held;
use super::txn::{Freshness, Txn};
use crate::error::Result;
use crate::path::EntryPath;

/// Where the entry of a name is stored, and where it led to.
pub(crate) struct Name {
    entry: EntryPath,
    /// Whether its entry names another one.
    leads: bool,
    found: RwLock<Option<Box<Found>>>,
}

/// The record at a name, and the decrypted entry that it named.
pub(crate) type LedTo<R> = (Arc<R>, Zeroizing<Vec<u8>>);

/// What was found when the storage told `at` of changes: the entry of the name, and the one it named when
/// `which` was asked for. Neither outlives its place in the cache.
struct Found {
    at: Freshness,
    which: u64,
    named: Weak<Held>,
    path: EntryPath,
    held: Weak<Held>,
}

impl Found {
    #[cfg(not(test))]
    fn is_current(&self, at: Freshness) -> bool {
        self.at == at
    }

    #[cfg(test)]
    fn is_current(&self, at: Freshness) -> bool {
        self.at == at || planted::TRUSTING.get()
    }
}

impl Name {
    pub(crate) fn new(entry: EntryPath, leads: bool) -> Arc<Self> {
        let found = RwLock::new(None);
        Arc::new(Self {
            entry,
            leads,
            found,
        })
    }

    /// Returns where the entry of the name is stored.
    pub(crate) fn entry(&self) -> &EntryPath {
        &self.entry
    }

    /// What it takes in memory, beside the bytes of the name.
    pub(super) fn size(&self) -> usize {
        let own = self.entry.as_str().len().saturating_add(size_of::<Self>());
        // The other path is about as long, and what `Weak`s hold on to is empty.
        let found = size_of::<Found>().saturating_add(2 * size_of::<Held>());
        let other = self.entry.as_str().len().saturating_add(found);
        own.saturating_add(if self.leads { other } else { 0 })
    }
}

impl Txn<'_> {
    /// Returns the record at `name`, decoded, and the decrypted entry that it named when `which` was asked
    /// for; `None` if that is not known, or may have changed.
    ///
    /// Only for an attempt that is [`resume`](Self::resume)d: what it takes is in no read set, and as
    /// current as what that rests on.
    pub(crate) fn led_to<R: Send + Sync + 'static>(
        &self,
        name: &Name,
        which: u64,
    ) -> Result<Option<LedTo<R>>> {
        let Some(at) = self.resumed_at() else {
            return Ok(None);
        };
        let known = || {
            let found = name.found.read().unwrap_or_else(PoisonError::into_inner);
            let found = found.as_ref().filter(|found| found.which == which)?;
            if !found.is_current(at) {
                return None;
            }
            let record = found.named.upgrade()?.decoded::<R>()?;
            Some((record, found.path.clone(), found.held.upgrade()?))
        };
        let Some((record, path, held)) = known() else {
            return Ok(None);
        };
        #[cfg(test)]
        planted::USED.set(planted::USED.get() + 1);
        Ok(Some((record, self.decrypt(&path, &held.entry.value)?)))
    }

    /// Leaves to those who read by `name` next that it led to the entry at `path` when `which` was asked for.
    /// Both were read in this attempt.
    pub(crate) fn lead(&self, name: &Name, which: u64, path: &EntryPath) {
        let (Some(at), Some(named), Some(held)) =
            (self.resumed_at(), self.seen(&name.entry), self.seen(path))
        else {
            return;
        };
        if !named.is_decoded() {
            return; // its record is not kept, or not yet: nobody could use it
        }
        let found = Box::new(Found {
            at,
            which,
            named: Arc::downgrade(named),
            path: path.clone(),
            held: Arc::downgrade(held),
        });
        *name.found.write().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

#[cfg(test)]
pub(crate) mod planted {
    use std::cell::Cell;

    thread_local! {
        /// A planted fault, for tests to find: what was found is taken for current, whatever was written.
        pub(crate) static TRUSTING: Cell<bool> = const { Cell::new(false) };
        /// How often what was found before was used.
        pub(crate) static USED: Cell<u64> = const { Cell::new(0) };
    }
}
