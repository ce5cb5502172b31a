//! Credentials of databases in the hands of whoever asked, and a database for tests.

use std::sync::Mutex;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyString;
use vaultcore::database::Fake;
use vaultcore::{Error, ErrorKind, LeasedSecret, Result, SecretString};

use crate::error::{call, quick};
use crate::secret::Text;

type Leased = LeasedSecret<vaultcore::database::Credentials>;

/// A user of a database, made for whoever asked. `with` renews it while it is used, and takes it
/// away then; without, it lives until its lease runs out or `revoke`.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Credentials {
    /// Nothing once it was revoked. Locked without the interpreter only: a renewal takes long.
    held: Mutex<Option<Leased>>,
    username: String,
    lease_id: String,
    renewable: bool,
}

impl Credentials {
    pub(crate) fn new(leased: Leased) -> Self {
        Self {
            username: leased.username().to_owned(),
            lease_id: leased.lease_id().to_owned(),
            renewable: leased.renewable(),
            held: Mutex::new(Some(leased)),
        }
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Leased) -> Result<T> + Send,
    ) -> PyResult<T> {
        call(py, || {
            let held = self.held.lock().map_err(|_| revoked())?;
            work(held.as_ref().ok_or_else(revoked)?)
        })
    }

    /// Takes the user away; returns whether there was one still. One who cannot be now is kept, so that
    /// it can be tried again.
    fn end(&self) -> Result<bool> {
        let mut held = self.held.lock().map_err(|_| revoked())?;
        let Some(leased) = held.as_mut() else {
            return Ok(false);
        };
        leased.try_revoke()?;
        *held = None;
        Ok(true)
    }

    /// Has the lease renewed by a thread.
    fn keep(&self) -> Result<()> {
        let mut held = self.held.lock().map_err(|_| revoked())?;
        held.as_mut().ok_or_else(revoked)?.start_renewing()
    }
}

fn revoked() -> Error {
    Error::new(ErrorKind::Closed, "the credentials were revoked")
}

impl Drop for Credentials {
    fn drop(&mut self) {
        let held = self.held.get_mut().map(Option::take);
        // It waits for the thread that renews.
        Python::try_attach(|py| py.detach(|| drop(held)));
    }
}

#[pymethods]
impl Credentials {
    /// The name of the user.
    #[getter]
    fn username(&self) -> &str {
        &self.username
    }

    /// The password.
    #[getter]
    fn password<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let copy = self.with(py, |leased| {
            Ok(SecretString::copy_from(leased.password().expose()))
        })?;
        Ok(PyString::new(py, copy.expose()))
    }

    /// The id of the lease.
    #[getter]
    fn lease_id(&self) -> &str {
        &self.lease_id
    }

    /// Whether the lease can be renewed at all.
    #[getter]
    fn renewable(&self) -> bool {
        self.renewable
    }

    /// When the user is taken away unless the lease is renewed: RFC 3339.
    #[getter]
    fn expires(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |leased| Ok(leased.expires().to_string()))
    }

    /// How many seconds the user lives from now unless the lease is renewed.
    #[getter]
    fn remaining(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |leased| Ok(leased.remaining().as_secs_f64()))
    }

    /// Whether no renewal can prolong the lease any more.
    #[getter]
    fn is_last(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |leased| Ok(leased.is_last()))
    }

    /// Let the user live for so many seconds from now, or as long as it was made for; return how
    /// many it does.
    #[pyo3(signature = (*, increment=None))]
    fn renew(&self, py: Python<'_>, increment: Option<u64>) -> PyResult<u64> {
        let increment = increment.map(Duration::from_secs);
        let lives = self.with(py, |leased| leased.renew(increment))?;
        Ok(lives.as_secs())
    }

    /// Take the user away now.
    fn revoke(&self, py: Python<'_>) -> PyResult<()> {
        call(py, || match self.end()? {
            true => Ok(()),
            false => Err(revoked()),
        })
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let credentials = slf.get();
        call(slf.py(), || match credentials.renewable {
            true => credentials.keep(),
            false => Ok(()),
        })?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        call(py, || self.end())?; // it may have been revoked inside
        Ok(())
    }

    fn __repr__(&self) -> &'static str {
        "Credentials([redacted])"
    }

    fn __reduce__(&self) -> PyResult<()> {
        let message = "Credentials are not pickled or copied";
        Err(pyo3::exceptions::PyTypeError::new_err(message))
    }
}

/// The credentials of a static role.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct StaticCredentials {
    /// The name of the user; of two who take turns the one to be used now.
    #[pyo3(get)]
    pub(crate) username: String,
    pub(crate) password: SecretString,
    /// How many seconds until the password is changed.
    #[pyo3(get)]
    pub(crate) ttl: u64,
    /// When it was changed last: RFC 3339.
    #[pyo3(get)]
    pub(crate) rotated: String,
    /// How many seconds lie between two changes; `None` if it is changed by the calendar.
    #[pyo3(get)]
    pub(crate) rotation_period: Option<u64>,
    /// The calendar: five fields of cron in UTC.
    #[pyo3(get)]
    pub(crate) rotation_schedule: Option<String>,
}

#[pymethods]
impl StaticCredentials {
    /// The password.
    #[getter]
    fn password<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.password.expose())
    }

    fn __repr__(&self) -> &'static str {
        "StaticCredentials([redacted])"
    }

    fn __reduce__(&self) -> PyResult<()> {
        let message = "StaticCredentials are not pickled or copied";
        Err(pyo3::exceptions::PyTypeError::new_err(message))
    }
}

/// A database in memory for tests: its users, whom it lets in. Its driver is
/// "fake-database-plugin".
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct FakeDatabase {
    pub(crate) fake: Fake,
}

#[pymethods]
impl FakeDatabase {
    #[new]
    fn new() -> Self {
        Self { fake: Fake::new() }
    }

    /// Return whether there is such a user with such a password.
    fn lets_in(&self, py: Python<'_>, username: &str, password: Text) -> PyResult<bool> {
        quick(py, || Ok(self.fake.lets_in(username, &password.0)))
    }

    /// How many users there are.
    #[getter]
    fn users(&self) -> usize {
        self.fake.users()
    }

    /// Add a user, as an administrator does; such a user can have a static role.
    fn add_user(&self, username: &str, password: Text) {
        self.fake.add_user(username, password.0.expose());
    }

    /// Make the database fail all calls, or work again.
    fn set_down(&self, down: bool) {
        self.fake.set_down(down);
    }

    fn __repr__(&self) -> String {
        format!("FakeDatabase({} users)", self.users())
    }
}
