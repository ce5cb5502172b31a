//! The Python package's native part: each method converts, makes one call on the public API of
//! `vaultcore`, and converts back.

mod auth;
mod credentials;
mod database;
mod error;
mod identity;
mod json;
mod kv;
mod leases;
mod python;
mod request;
mod secret;
mod session;
mod sys;
mod token;
mod transit;
mod vault;

use pyo3::prelude::*;

/// The native part of `vaultcore`.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::add(module)?;
    json::prepare(module.py())?;
    module.add_function(wrap_pyfunction!(vault::open, module)?)?;
    module.add_function(wrap_pyfunction!(kv::parse_env, module)?)?;
    module.add_class::<vault::Vault>()?;
    module.add_class::<vault::Init>()?;
    module.add_class::<secret::Secret>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<request::Response>()?;
    module.add_class::<kv::Kv>()?;
    module.add_class::<kv::KvSecret>()?;
    module.add_class::<kv::KvV1>()?;
    module.add_class::<transit::Transit>()?;
    module.add_class::<database::Databases>()?;
    module.add_class::<credentials::Credentials>()?;
    module.add_class::<credentials::StaticCredentials>()?;
    module.add_class::<credentials::FakeDatabase>()?;
    module.add_class::<leases::Leases>()?;
    module.add_class::<identity::Identity>()?;
    module.add_class::<auth::Userpass>()?;
    module.add_class::<auth::AppRole>()?;
    module.add_class::<auth::SecretId>()?;
    module.add_class::<sys::Sys>()?;
    module.add_class::<token::Tokens>()
}
