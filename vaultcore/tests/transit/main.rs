//! Transit keys that are rotated, trimmed and used by several processes at once.

// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]
#![cfg(feature = "sqlite")]

mod process;
#[path = "../processes/mod.rs"]
mod processes;
mod racing;
mod work;
