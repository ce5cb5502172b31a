//! Measures vaultcore against the limits of this machine and against its peers.
//!
//! `cargo xtask bench` builds and starts this. Each case runs in a process of its own, those with
//! a slow flush under the preloaded library of `vaultcore/tests/shim`. Both sides of a ratio run
//! in one process, in turn.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench whose call fails has nothing to measure, and stops"
)]

mod bao;
#[allow(
    dead_code,
    unused_imports,
    reason = "the whole library for C stands here, and some of it is called"
)]
#[path = "../../bindings-c/src/lib.rs"]
mod capi;
mod cases;
mod harness;
mod misses;
mod parent;
mod raw;
mod report;
mod seal;
mod world;

use std::process::ExitCode;

/// What fails a run, as text.
pub(crate) type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, rest)) if first == "case" => cases::run(rest),
        Some((first, rest)) if first == "idle" => cases::idle(rest),
        Some((first, [])) if first == "table" => parent::table_again(),
        _ => parent::run(&words),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
