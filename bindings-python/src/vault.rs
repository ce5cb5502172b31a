//! Vaults: opened, made, unsealed, sealed, closed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use vaultcore::database::Fake;
use vaultcore::storage::{Memory, Sqlite};
use vaultcore::{Background, Error, ErrorKind, NewSlot, Result, SealStatus, SecretString, Share};

use crate::credentials::FakeDatabase;
use crate::error::{call, quick};
use crate::request::{self, Response};
use crate::secret::{Data, Secret, Text};
use crate::session::Session;

/// A vault. It is sealed when it is opened, and closed at the end of a `with`.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Vault {
    /// Nothing once it is closed, so that its storage is let go.
    vault: Mutex<Option<vaultcore::Vault>>,
    place: Place,
}

/// Where a vault is, and what it is opened with.
#[derive(Clone)]
struct Place {
    location: String,
    background: Background,
    fake: Option<Fake>,
}

impl Vault {
    fn open(py: Python<'_>, place: Place) -> PyResult<Self> {
        let vault = call(py, || open_at(&place))?;
        Ok(Self {
            vault: Mutex::new(Some(vault)),
            place,
        })
    }

    fn handle_of(&self, py: Python<'_>) -> PyResult<vaultcore::Vault> {
        quick(py, || {
            let held = self.vault.lock().map_err(|_| closed())?;
            held.clone().ok_or_else(closed)
        })
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&vaultcore::Vault) -> Result<T> + Send,
    ) -> PyResult<T> {
        let vault = self.handle_of(py)?;
        call(py, move || work(&vault))
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the vault was closed")
}

/// Open a vault, sealed: the path of a file, which is made if there is none, or "memory:".
///
/// With `background` a thread ends what ran out, twice a second; else call `tick`. `fake_database`
/// is what the driver "fake-database-plugin" reaches.
#[pyfunction]
#[pyo3(signature = (location, *, background=false, fake_database=None))]
pub(crate) fn open(
    py: Python<'_>,
    location: std::path::PathBuf,
    background: bool,
    fake_database: Option<PyRef<'_, FakeDatabase>>,
) -> PyResult<Vault> {
    let location = location
        .into_os_string()
        .into_string()
        .map_err(|_| PyValueError::new_err("the location is not UTF-8"))?;
    let background = match background {
        true => Background::Thread,
        false => Background::Host,
    };
    let place = Place {
        location,
        background,
        fake: fake_database.map(|database| database.fake.clone()),
    };
    Vault::open(py, place)
}

fn open_at(place: &Place) -> Result<vaultcore::Vault> {
    let builder = match place.location.as_str() {
        "memory:" => vaultcore::Vault::builder(Memory::new()),
        "" => {
            let message = "a vault's location is `memory:` or the path of a file";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        url if url.contains("://") => {
            let message = "a vault's location is `memory:` or the path of a file; \
                there is no other storage";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        path => vaultcore::Vault::builder(Sqlite::open(path)?),
    };
    let builder = builder.background(place.background);
    match &place.fake {
        Some(fake) => builder.database_driver(fake.clone()).build(),
        None => builder.build(),
    }
}

/// What `init` made: it exists nowhere else.
#[pyclass(frozen, get_all, module = "vaultcore")]
pub(crate) struct Init {
    /// The shares of the first Shamir slot.
    shares: Vec<Py<Secret>>,
    /// The token that may do everything.
    root_token: Py<Secret>,
}

#[pymethods]
impl Vault {
    /// Make a new vault in the storage, which stays sealed. `shares=0` makes none.
    #[pyo3(signature = (*, shares=0, threshold=0, passphrase=None, key=None))]
    fn init(
        &self,
        py: Python<'_>,
        shares: u8,
        threshold: u8,
        passphrase: Option<Text>,
        key: Option<Data>,
    ) -> PyResult<Init> {
        let mut slots = Vec::new();
        if shares > 0 || threshold > 0 {
            slots.push(NewSlot::shamir(shares, threshold));
        }
        slots.extend(passphrase.map(|text| NewSlot::passphrase(text.0)));
        slots.extend(key.map(|key| NewSlot::key(key.into_secret())));
        let init = self.with(py, |vault| vault.init(slots))?;
        let shares = init.shares().iter();
        let shares = shares.map(|share| Py::new(py, Secret::text(share.to_text())));
        let token = SecretString::copy_from(init.root_token().expose());
        Ok(Init {
            shares: shares.collect::<PyResult<_>>()?,
            root_token: Py::new(py, Secret::text(token))?,
        })
    }

    /// Give shares, as many as are needed or one at a time; return the status.
    #[pyo3(signature = (*shares))]
    fn unseal<'py>(&self, shares: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyDict>> {
        let py = shares.py();
        let texts: Vec<Text> = shares
            .iter()
            .map(|one| one.extract())
            .collect::<PyResult<_>>()?;
        let status = self.with(py, |vault| {
            let mut status = vault.status()?;
            for text in &texts {
                status = vault.unseal(&Share::parse(text.0.expose())?)?;
            }
            Ok(status)
        })?;
        told(py, &status)
    }

    /// Unseal by a passphrase slot; return the status.
    fn unseal_passphrase<'py>(
        &self,
        py: Python<'py>,
        passphrase: Text,
    ) -> PyResult<Bound<'py, PyDict>> {
        told(
            py,
            &self.with(py, |vault| vault.unseal_passphrase(&passphrase.0))?,
        )
    }

    /// Unseal by the 32 bytes of a key slot; return the status.
    fn unseal_key<'py>(&self, py: Python<'py>, key: Data) -> PyResult<Bound<'py, PyDict>> {
        let key = key.into_secret();
        told(py, &self.with(py, |vault| vault.unseal_key(&key))?)
    }

    /// Return whether the vault is initialized and sealed, and how far an unseal has come.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        told(py, &self.with(py, |vault| vault.status())?)
    }

    /// Drop every key; no call can still be using one when this returns.
    fn seal(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |vault| vault.seal())
    }

    /// Seal for good, and let the storage go with what came from the vault. Closing twice is fine.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let held = self.vault.lock().ok().and_then(|mut held| held.take());
        match held {
            Some(vault) => call(py, move || vault.close()),
            None => Ok(()),
        }
    }

    /// Do the background work that is due; return how many pieces were done.
    fn tick(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |vault| vault.tick())
    }

    /// Return a new, sealed handle of the same file: for a forked process, or after `close`.
    fn reopen(&self, py: Python<'_>) -> PyResult<Self> {
        if self.place.location == "memory:" {
            return quick(py, || {
                let message = "a vault in memory ends with its process and its handle";
                Err(Error::new(ErrorKind::Unsupported, message))
            });
        }
        Self::open(py, self.place.clone())
    }

    /// Return the session of the program that unsealed: full rights, no token.
    fn owner(&self, py: Python<'_>) -> PyResult<Session> {
        let session = self.with(py, |vault| vault.owner())?;
        Ok(Session::new(session, &self.handle_of(py)?))
    }

    /// Return the session of whoever holds the token.
    fn login(&self, py: Python<'_>, token: Text) -> PyResult<Session> {
        let session = self.with(py, |vault| vault.login(&token.0))?;
        Ok(Session::new(session, &self.handle_of(py)?))
    }

    /// Log a user in by a password; return the token.
    #[pyo3(signature = (name, password, *, mount="userpass"))]
    fn login_userpass(
        &self,
        py: Python<'_>,
        name: &str,
        password: Text,
        mount: &str,
    ) -> PyResult<Secret> {
        self.with(py, |vault| vault.login_userpass(mount, name, &password.0))
            .map(Secret::text)
    }

    /// Log a machine in by its role; return the token.
    #[pyo3(signature = (role_id, secret_id, *, mount="approle"))]
    fn login_approle(
        &self,
        py: Python<'_>,
        role_id: &str,
        secret_id: Text,
        mount: &str,
    ) -> PyResult<Secret> {
        self.with(py, |vault| {
            vault.login_approle(mount, role_id, &secret_id.0)
        })
        .map(Secret::text)
    }

    /// Answer a request in the shape of Vault's API, as whoever holds `token`; never as the owner.
    #[pyo3(signature = (
        method, path, body=None, *, token=None, wrap_ttl=None, namespace=None, query=None
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "all but three are named by the caller"
    )]
    fn handle(
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
        let request = match &token {
            Some(token) => request.token(token.0.expose()),
            None => request,
        };
        Ok(Response::new(
            &self.with(py, |vault| Ok(vault.handle(&request)))?,
        ))
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> &'static str {
        "Vault()"
    }
}

fn told<'py>(py: Python<'py>, status: &SealStatus) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("initialized", status.initialized())?;
    told.set_item("sealed", status.sealed())?;
    told.set_item("threshold", status.threshold())?;
    told.set_item("shares", status.shares())?;
    told.set_item("progress", status.progress())?;
    Ok(told)
}
