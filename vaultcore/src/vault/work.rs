//! Work that takes many commits, and can be resumed by any process.

use super::{Caller, Vault};
use crate::barrier::layout;
use crate::engine::kv::{PurgePage, Sweeping};
use crate::engine::sys::{DropTerms, RewrapPage};
use crate::error::{Error, ErrorKind, Result};
use crate::path::EntryPath;
use crate::storage::Scan;

/// Work entries found by one scan.
const PAGE: usize = 100;

impl Vault {
    /// Finishes work that a crash, here or in another process, left half done.
    ///
    /// Such work is the deletion of records that nothing refers to any more, so nothing is wrong as
    /// long as it is not done; storage is larger, and holds what was deleted for good. Cheap when
    /// there is none: one scan. Returns how many pieces of work were finished. A host calls it after
    /// an unseal and now and then, once a minute for instance, in any number of processes; it needs
    /// no owner's session.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`, and what the storage says. Work that can not be done, because
    /// its entry is `Corrupt` for instance, does not stop the rest: all of it is tried, and then the
    /// first error is returned.
    pub fn tick(&self) -> Result<usize> {
        self.with_open(|_| Ok(()))?;
        let (mut finished, mut failed, mut last) = (0usize, None, String::new());
        loop {
            let folder = layout::work();
            let scan = Scan::new(folder.as_str()).after(last.as_str()).limit(PAGE);
            let found = self.core.storage.scan(&scan)?;
            for path in &found {
                match self.finish(path) {
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

    fn finish(&self, path: &str) -> Result<()> {
        let corrupt = |_| Error::corrupt("the path of a work entry is none");
        let entry = EntryPath::new(path).map_err(corrupt)?;
        self.purge(Caller::System, &entry)
    }

    /// Deletes all records of one work entry.
    pub(crate) fn purge(&self, caller: Caller, entry: &EntryPath) -> Result<()> {
        let page = PurgePage {
            entry: entry.clone(),
        };
        while self.run(caller, &page)? == Sweeping::More {}
        Ok(())
    }

    /// Encrypts all entries of old terms anew, then drops those terms.
    pub(crate) fn rewrap_all(
        &self,
        caller: Caller,
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

/// Returns whether nothing else can be done after `error`.
fn stops(error: &Error) -> bool {
    use ErrorKind::{Closed, Forked, Sealed};
    matches!(error.kind(), Closed | Forked | Sealed)
}
