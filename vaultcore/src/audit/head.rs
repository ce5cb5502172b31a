//! Where a chain had come to: stored in the vault, so that a log that was cut is noticed.

use serde::{Deserialize, Serialize};

use super::chain::Mac;
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::id::{AuditId, RunId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::Scan;

/// How many heads one scan reads.
const PAGE: usize = 100;

/// The last line of a chain that was written when this was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainHead {
    pub(crate) device: AuditId,
    pub(crate) run: RunId,
    /// The number of the line, from 1.
    pub(crate) seq: u64,
    /// Its MAC.
    pub(crate) mac: Mac,
}

#[derive(Serialize, Deserialize)]
struct StoredHead {
    seq: u64,
    mac: Mac,
}

impl Record for StoredHead {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "audit head";

    fn is_sound(&self) -> bool {
        self.seq > 0
    }
}

impl ChainHead {
    /// Returns where the heads of a device are stored.
    pub(crate) fn folder(device: AuditId) -> Folder {
        Folder::fixed("sys")
            .then("audit-head")
            .then(&device.to_string())
    }

    /// Returns where the head is stored.
    pub(crate) fn entry(&self) -> Result<EntryPath> {
        Self::folder(self.device).entry(&self.run.to_string())
    }

    /// Writes the head. Nobody else writes that of this run, so nothing is read before.
    pub(crate) fn store(&self, txn: &mut Txn<'_>) -> Result<()> {
        let (seq, mac) = (self.seq, self.mac);
        txn.store(self.entry()?, &StoredHead { seq, mac })
    }

    /// Reads up to a page of the heads of `device` in the order of their runs, those behind
    /// `after`; fewer than a page means that there are no more.
    pub(crate) fn load_page(
        txn: &mut Txn<'_>,
        device: AuditId,
        after: Option<RunId>,
    ) -> Result<(Vec<Self>, Option<RunId>)> {
        let folder = Self::folder(device);
        let mut scan = Scan::new(folder.as_str()).limit(PAGE);
        if let Some(after) = after {
            scan = scan.after(folder.entry(&after.to_string())?.as_str());
        }
        let paths = txn.scan(&scan)?;
        let mut heads = Vec::new();
        let mut last = None;
        for path in &paths {
            let run = run_of(path)?;
            last = Some(run);
            if let Some(StoredHead { seq, mac }) = txn.load(&folder.entry(&run.to_string())?)? {
                heads.push(Self {
                    device,
                    run,
                    seq,
                    mac,
                });
            }
        }
        Ok((heads, last.filter(|_| paths.len() == PAGE)))
    }
}

fn run_of(path: &str) -> Result<RunId> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let bytes = data_encoding::HEXLOWER.decode(name.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(RunId::from_bytes)
        .ok_or_else(|| Error::corrupt("a stored audit head has no run's name"))
}

#[cfg(test)]
mod tests;
