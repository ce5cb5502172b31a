//! Transit: named keys that encrypt, sign and rotate, and never leave unless they may.
//!
//! Stored as: `transit-key/<mount>/<hidden name>` a key with all its versions; `transit-use/<mount>/
//! <key id>` how many uses of each version were given to processes; `transit-wrapping/<mount>/key` the
//! key that imports are wrapped for; `sys/transit-due/<second>/<key id>` when the background work
//! rotates a key.

mod api;
mod asymmetric;
mod backup;
mod budget;
mod config;
mod create;
mod crypt;
mod datakey;
mod decrypt;
mod delete;
mod encrypt;
mod export;
mod hmac;
mod import;
mod item;
mod key;
mod kind;
mod manage;
#[cfg(test)]
pub(crate) mod planted;
mod prepared;
mod read;
mod rewrap;
mod rotate;
mod sign;
mod text;
mod tools;
mod verify;
mod wrapping;

pub use create::NewKey;
pub use crypt::MAX_PLAINTEXT;
pub use export::ExportType;
pub use hmac::HashType;
pub use item::{Input, MAX_BATCH};
pub use kind::KeyType;
pub use manage::KeyUpdate;
pub use read::{KeyInfo, KeyVersion};
pub use sign::{Marshaling, Padding, SaltLength, SignOptions};
pub use tools::MAX_RANDOM;
pub use wrapping::WrapHash;

pub(crate) use backup::{Existing, Restore, TakeBackup};
pub(crate) use config::Configure;
pub(crate) use create::Create;
pub(crate) use datakey::{DataKey, Show};
pub(crate) use decrypt::Decrypt;
pub(crate) use delete::Delete;
pub(crate) use encrypt::Encrypt;
pub(crate) use export::Export;
pub(crate) use hmac::Hmac;
pub(crate) use import::{Import, Imported, Into};
pub(crate) use item::Items;
pub(crate) use manage::{Change, Manage};
pub(crate) use read::{List, Read};
pub(crate) use rewrap::{Fresh, Rewrap};
pub(crate) use rotate::{Rotate, RotateDue, due};
pub(crate) use sign::Sign;
pub(crate) use tools::{Format, HashData, RandomBytes};
pub(crate) use verify::{Verify, What};
pub(crate) use wrapping::{ExportWrapped, WrappingKey};

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::barrier::{Tree, Txn, layout};
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::{Context, Engine, Handler, Mounted};
use crate::path::{self, EntryPath};
use crate::record::Record;
use crate::wire::Route;
use budget::Known;
use config::Config;
use key::Key;
use prepared::Prepared;

/// The kind under which it is mounted.
pub(crate) const KIND: &str = "transit";

/// The engine, with the uses of keys that this process holds.
pub(crate) struct Transit {
    known: Known,
}

impl Transit {
    pub(crate) fn new() -> Self {
        Self {
            known: Known::new(),
        }
    }
}

impl Engine for Transit {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>> {
        if options.is_empty() {
            return Ok(Config::default().encode()?.to_vec());
        }
        Err(Error::invalid("a transit mount has no options"))
    }

    fn areas(&self) -> &'static [&'static str] {
        &["transit-key", "transit-use", "transit-wrapping"]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::ROUTES
    }
}

/// The name of a key: as in Vault, letters, digits, `_`, and inside also `-` and `.`.
#[derive(Clone)]
pub(crate) struct KeyName {
    text: String,
    /// Where the key is stored, once that was worked out.
    place: OnceLock<(Tree, EntryPath)>,
}

impl KeyName {
    /// # Errors
    /// `InvalidArgument` for another text, `TooLarge` for one of more than 512 bytes.
    pub(crate) fn new(text: &str) -> Result<Self> {
        path::check(text)?;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let inside = |byte: u8| word(byte) || byte == b'-' || byte == b'.';
        let ends = [text.bytes().next(), text.bytes().next_back()];
        if ends.into_iter().flatten().all(word) && text.bytes().all(inside) {
            return Ok(Self {
                text: text.to_owned(),
                place: OnceLock::new(),
            });
        }
        Err(Error::invalid(
            "the name of a key has letters, digits and _, and inside also - and .",
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyName([redacted])")
    }
}

fn tree(mount: Mounted<'_>) -> Tree {
    tree_of(mount.namespace, mount.id)
}

fn tree_of(namespace: NamespaceId, mount: MountId) -> Tree {
    Tree {
        namespace,
        area: "transit-key",
        mount,
    }
}

/// Returns the path as policies name it: `transit/` `encrypt` `/` `app`.
fn api_path(cx: &Context<'_, '_>, verb: &str, name: &KeyName) -> Result<String> {
    Ok([cx.mount()?.path.as_str(), verb, "/", name.as_str()].concat())
}

fn entry(cx: &Context<'_, '_>, name: &KeyName) -> Result<EntryPath> {
    let tree = tree(cx.mount()?);
    if let Some((_, known)) = name.place.get().filter(|(of, _)| *of == tree) {
        return Ok(known.clone());
    }
    let path = cx.txn.hidden_entry(tree, name.as_str())?;
    // Another tree's path stays there if the mount was replaced between two attempts.
    let _ = name.place.set((tree, path.clone()));
    Ok(path)
}

/// Returns where the uses of a key are counted.
fn use_entry(mount: Mounted<'_>, id: &[u8; 16]) -> Result<EntryPath> {
    let folder = layout::area(mount.namespace, "transit-use").then(&mount.id.to_string());
    folder.entry(&data_encoding::HEXLOWER.encode(id))
}

/// Returns the key, ready for use, if there is one.
fn find(cx: &mut Context<'_, '_>, name: &KeyName) -> Result<Option<Arc<Prepared>>> {
    if let Some(known) = cx.recall() {
        return Ok(Some(known)); // an operation that is remembered has one key, that of its name
    }
    let path = entry(cx, name)?;
    let found = cx.txn.load_kept(&path, Prepared::decode)?;
    if let Some(found) = &found {
        cx.keep(found);
    }
    Ok(found)
}

/// Returns the key, ready for use, for what is done with it.
///
/// # Errors
/// `NotFound`; `InvalidArgument` if it is soft-deleted.
fn usable(cx: &mut Context<'_, '_>, name: &KeyName) -> Result<Arc<Prepared>> {
    find(cx, name)?.ok_or_else(no_key).and_then(in_use)
}

/// Returns the key unless it is soft-deleted.
fn in_use(key: Arc<Prepared>) -> Result<Arc<Prepared>> {
    key.key.check_in_use()?;
    Ok(key)
}

/// Returns the key for what is done with it and changes it, or takes it away.
///
/// # Errors
/// As [`usable`].
fn stored_in_use(cx: &mut Context<'_, '_>, name: &KeyName) -> Result<Key> {
    let key = stored(cx, name)?;
    key.check_in_use()?;
    Ok(key)
}

/// Returns the key to be changed.
fn stored(cx: &mut Context<'_, '_>, name: &KeyName) -> Result<Key> {
    let path = entry(cx, name)?;
    cx.txn.load(&path)?.ok_or_else(no_key)
}

fn no_key() -> Error {
    Error::not_found("there is no such key")
}

/// Returns the uses that this process holds.
fn known<'c>(cx: &Context<'c, '_>) -> Result<&'c Known> {
    let engine: &dyn Any = cx.registry.engine(KIND)?;
    let transit = engine.downcast_ref::<Transit>();
    let missing = || Error::invalid("the transit engine is not the one that is built in");
    transit.map(|transit| &transit.known).ok_or_else(missing)
}

/// Writes the key, and when it is due if that changed.
fn store(txn: &mut Txn<'_>, path: EntryPath, key: &Key, due_before: u64) -> Result<()> {
    if key.rules.due != due_before {
        rotate::forget_due(txn, due_before, &key.id)?;
        rotate::remember_due(txn, key, &path)?;
    }
    txn.store(path, key)
}
