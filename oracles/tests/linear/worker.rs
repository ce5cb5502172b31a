//! The processes whose calls are judged.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};
use vaultcore::kv::{Cas, Kv, KvConfigUpdate};
use vaultcore::storage::{
    Batch, Durability, Entry, EntryPath, Revision, Scan, Sqlite, SqliteOptions, Storage,
    StorageError,
};
use vaultcore::{Error, ErrorKind, NewMount, NewSlot, SecretBytes, Vault};

use crate::history::{Op, Reply};

const TASK: &str = "VAULTCORE_LINEAR_TASK";
pub(crate) const THREADS: u64 = 2;
pub(crate) const KEYS: u64 = 5;
/// Versions that are kept.
pub(crate) const KEPT: usize = 3;

/// What is wrong on purpose, once, in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// A read answers what the same thread read before its own last write.
    StaleRead,
    /// The storage drops a commit and says that all went well.
    LostUpdate,
}

pub(crate) struct Task {
    pub(crate) file: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) number: u64,
    /// Of each thread.
    pub(crate) operations: u64,
    pub(crate) plant: Plant,
}

impl Task {
    /// Returns the command that runs this test binary as a worker.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["worker::child", "--exact", "--ignored", "--nocapture"]);
        let Self { file, log, .. } = self;
        let (file, log) = (file.display(), log.display());
        let (number, operations, plant) = (self.number, self.operations, self.plant as u64);
        let task = format!("{file}\n{log}\n{number}\n{operations}\n{plant}");
        command.env(TASK, task).stdout(Stdio::null());
        command
    }
}

#[test]
#[ignore = "run as a child by the other tests"]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let lines: Vec<&str> = task.lines().collect();
    let number = |index: usize| lines[index].parse::<u64>().unwrap();
    Task {
        file: lines[0].into(),
        log: lines[1].into(),
        number: number(2),
        operations: number(3),
        plant: [Plant::Nothing, Plant::StaleRead, Plant::LostUpdate][number(4) as usize],
    }
    .work();
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x4c; 32])
}

/// Makes the vault.
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

impl Task {
    fn work(&self) {
        let options = SqliteOptions::new().durability(Durability::Normal);
        let storage = Forgetful {
            inner: options.open(&self.file).unwrap(),
            armed: AtomicBool::new(self.number == 0 && self.plant == Plant::LostUpdate),
            commits: AtomicU64::new(0),
        };
        let vault = Vault::builder(storage).build().unwrap();
        vault.unseal_key(&key()).unwrap();
        let kv = vault.owner().unwrap().kv("kv").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let client = self.number * THREADS + thread;
                let kv = kv.clone();
                scope.spawn(move || Client::new(self, client, kv).work(self.operations));
            }
        });
    }
}

struct Client {
    number: u64,
    kv: Kv,
    log: File,
    dice: Dice,
    /// The newest version of each key that this thread knows of.
    known: [u64; KEYS as usize],
    /// What this thread read of each key, before it wrote to it.
    before: [Option<Reply>; KEYS as usize],
    wrote: [bool; KEYS as usize],
    stale: bool,
}

impl Client {
    fn new(task: &Task, number: u64, kv: Kv) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(&task.log);
        Self {
            number,
            kv,
            log: log.unwrap(),
            dice: Dice(number + 1),
            known: [0; KEYS as usize],
            before: [None; KEYS as usize],
            wrote: [false; KEYS as usize],
            stale: number == 0 && task.plant == Plant::StaleRead,
        }
    }

    fn work(&mut self, operations: u64) {
        for _ in 0..operations {
            let key = self.dice.below(KEYS);
            let known = self.known[key as usize];
            let op = match self.dice.below(100) {
                0..35 => Op::Get,
                35..75 => Op::Put {
                    cas: known,
                    id: self.dice.next(),
                },
                75..82 => Op::Delete,
                82..90 if known > 0 => Op::Undelete { version: known },
                _ => Op::Metadata,
            };
            self.call(key, op);
        }
    }

    /// Says what it is about to do, does it, and says what came of it; each by one write, so that
    /// it is out of this process.
    fn call(&mut self, key: u64, op: Op) {
        let line = format!("i {} {} {key} {op}\n", self.number, now());
        self.log.write_all(line.as_bytes()).unwrap();
        let done = self.perform(key, op);
        let returned = now();
        match done {
            Ok(reply) => {
                let line = format!("r {} {returned} {reply}\n", self.number);
                self.log.write_all(line.as_bytes()).unwrap();
                self.remember(key, op, reply);
            }
            // No reply: the interval stays open, and this thread goes on as a new client.
            Err(error) if error.kind() == ErrorKind::Indeterminate => self.number += 1_000,
            Err(error) => panic!("{op}: {error:?}"),
        }
    }

    fn remember(&mut self, key: u64, op: Op, reply: Reply) {
        let known = &mut self.known[key as usize];
        match reply {
            Reply::Written(version) | Reply::Conflict(version) => *known = version,
            Reply::Data { version, .. } | Reply::Metadata { version, .. } => *known = version,
            Reply::Done | Reply::Nothing => {}
        }
        if let (Op::Put { .. }, Reply::Written(_)) = (op, reply) {
            self.wrote[key as usize] = self.before[key as usize].is_some();
        }
        if let (Reply::Data { .. }, false) = (reply, self.wrote[key as usize]) {
            self.before[key as usize] = Some(reply);
        }
    }

    fn perform(&mut self, key: u64, op: Op) -> Result<Reply, Error> {
        let path = format!("key/{key}");
        match op {
            Op::Get => {
                if self.stale && self.wrote[key as usize] {
                    self.stale = false;
                    return Ok(self.before[key as usize].unwrap());
                }
                self.get(&path)
            }
            Op::Put { cas, id } => {
                let data = BTreeMap::from([("id", id)]);
                match self.kv.put(&path, &data, Cas::Version(cas)) {
                    Ok(info) => Ok(Reply::Written(info.version)),
                    Err(error) => match error.versions() {
                        Some((_, found)) => Ok(Reply::Conflict(found)),
                        None => Err(error),
                    },
                }
            }
            Op::Delete => self.kv.delete(&path).map(|()| Reply::Done),
            Op::Undelete { version } => self.kv.undelete(&path, &[version]).map(|()| Reply::Done),
            Op::Metadata => self.metadata(&path),
        }
    }

    fn get(&self, path: &str) -> Result<Reply, Error> {
        match self.kv.get::<BTreeMap<String, u64>>(path) {
            Ok(secret) => Ok(Reply::Data {
                version: secret.version,
                id: secret.data["id"],
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Reply::Nothing),
            Err(error) => Err(error),
        }
    }

    fn metadata(&self, path: &str) -> Result<Reply, Error> {
        match self.kv.metadata(path) {
            Ok(metadata) => {
                let deleted = metadata.versions.iter().rev();
                let deleted = deleted.map(|info| info.deletion_time.is_some());
                Ok(Reply::Metadata {
                    version: metadata.current_version,
                    deleted: deleted.fold(0, |bits, one| bits << 1 | u64::from(one)),
                })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Reply::Nothing),
            Err(error) => Err(error),
        }
    }
}

/// Returns nanoseconds on the clock that all processes share.
pub(crate) fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
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

/// Storage that, if it is armed, drops one commit.
struct Forgetful {
    inner: Sqlite,
    armed: AtomicBool,
    commits: AtomicU64,
}

impl Storage for Forgetful {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        // A put writes a record and the metadata; a deletion writes the metadata alone.
        let late = batch.writes.len() > 1 && self.commits.fetch_add(1, Ordering::Relaxed) >= 50;
        if late && self.armed.swap(false, Ordering::Relaxed) {
            let mut checked = Batch::new();
            checked.expect = batch.expect.clone();
            // Only one that would have been applied.
            if self.inner.commit(&checked).is_ok() {
                return Ok(Revision::new(1));
            }
            self.armed.store(true, Ordering::Relaxed);
        }
        self.inner.commit(batch)
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner.change_mark()
    }
}
