//! One record on its way to several devices, and who waits for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The most devices of a namespace: each has a bit.
pub(super) const MAX_DEVICES: usize = 16;

/// Tells the caller how its record fared.
#[derive(Default)]
pub(super) struct Ticket {
    tally: Mutex<Tally>,
    changed: Condvar,
}

#[derive(Default)]
struct Tally {
    /// The devices that have not answered, a bit for each.
    pending: u32,
    accepted: bool,
}

impl Ticket {
    /// Expects an answer of the device with this number.
    pub(super) fn expect(&self, device: usize) {
        self.change(|tally| tally.pending |= bit(device));
    }

    /// Notes the answer of a device. One that comes too late counts as none.
    pub(super) fn answer(&self, device: usize, written: bool) {
        self.change(|tally| {
            let pending = tally.pending & bit(device) != 0;
            tally.pending &= !bit(device);
            tally.accepted |= pending && written;
        });
        self.changed.notify_all();
    }

    /// Waits until a device has accepted the record; returns whether one did. `timeouts` are those
    /// of the devices that were expected to answer, of which `waited` has passed; what passes here
    /// is added.
    pub(super) fn wait(&self, timeouts: &mut [(usize, Duration)], waited: &mut Duration) -> bool {
        timeouts.sort_unstable_by_key(|(_, timeout)| *timeout);
        for (device, timeout) in timeouts.iter() {
            let left = timeout.saturating_sub(*waited);
            let guard = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            let open = |tally: &mut Tally| !tally.accepted && tally.pending & bit(*device) != 0;
            let waiting = self.changed.wait_timeout_while(guard, left, open);
            let (mut tally, expired) = waiting.unwrap_or_else(PoisonError::into_inner);
            if tally.accepted {
                return true;
            }
            if expired.timed_out() {
                tally.pending &= !bit(*device);
                *waited = (*waited).max(*timeout);
            }
        }
        false
    }

    fn change(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn bit(device: usize) -> u32 {
    u32::try_from(device)
        .ok()
        .and_then(|device| 1u32.checked_shl(device))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn one_answer_is_enough() {
        let ticket = Ticket::default();
        (0..3).for_each(|device| ticket.expect(device));
        ticket.answer(0, false);
        ticket.answer(1, true);
        let long = Duration::from_secs(60);
        assert!(ticket.wait(
            &mut [(0, long), (1, long), (2, long)],
            &mut Duration::default()
        ));
    }

    #[test]
    fn failures_of_all_end_the_wait() {
        let ticket = Ticket::default();
        (0..2).for_each(|device| ticket.expect(device));
        (0..2).for_each(|device| ticket.answer(device, false));
        let long = Duration::from_secs(60);
        assert!(!ticket.wait(&mut [(0, long), (1, long)], &mut Duration::default()));
    }

    #[test]
    fn an_answer_past_its_time_counts_as_none() {
        let ticket = Ticket::default();
        ticket.expect(0);
        assert!(!ticket.wait(&mut [(0, SHORT)], &mut Duration::default()));
        ticket.answer(0, true);
        assert!(!ticket.wait(&mut [(0, SHORT)], &mut Duration::default()));
    }
}
