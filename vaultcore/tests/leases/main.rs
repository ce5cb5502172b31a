//! Leases over several processes, which share the work, and are killed at it.
#![cfg(all(feature = "sqlite", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

mod kill;
#[path = "../killed/mod.rs"]
mod killed;
mod outside;
mod share;
mod world;
