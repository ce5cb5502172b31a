//! What stays in the memory of a process.

#![cfg(target_os = "linux")]
// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod keys;
mod scan;
#[cfg(feature = "sqlite")]
mod scenario;
mod self_test;
#[cfg(feature = "sqlite")]
mod transit;
#[cfg(feature = "sqlite")]
mod vault;
