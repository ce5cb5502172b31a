//! The rules of a key, and its end.

use std::time::Duration;

use super::budget::Given;
use super::create::period;
use super::key::Key;
use super::{KIND, KeyName, api_path, entry, store, stored, use_entry};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// A change of a key's rules: only what is set is changed.
///
/// ```
/// use vaultcore::transit::KeyUpdate;
/// let update = KeyUpdate::new().min_decryption_version(3).deletion_allowed(true);
/// # let _ = update;
/// ```
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUpdate {
    min_decryption: Option<u32>,
    min_encryption: Option<u32>,
    deletion_allowed: Option<bool>,
    exportable: Option<bool>,
    allow_plaintext_backup: Option<bool>,
    auto_rotate: Option<Duration>,
}

impl KeyUpdate {
    /// Creates an update that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the oldest version that decrypts and verifies, from 1 to the newest.
    pub fn min_decryption_version(mut self, version: u32) -> Self {
        self.min_decryption = Some(version);
        self
    }

    /// Sets the oldest version that encrypts and signs if it is asked for; 0 sets no bound.
    pub fn min_encryption_version(mut self, version: u32) -> Self {
        self.min_encryption = Some(version);
        self
    }

    /// Sets whether the key may be deleted; at first it may not.
    pub fn deletion_allowed(mut self, allowed: bool) -> Self {
        self.deletion_allowed = Some(allowed);
        self
    }

    /// Lets the key be exported. `false` changes nothing: this cannot be taken back.
    pub fn exportable(mut self, exportable: bool) -> Self {
        self.exportable = Some(exportable);
        self
    }

    /// Lets the key be backed up in clear. `false` changes nothing: this cannot be taken back.
    pub fn allow_plaintext_backup(mut self, allow: bool) -> Self {
        self.allow_plaintext_backup = Some(allow);
        self
    }

    /// Sets after which time the key is rotated by itself, at least an hour; zero is never.
    pub fn auto_rotate(mut self, period: Duration) -> Self {
        self.auto_rotate = Some(period);
        self
    }

    fn apply(&self, key: &mut Key) -> Result<()> {
        let latest = key.latest();
        let first = key.first;
        let rules = &mut key.rules;
        if let Some(version) = self.min_decryption {
            // 0 is 1, as in Vault.
            rules.min_decryption = version.max(1);
        }
        if let Some(version) = self.min_encryption {
            rules.min_encryption = version;
        }
        if !(first..=latest).contains(&rules.min_decryption) {
            return Err(Error::invalid(
                "min_decryption_version is a version that the key has",
            ));
        }
        let encryption = rules.min_encryption;
        if encryption != 0 && !(rules.min_decryption..=latest).contains(&encryption) {
            return Err(Error::invalid(
                "min_encryption_version is 0, or from min_decryption_version to the newest",
            ));
        }
        if let Some(allowed) = self.deletion_allowed {
            rules.deletion_allowed = allowed;
        }
        rules.exportable |= self.exportable == Some(true);
        rules.allow_plaintext_backup |= self.allow_plaintext_backup == Some(true);
        if let Some(wish) = self.auto_rotate {
            let seconds = period(wish)?;
            if seconds > 0 && rules.imported && !rules.allow_rotation {
                return Err(Error::invalid(
                    "an imported key is rotated only if its import allowed that",
                ));
            }
            rules.auto_rotate_seconds = seconds;
        }
        Ok(())
    }

    fn input(&self) -> Json {
        let mut object = Object::new();
        for (name, value) in [
            ("min_decryption_version", self.min_decryption),
            ("min_encryption_version", self.min_encryption),
        ] {
            if let Some(value) = value {
                object = object.number(name, value);
            }
        }
        for (name, value) in [
            ("deletion_allowed", self.deletion_allowed),
            ("exportable", self.exportable),
            ("allow_plaintext_backup", self.allow_plaintext_backup),
        ] {
            if let Some(value) = value {
                object = object.flag(name, value);
            }
        }
        if let Some(period) = self.auto_rotate {
            object = object.number("auto_rotate_period", period.as_secs());
        }
        object.finish()
    }
}

/// What is done to a key as a whole.
#[derive(Clone)]
pub(crate) enum Change {
    /// Changes its rules.
    Configure(KeyUpdate),
    /// Removes the versions before this one for good.
    Trim(u32),
    /// Takes it out of use.
    SoftDelete,
    /// Puts it into use again.
    SoftRestore,
}

/// Changes a key as a whole.
pub(crate) struct Manage<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) change: Change,
}

impl Operation for Manage<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let end = match self.change {
            Change::Configure(_) => "config",
            Change::Trim(_) => "trim",
            Change::SoftDelete => "soft-delete",
            Change::SoftRestore => "soft-delete-restore",
        };
        let path = format!("{}/{end}", api_path(cx, "keys", &self.name)?);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let path = entry(cx, &self.name)?;
        let mut key = stored(cx, &self.name)?;
        let due = key.rules.due;
        match &self.change {
            Change::Configure(update) => {
                let period = key.rules.auto_rotate_seconds;
                update.apply(&mut key)?;
                if key.rules.auto_rotate_seconds != period {
                    key.schedule(cx.txn.now());
                }
            }
            Change::Trim(first) => trim(cx, &mut key, *first)?,
            Change::SoftDelete => key.rules.soft_deleted = true,
            Change::SoftRestore => key.rules.soft_deleted = false,
        }
        store(cx.txn, path, &key, due)
    }

    fn input(&self) -> Json {
        match &self.change {
            Change::Configure(update) => update.input(),
            Change::Trim(first) => Object::new()
                .number("min_available_version", *first)
                .finish(),
            Change::SoftDelete | Change::SoftRestore => Object::new().finish(),
        }
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

fn trim(cx: &mut Context<'_, '_>, key: &mut Key, first: u32) -> Result<()> {
    let rules = &key.rules;
    if rules.min_encryption == 0 {
        return Err(Error::invalid(
            "before versions are trimmed, min_encryption_version is set",
        ));
    }
    if first > rules.min_decryption || first > rules.min_encryption {
        return Err(Error::invalid(
            "min_available_version is at most min_decryption_version and min_encryption_version",
        ));
    }
    if first < key.first || first == 0 {
        return Err(Error::invalid(
            "versions that were trimmed do not come back: min_available_version only grows",
        ));
    }
    let gone = usize::try_from(first.saturating_sub(key.first)).unwrap_or(usize::MAX);
    key.versions.drain(..gone.min(key.versions.len()));
    key.first = first;
    key.rules.min_available = first;
    let path = use_entry(cx.mount()?, &key.id)?;
    if let Some(mut given) = cx.txn.load::<Given>(&path)? {
        given.trim(first);
        cx.txn.store(path, &given)?;
    }
    Ok(())
}
