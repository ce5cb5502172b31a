//! Tests of vaultcore on real databases, which `cargo xtask test` starts, and an example with a pool.
//!
//! A package of its own, so that whoever builds vaultcore, or its quickstart, builds no client of a
//! database.
