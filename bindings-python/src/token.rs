//! Tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vaultcore::{NewToken, TokenInfo, TokenStore};

use crate::error::call;
use crate::secret::{Secret, Text};

type Set = fn(NewToken) -> NewToken;
type SetTime = fn(NewToken, Duration) -> NewToken;

/// The tokens of a namespace.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Tokens {
    tokens: TokenStore,
}

impl Tokens {
    pub(crate) fn new(tokens: TokenStore) -> Self {
        Self { tokens }
    }
}

#[pymethods]
impl Tokens {
    /// Make a token. Times are seconds; 0 leaves them to the vault.
    #[pyo3(signature = (
        *, policies=None, ttl=0, num_uses=0, period=0, explicit_max_ttl=0, orphan=false,
        batch=false, renewable=true, default_policy=true, metadata=None, display_name=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn create(
        &self,
        py: Python<'_>,
        policies: Option<Vec<String>>,
        ttl: u64,
        num_uses: u64,
        period: u64,
        explicit_max_ttl: u64,
        orphan: bool,
        batch: bool,
        renewable: bool,
        default_policy: bool,
        metadata: Option<BTreeMap<String, String>>,
        display_name: Option<String>,
    ) -> PyResult<Secret> {
        let mut new = NewToken::new().num_uses(num_uses).renewable(renewable);
        for policy in policies.unwrap_or_default() {
            new = new.policy(policy);
        }
        for (name, value) in metadata.unwrap_or_default() {
            new = new.metadata(name, value);
        }
        if let Some(name) = display_name {
            new = new.display_name(name);
        }
        let times: [(u64, SetTime); 3] = [
            (ttl, NewToken::ttl),
            (period, NewToken::period),
            (explicit_max_ttl, NewToken::explicit_max_ttl),
        ];
        for (seconds, set) in times.into_iter().filter(|(seconds, _)| *seconds > 0) {
            new = set(new, Duration::from_secs(seconds));
        }
        let switches: [(bool, Set); 3] = [
            (orphan, NewToken::orphan),
            (batch, NewToken::batch),
            (!default_policy, NewToken::no_default_policy),
        ];
        for (_, set) in switches.into_iter().filter(|(wanted, _)| *wanted) {
            new = set(new);
        }
        call(py, || self.tokens.create(&new)).map(Secret::text)
    }

    /// Return what is known of a token, the session's own if none is given.
    #[pyo3(signature = (token=None))]
    fn lookup<'py>(&self, py: Python<'py>, token: Option<Text>) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || match &token {
            Some(token) => self.tokens.lookup(&token.0),
            None => self.tokens.lookup_self(),
        })?;
        describe(py, &found)
    }

    /// Renew a token, the session's own if none is given; return the seconds that it lives now.
    #[pyo3(signature = (token=None, *, increment=None))]
    fn renew(&self, py: Python<'_>, token: Option<Text>, increment: Option<u64>) -> PyResult<u64> {
        let increment = increment.map(Duration::from_secs);
        let lives = call(py, || match &token {
            Some(token) => self.tokens.renew(&token.0, increment),
            None => self.tokens.renew_self(increment),
        })?;
        Ok(lives.as_secs())
    }

    /// Revoke a token with its children, the session's own if none is given.
    #[pyo3(signature = (token=None))]
    fn revoke(&self, py: Python<'_>, token: Option<Text>) -> PyResult<()> {
        call(py, || match &token {
            Some(token) => self.tokens.revoke(&token.0),
            None => self.tokens.revoke_self(),
        })
    }

    /// Revoke a token by its accessor.
    fn revoke_accessor(&self, py: Python<'_>, accessor: &str) -> PyResult<()> {
        call(py, || self.tokens.revoke_accessor(accessor))
    }

    /// List the accessors of all tokens.
    fn accessors(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.tokens.accessors())
    }

    fn __repr__(&self) -> &'static str {
        "Tokens()"
    }
}

fn describe<'py>(py: Python<'py>, found: &TokenInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("accessor", &found.accessor)?;
    told.set_item("policies", &found.policies)?;
    told.set_item("identity_policies", &found.identity_policies)?;
    told.set_item("path", &found.path)?;
    told.set_item("display_name", &found.display_name)?;
    told.set_item("metadata", &found.metadata)?;
    told.set_item("batch", found.batch)?;
    told.set_item("orphan", found.orphan)?;
    told.set_item("renewable", found.renewable)?;
    told.set_item("ttl", found.ttl.as_secs())?;
    told.set_item("num_uses", found.num_uses)?;
    told.set_item("role", &found.role)?;
    told.set_item(
        "expire_time",
        found.expire_time.map(|time| time.to_string()),
    )?;
    Ok(told)
}
