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
    folders: Vec<String>,
}

impl Record for Wipe {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "wipe in progress";
}

impl Wipe {
    /// Leaves the work of deleting `folders`; `id` names what they belonged to.
    pub(crate) fn leave(
        txn: &mut Txn<'_>,
        id: &str,
        folders: impl IntoIterator<Item = Folder>,
    ) -> Result<EntryPath> {
        let work = layout::work().then("wipe").entry(id)?;
        let folders = folders.into_iter();
        let folders = folders.map(|folder| folder.as_str().to_owned()).collect();
        txn.store(work.clone(), &Self { folders })?;
        Ok(work)
    }

    /// Deletes the next page; returns whether there is more.
    pub(crate) fn page(txn: &mut Txn<'_>, work: &EntryPath) -> Result<bool> {
        let Some(mut wipe) = txn.load::<Self>(work)? else {
            return Ok(false);
        };
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
