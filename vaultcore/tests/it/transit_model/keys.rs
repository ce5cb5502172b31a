//! Keys that come from outside, or leave, in the model.

use vaultcore::ErrorKind;
use vaultcore::transit::KeyType;

use super::model::{Checked, Model, REFUSED, Source, begin, encrypts, picked, signs};
use super::reply::{Outcome, Reply};
use super::rules::Planted;
use super::step::{Name, New, Part};

/// The number of the first secret that comes from outside.
const OUTSIDE: u32 = 1_000_000;

impl Model {
    pub(super) fn import(
        &mut self,
        name: Name,
        new: &New,
        which: u8,
        public_only: bool,
    ) -> Checked {
        let secret = OUTSIDE + u32::from(material(new.kind, which)[0]);
        let source = Source::Known {
            secret,
            public_only,
        };
        self.take(name, new, source)
    }

    fn take(&mut self, name: Name, new: &New, source: Source) -> Checked {
        let unreadable = matches!(new.kind, KeyType::EcdsaP256 | KeyType::EcdsaP384)
            && matches!(source, Source::Known { secret, .. } if secret > OUTSIDE);
        let alone = new.auto > 0 && !new.rotation;
        if self.keys.contains_key(name) || new.convergent || alone || unreadable {
            return Err(REFUSED);
        }
        let mut key = begin(new)?;
        key.imported = true;
        self.keys.insert(name, key);
        self.add(name, source);
        Ok(())
    }

    pub(super) fn import_version(&mut self, name: Name, which: u8) -> Checked {
        let any = self.is(Planted::AnyTakesVersions);
        let key = self.key(name)?;
        let kind = key.new.kind;
        let unreadable = matches!(kind, KeyType::EcdsaP256 | KeyType::EcdsaP384);
        if !key.imported && !any || unreadable || key.soft_deleted {
            return Err(REFUSED);
        }
        let secret = OUTSIDE + u32::from(material(kind, which)[0]);
        let key = self.keys.get_mut(name);
        let newest = key.and_then(|key| key.versions.last_mut());
        if let Some(newest) = newest.filter(|it| it.public_only && it.secret == secret) {
            newest.public_only = false; // the private key of a public one
            return Ok(());
        }
        let source = Source::Known {
            secret,
            public_only: false,
        };
        self.add(name, source);
        Ok(())
    }

    pub(super) fn carry(&mut self, from: Name, to: Name) -> Checked {
        let key = self.usable(from)?;
        let newest = key.versions[key.versions.len() - 1];
        let old = key.versions.iter().rev().take_while(|version| {
            // All that may decrypt is exported, and a public key alone cannot be.
            !version.public_only
        });
        let shown = (key.latest() - key.min_decryption + 1) as usize;
        if !key.new.exportable || old.count() < shown {
            return Err(REFUSED);
        }
        let source = Source::Known {
            secret: newest.secret,
            public_only: false,
        };
        self.take(to, &carried(key.new.kind, key.new.derived), source)
    }

    pub(super) fn export(&mut self, name: Name, part: Part) -> Outcome {
        let key = self.usable(name)?;
        let kind = key.new.kind;
        let fits = match part {
            Part::Hmac => true,
            Part::Encryption => encrypts(kind),
            Part::Signing | Part::Public => signs(kind),
        };
        if !key.new.exportable && part != Part::Public || !fits {
            return Err(REFUSED);
        }
        let from = match self.is(Planted::ExportShowsAll) {
            true => key.first,
            false => key.min_decryption,
        };
        let mut exported = Vec::new();
        for number in from..=key.latest() {
            let version = key.version(number).ok_or(REFUSED)?;
            if part == Part::Signing && version.public_only {
                return Err(REFUSED);
            }
            let secret = match part {
                Part::Hmac => version.mac,
                _ => version.secret,
            };
            exported.push((number, self.exported.of((part, secret))));
        }
        Ok(Reply::Exported(exported))
    }

    pub(super) fn back_up(&mut self, name: Name) -> Checked {
        let key = self.keys.get(name).ok_or(ErrorKind::NotFound)?;
        let may = key.new.backup || self.is(Planted::BackupIsFree);
        let gone = key.soft_deleted && !self.is(Planted::SoftDeletedLeaves);
        if !key.new.exportable || !may || gone {
            return Err(REFUSED);
        }
        self.backups.push(key.clone());
        Ok(())
    }

    pub(super) fn restore(&mut self, name: Name, pick: usize, force: bool) -> Checked {
        let Some(index) = picked(pick, self.backups.len()) else {
            return Ok(());
        };
        let free = force || self.is(Planted::RestoreOverwrites);
        if self.keys.contains_key(name) && !free {
            return Err(REFUSED);
        }
        let mut key = self.backups[index].clone();
        key.schedule(self.now);
        key.counted = true;
        if self.is(Planted::RestoreResetsRules) {
            (key.min_decryption, key.min_encryption) = (key.first, 0);
        }
        if self.is(Planted::RestoreIsAnother) {
            for version in &mut key.versions {
                version.secret = self.drawn();
            }
        }
        self.keys.insert(name, key);
        Ok(())
    }
}

/// Returns the key material with a number: other bytes for each type.
pub(crate) fn material(kind: KeyType, which: u8) -> Vec<u8> {
    let place = KeyType::ALL.iter().position(|known| *known == kind);
    let length = match kind {
        KeyType::Aes128Gcm96 => 16,
        _ => 32,
    };
    vec![place.unwrap_or(0) as u8 * 8 + which; length]
}

/// Returns what a key becomes that was exported elsewhere.
pub(crate) fn carried(kind: KeyType, derived: bool) -> New {
    New {
        derived,
        exportable: true,
        backup: true,
        rotation: true,
        ..New::of(kind)
    }
}
