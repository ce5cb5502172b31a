//! Building a vault from its parts.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use vaultcore_os::ForkMark;

use super::background::{Background, Worker};
use super::metrics::Counters;
use super::progress::Progress;
use super::{Core, Owner, State, Vault};
use crate::audit::{AuditDevice, AuditRules, Hosts};
use crate::auth;
use crate::barrier::Time;
use crate::clock::{Clock, SystemClock};
use crate::crypto::rng::{OsRandom, Random};
use crate::engine;
use crate::engine::database::{Databases, Driver};
use crate::error::Result;
use crate::operation::Engine;
use crate::storage::Storage;

/// What the cache of ciphertext may hold unless told otherwise: 16 MiB.
const CACHE_BYTES: usize = 16 * 1_048_576;

/// Builds a [`Vault`]. Everything that it takes from outside is handed in here.
///
/// ```
/// use vaultcore::{ManualClock, Timestamp, Vault, storage::Memory};
/// let vault = Vault::builder(Memory::new())
///     .clock(ManualClock::new(Timestamp::from_micros(0)))
///     .cache_bytes(0)
///     .build()?;
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[must_use]
pub struct VaultBuilder {
    storage: Arc<dyn Storage>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    cache_bytes: usize,
    owner: Owner,
    hosts: Hosts,
    audit_rules: AuditRules,
    databases: Databases,
    /// Instead of those of the same kind.
    #[cfg(test)]
    engines: Vec<Box<dyn Engine>>,
    background: Background,
}

impl VaultBuilder {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            random: Arc::new(OsRandom),
            clock: Arc::new(SystemClock),
            cache_bytes: CACHE_BYTES,
            owner: Owner::Allowed,
            hosts: Hosts::default(),
            audit_rules: AuditRules::default(),
            databases: Databases::new(),
            #[cfg(test)]
            engines: Vec::new(),
            background: Background::Host,
        }
    }

    /// Takes the time from `clock` instead of the machine.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes randomness from `random` instead of the operating system.
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Says who ends what ran out, and does what else falls due; by default the host does.
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// Caches at most `bytes` of ciphertext in memory; 0 caches nothing. The default is 16 MiB.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Switches the session of the embedding program on (the default) or off.
    ///
    /// With `false`, [`Vault::owner`] answers `PermissionDenied`.
    pub fn owner(mut self, allowed: bool) -> Self {
        self.owner = if allowed {
            Owner::Allowed
        } else {
            Owner::Refused
        };
        self
    }

    /// Gives the vault an audit device of the host's own, under a name.
    ///
    /// It takes records once a device of the kind `callback` is enabled whose option `name` is that
    /// name; see [`Sys::enable_audit`](crate::Sys::enable_audit).
    pub fn audit_device(mut self, name: &str, device: impl AuditDevice + 'static) -> Self {
        self.hosts.add(name, Arc::new(device));
        self
    }

    /// Adds an engine, or takes it instead of the one of the same kind.
    #[cfg(test)]
    pub(crate) fn with_engine(mut self, engine: impl Engine) -> Self {
        self.engines.push(Box::new(engine));
        self
    }

    /// Lets audit devices have a prefix, a text in front of every line; by default they may not.
    ///
    /// Whoever may enable a device then chooses both a file and what its lines begin with, and so can
    /// write a script (CVE-2025-6000).
    pub fn audit_prefix(mut self, allowed: bool) -> Self {
        self.audit_rules.prefix = allowed;
        self
    }

    /// Lets namespaces below the root have audit devices of every kind; by default they may have those
    /// that the host gives by [`audit_device`](Self::audit_device), and no others.
    ///
    /// Whoever administers a namespace then chooses files that the process writes to, and services
    /// that it connects to.
    pub fn audit_in_namespaces(mut self, allowed: bool) -> Self {
        self.audit_rules.namespaces = allowed;
        self
    }

    /// Adds a driver of databases, or takes it instead of the one of the same name.
    pub fn database_driver(mut self, driver: impl Driver + 'static) -> Self {
        self.databases.add(Arc::new(driver));
        self
    }

    fn engines(
        databases: Databases,
        #[cfg(test)] more: Vec<Box<dyn Engine>>,
    ) -> Vec<Box<dyn Engine>> {
        #[allow(unused_mut)] // tests have more
        let mut engines = engine::built_in(databases);
        #[cfg(test)]
        engines.extend(more);
        engines
    }

    /// Builds the vault, sealed. The storage is not touched yet.
    ///
    /// # Errors
    /// `Unavailable` if there is no thread for the background work to be had.
    pub fn build(self) -> Result<Vault> {
        let core = Core {
            storage: self.storage,
            random: self.random,
            time: Arc::new(Time::new(Arc::clone(&self.clock))),
            clock: self.clock,
            engines: Self::engines(
                self.databases,
                #[cfg(test)]
                self.engines,
            ),
            methods: auth::built_in(),
            hosts: Arc::new(self.hosts),
            audit_rules: self.audit_rules,
            counters: Counters::default(),
            cache_bytes: self.cache_bytes,
            owner: self.owner,
            fork: ForkMark::new(),
            state: RwLock::new(State::Sealed(Progress::default())),
            ending: AtomicBool::new(false),
        };
        let core = Arc::new(core);
        let worker = match self.background {
            Background::Host => None,
            Background::Thread => Some(Arc::new(Worker::start(&core)?)),
        };
        Ok(Vault {
            core,
            _worker: worker,
        })
    }
}

impl std::fmt::Debug for VaultBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultBuilder")
    }
}
