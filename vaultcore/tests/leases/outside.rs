//! What is outside of the vaults: a folder with a file for each user, and a log of who was dropped.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use vaultcore::database::{ChangeUser, Database, Driver, NewUser, Settings};
use vaultcore::{Clock, Error, Result, Timestamp};

use crate::killed::whole_lines;
use crate::world::Shifted;

/// The name by which it is configured.
pub(crate) const PLUGIN: &str = "folder-plugin";
/// What the engine adds to the life of a user.
const GRACE: u64 = 5_000_000;

/// The folder.
#[derive(Clone)]
pub(crate) struct Outside {
    folder: PathBuf,
    clock: Shifted,
    /// How long making a user takes, before and after it is there, and how long dropping one.
    pub(crate) slow: Duration,
}

/// A user who was dropped.
#[derive(Debug)]
pub(crate) struct Dropped {
    pub(crate) name: String,
    /// By which process.
    pub(crate) process: u32,
    /// How long after the end of the lease, in microseconds.
    pub(crate) late: u64,
}

impl Outside {
    pub(crate) fn new(folder: &Path, clock: Shifted) -> Self {
        fs::create_dir_all(folder.join("users")).unwrap();
        Self {
            folder: folder.to_owned(),
            clock,
            slow: Duration::ZERO,
        }
    }

    fn user(&self, name: &str) -> PathBuf {
        self.folder.join("users").join(name)
    }

    /// Returns the names of the users.
    pub(crate) fn users(&self) -> Vec<String> {
        let found = fs::read_dir(self.folder.join("users")).unwrap();
        let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    /// Returns who was dropped, in that order.
    pub(crate) fn dropped(&self) -> Vec<Dropped> {
        let log = fs::read_to_string(self.folder.join("dropped")).unwrap_or_default();
        let read = |line: &str| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap().to_owned();
            Dropped {
                name: next(),
                process: next().parse().unwrap(),
                late: next().parse().unwrap(),
            }
        };
        whole_lines(&log).lines().map(read).collect()
    }
}

impl Driver for Outside {
    fn name(&self) -> &'static str {
        PLUGIN
    }

    fn open(&self, _: &Settings) -> Result<Arc<dyn Database>> {
        Ok(Arc::new(self.clone()))
    }
}

impl Database for Outside {
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    fn create(&self, user: &NewUser<'_>) -> Result<()> {
        sleep(self.slow);
        let until = user.expires.map_or(u64::MAX, Timestamp::as_micros);
        fs::write(self.user(user.name), until.to_string()).unwrap();
        sleep(self.slow);
        Ok(())
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        let known = self.user(user.name).exists();
        let unknown = || Error::new(vaultcore::ErrorKind::NotFound, "there is no such user");
        known.then_some(()).ok_or_else(unknown)
    }

    fn drop_user(&self, name: &str, _: &[String]) -> Result<()> {
        sleep(self.slow);
        let end = fs::read_to_string(self.user(name)).ok();
        let end = end.and_then(|text| text.parse::<u64>().ok());
        let late = end.map_or(0, |end| {
            let now = self.clock.read().wall.as_micros();
            now.saturating_sub(end.saturating_sub(GRACE))
        });
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.folder.join("dropped"));
        let line = format!("{name} {} {late}\n", std::process::id());
        log.unwrap().write_all(line.as_bytes()).unwrap(); // one write: whole, whoever else writes
        let _ = fs::remove_file(self.user(name)); // whoever is not there is no error
        Ok(())
    }
}
