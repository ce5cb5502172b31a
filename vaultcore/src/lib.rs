//! A secrets vault that lives inside your process.

#![forbid(unsafe_code)]

mod barrier;
mod clock;
mod crypto;
mod error;
mod id;
pub mod import;
mod path;
mod record;
mod seal;
mod secret;
pub mod storage;

pub use clock::{BootId, Clock, ClockReading, ManualClock, SystemClock, Timestamp};
pub use crypto::rng::{OsRandom, Random};
pub use error::{Error, ErrorKind, Result};
pub use id::{MountId, Nonce, SlotId, VaultId};
pub use path::{FolderPath, MAX_PATH, MAX_SEGMENTS, MountPath, SecretPath};
pub use seal::{CeremonyId, Share};
pub use secret::{SecretBytes, SecretString};
