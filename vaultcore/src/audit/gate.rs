//! A lock for which nobody waits longer than he wants to.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Holds a value that one thread at a time may take out.
pub(super) struct Gate<T> {
    state: Mutex<State<T>>,
    free: Condvar,
}

struct State<T> {
    value: Option<Box<T>>,
    /// Waking costs a system call, even if nobody sleeps.
    waiting: usize,
}

/// The value, until it is put back by being dropped.
pub(super) struct Taken<'g, T> {
    gate: &'g Gate<T>,
    value: Option<Box<T>>,
}

impl<T> Gate<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            state: Mutex::new(State {
                value: Some(Box::new(value)),
                waiting: 0,
            }),
            free: Condvar::new(),
        }
    }

    /// Calls `work` with the value; `None` if it was not to be had within `timeout`.
    pub(super) fn with<R>(&self, timeout: Duration, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut taken = self.take(timeout);
        taken.value.as_mut().map(|value| work(value))
    }

    fn take(&self, timeout: Duration) -> Taken<'_, T> {
        let mut state = self.lock();
        if state.value.is_none() {
            state.waiting += 1;
            let taken = |state: &mut State<T>| state.value.is_none();
            let waited = self.free.wait_timeout_while(state, timeout, taken);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        let value = state.value.take();
        Taken { gate: self, value }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        if self.value.is_none() {
            return;
        }
        let mut state = self.gate.lock();
        state.value = self.value.take();
        let wake = state.waiting > 0;
        drop(state);
        if wake {
            self.gate.free.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_value_that_is_out_is_waited_for_so_long() {
        let gate = Gate::new(0);
        let taken = gate.take(Duration::ZERO);
        assert!(gate.with(Duration::from_millis(20), |_| ()).is_none());
        drop(taken);
        assert_eq!(gate.with(Duration::ZERO, |value| *value), Some(0));
    }

    #[test]
    fn who_waits_is_woken() {
        let gate = Gate::new(0);
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            let taken = gate.take(Duration::ZERO);
            for _ in 0..8 {
                let (gate, send) = (&gate, send.clone());
                scope.spawn(move || {
                    let done = gate.with(Duration::from_secs(60), |value| *value += 1);
                    send.send(done.is_some()).expect("sent");
                });
            }
            drop(taken);
        });
        drop(send);
        assert!(receive.iter().all(|done| done));
        assert_eq!(gate.with(Duration::ZERO, |value| *value), Some(8));
    }
}
