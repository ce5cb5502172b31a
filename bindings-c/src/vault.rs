//! Vaults: opened, made, unsealed, sealed, closed.

use vaultcore::database::Fake;
use vaultcore::storage::Memory;
#[cfg(not(fuzzing))]
use vaultcore::storage::Sqlite;
use vaultcore::{
    Error, ErrorKind, NewSlot, Result, SealStatus, SecretBytes, SecretString, Share, Vault,
    VaultBuilder,
};

use super::bytes::vc_bytes;
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, invalid, write_out};
use super::handle::{close_family, find, keep, keep_with, reserve, vc_init, vc_session, vc_vault};

/// The most slots that vc_vault_init takes.
pub const VC_MAX_SLOTS: usize = 32;

/// Shares of people: `shares` of them, any `threshold` open the vault.
pub const VC_SLOT_SHAMIR: u32 = 1;
/// The passphrase in `secret`, stretched by Argon2id.
pub const VC_SLOT_PASSPHRASE: u32 = 2;
/// The 32 bytes in `secret`.
pub const VC_SLOT_KEY: u32 = 3;

/// A key slot to make. What its kind does not name is left 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_new_slot {
    /// VC_SLOT_SHAMIR, VC_SLOT_PASSPHRASE or VC_SLOT_KEY.
    pub kind: u32,
    /// How many shares there are.
    pub shares: u8,
    /// How many of them open the vault.
    pub threshold: u8,
    /// The passphrase or the key.
    pub secret: vc_bytes,
}

/// Whether a vault exists and is sealed, and how far an unseal has come.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_seal_status {
    /// Whether the storage holds a vault.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// How many shares open it; 0 if it has no Shamir slot.
    pub threshold: u8,
    /// How many shares there are; 0 if it has no Shamir slot.
    pub shares: u8,
    /// How many shares were given so far.
    pub progress: u8,
}

impl From<SealStatus> for vc_seal_status {
    fn from(status: SealStatus) -> Self {
        Self {
            initialized: status.initialized(),
            sealed: status.sealed(),
            threshold: status.threshold(),
            shares: status.shares(),
            progress: status.progress(),
        }
    }
}

/// Opens a vault, sealed: "memory:", which lives as long as the handle, or the path of a file,
/// which is created if there is none.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_open(
    location: vc_bytes,
    vault_out: *mut vc_vault,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(vault_out)?;
            let vault = open(location.as_str()?)?;
            write_out(vault_out, keep(vault)?);
            Ok(())
        })
    }
}

fn open(location: &str) -> Result<Vault> {
    match location {
        "memory:" => with_drivers(Vault::builder(Memory::new())).build(),
        "" => Err(invalid(
            "a vault's location is `memory:` or the path of a file",
        )),
        url if url.contains("://") => {
            let message = "a vault's location is `memory:` or the path of a file; \
                there is no other storage in this build";
            Err(Error::new(ErrorKind::Unsupported, message))
        }
        path => open_file(path),
    }
}

#[cfg(not(fuzzing))]
fn open_file(path: &str) -> Result<Vault> {
    with_drivers(Vault::builder(Sqlite::open(path)?)).build()
}

/// A fuzzer makes no files.
#[cfg(fuzzing)]
fn open_file(_: &str) -> Result<Vault> {
    Err(invalid("a fuzzer opens no file"))
}

/// Adds the drivers that this build has beyond those of `vaultcore`.
fn with_drivers(builder: VaultBuilder) -> VaultBuilder {
    match cfg!(feature = "fake-database") {
        true => builder.database_driver(Fake::new()),
        false => builder,
    }
}

/// Seals a vault for good and closes its handle, with those of its sessions and of what came from
/// them. Returns once no call can still be using its keys.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_close(
    vault: vc_vault,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let (vault, members) = close_family(vault)?;
            let result = vault.object.close(); // first: should one of them panic, all is closed
            drop(members);
            result
        })
    }
}

/// Makes a new vault in the storage, with `count` key slots. It stays sealed. `init_out` holds the
/// shares and the root token, which exist nowhere else.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_init(
    vault: vc_vault,
    slots: *const vc_new_slot,
    count: usize,
    init_out: *mut vc_init,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(init_out)?;
            let slots = new_slots(slots, count)?;
            let handle = reserve::<vc_init>()?; // before there are shares that could be lost
            let init = find(vault)?.object.init(slots)?;
            write_out(init_out, handle.keep(init));
            Ok(())
        })
    }
}

/// Reads the slots that are asked for.
///
/// # Safety
/// There are `count` slots at `slots`.
unsafe fn new_slots(slots: *const vc_new_slot, count: usize) -> Result<Vec<NewSlot>> {
    if count > VC_MAX_SLOTS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a vault has at most {VC_MAX_SLOTS} slots"),
        ));
    }
    if slots.is_null() {
        return Err(invalid("the slots are NULL"));
    }
    let mut made = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: below `count`; promised by the caller.
        made.push(unsafe { new_slot(*slots.add(index)) }?);
    }
    Ok(made)
}

/// Reads one slot.
///
/// # Safety
/// Its secret obeys the rules of inputs.
unsafe fn new_slot(slot: vc_new_slot) -> Result<NewSlot> {
    // SAFETY: promised by the caller.
    unsafe {
        match slot.kind {
            VC_SLOT_SHAMIR => Ok(NewSlot::shamir(slot.shares, slot.threshold)),
            VC_SLOT_PASSPHRASE => Ok(NewSlot::passphrase(SecretString::copy_from(
                slot.secret.as_str()?,
            ))),
            VC_SLOT_KEY => Ok(NewSlot::key(SecretBytes::copy_from(
                slot.secret.as_slice()?,
            ))),
            _ => Err(invalid("a slot's kind is none of VC_SLOT_...")),
        }
    }
}

/// Tells whether the vault exists and is sealed.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_status(
    vault: vc_vault,
    status_out: *mut vc_seal_status,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(status_out)?;
            write_out(status_out, find(vault)?.object.status()?.into());
            Ok(())
        })
    }
}

/// Gives one share as text. With the last one that is needed, the vault is unsealed. `status_out`
/// may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_unseal(
    vault: vc_vault,
    share: vc_bytes,
    status_out: *mut vc_seal_status,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let (share, vault) = (share.as_str()?, find(vault)?);
            let status = vault.object.unseal(&Share::parse(share)?)?;
            write_out(status_out, status.into());
            Ok(())
        })
    }
}

/// Unseals with a passphrase. It takes as long as the slot's parameters ask for. `status_out` may
/// be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_unseal_passphrase(
    vault: vc_vault,
    passphrase: vc_bytes,
    status_out: *mut vc_seal_status,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let passphrase = SecretString::copy_from(passphrase.as_str()?);
            let status = find(vault)?.object.unseal_passphrase(&passphrase)?;
            write_out(status_out, status.into());
            Ok(())
        })
    }
}

/// Unseals with the 32 bytes of a key slot. `status_out` may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_unseal_key(
    vault: vc_vault,
    key: vc_bytes,
    status_out: *mut vc_seal_status,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let key = SecretBytes::copy_from(key.as_slice()?);
            write_out(status_out, find(vault)?.object.unseal_key(&key)?.into());
            Ok(())
        })
    }
}

/// Seals the vault: drops every key, and returns once no call can still be using one.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_seal(
    vault: vc_vault,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe { guard(error_out, || find(vault)?.object.seal()) }
}

/// Does the background work that is due, and tells how many pieces. `done_out` may be NULL.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_tick(
    vault: vc_vault,
    done_out: *mut u64,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            let done = find(vault)?.object.tick()?;
            write_out(done_out, u64::try_from(done).unwrap_or(u64::MAX));
            Ok(())
        })
    }
}

/// Returns the session of the program that unsealed: full rights, no token.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_owner(
    vault: vc_vault,
    session_out: *mut vc_session,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(session_out)?;
            let session = find(vault)?.object.owner()?;
            write_out(session_out, keep_with(vault.id, session)?);
            Ok(())
        })
    }
}

/// Returns the session of whoever holds `token`.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_vault_login(
    vault: vc_vault,
    token: vc_bytes,
    session_out: *mut vc_session,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(session_out)?;
            let token = SecretString::copy_from(token.as_str()?);
            let session = find(vault)?.object.login(&token)?;
            write_out(session_out, keep_with(vault.id, session)?);
            Ok(())
        })
    }
}
