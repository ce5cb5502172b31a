//! Who has to answer so that leases end, of one round through many of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind};
use crate::operation::{Act, Failure};

/// How many acts in a row a peer may leave unanswered before it is asked no more in the round: one
/// lease whose end is held up by something of its own holds up no other.
const PATIENCE: u32 = 3;

/// How many acts in a row each peer left unanswered.
///
/// A database that hangs costs a round the timeout of a few calls, not that of one call for each lease:
/// those of databases that answer do not wait behind all of its own.
#[derive(Default)]
pub(super) struct Peers(Mutex<HashMap<String, u32>>);

impl Peers {
    /// Does `act`, unless its peer is silent.
    pub(super) fn attempt(&self, act: Act) -> std::result::Result<(), Failure> {
        let Some(peer) = act.peer().map(str::to_owned) else {
            return act.run();
        };
        if self.with(|silent| silent.get(&peer).is_some_and(|count| *count >= PATIENCE)) {
            return Err(Failure::Untried(silent()));
        }
        let done = act.run();
        let unanswered = matches!(&done, Err(Failure::Passing(error)) if is_silence(error));
        self.with(|silent| {
            let count = silent.entry(peer).or_default();
            *count = if unanswered {
                count.saturating_add(1)
            } else {
                0
            };
        });
        done
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_silence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unavailable)
}

fn silent() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "what has to end it did not answer for other leases a moment ago",
    )
}
