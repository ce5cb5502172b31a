//! The audit trail: a line for each request before it is done, and one for each response before
//! it is answered, in Vault's JSON, hashed and chained for each device.
//!
//! * `entry`: what is recorded, borrowed from the pipeline. `format`, `data`, `hash`, `time`,
//!   `buffer`: its line.
//! * `chain`: what ties a line to the one before it. `verify`: who finds what was changed.
//! * `device`, `lane`: a device that runs. `broker`: all of them.
//! * `table`, `options`, `head`: what is stored. `sinks`: the devices that are built in.

mod broker;
mod buffer;
mod chain;
mod data;
mod device;
mod entry;
mod format;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gate;
mod hash;
mod head;
mod line;
mod options;
mod sinks;
mod table;
#[cfg(test)]
mod testing;
mod ticket;
mod time;
mod verify;
mod worker;

pub(crate) use broker::Broker;
pub(crate) use device::check;
pub(crate) use entry::{
    AuthBlock, GrantingPolicy, MountBlock, PolicyResults, RequestBlock, RequestEntry,
    ResponseBlock, ResponseEntry, Texts, WrapBlock,
};
pub(crate) use head::ChainHead;
pub(crate) use options::AuditRules;
pub(crate) use sinks::Hosts;
pub(crate) use table::{AuditTable, DeviceConfig, NewDevice};
pub use verify::{Finding as AuditFinding, Report as AuditReport, RunReport as AuditRun};

use crate::error::Result;

/// Where audit lines go: a file, a log server, or whatever the host makes of them.
///
/// Each device that is enabled has a chain of its own, so that a line is written at most once and
/// in order; `write` is never called by two threads at the same time. What it returns is believed:
/// `Ok` must mean that the line will be found.
///
/// ```
/// use std::sync::{Mutex, PoisonError};
/// use vaultcore::{AuditDevice, Result};
///
/// /// Collects the lines.
/// #[derive(Default)]
/// struct Collected(Mutex<Vec<Vec<u8>>>);
///
/// impl AuditDevice for Collected {
///     fn write(&self, line: &[u8]) -> Result<()> {
///         let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         lines.push(line.to_vec());
///         Ok(())
///     }
/// }
///
/// let device = Collected::default();
/// device.write(b"{\"type\":\"request\"}\n")?;
/// assert_eq!(device.0.lock().map(|lines| lines.len()).unwrap_or(0), 1);
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub trait AuditDevice: Send + Sync {
    /// Writes one whole line, which ends in a newline.
    ///
    /// # Errors
    /// Any; the line then counts as not written, and its number in the chain stays empty. An error
    /// holds no part of the line.
    fn write(&self, line: &[u8]) -> Result<()>;

    /// Opens anew what lies behind the device, as after a rotation; by default there is nothing.
    ///
    /// # Errors
    /// Any, if there is nothing to write to now.
    fn reopen(&self) -> Result<()> {
        Ok(())
    }

    /// Returns whether `write` may wait for somebody else, such as the reader of a socket.
    ///
    /// A device that may is given a thread of its own, so that nobody waits longer for it than its
    /// timeout; that costs some microseconds a line. One that may not is called in the thread of
    /// whoever makes the request. By default it may.
    fn may_block(&self) -> bool {
        true
    }
}

/// A function of the host is a device, if nothing has to be opened.
impl<F: Fn(&[u8]) -> Result<()> + Send + Sync> AuditDevice for F {
    fn write(&self, line: &[u8]) -> Result<()> {
        self(line)
    }
}
