//! The vault as its users see it, one module a story.

// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]
// Tables of cases are long, and tell how many there were.
#![allow(clippy::too_many_lines, clippy::print_stdout)]

mod auditing;
mod ceremonies;
mod clocks;
mod common;
mod door;
mod ends;
mod faults;
mod handles;
mod histories;
mod hooked;
mod identity_model;
mod identity_rules;
mod input;
mod kv_model;
mod kv_repairs;
mod kv_rules;
mod moments;
mod overtaken;
mod pending;
mod quorum;
mod rig;
mod rng;
mod spellings;
mod tamper;
mod token_model;
mod transit_model;
mod transit_rules;
mod world;
mod wrapping_model;
