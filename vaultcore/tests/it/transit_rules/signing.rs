//! Signatures, MACs, hashes, random bytes.

use data_encoding::{BASE64, HEXLOWER};
use vaultcore::ErrorKind;
use vaultcore::transit::{
    HashType, Input, KeyType, KeyUpdate, Marshaling, NewKey, Padding, SignOptions,
};

use super::{Bench, refused};

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let options = SignOptions::new;
    for (kind, options) in [
        (KeyType::Ed25519, options()),
        (KeyType::Ed25519, options().marshaling(Marshaling::Jws)),
        (KeyType::EcdsaP256, options()),
        (KeyType::EcdsaP256, options().marshaling(Marshaling::Jws)),
        (KeyType::EcdsaP384, options().hash(HashType::Sha2_384)),
        #[cfg(feature = "crypto-ext")]
        (KeyType::EcdsaP521, options().hash(HashType::Sha2_512)),
        #[cfg(feature = "crypto-ext")]
        (KeyType::EcdsaP521, options().marshaling(Marshaling::Jws)),
        #[cfg(feature = "crypto-ext")]
        (KeyType::MlDsa65, options()),
        #[cfg(feature = "crypto-ext")]
        (KeyType::MlDsa65, options().marshaling(Marshaling::Jws)),
        (
            KeyType::EcdsaP384,
            options()
                .hash(HashType::Sha2_384)
                .marshaling(Marshaling::Jws),
        ),
    ] {
        let name = kind.name();
        bench.create(name, kind);
        bench.create("other", kind);
        let signature = transit.sign(name, options, b"message").expect("signed");
        let holds = |key: &str, message: &str, signature: &str| {
            transit
                .verify(key, options, message, signature)
                .expect("judged")
        };
        assert!(holds(name, "message", &signature));
        assert!(!holds(name, "massage", &signature));
        assert!(!holds("other", "message", &signature));
        for bad in ["", "vault:v1:", "vault:v1:AAAA", "vault:v2:AAAA", "x"] {
            assert!(!holds(name, "message", bad));
        }
        let moved = signature.replacen("vault:v1:", "vault:v2:", 1);
        assert!(!holds(name, "message", &moved));
        transit.rotate(name).expect("rotated");
        assert!(!holds(name, "message", &moved));
        assert!(holds(name, "message", &signature));
        let update = KeyUpdate::new().min_decryption_version(2);
        transit.configure(name, &update).expect("set");
        assert!(!holds(name, "message", &signature));
        transit
            .configure("other", &KeyUpdate::new().deletion_allowed(true))
            .expect("set");
        transit.delete("other").expect("deleted");
        transit
            .configure(name, &KeyUpdate::new().deletion_allowed(true))
            .expect("set");
        transit.delete(name).expect("deleted");
    }
}

#[test]
fn a_web_signature_has_both_numbers_side_by_side() {
    let bench = Bench::new();
    bench.create("k", KeyType::EcdsaP256);
    let options = SignOptions::new().marshaling(Marshaling::Jws);
    for _ in 0..40 {
        let text = bench.transit.sign("k", options, b"x").expect("signed");
        let body = text.strip_prefix("vault:v1:").expect("version 1");
        let bytes = data_encoding::BASE64URL_NOPAD.decode(body.as_bytes());
        assert_eq!(bytes.expect("base64").len(), 64);
    }
}

#[test]
fn each_context_of_a_derived_key_signs_by_itself() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make("k", &NewKey::new(KeyType::Ed25519).derived(true));
    let given = |context: &'static str| Input::new("m").context(context);
    let options = SignOptions::new();
    let signature = transit.sign("k", options, given("a")).expect("signed");
    assert!(
        transit
            .verify("k", options, given("a"), &signature)
            .expect("judged")
    );
    assert!(
        !transit
            .verify("k", options, given("b"), &signature)
            .expect("judged")
    );
    refused(transit.sign("k", options, b"m"));
    let public = |context: &[u8]| {
        let info = transit.read_derived("k", context).expect("info");
        info.versions[0].public_key.clone().expect("shown")
    };
    assert_ne!(public(b"a"), public(b"b"));
    assert_eq!(
        transit.read("k").expect("info").versions[0].public_key,
        None
    );
}

#[test]
fn what_this_build_lacks_is_named() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let lacking: &[(KeyType, &str)] = &[
        #[cfg(not(feature = "crypto-ext"))]
        (KeyType::EcdsaP521, "crypto-ext"),
        #[cfg(not(feature = "crypto-ext"))]
        (KeyType::Rsa2048, "crypto-ext"),
        #[cfg(not(feature = "crypto-ext"))]
        (KeyType::MlDsa65, "crypto-ext"),
        #[cfg(not(feature = "crypto-ext"))]
        (KeyType::MlKem768, "crypto-ext"),
        #[cfg(not(feature = "xchacha"))]
        (KeyType::XChaCha20Poly1305, "xchacha"),
    ];
    for &(kind, feature) in lacking {
        let error = transit
            .create("k", &NewKey::new(kind))
            .expect_err("lacking");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(feature), "{error}");
    }
    #[cfg(not(feature = "crypto-ext"))]
    {
        let error = transit.wrapping_key().expect_err("lacking");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("crypto-ext"), "{error}");
    }
    bench.create("p", KeyType::EcdsaP384);
    for options in [
        SignOptions::new(),
        SignOptions::new().hash(HashType::Sha2_384).prehashed(true),
    ] {
        let signed = transit.sign("p", options, [7; 48].as_slice());
        match cfg!(feature = "crypto-ext") {
            true => drop(signed.expect("signed")),
            false => {
                let error = signed.expect_err("lacking");
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().contains("crypto-ext"), "{error}");
            }
        }
    }
}

/// A key of 2,048 bits that OpenSSL made for this test.
#[test]
fn an_imported_rsa_key_signs() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let text = include_str!("rsa2048.pem");
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let der = BASE64.decode(body.as_bytes()).expect("base64");
    transit
        .import("k", &NewKey::new(KeyType::Rsa2048), &der)
        .expect("imported");
    for padding in [Padding::Pss, Padding::Pkcs1v15] {
        for hash in [HashType::Sha2_256, HashType::Sha2_384, HashType::Sha2_512] {
            let options = SignOptions::new().hash(hash).padding(padding);
            let signature = transit.sign("k", options, b"m").expect("signed");
            assert!(
                transit
                    .verify("k", options, b"m", &signature)
                    .expect("judged")
            );
            assert!(
                !transit
                    .verify("k", options, b"n", &signature)
                    .expect("judged")
            );
            let other = match padding {
                Padding::Pss => options.padding(Padding::Pkcs1v15),
                _ => options.padding(Padding::Pss),
            };
            assert!(
                !transit
                    .verify("k", other, b"m", &signature)
                    .expect("judged")
            );
        }
    }
    match cfg!(feature = "crypto-ext") {
        true => drop(transit.encrypt("k", b"x").expect("encrypted")),
        false => {
            let error = transit.encrypt("k", b"x").expect_err("lacking");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }
    refused(transit.import("l", &NewKey::new(KeyType::Rsa3072), &der));
    refused(transit.import("l", &NewKey::new(KeyType::Rsa2048), &der[..der.len() - 1]));
    refused(transit.rotate("k"));
}

#[test]
fn every_type_makes_macs_and_each_version_its_own() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in [KeyType::Aes256Gcm96, KeyType::Ed25519, KeyType::Hmac] {
        let name = kind.name();
        bench.create(name, kind);
        for hash in [HashType::Sha2_256, HashType::Sha2_384, HashType::Sha2_512] {
            let mac = transit.hmac(name, hash, b"m").expect("mac");
            assert_eq!(mac, transit.hmac(name, hash, b"m").expect("mac"));
            let holds = |hash, message: &str, mac: &str| {
                transit
                    .verify_hmac(name, hash, message, mac)
                    .expect("judged")
            };
            assert!(holds(hash, "m", &mac));
            assert!(!holds(hash, "n", &mac));
            for bad in ["", "vault:v1:", "vault:v1:AAAA", &mac[..mac.len() - 4]] {
                assert!(!holds(hash, "m", bad));
            }
        }
        let old = transit.hmac(name, HashType::Sha2_256, b"m").expect("mac");
        transit.rotate(name).expect("rotated");
        let new = transit.hmac(name, HashType::Sha2_256, b"m").expect("mac");
        assert_ne!(old[9..], new[9..]);
        assert!(
            transit
                .verify_hmac(name, HashType::Sha2_256, b"m", &old)
                .expect("judged")
        );
    }
}

/// RFC 4231, case 2, under an imported key. It is shorter than keys may be, so it is filled up with
/// the zeros that HMAC adds itself.
#[test]
fn a_mac_matches_the_rfc() {
    let bench = Bench::new();
    let mut key = b"Jefe".to_vec();
    key.resize(32, 0);
    bench
        .transit
        .import("k", &NewKey::new(KeyType::Hmac), &key)
        .expect("imported");
    let message = b"what do ya want for nothing?";
    let mac = bench
        .transit
        .hmac("k", HashType::Sha2_256, message)
        .expect("mac");
    let bytes = BASE64
        .decode(&mac.as_bytes()["vault:v1:".len()..])
        .expect("base64");
    assert_eq!(
        HEXLOWER.encode(&bytes),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn hashes_and_random_bytes_take_no_key() {
    let bench = Bench::new();
    let sum = bench
        .transit
        .hash(HashType::Sha2_256, b"abc")
        .expect("hash");
    assert_eq!(
        HEXLOWER.encode(&sum),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let draw = || bench.transit.random(32).expect("random").expose().to_vec();
    assert_ne!(draw(), draw());
    refused(bench.transit.random(0));
    refused(bench.transit.random(131_073));
}
