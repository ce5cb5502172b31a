//! The database engine on real servers, which `cargo xtask test` starts.
#![cfg(all(feature = "postgres", feature = "sqlite", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

mod kill;
#[cfg(feature = "mysql")]
mod mariadb;
mod postgres;
mod proxy;
mod roles;
mod world;
