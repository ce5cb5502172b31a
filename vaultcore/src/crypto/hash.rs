//! The hash functions of transit, plain and keyed (RFC 2104).

use ring::{digest, hkdf, hmac};
use vaultcore_os::{LockedBox, Wiped};
use zeroize::Zeroizing;

use super::extended;
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

/// A hash function that ring lacks (FIPS 180-4, FIPS 202). It takes the feature `crypto-ext`, whose
/// library has no SHA3-224.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rare {
    Sha224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl Rare {
    /// Returns the name, as in Vault.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sha224 => "sha2-224",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
        }
    }
}

/// A hash function by its name in Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Usual(Hash),
    Rare(Rare),
}

impl Named {
    /// What there is, for errors.
    pub(crate) const ALL: &'static str = "sha2-256, sha2-384 and sha2-512, and with the feature \
        `crypto-ext` sha2-224, sha3-256, sha3-384 and sha3-512";

    pub(crate) fn new(name: &str) -> Option<Self> {
        Some(match name {
            "sha2-256" => Self::Usual(Hash::Sha256),
            "sha2-384" => Self::Usual(Hash::Sha384),
            "sha2-512" => Self::Usual(Hash::Sha512),
            name => {
                let rare = [Rare::Sha224, Rare::Sha3_256, Rare::Sha3_384, Rare::Sha3_512];
                Self::Rare(rare.into_iter().find(|rare| rare.name() == name)?)
            }
        })
    }

    /// Returns the length of what it makes, in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Usual(hash) => hash.length(),
            Self::Rare(Rare::Sha224) => 28,
            Self::Rare(Rare::Sha3_256) => 32,
            Self::Rare(Rare::Sha3_384) => 48,
            Self::Rare(Rare::Sha3_512) => 64,
        }
    }

    /// Returns the hash of `data`.
    ///
    /// # Errors
    /// `Unsupported` for what ring lacks, in a build without `crypto-ext`.
    pub(crate) fn hash(self, data: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Usual(usual) => Ok(hash(usual, data)),
            Self::Rare(rare) => extended::rare_hash(rare, data),
        }
    }

    /// Returns the MAC of `data` under a key that is used once.
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    pub(crate) fn hmac_once(self, key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Usual(hash) => Ok(hmac_once(hash, key, data)),
            Self::Rare(rare) => extended::rare_hmac(rare, key, data),
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

    #[cfg(feature = "crypto-ext")]
    const RARE: [(Rare, &str, [&str; 3]); 4] = [
        (
            Rare::Sha224,
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            [
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
                "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
            ],
        ),
        (
            Rare::Sha3_256,
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
            [
                "ba85192310dffa96e2a3a40e69774351140bb7185e1202cdcc917589f95e16bb",
                "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5",
                "ed73a374b96c005235f948032f09674a58c0ce555cfc1f223b02356560312c3b",
            ],
        ),
        (
            Rare::Sha3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
            [
                "68d2dcf7fd4ddd0a2240c8a437305f61fb7334cfb5d0226e1bc27dc10a2e723a20d370b47743130e26ac7e3d532886bd",
                "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a",
                "0fc19513bf6bd878037016706a0e57bc528139836b9a42c3d419e498e0e1fb9616fd669138d33a1105e07c72b6953bcc",
            ],
        ),
        (
            Rare::Sha3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
            [
                "eb3fbd4b2eaab8f5c504bd3a41465aacec15770a7cabac531e482f860b5ec7ba47ccb2c6f2afce8f88d22b6dc61380f23a668fd3888bb80537c0a0b86407689e",
                "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31d022a95e1fc92ba9d77df883960275beb4e62024",
                "00f751a9e50695b090ed6911a4b65524951cdc15a73a5d58bb55215ea2cd839ac79d2b44a39bafab27e83fde9e11f6340b11d991b1b91bf2eee7fc872426c3a4",
            ],
        ),
    ];

    /// Hashes of "abc": the examples of NIST for FIPS 180-4 and 202. MACs of RFC 4231's cases 1, 2 and 6:
    /// the RFC's for SHA-224, for SHA-3 those of Python's hmac. The last key is longer than a block of
    /// all of them but SHA3-256.
    #[cfg(feature = "crypto-ext")]
    #[test]
    fn rare_hashes_match_the_standards() {
        let cases: [(&[u8], &[u8]); 3] = [
            (&[0x0b; 20], b"Hi There"),
            (b"Jefe", b"what do ya want for nothing?"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
            ),
        ];
        for (rare, hashed, macs) in RARE {
            let named = Named::new(rare.name()).expect("named");
            assert_eq!(named, Named::Rare(rare));
            let made = named.hash(b"abc").expect("hashed");
            assert_eq!(HEXLOWER.encode(&made), hashed);
            assert_eq!(made.len(), named.length());
            for ((key, data), expected) in cases.into_iter().zip(macs) {
                let made = named.hmac_once(key, data).expect("made");
                assert_eq!(HEXLOWER.encode(&made), expected, "{rare:?}");
            }
        }
    }

    #[cfg(not(feature = "crypto-ext"))]
    #[test]
    fn what_ring_lacks_names_the_feature() {
        let named = Named::new("sha3-256").expect("named");
        for error in [named.hash(b""), named.hmac_once(b"", b"")] {
            let error = error.expect_err("lacking");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("crypto-ext"), "{error}");
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
