//! Keys that come and go wrapped, as Vault's clients and HSMs do it (`CKM_RSA_AES_KEY_WRAP`): an
//! AES key of 256 bits under RSA-OAEP, and behind it the key itself under that one by AES key wrap
//! with padding (RFC 5649). What comes is wrapped for a key of RSA-4096 that each mount has.

use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::create::NewKey;
use super::hmac::with_suffix;
use super::key::Key;
use super::kind::KeyType;
use super::prepared::{Prepared, Usable};
use super::{KIND, KeyName, api_path, export, text, usable};
use crate::barrier::layout;
use crate::crypto::hash::Oaep;
use crate::crypto::sign::Algorithm;
use crate::crypto::{extended, kem, random_key, sign};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Mounted, Operation, Target};
use crate::path::{EntryPath, MountPath};
use crate::wire::{Json, Object, Response};

/// The length of what an RSA-4096 key encrypts, which comes first in what is wrapped.
const WRAPPED_AES: usize = 512;
/// Much more than any key is long.
const MAX_WRAPPED: usize = 65_536;

/// The hash function inside RSA-OAEP, for keys that are wrapped. The names are Vault's.
///
/// ```
/// use vaultcore::transit::WrapHash;
/// assert_eq!("sha384".parse::<WrapHash>()?, WrapHash::Sha384);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrapHash {
    /// SHA-1, which is as good as the others here; some HSMs have no other.
    Sha1,
    /// SHA-256, which is taken unless told otherwise.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl WrapHash {
    /// Returns the name, as in Vault.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    /// Says it in the field `name`, unless it is the usual one.
    pub(super) fn input(self, object: Object, name: &str) -> Object {
        match self {
            Self::Sha256 => object,
            _ => object.text(name, self.name()),
        }
    }

    fn oaep(self) -> Oaep {
        match self {
            Self::Sha1 => Oaep::Sha1,
            Self::Sha256 => Oaep::Sha256,
            Self::Sha384 => Oaep::Sha384,
            Self::Sha512 => Oaep::Sha512,
        }
    }
}

impl FromStr for WrapHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const THERE_ARE: &str =
            "of hash functions for wrapping there are SHA1, SHA256, SHA384 and SHA512";
        match text.to_ascii_uppercase().as_str() {
            "SHA1" => Ok(Self::Sha1),
            "SHA256" => Ok(Self::Sha256),
            "SHA384" => Ok(Self::Sha384),
            "SHA512" => Ok(Self::Sha512),
            "SHA224" => Err(Error::new(ErrorKind::Unsupported, THERE_ARE)),
            _ => Err(Error::invalid(THERE_ARE)),
        }
    }
}

/// Returns the public key that keys are wrapped for, in PEM, making it at first.
pub(crate) struct WrappingKey<'d> {
    pub(crate) mount: &'d MountPath,
}

impl Operation for WrappingKey<'_> {
    type Reply = String;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}wrapping_key", cx.mount()?.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<String> {
        let key = match kept(cx)? {
            Some(key) => key,
            None => make(cx)?,
        };
        let version = key.to_use(0)?;
        let der = algorithm(version)?.to_spki(&version.stored.public);
        Ok(export::pem("PUBLIC KEY", &der).to_string())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, public: &String) -> Result<Response> {
        Ok(Response::data(Object::new().text("public_key", public)))
    }
}

fn wrapping_entry(mount: Mounted<'_>) -> Result<EntryPath> {
    let folder = layout::area(mount.namespace, "transit-wrapping").then(&mount.id.to_string());
    folder.entry("key")
}

fn kept(cx: &mut Context<'_, '_>) -> Result<Option<Arc<Prepared>>> {
    let path = wrapping_entry(cx.mount()?)?;
    cx.txn.load_kept(&path, Prepared::decode)
}

fn make(cx: &mut Context<'_, '_>) -> Result<Arc<Prepared>> {
    if !extended::BUILT {
        return Err(sign::needs_extension("importing wrapped keys"));
    }
    let mount = cx.mount()?;
    let id = cx
        .txn
        .unique(&[b"transit wrapping key", mount.id.as_bytes()])?;
    let kind = KeyType::Rsa4096;
    let mut key = Key::new(id, kind, NewKey::new(kind).rules()?);
    key.rotate(cx.txn)?;
    let path = wrapping_entry(mount)?;
    cx.txn.store(path, &key)?;
    Ok(Arc::new(Prepared::new(key)?))
}

/// Returns the key that was wrapped for the mount's wrapping key.
///
/// # Errors
/// `InvalidArgument`, the same for whatever is wrong; `Unsupported` without `crypto-ext`.
pub(super) fn unwrap(
    cx: &mut Context<'_, '_>,
    wrapped: &str,
    hash: WrapHash,
) -> Result<Zeroizing<Vec<u8>>> {
    if !extended::BUILT {
        return Err(sign::needs_extension("importing wrapped keys"));
    }
    let wrong = || {
        Error::invalid(
            "the key does not unwrap: it was wrapped for another wrapping key, by another hash \
             function, or it was changed",
        )
    };
    let key = kept(cx)?.ok_or_else(wrong)?;
    let open = || -> Option<Zeroizing<Vec<u8>>> {
        let wrapped = text::decode(Some(wrapped).filter(|text| text.len() <= MAX_WRAPPED)?)?;
        let (aes, wrapped) = wrapped.split_at_checked(WRAPPED_AES)?;
        let decryptor = key.to_use(0).ok()?.decryptor().ok()?;
        let aes = decryptor.decrypt(hash.oaep(), &[], aes)?;
        let aes: &[u8; 32] = aes.as_slice().try_into().ok()?;
        extended::unwrap(aes, wrapped)
    };
    open().ok_or_else(wrong)
}

/// Exports the versions of a key, or one of them, wrapped under an RSA key of the mount, which is
/// as a rule the public wrapping key of another mount or vault. Versions whose public key alone is
/// known are left out, as in OpenBao; one that is asked for by its number is refused.
pub(crate) struct ExportWrapped<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) destination: KeyName,
    pub(crate) source: KeyName,
    pub(crate) hash: WrapHash,
    /// `None`: all; 0: the newest.
    pub(crate) version: Option<u32>,
    /// How the path names the version.
    pub(crate) suffix: String,
}

/// Wrapped keys, by their versions.
pub(crate) struct Wrapped {
    pub(crate) kind: KeyType,
    pub(crate) keys: Vec<(u32, String)>,
}

impl Operation for ExportWrapped<'_> {
    type Reply = Wrapped;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "byok-export", &self.destination)?;
        let path = with_suffix(format!("{path}/{}", self.source.as_str()), &self.suffix);
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Wrapped> {
        let source = usable(cx, &self.source)?;
        let destination = usable(cx, &self.destination)?;
        if !destination.kind.is_rsa() {
            return Err(Error::invalid("keys are wrapped under RSA keys only"));
        }
        let under = destination.to_use(0)?;
        let mut versions = export::exportable(&source, self.version)?;
        if self.version.is_none() {
            versions.retain(|version| !version.stored.material.0.is_empty());
        }
        let mut keys = Vec::with_capacity(versions.len());
        for version in versions {
            let bytes = importable(version)?;
            let wrapped = wrap(cx, under, self.hash, &bytes)?;
            keys.push((version.number, wrapped));
        }
        let kind = source.kind;
        Ok(Wrapped { kind, keys })
    }

    fn input(&self) -> Json {
        self.hash.input(Object::new(), "hash").finish()
    }

    fn output(&self, wrapped: &Wrapped) -> Result<Response> {
        let mut keys = Object::new();
        for (version, text) in &wrapped.keys {
            keys = keys.text(&version.to_string(), text);
        }
        let object = Object::new()
            .object("keys", keys)
            .text("name", self.source.as_str())
            .text("type", wrapped.kind.name());
        Ok(Response::data(object))
    }
}

/// Returns a key as an import takes it: its bytes, or PKCS#8.
fn importable(version: Usable<'_>) -> Result<Zeroizing<Vec<u8>>> {
    let material = version.material()?;
    Ok(match version.kind {
        KeyType::MlKem768 => kem::to_pkcs8(material),
        kind => match kind.algorithm() {
            Some(algorithm) => algorithm.to_pkcs8(material, &version.stored.public),
            None => Zeroizing::new(material.to_vec()),
        },
    })
}

fn wrap(
    cx: &mut Context<'_, '_>,
    under: Usable<'_>,
    hash: WrapHash,
    bytes: &[u8],
) -> Result<String> {
    let aes = random_key(cx.txn.source())?;
    let public = &under.stored.public;
    let mut out = extended::encrypt(algorithm(under)?, public, hash.oaep(), &[], &*aes)?;
    out.extend(extended::wrap(&aes, bytes)?);
    Ok(BASE64.encode(&out))
}

fn algorithm(version: Usable<'_>) -> Result<Algorithm> {
    let none = || Error::corrupt("a wrapping key is not of RSA");
    version.kind.algorithm().ok_or_else(none)
}
