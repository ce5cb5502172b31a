//! Keys as plain lists of numbers, each of which stands for a secret.

use std::collections::BTreeMap;

use vaultcore::ErrorKind;
use vaultcore::transit::KeyType;

use super::data::{Mac, Sealed, Signed};
use super::reply::{Info, Numbers, Outcome, Reply};
use super::rules::Planted;
use super::step::{Change, NAMES, Name, New, Part, Step};

pub(crate) const REFUSED: ErrorKind = ErrorKind::InvalidArgument;

pub(crate) type Checked<T = ()> = Result<T, ErrorKind>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    pub(crate) secret: u32,
    /// The key for HMAC.
    pub(crate) mac: u32,
    pub(crate) public_only: bool,
    created: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) new: New,
    pub(crate) deletion: bool,
    pub(crate) imported: bool,
    pub(crate) soft_deleted: bool,
    pub(crate) first: u32,
    pub(crate) versions: Vec<Version>,
    pub(crate) min_decryption: u32,
    pub(crate) min_encryption: u32,
    pub(crate) min_available: u32,
    pub(crate) due: u64,
    /// Whether its uses are counted, which begins with the first one.
    pub(crate) counted: bool,
}

impl Key {
    pub(crate) fn latest(&self) -> u32 {
        self.first + self.versions.len() as u32 - 1
    }

    pub(crate) fn version(&self, number: u32) -> Option<&Version> {
        let index = number.checked_sub(self.first)?;
        self.versions.get(index as usize)
    }

    fn info(&self) -> Info {
        let new = &self.new;
        let shown = self.min_decryption.max(self.first)..=self.latest();
        let created = |number| self.version(number).map_or(0, |version| version.created);
        Info {
            kind: new.kind,
            flags: [
                new.derived,
                new.convergent,
                new.exportable,
                new.backup,
                self.deletion,
                self.imported,
                self.imported && new.rotation,
                self.soft_deleted,
            ],
            latest: self.latest(),
            minimum: [self.min_decryption, self.min_encryption, self.min_available],
            auto: new.auto,
            size: if new.kind == KeyType::Hmac { 32 } else { 0 },
            versions: shown.map(|number| (number, created(number))).collect(),
        }
    }

    /// Says anew when it is due.
    pub(super) fn schedule(&mut self, now: u64) {
        self.due = match self.new.auto {
            0 => 0,
            auto => now + auto,
        };
    }
}

/// Where key material comes from.
pub(super) enum Source {
    Drawn,
    Known { secret: u32, public_only: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    planted: Planted,
    pub(crate) now: u64,
    pub(crate) keys: BTreeMap<Name, Key>,
    secrets: u32,
    upsert: bool,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) signed: Vec<Signed>,
    pub(crate) macs: Vec<Mac>,
    pub(crate) backups: Vec<Key>,
    pub(super) exported: Numbers<(Part, u32)>,
    /// Only for planted faults: the deleted keys, and what a handle does not know yet.
    graves: BTreeMap<Name, Version>,
    active: usize,
    late: [BTreeMap<Name, u32>; 2],
}

impl Model {
    pub(crate) fn new(planted: Planted, now: u64) -> Self {
        Self {
            planted,
            now,
            keys: BTreeMap::new(),
            secrets: 0,
            upsert: true,
            sealed: Vec::new(),
            signed: Vec::new(),
            macs: Vec::new(),
            backups: Vec::new(),
            exported: Numbers::default(),
            graves: BTreeMap::new(),
            active: 0,
            late: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    pub(crate) fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    /// Applies a step, and returns what a vault answers.
    pub(crate) fn apply(&mut self, step: &Step) -> Outcome {
        let done = |()| Reply::Done;
        match step {
            Step::Create(name, new) => self.create(name, new),
            Step::Rotate(name) => self.rotate(name),
            Step::Configure(name, change) => self.configure(name, change).map(done),
            Step::Trim(name, first) => self.trim(name, *first).map(done),
            Step::SoftDelete(name) => self.soften(name, true).map(done),
            Step::SoftRestore(name) => self.soften(name, false).map(done),
            Step::Delete(name) => self.delete(name).map(done),
            Step::Import(name, new, which) => self.import(name, new, *which, false).map(done),
            Step::ImportPublic(name, new, which) => self.import(name, new, *which, true).map(done),
            Step::ImportVersion(name, which) => self.import_version(name, *which).map(done),
            Step::Carry(from, to) => self.carry(from, to).map(done),
            Step::Export(name, part) => self.export(name, *part),
            Step::Backup(name) => self.back_up(name).map(done),
            Step::Restore(name, pick, force) => self.restore(name, *pick, *force).map(done),
            Step::Upsert(allowed) => {
                self.upsert = *allowed;
                Ok(Reply::Done)
            }
            Step::Read(name) => Ok(Reply::Info(self.key(name)?.info())),
            Step::List => {
                let listed = NAMES
                    .into_iter()
                    .filter(|name| self.keys.contains_key(name));
                Ok(Reply::Names(listed.collect()))
            }
            Step::Advance(seconds) => {
                self.now += seconds;
                if self.is(Planted::RotatesAlone) {
                    self.tick();
                }
                Ok(Reply::Done)
            }
            Step::Tick => {
                self.tick();
                Ok(Reply::Done)
            }
            Step::Switch => {
                self.active = 1 - self.active;
                Ok(Reply::Done)
            }
            Step::SealAndUnseal => {
                self.late[self.active].clear();
                Ok(Reply::Done)
            }
            Step::Crash(..) => Ok(Reply::Done),
            used => self.used(used),
        }
    }

    /// The process is gone, and another one goes on.
    pub(crate) fn crashed(&mut self) {
        self.late = [BTreeMap::new(), BTreeMap::new()];
        if self.is(Planted::CrashLosesDue) {
            self.keys.values_mut().for_each(|key| key.due = 0);
        }
    }

    pub(crate) fn key(&mut self, name: &str) -> Checked<&mut Key> {
        self.keys.get_mut(name).ok_or(ErrorKind::NotFound)
    }

    /// Returns the key for what is done with it.
    pub(crate) fn usable(&self, name: &str) -> Checked<Key> {
        let key = self.keys.get(name).ok_or(ErrorKind::NotFound)?;
        match key.soft_deleted && !self.is(Planted::SoftDeletedWorks) {
            true => Err(REFUSED),
            false => Ok(key.clone()),
        }
    }

    pub(super) fn drawn(&mut self) -> u32 {
        self.secrets += 1;
        self.secrets
    }

    fn create(&mut self, name: Name, new: &New) -> Outcome {
        if !self.keys.contains_key(name) || self.is(Planted::CreateResets) {
            let begun = begin(new)?;
            self.keys.insert(name, begun);
            self.add(name, Source::Drawn);
            let (reborn, grave) = (self.is(Planted::NameIsTheKey), self.graves.get(name));
            if let Some(old) = grave.copied().filter(|_| reborn) {
                self.key(name)?.versions[0].secret = old.secret;
            }
        }
        Ok(Reply::Info(self.key(name)?.info()))
    }

    /// Makes the key that something is to be encrypted under.
    pub(crate) fn make_missing(&mut self, name: Name, derived: bool) -> Checked {
        if !self.upsert && !self.is(Planted::UpsertIsFree) {
            return Err(REFUSED);
        }
        let new = New {
            derived: derived && !self.is(Planted::UpsertIsPlain),
            ..New::of(KeyType::Aes256Gcm96)
        };
        self.create(name, &new).map(drop)
    }

    pub(super) fn add(&mut self, name: Name, source: Source) {
        let (drawn, mac, created) = (self.drawn(), self.drawn(), self.now);
        let one_mac = self.is(Planted::OneMacKey);
        let (secret, public_only) = match source {
            Source::Drawn => (drawn, false),
            Source::Known {
                secret,
                public_only,
            } => (secret, public_only),
        };
        let Some(key) = self.keys.get_mut(name) else {
            return;
        };
        let mac = match (key.new.kind, key.versions.first()) {
            (KeyType::Hmac, _) => secret,
            (_, Some(first)) if one_mac => first.mac,
            _ => mac,
        };
        key.versions.push(Version {
            secret,
            mac,
            public_only,
            created,
        });
        key.schedule(created);
    }

    fn rotate(&mut self, name: Name) -> Outcome {
        let free = self.is(Planted::ImportedRotates);
        let key = self.key(name)?;
        if key.imported && !key.new.rotation && !free || key.soft_deleted {
            return Err(REFUSED);
        }
        let (old, due) = (key.latest(), key.due);
        self.add(name, Source::Drawn);
        self.late[1 - self.active].entry(name).or_insert(old);
        let goes_on = self.is(Planted::PeriodGoesOn);
        let key = self.key(name)?;
        if goes_on {
            key.due = due;
        }
        Ok(Reply::Version(key.latest()))
    }

    /// Returns the version that a handle which learns late still takes for the newest.
    pub(crate) fn newest_known(&self, name: &str, key: &Key) -> u32 {
        let late = self.late[self.active].get(name).copied();
        let late = late.filter(|number| key.version(*number).is_some());
        match late {
            Some(number) if self.is(Planted::OtherHandleIsLate) => number,
            _ => key.latest(),
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        let is_due = |key: &Key| key.due > 0 && key.due <= now;
        for name in NAMES {
            let Some(key) = self.keys.get(name).filter(|key| is_due(key)) else {
                continue;
            };
            let times = match self.is(Planted::CatchesUp) {
                true => (now - key.due) / key.new.auto + 1,
                false => 1,
            };
            if key.soft_deleted {
                if let Ok(key) = self.key(name) {
                    key.schedule(now); // it is tried again a period later
                }
                continue;
            }
            for _ in 0..times {
                self.add(name, Source::Drawn);
            }
        }
    }

    fn configure(&mut self, name: Name, change: &Change) -> Checked {
        let (half, undone) = (
            self.is(Planted::ConfigureHalf),
            self.is(Planted::ExportableIsTakenBack),
        );
        let now = self.now;
        let key = self.key(name)?;
        let mut changed = key.clone();
        if let Some(version) = change.min_decryption {
            changed.min_decryption = version.max(1);
        }
        if !(key.first..=key.latest()).contains(&changed.min_decryption) {
            return Err(REFUSED);
        }
        if half {
            key.min_decryption = changed.min_decryption;
        }
        if let Some(version) = change.min_encryption {
            changed.min_encryption = version;
        }
        let encrypts = changed.min_decryption..=key.latest();
        if changed.min_encryption != 0 && !encrypts.contains(&changed.min_encryption) {
            return Err(REFUSED);
        }
        changed.deletion = change.deletion.unwrap_or(key.deletion);
        changed.new.exportable |= change.exportable == Some(true);
        changed.new.exportable &= !(undone && change.exportable == Some(false));
        changed.new.backup |= change.backup == Some(true);
        if let Some(auto) = change.auto {
            if is_short(auto) || auto > 0 && key.imported && !key.new.rotation {
                return Err(REFUSED);
            }
            changed.new.auto = auto;
            if auto != key.new.auto {
                changed.schedule(now);
            }
        }
        *key = changed;
        Ok(())
    }

    fn trim(&mut self, name: Name, first: u32) -> Checked {
        let (free, undone) = (
            self.is(Planted::TrimsFreely),
            self.is(Planted::TrimIsUndone),
        );
        let key = self.key(name)?;
        let encrypts = match (key.min_encryption, free) {
            (0, true) => first,
            (0, false) => return Err(REFUSED),
            (version, _) => version,
        };
        if first > key.min_decryption || first > encrypts || first < key.first || first == 0 {
            return Err(REFUSED);
        }
        key.min_available = first;
        if !undone {
            key.versions.drain(..(first - key.first) as usize);
            key.first = first;
        }
        Ok(())
    }

    fn soften(&mut self, name: Name, deleted: bool) -> Checked {
        self.key(name)?.soft_deleted = deleted;
        Ok(())
    }

    fn delete(&mut self, name: Name) -> Checked {
        let free = self.is(Planted::DeletionIsFree);
        let key = self.key(name)?;
        if !key.deletion && !free {
            return Err(REFUSED);
        }
        let first = key.versions[0];
        self.graves.insert(name, first);
        self.keys.remove(name);
        Ok(())
    }
}

/// Begins a key as it is asked for, without a version.
pub(super) fn begin(new: &New) -> Checked<Key> {
    let derives = encrypts(new.kind) || new.kind == KeyType::Ed25519;
    let converges = new.derived && encrypts(new.kind);
    if new.derived && !derives || new.convergent && !converges || is_short(new.auto) {
        return Err(REFUSED);
    }
    Ok(Key {
        new: *new,
        deletion: false,
        imported: false,
        soft_deleted: false,
        first: 1,
        versions: Vec::new(),
        min_decryption: 1,
        min_encryption: 0,
        min_available: 0,
        due: 0,
        counted: false,
    })
}

fn is_short(auto: u64) -> bool {
    (1..3_600).contains(&auto)
}

pub(crate) fn encrypts(kind: KeyType) -> bool {
    !signs(kind) && kind != KeyType::Hmac
}

pub(crate) fn signs(kind: KeyType) -> bool {
    use KeyType::{EcdsaP256, EcdsaP384, Ed25519};
    matches!(kind, Ed25519 | EcdsaP256 | EcdsaP384)
}

/// Returns the index of what is `pick` back from the newest.
pub(crate) fn picked(pick: usize, length: usize) -> Option<usize> {
    (length > 0).then(|| length - 1 - pick % length.max(1))
}
