//! The vault as its users see it, one module a story.

// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]

mod ceremonies;
mod common;
mod faults;
mod handles;
mod hooked;
mod input;
mod kv_model;
mod kv_repairs;
mod kv_rules;
mod moments;
mod rig;
mod rng;
mod tamper;
mod world;
