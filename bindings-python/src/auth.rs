//! Auth methods: users with passwords, roles of machines.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::approle::{NewSecretId, RoleOptions, SecretIdInfo};
use vaultcore::{TokenOptions, TokenSettings};

use crate::error::call;
use crate::secret::{Secret, Text};

/// Reads the options of tokens, by the names that `TokenSettings` has.
fn token_options(given: Option<&Bound<'_, PyDict>>) -> PyResult<TokenOptions> {
    let mut options = TokenOptions::new();
    let Some(given) = given else {
        return Ok(options);
    };
    let seconds = |value: Bound<'_, PyAny>| value.extract().map(Duration::from_secs);
    for (name, value) in given {
        let name: String = name.extract()?;
        options = match name.as_str() {
            "policies" => options.policies(value.extract::<Vec<String>>()?),
            "bound_cidrs" => options.bound_cidrs(value.extract::<Vec<String>>()?),
            "ttl" => options.ttl(seconds(value)?),
            "max_ttl" => options.max_ttl(seconds(value)?),
            "explicit_max_ttl" => options.explicit_max_ttl(seconds(value)?),
            "period" => options.period(seconds(value)?),
            "num_uses" => options.num_uses(value.extract()?),
            "no_default_policy" => options.no_default_policy(value.extract()?),
            "token_type" => options.token_type(value.extract::<String>()?),
            _ => return Err(PyTypeError::new_err("there is no such option of tokens")),
        };
    }
    Ok(options)
}

fn describe_token<'py>(py: Python<'py>, found: &TokenSettings) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("policies", &found.policies)?;
    told.set_item("bound_cidrs", &found.bound_cidrs)?;
    told.set_item("ttl", found.ttl.as_secs())?;
    told.set_item("max_ttl", found.max_ttl.as_secs())?;
    told.set_item("explicit_max_ttl", found.explicit_max_ttl.as_secs())?;
    told.set_item("period", found.period.as_secs())?;
    told.set_item("num_uses", found.num_uses)?;
    told.set_item("no_default_policy", found.no_default_policy)?;
    told.set_item("token_type", &found.token_type)?;
    Ok(told)
}

/// The users of an auth method "userpass".
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Userpass {
    users: vaultcore::Userpass,
}

impl Userpass {
    pub(crate) fn new(users: vaultcore::Userpass) -> Self {
        Self { users }
    }
}

#[pymethods]
impl Userpass {
    /// Write a user: what is not given stays. A new one takes a password.
    #[pyo3(signature = (name, *, password=None, **token))]
    fn write(
        &self,
        py: Python<'_>,
        name: &str,
        password: Option<Text>,
        token: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let options = token_options(token)?;
        let password = password.map(|text| text.0);
        call(py, || self.users.write(name, password.as_ref(), &options))
    }

    /// Set the password of a user, and let it in again if it was locked out.
    fn set_password(&self, py: Python<'_>, name: &str, password: Text) -> PyResult<()> {
        call(py, || self.users.set_password(name, &password.0))
    }

    /// Set the policies of a user.
    fn set_policies(&self, py: Python<'_>, name: &str, policies: Vec<String>) -> PyResult<()> {
        call(py, || self.users.set_policies(name, policies))
    }

    /// Return what the tokens of a user are like.
    fn read<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
        describe_token(py, &call(py, || self.users.read(name))?)
    }

    /// Remove a user; none of that name is no error.
    fn delete(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.users.delete(name))
    }

    /// List the names of the users, sorted.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.users.list())
    }

    fn __repr__(&self) -> &'static str {
        "Userpass()"
    }
}

/// The roles of an auth method "approle".
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct AppRole {
    roles: vaultcore::approle::AppRole,
}

impl AppRole {
    pub(crate) fn new(roles: vaultcore::approle::AppRole) -> Self {
        Self { roles }
    }
}

/// A secret id that was made.
#[pyclass(frozen, get_all, module = "vaultcore")]
pub(crate) struct SecretId {
    /// What is presented to log in; it exists nowhere else.
    secret_id: Py<Secret>,
    /// Names it to whoever is not to know it.
    accessor: String,
    /// For how many logins it is good; 0 for any number.
    num_uses: u64,
    /// How many seconds it lives; 0 for ever.
    ttl: u64,
}

#[pymethods]
impl SecretId {
    fn __repr__(&self) -> &'static str {
        "SecretId([redacted])"
    }
}

#[pymethods]
impl AppRole {
    /// Write a role: what is not given stays. A new one gets a random id unless it is chosen.
    #[pyo3(signature = (
        name, *, role_id=None, bind_secret_id=None, secret_id_bound_cidrs=None,
        secret_id_num_uses=None, secret_id_ttl=None, **token
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but one are named")]
    fn write(
        &self,
        py: Python<'_>,
        name: &str,
        role_id: Option<String>,
        bind_secret_id: Option<bool>,
        secret_id_bound_cidrs: Option<Vec<String>>,
        secret_id_num_uses: Option<u64>,
        secret_id_ttl: Option<u64>,
        token: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let mut options = RoleOptions::new().token(token_options(token)?);
        if let Some(id) = role_id {
            options = options.role_id(id);
        }
        if let Some(bind) = bind_secret_id {
            options = options.bind_secret_id(bind);
        }
        if let Some(networks) = secret_id_bound_cidrs {
            options = options.secret_id_bound_cidrs(networks);
        }
        if let Some(uses) = secret_id_num_uses {
            options = options.secret_id_num_uses(uses);
        }
        if let Some(seconds) = secret_id_ttl {
            options = options.secret_id_ttl(Duration::from_secs(seconds));
        }
        call(py, || self.roles.write(name, &options))
    }

    /// Return what a role is like; its tokens stand under "token".
    fn read<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || self.roles.read(name))?;
        let told = PyDict::new(py);
        told.set_item("bind_secret_id", found.bind_secret_id)?;
        told.set_item("secret_id_bound_cidrs", &found.secret_id_bound_cidrs)?;
        told.set_item("secret_id_num_uses", found.secret_id_num_uses)?;
        told.set_item("secret_id_ttl", found.secret_id_ttl.as_secs())?;
        told.set_item("token", describe_token(py, &found.token)?)?;
        Ok(told)
    }

    /// Return the id of a role, which its machines present.
    fn role_id(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        call(py, || self.roles.role_id(name))
    }

    /// Remove a role with its secret ids; none of that name is no error.
    fn delete(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.roles.delete(name))
    }

    /// List the names of the roles, sorted.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.roles.list())
    }

    /// Make a secret id of a role, random unless it is chosen.
    #[pyo3(signature = (
        role, *, chosen=None, num_uses=None, ttl=None, cidrs=None, token_bound_cidrs=None,
        metadata=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but one are named")]
    fn create_secret_id(
        &self,
        py: Python<'_>,
        role: &str,
        chosen: Option<Text>,
        num_uses: Option<u64>,
        ttl: Option<u64>,
        cidrs: Option<Vec<String>>,
        token_bound_cidrs: Option<Vec<String>>,
        metadata: Option<BTreeMap<String, String>>,
    ) -> PyResult<SecretId> {
        let mut new = NewSecretId::new();
        if let Some(text) = chosen {
            new = new.chosen(&text.0);
        }
        if let Some(uses) = num_uses {
            new = new.num_uses(uses);
        }
        if let Some(seconds) = ttl {
            new = new.ttl(Duration::from_secs(seconds));
        }
        new = new
            .cidrs(cidrs.unwrap_or_default())
            .token_bound_cidrs(token_bound_cidrs.unwrap_or_default());
        for (name, value) in metadata.unwrap_or_default() {
            new = new.metadata(name, value);
        }
        let issued = call(py, || self.roles.create_secret_id(role, &new))?;
        Ok(SecretId {
            secret_id: Py::new(py, Secret::text(issued.secret_id))?,
            accessor: issued.accessor,
            num_uses: issued.num_uses,
            ttl: issued.ttl.as_secs(),
        })
    }

    /// List the accessors of the secret ids of a role, sorted.
    fn secret_ids(&self, py: Python<'_>, role: &str) -> PyResult<Vec<String>> {
        call(py, || self.roles.secret_ids(role))
    }

    /// Return what is known of a secret id; None if the role has none such in force.
    fn lookup_secret_id<'py>(
        &self,
        py: Python<'py>,
        role: &str,
        secret_id: Text,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = call(py, || self.roles.lookup_secret_id(role, &secret_id.0))?;
        found.map(|found| describe(py, &found)).transpose()
    }

    /// Return what is known of the secret id with this accessor; None if there is none.
    fn lookup_accessor<'py>(
        &self,
        py: Python<'py>,
        role: &str,
        accessor: &str,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = call(py, || self.roles.lookup_accessor(role, accessor))?;
        found.map(|found| describe(py, &found)).transpose()
    }

    /// Destroy a secret id; one that is none is no error. The tokens got by it live on.
    fn destroy_secret_id(&self, py: Python<'_>, role: &str, secret_id: Text) -> PyResult<()> {
        call(py, || self.roles.destroy_secret_id(role, &secret_id.0))
    }

    /// Destroy the secret id with this accessor.
    fn destroy_accessor(&self, py: Python<'_>, role: &str, accessor: &str) -> PyResult<()> {
        call(py, || self.roles.destroy_accessor(role, accessor))
    }

    fn __repr__(&self) -> &'static str {
        "AppRole()"
    }
}

fn describe<'py>(py: Python<'py>, found: &SecretIdInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("accessor", &found.accessor)?;
    told.set_item("metadata", &found.metadata)?;
    told.set_item("num_uses", found.num_uses)?;
    told.set_item("ttl", found.ttl.as_secs())?;
    told.set_item("created", found.created.to_string())?;
    told.set_item("updated", found.updated.to_string())?;
    told.set_item("expires", found.expires.map(|time| time.to_string()))?;
    told.set_item("cidrs", &found.cidrs)?;
    told.set_item("token_bound_cidrs", &found.token_bound_cidrs)?;
    Ok(told)
}
