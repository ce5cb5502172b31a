//! The devices that are built in, and those of the host.

mod console;
mod file;
mod mounts;
mod socket;
mod syslog;

use std::sync::Arc;

use super::AuditDevice;
use super::options::{FileTarget, Target};
use super::table::DeviceConfig;
use crate::error::{Error, ErrorKind, Result};
pub(super) use socket::{SocketKind, SocketTarget};
pub(super) use syslog::SyslogTarget;

use console::Console;
use file::File;
use socket::Socket;
use syslog::Syslog;

/// The devices of the host, by the name that the option `name` of a `callback` device gives.
#[derive(Default)]
pub(crate) struct Hosts(Vec<(String, Arc<dyn AuditDevice>)>);

impl Hosts {
    /// Adds `device` under `name`, in place of one that had it.
    pub(crate) fn add(&mut self, name: impl Into<String>, device: Arc<dyn AuditDevice>) {
        let name = name.into();
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, device));
    }

    fn find(&self, name: &str) -> Option<Arc<dyn AuditDevice>> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, device)| Arc::clone(device))
    }
}

/// Returns what `config` describes. Nothing is opened before the first line.
pub(super) fn open(config: &DeviceConfig, hosts: &Hosts) -> Arc<dyn AuditDevice> {
    let timeout = config.timeout();
    match config.target() {
        Target::File(FileTarget::Path { path, mode }) => Arc::new(File::new(path.clone(), *mode)),
        Target::File(FileTarget::Stdout) => Arc::new(Console::Stdout),
        Target::File(FileTarget::Discard) => Arc::new(Console::Discard),
        Target::File(FileTarget::Stderr) | Target::Stderr => Arc::new(Console::Stderr),
        Target::Syslog(target) => Arc::new(Syslog::new(target.clone(), timeout)),
        Target::Socket(target) => Arc::new(Socket::new(target.clone(), timeout)),
        Target::Callback { name } => hosts.find(name).unwrap_or_else(|| Arc::new(Absent)),
    }
}

/// A device of the host's that this process does not have: it takes nothing, so that what is
/// enabled in the vault is not switched off by a program that forgot it.
struct Absent;

impl AuditDevice for Absent {
    fn write(&self, _: &[u8]) -> Result<()> {
        self.reopen()
    }

    fn reopen(&self) -> Result<()> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this program has no audit device under the name that the option `name` gives",
        ))
    }

    fn may_block(&self) -> bool {
        false
    }
}

/// Returns the error of a device that can not be reached or written.
fn failed(message: &'static str, source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_source(source)
}
