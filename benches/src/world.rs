//! A vault with secrets in it, on memory-backed disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use tempfile::TempDir;
use vaultcore::kv::{Cas, Kv};
use vaultcore::storage::{Sqlite, SqliteOptions};
use vaultcore::{NewMount, NewSlot, Share, Vault};

use crate::Result;
use crate::harness::Dice;

/// Where databases stand: a disk in memory, so that only the injected flush costs time.
const MEMORY_DISK: &str = "/dev/shm";
/// Secrets written by one transaction while a vault is filled.
const PAGE: usize = 50;

/// Whether other processes may have the file open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    Exclusive,
    Shared,
}

/// What the cache of ciphertext may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached {
    Everything,
    Nothing,
}

/// A new folder on the disk in memory.
///
/// # Errors
/// If this machine has none.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new()
        .prefix("vaultcore-bench-")
        .tempdir_in(MEMORY_DISK)?)
}

/// A vault on disk that is not open: its file, and the share that opens it.
pub(crate) struct Stored {
    path: PathBuf,
    share: Share,
    _folder: Option<TempDir>,
}

impl Stored {
    /// Makes a vault with one key-value mount, `secret`.
    pub(crate) fn new() -> Result<Self> {
        let folder = folder()?;
        let path = folder.path().join("ours.vault");
        let storage = Sqlite::exclusive(&path)?;
        let vault = Vault::builder(storage).build()?;
        let init = vault.init([NewSlot::shamir(1, 1)])?;
        let share = init.shares().first().ok_or("a vault without a share")?;
        let share = Share::parse(share.to_text().expose())?;
        vault.unseal(&share)?;
        vault.owner()?.sys().mount("secret", NewMount::kv2())?;
        Ok(Self {
            path,
            share,
            _folder: Some(folder),
        })
    }

    /// Takes back what `address` gave, in another process.
    pub(crate) fn at(address: &[String]) -> Result<Self> {
        let [path, share] = address else {
            return Err("a vault is told of by its path and its share".into());
        };
        Ok(Self {
            path: PathBuf::from(path),
            share: Share::parse(share)?,
            _folder: None,
        })
    }

    /// Returns the path and the share, for another process.
    pub(crate) fn address(&self) -> [String; 2] {
        let share = self.share.to_text();
        [self.path.display().to_string(), share.expose().to_owned()]
    }

    /// Makes a vault and fills it with `secrets`.
    pub(crate) fn filled(secrets: &Secrets) -> Result<Self> {
        let stored = Self::new()?;
        let open = stored.open(Sharing::Exclusive, Cached::Everything)?;
        for version in 0..secrets.versions {
            secrets.write(&open.kv, version)?;
        }
        drop(open);
        Ok(stored)
    }

    /// Copies the file, so that a raw side works on the very same tree of pages.
    pub(crate) fn copy(&self, name: &str) -> Result<PathBuf> {
        let copy = self.path.with_file_name(name);
        fs::copy(&self.path, &copy)?;
        Ok(copy)
    }

    /// Opens and unseals the vault.
    pub(crate) fn open(&self, sharing: Sharing, cached: Cached) -> Result<Open> {
        let storage = storage(&self.path, sharing)?;
        let builder = Vault::builder(storage).cache_bytes(match cached {
            Cached::Everything => 1 << 30,
            Cached::Nothing => 0,
        });
        Open::unsealed(builder.build()?, &self.share)
    }

    /// Opens and unseals the vault as a program does that sets nothing.
    pub(crate) fn open_plainly(&self) -> Result<Open> {
        let storage = storage(&self.path, Sharing::Exclusive)?;
        Open::unsealed(Vault::builder(storage).build()?, &self.share)
    }
}

fn storage(path: &Path, sharing: Sharing) -> Result<Sqlite> {
    let options = SqliteOptions::new();
    Ok(match sharing {
        Sharing::Exclusive => options.exclusive(path)?,
        Sharing::Shared => options.open(path)?,
    })
}

/// An unsealed vault.
pub(crate) struct Open {
    pub(crate) kv: Kv,
}

impl Open {
    fn unsealed(vault: Vault, share: &Share) -> Result<Self> {
        vault.unseal(share)?;
        let kv = vault.owner()?.kv("secret")?;
        Ok(Self { kv })
    }
}

/// Which secrets a vault is filled with.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) folder: &'static str,
    pub(crate) count: usize,
    pub(crate) versions: usize,
    /// The length of a value's JSON.
    pub(crate) length: usize,
}

impl Secrets {
    pub(crate) fn new(count: usize, length: usize) -> Self {
        Self {
            folder: "app",
            count,
            versions: 1,
            length,
        }
    }

    pub(crate) fn versions(mut self, versions: usize) -> Self {
        self.versions = versions;
        self
    }

    pub(crate) fn folder(mut self, folder: &'static str) -> Self {
        self.folder = folder;
        self
    }

    /// Returns the path of secret `number`.
    pub(crate) fn path(&self, number: usize) -> String {
        format!("{}/secret-{number:07}", self.folder)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        (0..self.count).map(|number| self.path(number)).collect()
    }

    /// Writes version `version` + 1 of all.
    pub(crate) fn write(&self, kv: &Kv, version: usize) -> Result {
        let mut values = Values::new(version as u64, self.length);
        let mut numbers = 0..self.count;
        loop {
            let page: Vec<usize> = numbers.by_ref().take(PAGE).collect();
            if page.is_empty() {
                return Ok(());
            }
            kv.transaction(|transaction| {
                page.iter().try_for_each(|number| {
                    let cas = Cas::Version(version as u64);
                    transaction.put(&self.path(*number), values.next(), cas)
                })
            })?;
        }
    }
}

/// JSON objects of one length, each with other text: SQLite skips the write of equal bytes.
pub(crate) struct Values {
    dice: Dice,
    length: usize,
    json: Box<RawValue>,
}

impl Values {
    pub(crate) fn new(seed: u64, length: usize) -> Self {
        let json = RawValue::from_string("{}".to_owned()).expect("JSON");
        Self {
            dice: Dice::new(seed),
            length,
            json,
        }
    }

    /// Returns the next one.
    pub(crate) fn next(&mut self) -> &RawValue {
        let filler = self
            .length
            .saturating_sub("{\"value\":\"0123456789abcdef\"}".len());
        let text = format!(
            "{{\"value\":\"{:016x}{:x>filler$}\"}}",
            self.dice.next(),
            ""
        );
        self.json = RawValue::from_string(text).expect("JSON");
        &self.json
    }
}
