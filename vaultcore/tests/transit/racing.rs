//! Two processes with eight threads each encrypt, sign and rotate on one SQLite file, while a third
//! rotates and trims: whatever any of them was given decrypts and verifies, and no nonce comes back.

use std::collections::HashSet;
use std::path::Path;

use vaultcore::transit::{KeyType, KeyUpdate, NewKey, Transit};
use vaultcore::{NewMount, NewSlot, Vault};

use crate::process::{Other, Plant, key, open, sqlite};
use crate::work::{ENCRYPTS, SIGNS, Shown, version, wrong};

const PROCESSES: usize = 2;
/// How often everything is encrypted anew and old versions are trimmed.
const TRIMS: usize = 3;
/// Texts that each thread makes between two of them; more by `VAULTCORE_TRANSIT_TEXTS`.
const TEXTS: usize = 40;
/// Rotations by this process meanwhile.
const ROTATIONS: usize = 4;

/// Makes a vault with two keys.
fn prepare(file: &Path) {
    let vault = Vault::builder(sqlite(file)).build().expect("a vault");
    vault.init([NewSlot::key(key())]).expect("init");
    vault.unseal_key(&key()).expect("unsealed");
    let owner = vault.owner().expect("owner");
    let sys = owner.sys();
    sys.mount("transit", NewMount::transit()).expect("mounted");
    let transit = owner.transit("transit").expect("path");
    let new = NewKey::new(KeyType::Aes256Gcm96);
    transit.create(ENCRYPTS, &new).expect("made");
    let new = NewKey::new(KeyType::Ed25519);
    transit.create(SIGNS, &new).expect("made");
    vault.close().expect("closed");
}

/// Removes the versions before `first`, under which nothing is left.
fn trim(transit: &Transit, first: u32) -> vaultcore::Result<()> {
    let update = KeyUpdate::new()
        .min_decryption_version(first)
        .min_encryption_version(first);
    transit.configure(ENCRYPTS, &update)?;
    transit.trim(ENCRYPTS, first)
}

/// Checks all that was ever given out, by another process than made it.
fn check(transit: &Transit, shown: &[Shown]) -> Result<usize, String> {
    let mut nonces = HashSet::new();
    for each in shown {
        wrong(transit, each).map_or(Ok(()), Err)?;
        for (_, text) in &each.sealed {
            let (_, body) = text.rsplit_once(':').expect("a ciphertext");
            if !nonces.insert((version(text), &body[..16])) {
                return Err("a nonce came back".to_owned());
            }
        }
    }
    Ok(nonces.len())
}

/// Runs everything, and returns the first thing that is wrong.
fn race(plant: Plant, texts: usize) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("db");
    prepare(&file);
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::start(&file, plant)).collect();
    let vault = open(sqlite(&file));
    let transit = vault.owner().expect("owner").transit("transit");
    let transit = transit.expect("path");
    let mut oldest = 1;
    for _ in 0..TRIMS {
        for other in &mut others {
            other.send(&format!("work {texts}"));
        }
        if oldest > 1 {
            trim(&transit, oldest).map_err(|error| format!("trim: {error}"))?;
        }
        for name in [ENCRYPTS, SIGNS].repeat(ROTATIONS) {
            let rotated = transit.rotate(name);
            rotated.map_err(|error| format!("rotate: {error}"))?;
        }
        others.iter_mut().try_for_each(Other::done)?;
        for other in &mut others {
            other.send("rewrap");
        }
        let rotated = transit.rotate(ENCRYPTS);
        rotated.map_err(|error| format!("rotate: {error}"))?;
        let ages = others.iter_mut().map(Other::oldest);
        let ages = ages.collect::<Result<Vec<u32>, String>>()?;
        oldest = ages.into_iter().min().unwrap_or(1);
    }
    let shown = others.iter_mut().map(Other::shown);
    let shown = shown.collect::<Result<Vec<_>, String>>()?;
    let count = check(&transit, &shown)?;
    // What was made before a rewrap is lost by its trim, and was given up by then.
    let expected = PROCESSES * crate::work::THREADS * texts * TRIMS;
    if count != expected || oldest < 8 {
        return Err(format!("{count} texts, not {expected}; oldest {oldest}"));
    }
    Ok(())
}

#[test]
fn whatever_was_given_out_decrypts_and_verifies() {
    let more = std::env::var("VAULTCORE_TRANSIT_TEXTS").ok();
    let texts = more.map_or(TEXTS, |more| more.parse().expect("a number"));
    race(Plant::Nothing, texts).unwrap();
}

#[test]
fn storages_that_lose_versions_or_give_uses_twice_are_found() {
    for plant in [Plant::BlindForKeys, Plant::ForgetsUses] {
        let found = race(plant, TEXTS);
        eprintln!("{plant:?}: {found:?}");
        assert!(found.is_err(), "{plant:?} was not found");
    }
}
