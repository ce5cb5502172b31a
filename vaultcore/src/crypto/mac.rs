//! HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869).

use ring::hmac;
use vaultcore_os::{LockedBox, Wiped};
use zeroize::Zeroizing;

use super::RawKey;

/// A key for HMAC-SHA256 and what is derived with it.
#[derive(Debug)]
pub(crate) struct MacKey(LockedBox<hmac::Key>);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LockedBox::new_with(|| {
            hmac::Key::new(hmac::HMAC_SHA256, key)
        }))
    }

    /// Returns the MAC of the framed `fields`.
    pub(crate) fn sign(&self, fields: &[&[u8]]) -> RawKey {
        mac(&self.0, fields)
    }

    /// Returns the MAC of `bytes` as they are, for formats that others define.
    pub(crate) fn sign_plain(&self, bytes: &[u8]) -> [u8; 32] {
        *plain(&self.0, &[bytes])
    }
}

/// Returns the MAC of the framed `fields` under a key that is used once.
pub(crate) fn sign_once(key: &[u8], fields: &[&[u8]]) -> RawKey {
    let key = Wiped::new(hmac::Key::new(hmac::HMAC_SHA256, key));
    mac(&key, fields)
}

fn mac(key: &hmac::Key, fields: &[&[u8]]) -> RawKey {
    let mut context = hmac::Context::with_key(key);
    for field in fields {
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        context.update(&length.to_be_bytes());
        context.update(field);
    }
    copied(&context.sign())
}

/// Derives the key named `label` from `key`: HKDF without salt (RFC 5869), of one block. It is written
/// by HMAC, which cannot fail: no failure can leave zeros where a key belongs.
pub(crate) fn derive(key: &[u8; 32], label: &str) -> RawKey {
    let salt = hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]);
    let prk = plain(&salt, &[key]);
    let prk = Wiped::new(hmac::Key::new(hmac::HMAC_SHA256, &*prk));
    plain(&prk, &[label.as_bytes(), &[1]])
}

/// Returns the MAC of `parts`, one behind the other.
fn plain(key: &hmac::Key, parts: &[&[u8]]) -> RawKey {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    copied(&context.sign())
}

fn copied(tag: &hmac::Tag) -> RawKey {
    let mut out = Zeroizing::new([0; 32]);
    // As long as the MAC of SHA-256, which all keys here are of.
    out.copy_from_slice(tag.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// RFC 4231 case 2, through the unframed primitive.
    #[test]
    fn hmac_matches_the_rfc() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(
            HEXLOWER.encode(tag.as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// python3 -c "import hmac; print(hmac.digest(bytes([1]*32), b'abc', 'sha256').hex())"
    #[test]
    fn plain_bytes_are_not_framed() {
        let tag = MacKey::new(&[1; 32]).sign_plain(b"abc");
        assert_eq!(
            HEXLOWER.encode(&tag),
            "73860612aa6aadf68985b6e9c4233357cedd5f24a221eba740b2aa8350276cfc"
        );
    }

    #[test]
    fn fields_are_framed() {
        let key = MacKey::new(&[1; 32]);
        assert_ne!(*key.sign(&[b"ab", b"c"]), *key.sign(&[b"a", b"bc"]));
        assert_eq!(*key.sign(&[b"ab"]), *sign_once(&[1; 32], &[b"ab"]));
    }

    /// Of ring's HKDF, which may fail, it is the first block.
    #[test]
    fn derived_keys_are_those_of_hkdf() {
        use ring::hkdf::{HKDF_SHA256, Salt};
        for label in ["", "hedge", "name-mac", &"long ".repeat(50)] {
            for key in [[0; 32], [7; 32], [0xff; 32]] {
                let info = [label.as_bytes()];
                let prk = Salt::new(HKDF_SHA256, &[]).extract(&key);
                let mut expected = [0; 32];
                let filled = prk
                    .expand(&info, HKDF_SHA256)
                    .and_then(|okm| okm.fill(&mut expected));
                filled.expect("filled");
                assert_eq!(*derive(&key, label), expected);
            }
        }
    }

    #[test]
    fn labels_give_different_keys() {
        assert_ne!(*derive(&[1; 32], "name-mac"), *derive(&[1; 32], "name-enc"));
        assert_ne!(*derive(&[1; 32], "name-mac"), *derive(&[2; 32], "name-mac"));
    }
}
