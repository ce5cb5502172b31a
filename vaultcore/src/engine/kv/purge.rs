//! Deleting of many records after the commit that dropped them: pages, resumed by any process.

use serde::{Deserialize, Serialize};

use super::metadata::data_entry;
use super::put::SWEEP;
use crate::barrier::{Txn, layout};
use crate::error::Result;
use crate::id::MountId;
use crate::operation::{Access, Context, Operation, Target};
use crate::path::EntryPath;
use crate::record::Record;

/// Records that nothing refers to any more.
#[derive(Serialize, Deserialize)]
pub(super) struct Purge {
    mount: MountId,
    key: [u8; 16],
    slots: Vec<u16>,
}

impl Record for Purge {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "purge in progress";
}

impl Purge {
    /// Leaves a work entry for the records in `slots`, if there are any.
    pub(super) fn leave(
        txn: &mut Txn<'_>,
        mount: MountId,
        key: [u8; 16],
        slots: Vec<u16>,
    ) -> Result<Option<EntryPath>> {
        if slots.is_empty() {
            return Ok(None);
        }
        let entry = layout::work().entry(&data_encoding::HEXLOWER.encode(&key))?;
        txn.store(entry.clone(), &Self { mount, key, slots })?;
        Ok(Some(entry))
    }
}

/// Deletes the next records of a work entry.
pub(crate) struct PurgePage {
    pub(crate) entry: EntryPath,
}

impl Operation for PurgePage {
    /// Whether more remain.
    type Reply = super::Sweeping;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// The deletion was allowed when it was begun; this only finishes it.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(mut purge) = cx.txn.load::<Purge>(&self.entry)? else {
            return Ok(super::Sweeping::Done);
        };
        let rest = purge.slots.split_off(purge.slots.len().min(SWEEP));
        for slot in &purge.slots {
            cx.txn.delete(data_entry(purge.mount, &purge.key, *slot)?);
        }
        if rest.is_empty() {
            cx.txn.delete(self.entry.clone());
            return Ok(super::Sweeping::Done);
        }
        purge.slots = rest;
        cx.txn.store(self.entry.clone(), &purge)?;
        Ok(super::Sweeping::More)
    }
}
