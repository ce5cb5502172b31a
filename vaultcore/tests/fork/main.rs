//! Forks of a process that has a vault open, while its other threads work.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    reason = "this is test code, where a panic is the report"
)]

mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use vaultcore::database::{Connection, Fake, Role};
use vaultcore::kv::{Cas, Kv, MetadataUpdate};
use vaultcore::storage::{Memory, Sqlite, Storage};
use vaultcore::{
    ErrorKind, LeasedSecret, NewMount, NewSlot, Result, SecretBytes, SecretString, Session, Vault,
};

const FORKS: u64 = 120;
const THREADS: usize = 3;

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x46; 32])
}

fn data(number: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([("number".to_owned(), number)])
}

fn make(storage: impl Storage + 'static) -> Result<Vault> {
    let vault = Vault::builder(storage).build()?;
    vault.init([NewSlot::key(key())])?;
    vault.unseal_key(&key())?;
    vault.owner()?.sys().mount("kv", NewMount::kv2())?;
    Ok(vault)
}

#[test]
fn a_forked_child_is_told_so_and_harms_nothing() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = folder.path().join("db");
    let vault = make(Sqlite::open(&file).unwrap()).unwrap();
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(THREADS + 1));
    let written = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (vault, stop, ready) = (vault.clone(), &stop, &ready);
                scope.spawn(move || write_until(&vault, thread, stop, ready).unwrap())
            })
            .collect();
        ready.wait();
        let failed = (0..FORKS).find_map(|number| {
            let inherited = vault.clone();
            let code = process::in_fork(|| child(inherited, number));
            (code != 0).then_some((number, code))
        });
        stop.store(true, Ordering::Relaxed); // first, or a failure would wait for them for ever
        assert_eq!(failed, None, "a fork, and how its child ended");
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<u64>>()
    });
    // SQLite's own locks are inherited as they are, so a child may open a file of its own only if no
    // thread was inside SQLite when it was forked.
    let code = process::in_fork(|| own_file(folder.path()));
    assert_eq!(code, 0, "a child of a process at rest");
    vault.close().unwrap();
    drop(vault);
    check(&file, &written);
}

/// Writes until it is told to stop, and returns how often.
fn write_until(vault: &Vault, thread: usize, stop: &AtomicBool, ready: &Barrier) -> Result<u64> {
    let kv = vault.owner()?.kv("kv")?;
    let path = format!("thread/{thread}");
    let mut number = 0;
    kv.put(&path, &data(0), Cas::Absent)?;
    ready.wait();
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let before = kv.get::<BTreeMap<String, u64>>(&path)?.version;
        kv.put(&path, &data(number), Cas::Version(before))?;
    }
    Ok(number)
}

/// The file is sound and holds what each thread wrote last.
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn check(file: &Path, written: &[u64]) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let said: String = connection
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(said, "ok");
    drop(connection);
    let vault = Vault::builder(Sqlite::open(file).unwrap()).build().unwrap();
    vault.unseal_key(&key()).unwrap();
    let kv = vault.owner().unwrap().kv("kv").unwrap();
    for (thread, number) in written.iter().enumerate() {
        let secret = kv
            .get::<BTreeMap<String, u64>>(&format!("thread/{thread}"))
            .unwrap();
        assert_eq!(secret.data, data(*number));
        assert!(*number > 0, "thread {thread} did nothing beside the forks");
    }
    eprintln!("{FORKS} forks, {written:?} writes beside them");
}

/// What the child does; the exit code tells what failed.
fn child(inherited: Vault, number: u64) -> u8 {
    let answers = [
        inherited.status().map(drop),
        inherited.owner().map(drop),
        inherited.seal(),
        inherited.close(),
        inherited.unseal_key(&key()).map(drop),
        inherited
            .unseal_passphrase(&SecretString::copy_from("text"))
            .map(drop),
        inherited.init([NewSlot::key(key())]).map(drop),
    ];
    let Some(failed) = (1..).zip(&answers).find(|(_, answer)| !is_forked(answer)) else {
        drop(inherited);
        return own_memory(number);
    };
    failed.0
}

fn is_forked<T>(answer: &Result<T>) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::Forked)
}

/// A vault that the child opens itself works.
fn own_memory(number: u64) -> u8 {
    if works(make(Memory::new()), number) {
        0
    } else {
        50
    }
}

/// And so does one on a file of its own.
fn own_file(folder: &Path) -> u8 {
    let in_file = Sqlite::open(folder.join("child"))
        .map_err(Into::into)
        .and_then(make);
    if !works(in_file, 1) {
        return 51;
    }
    // The parent's own file stays closed to the child: its locks would be the parent's.
    match Sqlite::open(folder.join("db")) {
        Ok(_) => 52,
        Err(_) => 0,
    }
}

fn works(vault: Result<Vault>, number: u64) -> bool {
    let used = || {
        let kv = vault?.owner()?.kv("kv")?;
        kv.put("own", &data(number), Cas::Absent)?;
        kv.get::<BTreeMap<String, u64>>("own")
    };
    used().is_ok()
}

#[test]
fn every_call_of_a_session_from_before_the_fork_answers_forked() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let vault = make(Sqlite::open(folder.path().join("db")).unwrap()).unwrap();
    let session = vault.owner().unwrap();
    session
        .kv("kv")
        .unwrap()
        .put("a", &data(1), Cas::Absent)
        .unwrap();
    let code = process::in_fork(|| {
        let answers = answers(&session);
        let wrong = (1..).zip(&answers).find(|(_, answer)| !is_forked(answer));
        wrong.map_or(0, |(number, _)| number)
    });
    assert_eq!(code, 0, "the number of the answer that was another");
    let kv = session.kv("kv").unwrap();
    assert_eq!(kv.get::<BTreeMap<String, u64>>("a").unwrap().version, 1);
}

/// The thread that renews a lease stays behind in the parent: the child does not wait for it.
#[test]
fn what_keeps_a_lease_alive_does_not_hold_up_a_child() {
    let storage = Memory::new();
    let vault = Vault::builder(storage).database_driver(Fake::new());
    let vault = vault.build().unwrap();
    vault.init([NewSlot::key(key())]).unwrap();
    vault.unseal_key(&key()).unwrap();
    let session = vault.owner().unwrap();
    let mount = session.sys().mount("database", NewMount::new("database"));
    mount.unwrap();
    let database = session.database("database").unwrap();
    let admin = Connection::new("fake-database-plugin", "fake://").allowed_roles(["app"]);
    let password = SecretString::copy_from("of-tests-only");
    database
        .configure("db", &admin.login("admin", password))
        .unwrap();
    database.write_role("app", &Role::new("db")).unwrap();
    let mut kept = [0; 2].map(|_| {
        let user = database.credentials("app").unwrap();
        Some(user.keep_alive().unwrap())
    });
    let code = process::in_fork(|| {
        drop(kept[0].take());
        let revoked = kept[1].take().map(LeasedSecret::revoke);
        u8::from(!revoked.is_some_and(|answer| is_forked(&answer)))
    });
    assert_eq!(code, 0);
    let [first, _second] = kept;
    first.unwrap().revoke().unwrap();
}

fn answers(session: &Session) -> Vec<Result<()>> {
    let sys = session.sys();
    let kv = session.kv("kv").unwrap();
    let old = session.kv_v1("kv").unwrap();
    let mut answers = vec![
        sys.mounts().map(drop),
        sys.mount("other", NewMount::kv1()).map(drop),
        sys.rotate().map(drop),
        sys.rotate_root(),
        sys.rewrap_all(|_| Ok(())).map(drop),
        sys.key_status().map(drop),
        sys.slots().map(drop),
        sys.add_slot(&NewSlot::shamir(1, 1)).map(drop),
        sys.rekey(None, 2, 2).map(drop),
        sys.rekey_cancel(),
        old.get::<BTreeMap<String, u64>>("a").map(drop),
        old.put("a", &data(1)),
        old.delete("a"),
        old.list("").map(drop),
    ];
    answers.extend(kv_answers(&kv));
    answers
}

fn kv_answers(kv: &Kv) -> [Result<()>; 14] {
    [
        kv.get::<BTreeMap<String, u64>>("a").map(drop),
        kv.get_json("a").map(drop),
        kv.subkeys("a", 0, 0).map(drop),
        kv.put("a", &data(2), Cas::Any).map(drop),
        kv.patch("a", &data(2), Cas::Any).map(drop),
        kv.delete("a"),
        kv.undelete("a", &[1]),
        kv.destroy("a", &[1]),
        kv.metadata("a").map(drop),
        kv.put_metadata("a", &MetadataUpdate::new()),
        kv.list("").map(drop),
        kv.names("", None, 1).map(drop),
        kv.config().map(drop),
        kv.transaction(|tx| tx.put("a", &data(2), Cas::Any))
            .map(drop),
    ]
}
