//! Transit in the scenario: keys of every type are made, used, exported and imported.
//!
//! Keys that are bytes of the random source were told by it. Of the others parts are told, as they
//! are exported and, since aws-lc keeps numbers with their last byte first, the other way round.

use vaultcore::transit::{
    ExportType, HashType, Input, KeyType, NewKey, Padding, SignOptions, Transit, WrapHash,
};
use vaultcore::{NewMount, Result, Vault};
use zeroize::Zeroizing;

use crate::scenario::{LENGTH, TRANSIT_PLAIN, Told, with};

/// Every type that this build has.
fn kinds() -> impl Iterator<Item = KeyType> {
    let there = |kind: &KeyType| match kind {
        KeyType::XChaCha20Poly1305 => cfg!(feature = "xchacha"),
        KeyType::EcdsaP521 | KeyType::MlDsa65 | KeyType::MlKem768 | KeyType::Rsa2048 => {
            cfg!(feature = "crypto-ext")
        }
        // The same in all but their length, and long to make.
        KeyType::Rsa3072 | KeyType::Rsa4096 => false,
        _ => true,
    };
    KeyType::ALL.iter().copied().filter(there)
}

pub(crate) fn use_transit(vault: &Vault, told: &Told) -> Result<()> {
    let session = vault.owner()?;
    session.sys().mount("transit", NewMount::transit())?;
    let transit = session.transit("transit")?;
    for kind in kinds() {
        let name = kind.name();
        transit.create(name, &NewKey::new(kind).exportable(true))?;
        transit.rotate(name)?;
        use_key(&transit, told, kind, name)?;
        leave_and_come(&transit, told, kind, name)?;
    }
    let derived = NewKey::default().derived(true).convergent(true);
    transit.create("derived", &derived)?;
    with(TRANSIT_PLAIN, |plain| {
        let text = transit.encrypt("derived", Input::new(plain).context("a"))?;
        let given = Input::new(&text).context("a");
        transit.decrypt("derived", given).map(drop)
    })?;
    let signing = NewKey::new(KeyType::Ed25519).derived(true);
    transit.create("signing", &signing)?;
    let item = Input::new("m").context("a");
    transit.sign("signing", SignOptions::new(), item).map(drop)
}

/// Uses the key of each type.
pub(crate) fn use_keys(vault: &Vault, told: &Told) -> Result<()> {
    let transit = vault.owner()?.transit("transit")?;
    let mut kinds = kinds();
    kinds.try_for_each(|kind| use_key(&transit, told, kind, kind.name()))
}

fn use_key(transit: &Transit, told: &Told, kind: KeyType, name: &str) -> Result<()> {
    transit.hmac(name, HashType::Sha2_256, b"m")?;
    transit.hmac(name, HashType::Sha2_512, b"m")?;
    let encrypts = kind.name().contains("gcm") || kind.name().contains("poly");
    if encrypts || kind == KeyType::Rsa2048 {
        with(TRANSIT_PLAIN, |plain| {
            let text = transit.encrypt(name, plain)?;
            transit.decrypt(name, &text)?;
            transit.rewrap(name, &text)
        })?;
    }
    if encrypts || matches!(kind, KeyType::Rsa2048 | KeyType::MlKem768) {
        let (key, wrapped) = transit.data_key(name, 256, Input::new(""))?;
        told.tell("transit-data-key", key.expose());
        transit.decrypt(name, &wrapped)?;
        // What fails must not leave more behind.
        assert!(transit.decrypt(name, "vault:v1:AAAA").is_err());
    }
    let hash = match kind {
        KeyType::EcdsaP384 => HashType::Sha2_384,
        _ => HashType::Sha2_256,
    };
    let signs = |options| -> Result<bool> {
        let signature = transit.sign(name, options, b"m")?;
        transit.verify(name, options, b"m", &signature)
    };
    if kind.name().contains("dsa") || matches!(kind, KeyType::Ed25519 | KeyType::Rsa2048) {
        let options = SignOptions::new().hash(hash);
        assert!(signs(options)?);
        if kind == KeyType::Rsa2048 {
            assert!(signs(options.padding(Padding::Pkcs1v15))?);
        }
        if cfg!(feature = "crypto-ext") && kind.name().contains("ecdsa") {
            assert!(signs(options.hash(HashType::Sha2_512))?); // set up and forgotten
        }
    }
    Ok(())
}

/// Exports the key, tells parts of it, and imports it again, wrapped too.
fn leave_and_come(transit: &Transit, told: &Told, kind: KeyType, name: &str) -> Result<()> {
    let what = match kind {
        KeyType::Hmac => ExportType::Hmac,
        KeyType::MlKem768 => ExportType::Encryption,
        kind if kind.name().contains("gcm") || kind.name().contains("poly") => {
            ExportType::Encryption
        }
        _ => ExportType::Signing,
    };
    let exported = transit.export(name, what)?;
    let key = exported.last().unwrap().1.expose();
    let label = format!("transit-{name}");
    let body = key.lines().filter(|line| !line.starts_with("--"));
    let mut text = Zeroizing::new(String::with_capacity(key.len()));
    body.for_each(|line| text.push_str(line));
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let decoded = data_encoding::BASE64
        .decode_len(text.len())
        .ok()
        .and_then(|length| {
            let place = bytes.get_mut(..length)?;
            data_encoding::BASE64
                .decode_mut(text.as_bytes(), place)
                .ok()
        });
    bytes.truncate(decoded.unwrap());
    for at in secret_places(kind, bytes.len()) {
        let part = &bytes[at..at + LENGTH];
        told.tell(&label, part);
        let turned: Zeroizing<Vec<u8>> = Zeroizing::new(part.iter().rev().copied().collect());
        told.tell(&format!("{label}-turned"), &turned);
        // As text, where it stands in the text.
        let start = at.div_ceil(3) * 4;
        if start + LENGTH <= text.len() {
            told.tell(&format!("{label}-text"), &text.as_bytes()[start..]);
        }
    }
    transit.import(&format!("{name}.copy"), &NewKey::new(kind), &bytes)?;
    if cfg!(feature = "crypto-ext") {
        let new = NewKey::new(KeyType::Rsa4096);
        if transit.read("out").is_err() {
            transit.import_public("out", &new, &transit.wrapping_key()?)?;
        }
        let hash = WrapHash::default();
        for (_, wrapped) in transit.export_wrapped("out", name, hash)?.iter().take(1) {
            let copy = format!("{name}.wrapped");
            transit.import_wrapped(&copy, &NewKey::new(kind), wrapped, hash)?;
        }
    }
    Ok(())
}

/// Where in an exported key 24 bytes are secret.
fn secret_places(kind: KeyType, length: usize) -> Vec<usize> {
    match kind {
        // SEQUENCE, version, OCTET STRING: the scalar begins within ten bytes.
        KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => vec![10],
        // The private exponent, both primes, and what else there is, behind modulus and exponent.
        KeyType::Rsa2048 => vec![320, 400, 600, 740, 860, 1_000, 1_130],
        // The seed ends the file.
        KeyType::MlDsa65 => vec![length - LENGTH],
        // The vector s, behind the head, and z, which ends the file.
        KeyType::MlKem768 => vec![100, 600, length - LENGTH],
        _ => Vec::new(),
    }
}
