//! Named keys that texts and streams of any bytes are given to, and what they made themselves.

use vaultcore::storage::Memory;
use vaultcore::transit::{HashType, KeyType, NewKey, SignOptions, Transit};
use vaultcore::{NewMount, NewSlot, Vault};

/// A key of each type that encrypts, and a derived one.
pub const CIPHERS: [(&str, KeyType); 4] = [
    ("aes128", KeyType::Aes128Gcm96),
    ("aes256", KeyType::Aes256Gcm96),
    ("chacha", KeyType::ChaCha20Poly1305),
    ("derived", KeyType::Aes256Gcm96),
];

/// A key of each type that signs.
pub const SIGNERS: [(&str, KeyType); 3] = [
    ("ed25519", KeyType::Ed25519),
    ("p256", KeyType::EcdsaP256),
    ("p384", KeyType::EcdsaP384),
];

/// Returns how keys of a type sign: ring hashes for each curve in one way.
pub fn options(kind: KeyType) -> SignOptions {
    match kind {
        KeyType::EcdsaP384 => SignOptions::new().hash(HashType::Sha2_384),
        _ => SignOptions::new(),
    }
}

/// Makes the keys in a vault of their own; each has two versions.
///
/// # Panics
/// On bugs only.
#[must_use]
pub fn make() -> Transit {
    let vault = Vault::builder(Memory::new()).build().expect("builds");
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    vault.unseal(&init.shares()[0]).expect("unseals");
    let owner = vault.owner().expect("owner");
    let sys = owner.sys();
    sys.mount("transit", NewMount::transit()).expect("mounts");
    let transit = owner.transit("transit").expect("path");
    for (name, kind) in CIPHERS.into_iter().chain(SIGNERS) {
        let new = NewKey::new(kind).derived(name == "derived");
        transit.create(name, &new).expect("makes");
        transit.rotate(name).expect("rotates");
    }
    transit
}

/// Puts bytes into a text that a key made, where the first of them says, in place of as many as the
/// second one says. Without two the text is left out.
#[must_use]
pub fn spliced(made: &[u8], bytes: &[u8]) -> Vec<u8> {
    let [at, cut, rest @ ..] = bytes else {
        return bytes.to_vec();
    };
    let at = usize::from(*at) % (made.len() + 1);
    let end = (at + usize::from(*cut)).min(made.len());
    [&made[..at], rest, &made[end..]].concat()
}

/// Returns the text of a ciphertext with the number of its version as the keys write it: others may
/// write zeros before it, and 0 for 1, as in Vault.
#[must_use]
pub fn plainly(text: &str) -> Option<String> {
    let (version, body) = text.strip_prefix("vault:v")?.split_once(':')?;
    let version = version.trim_start_matches('0');
    let version = if version.is_empty() { "1" } else { version };
    Some(format!("vault:v{version}:{body}"))
}
