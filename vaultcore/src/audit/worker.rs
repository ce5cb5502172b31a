//! The thread of a device that may block, and the queue in front of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::buffer::Buffer;
use super::chain::Chain;
use super::ticket::Ticket;
use crate::error::{Error, ErrorKind, Result};

/// The most records that wait for a device, and the most bytes of them. What comes on top fails at
/// once: a device that is so far behind would not be in time.
const MAX_WAITING: usize = 1_024;
const MAX_BYTES: usize = 8 << 20;

/// Hands records to the thread.
pub(super) struct Worker(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// There is work, or there will be none.
    work: Condvar,
    /// The queue is empty and nothing is being written.
    idle: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Records that found no room since the last one that did.
    refused: u64,
    busy: bool,
    closed: bool,
}

struct Job {
    what: What,
    ticket: Arc<Ticket>,
    device: usize,
}

enum What {
    Write { line: Buffer, refused: u64 },
    Reopen,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Unavailable` if the system gives none.
    pub(super) fn start(chain: Chain) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()),
            work: Condvar::new(),
            idle: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("vaultcore-audit".to_owned());
        thread.spawn(move || theirs.run(chain)).map_err(|source| {
            Error::new(
                ErrorKind::Unavailable,
                "the system gave no thread for an audit device",
            )
            .with_source(source)
        })?;
        Ok(Self(shared))
    }

    /// Puts `line` into the queue; its answer goes to `ticket`.
    pub(super) fn write(&self, line: Buffer, ticket: &Arc<Ticket>, device: usize) {
        let mut queue = self.0.lock();
        let bytes = queue.bytes.saturating_add(line.as_bytes().len());
        if queue.jobs.len() >= MAX_WAITING || bytes > MAX_BYTES {
            queue.refused += 1;
            drop(queue);
            return ticket.answer(device, false);
        }
        queue.bytes = bytes;
        let refused = std::mem::take(&mut queue.refused);
        let what = What::Write { line, refused };
        self.push(queue, what, ticket, device);
    }

    /// Asks the thread to open its device anew.
    pub(super) fn reopen(&self, ticket: &Arc<Ticket>, device: usize) {
        self.push(self.0.lock(), What::Reopen, ticket, device);
    }

    /// Waits until all that was handed over is written; returns whether it was in time.
    pub(super) fn drain(&self, timeout: Duration) -> bool {
        let working = |queue: &mut Queue| queue.busy || !queue.jobs.is_empty();
        let waited = self
            .0
            .idle
            .wait_timeout_while(self.0.lock(), timeout, working);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, what: What, to: &Arc<Ticket>, device: usize) {
        let ticket = Arc::clone(to);
        queue.jobs.push_back(Job {
            what,
            ticket,
            device,
        });
        drop(queue);
        self.0.work.notify_one();
    }
}

impl Drop for Worker {
    /// Tells the thread to end once its queue is empty, and does not wait for it: it may hang.
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.work.notify_one();
    }
}

impl Shared {
    fn run(&self, mut chain: Chain) {
        while let Some(job) = self.next() {
            let written = match job.what {
                What::Write { line, refused } => {
                    chain.skip(refused);
                    chain.append(line)
                }
                What::Reopen => chain.reopen(),
            };
            job.ticket.answer(job.device, written.is_ok());
            self.lock().busy = false;
            self.idle.notify_all();
        }
    }

    /// Waits for a job; `None` if there will be none.
    fn next(&self) -> Option<Job> {
        let waiting = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let waited = self.work.wait_while(self.lock(), waiting);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        let job = queue.jobs.pop_front()?;
        if let What::Write { line, .. } = &job.what {
            queue.bytes = queue.bytes.saturating_sub(line.as_bytes().len());
        }
        queue.busy = true;
        Some(job)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
