//! Audit devices: which there are, and what stands in their lines for a value.

use std::collections::BTreeMap;

use super::{access, protected};
use crate::audit::{AuditRules, AuditTable, ChainHead, DeviceConfig, Hosts, NewDevice, check};
use crate::crypto::rng::Random;
use crate::error::{Error, Result};
use crate::id::{AuditId, RunId};
use crate::mount::Wipe;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath};
use crate::wire::{Json, Object, Response};

/// An audit device, as listed.
///
/// ```
/// # use vaultcore::{NewAudit, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// sys.enable_audit("log", NewAudit::file("discard"))?;
/// let devices = sys.audit_devices()?;
/// assert_eq!(devices.first().map(|device| device.kind.as_str()), Some("file"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditInfo {
    /// Names the device for ever.
    pub id: AuditId,
    /// Where it is enabled, with a slash at the end.
    pub path: String,
    /// `file`, `stderr`, `syslog`, `socket` or `callback`.
    pub kind: String,
    /// A text for people.
    pub description: String,
    /// The options that it was enabled with.
    pub options: BTreeMap<String, String>,
    /// Kept as it was given.
    pub local: bool,
}

impl AuditInfo {
    fn of(device: &DeviceConfig) -> Self {
        Self {
            id: device.id(),
            path: device.path().as_str().to_owned(),
            kind: device.kind().name().to_owned(),
            description: device.description().to_owned(),
            options: device.options().clone(),
            local: device.is_local(),
        }
    }
}

fn device(path: &MountPath, capability: Capability) -> Result<Vec<Access>> {
    let path = path.as_str().trim_end_matches('/');
    protected(&format!("audit/{path}"), capability)
}

fn missing() -> Error {
    Error::invalid("no audit device is enabled there")
}

/// Enables an audit device of a namespace, once it is seen that it can be opened.
pub(crate) struct EnableAudit<'h> {
    pub(crate) new: NewDevice,
    pub(crate) rules: AuditRules,
    pub(crate) hosts: &'h Hosts,
    pub(crate) source: &'h dyn Random,
}

impl Operation for EnableAudit<'_> {
    type Reply = AuditId;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        device(&self.new.path, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<AuditId> {
        let path = self.new.path.as_str().as_bytes();
        let id = AuditId::from_bytes(cx.txn.unique(&[b"audit", path])?);
        let (new, source) = (self.new.clone(), cx.txn.source());
        let config = DeviceConfig::new(id, cx.space.id, new, self.rules, source)?;
        let mut table = AuditTable::load(cx.txn)?;
        check(&config, self.hosts, self.source)?;
        table.add(config)?;
        table.store(cx.txn)?;
        Ok(id)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("type", &self.new.kind)
            .text("description", &self.new.description)
            .map("options", &self.new.options)
            .flag("local", self.new.local)
            .finish()
    }

    fn output(&self, _: &AuditId) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Disables an audit device.
pub(crate) struct DisableAudit {
    pub(crate) path: MountPath,
}

impl Operation for DisableAudit {
    /// The work of deleting what is stored of its chains.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        device(&self.path, Capability::Delete)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mut table = AuditTable::load(cx.txn)?;
        let Some(device) = table.remove(cx.space.id, &self.path) else {
            return Ok(None);
        };
        table.store(cx.txn)?;
        let heads = ChainHead::folder(device.id());
        Wipe::leave(cx.txn, &device.id().to_string(), None, [heads]).map(Some)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()))
    }
}

/// Lists the audit devices of a namespace.
pub(crate) struct ListAudit;

impl Operation for ListAudit {
    type Reply = Vec<AuditInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        protected("audit", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        Ok(AuditTable::load(cx.txn)?
            .of(cx.space.id)
            .map(AuditInfo::of)
            .collect())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, devices: &Self::Reply) -> Result<Response> {
        Ok(access::audit_devices(devices))
    }
}

/// Tells what stands in a device's lines for a value, so that people can look for it.
pub(crate) struct AuditHash {
    pub(crate) path: MountPath,
    pub(crate) input: zeroize::Zeroizing<String>,
}

impl Operation for AuditHash {
    type Reply = String;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = self.path.as_str().trim_end_matches('/');
        protected(&format!("audit-hash/{path}"), Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<String> {
        let table = AuditTable::load(cx.txn)?;
        let device = table.at(cx.space.id, &self.path).ok_or_else(missing)?;
        Ok(device.hash(&self.input))
    }

    fn input(&self) -> Json {
        Object::new().text("input", &self.input).finish()
    }

    fn output(&self, hash: &String) -> Result<Response> {
        Ok(access::audit_hash(hash))
    }
}

/// Reads what the lines of a device are verified by: its key, and a page of stored heads.
pub(crate) struct ReadChains {
    pub(crate) path: MountPath,
    pub(crate) after: Option<RunId>,
}

/// A device, with its key, and heads of its chains.
pub(crate) struct Chains {
    pub(crate) device: DeviceConfig,
    pub(crate) heads: Vec<ChainHead>,
    /// Behind which run the next page begins; `None` after the last one.
    pub(crate) next: Option<RunId>,
}

impl Operation for ReadChains {
    type Reply = Chains;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        device(&self.path, Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Chains> {
        let mut table = AuditTable::load(cx.txn)?;
        let device = table.remove(cx.space.id, &self.path).ok_or_else(missing)?;
        let (heads, next) = ChainHead::load_page(cx.txn, device.id(), self.after)?;
        Ok(Chains {
            device,
            heads,
            next,
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    /// The key is for the vault itself.
    fn output(&self, _: &Chains) -> Result<Response> {
        Ok(Response::empty())
    }
}
