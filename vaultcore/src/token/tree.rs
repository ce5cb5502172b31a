//! Revoking: a mark first, then what is below, top-down, then deletion from the leaves up.
//!
//! The mark is written with an entry of work, so that any process goes on after a crash. Who
//! creates a child expects the parent as it read it, so that a marked token gets none.

use serde::{Deserialize, Serialize};

use super::Token;
use super::entry::{State, TokenEntry};
use super::store::{
    AGENDA, Child, Due, accessor_tree, child_folder, child_path, due_path, entry_path, find,
};
use crate::barrier::{Txn, layout};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{NamespaceId, TokenId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::storage::Scan;

/// Children that one commit marks.
const PAGE: usize = 32;
/// Entries of a cubbyhole that one commit deletes.
const SWEEP: usize = 64;

/// What becomes of the children of a token that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Children {
    Revoked,
    Orphaned,
}

/// A revocation in progress.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Revocation {
    namespace: NamespaceId,
    token: TokenId,
    children: Children,
}

impl Record for Revocation {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "revocation in progress";
}

/// What one step of a revocation came to.
pub(crate) enum RevokeStep {
    /// These come first.
    Below(Vec<(NamespaceId, TokenId)>),
    /// There is more of the same.
    Again,
    /// The token is gone.
    Gone,
}

/// Marks a token, and leaves the work of revoking it and all below it.
pub(crate) fn begin_revocation(txn: &mut Txn<'_>, token: &Token) -> Result<EntryPath> {
    begin(txn, token, Children::Revoked)
}

/// Marks a token, and leaves the work of revoking it alone: its children become orphans.
pub(crate) fn revoke_only(txn: &mut Txn<'_>, token: &Token) -> Result<EntryPath> {
    begin(txn, token, Children::Orphaned)
}

fn begin(txn: &mut Txn<'_>, token: &Token, children: Children) -> Result<EntryPath> {
    let batch = || Error::invalid("a batch token is stored nowhere: it cannot be revoked");
    let id = token.id.ok_or_else(batch)?;
    let work = layout::work().then("revoke").entry(&id.to_string())?;
    // What was begun first holds: nothing saves the children of a tree that is being revoked, and
    // nothing takes those that are to be orphans, such as the end of their parent's life.
    let children = match (token.entry.state, txn.load::<Revocation>(&work)?) {
        (_, Some(begun)) => begun.children,
        (State::Revoking, None) => Children::Revoked, // with a token above it
        (State::Active | State::Spent, None) => children,
    };
    mark(txn, token)?;
    let revocation = Revocation {
        namespace: token.namespace,
        token: id,
        children,
    };
    txn.store(work.clone(), &revocation)?;
    Ok(work)
}

fn mark(txn: &mut Txn<'_>, token: &Token) -> Result<()> {
    let Some(id) = token.id.filter(|_| token.entry.state != State::Revoking) else {
        return Ok(());
    };
    let mut entry = TokenEntry::clone(&token.entry);
    entry.state = State::Revoking;
    txn.store(entry_path(token.namespace, id)?, &entry)
}

/// Takes the next step of the revocation at `work`: for `node`, or for the token it began with.
/// `release` takes away a part of what else hangs on a token, and returns whether there was any.
pub(crate) fn step(
    txn: &mut Txn<'_>,
    work: &EntryPath,
    node: Option<(NamespaceId, TokenId)>,
    release: impl FnOnce(&mut Txn<'_>, TokenId) -> Result<bool>,
) -> Result<RevokeStep> {
    let Some(revocation) = txn.load::<Revocation>(work)? else {
        return Ok(RevokeStep::Gone); // somebody else finished it
    };
    let top = (revocation.namespace, revocation.token);
    let (namespace, id) = node.unwrap_or(top);
    let below = children(txn, namespace, id)?;
    if !below.is_empty() {
        return step_below(txn, (namespace, id), below, revocation.children);
    }
    if release(txn, id)? {
        return Ok(RevokeStep::Again);
    }
    let cubbyhole = cubbyhole(namespace, id);
    let kept = txn.scan(&Scan::new(cubbyhole.as_str()).limit(SWEEP))?;
    for path in &kept {
        txn.delete(EntryPath::new(path)?);
    }
    if kept.len() >= SWEEP {
        return Ok(RevokeStep::Again);
    }
    if let Some(token) = find(txn, namespace, id)? {
        delete(txn, &token, id)?;
    }
    if (namespace, id) == top {
        txn.delete(work.clone());
    }
    Ok(RevokeStep::Gone)
}

/// Marks children, or makes orphans of them.
fn step_below(
    txn: &mut Txn<'_>,
    (namespace, parent): (NamespaceId, TokenId),
    below: Vec<TokenId>,
    children: Children,
) -> Result<RevokeStep> {
    let mut marked = Vec::new();
    for child in below {
        let index = child_path(namespace, parent, child)?;
        let found = match txn.load::<Child>(&index)? {
            Some(entry) => find(txn, entry.namespace, child)?,
            None => None,
        };
        match (found, children) {
            (Some(token), Children::Revoked) => {
                mark(txn, &token)?;
                marked.push((token.namespace, child));
            }
            (Some(token), Children::Orphaned) => {
                let mut entry = TokenEntry::clone(&token.entry);
                entry.parent = None;
                txn.store(entry_path(token.namespace, child)?, &entry)?;
                txn.delete(index);
            }
            (None, _) => txn.delete(index),
        }
    }
    Ok(match marked.is_empty() {
        true => RevokeStep::Again,
        false => RevokeStep::Below(marked),
    })
}

fn children(txn: &mut Txn<'_>, namespace: NamespaceId, id: TokenId) -> Result<Vec<TokenId>> {
    let folder = child_folder(namespace, id);
    let found = txn.scan(&Scan::new(folder.as_str()).limit(PAGE))?;
    let ids = found.iter().map(|path| last_id(path));
    ids.collect()
}

/// Deletes a token and all that finds it.
fn delete(txn: &mut Txn<'_>, token: &Token, id: TokenId) -> Result<()> {
    let entry = &token.entry;
    let accessor = txn.hidden_entry(accessor_tree(token.namespace), &entry.accessor)?;
    txn.delete(accessor);
    if let Some((namespace, parent)) = entry.parent {
        txn.delete(child_path(namespace, parent, id)?);
    }
    if let Some(expires) = entry.expires {
        txn.delete(due_path(expires, id)?);
    }
    txn.delete(entry_path(token.namespace, id)?);
    Ok(())
}

/// Returns where a token's cubbyhole is.
fn cubbyhole(namespace: NamespaceId, id: TokenId) -> Folder {
    layout::area(namespace, "cubbyhole").then(&id.to_string())
}

/// Returns the entries of tokens that ran out by `now`, the oldest after `after` first, at most
/// `limit`.
pub(crate) fn due(
    txn: &mut Txn<'_>,
    now: Timestamp,
    after: Option<&EntryPath>,
    limit: usize,
) -> Result<Vec<EntryPath>> {
    AGENDA.due(txn, now, after, limit)
}

/// Begins to revoke the token of the entry `due` if it has run out; an entry that is not true any
/// more is deleted.
pub(crate) fn expire(txn: &mut Txn<'_>, due: &EntryPath) -> Result<Option<EntryPath>> {
    let Some(stored) = txn.load::<Due>(due)? else {
        return Ok(None);
    };
    let id = last_id(due.as_str())?;
    let token = find(txn, stored.namespace, id)?;
    let current = |token: &Token| {
        let expires = token.entry.expires;
        expires.is_some_and(|expires| due_path(expires, id).is_ok_and(|path| path == *due))
    };
    match token {
        Some(token) if current(&token) => {
            if token.entry.expired(txn.now()) {
                return begin_revocation(txn, &token).map(Some);
            }
            Ok(None) // within this second, but not yet
        }
        _ => {
            txn.delete(due.clone());
            Ok(None)
        }
    }
}

/// Returns the tokens among the next `limit` of a namespace that were made by a request to `path`, or
/// below it, and run out some day; and where the next ones begin if there may be any.
pub(crate) fn made_at(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    path: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<TokenId>, Option<String>)> {
    let folder = layout::area(namespace, "token");
    let mut scan = Scan::new(folder.as_str()).limit(limit);
    if let Some(after) = after {
        scan = scan.after(after);
    }
    let found = txn.scan(&scan)?;
    let mut made = Vec::new();
    for stored in &found {
        let Some(entry) = txn.load_listed::<TokenEntry>(&EntryPath::new(stored)?)? else {
            continue;
        };
        let rest = entry.path.strip_prefix(path);
        let within = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if within && entry.expires.is_some() {
            made.push(last_id(stored)?);
        }
    }
    Ok((made, found.into_iter().nth(limit.saturating_sub(1))))
}

fn last_id(path: &str) -> Result<TokenId> {
    let corrupt = || Error::corrupt("a stored path does not end in the id of a token");
    let last = path.rsplit('/').next().unwrap_or_default();
    let bytes = data_encoding::HEXLOWER.decode(last.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).ok());
    bytes.map(TokenId::from_bytes).ok_or_else(corrupt)
}
