//! What every exported function runs in, and the pointers that it writes to.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vaultcore::{Error, ErrorKind, Result};

use super::error::{VC_OK, vc_error, vc_status};

/// Runs `body`, and returns how it ended as a status; a panic ends here.
///
/// # Safety
/// `error_out` is null, or a place that an error can be written to.
#[inline]
pub(super) unsafe fn guard(
    error_out: *mut *mut vc_error,
    body: impl FnOnce() -> Result<()>,
) -> vc_status {
    // Whatever the body was about is behind locks that are not poisoned, or is dropped.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => VC_OK,
        // SAFETY: promised by the caller.
        Ok(Err(error)) => unsafe { failed(error_out, &error) },
        // SAFETY: as above.
        Err(payload) => unsafe { failed(error_out, &panicked(payload)) },
    }
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> Error {
    // To drop it might panic again, and nothing is there to catch that.
    std::mem::forget(payload);
    Error::new(
        ErrorKind::Panicked,
        "a bug in vaultcore, caught at the boundary",
    )
}

/// Hands an error out, and returns its status.
///
/// # Safety
/// As of [`guard`].
#[cold]
unsafe fn failed(error_out: *mut *mut vc_error, error: &Error) -> vc_status {
    if !error_out.is_null() {
        // SAFETY: it is not null, so the caller promises that it can be written to.
        unsafe { error_out.write(vc_error::boxed(error)) };
    }
    error.kind().code()
}

/// Refuses a null output. Called first, so that no work is done whose result would be lost.
#[inline]
pub(super) fn check_out<T>(out: *mut T) -> Result<()> {
    match out.is_null() {
        true => Err(invalid("an output that must be there is NULL")),
        false => Ok(()),
    }
}

/// Writes an output, unless the caller does not want it.
///
/// # Safety
/// `out` is null, or a place that a `T` can be written to.
pub(super) unsafe fn write_out<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: it is not null, so the caller promises that it can be written to.
        unsafe { out.write(value) };
    }
}

#[cold]
pub(super) fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;
    use std::ptr;

    use super::super::error::{VC_PANICKED, vc_error_free, vc_error_status};
    use super::*;

    /// A payload that panics when it is dropped.
    struct Spiteful;

    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_becomes_a_status() {
        let mut error = ptr::null_mut();
        // SAFETY: the pointer is to a local variable.
        let status = unsafe { guard(&raw mut error, || panic_any(Spiteful)) };
        assert_eq!(status, VC_PANICKED);
        // SAFETY: the error was just written, and is freed once.
        unsafe {
            assert_eq!(vc_error_status(error), VC_PANICKED);
            vc_error_free(&raw mut error);
        }
        assert!(error.is_null());
    }

    #[test]
    fn nobody_has_to_take_the_error() {
        // SAFETY: null is allowed.
        let status = unsafe { guard(ptr::null_mut(), || Err(invalid("no"))) };
        assert_eq!(status, ErrorKind::InvalidArgument.code());
    }
}
