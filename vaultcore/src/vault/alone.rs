//! What an attempt sees of a storage that nobody else writes while others of this process write.

use super::Vault;
use super::open::OpenVault;
use crate::path::EntryPath;
use crate::seal::NewSlot;
use crate::storage::Sqlite;

/// Calls `work` with an open vault on a file that is this process's alone.
fn alone(work: impl FnOnce(&OpenVault)) {
    let folder = tempfile::tempdir().expect("folder");
    let storage = Sqlite::exclusive(folder.path().join("vault")).expect("storage");
    let vault = Vault::builder(storage).build().expect("vault");
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    vault.unseal(&init.shares()[0]).expect("unsealed");
    let done = vault.with_open(|open| {
        work(open);
        Ok(())
    });
    done.expect("open");
}

fn path(name: &str) -> EntryPath {
    EntryPath::new(&format!("work/{name}")).expect("path")
}

fn write(open: &OpenVault, names: &[&str], value: &[u8]) {
    let written = open.transact(|txn, _| {
        let mut each = names.iter();
        each.try_for_each(|name| txn.put(path(name), value))
    });
    written.expect("written");
}

/// Reads `a` and `b` in one attempt; during the first one `between` happens between the two. Returns
/// what was read, and how many attempts it took.
fn read_both(open: &OpenVault, between: impl Fn()) -> ([Vec<u8>; 2], u32) {
    let mut attempts = 0;
    let read = open.transact(|txn, _| {
        attempts += 1;
        let a = txn.get(&path("a"))?.expect("there");
        if attempts == 1 {
            between();
        }
        let b = txn.get(&path("b"))?.expect("there");
        Ok([a.to_vec(), b.to_vec()])
    });
    (read.expect("read"), attempts)
}

#[test]
fn what_is_read_from_the_cache_is_true_at_one_moment() {
    alone(|open| {
        let both = |value: &[u8]| [value.to_vec(), value.to_vec()];
        write(open, &["a", "b"], b"old");
        assert_eq!(read_both(open, || ()), (both(b"old"), 1));
        // A commit of both in between is seen whole or not at all.
        let torn = read_both(open, || write(open, &["a", "b"], b"new"));
        assert_eq!(torn, (both(b"new"), 2));
        // One of something else makes nobody begin anew.
        let aside = read_both(open, || write(open, &["c"], b"new"));
        assert_eq!(aside, (both(b"new"), 1));
    });
}

/// Invariant 3: every commit expects the epoch, whatever was taken out of the read set before.
#[test]
fn the_epoch_is_expected_after_it_was_read_and_left_out() {
    alone(|open| {
        let mut attempts = 0;
        let done = open.transact(|txn, _| {
            attempts += 1;
            let target = txn.keyring().newest()?.number();
            let epoch = crate::barrier::layout::epoch()?;
            assert!(txn.rewrap(&epoch, target)?.is_none());
            if attempts == 1 {
                open.transact(|txn, _| txn.bump_epoch())?;
            }
            txn.put(path("d"), b"value")
        });
        done.expect("written");
        assert_eq!(attempts, 2);
    });
}
