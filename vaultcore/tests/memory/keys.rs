//! An unsealed vault keeps no raw key where a core dump, swap or a child would get it.

use std::hint::black_box;
use std::io;

use vaultcore::{NewSlot, SecretBytes, Vault, storage::Memory};
use zeroize::Zeroize;

use crate::scan::{Hit, Needles, Worker, pause, role, scan_process};

/// The key of the key slot, as HKDF-SHA256 derives it from 32 bytes of 7 for "key-slot", with every
/// bit inverted, so that it is no hit itself.
const INVERTED: [u8; 32] = [
    250, 139, 237, 210, 3, 246, 10, 147, 144, 193, 44, 101, 102, 164, 156, 4, 217, 118, 126, 69, 1,
    233, 51, 192, 164, 51, 231, 131, 160, 203, 38, 43,
];

#[test]
#[ignore = "run as a child by the test below"]
fn child() {
    if role().as_deref() == Some("keys") {
        work().unwrap();
    }
}

fn work() -> io::Result<()> {
    let mut planted = kek();
    pause("planted")?;
    black_box(&planted);
    planted.zeroize();
    let key = || SecretBytes::copy_from(&[7; 32]);
    let vault = Vault::builder(Memory::new()).build().unwrap();
    vault.init([NewSlot::key(key())]).unwrap();
    pause("made")?;
    vault.unseal_key(&key()).unwrap();
    pause("unsealed")?;
    let sys = vault.owner().unwrap().sys();
    sys.add_slot(&NewSlot::shamir(2, 2)).unwrap();
    sys.rotate_root().unwrap();
    pause("changed")?;
    vault.seal().unwrap();
    pause("sealed")
}

fn kek() -> Vec<u8> {
    INVERTED.iter().map(|byte| !byte).collect()
}

/// Returns what is found in the child, or nothing where this process may not look.
fn search(worker: &Worker) -> Option<Vec<Hit>> {
    match scan_process(worker.pid(), &Needles::new(&[&kek()])) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let notice = "SKIPPED: no right to read the memory of a child (ptrace_scope)\n";
            io::Write::write_all(&mut io::stderr(), notice.as_bytes()).unwrap();
            None
        }
        found => Some(found.unwrap()),
    }
}

#[test]
fn the_key_of_a_slot_is_only_in_locked_memory() {
    let mut worker = Worker::start("keys::child", "keys").unwrap();
    assert_eq!(worker.next_pause().unwrap(), "planted");
    let Some(hits) = search(&worker) else { return };
    assert_eq!(hits.len(), 1, "the planted one is found: {hits:?}");
    // Other locked memory than the secret kind can be searched, and has the key while it is in use.
    let hidden = vaultcore_os::memory_lock() == vaultcore_os::MemLock::Secret;
    let mut found = Vec::new();
    for stage in ["made", "unsealed", "changed", "sealed"] {
        worker.resume().unwrap();
        assert_eq!(worker.next_pause().unwrap(), stage);
        let in_use = matches!(stage, "unsealed" | "changed");
        let hits = search(&worker).unwrap();
        let hits = hits.into_iter().filter(|_| hidden || !in_use);
        found.extend(hits.map(|hit| (stage, hit.region)));
    }
    worker.resume().unwrap();
    assert!(worker.finish().unwrap());
    assert!(found.is_empty(), "{found:?}");
}
