//! The work of ending all leases below a path.

use serde::{Deserialize, Serialize};

use crate::barrier::{Txn, layout};
use crate::error::Result;
use crate::path::{EntryPath, Folder};
use crate::record::Record;

/// Leases that are to be ended, all that the folders lead to. It is done again after a crash.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sweep {
    folders: Vec<String>,
    /// Whether they are dropped even if they cannot be ended.
    force: bool,
}

impl Record for Sweep {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "end of leases in progress";
}

impl Sweep {
    /// Leaves the work of ending what `folders` lead to.
    pub(crate) fn leave(txn: &mut Txn<'_>, folders: &[Folder], force: bool) -> Result<EntryPath> {
        let id = txn.unique(&[b"sweep"])?;
        let id = data_encoding::HEXLOWER.encode(&id);
        let work = layout::work().then("leases").entry(&id)?;
        let folders = folders.iter().map(|folder| folder.as_str().to_owned());
        let folders = folders.collect();
        txn.store(work.clone(), &Self { folders, force })?;
        Ok(work)
    }

    /// Returns what is to be ended, and whether by force.
    pub(crate) fn load(txn: &mut Txn<'_>, work: &EntryPath) -> Result<Option<(Vec<Folder>, bool)>> {
        let Some(sweep) = txn.load::<Self>(work)? else {
            return Ok(None);
        };
        let folders = sweep.folders.iter().map(|folder| Folder::stored(folder));
        Ok(Some((folders.collect::<Result<_>>()?, sweep.force)))
    }

    /// Says that it is done: each lease was tried, and those that could not be ended are tried again
    /// by whoever reaps.
    pub(crate) fn done(txn: &mut Txn<'_>, work: &EntryPath) {
        txn.delete(work.clone());
    }
}
