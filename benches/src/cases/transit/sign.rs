//! Goal 5: MACs and signatures.

use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use ring::{hmac, pkcs8};
use vaultcore::transit::{HashType, KeyType, NewKey, SignOptions};

use super::crypt::Texts;
use super::{Keys, Setting};
use crate::Result;
use crate::harness::{Side, race};
use crate::report::{Goal, Row};

/// A key for tests, which guards nothing.
const RSA: &str = include_str!("../../../../fuzz/corpus/transit_import/rsa_pkcs1");
const LENGTH: usize = 32;

pub(super) fn run(setting: &Setting, keys: &Keys) -> Result<Vec<Row>> {
    let mut rows = vec![mac(setting, keys)?];
    for kind in [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::Rsa2048] {
        rows.push(sign(setting, keys, kind)?);
    }
    Ok(rows)
}

fn mac(setting: &Setting, keys: &Keys) -> Result<Row> {
    keys.owner.create("mac", &NewKey::new(KeyType::Hmac))?;
    let mut texts = Texts::new(LENGTH);
    let ours = Side::new(|| {
        let mac = keys.holder.hmac("mac", HashType::Sha2_256, texts.next());
        std::hint::black_box(mac.expect("a MAC"));
    });
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let mut others = Texts::new(LENGTH);
    let raw = Side::new(|| {
        std::hint::black_box(hmac::sign(&key, others.next()));
    });
    let found = race(setting.extent, &mut [ours, raw]);
    Ok(
        Row::new(5, "transit-hmac", "HMAC of 32 B, a token with 200 rules")
            .speed(&found, 0, (1, "ring, the bare MAC"))
            .goal(Goal::AtLeast(0.6)),
    )
}

/// Something that signs, by ring alone.
enum Bare {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair, SystemRandom),
    Rsa(RsaKeyPair, SystemRandom),
}

impl Bare {
    fn new(kind: KeyType) -> Result<Self> {
        #[allow(
            clippy::disallowed_methods,
            reason = "the raw side has no clock or dice of a vault"
        )]
        let system = SystemRandom::new();
        let wrong = |_| "ring takes no such key";
        let refused = |_| "ring makes no key";
        Ok(match kind {
            KeyType::EcdsaP256 => {
                let scheme = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
                let document: pkcs8::Document =
                    EcdsaKeyPair::generate_pkcs8(scheme, &system).map_err(refused)?;
                let pair = EcdsaKeyPair::from_pkcs8(scheme, document.as_ref(), &system);
                Self::Ecdsa(pair.map_err(wrong)?, system)
            }
            KeyType::Rsa2048 => Self::Rsa(RsaKeyPair::from_der(&rsa()?).map_err(wrong)?, system),
            _ => Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).map_err(wrong)?),
        })
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(data).as_ref().to_vec(),
            Self::Ecdsa(pair, system) => {
                let signature = pair.sign(system, data).expect("a signature");
                signature.as_ref().to_vec()
            }
            Self::Rsa(pair, system) => {
                let mut bytes = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(&signature::RSA_PSS_SHA256, system, data, &mut bytes);
                signed.expect("a signature");
                bytes
            }
        }
    }
}

/// Returns the DER inside the PEM.
fn rsa() -> Result<Vec<u8>> {
    use base64::Engine;
    let body: String = RSA.lines().filter(|line| !line.starts_with("--")).collect();
    Ok(base64::engine::general_purpose::STANDARD.decode(body)?)
}

fn sign(setting: &Setting, keys: &Keys, kind: KeyType) -> Result<Row> {
    let name = kind.name();
    match kind {
        KeyType::Rsa2048 => keys
            .owner
            .import(name, &NewKey::new(kind), RSA.as_bytes())?,
        _ => drop(keys.owner.create(name, &NewKey::new(kind))?),
    }
    let mut texts = Texts::new(LENGTH);
    let ours = Side::new(|| {
        let signature = keys.holder.sign(name, SignOptions::new(), texts.next());
        std::hint::black_box(signature.expect("a signature"));
    });
    let bare = Bare::new(kind)?;
    let mut others = Texts::new(LENGTH);
    let raw = Side::new(|| drop(std::hint::black_box(bare.sign(others.next()))));
    let found = race(setting.extent, &mut [ours, raw]);
    let what = format!("sign 32 B by {name}, a token with 200 rules");
    Ok(Row::new(5, &format!("transit-sign-{name}"), &what)
        .speed(&found, 0, (1, "ring"))
        .goal(Goal::AtLeast(0.95)))
}
