//! Making a key.

use std::time::Duration;

use super::key::{Key, Rules};
use super::kind::KeyType;
use super::read::KeyInfo;
use super::{KIND, KeyName, api_path, entry, find, no_key, read, store};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// The shortest time after which a key is rotated by itself.
const SHORTEST_PERIOD: Duration = Duration::from_secs(3_600);
/// How long a key of type `hmac` is unless told otherwise.
const HMAC_SIZE: u16 = 32;

/// A key to be made.
///
/// ```
/// use vaultcore::transit::{KeyType, NewKey};
/// let plain = NewKey::new(KeyType::Aes256Gcm96);
/// let signing = NewKey::new(KeyType::Ed25519).exportable(true);
/// # let _ = (plain, signing);
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    pub(super) kind: KeyType,
    pub(super) derived: bool,
    pub(super) convergent: bool,
    pub(super) exportable: bool,
    pub(super) allow_plaintext_backup: bool,
    pub(super) auto_rotate: Duration,
    pub(super) key_size: Option<u16>,
    /// Whether an imported key may be rotated.
    pub(super) allow_rotation: bool,
}

impl Default for NewKey {
    fn default() -> Self {
        Self::new(KeyType::default())
    }
}

impl NewKey {
    /// A key of this type, which stays in the vault.
    pub fn new(kind: KeyType) -> Self {
        Self {
            kind,
            derived: false,
            convergent: false,
            exportable: false,
            allow_plaintext_backup: false,
            auto_rotate: Duration::ZERO,
            key_size: None,
            allow_rotation: false,
        }
    }

    /// Makes a key of its own for each context, which every call then names.
    pub fn derived(mut self, derived: bool) -> Self {
        self.derived = derived;
        self
    }

    /// Lets equal plaintexts with equal context and associated data give equal ciphertexts. The key
    /// is derived, too.
    pub fn convergent(mut self, convergent: bool) -> Self {
        self.convergent = convergent;
        self
    }

    /// Lets the key be exported. This cannot be taken back.
    pub fn exportable(mut self, exportable: bool) -> Self {
        self.exportable = exportable;
        self
    }

    /// Lets the key be backed up in clear. This cannot be taken back.
    pub fn allow_plaintext_backup(mut self, allow: bool) -> Self {
        self.allow_plaintext_backup = allow;
        self
    }

    /// Rotates the key by itself after `period`, at least an hour; zero is never. It happens in
    /// [`Vault::tick`](crate::Vault::tick).
    pub fn auto_rotate(mut self, period: Duration) -> Self {
        self.auto_rotate = period;
        self
    }

    /// Sets the length of a key of type `hmac`: 32 to 512 bytes, 32 unless told otherwise.
    pub fn key_size(mut self, bytes: u16) -> Self {
        self.key_size = Some(bytes);
        self
    }

    /// Lets an imported key be rotated; other keys always may.
    pub fn allow_rotation(mut self, allow: bool) -> Self {
        self.allow_rotation = allow;
        self
    }

    /// Returns the wishes that make a key with `rules`.
    pub(super) fn with_rules(kind: KeyType, rules: &Rules) -> Self {
        Self {
            kind,
            derived: rules.derived,
            convergent: rules.convergent,
            exportable: rules.exportable,
            allow_plaintext_backup: rules.allow_plaintext_backup,
            auto_rotate: Duration::from_secs(rules.auto_rotate_seconds),
            key_size: Some(rules.key_size),
            allow_rotation: rules.allow_rotation,
        }
    }

    /// Checks the wishes, and returns the rules of a key that has them.
    pub(super) fn rules(&self) -> Result<Rules> {
        self.kind.check_built()?;
        if self.derived && !self.kind.derives() {
            return Err(Error::invalid("keys of this type cannot be derived"));
        }
        if self.convergent && !self.derived {
            return Err(Error::invalid("a convergent key is a derived one"));
        }
        if self.convergent && self.kind.symmetric_length().is_none() {
            return Err(Error::invalid("only keys that encrypt can be convergent"));
        }
        Ok(Rules {
            derived: self.derived,
            convergent: self.convergent,
            exportable: self.exportable,
            allow_plaintext_backup: self.allow_plaintext_backup,
            deletion_allowed: false,
            imported: false,
            allow_rotation: false,
            soft_deleted: false,
            min_decryption: 1,
            min_encryption: 0,
            min_available: 0,
            auto_rotate_seconds: period(self.auto_rotate)?,
            due: 0,
            key_size: self.size()?,
        })
    }

    fn size(&self) -> Result<u16> {
        match (self.kind, self.key_size) {
            (KeyType::Hmac, None) => Ok(HMAC_SIZE),
            (KeyType::Hmac, Some(size)) if (32..=512).contains(&size) => Ok(size),
            (KeyType::Hmac, Some(_)) => {
                Err(Error::invalid("a key of type hmac has 32 to 512 bytes"))
            }
            (_, None | Some(0)) => Ok(0),
            _ => Err(Error::invalid("only keys of type hmac are given a size")),
        }
    }

    /// Says what is not as usual.
    pub(super) fn input(&self) -> Object {
        let mut object = Object::new();
        if self.kind != KeyType::default() {
            object = object.text("type", self.kind.name());
        }
        for (name, value) in [
            ("derived", self.derived),
            ("convergent_encryption", self.convergent),
            ("exportable", self.exportable),
            ("allow_plaintext_backup", self.allow_plaintext_backup),
            ("allow_rotation", self.allow_rotation),
        ] {
            if value {
                object = object.flag(name, true);
            }
        }
        if !self.auto_rotate.is_zero() {
            object = object.number("auto_rotate_period", self.auto_rotate.as_secs());
        }
        match self.key_size {
            Some(size) => object.number("key_size", size),
            None => object,
        }
    }
}

/// Returns the seconds of a time after which a key is rotated by itself.
pub(super) fn period(period: Duration) -> Result<u64> {
    if period.is_zero() || period >= SHORTEST_PERIOD {
        return Ok(period.as_secs());
    }
    Err(Error::invalid(
        "auto_rotate_period is 0, or at least an hour",
    ))
}

/// Makes a key that is not there yet.
pub(super) fn make(cx: &mut Context<'_, '_>, name: &KeyName, new: &NewKey) -> Result<()> {
    let rules = new.rules()?;
    let mount = cx.mount()?;
    let id = cx.txn.unique(&[
        b"transit key",
        mount.id.as_bytes(),
        name.as_str().as_bytes(),
    ])?;
    let mut key = Key::new(id, new.kind, rules);
    key.rotate(cx.txn)?;
    let path = entry(cx, name)?;
    store(cx.txn, path, &key, 0)
}

/// Makes a key. One that is there already stays as it is.
pub(crate) struct Create<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) new: NewKey,
}

/// What making a key came to.
pub(crate) struct Created {
    pub(crate) info: KeyInfo,
    /// Whether it was there already.
    pub(crate) existed: bool,
}

impl Operation for Create<'_> {
    type Reply = Created;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "keys", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Created> {
        let existed = find(cx, &self.name)?.is_some();
        if !existed {
            make(cx, &self.name, &self.new)?;
        }
        let key = find(cx, &self.name)?.ok_or_else(no_key)?;
        let info = KeyInfo::of(self.name.as_str(), &key, None)?;
        Ok(Created { info, existed })
    }

    fn input(&self) -> Json {
        self.new.input().finish()
    }

    fn output(&self, created: &Created) -> Result<Response> {
        let mut response = Response::data(read::show(&created.info));
        if created.existed {
            let warning = "the key existed already, and was not changed";
            response = response.warned(vec![warning.into()]);
        }
        Ok(response)
    }
}
