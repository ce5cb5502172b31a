//! Sessions, and what is reached from them.

use super::bytes::vc_bytes;
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, write_out};
use super::handle::{close, find, keep_with, vc_kv, vc_session};

/// Returns the same session in another namespace: its path from the root, such as "team/app".
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_session_namespace(
    session: vc_session,
    path: vc_bytes,
    session_out: *mut vc_session,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(session_out)?;
            let path = path.as_str()?;
            let session = find(session)?;
            let inside = session.object.namespace(path)?;
            write_out(session_out, keep_with(session.family, inside)?);
            Ok(())
        })
    }
}

/// Returns the versioned key-value secrets that are mounted at `mount`. Whether there is such a
/// mount is checked with each call.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_session_kv(
    session: vc_session,
    mount: vc_bytes,
    kv_out: *mut vc_kv,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(kv_out)?;
            let mount = mount.as_str()?;
            let session = find(session)?;
            let kv = session.object.kv(mount)?;
            write_out(kv_out, keep_with(session.family, kv)?);
            Ok(())
        })
    }
}

/// Closes the handle. What came from the session stays open.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_session_close(
    session: vc_session,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(session)) }
}
