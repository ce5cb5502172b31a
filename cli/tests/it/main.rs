//! The built command line, in folders of its own: every verb, every exit code, and what must never
//! be printed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests say what they expect"
)]

mod kv;
mod kv_versions;
mod operator;
mod rig;
