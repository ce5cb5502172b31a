//! Credentials of databases.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::SecretString;
use vaultcore::database::{Connection, ConnectionInfo, Role, StaticRole};

use crate::credentials::{Credentials, StaticCredentials};
use crate::error::call;
use crate::secret::Text;

/// Credentials of databases of a mount.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Databases {
    databases: vaultcore::database::Databases,
}

impl Databases {
    pub(crate) fn new(databases: vaultcore::database::Databases) -> Self {
        Self { databases }
    }
}

type List = Option<Vec<String>>;
type SetList<T> = fn(T, Vec<String>) -> T;
type SetTime = fn(Role, Duration) -> Role;

fn texts<T: std::ops::Deref<Target = String>>(found: Vec<T>) -> Vec<String> {
    found.iter().map(|name| name.to_string()).collect()
}

#[pymethods]
impl Databases {
    /// Configure a connection by a driver, such as "postgresql-database-plugin", and a URL in which
    /// "{{username}}" and "{{password}}" stand for the login. `pool` is how many connections are
    /// open at most, how many wait unused, and how many seconds one is used.
    #[pyo3(signature = (
        name, driver, url, *, username=None, password=None, options=None, allowed_roles=None,
        root_rotation_statements=None, password_policy=None, username_template=None, pool=None,
        verify=true
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but three are named")]
    fn configure(
        &self,
        py: Python<'_>,
        name: &str,
        driver: &str,
        url: &str,
        username: Option<String>,
        password: Option<Text>,
        options: Option<BTreeMap<String, String>>,
        allowed_roles: List,
        root_rotation_statements: List,
        password_policy: Option<String>,
        username_template: Option<String>,
        pool: Option<(u32, u32, u64)>,
        verify: bool,
    ) -> PyResult<()> {
        let mut new = Connection::new(driver, url).verify(verify);
        if username.is_some() || password.is_some() {
            let password = password.map_or_else(|| SecretString::copy_from(""), |text| text.0);
            new = new.login(username.unwrap_or_default(), password);
        }
        for (name, value) in options.unwrap_or_default() {
            new = new.option(name, value);
        }
        let lists: [(List, SetList<Connection>); 2] = [
            (allowed_roles, |new, all| new.allowed_roles(all)),
            (root_rotation_statements, |new, all| {
                new.root_rotation_statements(all)
            }),
        ];
        new = set_lists(new, lists);
        if let Some(policy) = password_policy {
            new = new.password_policy(policy);
        }
        if let Some(template) = username_template {
            new = new.username_template(template);
        }
        if let Some((open, idle, seconds)) = pool {
            new = new.connections(open, idle, Duration::from_secs(seconds));
        }
        call(py, || self.databases.configure(name, &new))
    }

    /// Return what is known of a connection, but for its password.
    fn connection<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
        describe(py, &call(py, || self.databases.connection(name))?)
    }

    /// List the names of the connections, sorted.
    fn connections(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.databases.connections().map(texts))
    }

    /// Delete a connection. Revoke the leases of what was made by it first.
    fn delete_connection(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.delete_connection(name))
    }

    /// Close what this process has open of a connection.
    fn reset(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.reset(name))
    }

    /// Give the login of a connection a password that nobody but the vault knows.
    fn rotate_root(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.rotate_root(name))
    }

    /// Write a role of a connection: the statements that make, renew, undo and take away a user,
    /// and for how many seconds one lives. What is not said of a role that is there stays.
    #[pyo3(signature = (
        name, connection, *, creation=None, renewal=None, rollback=None, revocation=None,
        default_ttl=None, max_ttl=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but two are named")]
    fn write_role(
        &self,
        py: Python<'_>,
        name: &str,
        connection: &str,
        creation: List,
        renewal: List,
        rollback: List,
        revocation: List,
        default_ttl: Option<u64>,
        max_ttl: Option<u64>,
    ) -> PyResult<()> {
        let lists: [(List, SetList<Role>); 4] = [
            (creation, |role, all| role.creation(all)),
            (renewal, |role, all| role.renewal(all)),
            (rollback, |role, all| role.rollback(all)),
            (revocation, |role, all| role.revocation(all)),
        ];
        let times: [(Option<u64>, SetTime); 2] =
            [(default_ttl, Role::default_ttl), (max_ttl, Role::max_ttl)];
        let mut role = set_lists(Role::new(connection), lists);
        for (seconds, set) in times {
            if let Some(seconds) = seconds {
                role = set(role, Duration::from_secs(seconds));
            }
        }
        call(py, || self.databases.write_role(name, &role))
    }

    /// List the names of the roles, sorted.
    fn roles(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.databases.roles().map(texts))
    }

    /// Delete a role. What it made lives on until its leases end.
    fn delete_role(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.delete_role(name))
    }

    /// Make a user of a role. In a `with` it is renewed, and taken away at its end.
    fn credentials(&self, py: Python<'_>, role: &str) -> PyResult<Credentials> {
        call(py, || self.databases.credentials(role)).map(Credentials::new)
    }

    /// Write a static role: a user that is there, or two that take turns, whose password the vault
    /// changes every `rotation_period` seconds, or by `rotation_schedule`: five fields of cron in
    /// UTC, each change within `rotation_window` seconds, if that is not 0.
    #[pyo3(signature = (
        name, connection, username, *, second=None, grace=0, rotation_period=None,
        rotation_schedule=None, rotation_window=0, rotation_statements=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all but three are named")]
    fn write_static_role(
        &self,
        py: Python<'_>,
        name: &str,
        connection: &str,
        username: &str,
        second: Option<&str>,
        grace: u64,
        rotation_period: Option<u64>,
        rotation_schedule: Option<&str>,
        rotation_window: u64,
        rotation_statements: List,
    ) -> PyResult<()> {
        let mut role = match second {
            None => StaticRole::new(connection, username),
            Some(second) => {
                StaticRole::dual(connection, username, second, Duration::from_secs(grace))
            }
        };
        if let Some(seconds) = rotation_period {
            role = role.rotation_period(Duration::from_secs(seconds));
        }
        if let Some(schedule) = rotation_schedule {
            role = role.rotation_schedule(schedule);
        }
        if rotation_window > 0 {
            role = role.rotation_window(Duration::from_secs(rotation_window));
        }
        if let Some(statements) = rotation_statements {
            role = role.rotation_statements(statements);
        }
        call(py, || self.databases.write_static_role(name, &role))
    }

    /// List the names of the static roles, sorted.
    fn static_roles(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.databases.static_roles().map(texts))
    }

    /// Delete a static role. Its user stays, with the last password.
    fn delete_static_role(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.delete_static_role(name))
    }

    /// Return the credentials of a static role.
    fn static_credentials(&self, py: Python<'_>, name: &str) -> PyResult<StaticCredentials> {
        let found = call(py, || self.databases.static_credentials(name))?;
        Ok(StaticCredentials {
            username: found.username,
            password: found.password,
            ttl: found.ttl.as_secs(),
            rotated: found.rotated.to_string(),
            rotation_period: found.rotation_period.map(|period| period.as_secs()),
            rotation_schedule: found.rotation_schedule,
        })
    }

    /// Change the password of a static role now.
    fn rotate_static_role(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        call(py, || self.databases.rotate_static_role(name))
    }

    fn __repr__(&self) -> &'static str {
        "Databases()"
    }
}

fn set_lists<T, const N: usize>(mut made: T, lists: [(List, SetList<T>); N]) -> T {
    for (list, set) in lists {
        if let Some(list) = list {
            made = set(made, list);
        }
    }
    made
}

fn describe<'py>(py: Python<'py>, found: &ConnectionInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("driver", &found.plugin)?;
    told.set_item("url", &found.url)?;
    told.set_item("username", &found.username)?;
    told.set_item("options", &found.options)?;
    told.set_item("allowed_roles", &found.allowed_roles)?;
    told.set_item("root_rotation_statements", &found.root_rotation_statements)?;
    told.set_item("password_policy", &found.password_policy)?;
    told.set_item("username_template", &found.username_template)?;
    let lifetime = found.max_connection_lifetime.as_secs();
    let pool = (
        found.max_open_connections,
        found.max_idle_connections,
        lifetime,
    );
    told.set_item("pool", pool)?;
    Ok(told)
}
