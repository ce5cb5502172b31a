//! Credentials of databases, which die on time.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use vaultcore::database::Credentials;
use vaultcore::{Error, ErrorKind, LeasedSecret, Leases, Result};

use super::bytes::{vc_buffer, vc_bytes};
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, write_out};
use super::handle::{close, find, keep_with, reserve, vc_credentials, vc_database, vc_session};
use super::lease::increment_of;

/// What is kept of a database mount: credentials are leased by whoever asked.
pub(crate) struct Database {
    databases: vaultcore::database::Databases,
    session: vaultcore::Session,
}

/// A user that was made, until it is revoked.
pub(crate) struct Leased {
    secret: RwLock<Option<LeasedSecret<Credentials>>>,
    lease_id: String,
    leases: Leases,
}

impl Leased {
    fn with<T>(&self, read: impl FnOnce(&LeasedSecret<Credentials>) -> Result<T>) -> Result<T> {
        let held = self.secret.read().unwrap_or_else(PoisonError::into_inner);
        read(held.as_ref().ok_or_else(revoked)?)
    }

    /// Has the lease renewed by a thread.
    fn keep_alive(&self) -> Result<()> {
        let mut held = self.secret.write().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().ok_or_else(revoked)?.start_renewing()
    }

    /// Ends the lease. What it was kept alive by is left alone unless that succeeds, so that it can
    /// be tried again.
    fn revoke(&self) -> Result<()> {
        self.with(|_| Ok(()))?;
        self.leases.revoke(&self.lease_id)?;
        let mut held = self.secret.write().unwrap_or_else(PoisonError::into_inner);
        *held = None;
        Ok(())
    }
}

fn revoked() -> Error {
    Error::new(ErrorKind::Closed, "the credentials were revoked")
}

/// How long credentials live.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_lease_status {
    /// Milliseconds from now, unless the lease is renewed.
    pub remaining_ms: u64,
    /// Whether it can be renewed at all.
    pub renewable: bool,
    /// Whether no renewal can prolong it any more, so that new ones are asked for in time.
    pub last: bool,
}

/// Returns the credentials of databases of the engine that is mounted at `mount`. Whether there is
/// such a mount is checked with each call. Connections and roles are written by vc_request.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_session_database(
    session: vc_session,
    mount: vc_bytes,
    database_out: *mut vc_database,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(database_out)?;
            let mount = mount.as_str()?;
            let session = find(session)?;
            let database = Database {
                databases: session.object.database(mount)?,
                session: session.object.clone(),
            };
            write_out(database_out, keep_with(session.family, database)?);
            Ok(())
        })
    }
}

/// Makes a user of a role, who is taken away when the lease ends. The lease is recorded before the
/// user is made, so that what a crash leaves is known and undone, but for the one moment that
/// SECURITY.md names.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_database_credentials(
    database: vc_database,
    role: vc_bytes,
    credentials_out: *mut vc_credentials,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(credentials_out)?;
            let role = role.as_str()?;
            let database = find(database)?;
            let handle = reserve::<vc_credentials>()?; // before there is a user
            let secret = database.object.databases.credentials(role)?;
            let leased = Leased {
                lease_id: secret.lease_id().to_owned(),
                leases: database.object.session.leases(),
                secret: RwLock::new(Some(secret)),
            };
            write_out(credentials_out, handle.keep_with(database.family, leased)?);
            Ok(())
        })
    }
}

/// Returns name and password of a static role.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_database_static_credentials(
    database: vc_database,
    role: vc_bytes,
    username_out: *mut vc_buffer,
    password_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(username_out)?;
            check_out(password_out)?;
            let role = role.as_str()?;
            let found = find(database)?.object.databases.static_credentials(role)?;
            let password = found.password.expose().as_bytes();
            write_out(
                username_out,
                vc_buffer::copy_from(found.username.as_bytes()),
            );
            write_out(password_out, vc_buffer::copy_from(password));
            Ok(())
        })
    }
}

/// Closes the handle.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_database_close(
    database: vc_database,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(database)) }
}

/// Returns the name of the user.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_username(
    credentials: vc_credentials,
    username_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(username_out)?;
            let copy = |secret: &LeasedSecret<Credentials>| {
                Ok(vc_buffer::copy_from(secret.username().as_bytes()))
            };
            write_out(username_out, find(credentials)?.object.with(copy)?);
            Ok(())
        })
    }
}

/// Returns the password.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_password(
    credentials: vc_credentials,
    password_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(password_out)?;
            let copy = |secret: &LeasedSecret<Credentials>| {
                Ok(vc_buffer::copy_from(secret.password().expose().as_bytes()))
            };
            write_out(password_out, find(credentials)?.object.with(copy)?);
            Ok(())
        })
    }
}

/// Returns the id of the lease.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_lease_id(
    credentials: vc_credentials,
    lease_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(lease_out)?;
            let held = find(credentials)?;
            let id = held.object.lease_id.as_bytes();
            write_out(lease_out, vc_buffer::copy_from(id));
            Ok(())
        })
    }
}

/// Tells how long the user lives.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_lease(
    credentials: vc_credentials,
    status_out: *mut vc_lease_status,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(status_out)?;
            let status = find(credentials)?.object.with(|secret| {
                let left = secret.remaining().as_millis();
                Ok(vc_lease_status {
                    remaining_ms: u64::try_from(left).unwrap_or(u64::MAX),
                    renewable: secret.renewable(),
                    last: secret.is_last(),
                })
            })?;
            write_out(status_out, status);
            Ok(())
        })
    }
}

/// Renews the lease in a thread of the library's from now on, until the handle is closed or no
/// renewal prolongs it any more.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_keep_alive(
    credentials: vc_credentials,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || find(credentials)?.object.keep_alive()) }
}

/// Lets the user live for `increment` seconds from now, 0 for as long as it was made for.
/// `seconds_out` tells how long it does, and may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_renew(
    credentials: vc_credentials,
    increment: u64,
    seconds_out: *mut u64,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let renew = |secret: &LeasedSecret<Credentials>| secret.renew(increment_of(increment));
            let lives: Duration = find(credentials)?.object.with(renew)?;
            write_out(seconds_out, lives.as_secs());
            Ok(())
        })
    }
}

/// Takes the user away now. The handle stays, and answers VC_CLOSED from then on, but for the id of
/// the lease.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_revoke(
    credentials: vc_credentials,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || find(credentials)?.object.revoke()) }
}

/// Closes the handle. The user is renewed no more, and lives until the lease runs out.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_credentials_close(
    credentials: vc_credentials,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(credentials)) }
}
