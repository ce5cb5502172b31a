//! The cache of ciphertext, and of hidden names.
//!
//! Nothing here is trusted: an entry is used only while the storage says that nothing changed, or
//! under an expectation that the commit checks. Values stay encrypted.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache as QuickCache;
use quick_cache::{Equivalent, Weighter};
use zeroize::Zeroizing;

use super::Tree;
use super::hint::Name;
use crate::path::EntryPath;
use crate::storage::Entry;

const STRIPES: usize = 64;
/// What one cached entry costs beside its bytes: key, pointers, table.
const ENTRY_COST: usize = 160;

/// Cached entries and names, at most so many bytes.
pub(crate) struct Cache {
    entries: QuickCache<EntryPath, Cached, ByBytes>,
    names: QuickCache<NameKey, Arc<Name>, ByBytes>,
    stripes: [Mutex<Stripe>; STRIPES],
    /// Counts the commits that were begun.
    begun: AtomicU64,
    keeps: bool,
}

/// What is known of the writes to a part of the paths.
#[derive(Default)]
struct Stripe {
    /// Counts the beginnings and ends of writes.
    generation: u64,
    /// Commits that write here and have not answered yet.
    running: u64,
}

/// A cached entry, and the storage's change mark when it was last known to be current, if the
/// storage has such marks.
#[derive(Clone)]
pub(crate) struct Cached {
    pub(crate) held: Arc<Held>,
    pub(crate) mark: Option<u64>,
}

/// An entry in memory. A record that holds no secret may be kept in its decoded form beside it.
pub(crate) struct Held {
    pub(crate) entry: Arc<Entry>,
    decoded: Option<Decoded>,
}

/// A decoded record of whatever type.
pub(crate) type Decoded = Arc<dyn Any + Send + Sync>;

impl Held {
    /// Holds `entry` with the record that it decodes to, if that is known and holds no secret.
    pub(crate) fn with(entry: Entry, decoded: Option<Decoded>) -> Arc<Self> {
        let entry = Arc::new(entry);
        Arc::new(Self { entry, decoded })
    }

    pub(crate) fn new(entry: Entry) -> Arc<Self> {
        Self::with(entry, None)
    }

    pub(crate) fn is_decoded(&self) -> bool {
        self.decoded.is_some()
    }

    pub(crate) fn decoded<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.decoded.as_ref()?).downcast().ok()
    }
}

/// A name in clear, with the tree it is in; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NameKey {
    tree: Tree,
    path: Zeroizing<String>,
}

impl NameKey {
    fn as_ref(&self) -> NameRef<'_> {
        let (tree, path) = (self.tree, self.path.as_str());
        NameRef { tree, path }
    }
}

impl Hash for NameKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

/// The same, as it is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NameRef<'n> {
    pub(crate) tree: Tree,
    pub(crate) path: &'n str,
}

impl NameRef<'_> {
    fn to_key(self) -> NameKey {
        NameKey {
            tree: self.tree,
            path: Zeroizing::new(self.path.to_owned()),
        }
    }
}

impl Equivalent<NameKey> for NameRef<'_> {
    fn equivalent(&self, key: &NameKey) -> bool {
        *self == key.as_ref()
    }
}

/// Permission to cache an entry, void once its path is written.
pub(crate) struct Ticket(u64);

#[derive(Clone)]
struct ByBytes;

impl Weighter<EntryPath, Cached> for ByBytes {
    fn weight(&self, path: &EntryPath, cached: &Cached) -> u64 {
        let value = cached.held.entry.value.len();
        // Decoded metadata takes about three times its encoding.
        let decoded = if cached.held.decoded.is_some() {
            value.saturating_mul(3)
        } else {
            0
        };
        bytes(
            path.as_str()
                .len()
                .saturating_add(value)
                .saturating_add(decoded),
        )
    }
}

impl Weighter<NameKey, Arc<Name>> for ByBytes {
    fn weight(&self, name: &NameKey, hidden: &Arc<Name>) -> u64 {
        bytes(name.path.len().saturating_add(hidden.size()))
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length.saturating_add(ENTRY_COST)).unwrap_or(u64::MAX)
}

impl Cache {
    /// Creates a cache of at most `bytes`, a quarter of them for names; 0 keeps nothing.
    pub(crate) fn new(bytes: usize) -> Self {
        let weight = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        let for_names = bytes / 4;
        let for_entries = bytes.saturating_sub(for_names);
        let entries = QuickCache::with_weighter(for_entries / 4_096, weight(for_entries), ByBytes);
        let names = QuickCache::with_weighter(for_names / 4_096, weight(for_names), ByBytes);
        let stripes = std::array::from_fn(|_| Mutex::default());
        Self {
            entries,
            names,
            stripes,
            begun: AtomicU64::new(0),
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
        Ticket(self.stripe(path).generation)
    }

    /// Caches what was read, unless the path was written since the ticket was taken, or is being
    /// written.
    pub(crate) fn keep(&self, path: &EntryPath, ticket: &Ticket, cached: Cached) {
        let stripe = self.stripe(path);
        if self.keeps && stripe.running == 0 && stripe.generation == ticket.0 {
            self.entries.insert(path.clone(), cached);
        }
    }

    /// Keeps `record`, which `held` decodes to, if that is still what is cached.
    pub(crate) fn keep_decoded<T: Any + Send + Sync>(
        &self,
        path: &EntryPath,
        held: &Arc<Held>,
        record: &Arc<T>,
    ) {
        let _stripe = self.stripe(path);
        let Some(cached) = self.entries.peek(path) else {
            return;
        };
        if Arc::ptr_eq(&cached.held, held) {
            let decoded = Some(Arc::clone(record) as Arc<dyn Any + Send + Sync>);
            let held = Arc::new(Held {
                entry: Arc::clone(&held.entry),
                decoded,
            });
            self.entries.insert(
                path.clone(),
                Cached {
                    held,
                    mark: cached.mark,
                },
            );
        }
    }

    /// Forgets `path` and voids its tickets.
    pub(crate) fn forget(&self, path: &EntryPath) {
        let mut stripe = self.stripe(path);
        stripe.generation = stripe.generation.wrapping_add(1);
        self.entries.remove(path);
    }

    /// Returns how many commits of this process were begun so far.
    ///
    /// While the number stands, no commit has begun since: what a commit writes is out of the cache
    /// before it is counted, and is counted before the storage sees it.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Forgets `paths`, which are about to be written: nothing is kept there until it is over.
    pub(crate) fn begin_write(&self, paths: impl Iterator<Item = EntryPath>) -> Writing<'_> {
        let begin = |path: EntryPath| {
            let mut stripe = self.stripe(&path);
            stripe.running = stripe.running.saturating_add(1);
            stripe.generation = stripe.generation.wrapping_add(1);
            self.entries.remove(&path);
            let ticket = Ticket(stripe.generation);
            drop(stripe);
            (path, ticket)
        };
        let paths = paths.map(begin).collect();
        self.begun.fetch_add(1, Ordering::SeqCst);
        Writing { cache: self, paths }
    }

    fn end_write(&self, path: &EntryPath, ticket: &Ticket, written: Option<Cached>) {
        let mut stripe = self.stripe(path);
        // Nobody else began or ended a write here meanwhile: what was written is what is there.
        let alone = stripe.running == 1 && stripe.generation == ticket.0;
        stripe.running = stripe.running.saturating_sub(1);
        stripe.generation = stripe.generation.wrapping_add(1);
        match written.filter(|_| alone && self.keeps) {
            Some(cached) => self.entries.insert(path.clone(), cached),
            None => drop(self.entries.remove(path)),
        }
    }

    pub(crate) fn name(&self, name: &NameRef<'_>) -> Option<Arc<Name>> {
        self.names.get(name)
    }

    pub(crate) fn keep_name(&self, name: NameRef<'_>, hidden: Arc<Name>) {
        self.names.insert(name.to_key(), hidden);
    }

    #[allow(clippy::indexing_slicing)] // reduced modulo the length, which is a constant
    fn stripe(&self, path: &EntryPath) -> MutexGuard<'_, Stripe> {
        // The first bytes are alike for most paths, the last ones are not.
        let tail = path.as_str().bytes().rev().take(32);
        let hash = tail.fold(0usize, |hash, byte| {
            hash.wrapping_mul(31) ^ usize::from(byte)
        });
        self.stripes[hash % STRIPES]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit under way. Whatever becomes of it, and if it panics too, what it writes is forgotten.
pub(crate) struct Writing<'c> {
    cache: &'c Cache,
    paths: Vec<(EntryPath, Ticket)>,
}

impl Writing<'_> {
    /// Ends a commit that happened, and keeps what it wrote: `values`, in the order of the paths.
    pub(crate) fn keep(mut self, values: impl Iterator<Item = Option<Arc<Held>>>) {
        for ((path, ticket), value) in self.paths.drain(..).zip(values) {
            let written = value.map(|held| Cached { held, mark: None });
            self.cache.end_write(&path, &ticket, written);
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        for (path, ticket) in &self.paths {
            self.cache.end_write(path, ticket, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::id::{MountId, NamespaceId};

    use super::*;

    #[test]
    fn no_two_trees_share_a_name() {
        let tree = |area, namespace, mount| Tree {
            area,
            namespace: NamespaceId::from_bytes([namespace; 16]),
            mount: MountId::from_bytes([mount; 16]),
        };
        let name = |tree| NameRef { tree, path: "name" };
        let trees = [
            tree("kv", 1, 1),
            tree("kv", 1, 2),
            tree("kv", 2, 1),
            tree("policy", 1, 1),
        ];
        for (index, one) in trees.into_iter().enumerate() {
            for (other, tree) in trees.into_iter().enumerate() {
                let (name, key) = (name(one), name(tree).to_key());
                assert_eq!(name.to_key() == key, index == other);
                assert_eq!(name.equivalent(&key), index == other);
            }
        }
    }
}
