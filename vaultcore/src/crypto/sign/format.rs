//! How keys and signatures are written.

use zeroize::Zeroizing;

use super::{Algorithm, Pair, Signer, unfit, unreadable};
use crate::crypto::der::{self, Reader, oid};
use crate::crypto::extended;
use crate::error::{ErrorKind, Result};

/// The tag of a seed in PKCS#8 (RFC 9881).
const SEED: u8 = 0x80;

impl Algorithm {
    /// Reads a private key: PKCS#8 (RFC 5958), or what is inside of it, which is SEC1, PKCS#1, the
    /// seed, or of Ed25519 also the seed with the public key. Checks that its parts fit together.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else, and for a key of another type; `Unsupported` for a type
    /// whose feature is off.
    pub(crate) fn read_private(self, bytes: &[u8]) -> Result<Pair> {
        let found = self.private_part(bytes);
        let pair = self.read_parts(found.as_ref().map(|found| found.key), bytes)?;
        match found.is_none_or(|found| found.is_of(&pair.public)) {
            true => Ok(pair),
            false => Err(unfit()),
        }
    }

    /// Returns whether a stored key pair, or its public key if `private` is empty, is one that was read or
    /// made here: whether its parts fit together.
    ///
    /// # Errors
    /// `Unsupported` for a type whose feature is off.
    pub(crate) fn is_pair(self, private: &[u8], public: &[u8]) -> Result<bool> {
        let made = match self {
            _ if private.is_empty() => {
                let taken = self.public_of_spki(&self.to_spki(public));
                return Ok(taken.is_some_and(|taken| taken == public));
            }
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => {
                Signer::new(self, private, public).map(|_| public.to_vec())
            }
            Self::Ed25519 | Self::Rsa(_) | Self::MlDsa65 => {
                let private = Zeroizing::new(private.to_vec());
                self.pair_of_private(private).map(|pair| pair.public)
            }
        };
        match made {
            Ok(made) => Ok(made == public),
            Err(error) if error.kind() == ErrorKind::Unsupported => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Reads the private key `inside` of PKCS#8, or `bytes` if they are none.
    fn read_parts(self, inside: Option<&[u8]>, bytes: &[u8]) -> Result<Pair> {
        match self {
            Self::Ed25519 => self.read_seed(inside, bytes),
            Self::MlDsa65 => match inside {
                Some(_) => self.pair_of_private(extended::seed_of_pkcs8(self, bytes)?),
                None if bytes.len() == 32 => self.pair_of_private(Zeroizing::new(bytes.to_vec())),
                None => Err(unreadable()),
            },
            Self::Rsa(_) => {
                let key = inside.unwrap_or(bytes);
                self.pair_of_private(Zeroizing::new(key.to_vec()))
            }
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => {
                let (scalar, point) = sec1(inside.unwrap_or(bytes)).ok_or_else(unreadable)?;
                let pair = Pair {
                    private: Zeroizing::new(scalar.to_vec()),
                    public: point.to_vec(),
                };
                Signer::new(self, &pair.private, &pair.public)?; // checks that they fit
                Ok(pair)
            }
        }
    }

    fn read_seed(self, inside: Option<&[u8]>, bytes: &[u8]) -> Result<Pair> {
        let (seed, public) = match inside {
            Some(key) => {
                let seed = Reader::new(key).read(der::OCTET_STRING);
                (seed.ok_or_else(unreadable)?, None)
            }
            None => {
                let (seed, public) = bytes.split_at(bytes.len().min(32));
                (seed, Some(public).filter(|public| !public.is_empty()))
            }
        };
        if seed.len() != 32 {
            return Err(unreadable());
        }
        let pair = self.pair_of_private(Zeroizing::new(seed.to_vec()))?;
        match public {
            Some(public) if public != pair.public => Err(unreadable()),
            _ => Ok(pair),
        }
    }

    /// Returns what is inside PKCS#8 if its algorithm is this one.
    fn private_part(self, der: &[u8]) -> Option<der::Pkcs8<'_>> {
        let found = der::pkcs8(der)?;
        let mut algorithm = found.algorithm;
        let kind = algorithm.read(der::OID)?;
        let fits = match self {
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => {
                kind == oid::EC && algorithm.read(der::OID)? == self.oid()
            }
            Self::Ed25519 | Self::Rsa(_) | Self::MlDsa65 => kind == self.oid(),
        };
        fits.then_some(found)
    }

    /// Returns a private key in PKCS#8.
    pub(crate) fn to_pkcs8(self, private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
        let algorithm = self.identifier();
        let key = match self {
            Self::Ed25519 => der::value(der::OCTET_STRING, &[private]),
            Self::MlDsa65 => der::value(SEED, &[private]),
            Self::Rsa(_) => Zeroizing::new(private.to_vec()),
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => to_sec1(private, public, None),
        };
        let key = der::value(der::OCTET_STRING, &[&key]);
        der::value(der::SEQUENCE, &[&der::number(&[]), &algorithm, &key])
    }

    /// Returns an elliptic curve key in SEC1 with the name of its curve, as it is exported.
    pub(crate) fn to_sec1(self, private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
        to_sec1(private, public, Some(self.oid()))
    }

    /// Returns a public key as SubjectPublicKeyInfo (RFC 5280).
    pub(crate) fn to_spki(self, public: &[u8]) -> Vec<u8> {
        der::spki(&self.identifier(), public)
    }

    /// Returns the public key inside SubjectPublicKeyInfo if its algorithm is this one, and of ECDSA it
    /// is a point of the curve.
    pub(crate) fn public_of_spki(self, der: &[u8]) -> Option<Vec<u8>> {
        let public = der::public_of_spki(&self.identifier(), der)?;
        let fits = match self {
            Self::Ed25519 => public.len() == 32,
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => {
                const BOTH_NUMBERS: u8 = 4;
                let length = self.scalar_length().saturating_mul(2).saturating_add(1);
                public.len() == length
                    && public.first() == Some(&BOTH_NUMBERS)
                    && self.has_point(public)
            }
            Self::MlDsa65 => public.len() == 1_952,
            Self::Rsa(bits) => {
                let modulus = Reader::new(public).inside(der::SEQUENCE)?.number()?;
                modulus.len() == usize::from(bits) / 8
            }
        };
        fits.then(|| public.to_vec())
    }

    /// Returns what names the algorithm, and of ECDSA the curve.
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Ed25519 => oid::ED25519,
            Self::EcdsaP256 => oid::P256,
            Self::EcdsaP384 => oid::P384,
            Self::EcdsaP521 => oid::P521,
            Self::Rsa(_) => oid::RSA,
            Self::MlDsa65 => oid::ML_DSA_65,
        }
    }

    fn identifier(self) -> Zeroizing<Vec<u8>> {
        let named = der::value(der::OID, &[self.oid()]);
        match self {
            Self::Ed25519 | Self::MlDsa65 => der::value(der::SEQUENCE, &[&named]),
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => {
                let kind = der::value(der::OID, &[oid::EC]);
                der::value(der::SEQUENCE, &[&kind, &named])
            }
            Self::Rsa(_) => {
                let null = der::value(der::NULL, &[]);
                der::value(der::SEQUENCE, &[&named, &null])
            }
        }
    }
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
