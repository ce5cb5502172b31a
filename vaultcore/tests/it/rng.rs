//! A random source that is broken, or that two copies of a vault share, never makes one key and
//! nonce serve two plaintexts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use vaultcore::api::{ApiRequest, Method};
use vaultcore::kv::Cas;
use vaultcore::{
    Argon2Params, ErrorKind, NewMount, NewSlot, NewToken, Random, Result, SecretBytes,
    SecretString, SlotType, Vault,
};

use crate::rig::{Rig, builder};
use crate::world::{key, value};

/// Returns zeros only.
#[derive(Clone)]
struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0);
        Ok(())
    }
}

/// Repeats a short cycle of bytes, from its beginning with each call.
#[derive(Clone)]
struct Cycle;

impl Random for Cycle {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = [3, 1, 4, 1, 5, 9, 2][index % 7];
        }
        Ok(())
    }
}

/// A good stream from a seed. Clones of it, as forks have them, return the same bytes.
struct Stream(AtomicU64);

impl Random for Stream {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for byte in buffer {
            // SplitMix64: no more is needed than numbers that look random.
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
        Ok(())
    }
}

/// A source that may be exchanged under an open vault.
#[derive(Clone)]
struct Switched(Arc<Mutex<Arc<dyn Random>>>);

impl Random for Switched {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        self.0.lock().expect("lock").fill(buffer)
    }
}

impl Switched {
    fn new(source: impl Random + 'static) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(source))))
    }

    fn set(&self, source: impl Random + 'static) {
        *self.0.lock().expect("lock") = Arc::new(source);
    }
}

/// Everything that was ever written: where, and what.
type Log = Vec<(String, Vec<u8>)>;

/// Finds one key and nonce with two ciphertexts. A record's own key comes from term and salt; the
/// same salt under another vault's keys is no repetition, so each log is of one set of keys.
fn repeated(log: &Log) -> Vec<String> {
    let mut seen: BTreeMap<Vec<u8>, (&str, &[u8])> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut check = |id: Vec<u8>, path, value| {
        let (other, before) = *seen.entry(id).or_insert((path, value));
        if before != value {
            wrong.push(format!("{other} and {path}"));
        }
    };
    for (path, value) in log {
        match path.as_str() {
            "sys/header" => {}
            "sys/slots" => {
                for (id, wrapped) in slot_nonces(value) {
                    check(id, path, wrapped);
                }
            }
            // format | term | salt | nonce | ..: the keyring has a key of its own.
            "sys/keyring" => check([&[0xff], &value[1..33]].concat(), path, value),
            _ => check(value[1..33].to_vec(), path, value),
        }
    }
    wrong
}

/// Returns (commitment, salt, nonce) of each slot with what it wraps. The key that wraps comes from
/// the slot's key, which the commitment stands for here as it depends on id and generation too.
fn slot_nonces(stored: &[u8]) -> Vec<(Vec<u8>, &[u8])> {
    // Each wrapped root key has 32 bytes and a tag of 16, behind commitment 32 | salt 16 |
    // nonce 12 | its length as one byte. Nothing else in the list has that length byte there.
    let is_slot = |end: &usize| stored[end - 49] == 48;
    let mut found = Vec::new();
    let mut end = 110;
    while end <= stored.len() {
        if is_slot(&end) && (end == stored.len() || stored.len() - end > 100) {
            let start = end - 48 - 1 - 12 - 16 - 32;
            found.push((stored[start..end - 49].to_vec(), &stored[end - 48..end]));
        }
        end += 1;
    }
    found
}

fn slots() -> Vec<NewSlot> {
    let cheap = Argon2Params::new(8_192, 1, 1).expect("params");
    let passphrase = SecretString::copy_from("a passphrase");
    vec![
        NewSlot::shamir(1, 1),
        NewSlot::passphrase_with(passphrase, cheap),
        NewSlot::key(key()),
    ]
}

fn open(rig: &Rig, source: impl Random + 'static) -> Vault {
    let vault = builder(rig).random(source).build().expect("builds");
    vault.unseal_key(&key()).expect("unseals");
    vault
}

/// Mounts, writes, rotates, makes new keys, deletes and makes anew. `flavour` makes values differ.
fn scenario(vault: &Vault, flavour: u64) {
    let owner = vault.owner().expect("owner");
    let sys = owner.sys();
    for path in ["first", "second"] {
        sys.mount(path, NewMount::kv2()).expect("mounts");
    }
    let kvs = ["first", "second"].map(|path| owner.kv(path).expect("kv"));
    for number in 0..100 {
        for kv in &kvs {
            let name = format!("name/{}", number % 7);
            kv.put(&name, &value(number + flavour), Cas::Any)
                .expect("puts");
        }
        if number % 25 == 24 {
            sys.rotate().expect("rotates");
            kvs[0].delete_metadata("name/1").expect("deletes");
            kvs[0]
                .put("name/1", &value(number + flavour), Cas::Absent)
                .expect("puts");
            sys.rotate_root().expect("rotates");
        }
    }
    sys.rewrap_all(|_| Ok(())).expect("rewraps");
    let slots = sys.slots().expect("slots");
    let shamir = |kind| matches!(kind, SlotType::Shamir { .. });
    if let Some(slot) = slots.iter().find(|slot| shamir(slot.kind)) {
        let rekey = sys.rekey(Some(slot.id), 1, 1).expect("rekey");
        let verified = sys.rekey_verify(rekey.nonce(), &rekey.shares()[0]);
        assert!(verified.expect("verifies").complete);
    }
    kvs[1].put("last", &value(1), Cas::Any).expect("puts");
}

/// Checks that the secrets are those that the scenario wrote last.
fn reads_right(vault: &Vault, flavour: u64) {
    let owner = vault.owner().expect("owner");
    for path in ["first", "second"] {
        let kv = owner.kv(path).expect("kv");
        for name in 0..7 {
            let last = (0..100)
                .rev()
                .find(|number| number % 7 == name)
                .expect("number");
            let expected = match (path, name) {
                // Made anew after number 99, which is no write of this name otherwise.
                ("first", 1) => 99,
                _ => last,
            };
            let found = kv
                .get::<Value>(&format!("name/{name}"))
                .expect("reads")
                .data;
            assert_eq!(found, value(expected + flavour), "{path} {name}");
        }
    }
}

/// Runs the scenario on a vault with each kind of slot. One with several would be refused.
/// Returns how many records were written.
fn with_broken(source: impl Random + Clone + 'static) -> usize {
    let mut records = 0;
    for (index, slot) in slots().into_iter().enumerate() {
        let rig = Rig::new();
        let vault = builder(&rig)
            .random(source.clone())
            .build()
            .expect("builds");
        let init = vault.init([slot]).expect("init");
        let unseal = |vault: &Vault| match index {
            0 => vault.unseal(&init.shares()[0]),
            1 => vault.unseal_passphrase(&SecretString::copy_from("a passphrase")),
            _ => vault.unseal_key(&key()),
        };
        unseal(&vault).expect("unseals");
        scenario(&vault, 0);
        reads_right(&vault, 0);
        // A second slot would get the id of the first, and its key the place of that one's.
        let new = NewSlot::key(SecretBytes::copy_from(&[9; 32]));
        let sys = vault.owner().expect("owner").sys();
        let refused = sys.add_slot(&new).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        sys.rotate_root().expect("the slot is as it was");
        let log = rig.log();
        assert!(log.len() > 400, "{} records", log.len());
        let wrapped = log.iter().filter(|(path, _)| path == "sys/slots");
        assert!(wrapped.clone().count() > 4, "every new root key is wrapped");
        assert!(
            wrapped
                .clone()
                .all(|(_, value)| slot_nonces(value).len() == 1)
        );
        records += log.len();
        assert_eq!(repeated(&log), [""; 0]);
    }
    records
}

/// Slots are told apart by random ids, so a source that repeats itself makes only one.
#[test]
fn several_slots_refuse_a_source_that_repeats_itself() {
    let rig = Rig::new();
    let vault = builder(&rig).random(Zeros).build().expect("builds");
    let error = vault.init(slots()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(rig.values().is_empty());
}

#[test]
fn a_source_of_zeros_repeats_no_nonce() {
    println!("{} records under zeros", with_broken(Zeros));
}

#[test]
fn a_source_that_repeats_a_cycle_repeats_no_nonce() {
    println!("{} records under a cycle", with_broken(Cycle));
}

/// Two processes that go on from one memory, or one machine from one image: the same keys, the
/// same randomness, other values.
#[test]
fn two_copies_that_share_a_stream_repeat_no_nonce() {
    let rig = Rig::new();
    let vault = builder(&rig).build().expect("builds");
    vault.init(slots()).expect("init");
    let other = rig.copy();
    let mut log = rig.log();
    for (rig, flavour) in [(&rig, 1_000), (&other, 2_000)] {
        let stream = || Stream(AtomicU64::new(7));
        let vault = open(rig, stream());
        let owner = vault.owner().expect("owner");
        owner.sys().mount("first", NewMount::kv2()).expect("mounts");
        let kv = owner.kv("first").expect("kv");
        for number in 0..200 {
            let name = format!("name/{}", number % 5);
            kv.put(&name, &value(number + flavour), Cas::Any)
                .expect("puts");
        }
        let found = kv.get::<Value>("name/4").expect("reads").data;
        assert_eq!(found, value(199 + flavour));
        log.extend(rig.log());
    }
    println!("{} records of two copies", log.len());
    assert_eq!(repeated(&log), [""; 0]);
}

/// The shares of several must have different x, which zeros cannot give: init says so, and leaves
/// the storage empty.
#[test]
fn a_sharing_refuses_a_source_of_zeros() {
    let rig = Rig::new();
    let vault = builder(&rig).random(Zeros).build().expect("builds");
    let error = vault.init([NewSlot::shamir(3, 2)]).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(rig.values().is_empty());
}

/// Returns an open vault whose source still is a good one.
fn switchable(rig: &Rig) -> (Vault, Switched) {
    let source = Switched::new(vaultcore::OsRandom);
    let vault = builder(rig).random(source.clone()).build();
    let vault = vault.expect("builds");
    vault.init(slots()).expect("init");
    vault.unseal_key(&key()).expect("unseals");
    (vault, source)
}

/// A source that breaks while the vault is open does not break what was written before.
#[test]
fn a_source_that_breaks_later_repeats_no_nonce() {
    let rig = Rig::new();
    let (vault, source) = switchable(&rig);
    source.set(Zeros);
    scenario(&vault, 0);
    source.set(Cycle);
    let kv = vault.owner().expect("owner").kv("first").expect("kv");
    for number in 0..50 {
        kv.put("later", &value(number), Cas::Any).expect("puts");
    }
    reads_right(&vault, 0);
    assert_eq!(repeated(&rig.log()), [""; 0]);
}

/// A source that is stuck draws the id of a token that asks, or of one that the same request makes.
#[test]
fn a_stuck_source_replaces_no_token() {
    let rig = Rig::new();
    let (vault, source) = switchable(&rig);
    let owner = vault.owner().expect("owner");
    let policy = "path \"auth/token/create\" { capabilities = [\"update\"] }";
    owner.sys().put_policy("maker", policy).expect("written");
    let new = NewToken::new().policy("maker");
    source.set(Zeros);
    let request = ApiRequest::new(Method::Post, "auth/token/create");
    let request = request.body(b"{\"policies\": [\"maker\"]}");
    let twice = owner.request(&request.wrap_ttl("60"));
    let told = String::from_utf8_lossy(twice.body());
    assert!(told.contains("a token with this id exists"), "{told}");
    let token = owner.token().create(&new).expect("the first");
    let session = vault.login(&token).expect("it is a token");
    let error = session.token().create(&new).expect_err("drawn twice");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    source.set(vaultcore::OsRandom);
    session.token().create(&new).expect("it may still");
}

/// The control: salts and nonces drawn as they come, without the hedge, are caught.
#[test]
fn an_unhedged_nonce_would_be_caught() {
    let unhedged = |text: &[u8]| {
        let mut record = vec![1, 0, 0, 0, 1];
        let mut drawn = [0; 28];
        Zeros.fill(&mut drawn).expect("zeros");
        record.extend(drawn);
        record.extend(text);
        record
    };
    let log = vec![
        ("a".to_owned(), unhedged(b"one")),
        ("a".to_owned(), unhedged(b"one")),
        ("b".to_owned(), unhedged(b"two")),
    ];
    assert_eq!(repeated(&log), ["a and b"]);
}
