//! Key-value secrets.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::value::RawValue;
use vaultcore::kv::{Cas, KvMetadata, VersionInfo};
use vaultcore::{Error, ErrorKind, SecretBytes, Timestamp};

use crate::error::{Progress, call};
use crate::json;
use crate::secret::Data;

/// How many secrets one transaction takes.
const MOST: usize = 50;
/// Well below what a commit takes, whose records are longer than what is in them.
const MOST_BYTES: usize = 512 * 1_024;

/// Return the variables of a `.env` text, in their order.
#[pyfunction]
pub(crate) fn parse_env<'py>(py: Python<'py>, text: Data) -> PyResult<Bound<'py, PyDict>> {
    let found = call(py, || vaultcore::import::parse_env(text.expose()))?;
    let told = PyDict::new(py);
    for variable in &found {
        told.set_item(variable.name(), variable.value().expose())?;
    }
    Ok(told)
}

/// One version of a secret.
#[pyclass(frozen, name = "KvSecret", module = "vaultcore")]
pub(crate) struct KvSecret {
    /// The data.
    #[pyo3(get)]
    data: Py<PyAny>,
    /// The number of the version.
    #[pyo3(get)]
    version: u64,
    created: Timestamp,
    deletion: Option<Timestamp>,
    /// The custom metadata.
    #[pyo3(get)]
    metadata: std::collections::BTreeMap<String, String>,
}

#[pymethods]
impl KvSecret {
    /// When it was written: RFC 3339.
    #[getter]
    fn created_time(&self) -> String {
        self.created.to_string()
    }

    /// When it is deleted: RFC 3339; None for never.
    #[getter]
    fn deletion_time(&self) -> Option<String> {
        self.deletion.map(|time| time.to_string())
    }

    fn __repr__(&self) -> String {
        format!("KvSecret(version={}, data=[redacted])", self.version)
    }
}

/// Versioned secrets of a mount.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Kv {
    kv: vaultcore::kv::Kv,
}

impl Kv {
    pub(crate) fn new(kv: vaultcore::kv::Kv) -> Self {
        Self { kv }
    }
}

fn expecting(cas: Option<u64>) -> Cas {
    cas.map_or(Cas::Any, Cas::Version)
}

#[pymethods]
impl Kv {
    /// Write a new version and return its number. `cas` is the version that must be the newest, 0
    /// for none.
    #[pyo3(signature = (path, data, *, cas=None))]
    fn put(
        &self,
        py: Python<'_>,
        path: &str,
        data: &Bound<'_, PyDict>,
        cas: Option<u64>,
    ) -> PyResult<u64> {
        let json = json::dumps(data)?;
        let added = call(py, || self.kv.put_json(path, json.expose(), expecting(cas)))?;
        Ok(added.version)
    }

    /// Merge into the newest version: None removes a field. Return the new version's number.
    #[pyo3(signature = (path, data, *, cas=None))]
    fn patch(
        &self,
        py: Python<'_>,
        path: &str,
        data: &Bound<'_, PyDict>,
        cas: Option<u64>,
    ) -> PyResult<u64> {
        let json = json::dumps(data)?;
        let added = call(py, || self.kv.patch(path, raw(&json)?, expecting(cas)))?;
        Ok(added.version)
    }

    /// Return a version of a secret, the newest if none is named.
    #[pyo3(signature = (path, *, version=0))]
    fn get(&self, py: Python<'_>, path: &str, version: u64) -> PyResult<KvSecret> {
        let found = call(py, || self.kv.get_version_json(path, version))?;
        Ok(KvSecret {
            data: json::loads(py, found.data.expose())?.unbind(),
            version: found.version,
            created: found.created_time,
            deletion: found.deletion_time,
            metadata: found.custom_metadata,
        })
    }

    /// Write an old version's data as a new version, and return its number.
    #[pyo3(signature = (path, version, *, cas=None))]
    fn rollback(
        &self,
        py: Python<'_>,
        path: &str,
        version: u64,
        cas: Option<u64>,
    ) -> PyResult<u64> {
        let added = call(py, || self.kv.rollback(path, version, expecting(cas)))?;
        Ok(added.version)
    }

    /// Mark the newest version as deleted, or those that are named.
    #[pyo3(signature = (path, *, versions=None))]
    fn delete(&self, py: Python<'_>, path: &str, versions: Option<Vec<u64>>) -> PyResult<()> {
        call(py, || match versions {
            None => self.kv.delete(path),
            Some(versions) => self.kv.delete_versions(path, &versions),
        })
    }

    /// Bring deleted versions back.
    #[pyo3(signature = (path, versions))]
    fn undelete(&self, py: Python<'_>, path: &str, versions: Vec<u64>) -> PyResult<()> {
        call(py, || self.kv.undelete(path, &versions))
    }

    /// Remove the data of versions for good.
    #[pyo3(signature = (path, versions))]
    fn destroy(&self, py: Python<'_>, path: &str, versions: Vec<u64>) -> PyResult<()> {
        call(py, || self.kv.destroy(path, &versions))
    }

    /// List the names in a folder, sorted; subfolders end in a slash.
    #[pyo3(signature = (folder=""))]
    fn list(&self, py: Python<'_>, folder: &str) -> PyResult<Vec<String>> {
        call(py, || self.kv.list(folder))
    }

    /// Write secrets by path, each as a new version, in transactions of at most 50 and 512 KiB; return
    /// how many. `progress` hears how many are done. What it raises, and what cannot be written, stops
    /// the work: what earlier transactions wrote stays.
    #[pyo3(signature = (secrets, *, progress=None))]
    fn import_all(
        &self,
        py: Python<'_>,
        secrets: &Bound<'_, PyDict>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        let mut rows = Vec::with_capacity(secrets.len());
        for (path, data) in secrets {
            let path: String = path.extract()?;
            rows.push((path, json::dumps(data.cast::<PyDict>()?)?));
        }
        let mut progress = Progress::new(progress);
        let outcome = call(py, || {
            let mut done = 0;
            for some in pages(&rows) {
                self.kv.transaction(|transaction| {
                    let mut rows = some.iter();
                    rows.try_for_each(|(path, data)| transaction.put(path, raw(data)?, Cas::Any))
                })?;
                done += u64::try_from(some.len()).unwrap_or(u64::MAX);
                progress.report(done)?;
            }
            Ok(done)
        });
        progress.finish(outcome)
    }

    /// Return what is known of a secret but its data.
    fn metadata<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyDict>> {
        describe(py, &call(py, || self.kv.metadata(path))?)
    }

    /// Delete a secret with all of its versions and its metadata.
    fn delete_metadata(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        call(py, || self.kv.delete_metadata(path))
    }

    fn __repr__(&self) -> &'static str {
        "Kv()"
    }
}

/// Cuts what is to be written into transactions.
fn pages(rows: &[(String, SecretBytes)]) -> impl Iterator<Item = &[(String, SecretBytes)]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0usize;
        let fits = |(path, data): &&(String, SecretBytes)| {
            let length = path.len().saturating_add(data.expose().len());
            bytes = bytes.saturating_add(length);
            bytes <= MOST_BYTES
        };
        let fit = rest.iter().take(MOST).take_while(fits).count();
        let (page, more) = rest.split_at(fit.max(1).min(rest.len()));
        rest = more;
        (!page.is_empty()).then_some(page)
    })
}

fn raw(json: &SecretBytes) -> vaultcore::Result<&RawValue> {
    let text = serde_json::from_slice(json.expose());
    text.map_err(|_| Error::new(ErrorKind::InvalidArgument, "the data is no JSON"))
}

fn describe<'py>(py: Python<'py>, found: &KvMetadata) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("created_time", found.created_time.to_string())?;
    told.set_item("updated_time", found.updated_time.to_string())?;
    told.set_item("current_version", found.current_version)?;
    told.set_item("oldest_version", found.oldest_version)?;
    told.set_item("max_versions", found.max_versions)?;
    told.set_item("cas_required", found.cas_required)?;
    told.set_item("custom_metadata", &found.custom_metadata)?;
    let after = found.delete_version_after;
    told.set_item(
        "delete_version_after",
        after.map_or(0, |after| after.as_secs()),
    )?;
    let versions = PyDict::new(py);
    for version in &found.versions {
        versions.set_item(version.version, describe_version(py, version)?)?;
    }
    told.set_item("versions", versions)?;
    Ok(told)
}

fn describe_version<'py>(py: Python<'py>, found: &VersionInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("created_time", found.created_time.to_string())?;
    told.set_item(
        "deletion_time",
        found.deletion_time.map(|time| time.to_string()),
    )?;
    told.set_item("destroyed", found.destroyed)?;
    Ok(told)
}

/// Secrets without versions.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct KvV1 {
    kv: vaultcore::kv::KvV1,
}

impl KvV1 {
    pub(crate) fn new(kv: vaultcore::kv::KvV1) -> Self {
        Self { kv }
    }
}

#[pymethods]
impl KvV1 {
    /// Write a secret, over what was there.
    fn put(&self, py: Python<'_>, path: &str, data: &Bound<'_, PyDict>) -> PyResult<()> {
        let json = json::dumps(data)?;
        call(py, || self.kv.put(path, raw(&json)?))
    }

    /// Return a secret's data.
    fn get<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = call(py, || {
            let found: Box<RawValue> = self.kv.get(path)?;
            Ok(SecretBytes::from(
                Box::<str>::from(found).into_string().into_bytes(),
            ))
        })?;
        json::loads(py, found.expose())
    }

    /// Delete a secret.
    fn delete(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        call(py, || self.kv.delete(path))
    }

    /// List the names in a folder, sorted; subfolders end in a slash.
    #[pyo3(signature = (folder=""))]
    fn list(&self, py: Python<'_>, folder: &str) -> PyResult<Vec<String>> {
        call(py, || self.kv.list(folder))
    }

    fn __repr__(&self) -> &'static str {
        "KvV1()"
    }
}
