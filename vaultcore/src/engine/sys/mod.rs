//! Operations on the vault itself: mounts, namespaces, policies, keys and key slots.

pub(crate) mod access;
pub(crate) mod api;
mod audit;
mod builtin;
mod capabilities;
mod clock;
mod keys;
pub(crate) mod leases;
mod mounts;
mod namespaces;
mod passwords;
mod policies;
mod rekey;
mod remount;
mod shapes;
mod slots;
mod tools;
mod tune;
mod unmount;
mod visible;

pub use audit::AuditInfo;
pub use keys::KeyStatus;
pub use leases::{LeaseInfo, LeaseState};
pub use mounts::{MountInfo, NewMount};
pub use namespaces::NamespaceInfo;
pub use slots::{SlotInfo, SlotType};
pub use tune::MountTune;

pub(crate) use audit::{AuditHash, DisableAudit, EnableAudit, ListAudit, ReadChains};
pub(crate) use capabilities::{ReadCapabilities, ReadMetrics, ResultantAcl};
pub(crate) use clock::ConfirmClock;
pub(crate) use keys::{DropTerms, ReadKeyStatus, RewrapPage, Rotate, RotateRoot, SealAll};
pub(crate) use mounts::{ListMounts, Mount, ReadMount, Tune};
pub(crate) use namespaces::{
    ChangeNamespace, CreateNamespace, DeleteNamespace, ListNamespaces, ReadNamespace,
};
pub(crate) use passwords::{
    DeletePasswordPolicy, GeneratePassword, ListPasswordPolicies, ReadPasswordPolicy,
    WritePasswordPolicy,
};
pub(crate) use policies::{DeletePolicy, Family, ListPolicies, ReadPolicy, WritePolicy};
pub(crate) use rekey::{CancelRekey, CommitRekey, PendingRekey, ReadRekey, StartRekey};
pub(crate) use remount::{Remount, RemountStatus};
pub(crate) use slots::{AddSlot, ListSlots, RemoveSlot};
pub(crate) use unmount::{Unmount, WipePage};
pub(crate) use visible::{MountOf, VisibleMounts};

use crate::error::{Error, Result};
use crate::id::NamespaceId;
use crate::operation::{Access, Actor, Capability, Context, Handler};
use crate::wire::Route;

/// The paths below `sys/` that are operations; ceremonies stand with the door itself.
pub(crate) const TABLES: &[&[Route<Handler>]] = &[
    api::ROUTES,
    access::ROUTES,
    clock::ROUTES,
    leases::api::ROUTES,
    passwords::ROUTES,
    tools::ROUTES,
];

/// Refuses what is of the whole vault where it is asked for in a namespace: who administers one
/// must not seal or rotate what is everybody's.
fn only_root(cx: &Context<'_, '_>) -> Result<()> {
    match (cx.space.id, cx.actor) {
        (NamespaceId::ROOT, _) | (_, Actor::System) => Ok(()),
        _ => Err(Error::invalid("this is done in the root namespace")),
    }
}

/// Returns the access to a path below `sys/`.
#[allow(clippy::unnecessary_wraps)] // the shape that `Operation::access` returns
fn sys(path: &str, capability: Capability) -> Result<Vec<Access>> {
    Ok(vec![Access::new(format!("sys/{path}"), capability)])
}

/// Returns the access to a protected path below `sys/`.
#[allow(clippy::unnecessary_wraps)]
fn protected(path: &str, capability: Capability) -> Result<Vec<Access>> {
    Ok(vec![Access::new(format!("sys/{path}"), capability).sudo()])
}
