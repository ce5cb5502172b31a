//! Passwords of users.

use super::Site;
use super::config::Config;
use crate::barrier::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::PasswordStore;
use crate::secret::SecretString;

/// Returns a new password for `username`, by the policy of the connection, or as Vault makes them if
/// that is empty.
///
/// # Errors
/// `InvalidArgument` if there is no such policy any more.
pub(super) fn generate(
    txn: &mut Txn<'_>,
    site: Site,
    policy: &str,
    username: &str,
) -> Result<SecretString> {
    let policies = PasswordStore::new(site.namespace);
    let made = policies.password(txn, policy, username);
    made.map_err(|error| match error.kind() {
        ErrorKind::NotFound => gone(),
        _ => error,
    })
}

/// Checks that the policy of a connection is there.
///
/// # Errors
/// `InvalidArgument` if it is not.
pub(super) fn check(txn: &mut Txn<'_>, site: Site, config: &Config) -> Result<()> {
    let name = config.password_policy.as_str();
    if !name.is_empty()
        && PasswordStore::new(site.namespace)
            .text(txn, name)?
            .is_none()
    {
        return Err(gone());
    }
    Ok(())
}

fn gone() -> Error {
    Error::invalid("the password_policy of the connection does not exist")
}
