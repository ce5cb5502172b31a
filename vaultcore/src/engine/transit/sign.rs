//! Signing.

use std::borrow::Cow;

use data_encoding::BASE64;

use super::hmac::{HashType, Mark, with_hash, with_suffix};
use super::item::{Form, Input, Items};
use super::kind::KeyType;
use super::prepared::{Prepared, Usable};
use super::text::Base64;
use super::{KIND, KeyName, api_path, crypt, text, usable};
use crate::crypto::hash::{Hash, Named};
use crate::crypto::sign::{self, Algorithm, Message, Pair, Salt, Scheme, Signer};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// How signatures are made and written.
///
/// ```
/// use vaultcore::transit::{HashType, Marshaling, SignOptions};
/// let token = SignOptions::new().hash(HashType::Sha2_256).marshaling(Marshaling::Jws);
/// # let _ = token;
/// ```
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignOptions {
    pub(super) hash: HashType,
    pub(super) marshaling: Marshaling,
    pub(super) padding: Padding,
    pub(super) salt: SaltLength,
    pub(super) prehashed: bool,
}

/// How a signature is written.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marshaling {
    /// Those of ECDSA as DER, and base64 with `+` and `/`.
    #[default]
    Asn1,
    /// Those of ECDSA as both numbers side by side, and base64 for addresses without padding, as
    /// JSON web signatures have it.
    Jws,
}

/// How RSA pads what it signs.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// PSS, with a salt as long as the hash.
    #[default]
    Pss,
    /// PKCS #1 version 1.5.
    Pkcs1v15,
}

/// How long the salt of PSS is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaltLength {
    /// Signs with a salt as long as the hash. Takes a signature with such a salt for valid, and, in
    /// builds with the feature `crypto-ext`, one with the longest salt, as Vault signs.
    #[default]
    Auto,
    /// As long as the hash.
    Hash,
}

impl SignOptions {
    /// SHA-256, DER, and for RSA keys PSS.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the hash function; Ed25519 has its own.
    pub fn hash(mut self, hash: HashType) -> Self {
        self.hash = hash;
        self
    }

    /// Sets how signatures are written.
    pub fn marshaling(mut self, marshaling: Marshaling) -> Self {
        self.marshaling = marshaling;
        self
    }

    /// Sets how RSA pads.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Sets the length of the salt of PSS.
    pub fn salt_length(mut self, salt: SaltLength) -> Self {
        self.salt = salt;
        self
    }

    /// Takes what is signed for the hash of a message, as the hash function made it. Ed25519 and
    /// ML-DSA sign it as any other message. Takes the feature `crypto-ext`.
    pub fn prehashed(mut self, prehashed: bool) -> Self {
        self.prehashed = prehashed;
        self
    }

    /// Returns what the hash function makes of `data` where the library that signs lacks the function.
    ///
    /// # Errors
    /// `Unsupported` for RSA, whose signatures name the function, and in a build without `crypto-ext`.
    fn hashed(self, kind: KeyType, data: &[u8]) -> Result<Option<Vec<u8>>> {
        let named = self.hash.named();
        match named {
            Named::Rare(_) if kind.is_rsa() => Err(Error::new(
                ErrorKind::Unsupported,
                "RSA keys sign with sha2-256, sha2-384 and sha2-512",
            )),
            Named::Rare(_) if kind.is_ecdsa() && !self.prehashed => named.hash(data).map(Some),
            _ => Ok(None),
        }
    }

    fn message<'m>(self, kind: KeyType, data: &'m [u8], hashed: Option<&'m [u8]>) -> Message<'m> {
        match hashed {
            Some(hashed) => Message::Hashed(hashed),
            None if self.prehashed && (kind.is_ecdsa() || kind.is_rsa()) => Message::Hashed(data),
            None => Message::Whole(data),
        }
    }

    fn scheme(self, kind: KeyType) -> Scheme {
        let hash = match self.hash.named() {
            Named::Usual(hash) => hash,
            // ECDSA is given what it made, and does not name it.
            Named::Rare(_) => Hash::Sha256,
        };
        let salt = match self.salt {
            SaltLength::Auto => Salt::Any,
            SaltLength::Hash => Salt::Hash,
        };
        match (kind, self.padding) {
            (kind, _) if kind.is_ecdsa() => Scheme::Ecdsa(hash),
            (kind, Padding::Pss) if kind.is_rsa() => Scheme::Pss(hash, salt),
            (kind, Padding::Pkcs1v15) if kind.is_rsa() => Scheme::Pkcs1(hash),
            _ => Scheme::Pure,
        }
    }

    fn form(self) -> Base64 {
        match self.marshaling {
            Marshaling::Asn1 => Base64::Standard,
            Marshaling::Jws => Base64::Url,
        }
    }

    pub(super) fn input(self, object: Object) -> Object {
        let mut object = with_hash(object, "hash_algorithm", self.hash);
        if self.marshaling == Marshaling::Jws {
            object = object.text("marshaling_algorithm", "jws");
        }
        if self.padding == Padding::Pkcs1v15 {
            object = object.text("signature_algorithm", "pkcs1v15");
        }
        if self.salt == SaltLength::Hash {
            object = object.text("salt_length", "hash");
        }
        match self.prehashed {
            true => object.flag("prehashed", true),
            false => object,
        }
    }
}

/// Signs items, each by itself.
pub(crate) struct Sign<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) options: SignOptions,
    pub(crate) items: Items<'d>,
    /// As the path names the hash function, if it does.
    pub(crate) suffix: Cow<'d, str>,
}

impl Operation for Sign<'_> {
    type Reply = Vec<Result<Signed>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        let plain = self.suffix.is_empty();
        plain.then(|| ("sign", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = with_suffix(api_path(cx, "sign", &self.name)?, &self.suffix);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        let key = usable(cx, &self.name)?;
        algorithm(&key)?;
        let items = self.items.items.iter();
        Ok(items.map(|item| self.one(&key, item)).collect())
    }

    fn input(&self) -> Json {
        let object = self.items.input("input", Form::Base64);
        self.options.input(object).finish()
    }

    fn output(&self, signed: &Self::Reply) -> Result<Response> {
        self.items.output(signed, |object, signed| {
            let object = object
                .text("signature", &signed.mark.text)
                .number("key_version", signed.mark.version);
            match &signed.public_key {
                Some(public) => object.text("public_key", &BASE64.encode(public)),
                None => object,
            }
        })
    }
}

/// A signature; for a derived key with its public key, which the context decides.
pub(crate) struct Signed {
    pub(crate) mark: Mark,
    pub(crate) public_key: Option<Vec<u8>>,
}

impl Sign<'_> {
    fn one(&self, key: &Prepared, item: &Input<'_>) -> Result<Signed> {
        item.check()?;
        crypt::check_context(key, item)?;
        let version = key.to_use(item.version)?;
        let algorithm = algorithm(key)?;
        let scheme = self.options.scheme(key.kind);
        let hashed = self.options.hashed(key.kind, item.data())?;
        let message = self
            .options
            .message(key.kind, item.data(), hashed.as_deref());
        let (signature, public_key) = if key.key.rules.derived {
            let (signer, pair) = derived(version, item)?;
            (signer.sign(scheme, message)?, Some(pair.public))
        } else if algorithm.signs_itself(scheme, message) {
            (version.signer()?.sign(scheme, message)?, None)
        } else {
            let (private, public) = (version.material()?, &version.stored.public);
            let made = algorithm.sign_once(private, public, scheme, message)?;
            (made, None)
        };
        let signature = match (self.options.marshaling, version.kind.is_ecdsa()) {
            (Marshaling::Jws, true) => side_by_side(algorithm, &signature)?,
            _ => signature,
        };
        let text = text::compose(version.number, &signature, self.options.form());
        let version = version.number;
        Ok(Signed {
            mark: Mark { text, version },
            public_key,
        })
    }
}

fn side_by_side(algorithm: Algorithm, signature: &[u8]) -> Result<Vec<u8>> {
    let length = algorithm.scalar_length();
    let failed = || Error::new(ErrorKind::Unavailable, "signing failed");
    sign::from_der(signature, length).ok_or_else(failed)
}

/// Returns what the key signs with.
pub(super) fn algorithm(key: &Prepared) -> Result<Algorithm> {
    key.kind.check_built()?;
    let none = || Error::invalid(format!("keys of type {} do not sign", key.kind.name()));
    key.kind.algorithm().ok_or_else(none)
}

/// Returns the key pair of the item's context.
fn derived(version: Usable<'_>, item: &Input<'_>) -> Result<(Signer, Pair)> {
    let seed = version.derived_seed(&item.context)?;
    let pair = Algorithm::Ed25519.pair_of_private(seed)?;
    let signer = Signer::new(Algorithm::Ed25519, &pair.private, &pair.public)?;
    Ok((signer, pair))
}

/// Returns whether `text` is a signature of the item; whatever is wrong with it, it is not.
pub(super) fn verify(
    key: &Prepared,
    options: SignOptions,
    item: &Input<'_>,
    signature: &str,
) -> Result<bool> {
    let algorithm = algorithm(key)?;
    item.check()?;
    crypt::check_context(key, item)?;
    let Some(parsed) = text::parse(signature) else {
        return Ok(false);
    };
    let found = key.that_made(parsed.version);
    let bytes = text::decode_as(options.form(), parsed.body);
    let (Some(version), Some(bytes)) = (found, bytes) else {
        return Ok(false);
    };
    let derived;
    let public = if key.key.rules.derived {
        derived = algorithm.pair_of_private(version.derived_seed(&item.context)?)?;
        &derived.public
    } else {
        &version.stored.public
    };
    let scheme = options.scheme(key.kind);
    let hashed = options.hashed(key.kind, item.data())?;
    let message = options.message(key.kind, item.data(), hashed.as_deref());
    if key.kind.is_ecdsa() && options.marshaling == Marshaling::Jws {
        if bytes.len() != algorithm.scalar_length().saturating_mul(2) {
            return Ok(false);
        }
        return algorithm.verify(public, scheme, message, &sign::to_der(&bytes));
    }
    algorithm.verify(public, scheme, message, &bytes)
}
