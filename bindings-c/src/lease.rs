//! Leases, by their ids.

use std::time::Duration;

use zeroize::Zeroizing;

use super::bytes::{vc_buffer, vc_bytes};
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, write_out};
use super::handle::{find, vc_session};
use super::json;

/// Reads for how many seconds a lease is to live from now; 0 is as long as it was made for.
pub(super) fn increment_of(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Returns what is known of a lease, as a JSON object.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_lease_lookup(
    session: vc_session,
    lease: vc_bytes,
    info_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(info_out)?;
            let lease = lease.as_str()?;
            let info = find(session)?.object.leases().lookup(lease)?;
            write_out(info_out, json::buffer(&json::Lease::from(&info))?);
            Ok(())
        })
    }
}

/// Lists the names in a folder of leases, such as "database/creds/readonly", as a sorted JSON array
/// of strings; subfolders end in a slash.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_lease_list(
    session: vc_session,
    prefix: vc_bytes,
    names_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(names_out)?;
            let prefix = prefix.as_str()?;
            let names: Vec<Zeroizing<String>> = find(session)?.object.leases().list(prefix)?;
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            write_out(names_out, json::buffer(&names)?);
            Ok(())
        })
    }
}

/// Lets a lease live for `increment` seconds from now, 0 for as long as it was made for.
/// `seconds_out` tells how long it does, and may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_lease_renew(
    session: vc_session,
    lease: vc_bytes,
    increment: u64,
    seconds_out: *mut u64,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let lease = lease.as_str()?;
            let leases = find(session)?.object.leases();
            let lives = leases.renew(lease, increment_of(increment))?;
            write_out(seconds_out, lives.as_secs());
            Ok(())
        })
    }
}

/// Ends a lease, and what it leases. One that is over is no error.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_lease_revoke(
    session: vc_session,
    lease: vc_bytes,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let lease = lease.as_str()?;
            find(session)?.object.leases().revoke(lease)
        })
    }
}

/// Ends all leases below a prefix: of a role, such as "database/creds/readonly", or of a mount.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_lease_revoke_prefix(
    session: vc_session,
    prefix: vc_bytes,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let prefix = prefix.as_str()?;
            find(session)?.object.leases().revoke_prefix(prefix)
        })
    }
}
