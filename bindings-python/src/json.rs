//! JSON, by Python's own module, so that numbers and order stay as Python has them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};
use vaultcore::SecretBytes;

static DUMPS: PyOnceLock<(Py<PyAny>, Py<PyDict>)> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Returns `value` as JSON, in memory that is wiped. Numbers that JSON does not have are refused.
pub(crate) fn dumps(value: &Bound<'_, PyAny>) -> PyResult<SecretBytes> {
    let py = value.py();
    let (dumps, options) = DUMPS.get_or_try_init(py, || {
        let options = PyDict::new(py);
        options.set_item("allow_nan", false)?;
        options.set_item("separators", (",", ":"))?;
        let dumps = py.import("json")?.getattr("dumps")?.unbind();
        Ok::<_, PyErr>((dumps, options.unbind()))
    })?;
    let text = dumps.bind(py).call((value,), Some(options.bind(py)))?;
    let text: std::borrow::Cow<'_, str> = text.extract()?;
    Ok(SecretBytes::copy_from(text.as_bytes()))
}

/// Returns what `json` says; `None` for no bytes.
pub(crate) fn loads<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if json.is_empty() {
        return Ok(py.None().into_bound(py));
    }
    let loads = LOADS.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("json")?.getattr("loads")?.unbind())
    })?;
    loads.bind(py).call1((PyBytes::new(py, json),))
}
