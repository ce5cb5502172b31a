//! Who may do what: faults that were found, each with the test that shows it.

// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

mod dying;
mod found;
#[cfg(feature = "sqlite")]
#[path = "../processes/mod.rs"]
mod processes;
#[cfg(feature = "sqlite")]
mod racing;
mod stage;
