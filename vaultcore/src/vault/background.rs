//! Who does what falls due: the host, or a thread of the vault's own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::metrics::Event;
use super::{Core, Vault};
use crate::error::{Error, ErrorKind, Result};

/// How long the thread rests between two rounds.
const REST: Duration = Duration::from_millis(500);

/// Who ends what ran out, and does what else falls due.
///
/// ```
/// use vaultcore::{Background, Vault, storage::Memory};
/// let vault = Vault::builder(Memory::new())
///     .background(Background::Thread)
///     .build()?;
/// drop(vault); // and the thread has ended
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// The host, which calls [`Vault::tick`] now and then.
    #[default]
    Host,
    /// A thread, which calls it twice a second while the vault is unsealed.
    ///
    /// What it could not do it tries again; the metric `vaultcore.background_failures` counts how often
    /// that was. It ends before the last clone of the vault, and the last session, is gone: dropping
    /// that waits for what is under way outside, so for no longer than a driver's timeout.
    Thread,
}

/// The thread, of which all handles but its own know.
pub(super) struct Worker {
    core: Arc<Core>,
    rest: Arc<Rest>,
    thread: Option<JoinHandle<()>>,
}

/// What wakes the thread when it is to end.
#[derive(Default)]
struct Rest {
    ended: Mutex<bool>,
    woken: Condvar,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Unavailable` if the system has none to give.
    pub(super) fn start(core: &Arc<Core>) -> Result<Self> {
        let rest = Arc::new(Rest::default());
        let vault = Vault {
            core: Arc::clone(core),
            _worker: None,
        };
        let waits = Arc::clone(&rest);
        let named = thread::Builder::new().name("vaultcore".to_owned());
        let thread = named.spawn(move || work(&vault, &waits)).map_err(|error| {
            let message = "the system gives no thread for the background work";
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })?;
        Ok(Self {
            core: Arc::clone(core),
            rest,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take().filter(|_| !self.core.fork.forked()) else {
            return; // the child of a fork has no such thread
        };
        self.core.ending.store(true, Ordering::Relaxed);
        *self
            .rest
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.rest.woken.notify_all();
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join(); // it catches its panics
        }
    }
}

fn work(vault: &Vault, rest: &Rest) {
    loop {
        let done = catch_unwind(AssertUnwindSafe(|| vault.tick()));
        match done {
            Ok(Err(error)) if error.kind() == ErrorKind::Closed => return,
            Ok(Err(error)) if error.kind() == ErrorKind::Sealed => {}
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => vault.core.counters.count(Event::BackgroundFailed),
        }
        let ended = rest.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = rest.woken.wait_timeout_while(ended, REST, |ended| !*ended);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
    }
}
