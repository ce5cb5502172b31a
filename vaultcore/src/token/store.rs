//! Tokens in storage: their entries, and the indexes to them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::entry::{Created, State, TokenEntry, TokenKind};
use super::text::{random_text, split_namespace, text_of, with_namespace};
use super::{Presented, Token, batch};
use crate::barrier::{Agenda, Keyring, Tree, Txn, Use, layout};
use crate::clock::Timestamp;
use crate::crypto::rng::Random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{MountId, NamespaceId, TokenId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::secret::SecretString;
use crate::storage::Scan;

/// How long a token whose last use was taken stays, should nobody come to revoke it.
const LAST_CALL: std::time::Duration = std::time::Duration::from_secs(60);

/// What became of a token that was presented.
pub(crate) enum Lookup {
    /// It is in force.
    Valid(Token),
    /// It is in force, and each call takes a use of it: see [`spend`].
    Limited,
    /// It is none, or none any more.
    Invalid,
}

/// Looks up a token that was presented.
pub(crate) fn authenticate(txn: &mut Txn<'_>, presented: &Presented) -> Result<Lookup> {
    let found = match presented.place(txn)? {
        Some(place) => find_at(txn, place.namespace, place.id, &place.path)?,
        None => {
            let (text, namespace) = split_namespace(presented.expose());
            batch::decode(txn, text).map(|entry| Token {
                id: None,
                namespace,
                entry: Arc::new(entry),
            })
        }
    };
    match found {
        Some(token) => judge(txn, token),
        None => Ok(Lookup::Invalid),
    }
}

fn judge(txn: &mut Txn<'_>, token: Token) -> Result<Lookup> {
    let entry = &token.entry;
    if entry.expired(txn.now()) || entry.state == State::Revoking {
        return Ok(Lookup::Invalid);
    }
    if entry.uses.is_some() {
        return Ok(match entry.state {
            State::Active => Lookup::Limited,
            State::Spent | State::Revoking => Lookup::Invalid,
        });
    }
    // A batch token dies with its parent, which others are revoked by.
    if let (TokenKind::Batch, Some((namespace, parent))) = (entry.kind, entry.parent) {
        let parent = find(txn, namespace, parent)?;
        let alive = parent.is_some_and(|parent| {
            parent.entry.state == State::Active && !parent.entry.expired(txn.now())
        });
        if !alive {
            return Ok(Lookup::Invalid);
        }
    }
    Ok(Lookup::Valid(token))
}

/// Returns the stored token `id`, in whatever state it is.
pub(crate) fn find(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    id: TokenId,
) -> Result<Option<Token>> {
    find_at(txn, namespace, id, &entry_path(namespace, id)?)
}

/// Returns the stored token `id`, whose entry is at `path`.
fn find_at(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    id: TokenId,
    path: &EntryPath,
) -> Result<Option<Token>> {
    let found = txn.load_shared(path, TokenEntry::holds_no_secret)?;
    Ok(found.map(|entry| Token {
        id: Some(id),
        namespace,
        entry,
    }))
}

/// Returns the stored token whose text is `secret`, in whatever state it is.
pub(crate) fn find_secret(txn: &mut Txn<'_>, secret: &str) -> Result<Option<Token>> {
    let (text, namespace) = split_namespace(secret);
    let id = token_id(txn, namespace, text);
    find(txn, namespace, id)
}

/// Returns the stored token that `accessor` names.
pub(crate) fn find_accessor(txn: &mut Txn<'_>, accessor: &str) -> Result<Option<Token>> {
    let (_, namespace) = split_namespace(accessor);
    let path = txn.hidden_entry(accessor_tree(namespace), accessor)?;
    match txn.load::<Pointer>(&path)? {
        Some(pointer) => find(txn, namespace, pointer.token),
        None => Ok(None),
    }
}

/// Returns the accessors of all stored tokens of a namespace.
pub(crate) fn accessors(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
) -> Result<Vec<Zeroizing<String>>> {
    let folder = accessor_tree(namespace).folder();
    let found = txn.scan(&Scan::new(folder.as_str()))?;
    let names = found.iter().map(|path| {
        let part = path.strip_prefix(folder.as_str()).unwrap_or_default();
        txn.reveal(&folder, part)
    });
    names.collect()
}

/// Stores a new token, with all that finds it, in this transaction.
///
/// # Errors
/// `InvalidArgument` if a token with the id that was asked for exists.
pub(crate) fn create(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    mut entry: TokenEntry,
    chosen: Option<&str>,
) -> Result<Created> {
    if entry.kind == TokenKind::Batch {
        let secret = batch::encode(txn, namespace, &entry)?;
        return Ok(Created {
            secret,
            id: None,
            entry,
        });
    }
    let text = match chosen {
        Some(text) => Zeroizing::new(text.to_owned()),
        None => Zeroizing::new(format!("hvs.{}", *random_text(txn, &[b"token"])?)),
    };
    let id = token_id(txn, namespace, &text);
    let place = entry_path(namespace, id)?;
    let free = match chosen {
        Some(_) => find_at(txn, namespace, id, &place)?.is_none(),
        None => txn.expect_absent(&place)?, // an attempt that is overtaken draws another one
    };
    if !free {
        return Err(Error::invalid("a token with this id exists"));
    }
    let accessor = random_text(txn, &[b"accessor", id.as_bytes()])?;
    entry.accessor = with_namespace(&accessor, namespace).to_string();
    let pointer = Pointer { token: id };
    let path = txn.hidden_entry(accessor_tree(namespace), &entry.accessor)?;
    txn.store(path, &pointer)?;
    if let Some((parent_space, parent)) = entry.parent {
        let child = Child { namespace };
        txn.store(child_path(parent_space, parent, id)?, &child)?;
    }
    if let Some(expires) = entry.expires {
        txn.store(due_path(expires, id)?, &Due { namespace })?;
    }
    txn.store(place, &entry)?;
    Ok(Created {
        secret: SecretString::copy_from(&with_namespace(&text, namespace)),
        id: Some(id),
        entry,
    })
}

/// A record in clear, and where it is to be stored.
type Plain = (EntryPath, Zeroizing<Vec<u8>>);

/// Returns the first token of a new vault, and what is to be stored for it: each path with its
/// record in clear.
pub(crate) fn first(
    keyring: &Keyring,
    source: &dyn Random,
    mut entry: TokenEntry,
) -> Result<(SecretString, Vec<Plain>)> {
    let namespace = NamespaceId::ROOT;
    let draw = |context: &[&[u8]]| {
        text_of(
            |fields| {
                let fresh = crate::crypto::rng::random(source)?;
                Ok(keyring.newest()?.key().unique(&fresh, fields))
            },
            context,
        )
    };
    let text = Zeroizing::new(format!("hvs.{}", *draw(&[b"token"])?));
    let fields: [&[u8]; 2] = [namespace.as_bytes(), text.as_bytes()];
    let id = TokenId::from_bytes(keyring.index().id(Use::Token, &fields));
    entry.accessor = draw(&[b"accessor", id.as_bytes()])?.to_string();
    let folder = accessor_tree(namespace).folder();
    let accessor = folder.entry(&keyring.names().hide(&folder, &entry.accessor)?)?;
    let entries = vec![
        (accessor, Pointer { token: id }.encode()?),
        (entry_path(namespace, id)?, entry.encode()?),
    ];
    Ok((SecretString::copy_from(&text), entries))
}

/// Stores a token that was renewed until `expires`.
pub(crate) fn renew(
    txn: &mut Txn<'_>,
    token: &Token,
    expires: Timestamp,
    period: u64,
) -> Result<TokenEntry> {
    let mut entry = TokenEntry::clone(&token.entry);
    entry.period = period;
    entry.renewed = Some(txn.now());
    let id = token.id.ok_or_else(not_stored)?;
    reschedule(txn, token.namespace, id, &mut entry, expires)?;
    txn.store(entry_path(token.namespace, id)?, &entry)?;
    Ok(entry)
}

/// Moves what says when the token runs out.
fn reschedule(
    txn: &mut Txn<'_>,
    namespace: NamespaceId,
    id: TokenId,
    entry: &mut TokenEntry,
    expires: Timestamp,
) -> Result<()> {
    if let Some(before) = entry.expires {
        txn.delete(due_path(before, id)?);
    }
    entry.expires = Some(expires);
    txn.store(due_path(expires, id)?, &Due { namespace })
}

/// Takes a use of the token whose text is `secret`, and returns the token as it then is.
///
/// The use is taken by the commit of this transaction: what a call does is done in the same one, so
/// that as many succeed as there were uses, however many come at once.
///
/// # Errors
/// `PermissionDenied` if it is none, or has no use left.
pub(crate) fn spend(txn: &mut Txn<'_>, secret: &str) -> Result<Token> {
    let invalid = || Error::new(ErrorKind::PermissionDenied, "the token is not valid");
    let (text, namespace) = split_namespace(secret);
    let id = token_id(txn, namespace, text);
    let token = find(txn, namespace, id)?.ok_or_else(invalid)?;
    if token.entry.expired(txn.now()) || token.entry.state != State::Active {
        return Err(invalid());
    }
    let mut entry = TokenEntry::clone(&token.entry);
    let uses = entry.uses.as_mut().ok_or_else(invalid)?;
    uses.left = uses.left.saturating_sub(1);
    if uses.left == 0 {
        entry.state = State::Spent;
        // Should this process die before it revokes the token, it runs out by itself.
        let soon = txn.now().saturating_add(LAST_CALL);
        let expires = entry.expires.map_or(soon, |expires| expires.min(soon));
        reschedule(txn, namespace, id, &mut entry, expires)?;
    }
    txn.store(entry_path(namespace, id)?, &entry)?;
    Ok(Token {
        entry: Arc::new(entry),
        ..token
    })
}

fn not_stored() -> Error {
    Error::invalid("a batch token is stored nowhere: it cannot be renewed or revoked")
}

pub(super) fn token_id(txn: &Txn<'_>, namespace: NamespaceId, text: &str) -> TokenId {
    let fields: [&[u8]; 2] = [namespace.as_bytes(), text.as_bytes()];
    TokenId::from_bytes(txn.keyring().index().id(Use::Token, &fields))
}

pub(super) fn entry_path(namespace: NamespaceId, id: TokenId) -> Result<EntryPath> {
    layout::area(namespace, "token").entry(&id.to_string())
}

pub(super) fn accessor_tree(namespace: NamespaceId) -> Tree {
    Tree {
        namespace,
        area: "token-accessor",
        mount: MountId::BUILT_IN,
    }
}

pub(super) fn child_folder(namespace: NamespaceId, parent: TokenId) -> Folder {
    layout::area(namespace, "token-child").then(&parent.to_string())
}

pub(super) fn child_path(
    namespace: NamespaceId,
    parent: TokenId,
    child: TokenId,
) -> Result<EntryPath> {
    child_folder(namespace, parent).entry(&child.to_string())
}

/// When tokens run out.
pub(super) const AGENDA: Agenda = Agenda("token-due");

pub(super) fn due_path(expires: Timestamp, id: TokenId) -> Result<EntryPath> {
    AGENDA.entry(expires, &id.to_string())
}

/// What an accessor leads to.
#[derive(Serialize, Deserialize)]
struct Pointer {
    token: TokenId,
}

impl Record for Pointer {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "token accessor";
}

/// One child of a token.
#[derive(Serialize, Deserialize)]
pub(super) struct Child {
    pub(super) namespace: NamespaceId,
}

impl Record for Child {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "child of a token";
}

/// A token that runs out.
#[derive(Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) namespace: NamespaceId,
}

impl Record for Due {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "token that runs out";
}
