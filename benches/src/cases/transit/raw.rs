//! What no vault can do faster: a nonce, the encryption, base64, and nothing around them.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

const NONCE: usize = 12;
const TAG: usize = 16;
const PREFIX: &str = "vault:v3:";

pub(super) fn key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes"))
}

/// Encryption with a nonce of this process's own generator, and base64 by vector instructions.
pub(super) struct Floor(LessSafeKey);

impl Floor {
    pub(super) fn new() -> Self {
        Self(key())
    }

    pub(super) fn encrypt(&self, plain: &[u8]) -> String {
        let mut nonce = [0; NONCE];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut nonce);
        let bytes = seal(&self.0, nonce, plain);
        let length = base64_simd::STANDARD.encoded_length(bytes.len());
        let mut text = String::with_capacity(PREFIX.len() + length);
        text.push_str(PREFIX);
        base64_simd::STANDARD.encode_append(&bytes, &mut text);
        text
    }

    pub(super) fn decrypt(&self, text: &str) -> Vec<u8> {
        let body = text.strip_prefix(PREFIX).expect("a ciphertext");
        let bytes = base64_simd::STANDARD.decode_to_vec(body).expect("base64");
        open(&self.0, bytes)
    }
}

/// The same as it is written at first: the system is asked for each nonce.
pub(super) struct Naive {
    key: LessSafeKey,
    system: SystemRandom,
}

impl Naive {
    pub(super) fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "what is compared here is the cost of asking the system"
        )]
        let system = SystemRandom::new();
        Self { key: key(), system }
    }

    pub(super) fn encrypt(&self, plain: &[u8]) -> String {
        use base64::Engine;
        let mut nonce = [0; NONCE];
        self.system.fill(&mut nonce).expect("random bytes");
        let bytes = seal(&self.key, nonce, plain);
        let body = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("{PREFIX}{body}")
    }
}

fn seal(key: &LessSafeKey, nonce: [u8; NONCE], plain: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(NONCE + plain.len() + TAG);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes[NONCE..]);
    bytes.extend_from_slice(tag.expect("encrypts").as_ref());
    bytes
}

fn open(key: &LessSafeKey, mut bytes: Vec<u8>) -> Vec<u8> {
    let nonce = Nonce::try_assume_unique_for_key(&bytes[..NONCE]).expect("12 bytes");
    let plain = key.open_within(nonce, Aad::empty(), &mut bytes, NONCE..);
    let length = plain.expect("authenticates").len();
    bytes.truncate(length);
    bytes
}
