//! The operations on the vault itself.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use vaultcore::{MountInfo, NewAudit, NewMount};

use crate::error::{Progress, call};
use crate::secret::Text;

/// The operations on the vault itself.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Sys {
    sys: vaultcore::Sys,
}

impl Sys {
    pub(crate) fn new(sys: vaultcore::Sys) -> Self {
        Self { sys }
    }
}

/// Returns the mount that `kind` names, of which `kv-v1` and `kv-v2` are two of one engine.
fn new_mount(kind: &str, description: &str) -> NewMount {
    let new = match kind {
        "kv-v2" => NewMount::kv2(),
        "kv-v1" => NewMount::kv1(),
        kind => NewMount::new(kind),
    };
    new.description(description)
}

fn told(found: Vec<MountInfo>) -> BTreeMap<String, String> {
    let rows = found.into_iter();
    rows.map(|mount| (mount.path.as_str().to_owned(), mount.kind))
        .collect()
}

#[pymethods]
impl Sys {
    /// Mount an engine: "kv-v2", "kv-v1", "transit", or another by its name.
    #[pyo3(signature = (path, kind, *, description=""))]
    fn mount(&self, py: Python<'_>, path: &str, kind: &str, description: &str) -> PyResult<()> {
        call(py, || {
            self.sys.mount(path, new_mount(kind, description)).map(drop)
        })
    }

    /// Remove a mount with all that it holds.
    fn unmount(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        call(py, || self.sys.unmount(path))
    }

    /// Move a mount.
    fn remount(&self, py: Python<'_>, old: &str, new: &str) -> PyResult<()> {
        call(py, || self.sys.remount(old, new))
    }

    /// Return which engine answers at which path.
    fn mounts(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        call(py, || self.sys.mounts().map(told))
    }

    /// Enable an auth method: "userpass", "approle".
    #[pyo3(signature = (path, kind, *, description=""))]
    fn enable_auth(
        &self,
        py: Python<'_>,
        path: &str,
        kind: &str,
        description: &str,
    ) -> PyResult<()> {
        call(py, || {
            self.sys
                .enable_auth(path, new_mount(kind, description))
                .map(drop)
        })
    }

    /// Disable an auth method, with all that it holds and the tokens that it gave.
    fn disable_auth(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        call(py, || self.sys.disable_auth(path))
    }

    /// Return which auth method answers at which path.
    fn auth_mounts(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        call(py, || self.sys.auth_mounts().map(told))
    }

    /// Return the accessor of each auth method by its path, as identity names them.
    fn auth_accessors(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        let found = call(py, || self.sys.auth_mounts())?.into_iter();
        let rows = found.map(|mount| (mount.path.as_str().to_owned(), mount.accessor));
        Ok(rows.collect())
    }

    /// Write a policy, in HCL or JSON.
    fn put_policy(&self, py: Python<'_>, name: &str, text: &str) -> PyResult<()> {
        call(py, || self.sys.put_policy(name, text))
    }

    /// Return the text of a policy.
    fn policy(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        call(py, || self.sys.policy(name))
    }

    /// List the names of the policies, sorted.
    fn policies(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.sys.policies())
    }

    /// Remove a policy.
    fn delete_policy(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.sys.delete_policy(name))
    }

    /// Return what a token may do at a path.
    fn capabilities(&self, py: Python<'_>, token: Text, path: &str) -> PyResult<Vec<String>> {
        let found = call(py, || self.sys.capabilities(&token.0, path))?;
        Ok(found
            .into_iter()
            .map(std::borrow::Cow::into_owned)
            .collect())
    }

    /// Enable an audit device: "file", "syslog", "socket".
    #[pyo3(signature = (path, kind, options=None))]
    fn enable_audit(
        &self,
        py: Python<'_>,
        path: &str,
        kind: &str,
        options: Option<BTreeMap<String, String>>,
    ) -> PyResult<()> {
        let options = options.unwrap_or_default().into_iter();
        let new = options.fold(NewAudit::new(kind), |new, (name, value)| {
            new.option(name, value)
        });
        call(py, || self.sys.enable_audit(path, new).map(drop))
    }

    /// Disable an audit device.
    fn disable_audit(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        call(py, || self.sys.disable_audit(path))
    }

    /// Make a namespace below this one.
    fn create_namespace(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.sys.create_namespace(name).map(drop))
    }

    /// Delete a namespace with all that it holds.
    fn delete_namespace(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.sys.delete_namespace(name))
    }

    /// Add a term to the barrier's keyring, and return its number.
    fn rotate(&self, py: Python<'_>) -> PyResult<u32> {
        call(py, || self.sys.rotate())
    }

    /// Encrypt every entry under the newest term, and return how many old terms were dropped.
    /// `progress` hears how many entries are done; what it raises stops the work, which can be
    /// taken up again.
    #[pyo3(signature = (*, progress=None))]
    fn rewrap_all(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<usize> {
        let mut progress = Progress::new(progress);
        let outcome = call(py, || self.sys.rewrap_all(|done| progress.report(done)));
        progress.finish(outcome)
    }

    /// Make a new root key, wrapped in every slot.
    fn rotate_root(&self, py: Python<'_>) -> PyResult<()> {
        call(py, || self.sys.rotate_root())
    }

    fn __repr__(&self) -> &'static str {
        "Sys()"
    }
}
