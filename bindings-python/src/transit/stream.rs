//! Streams of any length, from and to files of Python's.

use std::io;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::{Transit, With};
use crate::error::call;
use crate::python;
use crate::secret::Data;

/// A file of Python's: the interpreter is taken for each piece, and let go between them.
struct File {
    file: Py<PyAny>,
}

impl File {
    /// Calls the file. What it raises ends the stream, and is kept to be raised again.
    fn ask<T>(&self, ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> io::Result<T> {
        let asked = Python::try_attach(|py| {
            py.check_signals()?;
            ask(self.file.bind(py))
        });
        let asked = asked.ok_or_else(|| io::Error::other("the interpreter has ended"))?;
        asked.map_err(io::Error::other)
    }
}

impl io::Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ask(|file| {
            let size = PyTuple::new(file.py(), [buffer.len()])?;
            let read = python::run(&file.getattr("read")?, &size)?;
            let read = read.cast::<PyBytes>()?.as_bytes();
            let Some(place) = buffer.get_mut(..read.len()) else {
                let message = "the file read more than it was asked for";
                return Err(pyo3::exceptions::PyValueError::new_err(message));
            };
            place.copy_from_slice(read);
            Ok(read.len())
        })
    }
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ask(|file| {
            let piece = PyTuple::new(file.py(), [PyBytes::new(file.py(), bytes)])?;
            // A file that does not wait answers None if it can take nothing now.
            let took: Option<usize> = python::run(&file.getattr("write")?, &piece)?.extract()?;
            Ok(took.unwrap_or(0).min(bytes.len()))
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a stream; what a file raised comes before what the stream says of it.
fn run(py: Python<'_>, work: impl FnOnce() -> vaultcore::Result<u64> + Send) -> PyResult<u64> {
    let mut raised = None;
    let outcome = call(py, || {
        work().inspect_err(|error| {
            let source = std::error::Error::source(error);
            let source = source.and_then(|source| source.downcast_ref::<io::Error>());
            let inner = source.and_then(io::Error::get_ref);
            let found = inner.and_then(|inner| inner.downcast_ref::<PyErr>());
            raised = found.and_then(|error| Python::try_attach(|py| error.clone_ref(py)));
        })
    });
    match raised {
        Some(raised) => Err(raised),
        None => outcome,
    }
}

#[pymethods]
impl Transit {
    /// Encrypt all that `reader.read(n)` gives, by a data key of its own, and `writer.write` it.
    /// Return how many bytes were read.
    #[pyo3(signature = (key, reader, writer, *, context=None, associated_data=None, version=0))]
    #[allow(
        clippy::too_many_arguments,
        reason = "the last are named by the caller"
    )]
    fn encrypt_stream(
        &self,
        py: Python<'_>,
        key: &str,
        reader: Py<PyAny>,
        writer: Py<PyAny>,
        context: Option<Data>,
        associated_data: Option<Data>,
        version: u32,
    ) -> PyResult<u64> {
        let with = With {
            context,
            associated: associated_data,
            version,
        };
        let (from, to) = (File { file: reader }, File { file: writer });
        run(py, || {
            self.transit.encrypt_stream(key, with.input(&[]), from, to)
        })
    }

    /// Decrypt what `encrypt_stream` wrote, and return how many bytes were written. If it raises,
    /// what was written is of a stream that was changed or cut off, and is to be thrown away.
    #[pyo3(signature = (key, reader, writer, *, context=None, associated_data=None))]
    fn decrypt_stream(
        &self,
        py: Python<'_>,
        key: &str,
        reader: Py<PyAny>,
        writer: Py<PyAny>,
        context: Option<Data>,
        associated_data: Option<Data>,
    ) -> PyResult<u64> {
        let with = With {
            context,
            associated: associated_data,
            version: 0,
        };
        let (from, to) = (File { file: reader }, File { file: writer });
        run(py, || {
            self.transit.decrypt_stream(key, with.input(&[]), from, to)
        })
    }
}
