//! Who changes a password, and until when nobody else begins.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};

/// A claim on the change of a password. Two at a time could end in either order, and leave one in force
/// that is not the stored one.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) id: [u8; 16],
    pub(super) until: Timestamp,
}

impl Claim {
    /// Takes a claim that lasts for `time`.
    ///
    /// # Errors
    /// `Conflict` if `held` is in force.
    pub(super) fn take(txn: &Txn<'_>, held: Option<&Self>, time: Duration) -> Result<Self> {
        let now = txn.now();
        if held.is_some_and(|held| held.until > now) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the password is being changed: try again later",
            ));
        }
        Ok(Self {
            id: txn.unique(&[b"rotation"])?,
            until: now.saturating_add(time),
        })
    }
}
