//! A device that runs: its format, its chain, and the way to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::AuditDevice;
use super::buffer::Buffer;
use super::chain::{Chain, Public};
use super::entry::{RequestEntry, ResponseEntry};
use super::format::Format;
use super::gate::Gate;
use super::head::ChainHead;
use super::sinks::{self, Hosts};
use super::table::DeviceConfig;
use super::ticket::Ticket;
use super::worker::Worker;
use crate::crypto::rng::{Random, random};
use crate::error::{Error, ErrorKind, Result};
#[cfg(test)]
use crate::id::AuditId;
use crate::id::RunId;

/// An audit device in this process. Its run, and so its chain, ends when it is dropped.
pub(crate) struct Device {
    config: DeviceConfig,
    format: Format,
    timeout: Duration,
    run: RunId,
    public: Arc<Public>,
    /// The number of the last line whose head is stored.
    committed: AtomicU64,
    lane: Lane,
}

/// The way to the device.
enum Lane {
    /// Whoever has something to write does it himself.
    Inline {
        gate: Gate<Chain>,
        /// Lines that waited too long for the gate, which the chain does not know of yet.
        missed: AtomicU64,
    },
    /// A thread does it, since it may take long.
    Thread(Worker),
}

/// How a device fared since it was started.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceStatus {
    pub(crate) id: AuditId,
    pub(crate) run: RunId,
    /// Lines that were written.
    pub(crate) written: u64,
    /// Lines whose write failed.
    pub(crate) failed: u64,
}

/// A line, or the record of one, for a device.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Request(&'a RequestEntry<'a>),
    Response(&'a ResponseEntry<'a>),
}

impl Entry<'_> {
    /// Returns the path of the namespace that the record is of.
    pub(super) fn space(&self) -> &str {
        match self {
            Self::Request(entry) => entry.request.namespace_path,
            Self::Response(entry) => entry.request.namespace_path,
        }
    }
}

/// Returns an error unless what `config` describes can be opened now.
///
/// # Errors
/// `Unavailable` if it can not, or not in time; `Unsupported` for a device of the host's that
/// there is not.
pub(crate) fn check(config: &DeviceConfig, hosts: &Hosts, source: &dyn Random) -> Result<()> {
    let sink = sinks::open(config, hosts);
    Device::start(config.copy(), sink, source)?.reopen()
}

/// What came of a line that the caller wrote himself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    No,
    /// Somebody else was at it all the time.
    Late,
}

impl Device {
    /// Starts a run of the device that `config` describes, which writes to `sink`.
    ///
    /// # Errors
    /// `Unavailable` if the random source or the system fails.
    pub(crate) fn start(
        config: DeviceConfig,
        sink: Arc<dyn AuditDevice>,
        source: &dyn Random,
    ) -> Result<Self> {
        let run = RunId::from_bytes(random(source)?);
        let public = Arc::new(Public::default());
        let may_block = sink.may_block();
        let chain = Chain::new(sink, config.chain_key(), run, Arc::clone(&public));
        let lane = if may_block {
            Lane::Thread(Worker::start(chain)?)
        } else {
            Lane::Inline {
                gate: Gate::new(chain),
                missed: AtomicU64::new(0),
            }
        };
        Ok(Self {
            format: config.format(),
            timeout: config.timeout(),
            config,
            run,
            public,
            committed: AtomicU64::new(0),
            lane,
        })
    }

    pub(crate) fn config(&self) -> &DeviceConfig {
        &self.config
    }

    /// Returns what stands in this device's lines for `input`, so that people can look for it.
    #[cfg(test)]
    pub(crate) fn hash(&self, input: &str) -> String {
        self.format.hasher.hash(input.as_bytes())
    }

    /// Opens what lies behind the device anew; also the way to find out whether it can be opened.
    ///
    /// # Errors
    /// `Unavailable` if it can not, or not in time.
    pub(crate) fn reopen(&self) -> Result<()> {
        let failed = || Error::new(ErrorKind::Unavailable, "the audit device can not be opened");
        match &self.lane {
            Lane::Inline { gate, .. } => {
                let reopened = gate.with(self.timeout, |chain| chain.reopen());
                reopened.ok_or_else(failed)?
            }
            Lane::Thread(worker) => {
                let ticket = Arc::new(Ticket::default());
                ticket.expect(0);
                let mut waited = Duration::ZERO;
                worker.reopen(&ticket, 0);
                ticket
                    .wait(&mut [(0, self.timeout)], &mut waited)
                    .then_some(())
                    .ok_or_else(failed)
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> DeviceStatus {
        DeviceStatus {
            id: self.config.id(),
            run: self.run,
            written: self.public.written.load(Ordering::Relaxed),
            failed: self.public.failed.load(Ordering::Relaxed),
        }
    }

    /// Returns the last line of the chain, if there is one that is not known to be stored.
    pub(super) fn head(&self) -> Option<(ChainHead, u64)> {
        let tip = self.public.tip()?;
        let behind = tip
            .seq
            .saturating_sub(self.committed.load(Ordering::Relaxed));
        let head = ChainHead {
            device: self.config.id(),
            run: self.run,
            seq: tip.seq,
            mac: tip.mac,
        };
        (behind > 0).then_some((head, behind))
    }

    /// Notes that `head` is stored.
    pub(super) fn committed(&self, head: &ChainHead) {
        if head.run == self.run {
            self.committed.fetch_max(head.seq, Ordering::Relaxed);
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn is_threaded(&self) -> bool {
        matches!(self.lane, Lane::Thread(_))
    }

    /// Hands `entry` to the thread, if there is one; the answer goes to `ticket`.
    pub(super) fn send(&self, entry: Entry<'_>, ticket: &Arc<Ticket>, number: usize) {
        if let Lane::Thread(worker) = &self.lane {
            ticket.expect(number);
            worker.write(self.line(entry), ticket, number);
        }
    }

    /// Writes `entry`, if there is no thread to do it. `waited` is how long the caller has waited
    /// for other devices already; it is part of this one's time.
    pub(super) fn write(&self, entry: Entry<'_>, waited: Duration) -> Written {
        let Lane::Inline { gate, missed } = &self.lane else {
            return Written::No;
        };
        let line = self.line(entry);
        let written = gate.with(self.timeout.saturating_sub(waited), |chain| {
            chain.skip(missed.swap(0, Ordering::Relaxed));
            chain.append(line)
        });
        match written {
            Some(Ok(())) => Written::Yes,
            Some(Err(_)) => Written::No,
            None => {
                missed.fetch_add(1, Ordering::Relaxed);
                Written::Late
            }
        }
    }

    /// Waits until all is written that was handed over; returns whether it was in time.
    pub(super) fn drain(&self, timeout: Duration) -> bool {
        match &self.lane {
            Lane::Inline { gate, .. } => gate.with(timeout, |_| ()).is_some(),
            Lane::Thread(worker) => worker.drain(timeout),
        }
    }

    fn line(&self, entry: Entry<'_>) -> Buffer {
        match entry {
            Entry::Request(entry) => self.format.request(entry),
            Entry::Response(entry) => self.format.response(entry),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({}, run {})", self.config.id(), self.run)
    }
}
