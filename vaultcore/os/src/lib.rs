//! The unsafe code below `vaultcore`, in one small crate that can be read in one sitting.
//!
//! * [`Wiped`] and [`WipeBox`] overwrite values that do not wipe themselves, such as ring's keys.
//! * [`ForkMark`] tells a process that it is a forked child.
//! * [`boot_clock`] reads the time since boot, and which boot it was.
//!
//! Everything here is safe to call. Each `unsafe` block states why it is sound.

mod boot;
mod fork;
mod wipe;

pub use boot::{BootId, boot_clock};
pub use fork::ForkMark;
pub use wipe::{WipeBox, Wiped, scrub_stack};
