//! The built command line, in folders of its own: every verb, every exit code, and what must never
//! be printed.

// It needs terminals, modes of files and arguments that are no text, as Unix has them.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "all of it is test code, which clippy cannot tell"
)]

mod audit;
mod ceremonies;
mod flags;
mod hostile;
mod input;
mod kv;
mod kv_versions;
mod leases;
mod logical;
mod login;
mod mounts;
mod operator;
mod policy;
mod races;
mod rig;
mod shell;
mod slots;
mod terminal;
mod token;
