//! What is stored comes back: heads, page by page, and the table with them.

use std::sync::Arc;

use super::*;
use crate::audit::AuditTable;
use crate::audit::testing::{TIME, config};
use crate::barrier::{Barrier, Epoch, Keyring, Keys, Outcome, RootKey, Time, layout};
use crate::clock::ManualClock;
use crate::crypto::rng::OsRandom;
use crate::error::ErrorKind;
use crate::id::NamespaceId;
use crate::id::VaultId;
use crate::path::MountPath;
use crate::storage::{Memory, Revision};

const VAULT: VaultId = VaultId::from_bytes([5; 16]);

struct World {
    barrier: Barrier,
    keys: Keys,
}

impl World {
    fn new() -> Self {
        let storage = Arc::new(Memory::new());
        let time = Arc::new(Time::new(Arc::new(ManualClock::new(TIME))));
        let barrier = Barrier::new(VAULT, storage, Arc::new(OsRandom), time, 1 << 20);
        let keyring = Keyring::generate(VAULT, b"header", TIME, &OsRandom).expect("keyring");
        let root = RootKey::generate(&OsRandom).expect("root");
        let world = Self {
            barrier: barrier.expect("barrier"),
            keys: Keys { root, keyring },
        };
        world.run(|txn| txn.store(layout::epoch()?, &Epoch::FIRST));
        world
    }

    fn epoch(&self) -> Option<Revision> {
        let path = layout::epoch().expect("path");
        let mut found = self.barrier.storage().read(&[path]).expect("read");
        found.pop().flatten().map(|entry| entry.revision)
    }

    fn run<T>(&self, work: impl FnOnce(&mut Txn<'_>) -> Result<T>) -> T {
        let mut txn = Txn::begin(&self.barrier, &self.keys, self.epoch());
        let done = work(&mut txn).expect("done");
        assert!(matches!(txn.commit().expect("committed"), Outcome::Done));
        done
    }
}

fn head(device: u8, run: u8, seq: u64) -> ChainHead {
    ChainHead {
        device: AuditId::from_bytes([device; 16]),
        run: RunId::from_bytes([run; 16]),
        seq,
        mac: [run; 32],
    }
}

#[test]
fn heads_come_back_page_by_page() {
    let world = World::new();
    for run in 0..=249 {
        world.run(|txn| head(1, run, 1).store(txn));
    }
    world.run(|txn| head(2, 3, 1).store(txn));
    world.run(|txn| head(1, 7, 9).store(txn)); // a later one of the same run
    let mut found = Vec::new();
    let mut after = None;
    let mut pages = 0;
    loop {
        let device = AuditId::from_bytes([1; 16]);
        let (heads, next) = world.run(|txn| ChainHead::load_page(txn, device, after));
        found.extend(heads);
        pages += 1;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let expected = (0..=249).map(|run| head(1, run, if run == 7 { 9 } else { 1 }));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(pages, 3);
}

#[test]
fn heads_are_stored_under_their_device_and_run() {
    let path = head(1, 2, 3).entry().expect("path");
    let expected = ["sys/audit-head/", &"01".repeat(16), "/", &"02".repeat(16)].concat();
    assert_eq!(path.as_str(), expected);
    assert_eq!(
        run_of("sys/audit-head/x/y").expect_err("no run").kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn a_stored_table_moves_the_epoch() {
    let world = World::new();
    let before = world.epoch();
    assert_eq!(world.run(AuditTable::load).iter().len(), 0);
    world.run(|txn| {
        let mut table = AuditTable::load(txn)?;
        table.add(config("a", "stderr", &[]))?;
        table.store(txn)
    });
    assert_ne!(world.epoch(), before);
    let table = world.run(AuditTable::load);
    let path = MountPath::new("a").expect("path");
    assert_eq!(
        table
            .at(NamespaceId::ROOT, &path)
            .expect("device")
            .description(),
        "for tests"
    );
}
