//! What the drivers of SQL databases have in common.

mod statement;
mod worker;

pub(super) use statement::{Dialect, Values, statements};
pub(super) use worker::{Commit, Workers};

use super::driver::{Purpose, Settings};
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// Returns an error if statements can never be run for `purpose`.
pub(super) fn check(dialect: Dialect, purpose: Purpose, texts: &[String]) -> Result<()> {
    let (password, end) = match purpose {
        Purpose::Create => (true, true),
        Purpose::Renew => (false, true),
        Purpose::Drop => (false, false),
        Purpose::Rotate => (true, false),
    };
    // Of values that may stand anywhere: whether those of a user may is not known yet.
    let values = Values {
        name: "name",
        password: password.then_some("word"),
        expiration: end.then_some("2030-01-01 00:00:00+00"),
    };
    statements(dialect, texts, &values).map(drop)
}

/// Returns an error if an option is none of `known`: one that is misspelled would be passed over, and
/// with it what it asks for, such as TLS.
pub(super) fn check_options(settings: &Settings, known: &[&str]) -> Result<()> {
    let mut options = settings.options().keys();
    match options.find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::invalid(format!(
            "the driver has no option {name}; it has: {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// Returns a moment as databases take it: UTC, to the second.
pub(super) fn expiration(expires: Timestamp) -> String {
    let seconds = expires.as_micros() / 1_000_000 * 1_000_000;
    let text = Timestamp::from_micros(seconds).to_string();
    text.replace('T', " ").replace('Z', "+00")
}
