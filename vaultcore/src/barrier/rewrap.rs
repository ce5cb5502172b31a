//! Re-encryption of old entries after a rotation, so that an old term can really be dropped.

use serde::{Deserialize, Serialize};

use super::{Txn, layout};
use crate::error::Result;
use crate::path::EntryPath;
use crate::record::Record;
use crate::storage::Scan;

/// Entries looked at in one commit.
const PAGE_ENTRIES: usize = 48;
/// Bytes written in one commit, about; a single value may be as large by itself.
const PAGE_BYTES: usize = 200_000;

/// How far the work has come. Stored, so that any process can go on with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rewrap {
    /// Entries in terms before this one are encrypted anew.
    pub(crate) target: u32,
    after: String,
    done: u64,
    finished: bool,
}

impl Record for Rewrap {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "rewrap state";
}

/// What one page came to.
pub(crate) struct Page {
    /// Entries looked at so far, by whichever process.
    pub(crate) done: u64,
    pub(crate) finished: bool,
}

impl Rewrap {
    /// Returns the work in progress, or new work up to the newest term.
    pub(crate) fn load(txn: &mut Txn<'_>) -> Result<Self> {
        let newest = txn.keyring().newest()?.number();
        let stored: Option<Self> = txn.load(&layout::rewrap()?)?;
        Ok(stored.unwrap_or(Self {
            target: newest,
            after: String::new(),
            done: 0,
            finished: false,
        }))
    }

    /// Returns up to which term all entries were encrypted anew, if that is finished.
    pub(crate) fn finished(txn: &mut Txn<'_>) -> Result<Option<u32>> {
        let stored: Option<Self> = txn.load(&layout::rewrap()?)?;
        Ok(stored
            .filter(|state| state.finished)
            .map(|state| state.target))
    }

    /// Does one page of the work, and stores how far it came.
    pub(crate) fn page(mut self, txn: &mut Txn<'_>) -> Result<Page> {
        if self.finished {
            return Ok(Page {
                done: self.done,
                finished: true,
            });
        }
        let scan = Scan::new("").after(self.after.as_str()).limit(PAGE_ENTRIES);
        let texts = txn.scan(&scan)?;
        let finished = texts.len() < PAGE_ENTRIES;
        let paths = texts
            .iter()
            .map(|text| EntryPath::new(text))
            .collect::<Result<Vec<_>>>()?;
        txn.prefetch(&paths)?;
        let mut bytes = 0usize;
        for path in &paths {
            if !encrypts_itself(path)? {
                bytes = bytes.saturating_add(txn.rewrap(path, self.target)?.unwrap_or(0));
            }
            self.after = path.as_str().to_owned();
            self.done = self.done.saturating_add(1);
            if bytes > PAGE_BYTES && Some(path) != paths.last() {
                return self.stored(txn, false);
            }
        }
        self.stored(txn, finished)
    }

    fn stored(mut self, txn: &mut Txn<'_>, finished: bool) -> Result<Page> {
        self.finished = finished;
        txn.store(layout::rewrap()?, &self)?;
        Ok(Page {
            done: self.done,
            finished,
        })
    }
}

/// Returns whether the entry at `path` is not a record under a term.
fn encrypts_itself(path: &EntryPath) -> Result<bool> {
    let fixed = [layout::header()?, layout::slots()?, layout::keyring()?];
    // The state of this very work is written in each page, under the newest term.
    Ok(fixed.contains(path) || *path == layout::rewrap()?)
}
