//! HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869).

use ring::{hkdf, hmac};
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
        let tag = hmac::sign(&self.0, bytes);
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
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
    let tag = context.sign();
    let mut out = Zeroizing::new([0; 32]);
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

/// Derives the key named `label` from `key`: HKDF without salt.
pub(crate) fn derive(key: &[u8; 32], label: &str) -> RawKey {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
    let prk = Wiped::new(salt.extract(key));
    let mut out = Zeroizing::new([0; 32]);
    // 32 bytes are always within HKDF's limit of 255 blocks.
    let info = [label.as_bytes()];
    let filled = prk
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *out));
    debug_assert!(filled.is_ok());
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

    #[test]
    fn labels_give_different_keys() {
        assert_ne!(*derive(&[1; 32], "name-mac"), *derive(&[1; 32], "name-enc"));
        assert_ne!(*derive(&[1; 32], "name-mac"), *derive(&[2; 32], "name-mac"));
    }
}
