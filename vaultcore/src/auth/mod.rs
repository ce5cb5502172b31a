//! Auth methods: how somebody proves who they are, and gets a token.

pub(crate) mod approle;
mod entity;
mod name;
mod options;
mod outcome;
mod params;
mod password;
#[cfg(test)]
mod testing;
pub(crate) mod token;
pub(crate) mod userpass;

pub use options::{TokenOptions, TokenSettings};

pub(crate) use name::canonical;
pub(crate) use password::Chosen;

use crate::operation::AuthMethod;

/// Returns the auth methods that can be enabled.
pub(crate) fn built_in() -> Vec<Box<dyn AuthMethod>> {
    vec![Box::new(userpass::Userpass), Box::new(approle::AppRole)]
}
