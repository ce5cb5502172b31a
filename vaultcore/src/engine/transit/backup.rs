//! A key with all its versions, in clear, for another vault or a later day.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::budget::Given;
use super::create::NewKey;
use super::key::{Key, Material};
use super::rotate::forget_due;
use super::{KIND, KeyName, api_path, entry, store, stored_in_use, text, use_entry};
use crate::crypto::kem;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::wire::{Json, Object, Response};

/// What a backup holds, in base64.
#[derive(Serialize, Deserialize)]
struct Backup {
    name: String,
    /// The key as it is stored.
    key: Material,
    /// How often it was used by then, as it is stored: copies go on from there.
    given: Material,
}

impl Record for Backup {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "transit backup";
}

/// Returns a key in clear, as [`Restore`] takes it.
pub(crate) struct TakeBackup<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
}

impl Operation for TakeBackup<'_> {
    type Reply = Zeroizing<String>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "backup", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let key = stored_in_use(cx, &self.name)?;
        if !key.rules.exportable || !key.rules.allow_plaintext_backup {
            return Err(Error::invalid(
                "a backup takes a key that is exportable and allows plaintext backups",
            ));
        }
        let uses = use_entry(cx.mount()?, &key.id)?;
        let given = cx.txn.load::<Given>(&uses)?.unwrap_or_default();
        let backup = Backup {
            name: self.name.as_str().to_owned(),
            key: Material(key.encode()?),
            given: Material(given.encode()?),
        };
        Ok(Zeroizing::new(BASE64.encode(&backup.encode()?)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, backup: &Self::Reply) -> Result<Response> {
        Ok(Response::data(Object::new().text("backup", backup)))
    }
}

/// Brings a key back from a backup.
pub(crate) struct Restore<'d> {
    pub(crate) mount: &'d MountPath,
    /// `None`: the name that it had.
    pub(crate) name: Option<KeyName>,
    pub(crate) backup: Zeroizing<String>,
    pub(crate) existing: Existing,
}

/// What becomes of a key that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

impl Operation for Restore<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = match &self.name {
            Some(name) => api_path(cx, "restore", name)?,
            None => format!("{}restore", cx.mount()?.path.as_str()),
        };
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let (backup, mut key, given) = read(&self.backup)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => KeyName::new(&backup.name)?,
        };
        let mount = cx.mount()?;
        let path = entry(cx, &name)?;
        if let Some(old) = cx.txn.load::<Key>(&path)? {
            if self.existing == Existing::Keep {
                return Err(Error::invalid(
                    "there is a key of this name already; force replaces it",
                ));
            }
            forget_due(cx.txn, old.rules.due, &old.id)?;
            let uses = use_entry(mount, &old.id)?;
            cx.txn.delete(uses);
        }
        // The copy counts by itself from here on.
        let bytes = name.as_str().as_bytes();
        key.id = cx
            .txn
            .unique(&[b"transit key", mount.id.as_bytes(), bytes])?;
        key.schedule(cx.txn.now());
        let uses = use_entry(mount, &key.id)?;
        cx.txn.store(uses, &given)?;
        store(cx.txn, path, &key, 0)
    }

    fn input(&self) -> Json {
        let object = Object::new().text("backup", &self.backup);
        match self.existing {
            Existing::Keep => object,
            Existing::Replace => object.flag("force", true),
        }
        .finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

fn read(backup: &str) -> Result<(Backup, Key, Given)> {
    let wrong = || Error::invalid("the backup is not one that this version reads");
    let read = || -> Option<(Backup, Key, Given)> {
        let bytes = text::decode(backup.trim())?;
        let backup = Backup::decode(&bytes).ok()?;
        let key = Key::decode(&backup.key.0).ok()?;
        let given = Given::decode(&backup.given.0).ok()?;
        Some((backup, key, given))
    };
    let (backup, key, given) = read().ok_or_else(wrong)?;
    key.kind()?.check_built()?;
    if !key.is_whole() {
        return Err(Error::invalid(
            "the key in the backup has a version that lacks what its type asks for",
        ));
    }
    NewKey::with_rules(key.kind()?, &key.rules).rules()?; // what no key can be made with
    key.rules.check_imported()?;
    if key.encode()?.len() > super::key::MAX_STORED {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "the key in the backup has more versions than one entry holds",
        ));
    }
    check_pairs(&key)?; // last, for it takes a moment for each version
    Ok((backup, key, given))
}

/// Checks that private and public keys belong together, as an import does.
fn check_pairs(key: &Key) -> Result<()> {
    let kind = key.kind()?;
    if !kind.has_public() {
        return Ok(());
    }
    for (number, version) in (key.first..).zip(&key.versions) {
        let (private, public) = (version.material.0.as_slice(), version.public.as_slice());
        let fits = match kind.algorithm() {
            Some(algorithm) => algorithm.is_pair(private, public)?,
            None => kem::is_pair(private, public),
        };
        if !fits {
            return Err(Error::invalid(format!(
                "version {number} of the key in the backup has parts that do not fit together, or \
                 that this build does not take"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::key::generate;
    use super::super::kind::KeyType;
    use super::*;
    use crate::clock::Timestamp;
    use crate::crypto::{self, rng::OsRandom};

    fn backup(kind: KeyType, change: impl Fn(&mut Key)) -> String {
        let rules = NewKey::new(kind).rules().expect("rules");
        let made = generate(kind, &rules, &OsRandom).expect("generated");
        let mut key = Key::new([7; 16], kind, rules);
        key.add(Timestamp::from_micros(1), made).expect("added");
        change(&mut key);
        let backup = Backup {
            name: "k".to_owned(),
            key: Material(key.encode().expect("encoded")),
            given: Material(Given::default().encode().expect("encoded")),
        };
        BASE64.encode(&backup.encode().expect("encoded"))
    }

    /// A backup is no more than its text: whoever wrote one may have written anything.
    #[test]
    fn no_backup_brings_a_key_that_could_not_be_made() {
        type Change = fn(&mut Key);
        let cases: [(KeyType, Change); 11] = [
            (KeyType::Hmac, |key| key.rules.key_size = 0),
            (KeyType::Hmac, |key| key.rules.derived = true),
            (KeyType::Aes256Gcm96, |key| key.rules.key_size = 64),
            (KeyType::Aes256Gcm96, |key| key.rules.convergent = true),
            (KeyType::Aes256Gcm96, |key| {
                key.rules.auto_rotate_seconds = 1
            }),
            (KeyType::EcdsaP256, |key| key.rules.derived = true),
            (KeyType::Aes256Gcm96, |key| {
                key.rules.imported = true;
                key.rules.auto_rotate_seconds = 3_600;
            }),
            (KeyType::Aes256Gcm96, |key| {
                key.rules.imported = true;
                (key.rules.derived, key.rules.convergent) = (true, true);
            }),
            (KeyType::Ed25519, |key| {
                (key.rules.imported, key.rules.derived) = (true, true);
                forget(key);
            }),
            (KeyType::Ed25519, forget), // it was not imported
            (KeyType::Hmac, forget),
        ];
        for (index, (kind, change)) in cases.into_iter().enumerate() {
            assert!(read(&backup(kind, |_| ())).is_ok(), "{index}");
            let error = read(&backup(kind, change)).err().expect("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{index}");
        }
    }

    /// Leaves of the only version what is public.
    fn forget(key: &mut Key) {
        for version in &mut key.versions {
            version.material = Material(Zeroizing::new(Vec::new()));
        }
    }

    #[test]
    fn no_backup_brings_parts_that_do_not_fit_together() {
        const POINTS: [KeyType; 2] = [KeyType::EcdsaP256, KeyType::EcdsaP384];
        const EXTENDED: [KeyType; 4] = [
            KeyType::EcdsaP521,
            KeyType::Rsa2048,
            KeyType::MlDsa65,
            KeyType::MlKem768,
        ];
        type Change = fn(&mut Key);
        let changes: [Change; 3] = [
            |key| key.versions[0].public[20] ^= 1,
            |key| {
                let end = key.versions[0].public.len();
                key.versions[0].public.truncate(end - 1);
            },
            |key| {
                let middle = key.versions[0].material.0.len() / 2;
                key.versions[0].material.0[middle] ^= 1;
            },
        ];
        let extended = EXTENDED.into_iter().filter(|_| crypto::extended::BUILT);
        for kind in POINTS.into_iter().chain([KeyType::Ed25519]).chain(extended) {
            assert!(read(&backup(kind, |_| ())).is_ok(), "{kind:?}");
            for (index, change) in changes.iter().enumerate() {
                let error = read(&backup(kind, change)).err();
                let error = error.unwrap_or_else(|| panic!("{kind:?}: change {index}"));
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{kind:?} {index}");
            }
        }
        for kind in POINTS {
            let alone = |change: Change| {
                backup(kind, |key| {
                    key.rules.imported = true;
                    forget(key);
                    change(key);
                })
            };
            assert!(read(&alone(|_| ())).is_ok(), "{kind:?}");
            assert!(read(&alone(changes[0])).is_err(), "{kind:?}: no point");
        }
    }

    #[test]
    fn what_an_import_allows_comes_back() {
        type Change = fn(&mut Key);
        let cases: [(KeyType, Change); 3] = [
            (KeyType::Ed25519, |key| {
                key.rules.imported = true;
                forget(key);
            }),
            (KeyType::Aes256Gcm96, |key| {
                (key.rules.imported, key.rules.allow_rotation) = (true, true);
                key.rules.auto_rotate_seconds = 3_600;
            }),
            (KeyType::Ed25519, |key| {
                (key.rules.imported, key.rules.derived) = (true, true);
            }),
        ];
        for (index, (kind, change)) in cases.into_iter().enumerate() {
            assert!(read(&backup(kind, change)).is_ok(), "{index}");
        }
    }
}
