//! Operations on the vault itself: mounts, keys and key slots.

mod keys;
mod mounts;
mod rekey;
mod slots;

pub use keys::KeyStatus;
pub use mounts::{MountInfo, MountTune, NewMount};
pub use slots::{SlotInfo, SlotType};

pub(crate) use keys::{DropTerms, ReadKeyStatus, RewrapPage, Rotate, RotateRoot};
pub(crate) use mounts::{ListMounts, Mount, Tune};
pub(crate) use rekey::{CancelRekey, CommitRekey, ReadRekey, StartRekey};
pub(crate) use slots::{AddSlot, ListSlots, RemoveSlot};

use crate::error::Result;
use crate::operation::{Access, Capability};

/// Returns the access to a path below `sys/`.
#[allow(clippy::unnecessary_wraps)] // the shape that `Operation::access` returns
fn sys(path: &str, capability: Capability) -> Result<Vec<Access>> {
    Ok(vec![Access::new(format!("sys/{path}"), capability)])
}
