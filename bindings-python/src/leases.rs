//! Leases.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::LeaseInfo;

use crate::error::call;

/// The leases of a namespace.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Leases {
    leases: vaultcore::Leases,
}

impl Leases {
    pub(crate) fn new(leases: vaultcore::Leases) -> Self {
        Self { leases }
    }
}

#[pymethods]
impl Leases {
    /// Return what is known of a lease.
    fn lookup<'py>(&self, py: Python<'py>, lease: &str) -> PyResult<Bound<'py, PyDict>> {
        describe(py, &call(py, || self.leases.lookup(lease))?)
    }

    /// List the names in a folder of leases, sorted; subfolders end in a slash.
    #[pyo3(signature = (prefix=""))]
    fn list(&self, py: Python<'_>, prefix: &str) -> PyResult<Vec<String>> {
        let found = call(py, || self.leases.list(prefix))?;
        Ok(found.iter().map(|name| name.to_string()).collect())
    }

    /// Return how many leases there are, up to 10,000.
    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        call(py, || self.leases.count())
    }

    /// Return the leases that were given up on.
    fn irrevocable<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let found = call(py, || self.leases.irrevocable())?;
        found.iter().map(|lease| describe(py, lease)).collect()
    }

    /// Let a lease live for so many seconds from now, or as long as it was made for; return how
    /// many it does.
    #[pyo3(signature = (lease, *, increment=None))]
    fn renew(&self, py: Python<'_>, lease: &str, increment: Option<u64>) -> PyResult<u64> {
        let increment = increment.map(Duration::from_secs);
        let lives = call(py, || self.leases.renew(lease, increment))?;
        Ok(lives.as_secs())
    }

    /// End a lease, and what it leases. One that is over is no error.
    fn revoke(&self, py: Python<'_>, lease: &str) -> PyResult<()> {
        call(py, || self.leases.revoke(lease))
    }

    /// End all leases below a prefix, such as "database/creds/readonly".
    fn revoke_prefix(&self, py: Python<'_>, prefix: &str) -> PyResult<()> {
        call(py, || self.leases.revoke_prefix(prefix))
    }

    /// Forget all leases below a prefix, even if what they lease lives on. Dangerous: it is for
    /// outside systems that are gone for good.
    fn dangerous_revoke_force(&self, py: Python<'_>, prefix: &str) -> PyResult<()> {
        call(py, || self.leases.dangerous_revoke_force(prefix))
    }

    fn __repr__(&self) -> &'static str {
        "Leases()"
    }
}

fn describe<'py>(py: Python<'py>, lease: &LeaseInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("id", &lease.id)?;
    told.set_item("issued", lease.issued.to_string())?;
    told.set_item("renewed", lease.renewed.map(|time| time.to_string()))?;
    told.set_item("expires", lease.expires.to_string())?;
    told.set_item("ttl", lease.ttl.as_secs())?;
    told.set_item("renewable", lease.renewable)?;
    told.set_item("state", lease.state.as_str())?;
    told.set_item("failure", &lease.failure)?;
    Ok(told)
}
