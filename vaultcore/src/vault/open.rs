//! The unsealed vault: the keys, and the loop that runs transactions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::config::{Config, Tables};
use super::known::Memories;
use super::progress::Collected;
use super::quorum::Attempts;

use crate::audit::{AuditTable, Broker, Hosts};
use crate::barrier::{Barrier, Freshness, Keyring, Keys, Outcome, RootKey, Txn, layout};
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::mount::NamespaceTable;
use crate::seal::Header;

/// How often an operation is run again when others were faster.
const ATTEMPTS: u32 = 256;
/// Attempts before the first pause.
const EAGER: u32 = 2;

/// What exists only while the vault is unsealed.
pub(super) struct OpenVault {
    barrier: Barrier,
    /// The audit devices of the host.
    hosts: Arc<Hosts>,
    config: ArcSwap<Config>,
    /// Root keys that this process is about to store: a reload tries them too.
    coming: Mutex<Vec<Coming>>,
    /// The new shares of a rekey given so far.
    rekey: Mutex<Option<Collected>>,
    /// What waits for a quorum of shares.
    attempts: Mutex<Attempts>,
    unsealing: Unsealing,
    memories: Memories,
}

/// Tells one unsealing of a vault from the next.
#[derive(Clone)]
pub(super) struct Unsealing(Arc<()>);

impl PartialEq for Unsealing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A root key that may come into force.
struct Coming {
    root: Arc<RootKey>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its commit is still to come, or under way.
    Open,
    /// Its commit is over, and nobody could look whether it happened.
    Over,
}

impl OpenVault {
    /// Opens the vault with `root`: loads the keyring and the mounts, and nothing else.
    pub(super) fn new(barrier: Barrier, root: Arc<RootKey>, hosts: Arc<Hosts>) -> Result<Self> {
        let config = load(&barrier, &[root], &hosts, None)?
            .ok_or_else(|| Error::corrupt("the stored keyring does not authenticate"))?;
        let open = Self {
            barrier,
            hosts,
            config: ArcSwap::from_pointee(config),
            coming: Mutex::default(),
            rekey: Mutex::default(),
            attempts: Mutex::default(),
            unsealing: Unsealing(Arc::new(())),
            memories: Memories::default(),
        };
        open.transact(|txn, _| txn.begin_time())?;
        Ok(open)
    }

    pub(super) fn unsealing(&self) -> Unsealing {
        self.unsealing.clone()
    }

    pub(super) fn is_of(&self, unsealing: &Unsealing) -> bool {
        self.unsealing == *unsealing
    }

    pub(super) fn memories(&self) -> &Memories {
        &self.memories
    }

    /// Returns what the storage tells of changes now.
    #[cfg(test)]
    pub(super) fn freshness(&self) -> Result<Freshness> {
        self.barrier.freshness()
    }

    /// Stores how far the chains of audit have come that are `lines` or more ahead of what is stored.
    ///
    /// What cannot be stored now is stored later: until then a cut behind the stored head is not
    /// noticed, which harms no request.
    pub(super) fn commit_heads(&self, lines: u64) {
        let config = self.config.load();
        if config.broker.is_empty() {
            return; // as nearly always: this is part of every call
        }
        let broker = Arc::clone(&config.broker);
        drop(config);
        let heads = broker.heads_due(lines);
        if heads.is_empty() {
            return;
        }
        let stored = self.transact(|txn, _| heads.iter().try_for_each(|head| head.store(txn)));
        if stored.is_ok() {
            broker.committed(&heads);
        }
    }

    /// Opens what lies behind the audit devices anew.
    pub(super) fn reopen_audit(&self) -> Result<()> {
        self.config.load().broker.reopen()
    }

    /// Lets all devices write what they have, and stores the ends of their chains.
    pub(super) fn end_audit(&self) {
        let broker = Arc::clone(&self.config.load().broker);
        if !broker.is_empty() {
            broker.drain();
            self.commit_heads(1);
        }
    }

    pub(super) fn attempts(&self) -> &Mutex<Attempts> {
        &self.attempts
    }

    pub(super) fn rekey(&self) -> &Mutex<Option<Collected>> {
        &self.rekey
    }

    /// Runs `attempt` in transactions until one is not overtaken.
    pub(super) fn transact<T>(
        &self,
        mut attempt: impl FnMut(&mut Txn<'_>, &Config) -> Result<T>,
    ) -> Result<T> {
        for number in 0..ATTEMPTS {
            let config = self.config.load();
            let mut txn = Txn::begin(&self.barrier, &config.keys, config.epoch);
            let result = attempt(&mut txn, &config);
            let outcome = match &result {
                Ok(_) => txn.commit()?,
                Err(_) => txn.settle()?, // what was not checked may never have been true
            };
            match outcome {
                Outcome::Done => return result,
                Outcome::Overtaken => {}
                Outcome::Moved => self.reload()?,
            }
            self.pause(number);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "others changed the same entries all the time",
        ))
    }

    /// Runs `attempt` once, by what others read when the storage told `before` of changes. `None` if that
    /// may not be current, or if the attempt wrote, or was overtaken.
    pub(super) fn resume<T>(
        &self,
        before: Freshness,
        attempt: impl FnOnce(&mut Txn<'_>, &Config) -> Option<T>,
    ) -> Option<T> {
        let config = self.config.load();
        // It looks for changes after that: the configuration is the one of this moment.
        let mut txn = Txn::resume(&self.barrier, &config.keys, config.epoch, before)?;
        let result = attempt(&mut txn, &config)?;
        txn.stands().then_some(result)
    }

    /// Loads keyring and mounts again, under whichever root key opens them.
    ///
    /// What another thread loaded meanwhile is not put back to something older: a load that was
    /// overtaken begins anew.
    pub(super) fn reload(&self) -> Result<()> {
        vaultcore_os::scrubbed(|| self.load_again())
    }

    fn load_again(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let before = self.config.load_full();
            let (roots, over) = self.roots(&before);
            match load(&self.barrier, &roots, &self.hosts, Some(&*before.broker))? {
                Some(config) => {
                    config.keys.keyring.check_follows(&before.keys.keyring)?;
                    config.check_not_sealed(&before)?;
                    if self.replace(&before, config) {
                        self.coming().retain(|coming| !is_in(&coming.root, &over));
                        return Ok(());
                    }
                }
                None => {
                    let (now, _) = self.roots(&self.config.load());
                    if now.len() == roots.len() && now.iter().all(|root| is_in(root, &roots)) {
                        return Err(changed_elsewhere());
                    }
                }
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "others changed the keyring all the time",
        ))
    }

    /// Returns the root keys that may be in force, and those among them whose commit is over.
    fn roots(&self, config: &Config) -> (Vec<Arc<RootKey>>, Vec<Arc<RootKey>>) {
        let mut roots = vec![Arc::clone(&config.keys.root)];
        let mut over = Vec::new();
        for coming in self.coming().iter() {
            roots.push(Arc::clone(&coming.root));
            if coming.stage == Stage::Over {
                over.push(Arc::clone(&coming.root));
            }
        }
        (roots, over)
    }

    /// Puts `config` in place of `before`; returns whether it still stood there.
    fn replace(&self, before: &Arc<Config>, config: Config) -> bool {
        let found = self.config.compare_and_swap(before, Arc::new(config));
        Arc::ptr_eq(&found, before)
    }

    /// Runs `work`, which may store `root` as the new root key, and follows it if it did.
    ///
    /// If it cannot be looked up now whether it did, the key is kept for the next reload.
    pub(super) fn change_root<T>(
        &self,
        root: &Arc<RootKey>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.coming().push(Coming {
            root: Arc::clone(root),
            stage: Stage::Open,
        });
        let result = work();
        for coming in self.coming().iter_mut() {
            if Arc::ptr_eq(&coming.root, root) {
                coming.stage = Stage::Over;
            }
        }
        match self.reload() {
            Err(error) if error.kind() == ErrorKind::Sealed && result.is_err() => Err(error),
            // What was committed stays so: whoever calls next finds the epoch moved, and reloads,
            // or finds that others changed the root key since, and seals.
            _ => result,
        }
    }

    fn coming(&self) -> MutexGuard<'_, Vec<Coming>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a little, longer with each attempt, and not as long as whoever else waits.
    fn pause(&self, attempt: u32) {
        if attempt < EAGER {
            std::thread::yield_now();
            return;
        }
        let mut jitter = [0u8];
        // A source that fails leaves the wait without jitter, no more.
        let _ = self.barrier.random().fill(&mut jitter);
        let [jitter] = jitter;
        let base = 20u64 << (attempt - EAGER).min(7); // 20 us to 2.56 ms
        let micros = base.saturating_add(base.saturating_mul(u64::from(jitter)) / 256);
        std::thread::sleep(Duration::from_micros(micros));
    }
}

fn is_in(root: &Arc<RootKey>, roots: &[Arc<RootKey>]) -> bool {
    roots.iter().any(|other| Arc::ptr_eq(other, root))
}

fn changed_elsewhere() -> Error {
    Error::new(
        ErrorKind::Sealed,
        "the vault's root key was changed elsewhere: the vault is sealed, unseal it again",
    )
}

/// Reads keyring, mounts and epoch at one moment; `None` if no key of `roots` opens the keyring.
fn load(
    barrier: &Barrier,
    roots: &[Arc<RootKey>],
    hosts: &Hosts,
    running: Option<&Broker>,
) -> Result<Option<Config>> {
    for _ in 0..ATTEMPTS {
        let paths = [layout::epoch()?, layout::keyring()?, layout::header()?];
        let mut found = barrier.storage().read(&paths)?.into_iter();
        let mut next = || found.next().flatten();
        let (epoch, keyring, header) = (next(), next(), next());
        let missing = || Error::corrupt("the stored keyring or header is missing");
        let Some(keys) = unlock(barrier, roots, &keyring.ok_or_else(missing)?.value)? else {
            return Ok(None);
        };
        let header = header.ok_or_else(missing)?.value;
        Header::decode(&header)?; // a newer version may have changed it since the unseal
        keys.keyring.check_header(&header)?;
        let epoch = epoch.map(|entry| entry.revision);
        let mut txn = Txn::begin(barrier, &keys, epoch);
        let seals = txn.seals();
        let namespaces = NamespaceTable::load(&mut txn);
        let root = Tables::load(&mut txn, NamespaceId::ROOT);
        let devices = AuditTable::load(&mut txn);
        if matches!(txn.settle()?, Outcome::Done) {
            let (devices, namespaces) = (devices?, namespaces?);
            let path = |space| namespaces.path(space);
            let broker = Broker::from_table(&devices, running, hosts, path, barrier.random())?;
            let epoch = (epoch, seals?);
            return Ok(Some(Config::new(keys, epoch, namespaces, root?, broker)));
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "others changed the keyring all the time",
    ))
}

/// Decrypts the keyring with whichever of `roots` is its key.
fn unlock(barrier: &Barrier, roots: &[Arc<RootKey>], stored: &[u8]) -> Result<Option<Keys>> {
    for root in roots {
        match Keyring::decrypt(barrier.vault(), root, stored) {
            Ok(keyring) => {
                vaultcore_os::scrub_stack();
                return Ok(Some(Keys {
                    root: Arc::clone(root),
                    keyring,
                }));
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
