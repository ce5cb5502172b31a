//! What the vault counts of itself, under Vault's names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Caller, State, Vault};
use crate::engine::sys::ReadMetrics;
use crate::error::Result;

/// Counters of one process, since it made the vault.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    request_micros: AtomicU64,
    operations: AtomicU64,
    logins: AtomicU64,
    denials: AtomicU64,
    audited: AtomicU64,
    audit_failures: AtomicU64,
    background_failures: AtomicU64,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// An operation ran, by whichever door.
    Operation,
    /// Somebody asked for something without a token, by a method that anybody may use.
    Login,
    /// Somebody may not do what they asked for.
    Denied,
    /// A request was recorded by an audit device.
    Audited,
    /// No audit device took a record.
    AuditFailed,
    /// The thread could not do all that was due.
    BackgroundFailed,
}

impl Counters {
    pub(super) fn count(&self, event: Event) {
        let counter = match event {
            Event::Operation => &self.operations,
            Event::Login => &self.logins,
            Event::Denied => &self.denials,
            Event::Audited => &self.audited,
            Event::AuditFailed => &self.audit_failures,
            Event::BackgroundFailed => &self.background_failures,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn request(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.request_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A number that the vault counts, by Vault's name for it where Vault has one.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let metrics = vault.owner()?.sys().metrics()?;
/// let unsealed = metrics.iter().find(|metric| metric.name == "vault.core.unsealed");
/// assert_eq!(unsealed.map(|metric| metric.value), Some(1));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with dots.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// The number; of a timer how often it ran.
    pub value: u64,
    /// How long all runs of a timer took together, in microseconds; otherwise 0.
    pub micros: u64,
}

/// What kind of number a [`Metric`] is.
///
/// ```
/// assert_ne!(vaultcore::MetricKind::Gauge, vaultcore::MetricKind::Counter);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It is as it is now.
    Gauge,
    /// It only grows while the process lives.
    Counter,
    /// It counts, and tells how long what it counts took.
    Timer,
}

impl Vault {
    /// Returns all metrics, to whoever may read `sys/metrics`.
    pub(crate) fn metrics(&self, caller: &Caller) -> Result<Vec<Metric>> {
        self.run(caller, &ReadMetrics)?;
        let counters = &self.core.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = {
            let state = self.core.state.read();
            let state = state.unwrap_or_else(std::sync::PoisonError::into_inner);
            u64::from(matches!(&*state, State::Unsealed(_)))
        };
        let number = |name, kind, value| Metric {
            name,
            kind,
            value,
            micros: 0,
        };
        let counter = |name, counter| number(name, MetricKind::Counter, read(counter));
        Ok(vec![
            number("vault.core.unsealed", MetricKind::Gauge, open),
            Metric {
                name: "vault.core.handle_request",
                kind: MetricKind::Timer,
                value: read(&counters.requests),
                micros: read(&counters.request_micros),
            },
            counter("vault.core.handle_login_request", &counters.logins),
            counter("vault.audit.log_request", &counters.audited),
            counter("vault.audit.log_request_failure", &counters.audit_failures),
            counter("vaultcore.operations", &counters.operations),
            counter("vaultcore.denied", &counters.denials),
            counter(
                "vaultcore.background_failures",
                &counters.background_failures,
            ),
        ])
    }

    /// Notes that a request by the door took so long.
    pub(crate) fn timed(&self, took: Duration) {
        self.core.counters.request(took);
    }

    /// Returns the time since boot, to measure by.
    pub(crate) fn since_boot(&self) -> Duration {
        self.core.clock.read().since_boot
    }
}
