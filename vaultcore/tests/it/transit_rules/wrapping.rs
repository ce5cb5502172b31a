//! Keys that come and go wrapped.

use data_encoding::BASE64;
use vaultcore::transit::{ExportType, HashType, Input, KeyType, NewKey, SignOptions, WrapHash};
use vaultcore::{ErrorKind, NewMount, SecretString};

use super::{Bench, refused};

/// Two mounts, the second of which may be given keys by the first.
fn pair() -> (Bench, vaultcore::transit::Transit) {
    let bench = Bench::new();
    let owner = bench.world.owner();
    owner
        .sys()
        .mount("there", NewMount::transit())
        .expect("mounted");
    let there = owner.transit("there").expect("path");
    let public = there.wrapping_key().expect("made");
    let new = NewKey::new(KeyType::Rsa4096);
    let given = bench.transit.import_public("there", &new, &public);
    given.expect("imported");
    (bench, there)
}

#[test]
fn a_wrapped_key_works_where_it_arrives() {
    let (bench, there) = pair();
    let transit = &bench.transit;
    let hashes = [
        WrapHash::Sha1,
        WrapHash::Sha256,
        WrapHash::Sha384,
        WrapHash::Sha512,
    ];
    for (number, &kind) in KeyType::ALL.iter().enumerate() {
        // The longer RSA keys go the same way, and take long to make.
        let lacking = cfg!(not(feature = "xchacha")) && kind == KeyType::XChaCha20Poly1305;
        if lacking || matches!(kind, KeyType::Rsa3072 | KeyType::Rsa4096) {
            continue;
        }
        let (name, hash) = (kind.name(), hashes[number % hashes.len()]);
        bench.make(name, &NewKey::new(kind).exportable(true));
        transit.rotate(name).expect("rotated");
        let wrapped = transit
            .export_wrapped("there", name, hash)
            .expect("wrapped");
        assert_eq!(wrapped.len(), 2);
        let new = NewKey::new(kind).exportable(true);
        let first = there.import_wrapped(name, &new, &wrapped[0].1, hash);
        first.expect("imported");
        let second = there.import_wrapped_version(name, &wrapped[1].1, hash);
        second.expect("imported");
        let what = match kind {
            KeyType::Hmac => ExportType::Hmac,
            KeyType::MlKem768 => ExportType::Encryption,
            kind if kind.name().contains("poly") || kind.name().contains("gcm") => {
                ExportType::Encryption
            }
            _ => ExportType::Signing,
        };
        let shown = |keys: Vec<(u32, SecretString)>| -> Vec<String> {
            keys.iter()
                .map(|(_, key)| key.expose().to_owned())
                .collect()
        };
        let here = shown(transit.export(name, what).expect("keys"));
        assert_eq!(
            here,
            shown(there.export(name, what).expect("keys")),
            "{name}"
        );
    }
}

#[test]
fn whatever_does_not_unwrap_is_one_error() {
    let (bench, there) = pair();
    let transit = &bench.transit;
    bench.make("k", &NewKey::default().exportable(true));
    let hash = WrapHash::Sha256;
    let wrapped = transit.export_wrapped("there", "k", hash).expect("wrapped");
    let wrapped = &wrapped[0].1;
    let bytes = BASE64.decode(wrapped.as_bytes()).expect("base64");
    let take = |text: &str, hash| {
        let new = NewKey::default();
        refused(there.import_wrapped("k", &new, text, hash))
    };
    let mut errors = Vec::new();
    for at in [0, 511, 512, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        errors.push(take(&BASE64.encode(&changed), hash));
        errors.push(take(&BASE64.encode(&bytes[..at]), hash));
    }
    for other in [WrapHash::Sha1, WrapHash::Sha384, WrapHash::Sha512] {
        errors.push(take(wrapped, other));
    }
    errors.push(take("", hash));
    errors.push(take("*", hash));
    // Another mount has another wrapping key, and one that was never asked for has none.
    transit.wrapping_key().expect("made");
    let new = NewKey::default();
    errors.push(refused(transit.import_wrapped("l", &new, wrapped, hash)));
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let other = NewKey::new(KeyType::Aes128Gcm96);
    refused(there.import_wrapped("k", &other, wrapped, hash));
    there
        .import_wrapped("k", &new, wrapped, hash)
        .expect("imported");
}

#[test]
fn only_what_may_leave_leaves_and_only_under_rsa() {
    let (bench, _) = pair();
    let transit = &bench.transit;
    let hash = WrapHash::default();
    bench.create("stays", KeyType::Aes256Gcm96);
    bench.make("goes", &NewKey::default().exportable(true));
    refused(transit.export_wrapped("there", "stays", hash));
    refused(transit.export_wrapped("stays", "goes", hash));
    let none = transit.export_wrapped("none", "goes", hash);
    assert_eq!(none.expect_err("none").kind(), ErrorKind::NotFound);
    let none = transit.export_wrapped("there", "none", hash);
    assert_eq!(none.expect_err("none").kind(), ErrorKind::NotFound);
    // What is public is not wrapped.
    refused(transit.export_wrapped("there", "there", hash));
}

/// As OpenBao 2.7.2 answers.
#[test]
fn a_version_without_its_private_key_is_not_wrapped() {
    let (bench, _) = pair();
    let transit = &bench.transit;
    let hash = WrapHash::default();
    bench.create("k", KeyType::Ed25519);
    let public = transit.export("k", ExportType::Public).expect("public");
    let new = NewKey::new(KeyType::Ed25519)
        .exportable(true)
        .allow_rotation(true);
    let imported = transit.import_public("copy", &new, public[0].1.expose());
    imported.expect("imported");
    let none = transit.export_wrapped("there", "copy", hash);
    assert!(none.expect("wrapped").is_empty());
    transit.rotate("copy").expect("rotated");
    let wrapped = transit.export_wrapped("there", "copy", hash);
    let wrapped = wrapped.expect("wrapped");
    assert_eq!(
        wrapped
            .iter()
            .map(|(version, _)| *version)
            .collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn the_wrapping_key_stays_and_is_no_key_of_its_own() {
    let (bench, there) = pair();
    let first = there.wrapping_key().expect("there");
    assert_eq!(there.wrapping_key().expect("there"), first);
    assert_eq!(there.list().expect("names"), [""; 0]);
    let sys = bench.world.owner().sys();
    sys.unmount("there").expect("unmounted");
    sys.mount("there", NewMount::transit()).expect("mounted");
    assert_ne!(there.wrapping_key().expect("another"), first);
}

#[test]
fn a_public_key_gets_its_private_one_later() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in [KeyType::EcdsaP256, KeyType::EcdsaP521, KeyType::MlDsa65] {
        let (name, copy) = (kind.name(), format!("{}.copy", kind.name()));
        bench.make(name, &NewKey::new(kind).exportable(true));
        transit.rotate(name).expect("rotated");
        let export = |what| {
            let keys = transit.export(name, what).expect("keys");
            [0, 1].map(|index| keys[index].1.expose().to_owned())
        };
        let (private, public) = (export(ExportType::Signing), export(ExportType::Public));
        let new = NewKey::new(kind);
        transit
            .import_public(&copy, &new, &public[0])
            .expect("imported");
        let complete =
            |version, key: &String| transit.import_private(&copy, version, key.as_bytes());
        refused(complete(1, &private[1]));
        refused(complete(2, &private[0]));
        // A private key that fits the newest version goes there, any other is one more version.
        transit
            .import_version(&copy, private[0].as_bytes())
            .expect("completed");
        assert_eq!(transit.read(&copy).expect("info").latest_version, 1);
        refused(complete(1, &private[0]));
        transit
            .import_version(&copy, private[1].as_bytes())
            .expect("one more");
        assert_eq!(transit.read(&copy).expect("info").latest_version, 2);
        let options = SignOptions::new().hash(HashType::Sha2_512);
        let item = Input::new("m").version(1);
        let signature = transit.sign(&copy, options, item).expect("signed");
        assert!(
            transit
                .verify(name, options, b"m", &signature)
                .expect("judged")
        );
    }
}
