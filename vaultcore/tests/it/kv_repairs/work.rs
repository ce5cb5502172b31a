//! Deletions of many records: a crash leaves work, which any process finishes, and which deletes
//! nothing that lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, MetadataUpdate};
use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};

use crate::common::{Dying, World, data, kept, kind, put, put_many};

fn limit(kv: &Kv, path: &str, count: u32) {
    kv.put_metadata(path, &MetadataUpdate::new().max_versions(count))
        .expect("metadata");
}

fn dying() -> (Arc<Dying>, World) {
    let storage = Dying::new();
    let world = World::on(Arc::clone(&storage) as Arc<dyn Storage>);
    (storage, world)
}

fn all(count: u64) -> Vec<u64> {
    (1..=count).collect()
}

#[test]
fn an_interrupted_destroy_is_finished_elsewhere() {
    for commits in 1..=3 {
        let (storage, world) = dying();
        let kv = world.kv();
        limit(&kv, "a", 400);
        put_many(&kv, "a", 360);
        storage.die_after(commits);
        let destroyed = kv.destroy("a", &all(350));
        storage.revive();
        assert_eq!(kind(destroyed), ErrorKind::Indeterminate);
        assert_eq!((world.records(), world.work()), (360 - commits * 100, 1));
        assert_eq!(world.other().tick().expect("tick"), 1);
        assert_eq!((world.records(), world.work()), (10, 0));
        assert_eq!(data(&kv, "a"), json!({"n": 360}));
    }
}

#[test]
fn an_interrupted_prune_is_finished_elsewhere() {
    let (storage, world) = dying();
    let kv = world.kv();
    limit(&kv, "a", 300);
    put_many(&kv, "a", 300);
    limit(&kv, "a", 2);
    storage.die_after(1);
    let written = kv.put("a", &json!({"n": 301}), Cas::Any);
    storage.revive();
    assert_eq!(written.expect("it stands").version, 301);
    assert_eq!(world.work(), 1);
    assert_eq!(world.other().tick().expect("tick"), 1);
    assert_eq!((world.records(), world.work()), (2, 0));
    assert_eq!(kept(&kv, "a"), [300, 301]);
    kv.get_version::<Value>("a", 300).expect("kept");
}

#[test]
fn an_interrupted_transaction_leaves_one_piece_of_work() {
    let (storage, world) = dying();
    let kv = world.kv();
    let paths: Vec<String> = (0..50).map(|number| format!("s{number}")).collect();
    for path in &paths {
        put_many(&kv, path, 5);
        limit(&kv, path, 1);
    }
    storage.die_after(1);
    let written = kv.transaction(|tx| {
        let puts = paths
            .iter()
            .map(|path| tx.put(path, &json!({"n": 6}), Cas::Version(5)));
        puts.collect()
    });
    storage.revive();
    assert_eq!(written.expect("it stands").len(), 50);
    assert_eq!((world.records(), world.work()), (250, 1));
    assert_eq!(world.other().tick().expect("tick"), 1);
    assert_eq!((world.records(), world.work()), (50, 0));
    for path in &paths {
        assert_eq!(data(&kv, path), json!({"n": 6}));
    }
}

#[test]
fn calls_that_finish_leave_no_work() {
    let world = World::new();
    let kv = world.kv();
    for path in ["a", "b"] {
        limit(&kv, path, 300);
        put_many(&kv, path, 300);
        limit(&kv, path, 1);
    }
    put(&kv, "a", 301);
    kv.transaction(|tx| tx.put("b", &json!({"n": 301}), Cas::Any))
        .expect("written");
    assert_eq!((world.records(), world.work()), (2, 0));
}

/// A storage that remembers the first piece of work, and can refuse the commit that leaves it.
struct Witness {
    inner: Memory,
    refuse: AtomicBool,
    seen: Mutex<Option<(EntryPath, Vec<u8>)>>,
}

impl Witness {
    fn world() -> (Arc<Self>, World) {
        let storage = Arc::new(Self {
            inner: Memory::new(),
            refuse: AtomicBool::new(false),
            seen: Mutex::new(None),
        });
        let world = World::on(Arc::clone(&storage) as Arc<dyn Storage>);
        (storage, world)
    }

    /// Puts the work that was seen where it was.
    fn plant(&self) {
        let (path, value) = self.seen.lock().expect("lock").take().expect("seen");
        let batch = Batch::new().put(path, value);
        self.inner.commit(&batch).expect("planted");
    }
}

impl Storage for Witness {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let work = batch
            .writes
            .iter()
            .find(|(path, value)| path.as_str().starts_with("work/") && value.is_some());
        if let Some((path, Some(value))) = work {
            let seen = (path.clone(), value.clone());
            self.seen.lock().expect("lock").get_or_insert(seen);
            if self.refuse.load(Ordering::SeqCst) {
                return Err(StorageError::Unavailable("refused", None));
            }
        }
        self.inner.commit(batch)
    }
}

#[test]
fn work_of_a_removal_that_never_happened_deletes_nothing() {
    let (storage, world) = Witness::world();
    let kv = world.kv();
    limit(&kv, "a", 150);
    put_many(&kv, "a", 150);
    storage.refuse.store(true, Ordering::SeqCst);
    assert_eq!(kind(kv.delete_metadata("a")), ErrorKind::Unavailable);
    storage.refuse.store(false, Ordering::SeqCst);
    storage.plant();
    assert_eq!(world.vault.tick().expect("tick"), 1);
    assert_eq!((world.records(), world.work()), (150, 0));
    for number in 1..=150 {
        kv.get_version::<Value>("a", number).expect("lives");
    }
}

#[test]
fn work_put_back_after_it_was_done_deletes_nothing() {
    let (storage, world) = Witness::world();
    let kv = world.kv();
    limit(&kv, "a", 150);
    put_many(&kv, "a", 150);
    kv.destroy("a", &all(150)).expect("destroyed");
    assert_eq!((world.records(), world.work()), (0, 0));
    put_many(&kv, "a", 150); // in the slots that were free again
    storage.plant();
    assert_eq!(world.vault.tick().expect("tick"), 1);
    assert_eq!((world.records(), world.work()), (150, 0));
    for number in 151..=300 {
        kv.get_version::<Value>("a", number).expect("lives");
    }
}

#[test]
fn work_of_a_removed_secret_leaves_its_successor_alone() {
    let (storage, world) = Witness::world();
    let kv = world.kv();
    limit(&kv, "a", 150);
    put_many(&kv, "a", 150);
    kv.delete_metadata("a").expect("removed");
    limit(&kv, "a", 150);
    put_many(&kv, "a", 150);
    storage.plant();
    assert_eq!(world.vault.tick().expect("tick"), 1);
    assert_eq!((world.records(), world.work()), (150, 0));
    for number in 1..=150 {
        kv.get_version::<Value>("a", number).expect("lives");
    }
}
