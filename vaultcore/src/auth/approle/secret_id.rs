//! A secret id, stored under a hash of itself, and how it is found.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::options::SecretIdInfo;
use super::role::{Place, Role, accessor_tree, secret_ids};
use crate::barrier::{Agenda, Txn, Use};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::Context;
use crate::path::{EntryPath, Folder};
use crate::record::Record;

/// The longest accessor, in bytes.
const MAX_ACCESSOR: usize = 64;

/// What is stored of a secret id.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretId {
    pub(super) accessor: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) uses: u64, // those that are left; 0: any number
    pub(super) ttl: u64,  // microseconds, 0: for ever
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) cidrs: Vec<String>,
    pub(super) token_cidrs: Vec<String>,
}

impl Record for SecretId {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "secret id";
}

/// What an accessor leads to.
#[derive(Serialize, Deserialize)]
struct Pointer {
    secret_id: [u8; 16],
}

impl Record for Pointer {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "accessor of a secret id";
}

/// A secret id that runs out.
#[derive(Serialize, Deserialize)]
struct Due {
    namespace: NamespaceId,
    mount: MountId,
    role: [u8; 16],
}

impl Record for Due {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "secret id that runs out";
}

/// A secret id that was found, and where.
pub(super) struct Found {
    id: [u8; 16],
    pub(super) entry: SecretId,
}

/// Returns under what a role's secret id is stored.
pub(super) fn hash(txn: &Txn<'_>, mount: Place, role: &[u8; 16], text: &str) -> [u8; 16] {
    let fields: [&[u8]; 3] = [mount.id.as_bytes(), role, text.as_bytes()];
    txn.keyring().index().id(Use::SecretId, &fields)
}

/// Reads the secret id that is stored under `id`, in force or not.
fn load(txn: &mut Txn<'_>, folder: &Folder, id: [u8; 16]) -> Result<Option<Found>> {
    let entry = txn.load(&folder.entry(&HEXLOWER.encode(&id))?)?;
    Ok(entry.map(|entry| Found { id, entry }))
}

/// Reads the secret id `text` of the role with this key, in force or not.
pub(super) fn with_text(
    cx: &mut Context<'_, '_>,
    mount: Place,
    role: &[u8; 16],
    text: &str,
) -> Result<Option<Found>> {
    let id = hash(cx.txn, mount, role, text);
    load(cx.txn, &secret_ids(mount, role), id)
}

/// Reads the secret id of `role` that an accessor names, in force or not.
pub(super) fn with_accessor(
    cx: &mut Context<'_, '_>,
    mount: Place,
    role: &Role,
    accessor: &str,
) -> Result<Option<Found>> {
    let digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if accessor.is_empty() || accessor.len() > MAX_ACCESSOR || !accessor.bytes().all(digit) {
        return Ok(None);
    }
    let path = accessor_path(cx.txn, mount, &role.accessors(), accessor)?;
    match cx.txn.load::<Pointer>(&path)? {
        Some(pointer) => load(cx.txn, &role.secret_ids(mount), pointer.secret_id),
        None => Ok(None),
    }
}

impl SecretId {
    /// Stores a new secret id, with all that finds it.
    ///
    /// # Errors
    /// `InvalidArgument` if the role has it already.
    pub(super) fn create(
        &self,
        cx: &mut Context<'_, '_>,
        mount: Place,
        role: &Role,
        text: &str,
    ) -> Result<()> {
        let id = hash(cx.txn, mount, &role.key, text);
        let path = role.secret_ids(mount).entry(&HEXLOWER.encode(&id))?;
        if cx.txn.load::<Self>(&path)?.is_some() {
            return Err(Error::invalid("the secret_id is already registered"));
        }
        let accessor = accessor_path(cx.txn, mount, &role.accessors(), &self.accessor)?;
        cx.txn.store(accessor, &Pointer { secret_id: id })?;
        if let Some(expires) = self.expires {
            let due = Due {
                namespace: mount.namespace,
                mount: mount.id,
                role: role.key,
            };
            cx.txn.store(due_path(expires, &id)?, &due)?;
        }
        cx.txn.store(path, self)
    }

    pub(super) fn in_force(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    pub(super) fn info(&self) -> SecretIdInfo {
        SecretIdInfo {
            accessor: self.accessor.clone(),
            metadata: self.metadata.clone(),
            num_uses: self.uses,
            ttl: Duration::from_micros(self.ttl),
            created: self.created,
            updated: self.updated,
            expires: self.expires,
            cidrs: self.cidrs.clone(),
            token_bound_cidrs: self.token_cidrs.clone(),
        }
    }
}

impl Found {
    /// Takes a use; with the last one it is gone.
    pub(super) fn spend(
        mut self,
        cx: &mut Context<'_, '_>,
        mount: Place,
        role: &Role,
    ) -> Result<()> {
        match self.entry.uses {
            0 => Ok(()),
            1 => self.delete(cx.txn, mount, &role.key),
            left => {
                self.entry.uses = left.saturating_sub(1);
                self.entry.updated = cx.txn.now();
                let path = role.secret_ids(mount).entry(&HEXLOWER.encode(&self.id))?;
                cx.txn.store(path, &self.entry)
            }
        }
    }

    /// Deletes it, with all that finds it.
    pub(super) fn delete(&self, txn: &mut Txn<'_>, mount: Place, role: &[u8; 16]) -> Result<()> {
        let accessors = HEXLOWER.encode(role);
        let accessor = accessor_path(txn, mount, &accessors, &self.entry.accessor)?;
        txn.delete(accessor);
        if let Some(expires) = self.entry.expires {
            txn.delete(due_path(expires, &self.id)?);
        }
        let folder = secret_ids(mount, role);
        txn.delete(folder.entry(&HEXLOWER.encode(&self.id))?);
        Ok(())
    }
}

fn accessor_path(txn: &Txn<'_>, mount: Place, folder: &str, accessor: &str) -> Result<EntryPath> {
    txn.hidden_entry(accessor_tree(mount), &format!("{folder}/{accessor}"))
}

/// When secret ids run out.
const AGENDA: Agenda = Agenda("secret-id-due");

fn due_path(expires: Timestamp, id: &[u8; 16]) -> Result<EntryPath> {
    AGENDA.entry(expires, &HEXLOWER.encode(id))
}

/// Deletes at most `limit` secret ids that ran out, of whichever mount; returns how many.
pub(super) fn expire(txn: &mut Txn<'_>, limit: usize) -> Result<usize> {
    let now = txn.now();
    // Within this second some may run out only later.
    let past = Timestamp::from_micros(now.as_micros().saturating_sub(1_000_000));
    let mut gone = 0usize;
    for path in AGENDA.due(txn, past, None, limit)? {
        let id = due_id(&path)?;
        let Some(due) = txn.load::<Due>(&path)? else {
            continue;
        };
        let mount = Place {
            namespace: due.namespace,
            id: due.mount,
        };
        match load(txn, &secret_ids(mount, &due.role), id)? {
            Some(found) if !found.entry.in_force(now) => found.delete(txn, mount, &due.role)?,
            _ => {}
        }
        txn.delete(path);
        gone = gone.saturating_add(1);
    }
    Ok(gone)
}

fn due_id(path: &EntryPath) -> Result<[u8; 16]> {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let id = HEXLOWER.decode(name.as_bytes()).ok();
    id.and_then(|id| id.try_into().ok())
        .ok_or_else(|| Error::corrupt("the path of a secret id that runs out is none"))
}
