//! Connections, each used by one thread of ours at a time and no longer than a timeout.
//!
//! Drivers block, and some of them must not be called in the threads of an asynchronous runtime,
//! where a host may call us: each call has a thread of its own. Whoever waits for it gives up after
//! the timeout, and then nothing of it is committed.
#![allow(
    clippy::disallowed_methods,
    reason = "how long a thread waits for another is no time of the vault's"
)]

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

const RUNNING: u8 = 0;
const COMMITTING: u8 = 1;
const ABANDONED: u8 = 2;

/// Whether a call may still commit.
#[derive(Clone)]
pub(in super::super) struct Commit(Arc<AtomicU8>);

impl Commit {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(RUNNING)))
    }

    fn pass(&self, to: u8) -> bool {
        let change = self
            .0
            .compare_exchange(RUNNING, to, Ordering::AcqRel, Ordering::Acquire);
        change.is_ok()
    }

    /// Says that the call is about to commit, for the first time or again.
    ///
    /// # Errors
    /// `Timeout` if nobody waits for it any more.
    pub(in super::super) fn begin(&self) -> Result<()> {
        match self.pass(COMMITTING) {
            true => Ok(()),
            false => self.check(),
        }
    }

    /// Returns an error if nobody waits for the call any more.
    ///
    /// # Errors
    /// `Timeout`.
    pub(in super::super) fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Acquire) {
            ABANDONED => Err(timeout()),
            _ => Ok(()),
        }
    }
}

fn timeout() -> Error {
    Error::new(ErrorKind::Timeout, "the database did not answer in time")
}

/// The connections of one database, of a driver's type `C`.
pub(in super::super) struct Workers<C: Send + 'static> {
    shared: Arc<Shared<C>>,
    timeout: Duration,
    /// Whether a connection that waited unused still works.
    works: fn(&mut C) -> bool,
}

struct Shared<C> {
    state: Mutex<State<C>>,
    freed: Condvar,
    open: usize,
    idle: usize,
    lifetime: Option<Duration>,
}

struct State<C> {
    idle: Vec<Kept<C>>,
    used: usize,
}

/// A connection, and since when it is open.
type Kept<C> = (C, Instant);

/// One that may be used, and those that may not be any more.
type Taken<C> = (Option<Kept<C>>, Vec<Kept<C>>);

impl<C: Send + 'static> Workers<C> {
    pub(in super::super) fn new(
        open: u32,
        idle: u32,
        lifetime: Option<Duration>,
        timeout: Duration,
        works: fn(&mut C) -> bool,
    ) -> Self {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    idle: Vec::new(),
                    used: 0,
                }),
                freed: Condvar::new(),
                open: size(open),
                idle: size(idle),
                lifetime,
            }),
            timeout,
            works,
        }
    }

    /// Runs `work` with a connection, in a thread of its own. A connection whose work failed is not
    /// used again.
    ///
    /// # Errors
    /// `Timeout` if it takes too long: then it commits nothing, or it had begun to.
    pub(in super::super) fn run<T: Send + 'static>(
        &self,
        connect: impl FnOnce() -> Result<C> + Send + 'static,
        work: impl FnOnce(&mut C, &Commit) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let until = Instant::now() + self.timeout;
        let (kept, old) = self.shared.take(until)?;
        let commit = Commit::new();
        let (send, receive) = mpsc::sync_channel(1);
        let seat = Seat {
            shared: Arc::clone(&self.shared),
            kept,
            old,
            works: self.works,
        };
        let seen = commit.clone();
        let job = move || {
            let _ = send.send(seat.work(connect, work, &seen));
        };
        let named = thread::Builder::new().name("vaultcore-database".to_owned());
        named.spawn(job).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no thread can be made").with_source(error)
        })?;
        let left = until.saturating_duration_since(Instant::now());
        if let Ok(result) = receive.recv_timeout(left) {
            return result;
        }
        if commit.pass(ABANDONED) {
            return Err(timeout());
        }
        // It is committing: what came of it is worth another wait.
        receive.recv_timeout(self.timeout).unwrap_or_else(|_| {
            commit.0.store(ABANDONED, Ordering::Release);
            Err(timeout())
        })
    }
}

/// Some connections must not be closed in the thread of an asynchronous runtime, either.
impl<C: Send + 'static> Drop for Workers<C> {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut self.shared.lock().idle);
        if !idle.is_empty() {
            let closing = thread::Builder::new().name("vaultcore-database".to_owned());
            let _ = closing.spawn(move || drop(idle));
        }
    }
}

impl<C> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for one connection, with one that is open if there is one; and those that are too
    /// old, which are to be closed elsewhere.
    fn take(&self, until: Instant) -> Result<Taken<C>> {
        let mut state = self.lock();
        while state.used >= self.open {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "all connections to the database are in use",
                ));
            }
            let waited = self.freed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.used = state.used.saturating_add(1);
        let is_old = |since: &Instant| self.lifetime.is_some_and(|life| since.elapsed() >= life);
        let old = state.idle.extract_if(.., |(_, since)| is_old(since));
        let old = old.collect();
        Ok((state.idle.pop(), old))
    }

    fn give_back(&self, kept: Option<Kept<C>>) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(1);
        let mut surplus = None;
        if let Some(kept) = kept {
            match state.idle.len() < self.idle {
                true => state.idle.push(kept),
                false => surplus = Some(kept),
            }
        }
        drop(state);
        self.freed.notify_one();
        drop(surplus); // closing takes its time
    }
}

/// A place for one connection. It is given back however the work ends.
struct Seat<C> {
    shared: Arc<Shared<C>>,
    kept: Option<Kept<C>>,
    /// To be closed here, in a thread of ours.
    old: Vec<Kept<C>>,
    works: fn(&mut C) -> bool,
}

impl<C> Seat<C> {
    fn work<T>(
        mut self,
        connect: impl FnOnce() -> Result<C>,
        work: impl FnOnce(&mut C, &Commit) -> Result<T>,
        commit: &Commit,
    ) -> Result<T> {
        self.old.clear();
        let works = self.works;
        let kept = self.kept.take();
        let kept = kept.and_then(|(mut kept, since)| works(&mut kept).then_some((kept, since)));
        let (mut connection, since) = match kept {
            Some(kept) => kept,
            None => (connect()?, Instant::now()),
        };
        let result = work(&mut connection, commit);
        if result.is_ok() {
            self.kept = Some((connection, since));
        }
        result
    }
}

impl<C> Drop for Seat<C> {
    fn drop(&mut self) {
        self.shared.give_back(self.kept.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::ThreadId;

    /// A connection that tells who closed it.
    struct Told(mpsc::Sender<ThreadId>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }

    #[test]
    fn no_connection_is_closed_by_who_calls() {
        let timeout = Duration::from_secs(60);
        let (tell, closed) = mpsc::channel();
        let workers = Workers::<Told>::new(2, 2, Some(Duration::ZERO), timeout, |_| true);
        for _ in 0..3 {
            let tell = tell.clone();
            let done = workers.run(move || Ok(Told(tell)), |_, _| Ok(()));
            done.expect("it works");
        }
        drop((workers, tell));
        let closers: Vec<ThreadId> = closed.iter().collect();
        assert_eq!(closers.len(), 3, "each was too old for the next call");
        assert!(!closers.contains(&thread::current().id()));
    }
}
