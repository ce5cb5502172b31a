//! Work that takes many commits, and can be resumed by any process.

use super::{Caller, Vault};
use crate::barrier::layout;
use crate::engine::kv::{PurgePage, Sweeping};
use crate::engine::sys::{DropTerms, RewrapPage};
use crate::error::Result;
use crate::path::EntryPath;
use crate::storage::Scan;

/// Work entries looked at by one tick.
const TICK: usize = 100;

impl Vault {
    /// Finishes work that a crash, here or in another process, left half done.
    ///
    /// Cheap when there is none. Returns how many pieces of work were finished. A host calls it
    /// now and then, and after an unseal.
    ///
    /// # Errors
    /// `Sealed`, `Closed`, `Forked`, and what the storage says.
    pub fn tick(&self) -> Result<usize> {
        self.check_process()?;
        let folder = layout::work();
        let scan = Scan::new(folder.as_str()).limit(TICK);
        let found = self.core.storage.scan(&scan)?;
        for path in &found {
            self.purge(Caller::Owner, &EntryPath::new(path)?)?;
        }
        if found.is_empty() {
            self.with_open(|_| Ok(()))?;
        }
        Ok(found.len())
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
