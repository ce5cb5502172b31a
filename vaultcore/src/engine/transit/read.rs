//! Looking at keys, without what is secret of them.

use std::time::Duration;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::kind::KeyType;
use super::prepared::{Prepared, Usable};
use super::{KIND, KeyName, api_path, export, find, no_key, tree};
use crate::clock::Timestamp;
use crate::crypto::kem;
use crate::crypto::sign::Algorithm;
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Page, Response};

/// What is known of a key, but for its secrets.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory, transit::{KeyType, NewKey}};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().mount("transit", NewMount::transit())?;
/// let transit = owner.transit("transit")?;
/// let info = transit.create("app", &NewKey::new(KeyType::Ed25519))?;
/// assert_eq!((info.latest_version, info.versions.len()), (1, 1));
/// assert!(info.versions[0].public_key.is_some());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The name.
    pub name: String,
    /// What the key is.
    pub kind: KeyType,
    /// Whether each context has a key of its own.
    pub derived: bool,
    /// Whether equal plaintexts give equal ciphertexts.
    pub convergent: bool,
    /// Whether the key may be exported.
    pub exportable: bool,
    /// Whether the key may be backed up in clear.
    pub allow_plaintext_backup: bool,
    /// Whether the key may be deleted.
    pub deletion_allowed: bool,
    /// Whether the key was made elsewhere.
    pub imported: bool,
    /// Whether a key that was made elsewhere may be rotated.
    pub allow_rotation: bool,
    /// Whether the key is out of use until it is restored.
    pub soft_deleted: bool,
    /// The newest version.
    pub latest_version: u32,
    /// The oldest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The oldest version that encrypts and signs; 0 sets no bound.
    pub min_encryption_version: u32,
    /// The oldest version that was not trimmed; 0 if nothing was.
    pub min_available_version: u32,
    /// After which time the key is rotated by itself; zero for never.
    pub auto_rotate_period: Duration,
    /// The length of a key of type `hmac` in bytes; else 0.
    pub key_size: u16,
    /// The versions that may be used, oldest first.
    pub versions: Vec<KeyVersion>,
}

/// A version of a key.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// Its number, from 1.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// For a type that has one, the public key: PEM, or of Ed25519 its 32 bytes in base64.
    pub public_key: Option<String>,
}

impl KeyInfo {
    /// Describes `key`; the public keys of a derived one are those of `context`.
    pub(super) fn of(name: &str, key: &Prepared, context: Option<&[u8]>) -> Result<Self> {
        let rules = &key.key.rules;
        let mut versions = Vec::new();
        for number in rules.min_decryption..=key.key.latest() {
            if let Some(version) = key.version(number) {
                versions.push(KeyVersion {
                    version: number,
                    created: Timestamp::from_micros(version.stored.created),
                    public_key: public_key(version, rules.derived, context)?,
                });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            kind: key.kind,
            derived: rules.derived,
            convergent: rules.convergent,
            exportable: rules.exportable,
            allow_plaintext_backup: rules.allow_plaintext_backup,
            deletion_allowed: rules.deletion_allowed,
            imported: rules.imported,
            allow_rotation: rules.allow_rotation,
            soft_deleted: rules.soft_deleted,
            latest_version: key.key.latest(),
            min_decryption_version: rules.min_decryption,
            min_encryption_version: rules.min_encryption,
            min_available_version: rules.min_available,
            auto_rotate_period: Duration::from_secs(rules.auto_rotate_seconds),
            key_size: rules.key_size,
            versions,
        })
    }
}

/// Returns the public key as it is shown; that of a derived key takes a context.
fn public_key(
    version: Usable<'_>,
    derived: bool,
    context: Option<&[u8]>,
) -> Result<Option<String>> {
    if version.kind == KeyType::MlKem768 {
        let der = kem::to_spki(&version.stored.public);
        return Ok(Some(export::pem("PUBLIC KEY", &der).to_string()));
    }
    let Some(algorithm) = version.kind.algorithm() else {
        return Ok(None);
    };
    match (algorithm, derived, context) {
        (Algorithm::Ed25519, true, Some(context)) => {
            let pair = algorithm.pair_of_private(version.derived_seed(context)?)?;
            Ok(Some(BASE64.encode(&pair.public)))
        }
        (Algorithm::Ed25519, true, None) => Ok(None),
        (Algorithm::Ed25519, false, _) => Ok(Some(BASE64.encode(&version.stored.public))),
        _ => {
            let der = algorithm.to_spki(&version.stored.public);
            Ok(Some(export::pem("PUBLIC KEY", &der).to_string()))
        }
    }
}

/// Reads what is known of a key.
pub(crate) struct Read<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    /// For which the public keys of a derived key are shown.
    pub(crate) context: Option<Vec<u8>>,
}

impl Operation for Read<'_> {
    type Reply = KeyInfo;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "keys", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<KeyInfo> {
        let key = find(cx, &self.name)?.ok_or_else(no_key)?;
        KeyInfo::of(self.name.as_str(), &key, self.context.as_deref())
    }

    fn input(&self) -> Json {
        match &self.context {
            Some(context) => Object::new().text("context", &BASE64.encode(context)),
            None => Object::new(),
        }
        .finish()
    }

    fn output(&self, info: &KeyInfo) -> Result<Response> {
        Ok(Response::data(show(info)))
    }
}

/// Lists the names of all keys.
pub(crate) struct List<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) page: Option<Page>,
}

impl Operation for List<'_> {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}keys/", cx.mount()?.path.as_str());
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let tree = tree(cx.mount()?);
        let names = cx.txn.names(tree, "")?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        let none = || Object::new().finish();
        self.page.as_ref().map_or_else(none, Page::input)
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}

/// A key in Vault's shape.
pub(super) fn show(info: &KeyInfo) -> Object {
    let kind = info.kind;
    let mut object = Object::new()
        .flag("allow_plaintext_backup", info.allow_plaintext_backup)
        .number("auto_rotate_period", info.auto_rotate_period.as_secs())
        .flag("deletion_allowed", info.deletion_allowed)
        .flag("derived", info.derived)
        .flag("exportable", info.exportable)
        .flag("imported_key", info.imported)
        .number("latest_version", info.latest_version)
        .number("min_available_version", info.min_available_version)
        .number("min_decryption_version", info.min_decryption_version)
        .number("min_encryption_version", info.min_encryption_version)
        .text("name", &info.name)
        .flag("soft_deleted", info.soft_deleted)
        .flag("supports_decryption", kind.wraps())
        .flag("supports_derivation", kind.derives())
        .flag("supports_encryption", kind.encrypts())
        .flag("supports_signing", kind.signs())
        .text("type", kind.name());
    object = match info.kind {
        KeyType::Hmac => object.number("key_size", info.key_size),
        _ => object.object("keys", versions(info)),
    };
    if info.imported {
        object = object.flag("imported_key_allow_rotation", info.allow_rotation);
    }
    if info.derived {
        object = object.text("kdf", "hkdf_sha256");
        object = object.flag("convergent_encryption", info.convergent);
        if info.convergent {
            object = object.number("convergent_encryption_version", -1); // the newest there is
        }
    }
    object
}

fn versions(info: &KeyInfo) -> Object {
    let name = match info.kind {
        KeyType::EcdsaP256 => "P-256",
        KeyType::EcdsaP384 => "P-384",
        KeyType::EcdsaP521 => "P-521",
        kind => kind.name(),
    };
    let mut object = Object::new();
    for version in &info.versions {
        let number = version.version.to_string();
        object = if info.kind.has_public() {
            let public = version.public_key.as_deref().unwrap_or_default();
            let shown = Object::new()
                .text("certificate_chain", "")
                .time("creation_time", Some(version.created))
                .text("name", name)
                .text("public_key", public);
            object.object(&number, shown)
        } else {
            object.number(&number, version.created.as_micros() / 1_000_000)
        };
    }
    object
}
