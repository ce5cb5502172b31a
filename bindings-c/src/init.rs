//! What a new vault hands out: its shares and its root token.

use super::bytes::vc_buffer;
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, invalid, write_out};
use super::handle::{close, find, vc_init};

/// Tells how many shares there are, over all slots.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_init_share_count(
    init: vc_init,
    count_out: *mut usize,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(count_out)?;
            write_out(count_out, find(init)?.object.shares().len());
            Ok(())
        })
    }
}

/// Returns a share as text; the first one has index 0.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_init_share(
    init: vc_init,
    index: usize,
    share_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(share_out)?;
            let init = find(init)?;
            let share = init.object.shares().get(index);
            let text = share
                .ok_or_else(|| invalid("there are not so many shares"))?
                .to_text();
            write_out(share_out, vc_buffer::copy_from(text.expose().as_bytes()));
            Ok(())
        })
    }
}

/// Returns the first token, which may do everything and lives until it is revoked.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_init_root_token(
    init: vc_init,
    token_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(token_out)?;
            let init = find(init)?;
            let token = init.object.root_token().expose().as_bytes();
            write_out(token_out, vc_buffer::copy_from(token));
            Ok(())
        })
    }
}

/// Wipes the shares and the token, and closes the handle.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_init_close(init: vc_init, error_out: *mut *mut vc_error) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(init)) }
}
