//! The processes that race.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::{Value, json};
use vaultcore::api::Method;
use vaultcore::storage::{
    Batch, Durability, Entry, EntryPath, Revision, Scan, Sqlite, SqliteOptions, Storage,
    StorageError,
};
use vaultcore::{NewMount, NewSlot, SecretBytes, Vault};

use crate::processes::{Process, serve};
use crate::stage::{Reply, call};

const FILE: &str = "VAULTCORE_RACE_FILE";
const PLANT: &str = "VAULTCORE_RACE_PLANT";

/// What is wrong with the storage on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// It does not check what is expected of tokens.
    Blind,
    /// It says of a commit that nothing happened, now and then, when it did.
    Denies,
}

/// A request of one caller.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) token: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A process that has the vault open.
pub(crate) struct Racer(Process);

impl Racer {
    pub(crate) fn start(file: &Path, plant: Plant) -> Self {
        let file = file.to_str().expect("text").to_owned();
        let variables = [(FILE, file), (PLANT, (plant as u8).to_string())];
        let mut process = Process::start("racing::process::child", variables);
        assert_eq!(process.report(), "open");
        Self(process)
    }

    /// Has each of `asks` asked, all at once.
    pub(crate) fn send(&mut self, asks: &[Ask]) {
        let asks = asks.iter().map(|ask| {
            let Ask { token, method, .. } = ask;
            json!([token, method, ask.path, ask.body])
        });
        self.0.send(&Value::from_iter(asks).to_string());
    }

    /// Returns the status and body of each reply.
    pub(crate) fn replies(&mut self) -> Vec<Reply> {
        serde_json::from_str(&self.0.report()).expect("replies")
    }
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x52; 32])
}

/// Makes the vault, and returns its root token.
pub(crate) fn prepare(file: &Path) -> String {
    let vault = Vault::builder(sqlite(file)).build().expect("a vault");
    let init = vault.init([NewSlot::key(key())]).expect("init");
    vault.unseal_key(&key()).expect("unsealed");
    let sys = vault.owner().expect("owner").sys();
    sys.mount("secret", NewMount::kv2()).expect("mounted");
    vault.close().expect("closed");
    init.root_token().expose().to_owned()
}

fn sqlite(file: &Path) -> Sqlite {
    let options = SqliteOptions::new().durability(Durability::Normal);
    options.open(file).expect("opens")
}

/// Opens the vault, sound, in this process.
pub(crate) fn open(file: &Path) -> (Vault, Arc<Sqlite>) {
    let storage = Arc::new(sqlite(file));
    let vault = Vault::builder(Arc::clone(&storage));
    let vault = vault.build().expect("a vault");
    vault.unseal_key(&key()).expect("unsealed");
    (vault, storage)
}

/// What a racer does; in an ordinary run there is no file, and this does nothing.
#[test]
fn child() {
    let (Ok(file), Ok(plant)) = (std::env::var(FILE), std::env::var(PLANT)) else {
        return;
    };
    let plants = [Plant::Nothing, Plant::Blind, Plant::Denies];
    let storage = Broken {
        inner: sqlite(Path::new(&file)),
        plant: plants[plant.parse::<usize>().expect("a number")],
        commits: AtomicU64::new(0),
    };
    let vault = Vault::builder(storage).build().expect("a vault");
    vault.unseal_key(&key()).expect("unsealed");
    serve("open", |line| {
        let asks: Vec<(String, String, String, Value)> =
            serde_json::from_str(&line).expect("requests");
        let together = Barrier::new(asks.len());
        let replies: Vec<Reply> = thread::scope(|scope| {
            let start = |(token, method, path, body): &(String, String, String, Value)| {
                let method: Method = method.parse().expect("a method");
                let (token, path, body) = (token.clone(), path.clone(), body.clone());
                let (vault, together) = (&vault, &together);
                scope.spawn(move || {
                    together.wait();
                    call(vault, &token, method, &path, &body)
                })
            };
            let callers: Vec<_> = asks.iter().map(start).collect();
            let replies = callers.into_iter().map(|caller| caller.join());
            replies.map(|reply| reply.expect("a reply")).collect()
        });
        serde_json::to_string(&replies).expect("JSON")
    });
}

/// Storage that may be wrong.
struct Broken {
    inner: Sqlite,
    plant: Plant,
    commits: AtomicU64,
}

fn of_token(path: &EntryPath) -> bool {
    path.as_str().starts_with("ns/root/token/")
}

impl Storage for Broken {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let mut batch = batch.clone();
        let tokens = batch.writes.iter().any(|(path, _)| of_token(path));
        if self.plant == Plant::Blind {
            batch.expect.retain(|(path, _)| !of_token(path));
        }
        let revision = self.inner.commit(&batch)?;
        if self.plant == Plant::Denies && tokens {
            let number = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
            if number.is_multiple_of(3) {
                return Err(StorageError::Unavailable("a planted fault", None));
            }
        }
        Ok(revision)
    }

    fn change_mark(&self) -> Result<Option<u64>, StorageError> {
        self.inner.change_mark()
    }
}
