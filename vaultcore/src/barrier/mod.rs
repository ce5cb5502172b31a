//! Encrypts every entry between engines and storage, and makes transactions of their accesses.

mod agenda;
mod cache;
mod envelope;
mod hint;
mod index;
mod keyring;
pub(crate) mod layout;
mod names;
mod rewrap;
mod time;
mod txn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use agenda::Agenda;
#[cfg(fuzzing)]
pub(crate) use envelope::{Place, SealingKey, Stored};
pub(crate) use hint::Name;
#[cfg(test)]
pub(crate) use hint::planted;
pub(crate) use index::Use;
pub(crate) use keyring::{Keyring, RootKey, Term};
pub(crate) use names::Opener;
pub(crate) use rewrap::{Page, Rewrap};
pub(crate) use time::Time;
pub(crate) use txn::{Epoch, Freshness, Outcome, Txn};

use crate::crypto::rng::Random;
use crate::error::Result;
use crate::id::{MountId, NamespaceId, VaultId};
use crate::path::{EntryPath, Folder};
use crate::storage::Storage;
use cache::{Cache, NameRef};
#[cfg(not(fuzzing))]
use envelope::Place;

/// A tree of hidden names: what one mount keeps in one area.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tree {
    pub(crate) namespace: NamespaceId,
    pub(crate) area: &'static str,
    pub(crate) mount: MountId,
}

impl Tree {
    pub(crate) fn folder(self) -> Folder {
        layout::area(self.namespace, self.area).then(&self.mount.to_string())
    }
}

/// The keys of an open vault, as of one epoch.
pub(crate) struct Keys {
    pub(crate) root: Arc<RootKey>,
    pub(crate) keyring: Keyring,
}

/// What all transactions of one open vault share.
pub(crate) struct Barrier {
    vault: VaultId,
    storage: Arc<dyn Storage>,
    random: Arc<dyn Random>,
    time: Arc<Time>,
    cache: Cache,
    epoch_path: EntryPath,
    /// Set once the storage did not say whether a commit happened: one that lands late is not in
    /// the cache, so an exclusive storage is asked from then on.
    doubtful: AtomicBool,
}

impl Barrier {
    /// Creates the barrier of vault `vault`, which caches at most `cache_bytes` of ciphertext.
    pub(crate) fn new(
        vault: VaultId,
        storage: Arc<dyn Storage>,
        random: Arc<dyn Random>,
        time: Arc<Time>,
        cache_bytes: usize,
    ) -> Result<Self> {
        let cache = Cache::new(cache_bytes);
        Ok(Self {
            vault,
            storage,
            random,
            time,
            cache,
            epoch_path: layout::epoch()?,
            doubtful: AtomicBool::new(false),
        })
    }

    pub(crate) fn vault(&self) -> VaultId {
        self.vault
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// Returns what the storage tells of changes now.
    #[cfg(test)]
    pub(crate) fn freshness(&self) -> Result<Freshness> {
        txn::Freshness::now(self)
    }

    /// Returns whether what this process writes is all that changes the storage, and the cache knows it.
    fn is_alone(&self) -> bool {
        // The storage itself: a shared pointer to it would deny that it is exclusive.
        let storage = &*self.storage;
        self.cache.keeps() && storage.exclusive() && !self.doubtful.load(Ordering::SeqCst)
    }

    /// Returns the stored path of the segments `path` in `tree`, each of them hidden.
    ///
    /// The last segment is the entry's own part; those before it are folders.
    fn hidden_entry(&self, keyring: &Keyring, tree: Tree, path: &str) -> Result<EntryPath> {
        Ok(self
            .hidden_name(keyring, tree, path, false)?
            .entry()
            .clone())
    }

    /// Returns the same with what was found there, if it `leads` anywhere.
    fn hidden_name(
        &self,
        keyring: &Keyring,
        tree: Tree,
        path: &str,
        leads: bool,
    ) -> Result<Arc<Name>> {
        let name = NameRef { tree, path };
        if let Some(known) = self.cache.name(&name) {
            return Ok(known);
        }
        let hidden = Name::new(hide_all(keyring, &tree.folder(), path)?, leads);
        self.cache.keep_name(name, Arc::clone(&hidden));
        Ok(hidden)
    }
}

/// Encrypts `value` for `path` under the newest term of `keyring`.
pub(crate) fn encrypt(
    vault: &VaultId,
    keyring: &Keyring,
    path: &EntryPath,
    value: &[u8],
    source: &dyn Random,
) -> Result<Vec<u8>> {
    let term = keyring.newest()?;
    term.key()
        .encrypt(&Place { vault, path }, term.number(), value, source)
}

fn hide_all(keyring: &Keyring, root: &Folder, path: &str) -> Result<EntryPath> {
    let (folders, last) = path
        .rsplit_once('/')
        .map_or(("", path), |(folders, last)| (folders, last));
    let folder = hide_folder(keyring, root, folders)?;
    folder.entry(&keyring.names().hide(&folder, last)?)
}

/// Returns the stored folder of the segments `path` below `root`; empty text is `root` itself.
pub(crate) fn hide_folder(keyring: &Keyring, root: &Folder, path: &str) -> Result<Folder> {
    let mut folder = root.clone();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        folder = folder.then(&keyring.names().hide(&folder, segment)?);
    }
    Ok(folder)
}
