//! A secret with a lease, in the hands of who uses it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use vaultcore_os::ForkMark;

use super::Leases;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Caller, Vault};

/// The longest that a keeper sleeps, so that it sees soon that the clock or the lease was changed.
const LONGEST_NAP: Duration = Duration::from_secs(30);
/// How long it waits after a renewal that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A secret that lives as long as its lease.
///
/// As it is handed out it is renewed by nobody. [`keep_alive`](Self::keep_alive) renews it in a thread,
/// until it is dropped; dropped, the secret lives on until its lease runs out, unless it is
/// [`revoke`](Self::revoke)d.
///
/// ```
/// use vaultcore::LeasedSecret;
/// use vaultcore::database::Credentials;
///
/// /// Whether a pool may still hand out a connection that was opened with these credentials.
/// fn is_fresh(credentials: &LeasedSecret<Credentials>) -> bool {
///     !credentials.is_over() && credentials.remaining() > std::time::Duration::from_secs(30)
/// }
/// ```
pub struct LeasedSecret<T> {
    value: T,
    lease: Arc<Lease>,
    keeper: Option<Keeper>,
}

/// What is known of the lease, by the secret and its keeper.
struct Lease {
    vault: Vault,
    caller: Caller,
    id: String,
    renewable: bool,
    /// How long it was made for.
    made_for: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    expires: Timestamp,
    /// What it lives for from its last renewal on.
    ttl: Duration,
    /// Whether it is known that no renewal succeeds any more.
    last: bool,
}

/// A thread that renews.
struct Keeper {
    /// A child has no such thread: to wait for it would take for ever.
    fork: ForkMark,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<thread::JoinHandle<()>>,
}

impl<T> LeasedSecret<T> {
    pub(super) fn new(
        vault: Vault,
        caller: Caller,
        id: String,
        (asked, ttl, renewable): (Timestamp, Duration, bool),
        value: T,
    ) -> Self {
        let state = State {
            // What the database took to make it is not on top of its life.
            expires: asked.saturating_add(ttl),
            ttl,
            last: !renewable,
        };
        let lease = Lease {
            vault,
            caller,
            id,
            renewable,
            made_for: ttl,
            state: Mutex::new(state),
        };
        Self {
            value,
            lease: Arc::new(lease),
            keeper: None,
        }
    }

    /// Returns the id of the lease.
    #[must_use]
    pub fn lease_id(&self) -> &str {
        &self.lease.id
    }

    /// Returns whether the lease can be renewed at all.
    #[must_use]
    pub fn renewable(&self) -> bool {
        self.lease.renewable
    }

    /// Returns when the secret ends unless it is renewed.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.lease.state().expires
    }

    /// Returns how long the secret lives from now unless it is renewed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.expires().since(self.lease.vault.now())
    }

    /// Returns whether this is the last life of the secret: no renewal can prolong it, so that whoever
    /// uses it asks for a new one before [`expires`](Self::expires).
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.lease.state().last
    }

    /// Returns whether the secret is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Lets the secret live for `increment` from now, or as long as it was made for; returns how long
    /// it does.
    ///
    /// # Errors
    /// As [`Leases::renew`].
    pub fn renew(&self, increment: Option<Duration>) -> Result<Duration> {
        self.lease.renew(increment)
    }

    /// Ends the secret now.
    ///
    /// # Errors
    /// As [`Leases::revoke`].
    pub fn revoke(mut self) -> Result<()> {
        self.try_revoke()
    }

    /// Ends the secret now. If that fails it is kept, renewed by nobody any more, so that it can be
    /// tried again.
    ///
    /// # Errors
    /// As [`Leases::revoke`].
    pub fn try_revoke(&mut self) -> Result<()> {
        self.keeper = None; // joined first: it must not renew what is over
        self.lease.leases().revoke(&self.lease.id)?;
        self.lease.end();
        Ok(())
    }

    /// Renews the secret in a thread from now on, each time two thirds of its life are over, until it
    /// is dropped, or no renewal prolongs it any more; [`is_last`](Self::is_last) tells that then.
    ///
    /// A vault that is sealed for a while, or a database that is down, is tried again.
    ///
    /// # Errors
    /// `InvalidArgument` if the lease cannot be renewed; `Unavailable` if no thread can be made.
    #[must_use = "the secret is renewed as long as this is kept"]
    pub fn keep_alive(mut self) -> Result<Self> {
        self.start_renewing()?;
        Ok(self)
    }

    /// Renews the secret as [`keep_alive`](Self::keep_alive) does. If that fails nothing has changed.
    ///
    /// # Errors
    /// As [`keep_alive`](Self::keep_alive).
    pub fn start_renewing(&mut self) -> Result<()> {
        if !self.lease.renewable {
            return Err(Error::invalid("the lease is not renewable"));
        }
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (lease, seen) = (Arc::clone(&self.lease), Arc::clone(&stop));
        let keep = move || {
            while let Some(nap) = lease.step() {
                if sleeps_through(&seen, nap) {
                    return;
                }
            }
        };
        let named = thread::Builder::new().name("vaultcore-lease".to_owned());
        let thread = named.spawn(keep).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no thread can be made").with_source(error)
        })?;
        // One at a time: the one before, if there is one, is joined here.
        self.keeper = Some(Keeper {
            fork: ForkMark::new(),
            stop,
            thread: Some(thread),
        });
        Ok(())
    }
}

/// Waits for `nap`; returns whether it was told to stop.
fn sleeps_through(stop: &(Mutex<bool>, Condvar), nap: Duration) -> bool {
    let (told, wake) = stop;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let slept = wake.wait_timeout_while(told, nap, |told| !*told);
    let (told, _) = slept.unwrap_or_else(PoisonError::into_inner);
    *told
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.fork.forked() {
            std::mem::forget(self.thread.take());
            return;
        }
        let (told, wake) = &*self.stop;
        *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it renews at most once more
        }
    }
}

impl Lease {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> Leases {
        Leases::new(self.vault.clone(), self.caller.clone())
    }

    fn renew(&self, increment: Option<Duration>) -> Result<Duration> {
        let asked = self.vault.now();
        let renewed = self.leases().renew(&self.id, increment);
        let ttl = renewed.inspect_err(|error| {
            let gone = || error.kind() == ErrorKind::InvalidArgument && self.is_gone();
            if error.kind() == ErrorKind::Expired || gone() {
                self.end();
            }
        })?;
        let expires = asked.saturating_add(ttl);
        let mut state = self.state();
        // Who is given less than was asked for has reached the max TTL.
        let asked = increment
            .filter(|time| !time.is_zero())
            .unwrap_or(self.made_for);
        state.last = ttl.saturating_add(Duration::from_secs(1)) < asked;
        state.expires = expires;
        state.ttl = ttl;
        Ok(ttl)
    }

    /// Returns whether there is no such lease any more, as far as the caller may know.
    fn is_gone(&self) -> bool {
        let found = self.leases().lookup(&self.id);
        found.is_err_and(|error| error.kind() == ErrorKind::InvalidArgument)
    }

    /// Notes that the lease is over, whatever it was to live for.
    fn end(&self) {
        let now = self.vault.now();
        let mut state = self.state();
        state.last = true;
        state.expires = state.expires.min(now);
    }

    /// Renews if two thirds of the life are over. Returns how long to wait until the next look; `None`
    /// if there is nothing more to do.
    fn step(&self) -> Option<Duration> {
        let state = *self.state();
        if state.last {
            return None;
        }
        let left = state.expires.since(self.vault.now());
        if left > state.ttl / 3 {
            return Some((left - state.ttl / 3).min(LONGEST_NAP));
        }
        match self.renew(None) {
            Ok(_) => Some(Duration::ZERO),
            Err(error) if ends(&error) => {
                self.state().last = true;
                None
            }
            Err(_) => Some(AFTER_FAILURE),
        }
    }
}

/// Returns whether no later renewal succeeds after `error`.
fn ends(error: &Error) -> bool {
    use ErrorKind::{Closed, Expired, Forked, InvalidArgument, NotFound, PermissionDenied};
    matches!(
        error.kind(),
        Closed | Expired | Forked | InvalidArgument | NotFound | PermissionDenied
    )
}

impl<T> Deref for LeasedSecret<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for LeasedSecret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeasedSecret(until {})", self.expires())
    }
}
