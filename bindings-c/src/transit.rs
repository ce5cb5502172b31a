//! Encryption by named keys that never leave the vault.

use vaultcore::transit::Input;

use super::bytes::{vc_buffer, vc_bytes};
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, write_out};
use super::handle::{close, find, keep_with, vc_session, vc_transit};

/// Returns the keys of the transit engine that is mounted at `mount`. Whether there is such a mount
/// is checked with each call.
///
/// What encrypts and decrypts has functions of its own. All else is asked of vc_request by Vault's
/// paths below the mount: keys/NAME makes a key, keys/NAME/rotate, /config, /trim, /import and
/// /import_version work on it; wrapping_key, byok-export, export, backup and restore move keys;
/// datakey/plaintext/NAME makes a data key; sign/NAME, verify/NAME and hmac/NAME take what Vault's
/// do (hash_algorithm, prehashed, marshaling_algorithm, signature_algorithm, context, batch_input).
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_session_transit(
    session: vc_session,
    mount: vc_bytes,
    transit_out: *mut vc_transit,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(transit_out)?;
            let mount = mount.as_str()?;
            let session = find(session)?;
            let transit = session.object.transit(mount)?;
            write_out(transit_out, keep_with(session.family, transit)?);
            Ok(())
        })
    }
}

/// Encrypts under the newest version of `key`, which is made if there is none, unless the mount
/// forbids that. `ciphertext_out` is text, "vault:v1:..".
///
/// `context` chooses the key of a derived key, and is empty for any other. The ciphertext is bound
/// to `associated_data`, which may be empty, and is decrypted with the same only.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_transit_encrypt(
    transit: vc_transit,
    key: vc_bytes,
    plaintext: vc_bytes,
    context: vc_bytes,
    associated_data: vc_bytes,
    ciphertext_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(ciphertext_out)?;
            let (key, plaintext) = (key.as_str()?, plaintext.as_slice()?);
            let (context, associated) = (context.as_slice()?, associated_data.as_slice()?);
            let transit = find(transit)?;
            let ciphertext = transit
                .object
                .encrypt(key, input(plaintext, context, associated))?;
            write_out(ciphertext_out, vc_buffer::from_public(ciphertext));
            Ok(())
        })
    }
}

/// Decrypts text of vc_transit_encrypt, with the same context and associated data. Whatever is
/// wrong with them is VC_INVALID_ARGUMENT; a key that there is not is VC_NOT_FOUND.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_transit_decrypt(
    transit: vc_transit,
    key: vc_bytes,
    ciphertext: vc_bytes,
    context: vc_bytes,
    associated_data: vc_bytes,
    plaintext_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(plaintext_out)?;
            let (key, ciphertext) = (key.as_str()?, ciphertext.as_str()?);
            let (context, associated) = (context.as_slice()?, associated_data.as_slice()?);
            let transit = find(transit)?;
            let plaintext = transit
                .object
                .decrypt(key, input(ciphertext.as_bytes(), context, associated))?;
            write_out(plaintext_out, vc_buffer::from_secret(plaintext));
            Ok(())
        })
    }
}

/// Encrypts anew what a ciphertext holds, under the newest version of the key, without showing it.
/// Context and associated data are those that it was encrypted with, and stay.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_transit_rewrap(
    transit: vc_transit,
    key: vc_bytes,
    ciphertext: vc_bytes,
    context: vc_bytes,
    associated_data: vc_bytes,
    ciphertext_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(ciphertext_out)?;
            let (key, ciphertext) = (key.as_str()?, ciphertext.as_str()?);
            let (context, associated) = (context.as_slice()?, associated_data.as_slice()?);
            let transit = find(transit)?;
            let renewed = transit
                .object
                .rewrap(key, input(ciphertext.as_bytes(), context, associated))?;
            write_out(ciphertext_out, vc_buffer::from_public(renewed));
            Ok(())
        })
    }
}

/// Returns what is worked on, with what belongs to it. Made where it is handed over: it is large,
/// and to move it takes as long as to find a handle.
#[inline]
fn input<'d>(data: &'d [u8], context: &'d [u8], associated: &'d [u8]) -> Input<'d> {
    Input::new(data)
        .context(context)
        .associated_data(associated)
}

/// Closes the handle.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_transit_close(
    transit: vc_transit,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(transit)) }
}
