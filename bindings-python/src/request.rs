//! Requests in the shape of Vault's API.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vaultcore::SecretBytes;
use vaultcore::api::{ApiRequest, ApiResponse, Method};

use crate::error::quick;
use crate::json;

/// A reply in the shape of Vault's API: a status of HTTP, and a body.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Response {
    status: u16,
    content: SecretBytes,
}

impl Response {
    pub(crate) fn new(response: &ApiResponse) -> Self {
        Self {
            status: response.status(),
            content: SecretBytes::copy_from(response.body()),
        }
    }
}

#[pymethods]
impl Response {
    /// The status, as in HTTP.
    #[getter]
    fn status(&self) -> u16 {
        self.status
    }

    /// The body, decoded; None if there is none.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::loads(py, self.content.expose())
    }

    /// The body as it is.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.content.expose())
    }

    fn __repr__(&self) -> String {
        format!("Response(status={})", self.status)
    }
}

/// Makes a request; the body is whatever becomes JSON, or JSON as bytes.
pub(crate) fn build(
    py: Python<'_>,
    method: &str,
    path: &str,
    body: Option<&Bound<'_, PyAny>>,
    wrap_ttl: Option<&str>,
    namespace: Option<&str>,
    query: BTreeMap<String, String>,
) -> PyResult<ApiRequest> {
    let method: Method = quick(py, || method.to_ascii_uppercase().parse())?;
    let mut request = ApiRequest::new(method, path)
        .wrap_ttl(wrap_ttl.unwrap_or_default())
        .namespace(namespace.unwrap_or_default());
    for (name, value) in &query {
        request = request.query(name, value);
    }
    if let Some(body) = body {
        request = match body.cast::<PyBytes>() {
            Ok(bytes) => request.body(bytes.as_bytes()),
            Err(_) => request.body(json::dumps(body)?.expose()),
        };
    }
    Ok(request)
}
