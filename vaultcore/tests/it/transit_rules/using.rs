//! How often keys are used, over threads, processes and restarts; and what is shown of them.

use std::collections::HashSet;
use std::sync::Arc;

use vaultcore::storage::{Memory, Storage};
use vaultcore::transit::{ExportType, Input, KeyType, NewKey, Transit};
use vaultcore::{Error, NewMount, NewSlot, Random, Result, Vault};

use super::Bench;
use crate::common::World;

/// A source that gives the same bytes for ever.
struct Stuck;

impl Random for Stuck {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0x5a);
        Ok(())
    }
}

fn nonce(text: &str) -> String {
    let (_, body) = text.rsplit_once(':').expect("a ciphertext");
    body[..16].to_owned()
}

#[test]
fn no_nonce_comes_back_even_if_the_random_source_is_stuck() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::new());
    let build = || {
        let builder = Vault::builder(Arc::clone(&storage)).random(Stuck);
        builder.build().expect("a vault")
    };
    let first = build();
    let init = first.init([NewSlot::shamir(1, 1)]).expect("init");
    let mut seen = HashSet::new();
    for round in 0..6 {
        // Each round is another process.
        let vault = build();
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let owner = vault.owner().expect("owner");
        if round == 0 {
            owner
                .sys()
                .mount("transit", NewMount::transit())
                .expect("mounted");
        }
        let transit = owner.transit("transit").expect("path");
        for number in 0..500 {
            let text = transit
                .encrypt("k", &format!("{round} {number}"))
                .expect("text");
            assert!(seen.insert(nonce(&text)), "{round} {number}");
        }
    }
}

#[test]
fn threads_and_processes_encrypt_while_the_key_rotates() {
    let bench = Bench::new();
    bench.create("k", KeyType::Aes256Gcm96);
    let other = bench.world.other();
    let theirs = other
        .owner()
        .expect("owner")
        .transit("transit")
        .expect("path");
    let texts = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..8 {
            let transit: &Transit = if number % 2 == 0 {
                &bench.transit
            } else {
                &theirs
            };
            threads.push(scope.spawn(move || {
                let text = |_| transit.encrypt("k", &number.to_string()).expect("text");
                let texts: Vec<String> = (0..300).map(text).collect();
                (number, texts)
            }));
        }
        for _ in 0..20 {
            theirs.rotate("k").expect("rotated");
        }
        threads
            .into_iter()
            .map(|thread| thread.join().expect("encrypted"))
            .collect::<Vec<_>>()
    });
    let mut nonces = HashSet::new();
    for (number, texts) in texts {
        for text in texts {
            let plain = bench.transit.decrypt("k", &text).expect("plain");
            assert_eq!(plain.expose(), number.to_string().as_bytes());
            assert!(nonces.insert(nonce(&text)));
        }
    }
}

#[test]
fn encrypting_costs_a_commit_once_in_a_while() {
    let bench = Bench::new();
    bench.create("k", KeyType::Aes256Gcm96);
    let uses = || bench.world.count("ns/root/transit-use/");
    assert_eq!(uses(), 0);
    bench.transit.encrypt("k", b"x").expect("text");
    assert_eq!(uses(), 1);
}

#[test]
fn keys_are_nowhere_in_storage_in_clear() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::new());
    let bench = Bench::on(World::on(Arc::clone(&storage)));
    let key = b"canary canary canary canary 1234";
    bench
        .transit
        .import("canary-name", &NewKey::default(), key)
        .expect("imported");
    bench
        .transit
        .encrypt("canary-name", b"canary plain")
        .expect("text");
    let paths = storage
        .scan(&vaultcore::storage::Scan::new(""))
        .expect("scan");
    for path in paths {
        assert!(!path.contains("canary"));
        let entry = vaultcore::storage::EntryPath::new(&path).expect("path");
        let found = storage.read(&[entry]).expect("read");
        for value in found.into_iter().flatten() {
            assert!(!value.value.windows(6).any(|part| part == b"canary"));
        }
    }
}

#[test]
fn neither_errors_nor_debug_show_a_secret() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let canary = "canary";
    bench.make("k", &NewKey::default().derived(true));
    let errors: Vec<Error> = vec![
        transit
            .create("canary/", &NewKey::default())
            .expect_err("name"),
        transit.encrypt("k", canary).expect_err("context"),
        transit
            .decrypt("k", Input::new(canary).context(canary))
            .expect_err("text"),
        transit.decrypt("canary", canary).expect_err("key"),
        transit
            .import("l", &NewKey::default(), canary.as_bytes())
            .expect_err("key"),
        transit
            .import("l", &NewKey::new(KeyType::Ed25519), canary.as_bytes())
            .expect_err("key"),
        transit
            .import_public("l", &NewKey::new(KeyType::Ed25519), canary)
            .expect_err("key"),
        transit
            .export("k", ExportType::Encryption)
            .expect_err("stays"),
    ];
    for error in errors {
        assert!(!format!("{error} {error:?}").contains(canary), "{error:?}");
    }
    let input = Input::new(canary).context(canary).associated_data(canary);
    assert!(!format!("{input:?} {transit:?}").contains(canary));
}

#[test]
fn a_sealed_vault_encrypts_nothing() {
    let bench = Bench::new();
    let text = bench.transit.encrypt("k", b"x").expect("text");
    bench.world.vault.seal().expect("sealed");
    assert!(bench.transit.encrypt("k", b"x").is_err());
    assert!(bench.transit.decrypt("k", &text).is_err());
    bench.world.unseal(&bench.world.vault);
    assert_eq!(
        bench.transit.decrypt("k", &text).expect("plain").expose(),
        b"x"
    );
}
