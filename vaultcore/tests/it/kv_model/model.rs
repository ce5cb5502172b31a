//! The mount as a plain map.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use vaultcore::kv::{DeleteAfter, KvConfig};
use vaultcore::{ErrorKind, Timestamp};

use super::reply::{Data, Info, Outcome, Refused, Reply};
use super::rules::Planted;
use super::secret::{Secret, Version, keys, merge};
use super::step::{Change, ConfigChange, Expect, Step, Update};

const MAX_VERSIONS: u32 = 1_000;

/// A mount, and the terms of its vault.
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    planted: Planted,
    config: KvConfig,
    secrets: BTreeMap<String, Secret>,
    /// Numbers of secrets that were removed, for a planted fault.
    removed: BTreeMap<String, u64>,
    terms: std::ops::RangeInclusive<u32>,
    /// The term up to which a rewrap that was stopped works.
    rewrap: Option<u32>,
}

impl Model {
    pub(crate) fn new(planted: Planted, now: Timestamp) -> Self {
        Self {
            now,
            planted,
            config: KvConfig::default(),
            secrets: BTreeMap::new(),
            removed: BTreeMap::new(),
            terms: 1..=1,
            rewrap: None,
        }
    }

    /// Returns the number of the newest version, `off` it.
    pub(crate) fn newest(&self, path: &str, off: i8) -> u64 {
        let current = self.secrets.get(path).map_or(0, |secret| secret.current);
        current.saturating_add_signed(i64::from(off))
    }

    /// Returns the numbers of versions worth a look: those kept, and one on either side.
    pub(crate) fn numbers(&self, path: &str) -> Vec<u64> {
        let Some(secret) = self.secrets.get(path) else {
            return Vec::new();
        };
        let first = secret
            .versions
            .first()
            .map_or(1, |version| version.info.version);
        (first - 1..=secret.current + 1).collect()
    }

    /// Counts the records that the storage must hold.
    pub(crate) fn records(&self) -> usize {
        let versions = self.secrets.values().flat_map(|secret| &secret.versions);
        versions.filter(|version| !version.info.destroyed).count()
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Put(path, data, expect) => self.put(path, data, *expect).map(Reply::Info),
            Step::Patch(path, patch, expect) => self.patch(path, patch, *expect).map(Reply::Info),
            Step::Rollback(path, number, expect) => {
                self.rollback(path, *number, *expect).map(Reply::Info)
            }
            Step::Get(path) => self.read(path, 0),
            Step::GetVersion(path, number) => self.read(path, *number),
            Step::Subkeys(path, number, depth) => {
                let data = self.live(path, *number)?.data.clone();
                Ok(Reply::Keys(keys(&data, *depth)))
            }
            Step::Delete(path) => self.delete_newest(path),
            Step::DeleteVersions(path, numbers) => self.change(path, numbers, Self::deleted),
            Step::Undelete(path, numbers) => self.change(path, numbers, Self::undeleted),
            Step::Destroy(path, numbers) => self.change(path, numbers, Self::destroyed),
            Step::Metadata(path) => {
                let metadata = self.secret(path)?.metadata();
                Ok(Reply::Metadata(Box::new(metadata)))
            }
            Step::PutMetadata(path, update) => self.write_metadata(path, update),
            Step::PatchMetadata(path, update) => self.patch_metadata(path, update),
            Step::DeleteMetadata(path) => {
                if let Some(secret) = self.secrets.remove(*path) {
                    self.removed.insert((*path).to_owned(), secret.current);
                }
                Ok(Reply::Done)
            }
            Step::Configure(config) => self.configure(config),
            Step::Config => Ok(Reply::Config(self.config.clone())),
            Step::Transaction(changes) => self.transaction(changes),
            _ => self.apply_around(step),
        }
    }

    fn apply_around(&mut self, step: &Step) -> Outcome {
        match step {
            Step::List(folder) => Ok(Reply::Names(self.list(folder))),
            Step::ListPage(folder, after, limit) => {
                let names = self.list(folder).into_iter();
                let names = names.filter(|name| name > after).take(*limit);
                Ok(Reply::Names(names.collect()))
            }
            Step::ListRecursive(folder) => Ok(Reply::Names(self.below(folder))),
            Step::Names(folder, _) => {
                let mut names = self.list(folder);
                names.sort();
                Ok(Reply::Names(names))
            }
            Step::Rotate => Ok(Reply::Count(u64::from(self.rotate()))),
            Step::RewrapAll => Ok(Reply::Count(u64::from(self.rewrap()))),
            Step::RewrapStopped => {
                self.rewrap.get_or_insert(*self.terms.end());
                Err(Refused::new(ErrorKind::Timeout))
            }
            Step::Tick => Ok(Reply::Count(0)),
            _ => Ok(Reply::Done), // the clock and the handles are the stage's
        }
    }

    fn secret(&self, path: &str) -> Result<&Secret, Refused> {
        self.secrets.get(path).ok_or(Refused::NOT_FOUND)
    }

    fn is_live(&self, info: &Info) -> bool {
        let gone = |time: Timestamp| match self.planted {
            Planted::LiveAtItsTime => time < self.now,
            _ => time <= self.now,
        };
        !info.destroyed && !info.marked && !info.deletion.is_some_and(gone)
    }

    fn live(&self, path: &str, number: u64) -> Result<&Version, Refused> {
        let version = self.secret(path)?.version(number)?;
        if self.is_live(&version.info) {
            Ok(version)
        } else {
            Err(Refused::NOT_FOUND)
        }
    }

    fn read(&self, path: &str, number: u64) -> Outcome {
        let version = self.live(path, number)?;
        Ok(Reply::Data(Data {
            data: version.data.clone(),
            version: version.info.version,
            created: version.info.created,
            deletion: version.info.deletion,
            custom: self.secret(path)?.custom.clone(),
        }))
    }

    fn check(&self, secret: &Secret, expect: Expect, needed: bool) -> Result<(), Refused> {
        let expected = match expect {
            _ if self.planted == Planted::CasIgnored => return Ok(()),
            Expect::Any if needed && self.planted != Planted::CasOptional => {
                return Err(Refused::INVALID);
            }
            Expect::Any => return Ok(()),
            Expect::Absent => 0,
            Expect::Newest(off) => secret.current.saturating_add_signed(i64::from(off)),
        };
        if expected == secret.current {
            Ok(())
        } else {
            Err(Refused::conflict(expected, secret.current))
        }
    }

    fn put(&mut self, path: &str, data: &Value, expect: Expect) -> Result<Info, Refused> {
        if !data.is_object() {
            return Err(Refused::INVALID);
        }
        let found = self.secrets.get(path).cloned();
        let secret = found.unwrap_or_else(|| self.new_secret(path));
        self.add(path, secret, data.clone(), expect)
    }

    fn new_secret(&self, path: &str) -> Secret {
        let mut secret = Secret::new(self.now);
        if self.planted == Planted::NumberingGoesOn {
            secret.current = self.removed.get(path).copied().unwrap_or(0);
        }
        secret
    }

    fn patch(&mut self, path: &str, patch: &Value, expect: Expect) -> Result<Info, Refused> {
        if !patch.is_object() {
            return Err(Refused::INVALID);
        }
        let secret = self.secret(path)?.clone();
        self.check(
            &secret,
            expect,
            self.config.cas_required || secret.cas_required,
        )?;
        let mut data = self.live(path, 0)?.data.clone();
        merge(&mut data, patch, self.planted);
        self.add(path, secret, data, expect)
    }

    fn rollback(&mut self, path: &str, number: u64, expect: Expect) -> Result<Info, Refused> {
        if number == 0 {
            return Err(Refused::INVALID);
        }
        let data = self.live(path, number)?.data.clone();
        let secret = self.secret(path)?.clone();
        self.add(path, secret, data, expect)
    }

    fn add(
        &mut self,
        path: &str,
        mut secret: Secret,
        data: Value,
        expect: Expect,
    ) -> Result<Info, Refused> {
        self.check(
            &secret,
            expect,
            self.config.cas_required || secret.cas_required,
        )?;
        secret.current += 1;
        let info = Info {
            version: secret.current,
            created: self.now,
            deletion: self.end_of_life(&secret),
            marked: false,
            destroyed: false,
        };
        secret.versions.push(Version { info, data });
        let surplus = secret.versions.len().saturating_sub(self.limit(&secret));
        secret.versions.drain(..surplus);
        secret.updated = self.now;
        self.secrets.insert(path.to_owned(), secret);
        Ok(info)
    }

    fn limit(&self, secret: &Secret) -> usize {
        let (own, mount) = (secret.max_versions, self.config.max_versions);
        let chosen = match (own, mount) {
            (0, 0) => 10,
            (own, mount) if self.planted == Planted::LargerLimit => own.max(mount),
            (0, mount) => mount,
            (own, _) => own,
        };
        chosen as usize + usize::from(self.planted == Planted::PruneOffByOne)
    }

    fn end_of_life(&self, secret: &Secret) -> Option<Timestamp> {
        let life = match (self.config.delete_version_after, secret.delete_after) {
            (DeleteAfter::Never, _) => None,
            (DeleteAfter::Duration(mount), Some(own)) => match self.planted {
                Planted::LongerLife => Some(mount.max(own)),
                _ => Some(mount.min(own)),
            },
            (DeleteAfter::Duration(mount), None) => Some(mount),
            (_, own) => own,
        };
        life.map(|life| self.now.saturating_add(life))
    }

    fn delete_newest(&mut self, path: &str) -> Outcome {
        if let Some(secret) = self.secrets.get(path).cloned() {
            let current = [secret.current];
            self.change(path, &current, Self::deleted)?;
        }
        Ok(Reply::Done)
    }

    /// Replaces the versions named in `numbers` by what `made` makes of them.
    fn change(
        &mut self,
        path: &str,
        numbers: &[u64],
        made: fn(&Self, &Secret, Info) -> Info,
    ) -> Outcome {
        let mut secret = self.secret(path)?.clone();
        if numbers.is_empty() {
            return Err(Refused::INVALID);
        }
        let before = secret.clone();
        for version in &mut secret.versions {
            if numbers.contains(&version.info.version) {
                version.info = made(self, &before, version.info);
            }
        }
        if secret.metadata() != before.metadata() {
            secret.updated = self.now;
            self.secrets.insert(path.to_owned(), secret);
        }
        Ok(Reply::Done)
    }

    fn deleted(&self, _: &Secret, mut info: Info) -> Info {
        if self.is_live(&info) {
            info.deletion = Some(self.now);
        }
        info.marked |= !info.destroyed;
        info
    }

    fn undeleted(&self, secret: &Secret, mut info: Info) -> Info {
        if !info.destroyed || self.planted == Planted::UndeleteOfDestroyed {
            info.deletion = self.end_of_life(secret);
            info.marked = false;
            info.destroyed = false;
        }
        info
    }

    fn destroyed(&self, _: &Secret, mut info: Info) -> Info {
        info.destroyed = true;
        info
    }

    fn write_metadata(&mut self, path: &str, update: &Update) -> Outcome {
        let found = self.secrets.get(path).cloned();
        let mut secret = found.unwrap_or_else(|| Secret::new(self.now));
        if update.custom.is_some() && self.planted != Planted::WriteMerges {
            secret.custom.clear();
        }
        self.update(path, secret, update)
    }

    fn patch_metadata(&mut self, path: &str, update: &Update) -> Outcome {
        let secret = self.secret(path)?.clone();
        self.update(path, secret, update)
    }

    fn update(&mut self, path: &str, mut secret: Secret, update: &Update) -> Outcome {
        secret.max_versions = update.max_versions.unwrap_or(secret.max_versions);
        secret.cas_required = update.cas_required.unwrap_or(secret.cas_required);
        if let Some(seconds) = update.delete_after {
            secret.delete_after = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        for (key, value) in update.custom.iter().flatten() {
            match value {
                Some(value) => secret.custom.insert((*key).to_owned(), value.clone()),
                None => secret.custom.remove(*key),
            };
        }
        if secret.max_versions > MAX_VERSIONS || secret.custom.contains_key("") {
            return Err(Refused::INVALID);
        }
        secret.revision += 1;
        secret.updated = self.now;
        self.secrets.insert(path.to_owned(), secret);
        Ok(Reply::Done)
    }

    fn configure(&mut self, change: &ConfigChange) -> Outcome {
        let config = &mut self.config;
        let count = change.count.unwrap_or(config.max_versions);
        if count > MAX_VERSIONS {
            return Err(Refused::INVALID);
        }
        config.max_versions = count;
        config.cas_required = change.required.unwrap_or(config.cas_required);
        match change.after {
            None => {}
            Some(DeleteAfter::Duration(Duration::ZERO)) => {
                config.delete_version_after = DeleteAfter::Unset;
            }
            Some(after) => config.delete_version_after = after,
        }
        Ok(Reply::Done)
    }

    fn transaction(&mut self, changes: &[Change]) -> Outcome {
        let fits = |change: &Change| change.data.as_ref().is_none_or(Value::is_object);
        let distinct: BTreeSet<_> = changes.iter().map(|change| change.path).collect();
        if !changes.iter().all(fits) || distinct.len() != changes.len() {
            return Err(Refused::INVALID);
        }
        let before = self.secrets.clone();
        let done: Result<Vec<Info>, Refused> =
            changes.iter().map(|change| self.make(change)).collect();
        if done.is_err() && self.planted != Planted::TornTransaction {
            self.secrets = before;
        }
        done.map(Reply::Infos)
    }

    fn make(&mut self, change: &Change) -> Result<Info, Refused> {
        if let Some(data) = &change.data {
            return self.put(change.path, data, change.expect);
        }
        let secret = self.secret(change.path)?;
        self.check(secret, change.expect, false)?;
        secret.version(0)?;
        self.delete_newest(change.path)?;
        Ok(self.secret(change.path)?.version(0)?.info)
    }

    /// Returns the names of all secrets below a folder, relative to it.
    fn below(&self, folder: &str) -> Vec<String> {
        let folder = match folder.strip_suffix('/').unwrap_or(folder) {
            "" => String::new(),
            bare => format!("{bare}/"),
        };
        let names = self
            .secrets
            .keys()
            .filter_map(|path| path.strip_prefix(folder.as_str()));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        if self.planted == Planted::ListOrder {
            names.reverse();
        }
        names
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let name = |path: String| match path.split_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => path,
        };
        let names: BTreeSet<String> = self.below(folder).into_iter().map(name).collect();
        match self.planted {
            Planted::ListOrder => names.into_iter().rev().collect(),
            _ => names.into_iter().collect(),
        }
    }

    fn rotate(&mut self) -> u32 {
        let newest = self.terms.end() + u32::from(self.planted != Planted::NoNewTerm);
        self.terms = *self.terms.start()..=newest;
        newest
    }

    /// Finishes the rewrap, and returns how many terms it drops.
    fn rewrap(&mut self) -> u32 {
        let target = self.rewrap.take().unwrap_or(*self.terms.end());
        let dropped = target - self.terms.start();
        self.terms = target..=*self.terms.end();
        dropped
    }
}
