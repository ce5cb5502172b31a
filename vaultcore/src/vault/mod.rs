//! The vault: its state, and the one pipeline that every operation goes through.

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod alone;
mod auditing;
mod background;
mod bearer;
mod beyond;
mod builder;
mod ceremony;
mod config;
#[cfg(test)]
mod hinted;
mod init;
#[cfg(test)]
mod key_uses;
mod known;
mod leases;
mod metrics;
#[cfg(test)]
mod old_keys;
mod open;
mod progress;
mod quorum;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod remembered;
mod run;
mod trail;
mod work;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use vaultcore_os::ForkMark;

pub use background::Background;
pub(crate) use bearer::Bearer;
pub use builder::VaultBuilder;
pub use ceremony::{Rekey, RekeyProgress};
pub use init::Init;
pub(crate) use known::Memory;
pub(crate) use leases::Force;
use leases::{Haste, Manner};
pub use metrics::{Metric, MetricKind};
pub use progress::SealStatus;
pub(crate) use quorum::RootAttempt;
pub use quorum::{QuorumProgress, RootProgress};
pub(crate) use run::{Caller, Place, Who};

use crate::audit::{AuditRules, Hosts};
use crate::barrier::Time;
use crate::clock::Clock;
use crate::crypto::rng::Random;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{AuthMethod, Engine};
use crate::seal::Header;
use crate::storage::Storage;
use background::Worker;
use metrics::Counters;
use open::{OpenVault, Unsealing};
use progress::Progress;

/// A vault: sealed until enough people, or a key, have opened it.
///
/// A handle that is cheap to clone; all clones are one vault, and it may be used by any number of
/// threads. Any number of vaults, in any number of processes, may use one storage.
///
/// ```
/// use vaultcore::{NewSlot, Vault, storage::Memory};
///
/// let vault = Vault::builder(Memory::new()).build()?;
/// let init = vault.init([NewSlot::shamir(5, 3)])?;
/// for share in init.shares().iter().take(3) {
///     vault.unseal(share)?;
/// }
/// assert!(!vault.status()?.sealed());
/// vault.seal()?;
/// assert!(vault.owner().is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Vault {
    core: Arc<Core>,
    /// Held until the last handle is gone, and not by the thread itself.
    _worker: Option<Arc<Worker>>,
}

struct Core {
    storage: Arc<dyn Storage>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    time: Arc<Time>,
    engines: Vec<Box<dyn Engine>>,
    methods: Vec<Box<dyn AuthMethod>>,
    /// The audit devices of the host.
    hosts: Arc<Hosts>,
    audit_rules: AuditRules,
    counters: Counters,
    cache_bytes: usize,
    owner: Owner,
    fork: ForkMark,
    state: RwLock<State>,
    /// Whether nobody is left who could use the vault: what is under way in the background stops.
    ending: AtomicBool,
}

enum State {
    Sealed(Progress),
    Unsealed(Box<OpenVault>),
    Closed,
}

/// Whether the process that unsealed has full rights.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Allowed,
    Refused,
}

impl Vault {
    /// Begins to build a vault on `storage`.
    pub fn builder(storage: impl Storage + 'static) -> VaultBuilder {
        VaultBuilder::new(Arc::new(storage))
    }

    /// Seals the vault: drops every key, and returns once no operation can still be using one.
    ///
    /// Sealing a sealed vault drops the shares given so far.
    ///
    /// # Errors
    /// `Closed`, `Forked`.
    pub fn seal(&self) -> Result<()> {
        self.check_process()?;
        self.end_audit();
        {
            let mut state = self
                .core
                .state
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Closed) {
                return Err(closed());
            }
            *state = State::Sealed(Progress::default());
        }
        self.leave_outside();
        Ok(())
    }

    /// Seals the vault for good: every later call on any clone answers `Closed`.
    ///
    /// # Errors
    /// `Forked`.
    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        self.end_audit();
        *self
            .core
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner) = State::Closed;
        self.leave_outside();
        Ok(())
    }

    /// Lets go of what engines hold outside, such as the login of a database, and of what is left of keys.
    fn leave_outside(&self) {
        self.core.engines.iter().for_each(|engine| engine.close());
        vaultcore_os::scrub_stack();
    }

    /// Stores where the audit trail ends, if the vault is open.
    fn end_audit(&self) {
        let state = self.core.state.read();
        if let State::Unsealed(open) = &*state.unwrap_or_else(PoisonError::into_inner) {
            open.end_audit();
        }
    }

    /// Calls `work` with the open vault. While it runs the vault can not be sealed.
    fn with_open<T>(&self, work: impl FnOnce(&OpenVault) -> Result<T>) -> Result<T> {
        self.check_process()?;
        let (result, unsealing) = {
            let state = self
                .core
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            match &*state {
                State::Unsealed(open) => {
                    let result = work(open);
                    let sealed = matches!(&result, Err(error) if error.kind() == ErrorKind::Sealed);
                    (result, sealed.then(|| open.unsealing()))
                }
                State::Sealed(_) => return Err(sealed()),
                State::Closed => return Err(closed()),
            }
        };
        if let Some(unsealing) = unsealing {
            // Another process changed the root key: what is in memory opens nothing.
            self.end(&unsealing);
        }
        result
    }

    /// Seals the vault if it is still unsealed as it was: somebody may have unsealed it anew.
    fn end(&self, unsealing: &Unsealing) {
        let mut state = self
            .core
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Unsealed(open) if open.unsealing() == *unsealing) {
            *state = State::Sealed(Progress::default());
            drop(state);
            self.leave_outside();
        }
    }

    /// Refuses to work in a forked child, before any lock is touched.
    fn check_process(&self) -> Result<()> {
        if self.core.fork.forked() {
            return Err(Error::new(
                ErrorKind::Forked,
                "a vault does not cross a fork: this process is a child of the one that opened it",
            ));
        }
        Ok(())
    }

    fn check_not_closed(&self) -> Result<()> {
        let state = self.core.state.read();
        match &*state.unwrap_or_else(PoisonError::into_inner) {
            State::Closed => Err(closed()),
            State::Sealed(_) | State::Unsealed(_) => Ok(()),
        }
    }

    /// Returns the stored header.
    fn header(&self) -> Result<Header> {
        let path = crate::barrier::layout::header()?;
        let found = self.core.storage.read(&[path])?;
        match found.into_iter().next().flatten() {
            Some(entry) => Header::decode(&entry.value),
            None => Err(Error::new(
                ErrorKind::NotInitialized,
                "the storage holds no vault yet",
            )),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

fn sealed() -> Error {
    Error::new(ErrorKind::Sealed, "the vault is sealed")
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the vault is closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::NewSlot;
    use crate::storage::Memory;

    #[test]
    fn a_vault_unsealed_anew_is_not_sealed_for_what_happened_before() {
        let vault = Vault::builder(Memory::new()).build().expect("vault");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        let unseal = || vault.unseal(&init.shares()[0]).expect("unsealed");
        let current = || vault.with_open(|open| Ok(open.unsealing()));
        unseal();
        let before = current().expect("unsealed");
        vault.seal().expect("sealed");
        unseal();
        vault.end(&before);
        let now = current().expect("still unsealed");
        vault.end(&now);
        assert_eq!(
            current().err().map(|error| error.kind()),
            Some(ErrorKind::Sealed)
        );
    }
}
