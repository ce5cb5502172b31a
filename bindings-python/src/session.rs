//! Sessions, and what is reached from them.

use std::collections::BTreeMap;

use pyo3::prelude::*;

use crate::auth::{AppRole, Userpass};
use crate::database::Databases;
use crate::error::{call, quick};
use crate::identity::Identity;
use crate::kv::{Kv, KvV1};
use crate::leases::Leases;
use crate::request::{self, Response};
use crate::secret::Text;
use crate::sys::Sys;
use crate::token::Tokens;
use crate::transit::Transit;

/// A caller of the vault, with its rights.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Session {
    session: vaultcore::Session,
    /// For requests that bring a token of their own.
    vault: vaultcore::Vault,
}

impl Session {
    pub(crate) fn new(session: vaultcore::Session, vault: &vaultcore::Vault) -> Self {
        Self {
            session,
            vault: vault.clone(),
        }
    }
}

#[pymethods]
impl Session {
    /// Return this session in another namespace: its path from the root.
    fn namespace(&self, py: Python<'_>, path: &str) -> PyResult<Self> {
        let session = quick(py, || self.session.namespace(path))?;
        Ok(Self::new(session, &self.vault))
    }

    /// Return the versioned secrets of the mount.
    fn kv(&self, py: Python<'_>, mount: &str) -> PyResult<Kv> {
        quick(py, || self.session.kv(mount)).map(Kv::new)
    }

    /// Return the secrets without versions of the mount.
    fn kv_v1(&self, py: Python<'_>, mount: &str) -> PyResult<KvV1> {
        quick(py, || self.session.kv_v1(mount)).map(KvV1::new)
    }

    /// Return the named keys of the mount.
    fn transit(&self, py: Python<'_>, mount: &str) -> PyResult<Transit> {
        quick(py, || self.session.transit(mount)).map(Transit::new)
    }

    /// Return the credentials of databases of the mount.
    fn database(&self, py: Python<'_>, mount: &str) -> PyResult<Databases> {
        quick(py, || self.session.database(mount)).map(Databases::new)
    }

    /// Return the users of the auth method "userpass" at the mount, below "auth/".
    fn userpass(&self, py: Python<'_>, mount: &str) -> PyResult<Userpass> {
        quick(py, || self.session.userpass(mount)).map(Userpass::new)
    }

    /// Return the roles of the auth method "approle" at the mount, below "auth/".
    fn approle(&self, py: Python<'_>, mount: &str) -> PyResult<AppRole> {
        quick(py, || self.session.approle(mount)).map(AppRole::new)
    }

    /// The leases of the namespace.
    #[getter]
    fn leases(&self) -> Leases {
        Leases::new(self.session.leases())
    }

    /// The entities and groups of the namespace.
    #[getter]
    fn identity(&self) -> Identity {
        Identity::new(self.session.identity())
    }

    /// The operations on the vault itself.
    #[getter]
    fn sys(&self) -> Sys {
        Sys::new(self.session.sys())
    }

    /// The tokens of the namespace.
    #[getter]
    fn tokens(&self) -> Tokens {
        Tokens::new(self.session.token())
    }

    /// Answer a request in the shape of Vault's API, as this session, or as whoever holds `token`.
    #[pyo3(signature = (
        method, path, body=None, *, token=None, wrap_ttl=None, namespace=None, query=None
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "all but three are named by the caller"
    )]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        path: &str,
        body: Option<&Bound<'_, PyAny>>,
        token: Option<Text>,
        wrap_ttl: Option<&str>,
        namespace: Option<&str>,
        query: Option<BTreeMap<String, String>>,
    ) -> PyResult<Response> {
        let query = query.unwrap_or_default();
        let request = request::build(py, method, path, body, wrap_ttl, namespace, query)?;
        let response = call(py, || {
            Ok(match &token {
                Some(token) => self.vault.handle(&request.token(token.0.expose())),
                None => self.session.request(&request),
            })
        })?;
        Ok(Response::new(&response))
    }

    fn __repr__(&self) -> &'static str {
        "Session()"
    }
}
