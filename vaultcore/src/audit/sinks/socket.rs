//! A log server: lines over TCP, UDP or a stream socket of the machine.

use std::io::{self, ErrorKind as Io, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::failed;
use crate::audit::AuditDevice;
use crate::error::Result;

/// Where a log server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct SocketTarget {
    pub(in crate::audit) kind: SocketKind,
    /// `host:port`, or the path of a socket.
    pub(in crate::audit) address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum SocketKind {
    Tcp,
    Udp,
    Unix,
}

/// The connection to a log server.
///
/// That a line was written means that this machine's kernel took it: what the server makes of it,
/// and whether it arrives when the connection breaks, only the chain tells.
pub(super) struct Socket {
    target: SocketTarget,
    timeout: Duration,
    connection: Mutex<Option<Connection>>,
}

enum Connection {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn new(target: SocketTarget, timeout: Duration) -> Self {
        let connection = Mutex::new(None);
        Self {
            target,
            timeout,
            connection,
        }
    }

    fn connect(&self) -> io::Result<Connection> {
        let (address, timeout) = (&self.target.address, Some(self.timeout));
        match self.target.kind {
            SocketKind::Tcp => {
                let stream = self.connect_tcp()?;
                stream.set_write_timeout(timeout)?;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }
            SocketKind::Udp => {
                let first = address.to_socket_addrs()?.next();
                let peer = first.ok_or_else(|| io::Error::from(Io::NotFound))?;
                let any = if peer.is_ipv4() {
                    "0.0.0.0:0"
                } else {
                    "[::]:0"
                };
                let socket = UdpSocket::bind(any)?;
                socket.set_write_timeout(timeout)?;
                socket.connect(peer)?;
                Ok(Connection::Udp(socket))
            }
            SocketKind::Unix => {
                let stream = UnixStream::connect(address)?;
                stream.set_write_timeout(timeout)?;
                Ok(Connection::Unix(stream))
            }
        }
    }

    fn connect_tcp(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(Io::NotFound);
        for address in self.target.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl AuditDevice for Socket {
    fn write(&self, line: &[u8]) -> Result<()> {
        let mut slot = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(mut known) = slot.take()
            && known.is_open()
        {
            match known.write(line) {
                Ok(()) => {
                    *slot = Some(known);
                    return Ok(());
                }
                // A peer that does not read is as slow on a new connection.
                Err(error) if is_timeout(&error) => return Err(unwritten(error)),
                Err(_) => {}
            }
        }
        let mut fresh = self.connect().map_err(unwritten)?;
        fresh.write(line).map_err(unwritten)?;
        *slot = Some(fresh);
        Ok(())
    }

    fn reopen(&self) -> Result<()> {
        let fresh = self.connect().map_err(unwritten)?;
        *self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(())
    }
}

impl Connection {
    /// Returns whether the peer has not closed its end; to write would succeed all the same, once.
    fn is_open(&mut self) -> bool {
        match self {
            Self::Tcp(stream) => {
                if stream.set_nonblocking(true).is_err() {
                    return false;
                }
                let open = has_no_end(stream);
                open && stream.set_nonblocking(false).is_ok()
            }
            Self::Unix(stream) => {
                if stream.set_nonblocking(true).is_err() {
                    return false;
                }
                let open = has_no_end(stream);
                open && stream.set_nonblocking(false).is_ok()
            }
            Self::Udp(_) => true,
        }
    }

    /// Writes all of `line`. After an error nobody knows how much of it went out, so that the
    /// connection is given up and the server sees a piece of a line at its end.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(line),
            Self::Unix(stream) => stream.write_all(line),
            Self::Udp(socket) => match socket.send(line)? {
                sent if sent == line.len() => Ok(()),
                _ => Err(io::Error::from(Io::WriteZero)),
            },
        }
    }
}

/// What a log server says is of no interest, but for its end.
fn has_no_end(stream: &mut impl Read) -> bool {
    let mut ignored = [0; 256];
    match stream.read(&mut ignored) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => matches!(error.kind(), Io::WouldBlock | Io::Interrupted),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), Io::WouldBlock | Io::TimedOut)
}

fn unwritten(source: io::Error) -> crate::error::Error {
    failed("the log server can not be reached or does not read", source)
}

#[cfg(test)]
mod tests;
