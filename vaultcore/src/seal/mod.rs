//! Seals: what can wrap the root key, and the shares, passphrases and keys that open it.

mod header;
mod kdf;
pub mod key_file;
mod make;
mod share;
mod slot;

pub use kdf::Argon2Params;
pub use make::NewSlot;
pub use share::{CeremonyId, Share};

pub(crate) use header::Header;
pub(crate) use kdf::{from_key, stretch};
pub(crate) use make::SlotDraft;
pub(crate) use slot::{ShamirSlot, Slot, SlotKind, Slots};
