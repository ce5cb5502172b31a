//! Re-encryption of old entries after a rotation, so that an old term can really be dropped.

use serde::{Deserialize, Serialize};

use super::{Txn, layout};
use crate::error::Result;
use crate::path::EntryPath;
use crate::record::Record;
use crate::storage::Scan;

/// Entries looked at in one commit.
const PAGE_ENTRIES: usize = 48;
/// Bytes in one commit, unless a single entry has more.
const PAGE_BYTES: usize = 200_000;
/// Entries read at once: none may be beyond what is written, and each may have 1 MiB.
const READ_ENTRIES: usize = 8;

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
        let mut bytes = 0;
        for group in paths.chunks(READ_ENTRIES) {
            txn.prefetch(group)?;
            for path in group {
                if !self.entry(txn, path, &mut bytes)? {
                    return self.stored(txn, false);
                }
            }
        }
        self.stored(txn, finished)
    }

    /// Encrypts one entry anew if it is old. Returns whether it fitted beside the `bytes` that the
    /// commit has already, which it adds to; the first entry always does.
    fn entry(&mut self, txn: &mut Txn<'_>, path: &EntryPath, bytes: &mut usize) -> Result<bool> {
        if !encrypts_itself(path)? {
            let value = txn.raw(path)?.map_or(0, |value| value.len());
            // The path is there twice: it is expected and written.
            let size = path.as_str().len().saturating_mul(2).saturating_add(value);
            let sum = bytes.saturating_add(size);
            if *bytes > 0 && sum > PAGE_BYTES {
                return Ok(false);
            }
            if txn.rewrap(path, self.target)?.is_some() {
                *bytes = sum;
            }
        }
        self.after = path.as_str().to_owned();
        self.done = self.done.saturating_add(1);
        Ok(true)
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
