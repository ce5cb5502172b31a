//! Init, unseal and changes of keys, while the storage fails and others work on the same vault.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use serde_json::json;
use vaultcore::kv::{Cas, MetadataUpdate};
use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};
use vaultcore::{ErrorKind, NewMount, NewSlot, SecretBytes, Vault};

use crate::common::kind;

enum Event<'e> {
    Read(&'e [EntryPath]),
    WasRead(&'e [EntryPath]),
    Commit(&'e Batch),
    Committed(&'e Batch),
}

type Hook = Arc<dyn Fn(&Event<'_>) -> Option<StorageError> + Send + Sync>;

/// Memory that tells a hook of each call before and after it; the hook may refuse it.
struct Hooked {
    inner: Arc<Memory>,
    hook: Switch,
}

#[derive(Clone, Default)]
struct Switch(Arc<RwLock<Option<Hook>>>);

impl Switch {
    fn set(&self, hook: impl Fn(&Event<'_>) -> Option<StorageError> + Send + Sync + 'static) {
        *self.0.write().unwrap() = Some(Arc::new(hook));
    }

    fn clear(&self) {
        *self.0.write().unwrap() = None;
    }

    fn at(&self, event: &Event<'_>) -> Result<(), StorageError> {
        let hook = self.0.read().unwrap().clone();
        hook.and_then(|hook| hook(event)).map_or(Ok(()), Err)
    }
}

impl Storage for Hooked {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.hook.at(&Event::Read(paths))?;
        let found = self.inner.read(paths);
        self.hook.at(&Event::WasRead(paths))?;
        found
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        self.hook.at(&Event::Commit(batch))?;
        let done = self.inner.commit(batch)?;
        self.hook.at(&Event::Committed(batch))?;
        Ok(done)
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner.change_mark()
    }
}

fn hooked() -> (Arc<Memory>, Hooked, Switch) {
    let (inner, hook) = (Arc::new(Memory::new()), Switch::default());
    let storage = Hooked {
        inner: Arc::clone(&inner),
        hook: hook.clone(),
    };
    (inner, storage, hook)
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[7; 32])
}

fn refused() -> Option<StorageError> {
    Some(StorageError::Unavailable("planted", None))
}

fn has(paths: &[EntryPath], end: &str) -> bool {
    paths.iter().any(|path| path.as_str().ends_with(end))
}

fn writes(batch: &Batch, end: &str) -> bool {
    let mut writes = batch.writes.iter();
    writes.any(|(path, _)| path.as_str().ends_with(end))
}

fn sealed(storage: impl Storage + 'static) -> Vault {
    Vault::builder(storage).build().unwrap()
}

/// Returns an unsealed vault with a key slot, made if there is none, and a mount at `secret`.
fn vault(storage: impl Storage + 'static) -> Vault {
    let vault = sealed(storage);
    let made = vault.init([NewSlot::key(key())]).is_ok();
    vault.unseal_key(&key()).unwrap();
    if made {
        let sys = vault.owner().unwrap().sys();
        sys.mount("secret", NewMount::kv2()).unwrap();
    }
    vault
}

fn stored(memory: &Memory, path: &str) -> Vec<u8> {
    let path = EntryPath::new(path).unwrap();
    memory.read(&[path]).unwrap().remove(0).unwrap().value
}

fn plant(memory: &Memory, path: &str, value: Vec<u8>) {
    let batch = Batch::new().put(EntryPath::new(path).unwrap(), value);
    memory.commit(&batch).unwrap();
}

#[test]
fn an_init_of_unknown_outcome_is_settled_by_asking_again() {
    let (memory, storage, hook) = hooked();
    let vault = sealed(storage);
    let late: Arc<Mutex<Option<Batch>>> = Arc::default();
    let held = Arc::clone(&late);
    hook.set(move |event| match event {
        Event::Commit(batch) if held.lock().unwrap().is_none() => {
            *held.lock().unwrap() = Some((*batch).clone()); // under way, and late
            Some(StorageError::Indeterminate("timed out", None))
        }
        _ => None,
    });
    let init = vault.init([NewSlot::shamir(3, 2)]).unwrap();
    let late = late.lock().unwrap().take().unwrap();
    assert!(matches!(memory.commit(&late), Err(StorageError::Conflict)));
    vault.unseal(&init.shares()[0]).unwrap();
    assert!(!vault.unseal(&init.shares()[1]).unwrap().sealed());
}

#[test]
fn the_shares_of_a_new_vault_are_told_by_slot() {
    let vault = sealed(Memory::new());
    let slots = [
        NewSlot::shamir(3, 2),
        NewSlot::key(key()),
        NewSlot::shamir(1, 1),
    ];
    let init = vault.init(slots).unwrap();
    let counts: Vec<usize> = init.slots().map(|(_, shares)| shares.len()).collect();
    assert_eq!(counts, [3, 0, 1]);
    let (lone, shares) = init.slots().last().unwrap();
    assert!(!vault.unseal(&shares[0]).unwrap().sealed());
    let listed = vault.owner().unwrap().sys().slots().unwrap();
    assert_eq!(listed[2].id, lone);
    assert_eq!(init.shares().len(), 4);
}

#[test]
fn an_init_that_cannot_be_settled_says_so() {
    for lands in [false, true] {
        let (_, storage, hook) = hooked();
        let vault = sealed(storage);
        let unknown = || Some(StorageError::Indeterminate("timed out", None));
        hook.set(move |event| match event {
            Event::Commit(_) if !lands => unknown(),
            Event::Committed(_) if lands => unknown(),
            _ => None,
        });
        let outcome = vault.init([NewSlot::shamir(1, 1)]);
        match outcome {
            // The second try found the first: the vault is ours.
            Ok(init) => assert!(lands && !vault.unseal(&init.shares()[0]).unwrap().sealed()),
            Err(error) => {
                assert!(!lands);
                assert_eq!(error.kind(), ErrorKind::Indeterminate);
            }
        }
    }
}

#[test]
fn an_init_that_lost_against_another_says_already() {
    let (memory, storage, hook) = hooked();
    let other = Arc::clone(&memory);
    let once = AtomicBool::new(true);
    hook.set(move |event| {
        if matches!(event, Event::Commit(_)) && once.swap(false, Ordering::SeqCst) {
            vault(Arc::clone(&other));
            return Some(StorageError::Indeterminate("timed out", None));
        }
        None
    });
    let outcome = sealed(storage).init([NewSlot::shamir(1, 1)]);
    assert_eq!(kind(outcome), ErrorKind::AlreadyInitialized);
}

#[test]
fn an_unseal_that_races_with_a_new_root_key_follows_it() {
    let (memory, storage, hook) = hooked();
    let other = vault(Arc::clone(&memory));
    let once = AtomicBool::new(true);
    hook.set(move |event| {
        if let Event::WasRead(paths) = event
            && has(paths, "sys/slots")
            && once.swap(false, Ordering::SeqCst)
        {
            other.owner().unwrap().sys().rotate_root().unwrap();
        }
        None
    });
    assert!(!sealed(storage).unseal_key(&key()).unwrap().sealed());
}

#[test]
fn an_unseal_that_races_with_a_rekey_is_refused_and_not_corrupt() {
    let (memory, storage, hook) = hooked();
    let other = sealed(Arc::clone(&memory));
    let init = other.init([NewSlot::shamir(1, 1)]).unwrap();
    other.unseal(&init.shares()[0]).unwrap();
    let once = AtomicBool::new(true);
    hook.set(move |event| {
        if let Event::WasRead(paths) = event
            && has(paths, "sys/slots")
            && once.swap(false, Ordering::SeqCst)
        {
            let sys = other.owner().unwrap().sys();
            let rekey = sys.rekey(None, 1, 1).unwrap();
            sys.rekey_verify(rekey.nonce(), &rekey.shares()[0]).unwrap();
        }
        None
    });
    let outcome = sealed(storage).unseal(&init.shares()[0]);
    assert_eq!(kind(outcome), ErrorKind::UnsealFailed);
}

#[test]
fn a_committed_root_key_is_no_error_though_the_look_after_it_fails() {
    let (_, storage, hook) = hooked();
    let vault = vault(storage);
    let sys = vault.owner().unwrap().sys();
    let before = sys.slots().unwrap()[0].generation;
    let committed = AtomicBool::new(false);
    hook.set(move |event| match event {
        Event::Committed(batch) if writes(batch, "sys/slots") => {
            committed.store(true, Ordering::SeqCst);
            None
        }
        Event::Read(_) if committed.swap(false, Ordering::SeqCst) => refused(),
        _ => None,
    });
    sys.rotate_root().unwrap();
    hook.clear();
    assert_eq!(sys.slots().unwrap()[0].generation, before + 1);
}

#[test]
fn a_committed_rekey_is_no_error_though_the_look_after_it_fails() {
    let (_, storage, hook) = hooked();
    let vault = sealed(storage);
    let init = vault.init([NewSlot::shamir(2, 2)]).unwrap();
    for share in init.shares() {
        vault.unseal(share).unwrap();
    }
    let sys = vault.owner().unwrap().sys();
    let rekey = sys.rekey(None, 2, 2).unwrap();
    sys.rekey_verify(rekey.nonce(), &rekey.shares()[0]).unwrap();
    let committed = AtomicBool::new(false);
    hook.set(move |event| match event {
        Event::Committed(batch) if writes(batch, "sys/slots") => {
            committed.store(true, Ordering::SeqCst);
            None
        }
        Event::Read(_) if committed.swap(false, Ordering::SeqCst) => refused(),
        _ => None,
    });
    let verified = sys.rekey_verify(rekey.nonce(), &rekey.shares()[1]);
    assert!(verified.unwrap().complete);
    hook.clear();
    vault.seal().unwrap();
    let old = vault.unseal(&init.shares()[0]);
    assert_eq!(kind(old), ErrorKind::UnsealFailed);
}

/// A reload that read before our own new root key was stored, and ends after it.
#[test]
fn our_own_new_root_key_does_not_seal_us() {
    let (memory, storage, hook) = hooked();
    let ours = vault(storage);
    let other = vault(memory);
    let sys = other.owner().unwrap().sys();
    sys.mount("x", NewMount::kv2()).unwrap(); // the epoch moved
    let rotator = ours.clone();
    let (reader, once) = (thread::current().id(), AtomicBool::new(true));
    hook.set(move |event| {
        if let Event::WasRead(paths) = event
            && thread::current().id() == reader
            && has(paths, "sys/mounts")
            && once.swap(false, Ordering::SeqCst)
        {
            let sys = rotator.owner().unwrap().sys();
            thread::spawn(move || sys.rotate_root().unwrap())
                .join()
                .unwrap();
        }
        None
    });
    let kv = ours.owner().unwrap().kv("secret").unwrap();
    for _ in 0..3 {
        assert_eq!(kv.list("").unwrap().len(), 0);
    }
}

#[test]
fn shares_of_before_a_rekey_do_not_spoil_those_of_after() {
    let memory = Arc::new(Memory::new());
    let first = sealed(Arc::clone(&memory));
    let init = first.init([NewSlot::shamir(3, 3)]).unwrap();
    for share in init.shares() {
        first.unseal(share).unwrap();
    }
    let second = sealed(memory);
    let nonce = second.unseal(&init.shares()[0]).unwrap().nonce();
    let sys = first.owner().unwrap().sys();
    let rekey = sys.rekey(None, 3, 3).unwrap();
    for share in rekey.shares() {
        sys.rekey_verify(rekey.nonce(), share).unwrap();
    }
    let status = second.status().unwrap();
    assert_eq!((status.threshold(), status.progress()), (3, 0));
    let status = second.unseal(&rekey.shares()[0]).unwrap();
    assert_eq!(status.progress(), 1);
    assert_ne!(status.nonce(), nonce, "another ceremony");
    second.unseal(&rekey.shares()[1]).unwrap();
    assert!(!second.unseal(&rekey.shares()[2]).unwrap().sealed());
}

#[test]
fn a_storage_that_fails_at_the_last_share_keeps_the_others() {
    let (_, storage, hook) = hooked();
    let vault = sealed(storage);
    let init = vault.init([NewSlot::shamir(2, 2)]).unwrap();
    vault.unseal(&init.shares()[0]).unwrap();
    let once = AtomicBool::new(true);
    hook.set(move |event| match event {
        Event::Read(paths) if has(paths, "sys/keyring") && once.swap(false, Ordering::SeqCst) => {
            refused()
        }
        _ => None,
    });
    let failed = vault.unseal(&init.shares()[1]);
    assert_eq!(kind(failed), ErrorKind::Unavailable);
    assert!(!vault.unseal(&init.shares()[1]).unwrap().sealed());
}

#[test]
fn a_closed_vault_makes_no_vault() {
    let memory = Arc::new(Memory::new());
    let vault = sealed(Arc::clone(&memory));
    vault.close().unwrap();
    let outcome = vault.init([NewSlot::shamir(1, 1)]);
    assert_eq!(kind(outcome), ErrorKind::Closed);
    assert!(!sealed(memory).status().unwrap().initialized());
}

/// Storage puts back a list without a slot; a new root key would make the loss final.
#[test]
fn a_slot_that_vanished_is_noticed_before_keys_change() {
    let memory = Arc::new(Memory::new());
    let vault = vault(Arc::clone(&memory));
    let before = stored(&memory, "sys/slots");
    let sys = vault.owner().unwrap().sys();
    let (added, _) = sys.add_slot(&NewSlot::shamir(2, 2)).unwrap();
    let whole = stored(&memory, "sys/slots");
    plant(&memory, "sys/slots", before);
    assert_eq!(kind(sys.rotate_root()), ErrorKind::Corrupt);
    assert_eq!(kind(sys.remove_slot(added)), ErrorKind::Corrupt);
    let more = sys.add_slot(&NewSlot::shamir(1, 1));
    assert_eq!(kind(more), ErrorKind::Corrupt);
    plant(&memory, "sys/slots", whole);
    sys.rotate_root().unwrap();
    assert_eq!(sys.slots().unwrap().len(), 2);
}

/// Storage puts back the keyring of before, under the same root key: new data would stand under
/// the old term again.
#[test]
fn an_older_keyring_is_refused_by_whoever_knew_a_newer_one() {
    let memory = Arc::new(Memory::new());
    let vault = vault(Arc::clone(&memory));
    let sys = vault.owner().unwrap().sys();
    let (older, epoch) = (stored(&memory, "sys/keyring"), stored(&memory, "sys/epoch"));
    sys.rotate().unwrap();
    sys.key_status().unwrap();
    let newer = stored(&memory, "sys/keyring");
    plant(&memory, "sys/keyring", older);
    plant(&memory, "sys/epoch", epoch);
    for _ in 0..2 {
        assert_eq!(kind(sys.key_status()), ErrorKind::Corrupt);
    }
    plant(&memory, "sys/keyring", newer);
    assert_eq!(sys.key_status().unwrap().term, 2);
}

/// The header is in clear; a copy of it in the keyring tells whether it was changed.
#[test]
fn a_changed_header_is_noticed_at_unseal() {
    let memory = Arc::new(Memory::new());
    vault(Arc::clone(&memory));
    let header = stored(&memory, "sys/header");
    for changed in [13, 15] {
        let mut other = header.clone();
        other[changed] = 0; // an older format, an older reader
        plant(&memory, "sys/header", other);
        let outcome = sealed(Arc::clone(&memory)).unseal_key(&key());
        assert_eq!(kind(outcome), ErrorKind::Corrupt, "byte {changed}");
    }
    plant(&memory, "sys/header", header);
    assert!(!sealed(memory).unseal_key(&key()).unwrap().sealed());
}

/// Leaves work behind as a crash does: metadata of 150 versions is gone, their records are not.
fn leave_work(storage: Hooked, hook: &Switch) {
    let vault = vault(storage);
    let kv = vault.owner().unwrap().kv("secret").unwrap();
    let limit = MetadataUpdate::new().max_versions(150);
    kv.put_metadata("a", &limit).unwrap();
    for number in 0..150 {
        kv.put("a", &json!({ "n": number }), Cas::Any).unwrap();
    }
    let commits = AtomicUsize::new(0);
    hook.set(move |event| match event {
        Event::Commit(batch) if !batch.writes.is_empty() => {
            let number = commits.fetch_add(1, Ordering::SeqCst);
            if number == 0 { None } else { refused() }
        }
        _ => None,
    });
    kv.delete_metadata("a").unwrap();
}

fn records(memory: &Memory) -> usize {
    memory.scan(&Scan::new("ns/root/kv-data/")).unwrap().len()
}

#[test]
fn work_that_cannot_be_done_does_not_stop_the_rest() {
    let (memory, storage, hook) = hooked();
    leave_work(storage, &hook);
    assert_ne!(records(&memory), 0);
    for number in 0..120 {
        plant(&memory, &format!("work/{number:03}"), b"junk".to_vec());
    }
    let vault = vault(Arc::clone(&memory));
    assert_eq!(kind(vault.tick()), ErrorKind::Corrupt);
    assert_eq!(records(&memory), 0);
    assert_eq!(memory.scan(&Scan::new("work/")).unwrap().len(), 120);
}

#[test]
fn work_is_finished_where_the_owner_is_refused() {
    let (memory, storage, hook) = hooked();
    leave_work(storage, &hook);
    let builder = Vault::builder(Arc::clone(&memory)).owner(false);
    let vault = builder.build().unwrap();
    assert_eq!(kind(vault.tick()), ErrorKind::Sealed);
    vault.unseal_key(&key()).unwrap();
    assert_eq!(kind(vault.owner()), ErrorKind::PermissionDenied);
    assert_eq!(vault.tick().unwrap(), 1);
    assert_eq!((records(&memory), vault.tick().unwrap()), (0, 0));
}
