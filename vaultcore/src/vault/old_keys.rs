//! What whoever opened the vault once can open later: see SECURITY.md, "Old keys".

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Vault;
use super::progress::combine;
use crate::barrier::{Keyring, RootKey, layout};
use crate::crypto::{KeptKey, keep};
use crate::id::{SlotId, VaultId};
use crate::path::EntryPath;
use crate::seal::{Header, NewSlot, Share, Slots, from_key};
use crate::secret::SecretBytes;
use crate::session::Sys;
use crate::storage::{Batch, Memory, Scan, Storage};

fn key(byte: u8) -> SecretBytes {
    SecretBytes::from(vec![byte; 32])
}

fn stored(memory: &Memory, path: crate::error::Result<EntryPath>) -> Vec<u8> {
    let found = memory.read(&[path.expect("path")]).expect("read");
    let entry = found.into_iter().next().flatten();
    entry.expect("an entry").value
}

fn slots(memory: &Memory) -> Slots {
    Slots::parse(&stored(memory, layout::slots())).expect("slots")
}

/// Copies all of a storage, as a backup does.
fn backup(memory: &Memory) -> Arc<Memory> {
    let copy = Arc::new(Memory::new());
    let mut batch = Batch::new();
    for folder in ["sys/", "ns/", "work/"] {
        for path in memory.scan(&Scan::new(folder)).expect("scan") {
            let path = EntryPath::new(&path).expect("path");
            let value = stored(memory, Ok(path.clone()));
            batch = batch.put(path, value);
        }
    }
    copy.commit(&batch).expect("copied");
    copy
}

fn unsealed(memory: &Arc<Memory>, shares: &[Share]) -> Vault {
    let vault = Vault::builder(Arc::clone(memory)).build().expect("vault");
    for share in shares {
        vault.unseal(share).expect("unsealed");
    }
    vault
}

fn sys(vault: &Vault) -> Sys {
    vault.owner().expect("owner").sys()
}

fn rekeyed(vault: &Vault) {
    let rekey = sys(vault).rekey(None, 3, 2).expect("started");
    for share in rekey.shares().iter().take(2) {
        let verified = sys(vault).rekey_verify(rekey.nonce(), share);
        verified.expect("verified");
    }
}

/// Somebody with keys of before, who copies the storage whenever it changes.
struct Follower {
    vault: VaultId,
    keks: Vec<[u8; 32]>,
    known: BTreeMap<SlotId, [u8; 32]>,
    keyring: Option<Keyring>,
}

impl Follower {
    fn new(memory: &Memory, kek: &KeptKey) -> Self {
        let header = Header::decode(&stored(memory, layout::header())).expect("header");
        Self {
            vault: header.vault,
            keks: vec![**kek],
            known: BTreeMap::new(),
            keyring: None,
        }
    }

    /// Tries every key on every slot, keeps what the keyring holds, and returns whether it opened.
    fn opens(&mut self, memory: &Memory) -> bool {
        let slots = slots(memory).slots;
        let root = slots.iter().find_map(|slot| {
            let keks = self.keks.iter().chain(self.known.values());
            let mut roots = keks.map(|kek| slot.unwrap_root(&self.vault, kek));
            roots.find_map(Result::ok)
        });
        let Some(root) = root else {
            return false;
        };
        self.follow(memory, &RootKey::new(root))
    }

    fn follow(&mut self, memory: &Memory, root: &RootKey) -> bool {
        let keyring = stored(memory, layout::keyring());
        let Ok(keyring) = Keyring::decrypt(self.vault, root, &keyring) else {
            return false;
        };
        for slot in slots(memory).slots {
            let kek = keyring.kek(slot.id).expect("the key of each slot");
            self.known.insert(slot.id, *kek);
        }
        self.keyring = Some(keyring);
        true
    }
}

#[test]
fn old_shares_and_a_backup_made_during_the_rekey_open_nothing_newer() {
    let memory = Arc::new(Memory::new());
    let vault = unsealed(&memory, &[]);
    let init = vault.init([NewSlot::shamir(3, 2)]).expect("init");
    let vault = unsealed(&memory, &init.shares()[..2]);
    let parts: Vec<_> = init.shares()[..2]
        .iter()
        .map(|share| share.expose())
        .collect();
    let parts: Vec<_> = parts.into_iter().map(SecretBytes::copy_from).collect();
    let mut follower = Follower::new(&memory, &combine(&parts).expect("kek"));
    assert!(follower.opens(&memory), "the old shares open the old vault");

    let rekey = sys(&vault).rekey(None, 3, 2).expect("started");
    let old = unsealed(&backup(&memory), &init.shares()[..2]);
    for share in rekey.shares().iter().take(2) {
        let verified = sys(&vault).rekey_verify(rekey.nonce(), share);
        verified.expect("verified");
    }
    assert!(!follower.opens(&memory), "the old keys alone");

    // What the backup says of the rekey is readable, and no 32 bytes of it are the new key.
    let pending = old.with_open(|open| open.transact(|txn, _| txn.get(&layout::rekey()?)));
    let pending = pending.expect("read").expect("a rekey in progress");
    follower.keks.extend(
        pending
            .windows(32)
            .map(|bytes| <[u8; 32]>::try_from(bytes).expect("32")),
    );
    assert!(!follower.opens(&memory), "the record of the rekey");
}

/// The narrow promise: the keys of all slots lie in the keyring, so who has an old keyring opens
/// the slots that stay.
#[test]
fn the_key_of_a_removed_slot_opens_the_others_until_a_lone_slot_is_rekeyed() {
    let memory = Arc::new(Memory::new());
    let vault = unsealed(&memory, &[]);
    let init = vault
        .init([NewSlot::key(key(1)), NewSlot::shamir(3, 2)])
        .expect("init");
    let vault = unsealed(&memory, &init.shares()[..2]);
    let kek = from_key(&key(1)).expect("kek");
    let mut follower = Follower::new(&memory, &kek);
    assert!(follower.opens(&memory));

    let leaked = slots(&memory).slots[0].id;
    sys(&vault).remove_slot(leaked).expect("removed");
    assert!(
        follower.opens(&memory),
        "the people's slot was in the old keyring"
    );
    rekeyed(&vault);
    assert!(
        !follower.opens(&memory),
        "it was the only slot, and has a new key"
    );
    sys(&vault).add_slot(&NewSlot::key(key(2))).expect("added");
    assert!(!follower.opens(&memory));
}

#[test]
fn a_leaked_root_key_is_shut_out_by_a_rekey_and_not_by_a_new_root_key() {
    let memory = Arc::new(Memory::new());
    let vault = unsealed(&memory, &[]);
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    let vault = unsealed(&memory, init.shares());
    let root = vault.with_open(|open| open.transact(|txn, _| Ok(Arc::clone(&txn.keys().root))));
    let mut follower = Follower::new(&memory, &keep(&[0; 32]));
    assert!(follower.follow(&memory, &root.expect("root")));

    sys(&vault).rotate_root().expect("rotated");
    assert!(
        follower.opens(&memory),
        "the slot's key was in the old keyring"
    );
    rekeyed(&vault);
    assert!(!follower.opens(&memory));
}
