//! A secrets vault that lives inside your process.

#![forbid(unsafe_code)]

mod barrier;
mod clock;
mod crypto;
mod engine;
mod error;
mod id;
pub mod import;
mod mount;
mod operation;
mod path;
mod record;
mod seal;
mod secret;
mod session;
pub mod storage;
mod vault;

pub use clock::{BootId, Clock, ClockReading, ManualClock, SystemClock, Timestamp};
pub use crypto::rng::{OsRandom, Random};
pub use engine::sys::{KeyStatus, MountInfo, MountTune, NewMount, SlotInfo, SlotType};
pub use error::{Error, ErrorKind, Result};
pub use id::{MountId, Nonce, SlotId, VaultId};
pub use path::{FolderPath, MAX_PATH, MAX_SEGMENTS, MountPath, SecretPath};
pub use seal::{Argon2Params, CeremonyId, NewSlot, Share};
pub use secret::{SecretBytes, SecretString};
pub use session::{Session, Sys};
pub use vault::{Init, Rekey, RekeyProgress, SealStatus, Vault, VaultBuilder};

/// Key-value secrets.
pub mod kv {
    pub use crate::engine::kv::{
        Cas, Cursor, DeleteAfter, KvConfig, KvMetadata, MAX_VALUE, MetadataUpdate, NamePage,
        VersionInfo,
    };
    pub use crate::session::{Kv, KvTransaction, KvV1, Secret};
}
