//! Deleting of many records after the commit that dropped them: pages, resumed by any process.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::metadata::{Home, Metadata, data_entry};
use super::put::SWEEP;
use crate::barrier::{Txn, layout};
use crate::error::{Error, Result};
use crate::operation::{Access, Context, Operation, Target};
use crate::path::EntryPath;
use crate::record::Record;
use crate::wire::{Json, Object, Response};

/// Whether records wait to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweeping {
    Done,
    More,
}

/// Records that nothing refers to any more, of one secret or of those of a transaction.
#[derive(Serialize, Deserialize)]
struct Purge {
    secrets: Vec<Dropped>,
}

impl Record for Purge {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "purge in progress";
}

/// What is left of a secret that was removed, or of the dropped versions of one that lives.
#[derive(Serialize, Deserialize)]
pub(super) struct Dropped {
    pub(super) home: Home,
    /// Where its metadata is or was stored. As long as that is there under the same key, it alone
    /// says what may go: a copy of this work, put back later, must not delete what lives.
    pub(super) metadata: String,
    pub(super) key: [u8; 16],
    /// What a removed secret leaves; one that lives knows it itself.
    pub(super) slots: Vec<u16>,
}

impl Dropped {
    /// Returns the work entry of one secret, of which there is one at most.
    pub(super) fn entry(key: &[u8; 16]) -> Result<EntryPath> {
        layout::work().entry(&HEXLOWER.encode(key))
    }

    /// Leaves a work entry for `secrets`, if there are any.
    pub(super) fn leave(txn: &mut Txn<'_>, secrets: Vec<Self>) -> Result<Option<EntryPath>> {
        let entry = match secrets.as_slice() {
            [] => return Ok(None),
            [one] => Self::entry(&one.key)?,
            [first, ..] => Self::entry(&txn.unique(&[b"work", &first.key])?)?,
        };
        txn.store(entry.clone(), &Purge { secrets })?;
        Ok(Some(entry))
    }

    /// Deletes the next records, one page of them.
    fn sweep(&mut self, txn: &mut Txn<'_>) -> Result<Sweeping> {
        let entry = EntryPath::new(&self.metadata)?;
        let found = txn.load::<Metadata>(&entry)?;
        match found.filter(|metadata| metadata.key == self.key) {
            Some(metadata) => sweep_living(txn, self.home, &entry, metadata),
            None => {
                let rest = self.slots.split_off(self.slots.len().min(SWEEP));
                for slot in std::mem::replace(&mut self.slots, rest) {
                    txn.delete(data_entry(self.home, &self.key, slot)?);
                }
                Ok(more(&self.slots))
            }
        }
    }
}

fn sweep_living(
    txn: &mut Txn<'_>,
    home: Home,
    entry: &EntryPath,
    mut metadata: Metadata,
) -> Result<Sweeping> {
    if !metadata.doomed.is_empty() {
        metadata.sweep(txn, home, SWEEP)?;
        txn.store(entry.clone(), &metadata)?;
    }
    Ok(more(&metadata.doomed))
}

fn more(slots: &[u16]) -> Sweeping {
    if slots.is_empty() {
        Sweeping::Done
    } else {
        Sweeping::More
    }
}

/// Deletes the next records of a work entry, of one secret at a time.
pub(crate) struct PurgePage {
    pub(crate) entry: EntryPath,
}

impl Operation for PurgePage {
    /// Whether more remain.
    type Reply = Sweeping;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// The deletion was allowed when it was begun; this only finishes it.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(mut purge) = cx.txn.load::<Purge>(&self.entry)? else {
            return Ok(Sweeping::Done);
        };
        let empty = || Error::corrupt("a purge in progress names no secret");
        let next = purge.secrets.last_mut().ok_or_else(empty)?;
        if next.sweep(cx.txn)? == Sweeping::Done {
            purge.secrets.pop();
        }
        if purge.secrets.is_empty() {
            cx.txn.delete(self.entry.clone());
            return Ok(Sweeping::Done);
        }
        cx.txn.store(self.entry.clone(), &purge)?;
        Ok(Sweeping::More)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}
