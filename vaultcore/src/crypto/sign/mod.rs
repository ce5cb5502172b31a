//! Signatures: Ed25519 (RFC 8032), ECDSA (FIPS 186-5), RSA (RFC 8017) and ML-DSA (FIPS 204).

mod format;
mod rsa;
#[cfg(test)]
mod tests;

pub(crate) use format::{from_der, to_der};

use ring::agreement;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use vaultcore_os::{LockedBox, Wiped};
use zeroize::Zeroizing;

use super::extended;
use super::hash::Hash;
use super::rng::{Random, system};
use crate::error::{Error, ErrorKind, Result};

/// What a key signs with. What ring lacks of it takes the feature `crypto-ext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    /// The length of the modulus in bits.
    Rsa(u16),
    MlDsa65,
}

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Ed25519 and ML-DSA, which hash by themselves.
    Pure,
    Ecdsa(Hash),
    Pkcs1(Hash),
    Pss(Hash, Salt),
}

/// The salt of PSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Salt {
    /// As long as the hash.
    Hash,
    /// As long as the hash in what is signed; in what is verified also the longest that there is.
    Any,
}

/// What is signed.
#[derive(Clone, Copy)]
pub(crate) enum Message<'m> {
    Whole(&'m [u8]),
    /// Its hash, which the caller made.
    #[cfg_attr(
        not(feature = "crypto-ext"),
        expect(dead_code, reason = "ring signs no hashes")
    )]
    Hashed(&'m [u8]),
}

/// A key pair as it is stored: the seed, the scalar, or PKCS#1; and the point, PKCS#1, or of ML-DSA
/// its bytes.
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
    Extended(extended::Signer),
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
    /// `Unsupported` for what ring does not make, in a build without `crypto-ext`.
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
                self.read_private(document.as_ref())
            }),
            Self::EcdsaP521 | Self::Rsa(_) | Self::MlDsa65 => extended::generate(self, source),
        }
    }

    /// Takes over a private key without its public one: the seed of Ed25519 or ML-DSA, or PKCS#1.
    pub(crate) fn pair_of_private(self, private: Zeroizing<Vec<u8>>) -> Result<Pair> {
        let public = match self {
            Self::Ed25519 => {
                let pair =
                    Wiped::new(Ed25519KeyPair::from_seed_unchecked(&private).map_err(wrong)?);
                pair.public_key().as_ref().to_vec()
            }
            Self::MlDsa65 => extended::public_of_private(self, &private)?,
            Self::Rsa(_) if extended::BUILT => extended::public_of_private(self, &private)?,
            Self::Rsa(bits) => {
                let pair = RsaKeyPair::from_der(&private).map_err(wrong)?;
                if pair.public().modulus_len() != usize::from(bits) / 8 {
                    return Err(wrong_length());
                }
                rsa::check(&pair, &private)?;
                pair.public().as_ref().to_vec()
            }
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => return Err(failed()),
        };
        Ok(Pair { private, public })
    }

    fn curve(self) -> Result<(&'static signature::EcdsaSigningAlgorithm, Hash)> {
        match self {
            Self::EcdsaP256 => Ok((&signature::ECDSA_P256_SHA256_FIXED_SIGNING, Hash::Sha256)),
            Self::EcdsaP384 => Ok((&signature::ECDSA_P384_SHA384_FIXED_SIGNING, Hash::Sha384)),
            _ => Err(failed()),
        }
    }

    /// Returns whether a [`Signer`] of the key signs so. Else [`sign_once`](Self::sign_once) does.
    pub(crate) fn signs_itself(self, scheme: Scheme, message: Message<'_>) -> bool {
        match (self, scheme, message) {
            (Self::EcdsaP256, Scheme::Ecdsa(hash), Message::Whole(_)) => hash == Hash::Sha256,
            (Self::EcdsaP384, Scheme::Ecdsa(hash), Message::Whole(_)) => hash == Hash::Sha384,
            (Self::EcdsaP256 | Self::EcdsaP384, ..) => false,
            _ => true,
        }
    }

    /// Signs in a way that ring lacks, for which the key is set up and forgotten.
    ///
    /// # Errors
    /// `Unsupported` in a build without `crypto-ext`.
    pub(crate) fn sign_once(
        self,
        private: &[u8],
        public: &[u8],
        scheme: Scheme,
        message: Message<'_>,
    ) -> Result<Vec<u8>> {
        extended::Signer::new(self, private, public)?.sign(scheme, message)
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
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<bool> {
        if let (Message::Whole(message), Some(verifier)) = (message, self.of_ring(scheme)) {
            let key = UnparsedPublicKey::new(verifier, public);
            if key.verify(message, signature).is_ok() {
                return Ok(true);
            }
            let longer_salt = matches!(scheme, Scheme::Pss(_, Salt::Any)) && extended::BUILT;
            if !longer_salt {
                return Ok(false);
            }
        }
        extended::verify(self, public, scheme, message, signature)
    }

    /// Returns what ring verifies with, if it has it.
    fn of_ring(self, scheme: Scheme) -> Option<&'static dyn signature::VerificationAlgorithm> {
        use Hash::{Sha256, Sha384, Sha512};
        Some(match (self, scheme) {
            (Self::Ed25519, Scheme::Pure) => &signature::ED25519,
            (Self::EcdsaP256, Scheme::Ecdsa(Sha256)) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaP256, Scheme::Ecdsa(Sha384)) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaP384, Scheme::Ecdsa(Sha256)) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaP384, Scheme::Ecdsa(Sha384)) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::Rsa(_), Scheme::Pkcs1(Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rsa(_), Scheme::Pkcs1(Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rsa(_), Scheme::Pkcs1(Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::Rsa(_), Scheme::Pss(Sha256, _)) => &signature::RSA_PSS_2048_8192_SHA256,
            (Self::Rsa(_), Scheme::Pss(Sha384, _)) => &signature::RSA_PSS_2048_8192_SHA384,
            (Self::Rsa(_), Scheme::Pss(Sha512, _)) => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }

    /// Returns whether `point` is one of the curve, and not its zero (SP 800-56A, 5.6.2.3.3), in the
    /// form that has both of its numbers. Those of P-521 take the feature `crypto-ext`.
    pub(super) fn has_point(self, point: &[u8]) -> bool {
        let curve = match self {
            Self::EcdsaP256 => &agreement::ECDH_P256,
            Self::EcdsaP384 => &agreement::ECDH_P384,
            _ => return extended::has_point(self, point),
        };
        vaultcore_os::scrubbed(|| {
            // ring looks at a point when a secret is agreed on with its owner; the secret is dropped.
            let point = agreement::UnparsedPublicKey::new(curve, point);
            let once = agreement::EphemeralPrivateKey::generate(curve, &system());
            once.is_ok_and(|once| agreement::agree_ephemeral(once, &point, |_| ()).is_ok())
        })
    }

    /// Returns the length of a number of the curve.
    pub(crate) fn scalar_length(self) -> usize {
        match self {
            Self::EcdsaP384 => 48,
            Self::EcdsaP521 => 66,
            _ => 32,
        }
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
            Algorithm::Rsa(_) if !extended::BUILT => {
                Self::Rsa(Box::new(RsaKeyPair::from_der(private).map_err(wrong)?))
            }
            // RSA too: aws-lc wipes its numbers.
            Algorithm::EcdsaP521 | Algorithm::MlDsa65 | Algorithm::Rsa(_) => {
                Self::Extended(extended::Signer::new(algorithm, private, public)?)
            }
        })
    }

    /// Signs `message`; what ECDSA makes is DER.
    ///
    /// # Errors
    /// `Unsupported` for a scheme that is not there.
    pub(crate) fn sign(&self, scheme: Scheme, message: Message<'_>) -> Result<Vec<u8>> {
        if let Self::Extended(signer) = self {
            return signer.sign(scheme, message);
        }
        let Message::Whole(message) = message else {
            return Err(needs_extension("signing what is hashed already"));
        };
        match (self, scheme) {
            (Self::Ed25519(pair), Scheme::Pure) => Ok(pair.sign(message).as_ref().to_vec()),
            (Self::Ecdsa(algorithm, pair), Scheme::Ecdsa(hash)) => {
                let (_, own) = algorithm.curve()?;
                if hash != own {
                    return Err(failed());
                }
                let fixed = pair.sign(&system(), message).map_err(|_| failed())?;
                Ok(to_der(fixed.as_ref()))
            }
            (Self::Rsa(pair), Scheme::Pkcs1(_) | Scheme::Pss(..)) => {
                let padding = padding(scheme)?;
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &system(), message, &mut out)
                    .map_err(|_| failed())?;
                Ok(out)
            }
            _ => Err(other_way()),
        }
    }
}

fn padding(scheme: Scheme) -> Result<&'static dyn signature::RsaEncoding> {
    Ok(match scheme {
        Scheme::Pkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        Scheme::Pkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        Scheme::Pkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        Scheme::Pss(Hash::Sha256, _) => &signature::RSA_PSS_SHA256,
        Scheme::Pss(Hash::Sha384, _) => &signature::RSA_PSS_SHA384,
        Scheme::Pss(Hash::Sha512, _) => &signature::RSA_PSS_SHA512,
        Scheme::Pure | Scheme::Ecdsa(_) => return Err(failed()),
    })
}

pub(crate) fn needs_extension(what: &str) -> Error {
    let message = format!("{what} takes the feature `crypto-ext`, which this build does not have");
    Error::new(ErrorKind::Unsupported, message)
}

fn wrong(_: ring::error::KeyRejected) -> Error {
    unfit()
}

pub(super) fn unfit() -> Error {
    Error::invalid("the private key is not one of its type, or its parts do not fit together")
}

pub(super) fn wrong_length() -> Error {
    Error::invalid("the RSA key has not the length of its type")
}

pub(super) fn unreadable() -> Error {
    Error::invalid("the private key is not one of its type in a format that is known")
}

pub(super) fn other_way() -> Error {
    Error::invalid("the key does not sign in this way")
}

pub(super) fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "signing failed")
}
