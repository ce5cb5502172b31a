//! Keys that were made elsewhere.

use zeroize::Zeroizing;

use super::create::NewKey;
use super::key::{Key, Made};
use super::kind::KeyType;
use super::wrapping::{self, WrapHash};
use super::{KIND, KeyName, api_path, entry, export, find, store, stored_in_use, text};
use crate::crypto::kem;
use crate::crypto::rng::Random;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// A key as it is imported.
pub(crate) enum Imported {
    /// Its bytes, or of a key that signs PKCS#8, SEC1 or PKCS#1, in DER or PEM.
    Private(Zeroizing<Vec<u8>>),
    /// A public key, which verifies: PEM, or of Ed25519 base64 of its bytes.
    Public(String),
    /// A private key, wrapped for the wrapping key of the mount.
    Wrapped(String, WrapHash),
}

/// What an import becomes.
pub(crate) enum Into {
    /// A key that is not there yet.
    New(NewKey),
    /// One more version of a key, or the private key of its newest one if that lacks it and the two
    /// fit together.
    Next,
    /// The private key of a version that lacks it.
    Version(u32),
}

/// Imports a key, or of an imported one a version or what a version lacks.
pub(crate) struct Import<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) into: Into,
    pub(crate) key: Imported,
}

impl Operation for Import<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let end = match self.into {
            Into::New(_) => "import",
            Into::Next | Into::Version(_) => "import_version",
        };
        let path = format!("{}/{end}", api_path(cx, "keys", &self.name)?);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let path = entry(cx, &self.name)?;
        let (mut key, due) = match &self.into {
            Into::New(new) => (self.begin(cx, new)?, 0),
            Into::Next | Into::Version(_) => {
                let key = stored_in_use(cx, &self.name)?;
                if !key.rules.imported {
                    return Err(Error::invalid(
                        "versions are imported into keys that were imported themselves",
                    ));
                }
                let due = key.rules.due;
                (key, due)
            }
        };
        if key.rules.derived && matches!(self.key, Imported::Public(_)) {
            return Err(Error::invalid(
                "a derived key takes a private key: those of its contexts are made of it",
            ));
        }
        let made = self.read(cx, key.kind()?)?;
        if key.kind()? == KeyType::Hmac {
            key.rules.key_size = u16::try_from(made.material.len()).unwrap_or_default();
        }
        match self.into {
            Into::Version(number) => key.complete(number, made)?,
            Into::Next if key.is_completed_by(&made) => key.complete(key.latest(), made)?,
            Into::New(_) | Into::Next => key.add(cx.txn.now(), made)?,
        }
        store(cx.txn, path, &key, due)
    }

    fn input(&self) -> Json {
        let object = match &self.into {
            Into::New(new) => new.input(),
            Into::Next => Object::new(),
            Into::Version(number) => Object::new().number("version", *number),
        };
        match &self.key {
            Imported::Private(_) => object.text("ciphertext", ""),
            Imported::Public(text) => object.text("public_key", text),
            Imported::Wrapped(text, hash) => {
                hash.input(object.text("ciphertext", text), "hash_function")
            }
        }
        .finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

impl Import<'_> {
    /// Checks what is imported, and makes a version of it.
    fn read(&self, cx: &mut Context<'_, '_>, kind: KeyType) -> Result<Made> {
        kind.check_built()?;
        match &self.key {
            Imported::Private(bytes) => private(kind, bytes, cx.txn.source()),
            Imported::Public(text) => public_only(kind, text, cx.txn.source()),
            Imported::Wrapped(text, hash) => {
                let bytes = wrapping::unwrap(cx, text, *hash)?;
                private(kind, &bytes, cx.txn.source())
            }
        }
    }

    fn begin(&self, cx: &mut Context<'_, '_>, new: &NewKey) -> Result<Key> {
        if find(cx, &self.name)?.is_some() {
            return Err(Error::invalid(
                "there is a key of this name already; a version of it may be imported",
            ));
        }
        let mut rules = new.rules()?;
        rules.imported = true;
        rules.allow_rotation = new.allow_rotation;
        rules.check_imported()?;
        let mount = cx.mount()?;
        let id = cx.txn.unique(&[
            b"transit key",
            mount.id.as_bytes(),
            self.name.as_str().as_bytes(),
        ])?;
        Ok(Key::new(id, new.kind, rules))
    }
}

/// Makes a version of a public key.
fn public_only(kind: KeyType, text: &str, source: &dyn Random) -> Result<Made> {
    if !kind.has_public() {
        return Err(Error::invalid("keys of this type have no public key"));
    }
    let wrong = || Error::invalid("the public key is not one of the key's type");
    let public = public(kind, text).ok_or_else(wrong)?;
    Made::with_hmac(kind, Zeroizing::new(Vec::new()), public, source)
}

fn public(kind: KeyType, text: &str) -> Option<Vec<u8>> {
    match (export::from_pem("PUBLIC KEY", text), kind.algorithm()) {
        (Some(der), Some(algorithm)) => algorithm.public_of_spki(&der),
        (Some(der), None) => kem::public_of_spki(&der),
        (None, _) if kind == KeyType::Ed25519 => text::decode(text.trim())
            .filter(|bytes| bytes.len() == 32)
            .map(|bytes| bytes.to_vec()),
        (None, _) => None,
    }
}

fn private(kind: KeyType, bytes: &[u8], source: &dyn Random) -> Result<Made> {
    if kind.has_public() {
        let text = std::str::from_utf8(bytes).ok();
        let labels = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];
        let mut blocks = labels
            .iter()
            .filter_map(|label| export::from_pem(label, text?));
        let der = blocks.next();
        let bytes = der.as_ref().map_or(bytes, |der| der);
        let pair = match kind.algorithm() {
            Some(algorithm) => algorithm.read_private(bytes)?,
            None => kem::read_private(bytes)?,
        };
        return Made::with_hmac(kind, pair.private, pair.public, source);
    }
    let fits = match kind.symmetric_length() {
        Some(length) => bytes.len() == length,
        None => (32..=512).contains(&bytes.len()),
    };
    if !fits {
        return Err(Error::invalid(
            "the key has not the length that its type asks for",
        ));
    }
    Made::with_hmac(kind, Zeroizing::new(bytes.to_vec()), Vec::new(), source)
}
