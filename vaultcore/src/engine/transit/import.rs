//! Keys that were made elsewhere.

use zeroize::Zeroizing;

use super::create::NewKey;
use super::key::{Key, Made};
use super::kind::KeyType;
use super::{KIND, KeyName, api_path, entry, export, find, store, stored, text};
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
}

/// Imports a key, or one more version of an imported one.
pub(crate) struct Import<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    /// The key to be; `None` for one more version of one that is there.
    pub(crate) new: Option<NewKey>,
    pub(crate) key: Imported,
}

impl Operation for Import<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let end = match self.new {
            Some(_) => "import",
            None => "import_version",
        };
        let path = format!("{}/{end}", api_path(cx, "keys", &self.name)?);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let path = entry(cx, &self.name)?;
        let (mut key, due) = match &self.new {
            Some(new) => (self.begin(cx, new)?, 0),
            None => {
                let key = stored(cx, &self.name)?;
                if !key.rules.imported {
                    return Err(Error::invalid(
                        "versions are imported into keys that were imported themselves",
                    ));
                }
                let due = key.rules.due;
                (key, due)
            }
        };
        let made = self.key.read(key.kind()?, cx.txn.source())?;
        if key.kind()? == KeyType::Hmac {
            key.rules.key_size = u16::try_from(made.material.len()).unwrap_or_default();
        }
        key.add(cx.txn.now(), made)?;
        store(cx.txn, path, &key, due)
    }

    fn input(&self) -> Json {
        let object = self.new.as_ref().map_or_else(Object::new, NewKey::input);
        match &self.key {
            Imported::Private(_) => object.text("ciphertext", ""),
            Imported::Public(text) => object.text("public_key", text),
        }
        .finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

impl Import<'_> {
    fn begin(&self, cx: &mut Context<'_, '_>, new: &NewKey) -> Result<Key> {
        if find(cx, &self.name)?.is_some() {
            return Err(Error::invalid(
                "there is a key of this name already; a version of it may be imported",
            ));
        }
        if new.convergent {
            return Err(Error::invalid("an imported key cannot be convergent"));
        }
        let mut rules = new.rules()?;
        rules.imported = true;
        rules.allow_rotation = new.allow_rotation;
        if rules.auto_rotate_seconds > 0 && !rules.allow_rotation {
            return Err(Error::invalid(
                "an imported key is rotated by itself only if its rotation is allowed",
            ));
        }
        let mount = cx.mount()?;
        let id = cx.txn.unique(&[
            b"transit key",
            mount.id.as_bytes(),
            self.name.as_str().as_bytes(),
        ])?;
        Ok(Key::new(id, new.kind, rules))
    }
}

impl Imported {
    /// Checks the key, and makes a version of it.
    fn read(&self, kind: KeyType, source: &dyn Random) -> Result<Made> {
        kind.check_built()?;
        match self {
            Self::Private(bytes) => private(kind, bytes, source),
            Self::Public(text) => {
                if !kind.has_public() {
                    return Err(Error::invalid("keys of this type have no public key"));
                }
                let wrong = || Error::invalid("the public key is not one of the key's type");
                let public = public(kind, text).ok_or_else(wrong)?;
                Made::with_hmac(kind, Zeroizing::new(Vec::new()), public, source)
            }
        }
    }
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
