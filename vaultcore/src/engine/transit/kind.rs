//! The types of keys, and what each can do.

use crate::crypto::cipher::Cipher;
use crate::crypto::extended;
use crate::crypto::sign::Algorithm;
use crate::error::{Error, ErrorKind, Result};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $number:literal;)*) => {
        /// What a key is, and so what it can do. The names are Vault's.
        ///
        /// ```
        /// use vaultcore::transit::KeyType;
        /// assert_eq!(KeyType::default(), KeyType::Aes256Gcm96);
        /// assert_eq!("ed25519".parse::<KeyType>()?.name(), "ed25519");
        /// # Ok::<(), vaultcore::Error>(())
        /// ```
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum KeyType { $($(#[$doc])* $name,)* }

        impl KeyType {
            /// Every type, also those whose feature is off.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name, as in Vault.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Returns the number under which it is stored, which never changes.
            pub(super) const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

kinds! {
    /// AES-128-GCM with random 96-bit nonces.
    Aes128Gcm96 = "aes128-gcm96", 1;
    /// AES-256-GCM with random 96-bit nonces; what a key is unless told otherwise.
    #[default]
    Aes256Gcm96 = "aes256-gcm96", 2;
    /// ChaCha20-Poly1305 with random 96-bit nonces.
    ChaCha20Poly1305 = "chacha20-poly1305", 3;
    /// XChaCha20-Poly1305 with random 192-bit nonces; takes the feature `xchacha`.
    XChaCha20Poly1305 = "xchacha20-poly1305", 4;
    /// Ed25519: sign and verify. May be derived.
    Ed25519 = "ed25519", 5;
    /// ECDSA over P-256: sign and verify.
    EcdsaP256 = "ecdsa-p256", 6;
    /// ECDSA over P-384: sign and verify.
    EcdsaP384 = "ecdsa-p384", 7;
    /// ECDSA over P-521: sign and verify; takes the feature `crypto-ext`.
    EcdsaP521 = "ecdsa-p521", 8;
    /// RSA of 2,048 bits: sign and verify; to be made, and to encrypt, it takes `crypto-ext`.
    Rsa2048 = "rsa-2048", 9;
    /// RSA of 3,072 bits, as [`Rsa2048`](Self::Rsa2048).
    Rsa3072 = "rsa-3072", 10;
    /// RSA of 4,096 bits, as [`Rsa2048`](Self::Rsa2048).
    Rsa4096 = "rsa-4096", 11;
    /// A key for HMAC alone, of 32 to 512 bytes.
    Hmac = "hmac", 12;
    /// ML-DSA-65: sign and verify, against quantum computers; takes `crypto-ext`.
    MlDsa65 = "ml-dsa-65", 13;
    /// ML-KEM-768: data keys that are encapsulated, against quantum computers; takes `crypto-ext`.
    MlKem768 = "ml-kem-768", 14;
}

impl std::str::FromStr for KeyType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|kind| kind.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            Error::invalid(format!(
                "there is no such type of key; there are: {}",
                names.join(", ")
            ))
        })
    }
}

impl KeyType {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        let found = Self::ALL.iter().find(|kind| kind.number() == number);
        found.copied()
    }

    /// Returns the cipher of a symmetric type, if this build has it.
    pub(super) fn cipher(self) -> Option<Cipher> {
        match self {
            Self::Aes128Gcm96 => Some(Cipher::Aes128Gcm),
            Self::Aes256Gcm96 => Some(Cipher::Aes256Gcm),
            Self::ChaCha20Poly1305 => Some(Cipher::ChaCha20Poly1305),
            #[cfg(feature = "xchacha")]
            Self::XChaCha20Poly1305 => Some(Cipher::XChaCha20Poly1305),
            _ => None,
        }
    }

    /// Returns the length of a symmetric key.
    pub(super) fn symmetric_length(self) -> Option<usize> {
        match self {
            Self::Aes128Gcm96 => Some(16),
            Self::Aes256Gcm96 | Self::ChaCha20Poly1305 | Self::XChaCha20Poly1305 => Some(32),
            _ => None,
        }
    }

    /// Returns the signature algorithm of a signing type.
    pub(super) fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Ed25519 => Some(Algorithm::Ed25519),
            Self::EcdsaP256 => Some(Algorithm::EcdsaP256),
            Self::EcdsaP384 => Some(Algorithm::EcdsaP384),
            Self::EcdsaP521 => Some(Algorithm::EcdsaP521),
            Self::Rsa2048 => Some(Algorithm::Rsa(2048)),
            Self::Rsa3072 => Some(Algorithm::Rsa(3072)),
            Self::Rsa4096 => Some(Algorithm::Rsa(4096)),
            Self::MlDsa65 => Some(Algorithm::MlDsa65),
            _ => None,
        }
    }

    pub(super) fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    pub(super) fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521)
    }

    /// Returns whether such keys encrypt what they are given.
    pub(super) fn encrypts(self) -> bool {
        self.symmetric_length().is_some() || self.is_rsa()
    }

    /// Returns whether such keys encrypt data keys, and decrypt them.
    pub(super) fn wraps(self) -> bool {
        self.encrypts() || self == Self::MlKem768
    }

    /// Returns whether there is a public key in each version.
    pub(super) fn has_public(self) -> bool {
        self.signs() || self == Self::MlKem768
    }

    pub(super) fn signs(self) -> bool {
        self.is_rsa() || self.is_ecdsa() || matches!(self, Self::Ed25519 | Self::MlDsa65)
    }

    /// Returns whether a key of its own can be derived for each context.
    pub(super) fn derives(self) -> bool {
        self.symmetric_length().is_some() || self == Self::Ed25519
    }

    /// Returns an error that names the feature which this build lacks for the type.
    pub(super) fn check_built(self) -> Result<()> {
        let feature = match self {
            Self::XChaCha20Poly1305 if self.cipher().is_none() => "xchacha",
            Self::EcdsaP521 | Self::MlDsa65 | Self::MlKem768 if !extended::BUILT => "crypto-ext",
            _ => return Ok(()),
        };
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "keys of type {} take the feature `{feature}`, which this build does not have",
                self.name()
            ),
        ))
    }
}
