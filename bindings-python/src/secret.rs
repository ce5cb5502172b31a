//! Secret values: they print as nothing, and are wiped at the end of a `with`.

use std::sync::Mutex;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView, PyString};
use vaultcore::{SecretBytes, SecretString};

/// A value to keep from eyes and logs. `expose` hands it out.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Secret {
    value: Mutex<Option<SecretString>>,
}

impl Secret {
    pub(crate) fn text(value: SecretString) -> Self {
        Self {
            value: Mutex::new(Some(value)),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&str) -> PyResult<T>) -> PyResult<T> {
        let value = self.value.lock().map_err(|_| wiped())?;
        read(value.as_ref().ok_or_else(wiped)?.expose())
    }
}

fn wiped() -> PyErr {
    PyValueError::new_err("the secret was wiped")
}

#[pymethods]
impl Secret {
    /// Return the value.
    fn expose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.with(|text| Ok(PyString::new(py, text)))
    }

    /// Wipe the value.
    fn close(&self) {
        if let Ok(mut value) = self.value.lock() {
            *value = None;
        }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyAny>) {
        self.close();
    }

    fn __repr__(&self) -> &'static str {
        "Secret([redacted])"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a Secret is not pickled or copied"))
    }
}

/// Text that is given as `str`, `bytes` or `Secret`, in memory that is wiped.
pub(crate) struct Text(pub(crate) SecretString);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(secret) = given.cast::<Secret>() {
            return secret
                .get()
                .with(|text| Ok(Self(SecretString::copy_from(text))));
        }
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return utf8(bytes.as_bytes());
        }
        match given.cast::<PyString>() {
            Ok(text) => Ok(Self(SecretString::from(text.to_cow()?.into_owned()))),
            Err(_) => Err(PyTypeError::new_err("str, bytes or Secret is expected")),
        }
    }
}

fn utf8(bytes: &[u8]) -> PyResult<Text> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| PyValueError::new_err("the secret is not UTF-8"))?;
    Ok(Text(SecretString::copy_from(text)))
}

/// Bytes that are given as `bytes`, `bytearray`, `memoryview` or `Secret`, and that nobody changes
/// while the interpreter is let go.
pub(crate) enum Data {
    /// `bytes` never change, and live as long as they are held: a copy would be one more to wipe.
    Held(PyBackedBytes),
    /// All else, in memory that is wiped.
    Copied(SecretBytes),
}

impl Data {
    pub(crate) fn expose(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Copied(bytes) => bytes.expose(),
        }
    }

    /// Returns the bytes in memory that is wiped.
    pub(crate) fn into_secret(self) -> SecretBytes {
        match self {
            Self::Held(bytes) => SecretBytes::copy_from(&bytes),
            Self::Copied(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        self.expose()
    }
}

impl<'py> FromPyObject<'_, 'py> for Data {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Self::Held(bytes.to_owned().into()));
        }
        if let Ok(secret) = given.cast::<Secret>() {
            return secret
                .get()
                .with(|text| Ok(Self::Copied(SecretBytes::copy_from(text.as_bytes()))));
        }
        if given.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("bytes are expected, not str"));
        }
        // Whatever else has a buffer, such as bytearray and memoryview; not a number, of which
        // `bytes` would make so many zeros.
        let view = PyMemoryView::from(&given)?;
        let bytes = view.call_method0("tobytes")?;
        Ok(Self::Copied(SecretBytes::copy_from(
            bytes.cast::<PyBytes>()?.as_bytes(),
        )))
    }
}
