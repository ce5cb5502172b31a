//! The unsafe code below `vaultcore`, in one small crate that can be read in one sitting.
//!
//! * [`LockedBox`] keeps a key in locked memory; [`memory_lock`] tells how well that is protected.
//! * [`Wiped`] overwrites a value that does not wipe itself, such as one of ring's keys.
//! * [`ForkMark`] tells a process that it is a forked child.
//! * [`boot_clock`] reads the time since boot, and which boot it was.
//!
//! Everything here is safe to call. Each `unsafe` block states why it is sound. Nothing holds a lock,
//! so that a child forked at any moment can go on.
//!
//! What wiping cannot reach: registers, and the stacks of threads that used a key and have not been
//! scrubbed since ([`scrub_stack`], [`scrubbed`]).

mod arena;
mod boot;
mod fork;
mod locked;
mod pages;
mod wipe;

pub use arena::{MemLock, memory_lock};
pub use boot::{BootId, boot_clock};
pub use fork::ForkMark;
pub use locked::LockedBox;
pub use wipe::{Wiped, scrub_stack, scrubbed, zero};
