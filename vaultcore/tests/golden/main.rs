//! A vault file of each format that was ever released, which every later version must open.
//!
//! The bytes of a fixture are never made again: `make.rs` shows how they came to be.
#![cfg(all(feature = "sqlite", feature = "passphrase", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

mod chapters;
mod make;
mod transit;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use vaultcore::kv::{Cas, Kv};
use vaultcore::storage::Sqlite;
use vaultcore::{
    ErrorKind, ManualClock, SecretBytes, SecretString, Session, Share, SlotType, Vault,
};

use make::{KEY, LONG, PASSPHRASE, STEP, UNICODE, start};

/// The fixture, so that nobody replaces it unnoticed.
const V1_SHA256: &str = "7986026a425af48747887231d1373a1d846967372d7ccd4a4f2c47947b7e8bf4";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn hash(file: &Path) -> String {
    let bytes = fs::read(file).unwrap();
    data_encoding::HEXLOWER.encode(digest(&SHA256, &bytes).as_ref())
}

/// A copy of a fixture, opened a day after it was made.
struct Copy {
    vault: Vault,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        Self::of("v1.db")
    }

    fn of(fixture: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(fixture);
        fs::write(&file, fs::read(fixtures().join(fixture)).unwrap()).unwrap();
        let clock = ManualClock::new(start().saturating_add(Duration::from_secs(86_400)));
        let storage = Sqlite::open(&file).unwrap();
        let vault = Vault::builder(storage).clock(clock).build().unwrap();
        Self {
            vault,
            file,
            _folder: folder,
        }
    }

    fn with_key() -> Self {
        let copy = Self::new();
        copy.unseal_by_key();
        copy
    }

    fn unseal_by_key(&self) {
        let key = SecretBytes::copy_from(&KEY);
        assert!(!self.vault.unseal_key(&key).unwrap().sealed());
    }

    fn kv(&self) -> Kv {
        self.session().kv("secret").unwrap()
    }

    fn session(&self) -> Session {
        self.vault.owner().unwrap()
    }
}

fn shares() -> Vec<Share> {
    let text = fs::read_to_string(fixtures().join("v1.shares.txt")).unwrap();
    text.lines()
        .map(|line| Share::parse(line).unwrap())
        .collect()
}

#[test]
fn the_fixture_is_the_one_that_was_released() {
    assert_eq!(hash(&fixtures().join("v1.db")), V1_SHA256);
}

#[test]
fn every_three_shares_open_it() {
    let shares = shares();
    assert_eq!(shares.len(), 5);
    for left in 0..5 {
        for out in left + 1..5 {
            let copy = Copy::new();
            let given = (0..5).filter(|place| *place != left && *place != out);
            let sealed = given.map(|place| copy.vault.unseal(&shares[place]).unwrap().sealed());
            assert_eq!(sealed.collect::<Vec<_>>(), [true, true, false]);
            check_everything(&copy);
        }
    }
}

#[test]
fn the_passphrase_opens_it() {
    let copy = Copy::new();
    let wrong = SecretString::copy_from("another passphrase");
    let error = copy.vault.unseal_passphrase(&wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsealFailed);
    let passphrase = SecretString::copy_from(PASSPHRASE);
    copy.vault.unseal_passphrase(&passphrase).unwrap();
    check_everything(&copy);
}

#[test]
fn the_key_opens_it() {
    let copy = Copy::with_key();
    check_everything(&copy);
    check_chapters(&copy.vault);
}

fn check_everything(copy: &Copy) {
    check_system(&copy.session());
    check_versions(&copy.kv());
    check_deletions(&copy.kv());
    check_metadata(&copy.kv());
    check_names(&copy.kv());
    check_v1(&copy.session());
}

/// Checks the subjects besides key-value secrets.
fn check_chapters(vault: &Vault) {
    let text = fs::read_to_string(fixtures().join("v1.values.txt")).unwrap();
    let pairs = text.lines().map(|line| line.split_once(' ').unwrap());
    let values: chapters::Values = pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for chapter in chapters::ALL {
        (chapter.check)(vault, &values).unwrap();
    }
}

fn check_system(session: &Session) {
    let sys = session.sys();
    let status = sys.key_status().unwrap();
    assert_eq!((status.term, status.terms), (2, 2));
    let kinds: Vec<_> = sys.slots().unwrap().iter().map(|slot| slot.kind).collect();
    assert_eq!(
        kinds,
        [
            SlotType::Shamir {
                shares: 5,
                threshold: 3
            },
            SlotType::Passphrase,
            SlotType::Key
        ]
    );
    let mounts = sys.mounts().unwrap();
    let told = |index: usize| {
        (
            mounts[index].path.as_str(),
            mounts[index].description.as_str(),
        )
    };
    assert_eq!(
        (told(0), told(1)),
        (("old/", ""), ("secret/", "the fixture"))
    );
    assert_eq!(mounts[1].max_ttl, Some(Duration::from_secs(3_600)));
}

fn value(kv: &Kv, path: &str, version: u64) -> String {
    let secret = kv
        .get_version::<BTreeMap<String, String>>(path, version)
        .unwrap();
    secret.data["value"].clone()
}

fn check_versions(kv: &Kv) {
    let values: Vec<_> = (1..=3)
        .map(|version| value(kv, "app/db", version))
        .collect();
    assert_eq!(values, ["one", "two", "three"]); // the last one under term 2
    let newest = kv.get::<BTreeMap<String, String>>("app/db").unwrap();
    assert_eq!(newest.version, 3);
    assert_eq!(newest.created_time, start().saturating_add(STEP));
    assert_eq!(value(kv, "app", 0), "also a folder");
    assert_eq!(value(kv, "long", 0), LONG.repeat(300));
    let raw = kv.get_json("raw").unwrap();
    assert_eq!(
        raw.data.expose(),
        b"{ \"number\": 1.50, \"list\": [null, true] }"
    );
    assert_eq!(value(kv, UNICODE, 0), UNICODE);
    let together = ["together/a", "together/b"].map(|path| value(kv, path, 1));
    assert_eq!(together, ["a", "b"]);
}

fn check_deletions(kv: &Kv) {
    let gone = |path: &str, version: u64| {
        let read = kv.get_version::<BTreeMap<String, String>>(path, version);
        read.unwrap_err().kind() == ErrorKind::NotFound
    };
    assert!(gone("deleted", 1) && gone("destroyed", 1) && gone("removed", 1));
    assert_eq!(value(kv, "destroyed", 2), "live");
    let destroyed = kv.metadata("destroyed").unwrap().versions;
    assert!(destroyed[0].destroyed && !destroyed[1].destroyed);
    let deleted = kv.metadata("deleted").unwrap().versions[0];
    assert_eq!(deleted.deletion_time, Some(start()));
    assert!(gone("short-lived", 1));
    kv.undelete("deleted", &[1]).unwrap();
    assert_eq!(value(kv, "deleted", 1), "deleted");
}

fn check_metadata(kv: &Kv) {
    let noted = kv.metadata("noted").unwrap();
    let numbers: Vec<_> = noted.versions.iter().map(|info| info.version).collect();
    assert_eq!((noted.max_versions, numbers), (2, vec![2, 3]));
    assert!(noted.cas_required);
    let custom = BTreeMap::from([("team".to_owned(), "payments".to_owned())]);
    assert_eq!(noted.custom_metadata, custom);
    assert_eq!(noted.created_time, start());
    let lifetime = kv.metadata("short-lived").unwrap().delete_version_after;
    assert_eq!(lifetime, Some(Duration::from_secs(60)));
    assert_eq!(kv.config().unwrap().max_versions, 7);
}

fn check_names(kv: &Kv) {
    let mut names = vec![
        "app",
        "app/",
        "deleted",
        "destroyed",
        "long",
        "noted",
        "raw",
        "short-lived",
        "together/",
    ];
    let folder = UNICODE.split_inclusive('/').next().unwrap();
    names.push(folder);
    names.sort_unstable();
    assert_eq!(kv.list("").unwrap(), names);
    assert_eq!(kv.list("app").unwrap(), ["db"]);
}

fn check_v1(session: &Session) {
    let old = session.kv_v1("old").unwrap();
    let read = |path| old.get::<BTreeMap<String, String>>(path).unwrap();
    assert_eq!(read("before")["value"], "term 1");
    assert_eq!(read("after")["value"], "term 2");
    assert_eq!(old.list("").unwrap(), ["after", "before"]);
}

#[test]
fn it_can_be_written_on() {
    let copy = Copy::with_key();
    let data = BTreeMap::from([("value", "four")]);
    copy.kv().put("app/db", &data, Cas::Version(3)).unwrap();
    let sys = copy.session().sys();
    assert_eq!(sys.rotate().unwrap(), 3);
    assert!(sys.rewrap_all(|_| Ok(())).unwrap() > 0);
    assert_eq!(sys.key_status().unwrap().terms, 1);
    let values = [1, 4].map(|version| value(&copy.kv(), "app/db", version));
    assert_eq!(values, ["one", "four"]);
    check_chapters(&copy.vault); // all of it under the new term
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let copy = Copy::new();
    let Copy {
        vault,
        file,
        _folder,
    } = copy;
    drop(vault);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let error = vaultcore::Error::from(Sqlite::open(&file).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("format 2"), "{error}");
}
