//! Key types that take the feature `crypto-ext`.

use data_encoding::BASE64;
use vaultcore::ErrorKind;
use vaultcore::transit::{
    ExportType, HashType, Input, KeyType, KeyUpdate, NewKey, Padding, SaltLength, SignOptions,
};

use super::{Bench, refused};

#[test]
fn rsa_keys_are_made_and_encrypt_what_fits() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for (kind, most) in [
        (KeyType::Rsa2048, 190),
        (KeyType::Rsa3072, 318),
        (KeyType::Rsa4096, 446),
    ] {
        let name = kind.name();
        bench.create(name, kind);
        for length in [0, 1, most] {
            let plain = vec![7; length];
            let text = transit.encrypt(name, &plain).expect("text");
            assert_ne!(text, transit.encrypt(name, &plain).expect("text"));
            let again = transit.decrypt(name, &text).expect("plain");
            assert_eq!(again.expose(), plain);
        }
        let long = transit.encrypt(name, &vec![7; most + 1]);
        assert_eq!(long.expect_err("long").kind(), ErrorKind::TooLarge);
        let signature = transit
            .sign(name, SignOptions::new(), b"m")
            .expect("signed");
        let verified = transit.verify(name, SignOptions::new(), b"m", &signature);
        assert!(verified.expect("judged"));
    }
}

/// Of keys that encrypt under a public key: whatever is wrong is one error.
#[test]
fn whatever_is_wrong_with_a_ciphertext_is_one_error() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in [KeyType::Rsa2048, KeyType::MlKem768] {
        let name = kind.name();
        bench.create(name, kind);
        bench.create("other", kind);
        let with = || Input::new("").associated_data("row 42");
        let (key, text) = transit.data_key(name, 256, with()).expect("data key");
        let decrypt = |name: &str, text: &str, aad: &str| {
            transit.decrypt(name, Input::new(text).associated_data(aad))
        };
        let plain = decrypt(name, &text, "row 42").expect("plain");
        assert_eq!(plain.expose(), key.expose());
        let body = BASE64.decode(&text.as_bytes()[9..]).expect("base64");
        let changed = |at: usize| {
            let mut bytes = body.clone();
            bytes[at] ^= 1;
            format!("vault:v1:{}", BASE64.encode(&bytes))
        };
        let cut = |length: usize| format!("vault:v1:{}", BASE64.encode(&body[..length]));
        let mut errors: Vec<String> = [0, 1, body.len() / 2, body.len() - 1]
            .into_iter()
            .flat_map(|at| [changed(at), cut(at)])
            .map(|text| refused(decrypt(name, &text, "row 42")))
            .collect();
        errors.push(refused(decrypt(name, &text, "row 43")));
        errors.push(refused(decrypt(name, &text, "")));
        errors.push(refused(decrypt("other", &text, "row 42")));
        errors.push(refused(decrypt(
            name,
            &text.replace(":v1:", ":v2:"),
            "row 42",
        )));
        errors.dedup();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let update = KeyUpdate::new().deletion_allowed(true);
        transit.configure("other", &update).expect("set");
        transit.delete("other").expect("deleted");
    }
}

#[test]
fn an_ml_kem_key_encapsulates_data_keys_and_nothing_else() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::MlKem768);
    refused(transit.encrypt("k", b"x"));
    refused(transit.sign("k", SignOptions::new(), b"x"));
    refused(transit.create("d", &NewKey::new(KeyType::MlKem768).derived(true)));
    for (bits, length) in [(128, 16), (256, 32), (512, 64)] {
        let (key, wrapped) = transit.data_key("k", bits, Input::new("")).expect("key");
        assert_eq!(key.expose().len(), length);
        let plain = transit.decrypt("k", &wrapped).expect("plain");
        assert_eq!(plain.expose(), key.expose());
    }
    let old = transit
        .wrapped_data_key("k", 256, Input::new(""))
        .expect("key");
    let key = transit.decrypt("k", &old).expect("plain").expose().to_vec();
    assert_eq!(transit.rotate("k").expect("rotated"), 2);
    let new = transit.rewrap("k", &old).expect("rewrapped");
    assert!(new.starts_with("vault:v2:"));
    for text in [&old, &new] {
        assert_eq!(transit.decrypt("k", text).expect("plain").expose(), key);
    }
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    let file = vec![7; 100_000];
    transit
        .encrypt_stream("k", Input::new(""), &*file, &mut sealed)
        .expect("sealed");
    transit
        .decrypt_stream("k", Input::new(""), &*sealed, &mut plain)
        .expect("opened");
    assert_eq!(plain, file);
    let mac = transit.hmac("k", HashType::Sha2_256, b"m").expect("mac");
    assert!(
        transit
            .verify_hmac("k", HashType::Sha2_256, b"m", &mac)
            .expect("judged")
    );
}

#[test]
fn keys_come_and_go_in_every_format() {
    let (bench, there) = (Bench::new(), Bench::new());
    for (kind, what) in [
        (KeyType::EcdsaP521, ExportType::Signing),
        (KeyType::Rsa2048, ExportType::Signing),
        (KeyType::Rsa2048, ExportType::Encryption),
        (KeyType::MlDsa65, ExportType::Signing),
        (KeyType::MlKem768, ExportType::Encryption),
    ] {
        let name = &format!("{}-{}", kind.name(), what.name());
        bench.make(name, &NewKey::new(kind).exportable(true));
        let export = |what| bench.transit.export(name, what).expect("keys").remove(0).1;
        let private = export(what);
        let take = |name: &str, bytes: &[u8]| there.transit.import(name, &NewKey::new(kind), bytes);
        take(name, private.expose().as_bytes()).expect("imported");
        let public = |bench: &Bench| {
            let info = bench.transit.read(name).expect("info");
            info.versions[0].public_key.clone().expect("public key")
        };
        assert_eq!(public(&bench), public(&there));
        assert_eq!(public(&bench), export(ExportType::Public).expose());
        let copy = &format!("{name}.public");
        let given = there
            .transit
            .import_public(copy, &NewKey::new(kind), &public(&bench));
        given.expect("imported");
        if what == ExportType::Signing {
            let options = SignOptions::new().hash(HashType::Sha2_512);
            let signature = bench.transit.sign(name, options, b"m").expect("signed");
            for name in [name, copy] {
                let verified = there.transit.verify(name, options, b"m", &signature);
                assert!(verified.expect("judged"));
            }
            refused(there.transit.sign(copy, options, b"m"));
        } else {
            let (key, text) = there
                .transit
                .data_key(copy, 256, Input::new(""))
                .expect("key");
            for bench in [&bench, &there] {
                let plain = bench.transit.decrypt(name, &text).expect("plain");
                assert_eq!(plain.expose(), key.expose());
            }
            refused(there.transit.decrypt(copy, &text));
        }
        for other in [
            KeyType::EcdsaP521,
            KeyType::Rsa3072,
            KeyType::MlDsa65,
            KeyType::MlKem768,
        ] {
            if other != kind {
                let bytes = private.expose().as_bytes();
                refused(there.transit.import("bad", &NewKey::new(other), bytes));
                let new = NewKey::new(other);
                refused(there.transit.import_public("bad", &new, &public(&bench)));
            }
        }
    }
}

#[test]
fn backups_hold_the_new_types() {
    let (bench, there) = (Bench::new(), Bench::new());
    for kind in [
        KeyType::EcdsaP521,
        KeyType::Rsa2048,
        KeyType::MlDsa65,
        KeyType::MlKem768,
    ] {
        let name = kind.name();
        let new = NewKey::new(kind)
            .exportable(true)
            .allow_plaintext_backup(true);
        bench.make(name, &new);
        let backup = bench.transit.backup(name).expect("backup");
        there.transit.restore(name, &backup).expect("restored");
        let shown = |bench: &Bench| bench.transit.read(name).expect("info").versions;
        assert_eq!(shown(&bench), shown(&there));
    }
}

/// What the caller hashed is the same signature's, under every type that hashes.
#[test]
fn a_hash_is_signed_as_its_message() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in [
        KeyType::Ed25519,
        KeyType::EcdsaP256,
        KeyType::EcdsaP384,
        KeyType::EcdsaP521,
        KeyType::Rsa2048,
        KeyType::MlDsa65,
    ] {
        let name = kind.name();
        bench.create(name, kind);
        for hash in [HashType::Sha2_256, HashType::Sha2_384, HashType::Sha2_512] {
            let digest = transit.hash(hash, b"message").expect("hash");
            let whole = SignOptions::new().hash(hash);
            let hashed = whole.prehashed(true);
            let signature = transit.sign(name, hashed, &digest).expect("signed");
            // Ed25519 and ML-DSA sign the hash as any other message.
            let itself = matches!(kind, KeyType::Ed25519 | KeyType::MlDsa65);
            let of_message = transit.verify(name, whole, b"message", &signature);
            assert_eq!(of_message.expect("judged"), !itself, "{name}");
            let of_hash = transit.verify(name, whole, &digest, &signature);
            assert_eq!(of_hash.expect("judged"), itself, "{name}");
            assert!(
                transit
                    .verify(name, hashed, &digest, &signature)
                    .expect("judged")
            );
            if !itself {
                refused(transit.sign(name, hashed, &digest[1..]));
            }
        }
    }
}

#[test]
fn a_salt_that_is_to_be_as_long_as_the_hash_is() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Rsa2048);
    let auto = SignOptions::new().padding(Padding::Pss);
    let exact = auto.salt_length(SaltLength::Hash);
    for signs in [auto, exact] {
        let signature = transit.sign("k", signs, b"m").expect("signed");
        for verifies in [auto, exact] {
            assert!(
                transit
                    .verify("k", verifies, b"m", &signature)
                    .expect("judged")
            );
        }
    }
}

/// By OpenBao 2.7.2: signatures of "abc", by keys over P-256 and P-521.
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1b45OuvkNfJk+4AcSWwGkETuWgFC
Cs2M33IBl/bfXpYtuaQYgSRw5vV9rUQHJ42NPCpiHSWkV5pYIBYphA7FSw==
-----END PUBLIC KEY-----
";
const P521: &str = "-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQA4jgvpM9RO9fGZPANmn70KYykkAhF
S0M4ZJWUfFyWQ4M3avDZZFvVXQ1C/7Rz0Bklp2Hm8Uls4vhQMN4XVAqmG8oBHth4
dmcSLU09HjQNdgZx02iatTK5s8ivsKc6hVv5/aHbb+ADEuY4boh41fQv3sfNC+vh
Dz9Gtod49k/i0otsJfk=
-----END PUBLIC KEY-----
";
const SIGNED: [(HashType, &str, &str); 4] = [
    (
        HashType::Sha2_224,
        "vault:v1:MEQCIBgNXN+aJecyWpQ8d/3DcKGiu1xuynIjkxsW5f/plt6mAiB9AqvNZMFGWj+7GXI+tLd+noRLiqE4/6Y2fjiWzPXHqw==",
        "vault:v1:MIGIAkIBAD+fiKs+jlNeLhGvqirRVDTsQSQ/of8qtCY19Ifrajlaw9I8s5ak7CQwutJn/K1i6iQS7ktFbT9NrRhley1Sna8CQgFbp3a/VzkMNGEkJgNmk0kJ37JE2D873+2RvhFEQgJ88h8PgkXP1XA7DI/5+eJnESQY6EbKM0DIrl/CadOokaTppg==",
    ),
    (
        HashType::Sha3_256,
        "vault:v1:MEQCIBKp20pDsQiYgSN27fGd8vLPXHvvxMaNmyy2SHIO357TAiAI07zecoCNMLqaE6+U2ft1HP9JbESiHTFnOYmWdMeztg==",
        "vault:v1:MIGIAkIAiqWKPA0Z7I8115mn8vhsFJo0Wy6O8cGytBtUi4u3sLZ9yKcDbslwHaep0dmbe5sreNhdZExorthtrU4ovvOX4PMCQgDQhZ7p6+xRkqvhwSr0wfzbZk2MR+Z/TkD/QPT6tNTbhyVPxy3RIxtdIC33jQv5bAhPa0an0ESSsJYQnzrvsVazug==",
    ),
    (
        HashType::Sha3_384,
        "vault:v1:MEUCIAqpLbojllwNV8v4MWaBcFD8ISfAzl3UQZTq1Dc5V56TAiEAxnaoCrAXHIU/3XBr+Nu4dzuq0VwWhs04Rt4q76D8JXk=",
        "vault:v1:MIGIAkIBf09NOx3uAcbh8vPRJaqsh098EcrY0IFxIu4TSh7bB0ffCp1yJHgilRqvinJfnv6MDHAvtDhmh/wZQA3pr+3MIEkCQgHC0w53tMoFZ3FH8A4OVsgNe9NrpehupqybzOOiYYxlTOH6c2AKCmG+7m9hThXeRWlBxtuAJaH8DCyge2k6pSdd7Q==",
    ),
    (
        HashType::Sha3_512,
        "vault:v1:MEUCIA0ld9+LH1+rkht+yWpmHTy+rkYEpjnUDgYJna89tu50AiEA+r0EGc4OCsqlloSEsTvCfkl+cYcAKr2C0QIqLN6TOx8=",
        "vault:v1:MIGIAkIBG7AoGRshNxw5TMfoQvwPp2ghr7tCfvWk23OQSykaXJbmw8u7tNjI+MR1cf0c2I31f9HcdQS5QlrO6+BTlTBFDeUCQgHz7Qii8f0wFQc6ef/zjgDKpqY3Rk6My9qUASoQW8eUChEjGHogDoP/GUIAXY2KxAdcLWzklpZ8D6l4oQ3eAF7qDw==",
    ),
];

#[test]
fn ecdsa_signs_with_the_hash_functions_that_openbao_has() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for (kind, public) in [(KeyType::EcdsaP256, P256), (KeyType::EcdsaP521, P521)] {
        let (name, own) = (kind.name(), format!("{}.own", kind.name()));
        let imported = transit.import_public(name, &NewKey::new(kind), public);
        imported.expect("imported");
        bench.create(&own, kind);
        for (hash, short, long) in SIGNED {
            let signature = if kind == KeyType::EcdsaP256 {
                short
            } else {
                long
            };
            let options = SignOptions::new().hash(hash);
            let valid = |key: &str, options, data: &[u8], text: &str| {
                transit.verify(key, options, data, text).expect("judged")
            };
            assert!(valid(name, options, b"abc", signature), "{hash:?}");
            assert!(!valid(name, options, b"abd", signature), "{hash:?}");
            let hashed = transit.hash(hash, b"abc").expect("hashed");
            let prehashed = options.prehashed(true);
            assert!(valid(name, prehashed, &hashed, signature), "{hash:?}");
            let other = SignOptions::new().hash(HashType::Sha2_384);
            assert!(!valid(name, other, b"abc", signature), "{hash:?}");
            let made = transit.sign(&own, options, b"abc").expect("signed");
            assert!(valid(&own, prehashed, &hashed, &made));
            let made = transit.sign(&own, prehashed, &hashed).expect("signed");
            assert!(valid(&own, options, b"abc", &made));
        }
    }
}

#[test]
fn rsa_signs_with_no_hash_function_that_its_library_lacks() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("r", KeyType::Rsa2048);
    let signature = transit.sign("r", SignOptions::new(), b"x").expect("signed");
    for hash in [HashType::Sha2_224, HashType::Sha3_256] {
        for prehashed in [false, true] {
            let options = SignOptions::new().hash(hash).prehashed(prehashed);
            for error in [
                transit.sign("r", options, b"x").expect_err("lacking"),
                transit
                    .verify("r", options, b"x", &signature)
                    .expect_err("lacking"),
            ] {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
            }
        }
        // It has MACs of every function, as every key.
        let mac = transit.hmac("r", hash, b"x").expect("made");
        assert!(transit.verify_hmac("r", hash, b"x", &mac).expect("judged"));
    }
}
