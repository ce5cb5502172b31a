//! Keys in clear, for those that may leave.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::hmac::with_suffix;
use super::kind::KeyType;
use super::prepared::{Prepared, Usable};
use super::{KIND, KeyName, api_path, usable};
use crate::crypto::kem;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::secret::SecretWriter;
use crate::wire::{Json, Object, Response};

/// Which key of a version is exported.
///
/// ```
/// use vaultcore::transit::ExportType;
/// assert_eq!(ExportType::Signing.name(), "signing-key");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportType {
    /// The key that encrypts: base64 of its bytes, or PEM.
    Encryption,
    /// The key that signs: PEM (SEC1, PKCS#1, or of ML-DSA PKCS#8), or of Ed25519 base64 of seed and public key.
    Signing,
    /// The key for HMAC, in base64.
    Hmac,
    /// The public key: PEM, or of Ed25519 base64 of its bytes. Any key gives it.
    Public,
}

impl ExportType {
    const ALL: [Self; 4] = [Self::Encryption, Self::Signing, Self::Hmac, Self::Public];

    /// Returns the name, as in Vault.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encryption => "encryption-key",
            Self::Signing => "signing-key",
            Self::Hmac => "hmac-key",
            Self::Public => "public-key",
        }
    }

    pub(super) fn new(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            Error::invalid(
                "what is exported is encryption-key, signing-key, hmac-key or public-key",
            )
        })
    }
}

/// Exports the versions of a key, or one of them. Of a version whose public key alone is known the
/// private one is an empty text, as in OpenBao: it keeps no others from leaving.
pub(crate) struct Export<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) what: ExportType,
    /// `None`: all; 0: the newest.
    pub(crate) version: Option<u32>,
    /// How the path names the version.
    pub(crate) suffix: String,
}

/// Keys in clear, by their versions.
pub(crate) struct Exported {
    pub(crate) kind: KeyType,
    pub(crate) keys: Vec<(u32, Zeroizing<String>)>,
}

impl Operation for Export<'_> {
    type Reply = Exported;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let verb = format!("export/{}", self.what.name());
        let path = with_suffix(api_path(cx, &verb, &self.name)?, &self.suffix);
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Exported> {
        let key = usable(cx, &self.name)?;
        let versions = match self.what {
            ExportType::Public => versions(&key, self.version)?,
            _ => exportable(&key, self.version)?,
        };
        let mut keys = Vec::new();
        for version in versions {
            keys.push((version.number, show(version, self.what)?));
        }
        let kind = key.kind;
        Ok(Exported { kind, keys })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, exported: &Exported) -> Result<Response> {
        let mut keys = Object::new();
        for (version, text) in &exported.keys {
            keys = keys.text(&version.to_string(), text);
        }
        let object = Object::new()
            .object("keys", keys)
            .text("name", self.name.as_str())
            .text("type", exported.kind.name());
        Ok(Response::data(object))
    }
}

/// Returns the versions that are asked for, of a key that may leave.
pub(super) fn exportable(key: &Prepared, wanted: Option<u32>) -> Result<Vec<Usable<'_>>> {
    if !key.key.rules.exportable {
        return Err(Error::invalid("the key is not exportable"));
    }
    versions(key, wanted)
}

/// Returns all versions that the rules let be used, or the one that is `wanted`; 0 is the newest.
fn versions(key: &Prepared, wanted: Option<u32>) -> Result<Vec<Usable<'_>>> {
    let latest = key.key.latest();
    let numbers = match wanted {
        None => key.key.rules.min_decryption..=latest,
        Some(0) => latest..=latest,
        Some(version) => version..=version,
    };
    let none =
        || Error::invalid("the key has no such version, or one that is older than its rules allow");
    let found = numbers.map(|number| key.that_made(number).ok_or_else(none));
    found.collect()
}

fn show(version: Usable<'_>, what: ExportType) -> Result<Zeroizing<String>> {
    let unfit = || {
        let (kind, what) = (version.kind.name(), what.name());
        Error::invalid(format!("keys of type {kind} have no {what}"))
    };
    match what {
        ExportType::Hmac => Ok(base64(&version.stored.hmac.0)),
        ExportType::Encryption if version.kind.symmetric_length().is_some() => {
            Ok(base64(version.material()?))
        }
        ExportType::Encryption if version.kind.wraps() => private(version),
        ExportType::Signing if version.kind.signs() => private(version),
        ExportType::Public => public(version).ok_or_else(unfit),
        ExportType::Encryption | ExportType::Signing => Err(unfit()),
    }
}

fn base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(bytes))
}

/// Returns the private key; nothing if it is not known.
fn private(version: Usable<'_>) -> Result<Zeroizing<String>> {
    let material = version.stored.material.0.as_slice();
    if material.is_empty() {
        return Ok(Zeroizing::new(String::new()));
    }
    let public = &version.stored.public;
    if version.kind.is_rsa() {
        return Ok(pem("RSA PRIVATE KEY", material));
    }
    if version.kind == KeyType::MlKem768 {
        return Ok(pem("PRIVATE KEY", &kem::to_pkcs8(material)));
    }
    if version.kind == KeyType::Ed25519 {
        let both = Zeroizing::new([material, public].concat());
        return Ok(base64(&both));
    }
    let none = || Error::invalid("keys of this type do not sign");
    let algorithm = version.kind.algorithm().ok_or_else(none)?;
    if version.kind == KeyType::MlDsa65 {
        let der = algorithm.to_pkcs8(material, public);
        return Ok(pem("PRIVATE KEY", &der));
    }
    Ok(pem("EC PRIVATE KEY", &algorithm.to_sec1(material, public)))
}

fn public(version: Usable<'_>) -> Option<Zeroizing<String>> {
    let public = &version.stored.public;
    if version.kind == KeyType::MlKem768 {
        return Some(pem("PUBLIC KEY", &kem::to_spki(public)));
    }
    let algorithm = version.kind.algorithm()?;
    Some(match version.kind {
        KeyType::Ed25519 => base64(public),
        _ => pem("PUBLIC KEY", &algorithm.to_spki(public)),
    })
}

/// Returns `der` as PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let body = base64(der);
    let mut out = SecretWriter::with_capacity(body.len().saturating_mul(2).saturating_add(128));
    for part in ["-----BEGIN ", label, "-----\n"] {
        out.push(part.as_bytes());
    }
    for line in body.as_bytes().chunks(LINE) {
        out.push(line);
        out.push(b"\n");
    }
    for part in ["-----END ", label, "-----\n"] {
        out.push(part.as_bytes());
    }
    // All of it is ASCII.
    let text = String::from_utf8(out.into_bytes().to_vec());
    Zeroizing::new(text.unwrap_or_default())
}

/// Returns the bytes of the first PEM block called `label`.
pub(super) fn from_pem(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let (_, rest) = text.split_once(&begin)?;
    let (body, _) = rest.split_once(&end)?;
    let mut bare = Zeroizing::new(String::with_capacity(body.len()));
    bare.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    super::text::decode(&bare)
}
