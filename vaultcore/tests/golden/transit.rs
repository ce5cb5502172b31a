//! A vault whose one subject is transit: a key of each type and of each rule, and what they made.
//!
//! It is a fixture of its own, so that the bytes of the older one stay as they are. A build that lacks
//! a feature opens it too, and says of what takes that feature which one it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use vaultcore::transit::{
    ExportType, HashType, Input, KeyType, KeyUpdate, NewKey, Padding, SignOptions, Transit,
    WrapHash,
};
use vaultcore::{Error, ErrorKind, NewMount, Result, SecretString, Vault};

use super::make::LONG;
use super::{Copy, fixtures, hash};

/// What the maker was told and the reader needs, by names.
type Values = BTreeMap<String, String>;

/// The fixture and its stream, so that nobody replaces them unnoticed.
const SHA256: [(&str, &str); 2] = [
    (
        "v1-transit.db",
        "6e7a66374426f3845d2faf94fc6ced09dbe9299309409bc5ff7cb4a836165db4",
    ),
    (
        "v1-transit.stream",
        "3e06aa38bb5c16ed5b8d2a958424277f4d831e8e83dcd8f3abcb87c4beacf2ac",
    ),
];

const TEXT: &str = "4111 1111";
const HOUR: Duration = Duration::from_secs(3_600);

fn with(text: &str) -> Input<'_> {
    Input::new(text).associated_data("row 42")
}

fn of_context(text: &str) -> Input<'_> {
    with(text).context("tenant 7")
}

fn encrypts(kind: KeyType) -> bool {
    let name = kind.name();
    name.contains("gcm") || name.contains("poly1305") || is_rsa(kind)
}

fn is_rsa(kind: KeyType) -> bool {
    kind.name().starts_with("rsa-")
}

fn signs(kind: KeyType) -> bool {
    let starts = |start| kind.name().starts_with(start);
    is_rsa(kind) || starts("ecdsa-") || starts("ml-dsa-") || kind == KeyType::Ed25519
}

fn pkcs() -> SignOptions {
    SignOptions::new().padding(Padding::Pkcs1v15)
}

fn public_ed25519(transit: &Transit) -> Result<String> {
    let mut exported = transit.export("ed25519", ExportType::Public)?;
    Ok(exported.remove(0).1.expose().to_owned())
}

/// Writes the vault, and into `folder` what stands beside it.
pub(crate) fn write(vault: &Vault, folder: &Path) -> Result<()> {
    let owner = vault.owner()?;
    owner.sys().mount("transit", NewMount::transit())?;
    let transit = owner.transit("transit")?;
    let mut values = Values::new();
    for kind in KeyType::ALL {
        write_kind(&transit, *kind, &mut values)?;
    }
    write_derived(&transit, &mut values)?;
    write_ruled(&transit, &mut values)?;
    write_elsewhere(&transit, &mut values)?;
    transit.upsert(false)?;
    let mut stream = Vec::new();
    let plain = LONG.repeat(4_000);
    transit.encrypt_stream("aes256-gcm96", with(""), plain.as_bytes(), &mut stream)?;
    fs::write(folder.join("v1-transit.stream"), stream).unwrap();
    let lines = values
        .iter()
        .map(|(name, value)| format!("{name} {value}\n"));
    fs::write(
        folder.join("v1-transit.values.txt"),
        lines.collect::<String>(),
    )
    .unwrap();
    Ok(())
}

/// A key of the type, and what its first version made; the second one is the newest.
fn write_kind(transit: &Transit, kind: KeyType, values: &mut Values) -> Result<()> {
    let name = kind.name();
    let mut keep = |what: &str, value| values.insert(format!("{name}.{what}"), value);
    let new = NewKey::new(kind);
    let new = match kind {
        KeyType::Hmac => new.key_size(48),
        _ => new,
    };
    transit.create(name, &new)?;
    keep("mac", transit.hmac(name, HashType::default(), TEXT)?);
    if encrypts(kind) {
        keep("text", transit.encrypt(name, with(TEXT))?);
    }
    if signs(kind) {
        keep("signature", transit.sign(name, SignOptions::new(), TEXT)?);
    }
    if is_rsa(kind) {
        keep("pkcs", transit.sign(name, pkcs(), TEXT)?);
    }
    if kind == KeyType::MlKem768 {
        let (plain, wrapped) = transit.data_key(name, 256, with(""))?;
        keep("plain", HEXLOWER.encode(plain.expose()));
        keep("wrapped", wrapped);
    }
    transit.rotate(name).map(drop)
}

fn write_derived(transit: &Transit, values: &mut Values) -> Result<()> {
    let mut keep = |what: &str, value| values.insert(what.to_owned(), value);
    let derived = NewKey::default().derived(true);
    transit.create("derived", &derived)?;
    keep("derived", transit.encrypt("derived", of_context(TEXT))?);
    transit.create("convergent", &derived.convergent(true))?;
    keep(
        "convergent",
        transit.encrypt("convergent", of_context(TEXT))?,
    );
    let signer = NewKey::new(KeyType::Ed25519).derived(true);
    transit.create("derived-signer", &signer)?;
    let signature = transit.sign("derived-signer", SignOptions::new(), of_context(TEXT))?;
    keep("derived-signature", signature);
    Ok(())
}

/// Keys whose rules are not the usual ones.
fn write_ruled(transit: &Transit, values: &mut Values) -> Result<()> {
    let mut keep = |what: &str, value| values.insert(what.to_owned(), value);
    transit.create("gone", &NewKey::default())?;
    keep("gone", transit.encrypt("gone", with(TEXT))?);
    transit.soft_delete("gone")?;
    let open = NewKey::default()
        .exportable(true)
        .allow_plaintext_backup(true);
    transit.create("leaving", &open)?;
    keep("leaving", transit.encrypt("leaving", with(TEXT))?);
    let exported = transit.export("leaving", ExportType::Encryption)?;
    keep("exported", exported[0].1.expose().to_owned());
    keep("backup", transit.backup("leaving")?.expose().to_owned());
    transit.create("bounded", &NewKey::default())?;
    keep("bounded-1", transit.encrypt("bounded", with(TEXT))?);
    (0..3).try_for_each(|_| transit.rotate("bounded").map(drop))?;
    keep(
        "bounded-3",
        transit.encrypt("bounded", with(TEXT).version(3))?,
    );
    let update = KeyUpdate::new().min_decryption_version(3);
    transit.configure("bounded", &update.min_encryption_version(3))?;
    transit.trim("bounded", 2)?;
    transit
        .create("turning", &NewKey::default().auto_rotate(HOUR))
        .map(drop)
}

/// Keys that were made elsewhere, and the one that they are wrapped for.
fn write_elsewhere(transit: &Transit, values: &mut Values) -> Result<()> {
    let mut keep = |what: &str, value| values.insert(what.to_owned(), value);
    let new = NewKey::new(KeyType::Ed25519);
    transit.import_public("public", &new, &public_ed25519(transit)?)?;
    transit.import(
        "imported",
        &NewKey::default().allow_rotation(true),
        &[7; 32],
    )?;
    keep("imported", transit.encrypt("imported", with(TEXT))?);
    let pem = transit.wrapping_key()?;
    keep("wrapping-key", pem.replace('\n', "|"));
    transit.import_public("wrapper", &NewKey::new(KeyType::Rsa4096), &pem)?;
    let wrapped = transit.export_wrapped("wrapper", "leaving", WrapHash::default())?;
    keep("wrapped", wrapped[0].1.clone());
    Ok(())
}

/// Returns the feature that a key of the type takes, if this build lacks it.
fn lacking(kind: KeyType) -> Option<&'static str> {
    match kind {
        KeyType::XChaCha20Poly1305 if !cfg!(feature = "xchacha") => Some("xchacha"),
        KeyType::EcdsaP521 | KeyType::MlDsa65 | KeyType::MlKem768 => extended(),
        _ => None,
    }
}

fn extended() -> Option<&'static str> {
    (!cfg!(feature = "crypto-ext")).then_some("crypto-ext")
}

/// Returns what was done, which is refused by name if a feature is lacking for it.
fn told<T>(lacking: Option<&str>, done: Result<T>) -> Result<Option<T>> {
    let Some(feature) = lacking else {
        return done.map(Some);
    };
    let error = done.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains(feature), "{error}");
    Ok(None)
}

fn refused<T>(done: Result<T>) -> Error {
    let error = done.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    error
}

fn decrypts(transit: &Transit, key: &str, input: Input<'_>) -> Result<()> {
    assert_eq!(
        transit.decrypt(key, input)?.expose(),
        TEXT.as_bytes(),
        "{key}"
    );
    Ok(())
}

/// Returns the fixture, opened a day after it was made, and its values.
fn opened() -> (Copy, Transit, Values) {
    let copy = Copy::of("v1-transit.db");
    copy.unseal_by_key();
    let text = fs::read_to_string(fixtures().join("v1-transit.values.txt")).unwrap();
    let pairs = text.lines().map(|line| line.split_once(' ').unwrap());
    let values = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let transit = copy.session().transit("transit").unwrap();
    (copy, transit, values.collect())
}

#[test]
fn the_fixture_is_the_one_that_was_released() {
    for (name, wanted) in SHA256 {
        assert_eq!(hash(&fixtures().join(name)), wanted, "{name}");
    }
}

#[test]
fn a_key_of_each_type_works_or_names_the_feature_that_it_takes() {
    let (_copy, transit, values) = opened();
    for kind in KeyType::ALL {
        check_kind(&transit, *kind, &values).unwrap();
    }
}

fn check_kind(transit: &Transit, kind: KeyType, values: &Values) -> Result<()> {
    let (name, usual) = (kind.name(), SignOptions::new());
    let made = |what: &str| values[&format!("{name}.{what}")].as_str();
    let lacking = lacking(kind);
    let info = transit.read(name)?;
    assert_eq!((info.kind, info.latest_version), (kind, 2));
    // A MAC is made by a key of its own, whatever the type.
    assert!(transit.verify_hmac(name, HashType::default(), TEXT, made("mac"))?);
    if encrypts(kind) {
        let lacking = lacking.or(extended().filter(|_| is_rsa(kind)));
        let plain = transit.decrypt(name, with(made("text")));
        let plain = told(lacking, plain)?;
        assert!(plain.is_none_or(|plain| plain.expose() == TEXT.as_bytes()));
        let again = told(lacking, transit.rewrap(name, with(made("text"))))?;
        assert!(again.is_none_or(|again| again.starts_with("vault:v2:")));
    }
    if signs(kind) {
        for (text, right) in [(TEXT, true), ("4111 1112", false)] {
            let valid = transit.verify(name, usual, text, made("signature"));
            assert_eq!(told(lacking, valid)?.unwrap_or(right), right, "{name}");
        }
        // P-384 signs hashes of another length than its own with the feature only.
        let lacking = lacking.or(extended().filter(|_| kind == KeyType::EcdsaP384));
        told(lacking, transit.sign(name, usual, TEXT))?;
    }
    if is_rsa(kind) {
        assert!(transit.verify(name, pkcs(), TEXT, made("pkcs"))?);
    }
    if kind == KeyType::MlKem768 {
        let plain = told(lacking, transit.decrypt(name, with(made("wrapped"))))?;
        assert!(plain.is_none_or(|plain| HEXLOWER.encode(plain.expose()) == made("plain")));
    }
    Ok(())
}

#[test]
fn keys_of_contexts_are_derived_as_they_were() {
    let (_copy, transit, values) = opened();
    for key in ["derived", "convergent"] {
        decrypts(&transit, key, of_context(&values[key])).unwrap();
        refused(transit.decrypt(key, with(&values[key]).context("tenant 8")));
    }
    let again = transit.encrypt("convergent", of_context(TEXT)).unwrap();
    assert_eq!(again, values["convergent"]);
    let signature = &values["derived-signature"];
    let (key, usual) = ("derived-signer", SignOptions::new());
    let valid = |input| transit.verify(key, usual, input, signature).unwrap();
    assert!(valid(of_context(TEXT)));
    assert!(!valid(with(TEXT).context("tenant 8")));
}

#[test]
fn rules_hold_as_they_did() {
    let (copy, transit, values) = opened();
    assert!(transit.read("gone").unwrap().soft_deleted);
    refused(transit.decrypt("gone", with(&values["gone"])));
    transit.soft_restore("gone").unwrap();
    decrypts(&transit, "gone", with(&values["gone"])).unwrap();
    let info = transit.read("bounded").unwrap();
    let bounds = [
        info.min_available_version,
        info.min_decryption_version,
        info.min_encryption_version,
        info.latest_version,
    ];
    assert_eq!(bounds, [2, 3, 3, 4]);
    refused(transit.decrypt("bounded", with(&values["bounded-1"])));
    decrypts(&transit, "bounded", with(&values["bounded-3"])).unwrap();
    assert!(
        transit.encrypt("missing", TEXT).is_err(),
        "made in spite of the rule"
    );
    assert_eq!(transit.read("turning").unwrap().latest_version, 1);
    copy.vault.tick().unwrap(); // a day later
    let info = transit.read("turning").unwrap();
    assert_eq!((info.auto_rotate_period, info.latest_version), (HOUR, 2));
}

#[test]
fn what_may_leave_leaves_and_comes_back() {
    let (_copy, transit, values) = opened();
    let exported = transit.export("leaving", ExportType::Encryption).unwrap();
    assert_eq!(exported[0].1.expose(), values["exported"]);
    refused(transit.export("aes256-gcm96", ExportType::Encryption));
    let backup = SecretString::copy_from(&values["backup"]);
    refused(transit.restore("leaving", &backup));
    transit.restore("back", &backup).unwrap();
    for key in ["leaving", "back"] {
        decrypts(&transit, key, with(&values["leaving"])).unwrap();
    }
}

#[test]
fn what_was_made_elsewhere_is_told_and_works() {
    let (_copy, transit, values) = opened();
    let (usual, signature) = (SignOptions::new(), &values["ed25519.signature"]);
    assert!(transit.read("public").unwrap().imported);
    assert!(transit.verify("public", usual, TEXT, signature).unwrap());
    refused(transit.sign("public", usual, TEXT));
    decrypts(&transit, "imported", with(&values["imported"])).unwrap();
    assert_eq!(transit.rotate("imported").unwrap(), 2);
    let pem = transit.wrapping_key().unwrap(); // it takes a feature to be made, and to be used
    assert_eq!(pem.replace('\n', "|"), values["wrapping-key"]);
    let hash = WrapHash::default();
    let done = transit.import_wrapped("there", &NewKey::default(), &values["wrapped"], hash);
    if told(extended(), done).unwrap().is_some() {
        decrypts(&transit, "there", with(&values["leaving"])).unwrap();
    }
}

#[test]
fn a_stream_is_read_whole_or_not_at_all() {
    let (_copy, transit, _) = opened();
    let stream = fs::read(fixtures().join("v1-transit.stream")).unwrap();
    let read = |stream: &[u8]| {
        let mut plain = Vec::new();
        let done = transit.decrypt_stream("aes256-gcm96", with(""), stream, &mut plain);
        done.map(|_| plain)
    };
    assert!(stream.len() > 65_536, "of two segments");
    assert_eq!(read(&stream).unwrap(), LONG.repeat(4_000).as_bytes());
    refused(read(&stream[..stream.len() - 1]));
}
