//! New versions of keys, on demand and when they are due.

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::prepared::Prepared;
use super::read::{self, KeyInfo};
use super::{KIND, KeyName, api_path, entry, store, stored};
use crate::barrier::{Agenda, Txn};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath};
use crate::record::Record;
use crate::wire::{Json, Object, Response};

/// Adds a version to a key, which encrypts from then on; the old ones still decrypt.
pub(crate) struct Rotate<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
}

impl Operation for Rotate<'_> {
    type Reply = KeyInfo;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}/rotate", api_path(cx, "keys", &self.name)?);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<KeyInfo> {
        let path = entry(cx, &self.name)?;
        let mut key = stored(cx, &self.name)?;
        let due = key.rules.due;
        key.rotate(cx.txn)?;
        store(cx.txn, path, &key, due)?;
        KeyInfo::of(self.name.as_str(), &Prepared::new(key)?, None)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, info: &KeyInfo) -> Result<Response> {
        Ok(Response::data(read::show(info)))
    }
}

/// Says which key is due.
#[derive(Serialize, Deserialize)]
struct Due {
    key: String,
}

impl Record for Due {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "due rotation";
}

/// When keys are rotated by the background work.
const AGENDA: Agenda = Agenda("transit-due");

fn due_path(second: u64, id: &[u8; 16]) -> Result<EntryPath> {
    let time = Timestamp::from_micros(second.saturating_mul(1_000_000));
    AGENDA.entry(time, &data_encoding::HEXLOWER.encode(id))
}

pub(super) fn forget_due(txn: &mut Txn<'_>, second: u64, id: &[u8; 16]) -> Result<()> {
    if second > 0 {
        txn.delete(due_path(second, id)?);
    }
    Ok(())
}

pub(super) fn remember_due(txn: &mut Txn<'_>, key: &Key, path: &EntryPath) -> Result<()> {
    if key.rules.due == 0 {
        return Ok(());
    }
    let due = Due {
        key: path.as_str().to_owned(),
    };
    txn.store(due_path(key.rules.due, &key.id)?, &due)
}

/// Returns what may be due at the time of the transaction, at most `limit` entries, from behind
/// `after`.
pub(crate) fn due(
    txn: &mut Txn<'_>,
    after: Option<&EntryPath>,
    limit: usize,
) -> Result<Vec<EntryPath>> {
    let now = txn.now();
    AGENDA.due(txn, now, after, limit)
}

/// Rotates the key that an entry says is due, if it is.
pub(crate) struct RotateDue {
    pub(crate) entry: EntryPath,
}

impl Operation for RotateDue {
    /// Whether a key was rotated.
    type Reply = bool;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// Nobody asks for it but the vault itself.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<bool> {
        let Some(due) = cx.txn.load::<Due>(&self.entry)? else {
            return Ok(false);
        };
        let path = EntryPath::new(&due.key)
            .map_err(|_| Error::corrupt("a due rotation names no stored path"))?;
        let key = cx.txn.load::<Key>(&path)?;
        let Some(mut key) =
            key.filter(|key| due_path(key.rules.due, &key.id).is_ok_and(|path| path == self.entry))
        else {
            // The key is gone, or is another one, or is due at another time.
            cx.txn.delete(self.entry.clone());
            return Ok(false);
        };
        let second = key.rules.due;
        if second > cx.txn.now().as_micros() / 1_000_000 {
            return Ok(false);
        }
        let rotated = match key.rotate(cx.txn) {
            Ok(()) => true,
            // It cannot be rotated now: it is tried again a period later.
            Err(error) if refused(&error) => {
                key.schedule(cx.txn.now());
                false
            }
            Err(error) => return Err(error),
        };
        store(cx.txn, path, &key, second)?;
        Ok(rotated)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &bool) -> Result<Response> {
        Ok(Response::empty())
    }
}

fn refused(error: &Error) -> bool {
    use ErrorKind::{InvalidArgument, LimitExceeded, Unsupported};
    matches!(error.kind(), InvalidArgument | LimitExceeded | Unsupported)
}
