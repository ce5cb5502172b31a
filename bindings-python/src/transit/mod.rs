//! Named keys that encrypt, sign and rotate.

mod data;
mod keys;
mod sign;
mod stream;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use vaultcore::Result;
use vaultcore::transit::{HashType, Input};

use crate::error::to_py_err;
use crate::secret::Data;

/// The named keys of a mount.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Transit {
    transit: vaultcore::transit::Transit,
}

impl Transit {
    pub(crate) fn new(transit: vaultcore::transit::Transit) -> Self {
        Self { transit }
    }
}

/// What goes with an item.
#[derive(Default)]
struct With {
    context: Option<Data>,
    associated: Option<Data>,
    /// 0: the newest.
    version: u32,
}

impl With {
    fn input<'d>(&'d self, data: &'d [u8]) -> Input<'d> {
        let mut input = Input::new(data).version(self.version);
        if let Some(context) = &self.context {
            input = input.context(context.expose());
        }
        if let Some(associated) = &self.associated {
            input = input.associated_data(associated.expose());
        }
        input
    }
}

/// Items, and what goes with each.
struct Batch<T> {
    items: Vec<(T, With)>,
}

impl<T: AsRef<[u8]>> Batch<T> {
    fn new(
        items: Vec<T>,
        contexts: Option<Vec<Data>>,
        associated: Option<Vec<Data>>,
    ) -> PyResult<Self> {
        let count = items.len();
        let mut contexts = each(contexts, count)?;
        let mut associated = each(associated, count)?;
        let with = items.into_iter().map(|item| {
            let with = With {
                context: contexts.next(),
                associated: associated.next(),
                version: 0,
            };
            (item, with)
        });
        Ok(Self {
            items: with.collect(),
        })
    }

    fn inputs(&self) -> Vec<Input<'_>> {
        let items = self.items.iter();
        items
            .map(|(item, with)| with.input(item.as_ref()))
            .collect()
    }
}

fn each(given: Option<Vec<Data>>, count: usize) -> PyResult<std::vec::IntoIter<Data>> {
    match given {
        Some(given) if given.len() != count => Err(PyValueError::new_err(
            "contexts and associated data are one for each item, or none at all",
        )),
        given => Ok(given.unwrap_or_default().into_iter()),
    }
}

/// Returns the results of a batch, of which each is a value or an exception.
fn results<T>(
    py: Python<'_>,
    made: Vec<Result<T>>,
    show: impl Fn(T) -> PyResult<Py<PyAny>>,
) -> PyResult<Vec<Py<PyAny>>> {
    let made = made.into_iter().map(|one| match one {
        Ok(value) => show(value),
        Err(error) => Ok(to_py_err(py, &error).into_value(py).into_any()),
    });
    made.collect()
}

fn texts(py: Python<'_>, made: Vec<Result<String>>) -> PyResult<Vec<Py<PyAny>>> {
    let show = |text: String| Ok(text.into_pyobject(py)?.into_any().unbind());
    results(py, made, show)
}

fn hash_of(name: &str) -> Result<HashType> {
    name.parse()
}

#[pymethods]
impl Transit {
    fn __repr__(&self) -> &'static str {
        "Transit()"
    }
}
