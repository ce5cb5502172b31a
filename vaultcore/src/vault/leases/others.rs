//! Waiting for leases that others end: another process, or the background thread of this one.

use std::thread;
use std::time::Duration;

use super::super::Vault;
use crate::error::{Error, ErrorKind, Result};
use crate::id::LeaseKey;
use crate::lease::{self, CLAIM_PAGE};

/// How long they are waited for: longer than the timeout of a driver.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often they are looked at, and the pause in between, so that a clock that stands still keeps
/// nobody here.
const LOOKS: u32 = 1_000;
const PAUSE: Duration = Duration::from_millis(20);

impl Vault {
    /// Waits until those who have a claim on leases have ended them.
    ///
    /// # Errors
    /// `Unavailable` if some could not be ended, or take too long: they are over, and are tried again.
    pub(in super::super) fn await_others(&self, mut waiting: Vec<LeaseKey>) -> Result<()> {
        let until = self.now().saturating_add(PATIENCE);
        let mut failed = 0usize;
        for _ in 0..LOOKS {
            failed = failed.saturating_add(self.look_at_claims(&mut waiting)?);
            if waiting.is_empty() || self.now() >= until {
                break;
            }
            thread::sleep(PAUSE);
        }
        match failed.saturating_add(waiting.len()) {
            0 => Ok(()),
            left => Err(Error::new(
                ErrorKind::Unavailable,
                format!("{left} leases are over, but somebody else could not end them so far"),
            )),
        }
    }

    /// Keeps of the leases those that somebody still has a claim on; returns how many were put back.
    fn look_at_claims(&self, waiting: &mut Vec<LeaseKey>) -> Result<usize> {
        let (mut claimed, mut failed) = (Vec::new(), 0usize);
        for page in waiting.chunks(CLAIM_PAGE) {
            let found = self.with_open(|open| {
                open.transact(|txn, _| {
                    let found = page.iter().map(|key| lease::peek(txn, *key));
                    found.collect::<Result<Vec<_>>>()
                })
            })?;
            for lease in found.into_iter().flatten() {
                match lease.entry.is_claimed() {
                    true => claimed.push(lease.key),
                    false => failed = failed.saturating_add(1),
                }
            }
        }
        *waiting = claimed;
        Ok(failed)
    }
}
