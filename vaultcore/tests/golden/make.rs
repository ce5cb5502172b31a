//! How the fixtures were made. To see it happen again, in another place:
//! `VAULTCORE_GOLDEN=folder cargo test -p vaultcore --all-features --test golden -- --ignored`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::chapters::{self, Values};
use super::transit;
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, MetadataUpdate};
use vaultcore::storage::{Create, SqliteOptions};
use vaultcore::{
    Argon2Params, Init, ManualClock, NewMount, NewSlot, Random, Result, SecretBytes, SecretString,
    Timestamp, Vault,
};

pub(crate) const PASSPHRASE: &str = "a passphrase for the fixture";
pub(crate) const KEY: [u8; 32] = [0x47; 32];
pub(crate) const UNICODE: &str = "gr\u{f6}\u{df}e/\u{65e5}\u{672c}";
pub(crate) const LONG: &str = "longer than a page ";
/// How much later the second half was written.
pub(crate) const STEP: Duration = Duration::from_secs(3_600);

/// Returns when the fixture was made: the beginning of 2026.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}

#[test]
#[ignore = "makes the fixture, which exists and stays as it is"]
fn make() {
    if let Some(folder) = std::env::var_os("VAULTCORE_GOLDEN").map(PathBuf::from) {
        make_in(&folder).unwrap();
    }
}

/// It takes all features, as it has a key of each type; those of RSA are not made of the seed.
#[test]
#[ignore = "makes the fixture, which exists and stays as it is"]
fn make_transit() {
    if let Some(folder) = std::env::var_os("VAULTCORE_GOLDEN").map(PathBuf::from) {
        make_transit_in(&folder).unwrap();
    }
}

fn make_transit_in(folder: &Path) -> Result<()> {
    let storage = SqliteOptions::new()
        .create(Create::New)
        .open(folder.join("v1-transit.db"))?;
    let vault = Vault::builder(storage)
        .clock(ManualClock::new(start()))
        .random(Seeded(Mutex::new(2)))
        .build()?;
    vault.init([NewSlot::key(SecretBytes::copy_from(&KEY))])?;
    vault.unseal_key(&SecretBytes::copy_from(&KEY))?;
    transit::write(&vault, folder)?;
    vault.close()
}

fn make_in(folder: &Path) -> Result<()> {
    let storage = SqliteOptions::new()
        .create(Create::New)
        .open(folder.join("v1.db"))?;
    let clock = std::sync::Arc::new(ManualClock::new(start()));
    let vault = Vault::builder(storage)
        .clock(clock.clone())
        .random(Seeded(Mutex::new(1)))
        .build()?;
    let slots = [
        NewSlot::shamir(5, 3),
        NewSlot::passphrase_with(
            SecretString::copy_from(PASSPHRASE),
            Argon2Params::new(8_192, 1, 1)?,
        ),
        NewSlot::key(SecretBytes::copy_from(&KEY)),
    ];
    write_shares(&folder.join("v1.shares.txt"), &vault.init(slots)?);
    vault.unseal_key(&SecretBytes::copy_from(&KEY))?;
    write_first(&vault)?;
    clock.advance(STEP);
    vault.owner()?.sys().rotate()?;
    write_second(&vault)?;
    write_chapters(&vault, &folder.join("v1.values.txt"))?;
    vault.close()
}

fn write_shares(file: &Path, init: &Init) {
    let lines: String = init
        .shares()
        .iter()
        .map(|share| format!("{}\n", share.to_text().expose()))
        .collect();
    fs::write(file, lines).unwrap();
}

/// Writes the other subjects, and what is needed to read them, a name and a value a line.
fn write_chapters(vault: &Vault, file: &Path) -> Result<()> {
    let mut values = Values::new();
    for chapter in chapters::ALL {
        (chapter.write)(vault, &mut values)?;
    }
    let lines = values
        .iter()
        .map(|(name, value)| format!("{name} {value}\n"));
    fs::write(file, lines.collect::<String>()).unwrap();
    Ok(())
}

fn put(kv: &Kv, path: &str, value: &str) -> Result<()> {
    kv.put(path, &BTreeMap::from([("value", value)]), Cas::Any)
        .map(drop)
}

/// What was written under term 1.
fn write_first(vault: &Vault) -> Result<()> {
    let session = vault.owner()?;
    let described = NewMount::kv2()
        .description("the fixture")
        .max_ttl(Duration::from_secs(3_600));
    session.sys().mount("secret", described)?;
    session.sys().mount("old", NewMount::kv1())?;
    let kv = session.kv("secret")?;
    kv.configure(&KvConfigUpdate::new().max_versions(7))?;
    put(&kv, "app/db", "one")?;
    put(&kv, "app/db", "two")?;
    put(&kv, "app", "also a folder")?;
    put(&kv, UNICODE, UNICODE)?;
    put(&kv, "long", &LONG.repeat(300))?;
    put(&kv, "deleted", "deleted")?;
    kv.delete("deleted")?;
    put(&kv, "destroyed", "gone")?;
    put(&kv, "destroyed", "live")?;
    kv.destroy("destroyed", &[1])?;
    put(&kv, "removed", "with its metadata")?;
    kv.delete_metadata("removed")?;
    write_noted(&kv)?;
    let update = MetadataUpdate::new().delete_version_after(Duration::from_secs(60));
    kv.put_metadata("short-lived", &update)?;
    put(&kv, "short-lived", "gone after a minute")?;
    session
        .kv_v1("old")?
        .put("before", &BTreeMap::from([("value", "term 1")]))
}

/// A secret that keeps two versions, so that the third one took the first one's place.
fn write_noted(kv: &Kv) -> Result<()> {
    let update = MetadataUpdate::new()
        .max_versions(2)
        .custom("team", "payments");
    kv.put_metadata("noted", &update.cas_required(true))?;
    for version in 0..3 {
        let data = BTreeMap::from([("value", "noted")]);
        kv.put("noted", &data, Cas::Version(version))?;
    }
    Ok(())
}

/// What was written under term 2.
fn write_second(vault: &Vault) -> Result<()> {
    let session = vault.owner()?;
    let kv = session.kv("secret")?;
    put(&kv, "app/db", "three")?;
    kv.put_json(
        "raw",
        b"{ \"number\": 1.50, \"list\": [null, true] }",
        Cas::Any,
    )?;
    kv.transaction(|tx| {
        tx.put("together/a", &BTreeMap::from([("value", "a")]), Cas::Absent)?;
        tx.put("together/b", &BTreeMap::from([("value", "b")]), Cas::Absent)
    })?;
    session
        .kv_v1("old")?
        .put("after", &BTreeMap::from([("value", "term 2")]))
}

/// Bytes that follow from a seed: the fixture protects nothing.
struct Seeded(Mutex<u64>);

impl Random for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        for byte in buffer {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed ^ (mixed >> 27))
                .wrapping_mul(0x94d0_49bb_1331_11eb)
                .to_be_bytes()[0];
        }
        Ok(())
    }
}
