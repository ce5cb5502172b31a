//! JSON, by Python's own module, so that numbers and order stay as Python has them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use vaultcore::SecretBytes;

/// What `json.dumps` makes anew for each call but the usual ones.
static ENCODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static DECODERS: PyOnceLock<Decoders> = PyOnceLock::new();

struct Decoders {
    /// `json.loads`, which finds out the encoding of bytes, and says what is wrong.
    loads: Py<PyAny>,
    /// The scanner that it comes down to, which is written in C.
    scan: Py<PyAny>,
}

/// Returns `value` as JSON, in memory that is wiped. Numbers that JSON does not have are refused.
pub(crate) fn dumps(value: &Bound<'_, PyAny>) -> PyResult<SecretBytes> {
    let py = value.py();
    let encode = ENCODE.get_or_try_init(py, || {
        let options = PyDict::new(py);
        options.set_item("allow_nan", false)?;
        options.set_item("separators", (",", ":"))?;
        let encoder = py.import("json")?.getattr("JSONEncoder")?;
        let encoder = encoder.call((), Some(&options))?;
        Ok::<_, PyErr>(encoder.getattr("encode")?.unbind())
    })?;
    let text = encode.bind(py).call1((value,))?;
    let text: std::borrow::Cow<'_, str> = text.extract()?;
    Ok(SecretBytes::copy_from(text.as_bytes()))
}

/// Returns what `json` says; `None` for no bytes.
pub(crate) fn loads<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if json.is_empty() {
        return Ok(py.None().into_bound(py));
    }
    let decoders = DECODERS.get_or_try_init(py, || {
        let module = py.import("json")?;
        let decoder = module.getattr("JSONDecoder")?.call0()?;
        Ok::<_, PyErr>(Decoders {
            loads: module.getattr("loads")?.unbind(),
            scan: decoder.getattr("scan_once")?.unbind(),
        })
    })?;
    match scanned(decoders.scan.bind(py), json) {
        Some(value) => Ok(value),
        None => decoders.loads.bind(py).call1((PyBytes::new(py, json),)),
    }
}

/// Returns what the scanner finds, if that is all of the text.
fn scanned<'py>(scan: &Bound<'py, PyAny>, json: &[u8]) -> Option<Bound<'py, PyAny>> {
    let text = std::str::from_utf8(json.trim_ascii()).ok()?;
    let text = PyString::new(scan.py(), text);
    let found = scan.call1((&text, 0)).ok()?;
    let found = found.cast::<PyTuple>().ok()?;
    let end: usize = found.get_item(1).ok()?.extract().ok()?;
    match text.len().ok()? == end {
        true => found.get_item(0).ok(),
        false => None,
    }
}
