//! The machine's log service: RFC 5424 messages over its datagram socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::failed;
use crate::audit::AuditDevice;
use crate::error::Result;

/// RFC 5424, section 6.2.1: informational.
const SEVERITY: u8 = 6;

/// Where the log service listens, and under what it files the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct SyslogTarget {
    pub(in crate::audit) address: PathBuf,
    /// RFC 5424, table 1.
    pub(in crate::audit) facility: u8,
    pub(in crate::audit) tag: String,
}

/// The log service.
pub(super) struct Syslog {
    target: SyslogTarget,
    timeout: Duration,
    socket: Mutex<Option<UnixDatagram>>,
}

impl Syslog {
    pub(super) fn new(target: SyslogTarget, timeout: Duration) -> Self {
        let socket = Mutex::new(None);
        Self {
            target,
            timeout,
            socket,
        }
    }

    fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(self.timeout))?;
        socket.connect(&self.target.address)?;
        Ok(socket)
    }

    /// Returns `line` as a message. It tells its time itself, and the service knows the host.
    fn message(&self, line: &[u8]) -> Zeroizing<Vec<u8>> {
        let priority = u16::from(self.target.facility) * 8 + u16::from(SEVERITY);
        let process = std::process::id();
        let head = format!("<{priority}>1 - - {} {process} - - ", self.target.tag);
        let size = head.len().saturating_add(line.len());
        let mut message = Zeroizing::new(Vec::with_capacity(size)); // a raw line holds secrets
        message.extend_from_slice(head.as_bytes());
        message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        message
    }
}

impl AuditDevice for Syslog {
    fn write(&self, line: &[u8]) -> Result<()> {
        let message = self.message(line);
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = socket.take()
            && known.send(&message).is_ok_and(|sent| sent == message.len())
        {
            *socket = Some(known);
            return Ok(());
        }
        // The service was started anew, or never was. A datagram goes whole or not at all.
        let unsent = |source| failed("the log service can not be reached", source);
        let fresh = self.connect().map_err(unsent)?;
        fresh.send(&message).map_err(unsent)?;
        *socket = Some(fresh);
        Ok(())
    }

    fn reopen(&self) -> Result<()> {
        let unreached = |source| failed("the log service can not be reached", source);
        let fresh = self.connect().map_err(unreached)?;
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
