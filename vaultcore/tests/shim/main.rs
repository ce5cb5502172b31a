//! The tests of the shim, its log and the model of power loss.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

#[path = "mod.rs"]
mod shim;

mod model;
#[cfg(feature = "sqlite")]
mod sqlite;
