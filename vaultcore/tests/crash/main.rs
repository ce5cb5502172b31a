//! What is left of acknowledged work when processes are killed, or the power goes.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

mod kill;
#[path = "../killed/mod.rs"]
mod killed;
mod ledger;
mod power;
#[path = "../shim/mod.rs"]
mod shim;
mod writer;
