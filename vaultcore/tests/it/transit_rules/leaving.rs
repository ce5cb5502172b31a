//! Export, backup, import: how keys come and go.

use data_encoding::BASE64;
use vaultcore::transit::{ExportType, HashType, KeyType, KeyUpdate, NewKey, SignOptions};
use vaultcore::{ErrorKind, SecretString};

use super::{Bench, CIPHERS, refused};

#[test]
fn a_key_stays_unless_it_is_exportable_and_that_is_for_good() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    for what in [
        ExportType::Encryption,
        ExportType::Hmac,
        ExportType::Signing,
    ] {
        refused(transit.export("k", what));
    }
    refused(transit.backup("k"));
    let set = |update: KeyUpdate| transit.configure("k", &update).expect("set");
    set(KeyUpdate::new().exportable(true));
    transit
        .export("k", ExportType::Encryption)
        .expect("exported");
    set(KeyUpdate::new()
        .exportable(false)
        .allow_plaintext_backup(false));
    transit
        .export("k", ExportType::Encryption)
        .expect("still exported");
    refused(transit.backup("k"));
    set(KeyUpdate::new().allow_plaintext_backup(true));
    set(KeyUpdate::new().allow_plaintext_backup(false));
    transit.backup("k").expect("backed up");
}

#[test]
fn exports_leave_out_what_the_rules_keep_from_use() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make("k", &NewKey::default().exportable(true));
    for _ in 0..3 {
        transit.rotate("k").expect("rotated");
    }
    let versions = || {
        let keys = transit.export("k", ExportType::Encryption).expect("keys");
        keys.iter().map(|(version, _)| *version).collect::<Vec<_>>()
    };
    assert_eq!(versions(), [1, 2, 3, 4]);
    let update = KeyUpdate::new().min_decryption_version(3);
    transit.configure("k", &update).expect("set");
    assert_eq!(versions(), [3, 4]);
}

#[test]
fn an_exported_key_works_where_it_is_imported() {
    let (bench, there) = (Bench::new(), Bench::new());
    for kind in CIPHERS {
        let name = kind.name();
        bench.make(name, &NewKey::new(kind).exportable(true));
        let text = bench.transit.encrypt(name, b"plain").expect("text");
        let keys = bench
            .transit
            .export(name, ExportType::Encryption)
            .expect("keys");
        let bytes = BASE64
            .decode(keys[0].1.expose().as_bytes())
            .expect("base64");
        there
            .transit
            .import(name, &NewKey::new(kind), &bytes)
            .expect("imported");
        let plain = there.transit.decrypt(name, &text).expect("plain");
        assert_eq!(plain.expose(), b"plain");
        assert!(there.transit.read(name).expect("info").imported);
        refused(there.transit.import(name, &NewKey::new(kind), &bytes));
        refused(
            there
                .transit
                .import("short", &NewKey::new(kind), &bytes[1..]),
        );
        refused(there.transit.rotate(name));
        there
            .transit
            .import_version(name, &vec![7; bytes.len()])
            .expect("one more");
        assert_eq!(there.transit.read(name).expect("info").latest_version, 2);
    }
    bench.create("own", KeyType::Aes256Gcm96);
    refused(bench.transit.import_version("own", &[7; 32]));
    let convergent = NewKey::default().derived(true).convergent(true);
    refused(bench.transit.import("bad", &convergent, &[7; 32]));
    let rotating = NewKey::default().allow_rotation(true);
    bench
        .transit
        .import("turns", &rotating, &[7; 32])
        .expect("imported");
    assert_eq!(bench.transit.rotate("turns").expect("rotated"), 2);
}

#[test]
fn a_public_key_verifies_and_does_not_sign() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for (kind, options) in [
        (KeyType::Ed25519, SignOptions::new()),
        (KeyType::EcdsaP256, SignOptions::new()),
        (
            KeyType::EcdsaP384,
            SignOptions::new().hash(HashType::Sha2_384),
        ),
    ] {
        let name = kind.name();
        bench.create(name, kind);
        let signature = transit.sign(name, options, b"m").expect("signed");
        let keys = transit.export(name, ExportType::Public).expect("public");
        let copy = format!("{name}.public");
        transit
            .import_public(&copy, &NewKey::new(kind), keys[0].1.expose())
            .expect("imported");
        assert!(
            transit
                .verify(&copy, options, b"m", &signature)
                .expect("judged")
        );
        refused(transit.sign(&copy, options, b"m"));
        refused(transit.import_public("bad", &NewKey::new(KeyType::Aes256Gcm96), "x"));
        refused(transit.import_public("bad", &NewKey::new(kind), "bm90IGEga2V5"));
    }
}

/// As OpenBao 2.7.2 answers.
#[test]
fn a_version_without_its_private_key_keeps_no_other_from_leaving() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in [KeyType::Ed25519, KeyType::EcdsaP256] {
        let (name, copy) = (kind.name(), format!("{}.public", kind.name()));
        bench.create(name, kind);
        let public = transit.export(name, ExportType::Public).expect("public");
        let new = NewKey::new(kind).exportable(true).allow_rotation(true);
        let imported = transit.import_public(&copy, &new, public[0].1.expose());
        imported.expect("imported");
        transit.rotate(&copy).expect("rotated");
        for what in [ExportType::Signing, ExportType::Public, ExportType::Hmac] {
            let keys = transit.export(&copy, what).expect("exported");
            let shown = keys.iter().map(|(version, key)| {
                let known = !key.expose().is_empty();
                (*version, known)
            });
            let first = what != ExportType::Signing;
            assert_eq!(shown.collect::<Vec<_>>(), [(1, first), (2, true)]);
        }
        refused(transit.export(&copy, ExportType::Encryption));
    }
}

#[test]
fn a_backup_brings_all_versions_and_rules_back() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make(
        "k",
        &NewKey::default()
            .exportable(true)
            .allow_plaintext_backup(true),
    );
    let old = transit.encrypt("k", b"old").expect("text");
    transit.rotate("k").expect("rotated");
    let new = transit.encrypt("k", b"new").expect("text");
    let backup = transit.backup("k").expect("backup");
    refused(transit.restore("k", &backup));
    transit.restore("copy", &backup).expect("restored");
    for name in ["k", "copy"] {
        assert_eq!(transit.decrypt(name, &old).expect("plain").expose(), b"old");
        assert_eq!(transit.decrypt(name, &new).expect("plain").expose(), b"new");
    }
    transit.rotate("k").expect("rotated");
    transit.restore_over("k", &backup).expect("restored");
    assert_eq!(transit.read("k").expect("info").latest_version, 2);
    let there = Bench::new();
    there.transit.restore("k", &backup).expect("restored");
    assert_eq!(
        there.transit.decrypt("k", &new).expect("plain").expose(),
        b"new"
    );
    let text = backup.expose();
    for bad in ["", "x", &text[..text.len() - 4], &text[4..]] {
        refused(there.transit.restore("bad", &SecretString::copy_from(bad)));
    }
}

#[test]
fn each_type_exports_what_it_has() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let starts = |name: &str, what, text: &str| {
        let keys = transit.export(name, what).expect("keys");
        assert!(keys[0].1.expose().starts_with(text), "{name}");
    };
    for kind in [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::Hmac] {
        bench.make(kind.name(), &NewKey::new(kind).exportable(true));
        transit.export(kind.name(), ExportType::Hmac).expect("key");
        refused(transit.export(kind.name(), ExportType::Encryption));
    }
    starts(
        "ecdsa-p256",
        ExportType::Signing,
        "-----BEGIN EC PRIVATE KEY-----\n",
    );
    starts(
        "ecdsa-p256",
        ExportType::Public,
        "-----BEGIN PUBLIC KEY-----\n",
    );
    let keys = transit
        .export("ed25519", ExportType::Signing)
        .expect("keys");
    let both = BASE64
        .decode(keys[0].1.expose().as_bytes())
        .expect("base64");
    let public = transit.export("ed25519", ExportType::Public).expect("keys");
    let public = BASE64
        .decode(public[0].1.expose().as_bytes())
        .expect("base64");
    assert_eq!((both.len(), &both[32..]), (64, public.as_slice()));
    refused(transit.export("hmac", ExportType::Signing));
    refused(transit.export("hmac", ExportType::Public));
}

#[test]
fn names_are_those_of_vault() {
    let bench = Bench::new();
    for good in ["a", "A_1", "a-b.c", "_"] {
        bench.create(good, KeyType::Hmac);
    }
    for bad in ["", "-a", "a-", ".a", "a/b", "a b", "\u{e9}", "a\n"] {
        refused(bench.transit.create(bad, &NewKey::default()));
    }
    assert_eq!(
        bench.transit.list().expect("names"),
        ["A_1", "_", "a", "a-b.c"]
    );
    let long = bench.transit.create(&"a".repeat(513), &NewKey::default());
    assert_eq!(long.expect_err("too long").kind(), ErrorKind::TooLarge);
}
