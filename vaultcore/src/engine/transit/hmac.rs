//! MACs under a named key.

use std::borrow::Cow;

use super::item::{Form, Input, Items};
use super::prepared::{Prepared, Usable};
use super::text::Base64;
use super::{KIND, KeyName, api_path, text, usable};
use crate::crypto::hash::{Hash, Named, Rare};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// A hash function. The names are Vault's.
///
/// ```
/// use vaultcore::transit::HashType;
/// assert_eq!("sha2-384".parse::<HashType>()?, HashType::Sha2_384);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashType {
    /// SHA-256, which is taken unless told otherwise.
    #[default]
    Sha2_256,
    /// SHA-384.
    Sha2_384,
    /// SHA-512.
    Sha2_512,
    /// SHA-224; takes the feature `crypto-ext`, as those that follow. RSA keys do not sign with it.
    Sha2_224,
    /// SHA3-256; RSA keys do not sign with it.
    Sha3_256,
    /// SHA3-384; RSA keys do not sign with it.
    Sha3_384,
    /// SHA3-512; RSA keys do not sign with it.
    Sha3_512,
}

impl HashType {
    /// Returns the name, as in Vault.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha2_256 => "sha2-256",
            Self::Sha2_384 => "sha2-384",
            Self::Sha2_512 => "sha2-512",
            Self::Sha2_224 => Rare::Sha224.name(),
            Self::Sha3_256 => Rare::Sha3_256.name(),
            Self::Sha3_384 => Rare::Sha3_384.name(),
            Self::Sha3_512 => Rare::Sha3_512.name(),
        }
    }

    /// Returns the length of what it makes, in bytes.
    pub(super) fn length(self) -> usize {
        self.named().length()
    }

    pub(super) fn named(self) -> Named {
        match self {
            Self::Sha2_256 => Named::Usual(Hash::Sha256),
            Self::Sha2_384 => Named::Usual(Hash::Sha384),
            Self::Sha2_512 => Named::Usual(Hash::Sha512),
            Self::Sha2_224 => Named::Rare(Rare::Sha224),
            Self::Sha3_256 => Named::Rare(Rare::Sha3_256),
            Self::Sha3_384 => Named::Rare(Rare::Sha3_384),
            Self::Sha3_512 => Named::Rare(Rare::Sha3_512),
        }
    }
}

impl std::str::FromStr for HashType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "sha2-256" | "sha256" => Ok(Self::Sha2_256),
            "sha2-384" | "sha384" => Ok(Self::Sha2_384),
            "sha2-512" | "sha512" => Ok(Self::Sha2_512),
            "sha2-224" => Ok(Self::Sha2_224),
            "sha3-256" => Ok(Self::Sha3_256),
            "sha3-384" => Ok(Self::Sha3_384),
            "sha3-512" => Ok(Self::Sha3_512),
            "none" | "sha1" | "sha3-224" => Err(Error::new(
                ErrorKind::Unsupported,
                format!("of hash functions there are {}", Named::ALL),
            )),
            _ => Err(Error::invalid(format!(
                "there is no such hash function; there are {}",
                Named::ALL
            ))),
        }
    }
}

/// A MAC or signature, and the version of the key that made it.
pub(crate) struct Mark {
    pub(crate) text: String,
    pub(crate) version: u32,
}

/// Makes the MACs of items.
pub(crate) struct Hmac<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) hash: HashType,
    pub(crate) items: Items<'d>,
    /// As the path names the hash function, if it does.
    pub(crate) suffix: Cow<'d, str>,
}

impl Operation for Hmac<'_> {
    type Reply = Vec<Result<Mark>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        let plain = self.suffix.is_empty();
        plain.then(|| ("hmac", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = with_suffix(api_path(cx, "hmac", &self.name)?, &self.suffix);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        let key = usable(cx, &self.name)?;
        let items = self.items.items.iter();
        Ok(items.map(|item| self.one(&key, item)).collect())
    }

    fn input(&self) -> Json {
        let object = self.items.input("input", Form::Base64);
        with_hash(object, "algorithm", self.hash).finish()
    }

    fn output(&self, marks: &Self::Reply) -> Result<Response> {
        self.items
            .output(marks, |object, mark| object.text("hmac", &mark.text))
    }
}

impl Hmac<'_> {
    fn one(&self, key: &Prepared, item: &Input<'_>) -> Result<Mark> {
        item.check()?;
        let version = key.to_use(item.version)?;
        let mac = mac(version, self.hash, item.data())?;
        Ok(Mark {
            text: text::compose(version.number, &mac, Base64::Standard),
            version: version.number,
        })
    }
}

/// Returns the MAC of `data` under the key for HMAC of the version.
pub(super) fn mac(version: Usable<'_>, hash: HashType, data: &[u8]) -> Result<Vec<u8>> {
    match hash.named() {
        Named::Usual(Hash::Sha256) => Ok(version.hmac()?.sign(data)),
        other => other.hmac_once(&version.stored.hmac.0, data),
    }
}

/// Returns the path with the part that the request's path had behind the name.
pub(super) fn with_suffix(path: String, suffix: &str) -> String {
    match suffix {
        "" => path,
        suffix => format!("{path}/{suffix}"),
    }
}

/// Says the hash function in the field `name`, unless it is the usual one. What is as usual is not said,
/// as in most requests: policies may forbid to say it.
pub(super) fn with_hash(object: Object, name: &str, hash: HashType) -> Object {
    match hash {
        HashType::Sha2_256 => object,
        _ => object.text(name, hash.name()),
    }
}
