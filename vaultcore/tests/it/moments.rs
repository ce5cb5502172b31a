//! What is returned was true at one moment: each test plays one interleaving, step by step.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use vaultcore::api::{ApiRequest, Method};
use vaultcore::kv::{Cas, KvV1, MetadataUpdate};
use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};
use vaultcore::{ErrorKind, NewMount, NewSlot, NewToken, SecretBytes, Vault};

use crate::hooked::{Event, Mode, hooked};

type Data = BTreeMap<String, String>;

const KEY: [u8; 32] = [7; 32];
fn key() -> SecretBytes {
    SecretBytes::copy_from(&KEY)
}
fn unavailable() -> Option<StorageError> {
    Some(StorageError::Unavailable("planted", None))
}
fn value(text: &str) -> Data {
    BTreeMap::from([("k".to_owned(), text.to_owned())])
}

/// Opens a vault with a key slot and a kv2 mount `secret`, kv1 mount `one`.
fn vault(storage: impl Storage + 'static) -> Vault {
    let vault = Vault::builder(storage).build().unwrap();
    match vault.init([NewSlot::key(key())]) {
        Ok(_) => {
            vault.unseal_key(&key()).unwrap();
            let sys = vault.owner().unwrap().sys();
            sys.mount("secret", NewMount::kv2()).unwrap();
            sys.mount("one", NewMount::kv1()).unwrap();
        }
        Err(_) => {
            vault.unseal_key(&key()).unwrap();
        }
    }
    vault
}
#[test]
fn a_root_changed_elsewhere_seals_a_blind_writer() {
    let memory = Arc::new(Memory::new());
    let first = vault(Arc::clone(&memory));
    let second = vault(Arc::clone(&memory));
    first.owner().unwrap().sys().rotate_root().unwrap();
    let one = second.owner().unwrap().kv_v1("one").unwrap();
    assert_eq!(
        one.put("a", &value("2")).unwrap_err().kind(),
        ErrorKind::Sealed
    );
}

/// D reads metadata, A's commit lands, D reads data; A has not yet come to its second `forget`.
#[test]
fn a_race_on_an_exclusive_storage_is_not_called_corrupt() {
    let memory = Arc::new(Memory::new());
    let (storage, switch) = hooked(&memory, Mode::Exclusive);
    let vault = vault(storage);
    let kv = vault.owner().unwrap().kv("secret").unwrap();
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(1))
        .unwrap();
    kv.put("a", &value("1"), Cas::Any).unwrap();
    let (in_before, before) = mpsc::channel();
    let (go_commit, may_commit) = mpsc::channel::<()>();
    let (in_after, after) = mpsc::channel();
    let (go_end, may_end) = mpsc::channel::<()>();
    let reader = thread::current().id();
    let (may_commit, may_end, after) = (
        Mutex::new(may_commit),
        Mutex::new(may_end),
        Mutex::new(after),
    );
    let first_read = AtomicBool::new(true);
    switch.set(move |event| {
        let me = thread::current().id();
        match event {
            Event::BeforeCommit(batch) if me != reader && !batch.writes.is_empty() => {
                in_before.send(()).unwrap();
                may_commit.lock().unwrap().recv().unwrap();
            }
            Event::AfterCommit(batch) if me != reader && !batch.writes.is_empty() => {
                in_after.send(()).unwrap();
                may_end.lock().unwrap().recv().unwrap();
            }
            Event::AfterRead(paths)
                if me == reader
                    && paths[0].as_str().contains("kv-meta")
                    && first_read.swap(false, Ordering::SeqCst) =>
            {
                go_commit.send(()).unwrap();
                after.lock().unwrap().recv().unwrap();
            }
            _ => {}
        }
        None
    });
    let writer = {
        let kv = kv.clone();
        thread::spawn(move || kv.put("a", &value("2"), Cas::Any).map(|_| ()))
    };
    before.recv().unwrap();
    let got = kv.get::<Data>("a");
    go_end.send(()).unwrap();
    writer.join().unwrap().unwrap();
    switch.clear();
    let got = got.map(|secret| secret.data["k"].clone());
    assert!(got.is_ok(), "{got:?}"); // Corrupt
}

thread_local! {
    /// Which part a thread plays: 1 writes, 2 reads slowly.
    static ROLE: Cell<u8> = const { Cell::new(0) };
}

/// A's commit is in flight. B read the old value before it and keeps it late; C reads the new value
/// and returns; D begins after that, and reads the old value from the cache.
#[test]
fn an_exclusive_storage_never_goes_back_in_time() {
    let memory = Arc::new(Memory::new());
    let (storage, switch) = hooked(&memory, Mode::Exclusive);
    let vault = vault(storage);
    let one = vault.owner().unwrap().kv_v1("one").unwrap();
    one.put("a", &value("old")).unwrap();
    let (a_before_tx, a_before) = mpsc::channel::<()>();
    let (a_commit_tx, a_commit) = mpsc::channel::<()>();
    let (a_after_tx, a_after) = mpsc::channel::<()>();
    let (a_end_tx, a_end) = mpsc::channel::<()>();
    let (b_read_tx, b_read) = mpsc::channel::<()>();
    let (b_go_tx, b_go) = mpsc::channel::<()>();
    let (a_commit, a_end, b_go) = (Mutex::new(a_commit), Mutex::new(a_end), Mutex::new(b_go));
    switch.set(move |event| {
        match (ROLE.get(), event) {
            (1, Event::BeforeCommit(_)) => {
                a_before_tx.send(()).unwrap();
                a_commit.lock().unwrap().recv().unwrap();
            }
            (1, Event::AfterCommit(_)) => {
                a_after_tx.send(()).unwrap();
                a_end.lock().unwrap().recv().unwrap();
            }
            (2, Event::AfterRead(paths)) if paths[0].as_str().contains("kv-one") => {
                b_read_tx.send(()).unwrap();
                b_go.lock().unwrap().recv().unwrap();
            }
            _ => {}
        }
        None
    });
    let get = |one: &KvV1| one.get::<Data>("a").unwrap()["k"].clone();
    let a = {
        let one = one.clone();
        thread::spawn(move || {
            ROLE.set(1);
            one.put("a", &value("new")).unwrap()
        })
    };
    a_before.recv().unwrap();
    let b = {
        let one = one.clone();
        thread::spawn(move || {
            ROLE.set(2);
            get(&one)
        })
    };
    b_read.recv().unwrap(); // B holds the old value, not yet kept
    a_commit_tx.send(()).unwrap();
    a_after.recv().unwrap();
    let c = get(&one); // sees the new value
    b_go_tx.send(()).unwrap();
    b.join().unwrap();
    let d = get(&one); // began after C returned
    a_end_tx.send(()).unwrap();
    a.join().unwrap();
    switch.clear();
    assert_eq!((c.as_str(), d.as_str()), ("new", "new"));
}

/// A put by another process between the two reads of a get, and the check of the outcome fails.
#[test]
fn an_error_that_could_not_be_checked_is_not_returned() {
    let memory = Arc::new(Memory::new());
    let other = vault(Arc::clone(&memory));
    let (storage, switch) = hooked(&memory, Mode::Mark);
    let vault = vault(storage);
    let kv = vault.owner().unwrap().kv("secret").unwrap();
    kv.put_metadata("a", &MetadataUpdate::new().max_versions(1))
        .unwrap();
    kv.put("a", &value("1"), Cas::Any).unwrap();
    let theirs = other.owner().unwrap().kv("secret").unwrap();
    theirs.put("a", &value("2"), Cas::Any).unwrap(); // our cache is stale
    let (once, failing) = (AtomicBool::new(true), Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&failing);
    switch.set(move |event| match event {
        Event::AfterRead(paths)
            if paths[0].as_str().contains("kv-meta") && once.swap(false, Ordering::SeqCst) =>
        {
            theirs.put("a", &value("3"), Cas::Any).unwrap();
            None
        }
        Event::AfterRead(paths) if paths[0].as_str().contains("kv-data") => {
            flag.store(true, Ordering::SeqCst);
            None
        }
        Event::Mark | Event::BeforeCommit(_) if flag.load(Ordering::SeqCst) => unavailable(),
        _ => None,
    });
    let error = kv.get::<Data>("a").map(|_| ()).unwrap_err();
    switch.clear();
    assert_ne!(error.kind(), ErrorKind::Corrupt);
}

/// The cache of a storage without marks is stale by an acknowledged write; the check fails.
#[test]
fn a_conflict_that_could_not_be_checked_is_not_returned() {
    let memory = Arc::new(Memory::new());
    let other = vault(Arc::clone(&memory));
    let (storage, switch) = hooked(&memory, Mode::Unknown);
    let vault = vault(storage);
    let kv = vault.owner().unwrap().kv("secret").unwrap();
    kv.put("a", &value("1"), Cas::Any).unwrap();
    kv.get::<Data>("a").unwrap(); // cached: version 1
    other
        .owner()
        .unwrap()
        .kv("secret")
        .unwrap()
        .put("a", &value("2"), Cas::Version(1))
        .unwrap();
    switch.set(|event| match event {
        Event::BeforeCommit(_) => unavailable(),
        _ => None,
    });
    let error = kv.put("a", &value("3"), Cas::Version(2)).unwrap_err();
    switch.clear();
    assert_eq!(
        (error.kind(), error.versions()),
        (ErrorKind::Unavailable, None)
    ); // says version 1
}

#[test]
fn marks_that_begin_late_do_not_bless_old_entries() {
    struct Late(Arc<Memory>, AtomicBool);
    impl Storage for Late {
        fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
            self.0.read(paths)
        }
        fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
            self.0.scan(scan)
        }
        fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
            self.0.commit(batch)
        }
        fn change_mark(&self) -> Result<Option<u64>, StorageError> {
            Ok(self.1.load(Ordering::SeqCst).then_some(0)) // nothing is written once it tells
        }
    }
    let memory = Arc::new(Memory::new());
    let other = vault(Arc::clone(&memory));
    let late = Arc::new(Late(Arc::clone(&memory), AtomicBool::new(false)));
    let vault = vault(Arc::clone(&late));
    let one = vault.owner().unwrap().kv_v1("one").unwrap();
    one.put("a", &value("old")).unwrap();
    let _ = one.get::<Data>("a");
    other
        .owner()
        .unwrap()
        .kv_v1("one")
        .unwrap()
        .put("a", &value("new"))
        .unwrap();
    late.1.store(true, Ordering::SeqCst);
    assert_eq!(one.get::<Data>("a").unwrap()["k"], "new");
}

#[test]
fn a_vault_works_without_a_cache() {
    let vault = Vault::builder(Memory::new())
        .cache_bytes(0)
        .build()
        .unwrap();
    vault.init([NewSlot::key(key())]).unwrap();
    vault.unseal_key(&key()).unwrap();
    let owner = vault.owner().unwrap();
    owner.sys().mount("secret", NewMount::kv2()).unwrap();
    let kv = owner.kv("secret").unwrap();
    kv.put("a", &value("1"), Cas::Absent).unwrap();
    assert_eq!(kv.get::<Data>("a").unwrap().data["k"], "1");
}

#[test]
fn a_read_is_never_indeterminate() {
    let memory = Arc::new(Memory::new());
    let (storage, switch) = hooked(&memory, Mode::Unknown);
    let vault = vault(storage);
    let one = vault.owner().unwrap().kv_v1("one").unwrap();
    one.put("a", &value("1")).unwrap();
    one.get::<Data>("a").unwrap();
    switch.set(|event| match event {
        Event::AfterCommit(_) => Some(StorageError::Indeterminate("planted", None)),
        _ => None,
    });
    let got = one.get::<Data>("a").map(|_| ());
    switch.clear();
    assert_ne!(got.err().map(|e| e.kind()), Some(ErrorKind::Indeterminate));
}

/// A loads keyring and mounts; B unseals, mounts, is told so and seals; A is done. What A loaded
/// must not be what is believed then, so B has to wait for A: the time only ends its chance.
#[test]
fn an_unseal_does_not_bring_back_what_was_loaded_before_others_acted() {
    let memory = Arc::new(Memory::new());
    let (storage, switch) = hooked(&memory, Mode::Exclusive);
    let vault = vault(storage);
    vault.seal().unwrap();
    let (done, finished) = mpsc::channel();
    let (other, finished) = (vault.clone(), Mutex::new(finished));
    let begun = AtomicBool::new(false);
    let workers = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&workers);
    switch.set(move |event| {
        let Event::AfterRead(paths) = event else {
            return None;
        };
        let last = paths
            .iter()
            .any(|path| path.as_str() == "ns/root/sys/mounts");
        if last && !begun.swap(true, Ordering::SeqCst) {
            let (other, done) = (other.clone(), done.clone());
            list.lock().unwrap().push(thread::spawn(move || {
                other.unseal_key(&key()).unwrap();
                let sys = other.owner().unwrap().sys();
                sys.mount("later", NewMount::kv2()).unwrap();
                other.seal().unwrap();
                let _ = done.send(());
            }));
            let _ = finished
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_millis(300));
        }
        None
    });
    vault.unseal_key(&key()).unwrap();
    for worker in workers.lock().unwrap().drain(..) {
        worker.join().unwrap();
    }
    switch.clear();
    vault.unseal_key(&key()).unwrap();
    let mounts = vault.owner().unwrap().sys().mounts().unwrap();
    assert!(mounts.iter().any(|mount| mount.path.as_str() == "later/"));
}

/// Sends a request as the owner.
fn set(vault: &Vault, path: &str, body: &str) -> Vec<u8> {
    let request = ApiRequest::new(Method::Post, path).body(body.as_bytes());
    let reply = vault.owner().unwrap().request(&request);
    assert!(reply.status() < 300, "{path}: {}", reply.status());
    reply.body().to_vec()
}

/// Policies and groups are proven by the epoch alone, so that one of another process must not come
/// from the cache of a storage that tells nothing of changes.
#[test]
fn rights_that_another_process_takes_away_are_gone_whatever_the_storage_tells() {
    for mode in [Mode::Mark, Mode::Unknown] {
        let memory = Arc::new(Memory::new());
        let other = vault(Arc::clone(&memory));
        let (storage, _switch) = hooked(&memory, mode);
        let vault = vault(storage);
        let may = r#"{"policy": "path \"secret/*\" { capabilities = [\"read\"] }"}"#;
        set(&other, "sys/policies/acl/app", may);
        let new = NewToken::new().policy("app");
        let token = other.owner().unwrap().token().create(&new).unwrap();
        let kv = vault.login(&token).unwrap().kv("secret").unwrap();
        let kind = || kv.get::<Data>("a").unwrap_err().kind();
        assert_eq!(kind(), ErrorKind::NotFound, "it may look");
        let not = r#"{"policy": "path \"secret/*\" { capabilities = [\"deny\"] }"}"#;
        set(&other, "sys/policies/acl/app", not);
        assert_eq!(kind(), ErrorKind::PermissionDenied, "it may no more");
        set(&other, "sys/policies/acl/app", may);
        assert_eq!(kind(), ErrorKind::NotFound, "it may again");
    }
}

/// So it is with what is listed, which is no part of what a commit expects.
#[test]
fn lists_show_what_another_process_wrote_whatever_the_storage_tells() {
    for mode in [Mode::Mark, Mode::Unknown] {
        let memory = Arc::new(Memory::new());
        let other = vault(Arc::clone(&memory));
        let (storage, _switch) = hooked(&memory, mode);
        let vault = vault(storage);
        set(&other, "identity/entity", r#"{"name": "before"}"#);
        let listed = || vault.owner().unwrap().identity().entities().unwrap();
        assert_eq!(listed(), ["before"]);
        let id = other.owner().unwrap().identity().entity_named("before");
        let path = format!("identity/entity/id/{}", id.unwrap().id);
        set(&other, &path, r#"{"name": "after"}"#);
        assert_eq!(listed(), ["after"]);
        let names = || {
            let request = ApiRequest::new(Method::List, "identity/entity/id");
            let reply = vault.owner().unwrap().request(&request);
            String::from_utf8(reply.body().to_vec()).unwrap()
        };
        assert!(names().contains("after"));
        set(&other, &path, r#"{"name": "third"}"#);
        assert!(names().contains("third"), "{}", names());
    }
}
