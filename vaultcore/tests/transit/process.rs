//! The other processes.

use std::path::Path;

use serde_json::Value;
use vaultcore::storage::{
    Batch, Durability, Entry, EntryPath, Revision, Scan, Sqlite, SqliteOptions, Storage,
    StorageError,
};
use vaultcore::{OsRandom, Random, SecretBytes, Vault};

use crate::processes::{Process, serve};
use crate::work::{Shown, Workers};

const FILE: &str = "VAULTCORE_TRANSIT_FILE";
const PLANT: &str = "VAULTCORE_TRANSIT_PLANT";

/// What is wrong with the storage on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// It does not check what is expected of keys: of two rotations one is lost.
    BlindForKeys,
    /// It does not keep how many uses it gave: two processes are given the same.
    ForgetsUses,
}

impl Plant {
    const ALL: [Self; 3] = [Self::Nothing, Self::BlindForKeys, Self::ForgetsUses];

    /// Returns the batch as this storage understands it.
    fn bend(self, batch: &Batch) -> Batch {
        let mut bent = batch.clone();
        let of = |path: &EntryPath, area| path.as_str().starts_with(area);
        match self {
            Self::Nothing => {}
            Self::BlindForKeys => {
                let expect = &mut bent.expect;
                expect.retain(|(path, _)| !of(path, "ns/root/transit-key/"));
            }
            Self::ForgetsUses => {
                let writes = &mut bent.writes;
                writes.retain(|(path, _)| !of(path, "ns/root/transit-use/"));
            }
        }
        bent
    }
}

/// A process that has the vault open.
pub(crate) struct Other(Process);

impl Other {
    pub(crate) fn start(file: &Path, plant: Plant) -> Self {
        let file = file.to_str().expect("text").to_owned();
        let variables = [(FILE, file), (PLANT, (plant as u8).to_string())];
        let mut other = Self(Process::start("process::child", variables));
        assert_eq!(other.report(), Value::Null);
        other
    }

    fn report(&mut self) -> Value {
        serde_json::from_str(&self.0.report()).expect("JSON")
    }

    pub(crate) fn send(&mut self, line: &str) {
        self.0.send(line);
    }

    /// Waits for the end of `work`.
    pub(crate) fn done(&mut self) -> Result<(), String> {
        let wrong: Vec<String> = serde_json::from_value(self.report()).expect("a list");
        wrong.into_iter().next().map_or(Ok(()), Err)
    }

    /// Waits for the end of `rewrap`, and returns the oldest version that is left.
    pub(crate) fn oldest(&mut self) -> Result<u32, String> {
        match self.report() {
            Value::String(wrong) => Err(wrong),
            number => Ok(serde_json::from_value(number).expect("a version")),
        }
    }

    pub(crate) fn shown(&mut self) -> Result<Shown, String> {
        self.send("show");
        Ok(Shown::of_json(self.report()))
    }
}

pub(crate) fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x52; 32])
}

pub(crate) fn sqlite(file: &Path) -> Sqlite {
    let options = SqliteOptions::new().durability(Durability::Normal);
    options.open(file).expect("opens")
}

pub(crate) fn open(storage: impl Storage + 'static) -> Vault {
    let builder = Vault::builder(storage).random(StuckNonces);
    let vault = builder.build().expect("a vault");
    vault.unseal_key(&key()).expect("unsealed");
    vault
}

/// What another process does; in an ordinary run there is no file, and this does nothing.
#[test]
fn child() {
    let (Ok(file), Ok(plant)) = (std::env::var(FILE), std::env::var(PLANT)) else {
        return;
    };
    let vault = open(Broken {
        inner: sqlite(Path::new(&file)),
        plant: Plant::ALL[plant.parse::<usize>().expect("a number")],
    });
    let transit = vault.owner().expect("owner").transit("transit");
    let mut workers = Workers::new(transit.expect("path"));
    serve("null", |line| {
        let report = match line.split_once(' ') {
            Some(("work", count)) => workers.work(count.parse().expect("a number")),
            None if line == "rewrap" => workers.rewrap(),
            _ => workers.show(),
        };
        report.to_string()
    });
}

/// Gives the same bytes whenever it is asked for nonces, which come 64 at a time: what keeps them
/// apart then is the number of the use alone.
struct StuckNonces;

impl Random for StuckNonces {
    fn fill(&self, buffer: &mut [u8]) -> vaultcore::Result<()> {
        match buffer.len() {
            768 => {
                buffer.fill(0x5a);
                Ok(())
            }
            _ => OsRandom.fill(buffer),
        }
    }
}

/// Storage that may be wrong.
struct Broken {
    inner: Sqlite,
    plant: Plant,
}

impl Storage for Broken {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        self.inner.commit(&self.plant.bend(batch))
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner.change_mark()
    }
}
