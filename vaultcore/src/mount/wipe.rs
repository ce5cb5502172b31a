//! Deleting of all that a mount or a namespace kept, in pages, after it is gone from its table.

use serde::{Deserialize, Serialize};

use crate::barrier::{Txn, layout};
use crate::error::Result;
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::Scan;

/// Entries that one commit deletes.
const PAGE: usize = 100;

/// Folders that nothing refers to any more. Their ids never come back, so that this work, done
/// again, harms nothing that lives.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wipe {
    /// Leads to leases that come first: what ends them needs what is to be deleted.
    leases: Option<String>,
    folders: Vec<String>,
}

impl Record for Wipe {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "wipe in progress";
}

impl Wipe {
    /// Leaves the work of deleting `folders`, once the leases that `leases` leads to are ended; `id`
    /// names what they belonged to.
    pub(crate) fn leave(
        txn: &mut Txn<'_>,
        id: &str,
        leases: Option<&Folder>,
        folders: impl IntoIterator<Item = Folder>,
    ) -> Result<EntryPath> {
        let work = layout::work().then("wipe").entry(id)?;
        let folders = folders.into_iter();
        let folders = folders.map(|folder| folder.as_str().to_owned()).collect();
        let leases = leases.map(|folder| folder.as_str().to_owned());
        txn.store(work.clone(), &Self { leases, folders })?;
        Ok(work)
    }

    /// Returns the folder that leads to the leases to be ended first.
    pub(crate) fn leases(txn: &mut Txn<'_>, work: &EntryPath) -> Result<Option<Folder>> {
        let wipe = txn.load::<Self>(work)?;
        let folder = wipe.and_then(|wipe| wipe.leases);
        folder.as_deref().map(Folder::stored).transpose()
    }

    /// Deletes the next page; returns whether there is more.
    pub(crate) fn page(txn: &mut Txn<'_>, work: &EntryPath) -> Result<bool> {
        let Some(mut wipe) = txn.load::<Self>(work)? else {
            return Ok(false);
        };
        if let Some(leases) = &wipe.leases {
            if !txn.scan(&Scan::new(leases.as_str()).limit(1))?.is_empty() {
                return Ok(false); // this waits
            }
            wipe.leases = None;
        }
        let Some(folder) = wipe.folders.last() else {
            txn.delete(work.clone());
            return Ok(false);
        };
        let found = txn.scan(&Scan::new(folder.as_str()).limit(PAGE))?;
        for path in &found {
            txn.delete(EntryPath::new(path)?);
        }
        if found.len() < PAGE {
            wipe.folders.pop();
        }
        if wipe.folders.is_empty() {
            txn.delete(work.clone());
            return Ok(false);
        }
        txn.store(work.clone(), &wipe)?;
        Ok(true)
    }
}
