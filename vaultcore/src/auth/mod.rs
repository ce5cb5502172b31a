//! Auth methods: how somebody proves who they are, and gets a token.

mod params;
pub(crate) mod token;

pub(crate) use params::{Login, TokenParams, auth, issue};

use crate::operation::AuthMethod;

/// Returns the auth methods that can be enabled.
pub(crate) fn built_in() -> Vec<Box<dyn AuthMethod>> {
    Vec::new()
}
