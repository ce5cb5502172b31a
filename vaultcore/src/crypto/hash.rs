//! The hash functions of transit, plain and keyed (RFC 2104).

use ring::{digest, hkdf, hmac};
use vaultcore_os::{LockedBox, Wiped};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The most that HKDF-SHA256 makes of one key: 255 blocks.
const MAX_DERIVED: usize = 8_160;

/// A hash function of the SHA-2 family (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn of_digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Returns the length of what it makes, in bytes.
    pub(crate) fn length(self) -> usize {
        self.of_digest().output_len()
    }

    fn of_hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// The hash function inside RSA-OAEP (RFC 8017), for the label and for the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oaep {
    /// Collisions of SHA-1 do not help anybody here; some HSMs have no other.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Returns the hash of `data`.
pub(crate) fn hash(hash: Hash, data: &[u8]) -> Vec<u8> {
    digest::digest(hash.of_digest(), data).as_ref().to_vec()
}

/// A key for HMAC that stays, in locked memory.
#[derive(Debug)]
pub(crate) struct HmacKey(LockedBox<hmac::Key>);

impl HmacKey {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        Self(LockedBox::new_with(|| hmac::Key::new(hash.of_hmac(), key)))
    }

    /// Returns the MAC of `data`.
    pub(crate) fn sign(&self, data: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, data).as_ref().to_vec()
    }

    /// Returns the first bytes of the MAC of the framed `fields`.
    pub(crate) fn nonce(&self, fields: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.0);
        for field in fields {
            let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
            context.update(&length.to_be_bytes());
            context.update(field);
        }
        let mut out = Zeroizing::new([0; 32]);
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }
}

/// Returns the MAC of `data` under a key that is used once.
pub(crate) fn hmac_once(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = Wiped::new(hmac::Key::new(hash.of_hmac(), key));
    hmac::sign(&key, data).as_ref().to_vec()
}

/// A length for HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Derives `length` bytes from `key` and `info`: HKDF-SHA256 (RFC 5869) without a salt.
///
/// # Errors
/// `InvalidArgument` for more than 8,160 bytes, and `Unavailable` if ring fails: there is no key then,
/// rather than one of zeros.
pub(crate) fn hkdf(key: &[u8], info: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>> {
    if length > MAX_DERIVED {
        return Err(Error::invalid("at most 8,160 bytes are derived at once"));
    }
    let mut out = Zeroizing::new(vec![0; length]);
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
    let prk = Wiped::new(salt.extract(key));
    let info = [info];
    prk.expand(&info, Length(length))
        .and_then(|okm| okm.fill(&mut out))
        .map_err(|_| Error::new(ErrorKind::Unavailable, "no key could be derived"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 4231, cases 1 to 4, 6 and 7.
    #[allow(clippy::type_complexity)] // a table
    #[test]
    fn hmac_matches_the_rfc() {
        let long = [0xaa; 131];
        let counted: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str, &str, &str); 5] = [
            (
                &[0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
            ),
            (
                &counted,
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            ),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ];
        for (key, data, short, middle, long) in cases {
            let kinds = [
                (Hash::Sha256, short),
                (Hash::Sha384, middle),
                (Hash::Sha512, long),
            ];
            for (kind, expected) in kinds {
                assert_eq!(HEXLOWER.encode(&hmac_once(kind, key, data)), expected);
                let kept = HmacKey::new(kind, key).sign(data);
                assert_eq!(HEXLOWER.encode(&kept), expected);
            }
        }
    }

    /// RFC 5869, case 3, which has neither salt nor info.
    #[test]
    fn hkdf_matches_the_rfc() {
        let out = hkdf(&[0x0b; 22], b"", 42).expect("derived");
        assert_eq!(
            HEXLOWER.encode(&out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        );
    }

    #[test]
    fn what_hkdf_cannot_derive_is_no_key() {
        assert_eq!(hkdf(&[1; 32], b"", MAX_DERIVED).expect("most").len(), 8_160);
        let error = hkdf(&[1; 32], b"", MAX_DERIVED + 1).expect_err("too much");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn fields_are_framed() {
        let key = HmacKey::new(Hash::Sha256, &[1; 32]);
        assert_ne!(*key.nonce(&[b"ab", b"c"]), *key.nonce(&[b"a", b"bc"]));
    }
}
