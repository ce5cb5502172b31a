//! Signatures that ring does not make.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, PqdsaKeyPair, RsaEncoding, RsaParameters,
    RsaPssSaltLength, UnparsedPublicKey, VerificationAlgorithm,
};
use zeroize::Zeroizing;

use crate::crypto::der::{self, Reader};
use crate::crypto::hash::{Hash, hash};
use crate::crypto::rng::Random;
use crate::crypto::sign::{
    Algorithm, Message, Pair, Salt, Scheme, failed, other_way, unfit, unreadable, wrong_length,
};
use crate::error::{Error, Result};

/// The tag of a seed in PKCS#8 (RFC 9881).
const SEED: u8 = 0x80;

/// A private key that is ready to sign.
pub(crate) enum Signer {
    Ecdsa(Curve, Box<EcdsaKeyPair>),
    Rsa(Box<rsa::KeyPair>),
    MlDsa(Box<PqdsaKeyPair>),
}

/// What aws-lc does with a curve.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    sign: &'static EcdsaSigningAlgorithm,
    verify: &'static dyn VerificationAlgorithm,
    /// The one that both are for.
    hash: Hash,
}

impl Signer {
    /// Makes a stored key ready.
    ///
    /// # Errors
    /// `InvalidArgument` if its parts do not fit together.
    pub(crate) fn new(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Result<Self> {
        vaultcore_os::scrubbed(|| match algorithm {
            Algorithm::Rsa(_) => Ok(Self::Rsa(Box::new(rsa_pair(private)?))),
            Algorithm::MlDsa65 => Ok(Self::MlDsa(Box::new(ml_dsa_pair(private)?))),
            _ => {
                let curve = curve(algorithm)?;
                let pair =
                    EcdsaKeyPair::from_private_key_and_public_key(curve.sign, private, public);
                Ok(Self::Ecdsa(curve, Box::new(pair.map_err(|_| unfit())?)))
            }
        })
    }

    /// Signs `message`; what ECDSA makes is DER.
    ///
    /// # Errors
    /// `InvalidArgument` for a scheme that is not the key's, or a hash of another length.
    pub(crate) fn sign(&self, scheme: Scheme, message: Message<'_>) -> Result<Vec<u8>> {
        vaultcore_os::scrubbed(|| match (self, scheme) {
            (Self::Ecdsa(curve, pair), Scheme::Ecdsa(hash)) => {
                let digest = curve.digest(hash, message)?;
                let made = pair.sign_digest(&digest).map_err(|_| failed())?;
                Ok(made.as_ref().to_vec())
            }
            (Self::Rsa(pair), Scheme::Pkcs1(hash) | Scheme::Pss(hash, _)) => {
                let digest = digest(hash, message)?;
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign_digest(rsa_encoding(scheme)?, &digest, &mut out)
                    .map_err(|_| failed())?;
                Ok(out)
            }
            (Self::MlDsa(pair), Scheme::Pure) => {
                let Message::Whole(message) = message else {
                    return Err(other_way());
                };
                let mut out = vec![0; signature::ML_DSA_65_SIGNING.signature_len()];
                pair.sign(message, &mut out).map_err(|_| failed())?;
                Ok(out)
            }
            _ => Err(other_way()),
        })
    }
}

impl Curve {
    /// Returns the hash of the message as the number that ECDSA makes of it (FIPS 186-5, 6.4.1):
    /// its leftmost bits, as many as the order of the curve has. As the hash of the length that
    /// aws-lc takes with the curve it is the same number.
    fn digest(self, of: Hash, message: Message<'_>) -> Result<Digest> {
        let made = match message {
            Message::Whole(message) => hash(of, message),
            Message::Hashed(made) if matches!(made.len(), 28 | 32 | 48 | 64) => made.to_vec(),
            Message::Hashed(_) => return Err(wrong_hash()),
        };
        let length = self.hash.length();
        let mut fitted = vec![0; length.saturating_sub(made.len())];
        fitted.extend(made.iter().take(length));
        Digest::import_less_safe(&fitted, algorithm(self.hash)).map_err(|_| failed())
    }
}

/// Makes a key pair.
pub(crate) fn generate(algorithm: Algorithm, source: &dyn Random) -> Result<Pair> {
    vaultcore_os::scrubbed(|| match algorithm {
        Algorithm::MlDsa65 => {
            let mut seed = Zeroizing::new(vec![0; signature::ML_DSA_65_SIGNING.seed_len()]);
            source.fill(&mut seed)?;
            algorithm.pair_of_private(seed)
        }
        Algorithm::Rsa(bits) => {
            let size = match bits {
                2_048 => rsa::KeySize::Rsa2048,
                3_072 => rsa::KeySize::Rsa3072,
                _ => rsa::KeySize::Rsa4096,
            };
            let pair = rsa::KeyPair::generate(size).map_err(|_| failed())?;
            let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| failed())?;
            algorithm.read_private(document.as_ref())
        }
        _ => {
            let curve = curve(algorithm)?;
            let pair = EcdsaKeyPair::generate(curve.sign).map_err(|_| failed())?;
            let scalar: EcPrivateKeyBin<'_> =
                pair.private_key().as_be_bytes().map_err(|_| failed())?;
            Ok(Pair {
                private: Zeroizing::new(scalar.as_ref().to_vec()),
                public: pair.public_key().as_ref().to_vec(),
            })
        }
    })
}

/// Returns the public key of PKCS#1, or of a seed of ML-DSA.
pub(crate) fn public_of_private(algorithm: Algorithm, private: &[u8]) -> Result<Vec<u8>> {
    vaultcore_os::scrubbed(|| match algorithm {
        Algorithm::Rsa(bits) => {
            let pair = rsa_pair(private)?;
            if pair.public_modulus_len() != usize::from(bits) / 8 {
                return Err(wrong_length());
            }
            Ok(pair.public_key().as_ref().to_vec())
        }
        _ => Ok(ml_dsa_pair(private)?.public_key().as_ref().to_vec()),
    })
}

/// Returns the seed in PKCS#8, whose parts must fit together.
///
/// # Errors
/// `InvalidArgument`, also for a key without its seed, which cannot be had from what is expanded.
pub(crate) fn seed_of_pkcs8(_: Algorithm, der: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let pair = PqdsaKeyPair::from_pkcs8(&signature::ML_DSA_65_SIGNING, der).map_err(|_| unfit())?;
    let no_seed = |_| Error::invalid("an ML-DSA key is imported with its seed");
    let document = pair.to_pkcs8v1().map_err(no_seed)?;
    let inside = der::pkcs8(document.as_ref()).map(|read| read.key);
    let seed = inside.and_then(|key| Reader::new(key).read(SEED));
    seed.map(|seed| Zeroizing::new(seed.to_vec()))
        .ok_or_else(unreadable)
}

/// Returns whether `signature` is one of `message` under the public key; those of ECDSA are DER.
pub(crate) fn verify(
    algorithm: Algorithm,
    public: &[u8],
    scheme: Scheme,
    message: Message<'_>,
    signature: &[u8],
) -> Result<bool> {
    match (algorithm, scheme) {
        (Algorithm::MlDsa65, Scheme::Pure) => {
            let Message::Whole(message) = message else {
                return Err(other_way());
            };
            let key = UnparsedPublicKey::new(&signature::ML_DSA_65, public);
            Ok(key.verify(message, signature).is_ok())
        }
        (Algorithm::Rsa(_), Scheme::Pkcs1(hash) | Scheme::Pss(hash, _)) => {
            let digest = digest(hash, message)?;
            let holds = |parameters: &'static RsaParameters| {
                let key = UnparsedPublicKey::new(parameters, public);
                key.verify_digest(&digest, signature).is_ok()
            };
            let (usual, longest) = rsa_parameters(scheme)?;
            Ok(holds(usual) || longest.is_some_and(holds))
        }
        (_, Scheme::Ecdsa(hash)) => {
            let curve = curve(algorithm)?;
            let digest = curve.digest(hash, message)?;
            let key = UnparsedPublicKey::new(curve.verify, public);
            Ok(key.verify_digest(&digest, signature).is_ok())
        }
        _ => Err(other_way()),
    }
}

/// Returns whether `point` is one of the curve.
pub(crate) fn has_point(algorithm: Algorithm, point: &[u8]) -> bool {
    let parsed = |curve: Curve| signature::ParsedPublicKey::new(curve.verify, point).is_ok();
    curve(algorithm).is_ok_and(parsed)
}

fn rsa_pair(private: &[u8]) -> Result<rsa::KeyPair> {
    rsa::KeyPair::from_der(private).map_err(|_| unfit())
}

fn ml_dsa_pair(seed: &[u8]) -> Result<PqdsaKeyPair> {
    PqdsaKeyPair::from_seed(&signature::ML_DSA_65_SIGNING, seed).map_err(|_| unfit())
}

fn curve(algorithm: Algorithm) -> Result<Curve> {
    Ok(match algorithm {
        Algorithm::EcdsaP256 => Curve {
            sign: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            verify: &signature::ECDSA_P256_SHA256_ASN1,
            hash: Hash::Sha256,
        },
        Algorithm::EcdsaP384 => Curve {
            sign: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
            verify: &signature::ECDSA_P384_SHA384_ASN1,
            hash: Hash::Sha384,
        },
        Algorithm::EcdsaP521 => Curve {
            sign: &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            verify: &signature::ECDSA_P521_SHA512_ASN1,
            hash: Hash::Sha512,
        },
        _ => return Err(other_way()),
    })
}

fn algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
}

fn digest(of: Hash, message: Message<'_>) -> Result<Digest> {
    let made = match message {
        Message::Whole(message) => &*hash(of, message),
        Message::Hashed(made) => made,
    };
    Digest::import_less_safe(made, algorithm(of)).map_err(|_| wrong_hash())
}

fn wrong_hash() -> Error {
    Error::invalid("what is said to be hashed has not the length of a hash")
}

fn rsa_encoding(scheme: Scheme) -> Result<&'static dyn RsaEncoding> {
    Ok(match scheme {
        Scheme::Pkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        Scheme::Pkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        Scheme::Pkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        Scheme::Pss(Hash::Sha256, _) => &signature::RSA_PSS_SHA256,
        Scheme::Pss(Hash::Sha384, _) => &signature::RSA_PSS_SHA384,
        Scheme::Pss(Hash::Sha512, _) => &signature::RSA_PSS_SHA512,
        Scheme::Pure | Scheme::Ecdsa(_) => return Err(other_way()),
    })
}

static LONGEST_256: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static LONGEST_384: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(RsaPssSaltLength::Max);
static LONGEST_512: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);

/// Returns what verifies, and what does so with the longest salt if that is to be taken.
fn rsa_parameters(
    scheme: Scheme,
) -> Result<(&'static RsaParameters, Option<&'static RsaParameters>)> {
    let (usual, longest, salt) = match scheme {
        Scheme::Pkcs1(Hash::Sha256) => return Ok((&signature::RSA_PKCS1_2048_8192_SHA256, None)),
        Scheme::Pkcs1(Hash::Sha384) => return Ok((&signature::RSA_PKCS1_2048_8192_SHA384, None)),
        Scheme::Pkcs1(Hash::Sha512) => return Ok((&signature::RSA_PKCS1_2048_8192_SHA512, None)),
        Scheme::Pss(Hash::Sha256, salt) => {
            (&signature::RSA_PSS_2048_8192_SHA256, &LONGEST_256, salt)
        }
        Scheme::Pss(Hash::Sha384, salt) => {
            (&signature::RSA_PSS_2048_8192_SHA384, &LONGEST_384, salt)
        }
        Scheme::Pss(Hash::Sha512, salt) => {
            (&signature::RSA_PSS_2048_8192_SHA512, &LONGEST_512, salt)
        }
        Scheme::Pure | Scheme::Ecdsa(_) => return Err(other_way()),
    };
    Ok((usual, (salt == Salt::Any).then_some(longest)))
}
