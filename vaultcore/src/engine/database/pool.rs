//! The databases that this process has opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::config::Config;
use super::driver::{Database, Driver};
use super::{Databases, Site};
use crate::error::Result;

/// The databases that are open, by where their configuration is.
#[derive(Default)]
pub(super) struct Pools {
    open: Mutex<HashMap<(Site, String), Open>>,
}

struct Open {
    /// That of the configuration: one that was written since has another.
    generation: [u8; 16],
    database: Arc<dyn Database>,
}

/// Opens a database, outside of any transaction.
pub(super) struct Opener {
    driver: Arc<dyn Driver>,
    pools: Arc<Pools>,
    key: (Site, String),
    config: Config,
}

impl Databases {
    pub(super) fn opener(&self, site: Site, config: Config) -> Result<Opener> {
        Ok(Opener {
            driver: Arc::clone(self.driver(&config.plugin)?),
            pools: Arc::clone(&self.pools),
            key: (site, config.name.clone()),
            config,
        })
    }
}

impl Opener {
    /// Returns the database, connected before or not.
    ///
    /// If a rotation of the administrator's password was interrupted, one of several passwords may be in
    /// force: all are tried.
    pub(super) fn open(&self) -> Result<Arc<dyn Database>> {
        let generation = self.config.generation;
        let known = self.config.pending.is_empty();
        if known
            && let Some(open) = self.pools.lock().get(&self.key)
            && open.generation == generation
        {
            return Ok(Arc::clone(&open.database));
        }
        let mut database = self.driver.open(&self.config.settings())?;
        if !known && database.verify().is_err() {
            for pending in self.config.pending.iter().rev() {
                database = self.driver.open(&self.config.settings_with(pending))?;
                if database.verify().is_ok() {
                    break;
                }
            }
        }
        let open = Open {
            generation,
            database: Arc::clone(&database),
        };
        // Under a pending password nothing is kept: which one works may change any time.
        if known {
            self.pools.lock().insert(self.key.clone(), open);
        }
        Ok(database)
    }

    /// Opens the database anew, with nothing kept.
    pub(super) fn open_fresh(&self) -> Result<Arc<dyn Database>> {
        self.driver.open(&self.config.settings())
    }

    /// Returns an error if the settings cannot be.
    pub(super) fn check(&self) -> Result<()> {
        self.open_fresh().map(drop)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns what tells the database from others of this vault.
    pub(super) fn peer(&self) -> String {
        let (site, name) = &self.key;
        format!("{}/{}/{name}", site.namespace.part(), site.mount)
    }
}

impl Pools {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Site, String), Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the databases that are open, and by which configuration.
    pub(super) fn open(&self) -> Vec<((Site, String), [u8; 16])> {
        let open = self.lock();
        let open = open
            .iter()
            .map(|(key, open)| (key.clone(), open.generation));
        open.collect()
    }

    /// Closes all databases.
    pub(super) fn close_all(&self) {
        let closed = std::mem::take(&mut *self.lock());
        drop(closed); // outside of the lock
    }

    /// Closes a database.
    pub(super) fn close(&self, site: Site, name: &str) {
        let closed = self.lock().remove(&(site, name.to_owned()));
        drop(closed); // outside of the lock
    }
}
