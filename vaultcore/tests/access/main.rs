//! Who may do what: the access model as state machines, races, moments and spellings.

// All of it is test code, the helpers too, which clippy cannot tell.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)]
// A second process reports by printing, and long runs tell how many cases there were.
#![allow(clippy::print_stdout)]

mod dying;
mod found;
mod stage;
mod tokens;
