//! What the drivers of SQL databases have in common.

mod statement;
mod worker;

pub(super) use statement::{Dialect, Values, statements};
pub(super) use worker::{Commit, Workers};

use crate::clock::Timestamp;

/// Returns a moment as databases take it: UTC, to the second.
pub(super) fn expiration(expires: Timestamp) -> String {
    let seconds = expires.as_micros() / 1_000_000 * 1_000_000;
    let text = Timestamp::from_micros(seconds).to_string();
    text.replace('T', " ").replace('Z', "+00")
}
