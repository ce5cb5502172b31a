//! JSON, as Python's own module reads and writes it, so that numbers and order stay as Python has
//! them.

use std::fmt;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyTuple};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use vaultcore::SecretBytes;

use crate::python::run;

/// What `json.dumps` makes anew for each call but the usual ones.
static ENCODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// `json.loads`, which finds out the encoding of bytes, and says what is wrong.
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Imports what is used of Python's module: a call would run more of Python's code for it than for
/// anything else, and may be the first one of a thread that is about to be ended.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    encoder(py)?;
    LOADS.import(py, "json", "loads").map(drop)
}

fn encoder(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let encode = ENCODE.get_or_try_init(py, || {
        let options = PyDict::new(py);
        options.set_item("allow_nan", false)?;
        options.set_item("separators", (",", ":"))?;
        let encoder = py.import("json")?.getattr("JSONEncoder")?;
        let encoder = encoder.call((), Some(&options))?;
        Ok::<_, PyErr>(encoder.getattr("encode")?.unbind())
    })?;
    Ok(encode.bind(py))
}

/// Returns `value` as JSON, in memory that is wiped. Numbers that JSON does not have are refused.
pub(crate) fn dumps(value: &Bound<'_, PyAny>) -> PyResult<SecretBytes> {
    let py = value.py();
    let text = run(encoder(py)?, &PyTuple::new(py, [value])?)?;
    let text: std::borrow::Cow<'_, str> = text.extract()?;
    Ok(SecretBytes::copy_from(text.as_bytes()))
}

/// Returns what `json` says; `None` for no bytes.
///
/// What is in doubt here is read by Python's module: fractions, which cannot be told from integers
/// of more than 64 bits, halves of surrogates, and what is no JSON.
pub(crate) fn loads<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if json.is_empty() {
        return Ok(py.None().into_bound(py));
    }
    if let Some(value) = plain(py, json) {
        return Ok(value);
    }
    let loads = LOADS.import(py, "json", "loads")?;
    run(loads, &PyTuple::new(py, [PyBytes::new(py, json)])?)
}

fn plain<'py>(py: Python<'py>, json: &[u8]) -> Option<Bound<'py, PyAny>> {
    // At once: else each name and each text would be checked by itself.
    let text = std::str::from_utf8(json).ok()?;
    let mut text = serde_json::Deserializer::from_str(text);
    let value = Plain(py).deserialize(&mut text).ok()?;
    text.end().ok()?;
    Some(value)
}

/// Makes objects of what Python's module would make the same ones of.
#[derive(Clone, Copy)]
struct Plain<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Plain<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Plain<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no fraction, and no integer of more than 64 bits")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(PyBool::new(self.0, value).to_owned().into_any())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, text).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = items.next_element_seed(self)? {
            list.append(item).map_err(unmade)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some((name, value)) = fields.next_entry_seed(self, self)? {
            dict.set_item(name, value).map_err(unmade)?;
        }
        Ok(dict.into_any())
    }
}

/// Python's module will meet the same, and raise it.
fn unmade<E: Error>(_: PyErr) -> E {
    E::custom("an object could not be made")
}
