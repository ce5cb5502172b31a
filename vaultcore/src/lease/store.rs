//! Leases in storage: their entries, and the indexes to them.

use zeroize::Zeroizing;

use super::entry::{Lease, LeaseEntry, Pointer};
use crate::barrier::{Agenda, Tree, Txn, Use};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{LeaseKey, MountId, NamespaceId, TokenId};
use crate::path::{EntryPath, Folder};
use crate::storage::Scan;

/// The area of storage in which a mount's leases are found.
const AREA: &str = "lease-in";

/// Returns where the lease of this id is found.
pub(super) fn key_of(txn: &Txn<'_>, id: &str) -> LeaseKey {
    LeaseKey::from_bytes(txn.keyring().index().id(Use::Lease, &[id.as_bytes()]))
}

/// Returns the lease of this id, in whatever state it is.
pub(crate) fn find(txn: &mut Txn<'_>, id: &str) -> Result<Option<Lease>> {
    let key = key_of(txn, id);
    let found = load(txn, key)?;
    Ok(found.filter(|lease| lease.entry.id == id))
}

/// Returns the lease that is found by `key`, in whatever state it is.
pub(crate) fn load(txn: &mut Txn<'_>, key: LeaseKey) -> Result<Option<Lease>> {
    let found = txn.load::<LeaseEntry>(&entry_path(key)?)?;
    Ok(found.map(|entry| Lease { key, entry }))
}

/// Returns the lease that is found by `key` for a list of many: it is no part of the read set.
pub(crate) fn peek(txn: &mut Txn<'_>, key: LeaseKey) -> Result<Option<Lease>> {
    let found = txn.load_listed::<LeaseEntry>(&entry_path(key)?)?;
    Ok(found.map(|entry| Lease { key, entry }))
}

/// Stores a new lease, with all that finds it.
pub(super) fn add(txn: &mut Txn<'_>, lease: &Lease) -> Result<()> {
    let entry = &lease.entry;
    let pointer = Pointer { key: lease.key };
    if let Some((_, token)) = entry.token {
        txn.store(of_path(token, lease.key)?, &pointer)?;
    }
    if let Some((namespace, mount)) = entry.via {
        txn.store(via_path(namespace, mount, lease.key)?, &pointer)?;
    }
    let path = txn.hidden_entry(tree(entry.namespace, entry.mount), &entry.path)?;
    txn.store(path, &pointer)?;
    txn.store(due_path(entry.due, lease.key)?, &pointer)?;
    txn.store(entry_path(lease.key)?, entry)
}

/// Stores a lease that was changed; it is due at another time.
pub(super) fn change(txn: &mut Txn<'_>, lease: &mut Lease, due: Timestamp) -> Result<()> {
    let before = due_path(lease.entry.due, lease.key)?;
    let after = due_path(due, lease.key)?;
    if before != after {
        txn.delete(before);
        txn.store(after, &Pointer { key: lease.key })?;
    }
    lease.entry.due = due;
    txn.store(entry_path(lease.key)?, &lease.entry)
}

/// Deletes a lease and all that finds it.
pub(super) fn remove(txn: &mut Txn<'_>, lease: &Lease) -> Result<()> {
    let entry = &lease.entry;
    if let Some((_, token)) = entry.token {
        txn.delete(of_path(token, lease.key)?);
    }
    if let Some((namespace, mount)) = entry.via {
        txn.delete(via_path(namespace, mount, lease.key)?);
    }
    let path = txn.hidden_entry(tree(entry.namespace, entry.mount), &entry.path)?;
    txn.delete(path);
    txn.delete(due_path(entry.due, lease.key)?);
    txn.delete(entry_path(lease.key)?);
    Ok(())
}

/// Leases that one scan found, and the last path of it if there may be more.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) keys: Vec<LeaseKey>,
    pub(crate) after: Option<String>,
}

/// Returns the leases of a token.
pub(super) fn of_token(txn: &mut Txn<'_>, token: TokenId, limit: usize) -> Result<Vec<LeaseKey>> {
    let folder = of_folder(token);
    let found = txn.scan(&Scan::new(folder.as_str()).limit(limit))?;
    found.iter().map(|path| last_key(path)).collect()
}

/// Returns the folder of storage that leads to the leases of a mount, or of a whole namespace.
pub(crate) fn of_mount(namespace: NamespaceId, mount: Option<MountId>) -> Folder {
    let folder = crate::barrier::layout::area(namespace, AREA);
    match mount {
        Some(mount) => folder.then(&mount.to_string()),
        None => folder,
    }
}

/// Returns a page of the leases below `folder`, a result of [`of_mount`] or [`below`].
pub(crate) fn page(
    txn: &mut Txn<'_>,
    folder: &Folder,
    after: Option<&str>,
    limit: usize,
) -> Result<Page> {
    let (places, after) = places(txn, folder, after, limit)?;
    let mut keys = Vec::with_capacity(places.len());
    for place in &places {
        keys.extend(lead(txn, place)?);
    }
    Ok(Page { keys, after })
}

/// Returns a page of the places below `folder` that lead to leases, and the last of them if there may
/// be more.
pub(crate) fn places(
    txn: &mut Txn<'_>,
    folder: &Folder,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<EntryPath>, Option<String>)> {
    let mut scan = Scan::new(folder.as_str()).limit(limit);
    if let Some(after) = after {
        scan = scan.after(after);
    }
    let found = txn.scan(&scan)?;
    let places = found.iter().map(|path| EntryPath::new(path));
    let places = places.collect::<Result<_>>()?;
    Ok((places, found.into_iter().nth(limit.saturating_sub(1))))
}

/// Returns the key of the lease that a place leads to; it is no part of the read set.
pub(crate) fn lead(txn: &mut Txn<'_>, place: &EntryPath) -> Result<Option<LeaseKey>> {
    let pointer = txn.load_listed::<Pointer>(place)?;
    Ok(pointer.map(|pointer| pointer.key))
}

/// Deletes a lease that cannot be read, by the place that leads to it. What else leads to it is found
/// to be untrue when somebody follows it.
pub(crate) fn drop_unreadable(txn: &mut Txn<'_>, place: &EntryPath) -> Result<()> {
    if let Ok(Some(key)) = lead(txn, place) {
        txn.delete(entry_path(key)?);
    }
    txn.delete(place.clone());
    Ok(())
}

/// Returns the folder of storage that leads to the leases below `path` of a mount.
pub(crate) fn below(
    txn: &Txn<'_>,
    namespace: NamespaceId,
    mount: MountId,
    path: &str,
) -> Result<Folder> {
    match path.trim_end_matches('/') {
        "" => Ok(of_mount(namespace, Some(mount))),
        path => txn.hidden_folder(tree(namespace, mount), path),
    }
}

/// Returns the names in the folder `path` of a mount's leases, sorted; subfolders end in a slash.
pub(crate) fn names(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    mount: MountId,
    path: &str,
) -> Result<Vec<Zeroizing<String>>> {
    txn.names(tree(namespace, mount), path.trim_end_matches('/'))
}

fn tree(namespace: NamespaceId, mount: MountId) -> Tree {
    Tree {
        namespace,
        area: AREA,
        mount,
    }
}

pub(crate) fn entry_path(key: LeaseKey) -> Result<EntryPath> {
    Folder::fixed("sys").then("lease").entry(&key.to_string())
}

/// Returns the key of the lease that is stored at `path`; `None` if that is no place of a lease.
pub(crate) fn key_at(path: &EntryPath) -> Option<LeaseKey> {
    let folder = Folder::fixed("sys").then("lease");
    LeaseKey::parse(path.as_str().strip_prefix(folder.as_str())?)
}

fn of_folder(token: TokenId) -> Folder {
    let folder = Folder::fixed("sys").then("lease-of");
    folder.then(&token.to_string())
}

pub(super) fn of_path(token: TokenId, key: LeaseKey) -> Result<EntryPath> {
    of_folder(token).entry(&key.to_string())
}

/// No id of a lease lies in an auth method, so that this is none of its names.
fn via_path(namespace: NamespaceId, mount: MountId, key: LeaseKey) -> Result<EntryPath> {
    of_mount(namespace, Some(mount)).entry(&key.to_string())
}

/// When the reaper looks at leases.
pub(super) const AGENDA: Agenda = Agenda("lease-due");

pub(super) fn due_path(due: Timestamp, key: LeaseKey) -> Result<EntryPath> {
    AGENDA.entry(due, &key.to_string())
}

/// Returns the key that a stored path ends in.
pub(super) fn last_key(path: &str) -> Result<LeaseKey> {
    let corrupt = || Error::corrupt("a stored path does not end in the key of a lease");
    let last = path.rsplit('/').next().unwrap_or_default();
    LeaseKey::parse(last).ok_or_else(corrupt)
}
