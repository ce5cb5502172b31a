//! libvaultcore: vaultcore behind a C ABI.
//!
//! Each function converts its arguments, makes one call on the public interface of `vaultcore`, and
//! converts what comes back. The rules that hold for all of them stand at the head of
//! `include/vaultcore.h`, which is made from these sources by `cargo xtask abi`.

#![allow(
    non_camel_case_types,
    reason = "the names are those that C programs write"
)]
#![allow(
    unreachable_pub,
    reason = "what is exported is reached by its symbol, not by its module"
)]

// Of the crate, so that a fuzz target or a bench that includes this file can call what is exported.
pub(crate) mod bytes;
pub(crate) mod database;
pub(crate) mod error;
mod guard;
pub(crate) mod handle;
pub(crate) mod init;
mod json;
pub(crate) mod kv;
pub(crate) mod lease;
pub(crate) mod request;
pub(crate) mod session;
mod sync;
mod table;
pub(crate) mod transit;
pub(crate) mod vault;

use std::ffi::{CStr, c_char};

/// The version of the ABI, which is also the number in the name of the shared library. It changes
/// when a program that was compiled before no longer works.
pub const VC_ABI_VERSION: u32 = 0;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };

/// Returns the version of the library, such as "0.1.0". It lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn vc_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns the VC_ABI_VERSION that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn vc_abi_version() -> u32 {
    VC_ABI_VERSION
}
