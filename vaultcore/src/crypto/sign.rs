//! Signatures: Ed25519 (RFC 8032), ECDSA (FIPS 186-5) and RSA (RFC 8017).

use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use vaultcore_os::{LockedBox, Wiped};
use zeroize::Zeroizing;

use super::der::{self, Reader, oid};
use super::hash::Hash;
use super::rng::{Random, system};
use crate::error::{Error, ErrorKind, Result};

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    /// The length of the modulus in bits.
    Rsa(u16),
}

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Ed25519, which hashes by itself.
    Pure,
    Ecdsa(Hash),
    Pkcs1(Hash),
    /// With a salt as long as the hash.
    Pss(Hash),
}

/// A key pair as it is stored: the seed, the scalar, or PKCS#1; and the point or PKCS#1.
pub(crate) struct Pair {
    pub(crate) private: Zeroizing<Vec<u8>>,
    pub(crate) public: Vec<u8>,
}

/// A private key that is ready to sign.
pub(crate) enum Signer {
    Ed25519(LockedBox<Ed25519KeyPair>),
    Ecdsa(Algorithm, LockedBox<EcdsaKeyPair>),
    /// ring keeps its numbers in heap memory of its own, which nobody can wipe.
    Rsa(Box<RsaKeyPair>),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Algorithm {
    /// Makes a key pair.
    ///
    /// # Errors
    /// `Unsupported` for RSA keys, which ring does not make.
    pub(crate) fn generate(self, source: &dyn Random) -> Result<Pair> {
        match self {
            Self::Ed25519 => {
                let mut seed = Zeroizing::new(vec![0; 32]);
                source.fill(&mut seed)?;
                Self::Ed25519.pair_of_private(seed)
            }
            Self::EcdsaP256 | Self::EcdsaP384 => vaultcore_os::scrubbed(|| {
                let (curve, _) = self.curve()?;
                let document = EcdsaKeyPair::generate_pkcs8(curve, &system());
                let document = Wiped::new(document.map_err(|_| failed())?);
                self.pair_of_pkcs8(document.as_ref())
            }),
            Self::Rsa(_) => Err(needs_extension("making RSA keys")),
        }
    }

    /// Takes over a private key without its public one: the seed of Ed25519, or PKCS#1.
    pub(crate) fn pair_of_private(self, private: Zeroizing<Vec<u8>>) -> Result<Pair> {
        let public = match self {
            Self::Ed25519 => {
                let pair =
                    Wiped::new(Ed25519KeyPair::from_seed_unchecked(&private).map_err(wrong)?);
                pair.public_key().as_ref().to_vec()
            }
            Self::Rsa(bits) => {
                let pair = RsaKeyPair::from_der(&private).map_err(wrong)?;
                if pair.public().modulus_len() != usize::from(bits) / 8 {
                    return Err(Error::invalid("the RSA key has not the length of its type"));
                }
                pair.public().as_ref().to_vec()
            }
            Self::EcdsaP256 | Self::EcdsaP384 => return Err(failed()),
        };
        Ok(Pair { private, public })
    }

    /// Reads a private key in PKCS#8 (RFC 5958), checking that its parts fit together.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else, and for a key of another type.
    pub(crate) fn pair_of_pkcs8(self, der: &[u8]) -> Result<Pair> {
        let unreadable = || Error::invalid("the private key is not PKCS#8 of its type");
        let key = self.private_part(der).ok_or_else(unreadable)?;
        match self {
            Self::Ed25519 => {
                let seed = Reader::new(key).read(der::OCTET_STRING);
                let seed = seed
                    .filter(|seed| seed.len() == 32)
                    .ok_or_else(unreadable)?;
                self.pair_of_private(Zeroizing::new(seed.to_vec()))
            }
            Self::Rsa(_) => self.pair_of_private(Zeroizing::new(key.to_vec())),
            Self::EcdsaP256 | Self::EcdsaP384 => {
                let (scalar, point) = sec1(key).ok_or_else(|| {
                    Error::invalid("the elliptic curve key is not SEC1 with its public key")
                })?;
                let pair = Pair {
                    private: Zeroizing::new(scalar.to_vec()),
                    public: point.to_vec(),
                };
                Signer::new(self, &pair.private, &pair.public)?; // checks that they fit
                Ok(pair)
            }
        }
    }

    /// Returns the key inside PKCS#8 if its algorithm is this one.
    fn private_part(self, der: &[u8]) -> Option<&[u8]> {
        let mut reader = Reader::new(der);
        let mut outer = reader.inside(der::SEQUENCE)?;
        if !reader.is_empty() || outer.number()?.iter().any(|byte| *byte > 1) {
            return None;
        }
        let mut algorithm = outer.inside(der::SEQUENCE)?;
        let kind = algorithm.read(der::OID)?;
        let fits = match self {
            Self::Ed25519 => kind == oid::ED25519,
            Self::Rsa(_) => kind == oid::RSA,
            Self::EcdsaP256 => kind == oid::EC && algorithm.read(der::OID)? == oid::P256,
            Self::EcdsaP384 => kind == oid::EC && algorithm.read(der::OID)? == oid::P384,
        };
        if fits {
            outer.read(der::OCTET_STRING)
        } else {
            None
        }
    }

    /// Returns a private key in PKCS#8.
    #[cfg(test)]
    pub(crate) fn to_pkcs8(self, private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
        let algorithm = self.identifier();
        let key = match self {
            Self::Ed25519 => der::value(der::OCTET_STRING, &[private]),
            Self::Rsa(_) => Zeroizing::new(private.to_vec()),
            Self::EcdsaP256 | Self::EcdsaP384 => to_sec1(private, public, None),
        };
        let key = der::value(der::OCTET_STRING, &[&key]);
        der::value(der::SEQUENCE, &[&der::number(&[]), &algorithm, &key])
    }

    /// Returns an elliptic curve key in SEC1 with the name of its curve, as it is exported.
    pub(crate) fn to_sec1(self, private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
        let curve = match self {
            Self::EcdsaP384 => oid::P384,
            _ => oid::P256,
        };
        to_sec1(private, public, Some(curve))
    }

    /// Returns a public key as SubjectPublicKeyInfo (RFC 5280).
    pub(crate) fn to_spki(self, public: &[u8]) -> Vec<u8> {
        let bits = der::value(der::BIT_STRING, &[&[0], public]);
        der::value(der::SEQUENCE, &[&self.identifier(), &bits]).to_vec()
    }

    /// Returns the public key inside SubjectPublicKeyInfo if its algorithm is this one.
    pub(crate) fn public_of_spki(self, der: &[u8]) -> Option<Vec<u8>> {
        let mut reader = Reader::new(der);
        let mut outer = reader.inside(der::SEQUENCE)?;
        let identifier = self.identifier();
        let expected = Reader::new(&identifier).read(der::SEQUENCE)?;
        if !reader.is_empty() || outer.read(der::SEQUENCE)? != expected {
            return None;
        }
        let public = outer.bits()?;
        let fits = match self {
            Self::Ed25519 => public.len() == 32,
            Self::EcdsaP256 => public.len() == 65,
            Self::EcdsaP384 => public.len() == 97,
            Self::Rsa(bits) => {
                let modulus = Reader::new(public).inside(der::SEQUENCE)?.number()?;
                modulus.len() == usize::from(bits) / 8
            }
        };
        fits.then(|| public.to_vec())
    }

    fn identifier(self) -> Zeroizing<Vec<u8>> {
        let oid = |bytes| der::value(der::OID, &[bytes]);
        match self {
            Self::Ed25519 => der::value(der::SEQUENCE, &[&oid(oid::ED25519)]),
            Self::EcdsaP256 => der::value(der::SEQUENCE, &[&oid(oid::EC), &oid(oid::P256)]),
            Self::EcdsaP384 => der::value(der::SEQUENCE, &[&oid(oid::EC), &oid(oid::P384)]),
            Self::Rsa(_) => {
                let null = der::value(der::NULL, &[]);
                der::value(der::SEQUENCE, &[&oid(oid::RSA), &null])
            }
        }
    }

    fn curve(self) -> Result<(&'static signature::EcdsaSigningAlgorithm, Hash)> {
        match self {
            Self::EcdsaP256 => Ok((&signature::ECDSA_P256_SHA256_FIXED_SIGNING, Hash::Sha256)),
            Self::EcdsaP384 => Ok((&signature::ECDSA_P384_SHA384_FIXED_SIGNING, Hash::Sha384)),
            Self::Ed25519 | Self::Rsa(_) => Err(failed()),
        }
    }

    /// Returns whether `signature` is one of `message` under the public key; those of ECDSA are
    /// DER.
    ///
    /// # Errors
    /// `Unsupported` for a scheme that is not there.
    pub(crate) fn verify(
        self,
        public: &[u8],
        scheme: Scheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        use Hash::{Sha256, Sha384, Sha512};
        let verifier: &dyn signature::VerificationAlgorithm = match (self, scheme) {
            (Self::Ed25519, Scheme::Pure) => &signature::ED25519,
            (Self::EcdsaP256, Scheme::Ecdsa(Sha256)) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaP256, Scheme::Ecdsa(Sha384)) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaP384, Scheme::Ecdsa(Sha256)) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaP384, Scheme::Ecdsa(Sha384)) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::Rsa(_), Scheme::Pkcs1(Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rsa(_), Scheme::Pkcs1(Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rsa(_), Scheme::Pkcs1(Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::Rsa(_), Scheme::Pss(Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
            (Self::Rsa(_), Scheme::Pss(Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
            (Self::Rsa(_), Scheme::Pss(Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return Err(needs_extension("this hash with this type of key")),
        };
        let key = UnparsedPublicKey::new(verifier, public);
        Ok(key.verify(message, signature).is_ok())
    }
}

impl Signer {
    /// Makes a stored key ready.
    ///
    /// # Errors
    /// `InvalidArgument` if its parts do not fit together.
    pub(crate) fn new(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Result<Self> {
        Ok(match algorithm {
            Algorithm::Ed25519 => {
                let make = || Ed25519KeyPair::from_seed_and_public_key(private, public);
                Self::Ed25519(LockedBox::try_new_with(make).map_err(wrong)?)
            }
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => {
                let (curve, _) = algorithm.curve()?;
                let make = || {
                    EcdsaKeyPair::from_private_key_and_public_key(curve, private, public, &system())
                };
                Self::Ecdsa(algorithm, LockedBox::try_new_with(make).map_err(wrong)?)
            }
            Algorithm::Rsa(_) => Self::Rsa(Box::new(RsaKeyPair::from_der(private).map_err(wrong)?)),
        })
    }

    /// Signs `message`; what ECDSA makes is DER.
    ///
    /// # Errors
    /// `Unsupported` for a scheme that is not there.
    pub(crate) fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>> {
        match (self, scheme) {
            (Self::Ed25519(pair), Scheme::Pure) => Ok(pair.sign(message).as_ref().to_vec()),
            (Self::Ecdsa(algorithm, pair), Scheme::Ecdsa(hash)) => {
                let (_, own) = algorithm.curve()?;
                if hash != own {
                    return Err(needs_extension(
                        "signing by ECDSA with another hash than its own",
                    ));
                }
                let fixed = pair.sign(&system(), message).map_err(|_| failed())?;
                Ok(to_der(fixed.as_ref()))
            }
            (Self::Rsa(pair), Scheme::Pkcs1(_) | Scheme::Pss(_)) => {
                let padding = padding(scheme)?;
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &system(), message, &mut out)
                    .map_err(|_| failed())?;
                Ok(out)
            }
            _ => Err(Error::invalid("the key does not sign in this way")),
        }
    }
}

fn padding(scheme: Scheme) -> Result<&'static dyn signature::RsaEncoding> {
    Ok(match scheme {
        Scheme::Pkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        Scheme::Pkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        Scheme::Pkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        Scheme::Pss(Hash::Sha256) => &signature::RSA_PSS_SHA256,
        Scheme::Pss(Hash::Sha384) => &signature::RSA_PSS_SHA384,
        Scheme::Pss(Hash::Sha512) => &signature::RSA_PSS_SHA512,
        Scheme::Pure | Scheme::Ecdsa(_) => return Err(failed()),
    })
}

/// Returns scalar and point of a key in SEC1 (RFC 5915).
fn sec1(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const PARAMETERS: u8 = 0xa0;
    const PUBLIC: u8 = 0xa1;
    let mut reader = Reader::new(der).inside(der::SEQUENCE)?;
    if reader.number()? != [1] {
        return None;
    }
    let scalar = reader.read(der::OCTET_STRING)?;
    if reader.peek() == Some(PARAMETERS) {
        reader.read(PARAMETERS)?;
    }
    let point = reader.inside(PUBLIC)?.bits()?;
    Some((scalar, point))
}

fn to_sec1(private: &[u8], public: &[u8], curve: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let version = der::number(&[1]);
    let private = der::value(der::OCTET_STRING, &[private]);
    let parameters = match curve {
        Some(curve) => der::value(0xa0, &[&der::value(der::OID, &[curve])]),
        None => Zeroizing::new(Vec::new()),
    };
    let public = der::value(0xa1, &[&der::value(der::BIT_STRING, &[&[0], public])]);
    der::value(der::SEQUENCE, &[&version, &private, &parameters, &public])
}

/// Returns `r || s` as DER.
pub(crate) fn to_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    der::value(der::SEQUENCE, &[&der::number(r), &der::number(s)]).to_vec()
}

/// Returns DER as `r || s`, each of `length` bytes.
pub(crate) fn from_der(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut reader = Reader::new(signature);
    let mut inside = reader.inside(der::SEQUENCE)?;
    let mut out = Vec::with_capacity(length.saturating_mul(2));
    for _ in 0..2 {
        let number = inside.number()?;
        out.resize(out.len().checked_add(length.checked_sub(number.len())?)?, 0);
        out.extend_from_slice(number);
    }
    (reader.is_empty() && inside.is_empty()).then_some(out)
}

/// Returns the length of a number of the curve.
pub(crate) fn scalar_length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::EcdsaP384 => 48,
        _ => 32,
    }
}

pub(crate) fn needs_extension(what: &str) -> Error {
    let message = format!("{what} takes the feature `crypto-ext`, which this build does not have");
    Error::new(ErrorKind::Unsupported, message)
}

fn wrong(_: ring::error::KeyRejected) -> Error {
    Error::invalid("the private key is not one of its type, or its parts do not fit together")
}

fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "signing failed")
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::crypto::rng::OsRandom;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).expect("hex")
    }

    /// RFC 8032, section 7.1, tests 1 to 3.
    #[test]
    fn ed25519_matches_the_rfc() {
        let cases = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ];
        for (seed, public, message, expected) in cases {
            let seed = Zeroizing::new(hex(seed));
            let pair = Algorithm::Ed25519.pair_of_private(seed).expect("pair");
            assert_eq!(pair.public, hex(public));
            let signer = Signer::new(Algorithm::Ed25519, &pair.private, &pair.public);
            let signer = signer.expect("signer");
            let signature = signer.sign(Scheme::Pure, &hex(message)).expect("signs");
            assert_eq!(signature, hex(expected));
        }
    }

    /// RFC 6979, A.2.5 and A.2.6: signatures of "sample" that others made.
    #[test]
    fn ecdsa_accepts_what_the_rfc_signed() {
        let point = |x: &str, y: &str| [&[4][..], &hex(x), &hex(y)].concat();
        let p256 = point(
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        );
        let fixed = hex(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        let verify = |algorithm: Algorithm, public: &[u8], hash, message: &[u8], fixed: &[u8]| {
            let scheme = Scheme::Ecdsa(hash);
            algorithm
                .verify(public, scheme, message, &to_der(fixed))
                .expect("scheme")
        };
        assert!(verify(
            Algorithm::EcdsaP256,
            &p256,
            Hash::Sha256,
            b"sample",
            &fixed
        ));
        assert!(!verify(
            Algorithm::EcdsaP256,
            &p256,
            Hash::Sha256,
            b"simple",
            &fixed
        ));
        let p384 = point(
            "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
            "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
        );
        let fixed = hex(
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        );
        assert!(verify(
            Algorithm::EcdsaP384,
            &p384,
            Hash::Sha384,
            b"sample",
            &fixed
        ));
    }

    #[test]
    fn keys_come_back_from_every_format() {
        for (algorithm, scheme) in [
            (Algorithm::Ed25519, Scheme::Pure),
            (Algorithm::EcdsaP256, Scheme::Ecdsa(Hash::Sha256)),
            (Algorithm::EcdsaP384, Scheme::Ecdsa(Hash::Sha384)),
        ] {
            let pair = algorithm.generate(&OsRandom).expect("generated");
            let pkcs8 = algorithm.to_pkcs8(&pair.private, &pair.public);
            let again = algorithm.pair_of_pkcs8(&pkcs8).expect("reads");
            assert_eq!(
                (&again.private, &again.public),
                (&pair.private, &pair.public)
            );
            let spki = algorithm.to_spki(&pair.public);
            assert_eq!(algorithm.public_of_spki(&spki), Some(pair.public.clone()));
            let signer = Signer::new(algorithm, &pair.private, &pair.public).expect("signer");
            let signature = signer.sign(scheme, b"message").expect("signs");
            let verify =
                |message: &[u8]| algorithm.verify(&pair.public, scheme, message, &signature);
            assert!(verify(b"message").expect("scheme"));
            assert!(!verify(b"massage").expect("scheme"));
            for length in 0..pkcs8.len() {
                assert!(algorithm.pair_of_pkcs8(&pkcs8[..length]).is_err());
            }
        }
    }

    #[test]
    fn signatures_change_their_form_and_back() {
        let fixed: Vec<u8> = [vec![0; 31], vec![1], vec![0xff; 32]].concat();
        assert_eq!(from_der(&to_der(&fixed), 32), Some(fixed.clone()));
        assert_eq!(from_der(&to_der(&fixed), 31), None);
        assert_eq!(from_der(&[], 32), None);
    }
}
