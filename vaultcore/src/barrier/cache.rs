//! The cache of ciphertext, and of hidden names.
//!
//! Nothing here is trusted: an entry is used only while the storage says that nothing changed, or
//! under an expectation that the commit checks. Values stay encrypted.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;
use zeroize::Zeroizing;

use super::Tree;
use crate::path::EntryPath;
use crate::storage::Entry;

const STRIPES: usize = 64;
/// What one cached entry costs beside its bytes: key, pointers, table.
const ENTRY_COST: usize = 160;

/// Cached entries, at most so many bytes.
pub(crate) struct Cache {
    entries: QuickCache<EntryPath, Cached, ByBytes>,
    names: QuickCache<NameKey, EntryPath>,
    stripes: [Mutex<u64>; STRIPES],
    keeps: bool,
}

/// A cached entry, and the storage's change mark when it was last known to be current.
#[derive(Clone)]
pub(crate) struct Cached {
    pub(crate) held: Arc<Held>,
    pub(crate) mark: u64,
}

/// An entry in memory. A record that holds no secret is kept in its decoded form beside it.
pub(crate) struct Held {
    pub(crate) entry: Entry,
    decoded: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Held {
    pub(crate) fn new(entry: Entry) -> Arc<Self> {
        Arc::new(Self {
            entry,
            decoded: OnceLock::new(),
        })
    }

    pub(crate) fn decoded<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.decoded.get()?).downcast().ok()
    }

    pub(crate) fn keep_decoded<T: Any + Send + Sync>(&self, record: &Arc<T>) {
        // Another thread may have been faster; what it kept is equal.
        let _ = self
            .decoded
            .set(Arc::clone(record) as Arc<dyn Any + Send + Sync>);
    }
}

/// A name in clear, with the tree it is in; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NameKey(Zeroizing<Vec<u8>>);

impl NameKey {
    pub(crate) fn new(tree: Tree, path: &str) -> Self {
        // Areas have no `/`, and ids have one length: no two trees begin alike.
        let fields = [
            tree.area.as_bytes(),
            b"/",
            tree.mount.as_bytes(),
            path.as_bytes(),
        ];
        Self(Zeroizing::new(fields.concat()))
    }
}

impl Hash for NameKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

/// Permission to cache what a read returns, void once the path is written.
pub(crate) struct Ticket(u64);

#[derive(Clone)]
struct ByBytes;

impl Weighter<EntryPath, Cached> for ByBytes {
    fn weight(&self, path: &EntryPath, cached: &Cached) -> u64 {
        let bytes = path.as_str().len() + cached.held.entry.value.len() + ENTRY_COST;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Cache {
    /// Creates a cache of at most `bytes`; 0 keeps nothing.
    pub(crate) fn new(bytes: usize) -> Self {
        let weight = u64::try_from(bytes).unwrap_or(u64::MAX);
        let entries = QuickCache::with_weighter(bytes / 4_096, weight, ByBytes);
        let names = QuickCache::new((bytes / 1_024).min(65_536));
        let stripes = std::array::from_fn(|_| Mutex::new(0));
        Self {
            entries,
            names,
            stripes,
            keeps: bytes > 0,
        }
    }

    /// Returns whether anything is ever cached.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    pub(crate) fn entry(&self, path: &EntryPath) -> Option<Cached> {
        self.entries.get(path)
    }

    /// Returns a ticket; to be taken before the read whose result is to be cached.
    pub(crate) fn ticket(&self, path: &EntryPath) -> Ticket {
        Ticket(*self.stripe(path))
    }

    /// Caches what was read, unless the path was written since the ticket was taken.
    pub(crate) fn keep(&self, path: &EntryPath, ticket: &Ticket, cached: Cached) {
        let generation = self.stripe(path);
        if self.keeps && *generation == ticket.0 {
            self.entries.insert(path.clone(), cached);
        }
    }

    /// Forgets `path` and voids its tickets; called before and after each write of it.
    pub(crate) fn forget(&self, path: &EntryPath) {
        let mut generation = self.stripe(path);
        *generation = generation.wrapping_add(1);
        self.entries.remove(path);
    }

    pub(crate) fn name(&self, key: &NameKey) -> Option<EntryPath> {
        self.names.get(key)
    }

    pub(crate) fn keep_name(&self, key: NameKey, path: EntryPath) {
        self.names.insert(key, path);
    }

    #[allow(clippy::indexing_slicing)] // reduced modulo the length, which is a constant
    fn stripe(&self, path: &EntryPath) -> MutexGuard<'_, u64> {
        // The first bytes are alike for most paths, the last ones are not.
        let tail = path.as_str().bytes().rev().take(8);
        let hash = tail.fold(0usize, |hash, byte| {
            hash.wrapping_mul(31) ^ usize::from(byte)
        });
        self.stripes[hash % STRIPES]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
