//! Statuses and errors.

use std::ffi::{CString, c_char};
use std::ptr;

use vaultcore::Error;

/// How a call ended: VC_OK, or the number of an error. Numbers are never changed or used again;
/// later versions may add some.
pub type vc_status = u32;

/// The call did what it is for.
pub const VC_OK: vc_status = 0;
/// The record was changed by someone else; read again and retry.
pub const VC_CONFLICT: vc_status = 1;
/// Stored bytes failed to authenticate or to parse.
pub const VC_CORRUPT: vc_status = 2;
/// The storage already holds a vault.
pub const VC_ALREADY_INITIALIZED: vc_status = 3;
/// No audit device took the record, so nothing was answered.
pub const VC_AUDIT_FAILED: vc_status = 4;
/// The clock jumped in a way that nothing confirms.
pub const VC_CLOCK_SUSPECT: vc_status = 5;
/// The handle was closed.
pub const VC_CLOSED: vc_status = 6;
/// The lease, token or version has run out.
pub const VC_EXPIRED: vc_status = 7;
/// The handle is of the process that this one was forked from.
pub const VC_FORKED: vc_status = 8;
/// The storage has no room left.
pub const VC_FULL: vc_status = 9;
/// The change may or may not have happened; read before trying again.
pub const VC_INDETERMINATE: vc_status = 10;
/// An argument is not what the call takes; nothing was changed.
pub const VC_INVALID_ARGUMENT: vc_status = 11;
/// A limit that was set on the object is reached.
pub const VC_LIMIT_EXCEEDED: vc_status = 12;
/// There is no such object.
pub const VC_NOT_FOUND: vc_status = 13;
/// The storage holds no vault yet.
pub const VC_NOT_INITIALIZED: vc_status = 14;
/// A bug in vaultcore, caught at the boundary.
pub const VC_PANICKED: vc_status = 15;
/// The caller may not do this.
pub const VC_PERMISSION_DENIED: vc_status = 16;
/// The vault is sealed.
pub const VC_SEALED: vc_status = 17;
/// The storage failed.
pub const VC_STORAGE: vc_status = 18;
/// The time allowed for the call ran out.
pub const VC_TIMEOUT: vc_status = 19;
/// The input is larger than the limit, which the message names.
pub const VC_TOO_LARGE: vc_status = 20;
/// Nothing happened; the same call may succeed later.
pub const VC_UNAVAILABLE: vc_status = 21;
/// The share, passphrase or key does not open this vault.
pub const VC_UNSEAL_FAILED: vc_status = 22;
/// This build, format or backend does not have what was asked for.
pub const VC_UNSUPPORTED: vc_status = 23;

/// What went wrong. It holds no secret, and belongs to whoever received it: vc_error_free.
pub struct vc_error {
    status: vc_status,
    versions: Option<(u64, u64)>,
    message: CString,
}

impl vc_error {
    /// Returns a new error on the heap.
    pub(super) fn boxed(error: &Error) -> *mut Self {
        // No message of ours holds a zero byte, but one may quote another program's.
        let text = error.to_string().replace('\0', " ");
        Box::into_raw(Box::new(Self {
            status: error.kind().code(),
            versions: error.versions(),
            message: CString::new(text).unwrap_or_default(),
        }))
    }
}

/// Returns the name of a status, such as "Conflict"; "Unknown" for a number that is none. The text
/// lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn vc_status_name(status: vc_status) -> *const c_char {
    let name = match status {
        VC_OK => c"Ok",
        VC_CONFLICT => c"Conflict",
        VC_CORRUPT => c"Corrupt",
        VC_ALREADY_INITIALIZED => c"AlreadyInitialized",
        VC_AUDIT_FAILED => c"AuditFailed",
        VC_CLOCK_SUSPECT => c"ClockSuspect",
        VC_CLOSED => c"Closed",
        VC_EXPIRED => c"Expired",
        VC_FORKED => c"Forked",
        VC_FULL => c"Full",
        VC_INDETERMINATE => c"Indeterminate",
        VC_INVALID_ARGUMENT => c"InvalidArgument",
        VC_LIMIT_EXCEEDED => c"LimitExceeded",
        VC_NOT_FOUND => c"NotFound",
        VC_NOT_INITIALIZED => c"NotInitialized",
        VC_PANICKED => c"Panicked",
        VC_PERMISSION_DENIED => c"PermissionDenied",
        VC_SEALED => c"Sealed",
        VC_STORAGE => c"Storage",
        VC_TIMEOUT => c"Timeout",
        VC_TOO_LARGE => c"TooLarge",
        VC_UNAVAILABLE => c"Unavailable",
        VC_UNSEAL_FAILED => c"UnsealFailed",
        VC_UNSUPPORTED => c"Unsupported",
        _ => c"Unknown",
    };
    name.as_ptr()
}

/// Returns the status that came with the error; VC_OK for NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_error_status(error: *const vc_error) -> vc_status {
    // SAFETY: null, or an error that is not freed yet; promised by the caller.
    unsafe { error.as_ref() }.map_or(VC_OK, |error| error.status)
}

/// Returns the error's message in English; "" for NULL. The text lives as long as the error.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_error_message(error: *const vc_error) -> *const c_char {
    // SAFETY: null, or an error that is not freed yet; promised by the caller.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// Tells the version that a check-and-set expected and the one that it found, 0 meaning none.
/// Returns false, and writes nothing, for every error but such a conflict.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_error_versions(
    error: *const vc_error,
    expected_out: *mut u64,
    found_out: *mut u64,
) -> bool {
    // SAFETY: null, or an error that is not freed yet; promised by the caller.
    let versions = unsafe { error.as_ref() }.and_then(|error| error.versions);
    let Some((expected, found)) = versions else {
        return false;
    };
    // SAFETY: each is null or can be written to; promised by the caller.
    unsafe {
        super::guard::write_out(expected_out, expected);
        super::guard::write_out(found_out, found);
    }
    true
}

/// Frees an error and sets the variable that held it to NULL. NULL, and a variable that is NULL,
/// are left alone, so that freeing twice by one variable does nothing.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_error_free(error: *mut *mut vc_error) {
    if error.is_null() {
        return;
    }
    // SAFETY: it is not null, so the caller promises that it is a variable with an error of ours,
    // which nobody has freed, or with null.
    unsafe {
        let old = error.replace(ptr::null_mut());
        if !old.is_null() {
            drop(Box::from_raw(old));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use vaultcore::ErrorKind;

    use super::*;

    #[test]
    fn every_kind_has_its_status_and_its_name() {
        for kind in ErrorKind::ALL {
            // SAFETY: the text is static.
            let name = unsafe { CStr::from_ptr(vc_status_name(kind.code())) };
            assert_eq!(name.to_str(), Ok(kind.to_string().as_str()));
        }
        assert_eq!(VC_UNSUPPORTED, ErrorKind::Unsupported.code());
        // SAFETY: the text is static.
        assert_eq!(unsafe { CStr::from_ptr(vc_status_name(9999)) }, c"Unknown");
    }

    /// The constants are in the header by name, so that each must be that of its kind.
    #[test]
    fn every_constant_is_named_after_its_kind() {
        let source = include_str!("error.rs");
        for kind in ErrorKind::ALL {
            let words = kind
                .to_string()
                .chars()
                .fold(String::new(), |mut text, letter| {
                    if letter.is_uppercase() {
                        text.push('_');
                    }
                    text.push(letter.to_ascii_uppercase());
                    text
                });
            let line = format!("pub const VC{words}: vc_status = {};", kind.code());
            assert!(source.contains(&line), "{line}");
        }
    }
}
