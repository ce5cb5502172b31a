//! What was acknowledged, and whether a vault still holds it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rusqlite::Connection;
use vaultcore::kv::Kv;
use vaultcore::storage::Sqlite;
use vaultcore::{Error, ErrorKind, Vault};

use crate::killed::whole_lines;
use crate::writer::{TOGETHER, key, state};

/// What is wrong with a vault after a crash.
#[derive(Debug)]
pub(crate) enum Finding {
    /// Something that was acknowledged is not there.
    Lost(String),
    /// Something is there that no order of events explains.
    Broken(String),
}

use Finding::{Broken, Lost};

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost(what) => write!(f, "lost: {what}"),
            Broken(what) => write!(f, "broken: {what}"),
        }
    }
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        Broken(format!("{error:?}"))
    }
}

/// The acknowledgements so far, with what was found beyond them: a call that was under way when
/// its process ended may have happened or not, and stays as it was found.
#[derive(Clone)]
pub(crate) struct Ledger {
    /// The id of each version.
    puts: BTreeMap<String, BTreeMap<u64, u64>>,
    /// The newest version, and whether it is deleted.
    turns: BTreeMap<String, (u64, bool)>,
    /// The id of each name in a folder.
    folders: BTreeMap<String, BTreeMap<String, u64>>,
    term: u32,
    pub(crate) acks: usize,
    /// How many calls may have been under way.
    under_way: u64,
}

impl Ledger {
    /// Creates the ledger of a new vault and two writers.
    pub(crate) fn new() -> Self {
        Self {
            puts: BTreeMap::new(),
            turns: BTreeMap::new(),
            folders: BTreeMap::new(),
            term: 0,
            acks: 0,
            under_way: 2,
        }
    }

    /// Creates a ledger that misses nothing, to see whether what is there is whole.
    pub(crate) fn of_a_stranger() -> Self {
        Self {
            under_way: u64::MAX,
            ..Self::new()
        }
    }

    /// Takes the whole lines of the writers.
    pub(crate) fn take(&mut self, lines: &str) -> Result<(), Finding> {
        whole_lines(lines)
            .lines()
            .try_for_each(|line| self.take_line(line))
    }

    fn take_line(&mut self, line: &str) -> Result<(), Finding> {
        self.acks += 1;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        match words[0] {
            "put" => {
                let versions = self.puts.entry(words[1].to_owned()).or_default();
                let before = versions.insert(number(2), number(3));
                if before.is_some_and(|id| id != number(3)) {
                    return Err(Lost(format!("{line}: this version was written before")));
                }
            }
            "turn" => {
                let now = (number(2), number(3) == 1);
                self.turns.insert(words[1].to_owned(), now);
            }
            "new" => {
                let folder = self.folders.entry(words[1].to_owned()).or_default();
                folder.insert(words[2].to_owned(), number(3));
            }
            "gone" => {
                let folder = self.folders.entry(words[1].to_owned()).or_default();
                folder.remove(words[2]);
            }
            "term" => self.term = self.term.max(number(1) as u32),
            _ => return Err(Broken(line.to_owned())),
        }
        Ok(())
    }

    /// Opens the file and looks for everything.
    pub(crate) fn check(&mut self, file: &Path) -> Result<(), Finding> {
        check_file(file)?;
        let storage = Sqlite::open(file).map_err(Error::from)?;
        let vault = Vault::builder(storage).build()?;
        vault.unseal_key(&key())?;
        let session = vault.owner()?;
        let kv = session.kv("kv")?;
        for key in ["w0/own", "w1/own", "shared"].iter().chain(&TOGETHER) {
            self.check_versions(&kv, key)?;
        }
        self.check_together()?;
        for number in 0..2 {
            self.check_turn(&kv, format!("w{number}/turn"))?;
            self.check_folder(&kv, format!("w{number}/names/"))?;
        }
        let term = session.sys().key_status()?.term;
        if term < self.term {
            return Err(Lost(format!("term {} of {term}", self.term)));
        }
        self.term = term;
        Ok(())
    }

    /// Every version that is kept has the data that was acknowledged, and none is missing.
    fn check_versions(&mut self, kv: &Kv, key: &str) -> Result<(), Finding> {
        let versions = self.puts.entry(key.to_owned()).or_default();
        let last = versions.keys().last().copied().unwrap_or(0);
        let kept = match kv.metadata(key) {
            Ok(metadata) => metadata.versions,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let current = kept.last().map_or(0, |newest| newest.version);
        if current < last {
            return Err(Lost(format!("{key}: version {last}, found {current}")));
        }
        if current > last.saturating_add(self.under_way) {
            return Err(Broken(format!("{key}: {current} is more than was tried")));
        }
        for version in kept.iter().map(|info| info.version) {
            let id = kv.get_version::<BTreeMap<String, u64>>(key, version)?.data["id"];
            let acked = *versions.entry(version).or_insert(id);
            if acked != id {
                return Err(Lost(format!("{key}: version {version} is another one")));
            }
        }
        let oldest = kept.first().map_or(0, |oldest| oldest.version);
        versions.retain(|version, _| *version >= oldest);
        Ok(())
    }

    /// The secrets of a transaction agree in every version.
    fn check_together(&self) -> Result<(), Finding> {
        let [first, second, third] = TOGETHER.map(|key| &self.puts[key]);
        match first == second && second == third {
            true => Ok(()),
            false => Err(Broken("half a transaction".to_owned())),
        }
    }

    fn check_turn(&mut self, kv: &Kv, key: String) -> Result<(), Finding> {
        let (version, deleted) = self.turns.get(&key).copied().unwrap_or((0, false));
        let found = state(kv, &key)?;
        let next = [(version + 1, false), (version, !deleted)];
        if found != (version, deleted) && !next.contains(&found) && self.under_way == 2 {
            let expected = format!("{key}: version {version}, deleted {deleted}");
            return Err(Lost(format!("{expected}, found {found:?}")));
        }
        if found.0 > 0 && !found.1 {
            kv.get::<BTreeMap<String, u64>>(&key)?;
        }
        self.turns.insert(key, found);
        Ok(())
    }

    /// One name more at the end or one less at the beginning may have been under way.
    fn check_folder(&mut self, kv: &Kv, folder: String) -> Result<(), Finding> {
        let expected = self.folders.remove(&folder).unwrap_or_default();
        let mut found = BTreeMap::new();
        for name in kv.list(&folder)? {
            let secret = kv.get::<BTreeMap<String, u64>>(&format!("{folder}{name}"));
            match secret {
                Ok(secret) => found.insert(name, secret.data["id"]),
                Err(error) => return Err(Broken(format!("{folder}{name}: {error:?}"))),
            };
        }
        let missing: Vec<_> = expected
            .iter()
            .filter(|name| !found.contains_key(name.0))
            .collect();
        let oldest = expected.iter().next();
        if missing.len() > 1
            || missing
                .first()
                .copied()
                .is_some_and(|name| Some(name) != oldest)
        {
            return Err(Lost(format!("{folder}: {missing:?}")));
        }
        if expected
            .iter()
            .any(|(name, id)| found.get(name).is_some_and(|found| found != id))
        {
            return Err(Lost(format!("{folder}: another value")));
        }
        let extra = found.keys().filter(|name| !expected.contains_key(*name));
        let newer = |name: &&String| expected.keys().last().is_none_or(|last| *name > last);
        let (newer, other): (Vec<_>, Vec<_>) = extra.partition(newer);
        if newer.len() as u64 >= self.under_way || !other.is_empty() {
            return Err(Lost(format!(
                "{folder}: {newer:?} and {other:?} are too many"
            )));
        }
        self.folders.insert(folder, found);
        Ok(())
    }
}

/// Asks SQLite whether the file is sound, before and apart from the vault's own handle.
fn check_file(file: &Path) -> Result<(), Finding> {
    let broken = |error: rusqlite::Error| Broken(error.to_string());
    let connection = Connection::open(file).map_err(broken)?;
    let check = connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
    match check.map_err(broken)?.as_str() {
        "ok" => Ok(()),
        said => Err(Broken(said.to_owned())),
    }
}
