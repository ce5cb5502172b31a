//! What ties the lines of a device together: `{.., "run", "seq", "prev", "failed", "mac"}`.
//!
//! `mac` is an HMAC of the line from its first byte up to the comma in front of `"mac"`, under a
//! key of the device, and `prev` is the `mac` of the line with the number before. So a line proves
//! itself, its place, and the line before it, to whoever has the key; nobody else can make one.
//!
//! A line whose write failed keeps its number: it may have arrived all the same, whole or torn, and
//! two lines with one number would be a fork. The next line says by `failed` how many numbers
//! before it stand for such writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::AuditDevice;
use super::buffer::Buffer;
use crate::crypto::mac::{MacKey, derive};
use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;

/// The bytes of a chain's MAC.
pub(super) type Mac = [u8; 32];

/// The key under which the lines of one device are chained; `verify` needs it.
pub(super) struct ChainKey {
    key: MacKey,
    begin: Vec<u8>,
}

impl ChainKey {
    /// Creates the key of the device that has this salt, and this prefix before its lines.
    pub(super) fn new(salt_key: &[u8; 32], prefix: &str) -> Self {
        Self {
            key: MacKey::new(&derive(salt_key, "audit-chain")),
            begin: [prefix, "{\"time\":\""].concat().into_bytes(),
        }
    }

    /// Returns what every line begins with.
    pub(super) fn begin(&self) -> &[u8] {
        &self.begin
    }

    pub(super) fn sign(&self, covered: &[u8]) -> Mac {
        self.key.sign_plain(covered)
    }
}

/// What the world may know of a chain while somebody writes to it.
#[derive(Default)]
pub(super) struct Public {
    tip: Mutex<Option<Tip>>,
    pub(super) written: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// The last line that was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tip {
    pub(super) seq: u64,
    pub(super) mac: Mac,
}

impl Public {
    pub(super) fn tip(&self) -> Option<Tip> {
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, tip: Tip) {
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner) = Some(tip);
        self.written.fetch_add(1, Ordering::Relaxed);
    }
}

/// A device with its chain; whoever has it may write.
pub(super) struct Chain {
    device: Arc<dyn AuditDevice>,
    key: ChainKey,
    run: RunId,
    next: u64,
    prev: Option<Mac>,
    /// The numbers directly before `next` that stand for writes that failed.
    failed: u64,
    public: Arc<Public>,
}

impl Chain {
    pub(super) fn new(
        device: Arc<dyn AuditDevice>,
        key: ChainKey,
        run: RunId,
        public: Arc<Public>,
    ) -> Self {
        Self {
            device,
            key,
            run,
            next: 1,
            prev: None,
            failed: 0,
            public,
        }
    }

    /// Ends `line`, which lacks its last brace, and writes it.
    pub(super) fn append(&mut self, mut line: Buffer) -> Result<()> {
        let mac = self.end(&mut line);
        let seq = self.next;
        self.next = self.next.saturating_add(1);
        self.prev = Some(mac);
        let written = guarded(|| self.device.write(line.as_bytes()));
        match &written {
            Ok(()) => {
                self.failed = 0;
                self.public.publish(Tip { seq, mac });
            }
            Err(_) => self.lost(1),
        }
        written
    }

    /// Notes that `count` lines did not even come so far as to be written.
    pub(super) fn skip(&mut self, count: u64) {
        if count > 0 {
            self.next = self.next.saturating_add(count);
            self.prev = None;
            self.lost(count);
        }
    }

    pub(super) fn reopen(&self) -> Result<()> {
        guarded(|| self.device.reopen())
    }

    fn lost(&mut self, count: u64) {
        self.failed = self.failed.saturating_add(count);
        self.public.failed.fetch_add(count, Ordering::Relaxed);
    }

    fn end(&self, line: &mut Buffer) -> Mac {
        line.name("run");
        line.push(b"\"");
        line.hex(self.run.as_bytes());
        line.push(b"\"");
        line.number("seq", self.next);
        line.name("prev");
        match self.prev {
            Some(prev) => {
                line.push(b"\"");
                line.hex(&prev);
                line.push(b"\"");
            }
            None => line.push(b"null"),
        }
        line.number("failed", self.failed);
        let mac = self.key.sign(line.as_bytes());
        line.name("mac");
        line.push(b"\"");
        line.hex(&mac);
        line.push(b"\"}\n");
        mac
    }
}

/// A device of the host's that panics has failed, and nothing more.
fn guarded(call: impl FnOnce() -> Result<()>) -> Result<()> {
    let panicked = |_| Err(Error::new(ErrorKind::Panicked, "an audit device panicked"));
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(panicked)
}
