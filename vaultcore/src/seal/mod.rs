//! Seals: what wraps the root key, and the shares that people hold.

mod share;

pub use share::{CeremonyId, Share};
