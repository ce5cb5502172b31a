//! All devices: a record is good once one of each namespace that it concerns has taken it in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vaultcore_os::ForkMark;

#[cfg(test)]
use super::device::DeviceStatus;
use super::device::{Device, Entry, Written};
use super::entry::{RequestEntry, ResponseEntry};
use super::head::ChainHead;
use super::sinks::{self, Hosts};
use super::table::AuditTable;
use super::ticket::{MAX_DEVICES, Ticket};
use crate::crypto::rng::Random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;

/// The devices of one configuration. A changed configuration makes a new broker, which takes over
/// the devices that stay as they are, running.
pub(crate) struct Broker {
    /// Those of the root namespace first.
    circles: Vec<Circle>,
    fork: ForkMark,
}

/// The devices of one namespace, which hear of what is asked for in it and below it.
struct Circle {
    /// From the root: empty, or ending in a slash.
    space: String,
    devices: Vec<Arc<Device>>,
}

impl Broker {
    fn of(circles: Vec<Circle>) -> Self {
        let fork = ForkMark::new();
        Self { circles, fork }
    }

    /// Creates the broker of the devices in `table`. A device that `running` has under the same
    /// id and configuration is taken over, so that its chain goes on. `path` tells the path of a
    /// namespace; in one that is gone nothing is asked for.
    ///
    /// A device that can not be opened is there all the same, and fails until it can: otherwise a
    /// full disk would switch auditing off.
    ///
    /// # Errors
    /// `Unavailable` if the random source or the system fails; `Unsupported` for a device of the
    /// host's that `hosts` does not have.
    pub(crate) fn from_table<'s>(
        table: &AuditTable,
        running: Option<&Self>,
        hosts: &Hosts,
        path: impl Fn(NamespaceId) -> Option<&'s str>,
        source: &dyn Random,
    ) -> Result<Self> {
        let mut circles: Vec<Circle> = Vec::new();
        for config in table.iter() {
            let Some(space) = path(config.space()) else {
                continue;
            };
            let running = running.and_then(|running| running.with_config(config));
            let device = match running {
                Some(device) => Arc::clone(device),
                None => {
                    let sink = sinks::open(config, hosts);
                    Arc::new(Device::start(config.copy(), sink, source)?)
                }
            };
            match circles.iter_mut().find(|circle| circle.space == space) {
                Some(circle) => circle.devices.push(device),
                None => circles.push(Circle {
                    space: space.to_owned(),
                    devices: vec![device],
                }),
            }
        }
        circles.sort_by(|one, other| one.space.cmp(&other.space));
        Ok(Self::of(circles))
    }

    /// Creates the broker of devices of the root namespace.
    #[cfg(test)]
    pub(crate) fn new(devices: Vec<Arc<Device>>) -> Self {
        let space = String::new();
        let circles = [Circle { space, devices }].into_iter();
        Self::of(
            circles
                .filter(|circle| !circle.devices.is_empty())
                .collect(),
        )
    }

    #[cfg(test)]
    pub(crate) fn device(&self, number: usize) -> &Arc<Device> {
        self.devices().nth(number).expect("a device")
    }

    /// Returns whether there is no device, so that requests run unaudited.
    pub(crate) fn is_empty(&self) -> bool {
        self.circles.is_empty()
    }

    fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.circles.iter().flat_map(|circle| &circle.devices)
    }

    /// Records a request. Nothing may be done before this returns `Ok`.
    ///
    /// # Errors
    /// `AuditFailed` if the namespace of the request, or one above it, has devices of which none
    /// took the record in time; `Forked`.
    pub(crate) fn request(&self, entry: &RequestEntry<'_>) -> Result<()> {
        self.record(Entry::Request(entry))
    }

    /// Records a response. Nothing may be answered before this returns `Ok`.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub(crate) fn response(&self, entry: &ResponseEntry<'_>) -> Result<()> {
        self.record(Entry::Response(entry))
    }

    fn record(&self, entry: Entry<'_>) -> Result<()> {
        if self.circles.is_empty() {
            return Ok(());
        }
        self.check_fork()?;
        let mut waited = Duration::ZERO;
        let space = entry.space();
        let concerned = |circle: &&Circle| space.starts_with(&circle.space);
        for circle in self.circles.iter().filter(concerned) {
            if !circle.record(entry, &mut waited) {
                return Err(Error::new(
                    ErrorKind::AuditFailed,
                    "no audit device took the record",
                ));
            }
        }
        Ok(())
    }

    /// Opens all devices anew, as after a rotation of files.
    ///
    /// # Errors
    /// `Unavailable` if one can not be opened; the others are.
    pub(crate) fn reopen(&self) -> Result<()> {
        self.check_fork()?;
        let mut all = Ok(());
        for device in self.devices() {
            all = all.and(device.reopen());
        }
        all
    }

    /// Returns the head of each chain that has lines whose head is not stored.
    #[cfg(test)]
    pub(crate) fn heads(&self) -> Vec<ChainHead> {
        self.heads_due(1)
    }

    /// Returns the head of each chain that is `every` or more lines ahead of its stored head.
    pub(crate) fn heads_due(&self, every: u64) -> Vec<ChainHead> {
        let heads = self.devices().filter_map(|device| device.head());
        let due = heads.filter(|(_, behind)| *behind >= every);
        due.map(|(head, _)| head).collect()
    }

    /// Notes that `heads` are stored.
    pub(crate) fn committed(&self, heads: &[ChainHead]) {
        for head in heads {
            for device in self.devices() {
                device.committed(head);
            }
        }
    }

    /// Waits until every device has written what it was handed, each within its timeout; returns
    /// whether all have. Before a seal, so that the heads then are the last ones.
    pub(crate) fn drain(&self) -> bool {
        if self.check_fork().is_err() {
            return false;
        }
        let mut drained = true;
        let mut waited = Duration::ZERO;
        for device in self.devices() {
            // While one was waited for, the others had that time as well.
            if !device.drain(device.timeout().saturating_sub(waited)) {
                drained = false;
                waited = waited.max(device.timeout());
            }
        }
        drained
    }

    /// Returns how each device fared.
    #[cfg(test)]
    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        self.devices().map(|device| device.status()).collect()
    }

    fn with_config(&self, config: &super::DeviceConfig) -> Option<&Arc<Device>> {
        self.devices()
            .find(|device| device.config().is_same(config))
    }

    /// A child has the parent's chains but not its threads, and its locks as they were.
    fn check_fork(&self) -> Result<()> {
        if self.fork.forked() {
            return Err(Error::new(
                ErrorKind::Forked,
                "audit devices do not cross a fork: this process is a child of theirs",
            ));
        }
        Ok(())
    }
}

impl Circle {
    /// Returns whether one of the devices took `entry` in time. `waited` is how long the caller has
    /// waited for devices so far.
    fn record(&self, entry: Entry<'_>, waited: &mut Duration) -> bool {
        // The threads first, so that they work while this one does.
        let mut waiting = [(0, Duration::ZERO); MAX_DEVICES];
        let mut count = 0;
        let mut ticket = None;
        for (number, device) in self.devices.iter().enumerate() {
            if !device.is_threaded() {
                continue;
            }
            let ticket = ticket.get_or_insert_with(|| Arc::new(Ticket::default()));
            device.send(entry, ticket, number);
            if let Some(place) = waiting.get_mut(count) {
                *place = (number, device.timeout());
                count += 1;
            }
        }
        let mut accepted = false;
        for device in &self.devices {
            match device.write(entry, *waited) {
                Written::Yes => accepted = true,
                Written::No => {}
                Written::Late => *waited = (*waited).max(device.timeout()),
            }
        }
        let waiting = waiting.get_mut(..count).unwrap_or_default();
        accepted || ticket.is_some_and(|ticket| ticket.wait(waiting, waited))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.fork.forked() {
            // To stop a thread takes a lock, which another thread may have held at the fork.
            std::mem::forget(std::mem::take(&mut self.circles));
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({} devices)", self.devices().count())
    }
}

#[cfg(test)]
mod tests;
