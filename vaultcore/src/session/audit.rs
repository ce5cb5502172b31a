//! Audit devices, and the verification of what they wrote.

use std::collections::BTreeMap;
use std::io::BufRead;

use zeroize::Zeroizing;

use super::Sys;
use crate::audit::{AuditReport, NewDevice};
use crate::engine::sys::{AuditHash, AuditInfo, DisableAudit, ListAudit};
use crate::error::Result;
use crate::id::AuditId;
use crate::path::MountPath;

/// An audit device to be enabled; its options are Vault's.
///
/// ```
/// use vaultcore::NewAudit;
/// let file = NewAudit::file("/var/log/vaultcore.log").description("the trail");
/// let raw = NewAudit::new("stderr").option("log_raw", "true");
/// # let _ = (file, raw);
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewAudit {
    kind: String,
    description: String,
    options: BTreeMap<String, String>,
}

impl NewAudit {
    /// A device of a kind: `file`, `stderr`, `syslog`, `socket` or `callback`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            description: String::new(),
            options: BTreeMap::new(),
        }
    }

    /// A file, which is appended to and opened anew when it was rotated; it is made with mode 0600.
    /// `stdout`, `stderr` and `discard` are not files.
    pub fn file(path: impl Into<String>) -> Self {
        Self::new("file").option("file_path", path)
    }

    /// The device that the host gave under `name`, by
    /// [`VaultBuilder::audit_device`](crate::VaultBuilder::audit_device).
    pub fn callback(name: impl Into<String>) -> Self {
        Self::new("callback").option("name", name)
    }

    /// Sets a text for people.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Sets an option: `log_raw`, `hmac_accessor`, `elide_list_responses`, `write_timeout`, and
    /// those of the kind, such as `mode`, `address`, `socket_type`, `facility`, `tag`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }
}

impl Sys {
    /// Enables an audit device at `path`, of the namespace of the session. From its commit on no
    /// request in that namespace or below it is performed, and none is answered, unless one device of
    /// the namespace has taken the record, and one of each namespace above it that has devices.
    ///
    /// Below the root only devices of the kind `callback` are allowed, unless the host allows others
    /// by [`VaultBuilder::audit_in_namespaces`](crate::VaultBuilder::audit_in_namespaces).
    ///
    /// # Errors
    /// `InvalidArgument` for a kind, an option or a path that cannot be; `Unavailable` if the device
    /// cannot be opened; `LimitExceeded`.
    pub fn enable_audit(&self, path: &str, new: NewAudit) -> Result<AuditId> {
        let new = NewDevice {
            path: MountPath::new(path)?,
            kind: new.kind,
            description: new.description,
            options: new.options,
            local: false,
        };
        self.vault.enable_audit(&self.caller, new)
    }

    /// Disables the audit device at `path`, if there is one. What it wrote can not be verified any
    /// more: its keys are gone.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn disable_audit(&self, path: &str) -> Result<()> {
        let path = MountPath::new(path)?;
        match self.vault.run(&self.caller, &DisableAudit { path })? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Lists the audit devices of the namespace, by path.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn audit_devices(&self) -> Result<Vec<AuditInfo>> {
        self.vault.run(&self.caller, &ListAudit)
    }

    /// Returns what stands in the lines of the device at `path` in place of `value`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such device.
    pub fn audit_hash(&self, path: &str, value: &str) -> Result<String> {
        let operation = AuditHash {
            path: MountPath::new(path)?,
            input: Zeroizing::new(value.to_owned()),
        };
        self.vault.run(&self.caller, &operation)
    }

    /// Verifies lines that the device at `path` wrote, oldest first; rotated files one behind the
    /// other. Finds every edit, cut, insertion and change of order, and every truncation up to the
    /// stored heads, which the report names for each run.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such device, `Storage` if `lines` cannot be read.
    pub fn verify_audit(&self, path: &str, lines: impl BufRead) -> Result<AuditReport> {
        let path = MountPath::new(path)?;
        self.vault.verify_audit(&self.caller, &path, lines)
    }
}
