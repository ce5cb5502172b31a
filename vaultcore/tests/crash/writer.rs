//! The process that writes until it is killed, and says what was promised to it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use vaultcore::kv::{Cas, Kv, KvConfigUpdate};
use vaultcore::storage::{
    Batch, Durability, Entry, EntryPath, Revision, Scan, Sqlite, SqliteOptions, Storage,
    StorageError,
};
use vaultcore::{ErrorKind, NewMount, NewSlot, Result, SecretBytes, Session, Vault};

const TASK: &str = "VAULTCORE_CRASH_TASK";
/// So few that slots are used again all the time.
pub(crate) const KEPT: u64 = 3;
/// The secrets of a transaction, which agree at every moment.
pub(crate) const TOGETHER: [&str; 3] = ["t/a", "t/b", "t/c"];
const NAMES: usize = 4;

/// What is wrong with a writer on purpose, so that the search must find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// It acknowledges a write before it is done.
    EarlyAck,
    /// Its storage drops every 50th commit, and answers that all went well.
    LostCommit,
}

/// What a writer is told.
pub(crate) struct Task<'a> {
    pub(crate) file: &'a Path,
    pub(crate) acks: &'a Path,
    /// Which one of the writers it is.
    pub(crate) number: u64,
    pub(crate) seed: u64,
    /// After so many steps it ends by itself.
    pub(crate) steps: u64,
    pub(crate) durability: Durability,
    pub(crate) plant: Plant,
}

impl Task<'_> {
    /// Returns the command that runs this test binary as a writer.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["writer::child", "--exact", "--ignored", "--nocapture"]);
        let (file, acks) = (self.file.to_str().unwrap(), self.acks.to_str().unwrap());
        let numbers = [
            self.number,
            self.seed,
            self.steps,
            u64::from(self.durability == Durability::Normal),
            self.plant as u64,
        ];
        let numbers = numbers.map(|number| number.to_string()).join(" ");
        command.env(TASK, [file, acks, &numbers].join("\n"));
        command.stdout(Stdio::null()).stdin(Stdio::null());
        command
    }
}

#[test]
#[ignore = "run as a child by the other tests"]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let mut lines = task.lines().map(PathBuf::from);
    let (file, acks) = (lines.next().unwrap(), lines.next().unwrap());
    let numbers = task.lines().nth(2).unwrap().split(' ');
    let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    let task = Task {
        file: &file,
        acks: &acks,
        number: numbers[0],
        seed: numbers[1],
        steps: numbers[2],
        durability: [Durability::Full, Durability::Normal][numbers[3] as usize],
        plant: [Plant::Nothing, Plant::EarlyAck, Plant::LostCommit][numbers[4] as usize],
    };
    Writer::new(&task).unwrap().work(task.steps).unwrap();
}

pub(crate) fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x4b; 32])
}

/// Makes the vault that the writers share.
pub(crate) fn prepare(file: &Path) {
    let vault = Vault::builder(Sqlite::open(file).unwrap()).build().unwrap();
    vault.init([NewSlot::key(key())]).unwrap();
    vault.unseal_key(&key()).unwrap();
    let session = vault.owner().unwrap();
    session.sys().mount("kv", NewMount::kv2()).unwrap();
    let config = KvConfigUpdate::new().max_versions(KEPT as u32);
    session.kv("kv").unwrap().configure(&config).unwrap();
    vault.close().unwrap();
}

/// Makes the data of a version: an id that nobody else uses.
fn data(id: u64) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([("id", id)])
}

/// Numbers that follow from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct Writer {
    number: u64,
    session: Session,
    kv: Kv,
    acks: File,
    dice: Dice,
    plant: Plant,
}

impl Writer {
    fn new(task: &Task<'_>) -> Result<Self> {
        let options = SqliteOptions::new().durability(task.durability);
        let storage = Forgetful {
            inner: options.open(task.file)?,
            commits: AtomicU64::new(0),
            every: match task.plant {
                Plant::LostCommit => 7, // few: on a busy machine a writer comes to a dozen
                _ => u64::MAX,
            },
        };
        let vault = Vault::builder(storage).build()?;
        vault.unseal_key(&key())?;
        let session = vault.owner()?;
        Ok(Self {
            number: task.number,
            kv: session.kv("kv")?,
            session,
            acks: OpenOptions::new().append(true).open(task.acks).unwrap(),
            dice: Dice(task.seed),
            plant: task.plant,
        })
    }

    fn work(&mut self, steps: u64) -> Result<()> {
        for _ in 0..steps {
            match self.step() {
                Ok(()) => {}
                // The other writer was faster.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => {
                    self.ack(&format!("error {error:?}"));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        match self.dice.below(400) {
            0..150 => self.put_own(),
            150..200 => self.put_shared(),
            200..280 => self.transact(),
            280..350 => self.turn(),
            350..396 => self.come_and_go(),
            396..399 => self.rotate(),
            _ => self.session.sys().rewrap_all(|_| Ok(())).map(drop),
        }
    }

    /// Tells the parent. One write, so that it is out of this process before the next call.
    fn ack(&mut self, line: &str) {
        self.acks.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn put_own(&mut self) -> Result<()> {
        let key = format!("w{}/own", self.number);
        let (version, id) = (self.version(&key)?, self.dice.next());
        let line = format!("put {key} {} {id}", version + 1);
        if self.plant == Plant::EarlyAck {
            self.ack(&line);
            return self
                .kv
                .put(&key, &data(id), Cas::Version(version))
                .map(drop);
        }
        let written = self.kv.put(&key, &data(id), Cas::Version(version))?;
        assert_eq!(written.version, version + 1);
        self.ack(&line);
        Ok(())
    }

    fn put_shared(&mut self) -> Result<()> {
        let (version, id) = (self.version("shared")?, self.dice.next());
        let written = self.kv.put("shared", &data(id), Cas::Version(version))?;
        self.ack(&format!("put shared {} {id}", written.version));
        Ok(())
    }

    fn transact(&mut self) -> Result<()> {
        let (version, id) = (self.version(TOGETHER[0])?, self.dice.next());
        let (data, cas) = (data(id), Cas::Version(version));
        self.kv
            .transaction(|tx| TOGETHER.iter().try_for_each(|key| tx.put(key, &data, cas)))?;
        for key in TOGETHER {
            self.ack(&format!("put {key} {} {id}", version + 1));
        }
        Ok(())
    }

    /// Writes, deletes or undeletes one secret, and says what it then is.
    fn turn(&mut self) -> Result<()> {
        let key = format!("w{}/turn", self.number);
        let (version, deleted) = state(&self.kv, &key)?;
        let (version, deleted) = match (self.dice.below(2), deleted) {
            _ if version == 0 => (self.put_again(&key, version)?, false),
            (0, _) => (self.put_again(&key, version)?, false),
            (_, false) => (self.kv.delete(&key).map(|()| version)?, true),
            (_, true) => {
                let undeleted = self.kv.undelete(&key, &[version]);
                (undeleted.map(|()| version)?, false)
            }
        };
        self.ack(&format!("turn {key} {version} {}", u8::from(deleted)));
        Ok(())
    }

    fn put_again(&mut self, key: &str, version: u64) -> Result<u64> {
        let data = data(self.dice.next());
        let written = self.kv.put(key, &data, Cas::Version(version))?;
        Ok(written.version)
    }

    /// Makes a new secret, and removes the oldest for good.
    fn come_and_go(&mut self) -> Result<()> {
        let folder = format!("w{}/names/", self.number);
        let names = self.kv.list(&folder)?;
        if let Some(oldest) = names.first().filter(|_| names.len() >= NAMES) {
            self.kv.delete_metadata(&format!("{folder}{oldest}"))?;
            self.ack(&format!("gone {folder} {oldest}"));
            return Ok(());
        }
        let next = names.last().map_or(0, |name| name.parse().unwrap()) + 1;
        let (name, id) = (format!("{next:08}"), self.dice.next());
        let path = format!("{folder}{name}");
        self.kv.put(&path, &data(id), Cas::Absent)?;
        self.ack(&format!("new {folder} {name} {id}"));
        Ok(())
    }

    fn rotate(&mut self) -> Result<()> {
        let term = self.session.sys().rotate()?;
        self.ack(&format!("term {term}"));
        Ok(())
    }

    fn version(&self, key: &str) -> Result<u64> {
        state(&self.kv, key).map(|(version, _)| version)
    }
}

/// Returns the newest version of a secret, 0 if there is none, and whether it is deleted.
pub(crate) fn state(kv: &Kv, key: &str) -> Result<(u64, bool)> {
    match kv.metadata(key) {
        Ok(metadata) => {
            let newest = metadata.versions.last();
            let deleted = newest.is_some_and(|newest| newest.deletion_time.is_some());
            Ok((metadata.current_version, deleted))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((0, false)),
        Err(error) => Err(error),
    }
}

/// Storage that drops every so manieth commit.
struct Forgetful {
    inner: Sqlite,
    commits: AtomicU64,
    every: u64,
}

impl Storage for Forgetful {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        if !batch.writes.is_empty() {
            let number = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
            if number.is_multiple_of(self.every) {
                return Ok(Revision::new(u128::from(number)));
            }
        }
        self.inner.commit(batch)
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner.change_mark()
    }
}
