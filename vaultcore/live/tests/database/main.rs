//! The database engine on real servers, which `cargo xtask test` starts.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code, where a panic is the report"
)]

mod kill;
mod mariadb;
mod postgres;
mod proxy;
mod roles;
mod world;
