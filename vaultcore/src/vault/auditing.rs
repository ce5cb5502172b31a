//! Enabling of audit devices, and the verification of what they wrote.

use std::io::BufRead;

use super::{Caller, Vault};
use crate::audit::{AuditReport, NewDevice};
use crate::engine::sys::{EnableAudit, ReadChains};
use crate::error::Result;
use crate::id::AuditId;
use crate::path::MountPath;

impl Vault {
    /// Opens what the audit devices write to anew, as Vault does on SIGHUP: for logs that were rotated.
    ///
    /// A file that was moved or removed is noticed without this, but only after a while.
    ///
    /// # Errors
    /// `Unavailable` if one cannot be opened; the others are. `Sealed`, `Closed`, `Forked`.
    pub fn reopen_audit(&self) -> Result<()> {
        self.with_open(super::open::OpenVault::reopen_audit)
    }

    /// Enables an audit device.
    pub(crate) fn enable_audit(&self, caller: &Caller, new: NewDevice) -> Result<AuditId> {
        let enable = EnableAudit {
            new,
            rules: self.core.audit_rules,
            hosts: &self.core.hosts,
            source: &*self.core.random,
        };
        self.run(caller, &enable)
    }

    /// Verifies the lines that the device at `path` wrote.
    pub(crate) fn verify_audit(
        &self,
        caller: &Caller,
        path: &MountPath,
        lines: impl BufRead,
    ) -> Result<AuditReport> {
        let mut heads = Vec::new();
        let mut after = None;
        loop {
            let path = path.clone();
            let page = self.run(caller, &ReadChains { path, after })?;
            heads.extend(page.heads);
            match page.next {
                Some(next) => after = Some(next),
                None => return page.device.verify(lines, &heads),
            }
        }
    }
}
