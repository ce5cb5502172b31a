//! Versioned key-value secrets.

use std::slice;

use vaultcore::kv::Cas;
use vaultcore::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::bytes::{vc_buffer, vc_bytes};
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, invalid, write_out};
use super::handle::{close, find, vc_kv};
use super::json;

/// The most versions that one call takes.
pub const VC_MAX_VERSIONS: usize = 1000;

/// Writes a new version of a secret. `data` is a JSON object, which is kept as it is. `cas` is
/// NULL, or the version that must be the newest, 0 for none. `version_out` may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_put(
    kv: vc_kv,
    path: vc_bytes,
    data: vc_bytes,
    cas: *const u64,
    version_out: *mut u64,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let cas = cas
                .as_ref()
                .map_or(Cas::Any, |version| Cas::Version(*version));
            let (path, data) = (path.as_str()?, data.as_slice()?);
            let added = find(kv)?.object.put_json(path, data, cas)?;
            write_out(version_out, added.version);
            Ok(())
        })
    }
}

/// Reads a version of a secret, 0 for the newest: its JSON as it was written, and its number.
/// `version_out` may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_get(
    kv: vc_kv,
    path: vc_bytes,
    version: u64,
    data_out: *mut vc_buffer,
    version_out: *mut u64,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(data_out)?;
            let path = path.as_str()?;
            let secret = find(kv)?.object.get_version_json(path, version)?;
            write_out(data_out, vc_buffer::from_secret(secret.data));
            write_out(version_out, secret.version);
            Ok(())
        })
    }
}

/// Marks the newest version as deleted. Nothing happens if it is, or if there is none.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_delete(
    kv: vc_kv,
    path: vc_bytes,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let path = path.as_str()?;
            find(kv)?.object.delete(path)
        })
    }
}

/// Marks `count` versions as deleted; unknown numbers are passed over.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_delete_versions(
    kv: vc_kv,
    path: vc_bytes,
    versions: *const u64,
    count: usize,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let (path, versions) = (path.as_str()?, numbers(versions, count)?);
            find(kv)?.object.delete_versions(path, versions)
        })
    }
}

/// Brings `count` deleted versions back.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_undelete(
    kv: vc_kv,
    path: vc_bytes,
    versions: *const u64,
    count: usize,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let (path, versions) = (path.as_str()?, numbers(versions, count)?);
            find(kv)?.object.undelete(path, versions)
        })
    }
}

/// Removes the data of `count` versions for good; their metadata stays.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_destroy(
    kv: vc_kv,
    path: vc_bytes,
    versions: *const u64,
    count: usize,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let (path, versions) = (path.as_str()?, numbers(versions, count)?);
            find(kv)?.object.destroy(path, versions)
        })
    }
}

/// Reads version numbers.
///
/// # Safety
/// There are `count` numbers at `versions`, which nobody changes meanwhile.
unsafe fn numbers<'a>(versions: *const u64, count: usize) -> Result<&'a [u64]> {
    if count > VC_MAX_VERSIONS {
        let message = format!("one call takes at most {VC_MAX_VERSIONS} versions");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    match (versions.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(invalid("the versions are NULL, but their count is not 0")),
        // SAFETY: not null and of bounded length; the rest is promised by the caller.
        (false, _) => Ok(unsafe { slice::from_raw_parts(versions, count) }),
    }
}

/// Lists the names in a folder, "" being the root, as a sorted JSON array of strings; subfolders
/// end in a slash.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_list(
    kv: vc_kv,
    folder: vc_bytes,
    names_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(names_out)?;
            let folder = folder.as_str()?;
            let names = Zeroizing::new(find(kv)?.object.list(folder)?);
            write_out(names_out, json::buffer(&*names)?);
            Ok(())
        })
    }
}

/// Returns what is known of a secret but its data, as a JSON object with the fields of Vault's
/// metadata.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_metadata(
    kv: vc_kv,
    path: vc_bytes,
    metadata_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(metadata_out)?;
            let path = path.as_str()?;
            let metadata = find(kv)?.object.metadata(path)?;
            write_out(
                metadata_out,
                json::buffer(&json::Metadata::from(&metadata))?,
            );
            Ok(())
        })
    }
}

/// Deletes a secret with all of its versions and its metadata.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_delete_metadata(
    kv: vc_kv,
    path: vc_bytes,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let path = path.as_str()?;
            find(kv)?.object.delete_metadata(path)
        })
    }
}

/// Closes the handle.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_kv_close(kv: vc_kv, error_out: *mut *mut vc_error) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || close(kv)) }
}
