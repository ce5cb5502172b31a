//! An exception for each kind of error, and the way that every call into the vault takes.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};
use vaultcore::{Error, ErrorKind, Result};

use crate::python;

/// The base class, and one class a kind, in the order of `ErrorKind::ALL`.
struct Classes {
    base: Py<PyType>,
    kinds: Vec<(ErrorKind, Py<PyType>)>,
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

/// Returns the name of the exception of a kind, such as `ConflictError`.
fn class_name(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::Storage => "StorageError".to_owned(),
        kind => format!("{kind}Error"),
    }
}

fn make(py: Python<'_>) -> PyResult<Classes> {
    let object = py.get_type::<PyException>();
    let base = class(py, "VaultError", &object, None)?;
    let mut kinds = Vec::with_capacity(ErrorKind::ALL.len());
    for kind in ErrorKind::ALL {
        let made = class(py, &class_name(*kind), base.bind(py), Some(*kind))?;
        kinds.push((*kind, made));
    }
    Ok(Classes { base, kinds })
}

fn class(
    py: Python<'_>,
    name: &str,
    base: &Bound<'_, PyType>,
    kind: Option<ErrorKind>,
) -> PyResult<Py<PyType>> {
    let full = CString::new(format!("vaultcore.{name}"))?;
    let doc = CString::new(match kind {
        Some(kind) => format!("The call failed: {kind}."),
        None => "A call failed; `kind` says why.".to_owned(),
    })?;
    // No members are handed over here: PyO3 0.30.1 lets go of the dictionary before it is read.
    let class = PyErr::new_type(py, &full, Some(&doc), Some(base), None)?;
    class.setattr(py, "kind", kind.map(|kind| kind.to_string()))?;
    if kind == Some(ErrorKind::Conflict) {
        class.setattr(py, "expected", py.None())?;
        class.setattr(py, "found", py.None())?;
    }
    Ok(class)
}

/// Adds the exceptions to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let classes = CLASSES.get_or_try_init(py, || make(py))?;
    module.add("VaultError", classes.base.bind(py))?;
    for (kind, class) in &classes.kinds {
        module.add(class_name(*kind), class.bind(py))?;
    }
    let names: Vec<String> = ErrorKind::ALL.iter().map(ToString::to_string).collect();
    module.add("ERROR_KINDS", PyTuple::new(py, names)?)
}

/// Returns the exception that tells of `error`.
pub(crate) fn to_py_err(py: Python<'_>, error: &Error) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let classes = CLASSES.get_or_try_init(py, || make(py))?;
        let found = classes.kinds.iter().find(|(kind, _)| *kind == error.kind());
        let class = found.map_or(&classes.base, |(_, class)| class).bind(py);
        let value = class.call1((error.to_string(),))?;
        if let Some((expected, found)) = error.versions() {
            value.setattr("expected", expected)?;
            value.setattr("found", found)?;
        }
        Ok(PyErr::from_value(value))
    };
    made().unwrap_or_else(|error| error)
}

/// Runs `work` with the interpreter let go, so that other threads run meanwhile. Whatever `work`
/// uses of Python's memory was copied before, or is held and never changes.
pub(crate) fn call<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| guard(work))
        .map_err(|error| to_py_err(py, &error))
}

/// Runs `work`, which is too short to let the interpreter go for.
pub(crate) fn quick<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    guard(work).map_err(|error| to_py_err(py, &error))
}

fn guard<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whatever the work was about is behind locks that are not poisoned, or is dropped.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // To drop it might panic again.
        std::mem::forget(payload);
        Err(Error::new(
            ErrorKind::Panicked,
            "a bug in vaultcore, caught at the boundary",
        ))
    })
}

/// Lets a callback of Python's hear of progress, and Ctrl-C interrupt.
pub(crate) struct Progress {
    callback: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Progress {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self {
            callback,
            raised: None,
        }
    }

    /// Tells how much is done; an error stops the work.
    pub(crate) fn report(&mut self, done: u64) -> Result<()> {
        let told = Python::try_attach(|py| {
            py.check_signals()?;
            match &self.callback {
                Some(callback) => {
                    let done = PyTuple::new(py, [done])?;
                    python::run(callback.bind(py), &done).map(drop)
                }
                None => Ok(()),
            }
        });
        let ended = || Error::new(ErrorKind::Unavailable, "the interpreter has ended");
        told.ok_or_else(ended)?.map_err(|error| {
            self.raised = Some(error);
            Error::new(ErrorKind::Unavailable, "the callback stopped the work")
        })
    }

    /// Returns what the work came to; what the callback raised comes first.
    pub(crate) fn finish<T>(self, outcome: PyResult<T>) -> PyResult<T> {
        match (outcome, self.raised) {
            (Err(_), Some(raised)) => Err(raised),
            (outcome, _) => outcome,
        }
    }
}
