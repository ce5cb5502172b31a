//! Roles: what is made for whoever asks for credentials.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::creds::Made;
use super::{KIND, Name, Purpose, ROLES, Site, api, api_path, check_statements};
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::token::micros;
use crate::wire::{Json, Object, Response};

/// The longest text of all statements of a role, in bytes.
pub(super) const MAX_STATEMENTS: usize = 65_536;

/// A role, as stored. Times are microseconds; 0 is none.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) config: String,
    pub(super) creation: Vec<String>,
    pub(super) renewal: Vec<String>,
    pub(super) rollback: Vec<String>,
    pub(super) revocation: Vec<String>,
    default_ttl: u64,
    max_ttl: u64,
}

impl Record for Stored {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "database role";
}

impl Stored {
    pub(super) fn default_ttl(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.default_ttl)).filter(|ttl| !ttl.is_zero())
    }

    pub(super) fn max_ttl(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.max_ttl)).filter(|ttl| !ttl.is_zero())
    }
}

/// Returns a role, if there is one.
pub(super) fn load(txn: &mut Txn<'_>, site: Site, name: &Name) -> Result<Option<Stored>> {
    let path = site.entry(txn, ROLES, name)?;
    txn.load(&path)
}

/// Returns the statements that renew what a lease is for: those of the role of now, if it is still
/// there.
pub(super) fn renewal(txn: &mut Txn<'_>, site: Site, made: &Made) -> Result<Vec<String>> {
    let role = load(txn, site, &Name::new(&made.role)?)?;
    Ok(role.map(|role| role.renewal).unwrap_or_default())
}

/// A role: by which connection users are made, how, and for how long.
///
/// Statements are those of the database, with placeholders: `{{name}}` (or `{{username}}`),
/// `{{password}}`, `{{expiration}}`. What is not said of a role that is there stays as it is.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::database::Role;
/// let role = Role::new("app")
///     .creation(["CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"])
///     .default_ttl(Duration::from_secs(3_600));
/// # let _ = role;
/// ```
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    pub(super) config: Option<String>,
    pub(super) creation: Option<Vec<String>>,
    pub(super) renewal: Option<Vec<String>>,
    pub(super) rollback: Option<Vec<String>>,
    pub(super) revocation: Option<Vec<String>>,
    pub(super) default_ttl: Option<Duration>,
    pub(super) max_ttl: Option<Duration>,
}

/// Takes statements over.
fn owned<S: Into<String>>(statements: impl IntoIterator<Item = S>) -> Option<Vec<String>> {
    Some(statements.into_iter().map(Into::into).collect())
}

impl Role {
    /// A role of the connection `config`.
    pub fn new(config: impl Into<String>) -> Self {
        Self {
            config: Some(config.into()),
            ..Self::default()
        }
    }

    /// Sets the statements that make a user.
    pub fn creation<S: Into<String>>(mut self, statements: impl IntoIterator<Item = S>) -> Self {
        self.creation = owned(statements);
        self
    }

    /// Sets the statements that prolong a user's life, instead of the driver's own.
    pub fn renewal<S: Into<String>>(mut self, statements: impl IntoIterator<Item = S>) -> Self {
        self.renewal = owned(statements);
        self
    }

    /// Sets the statements that undo a user who was made in part.
    pub fn rollback<S: Into<String>>(mut self, statements: impl IntoIterator<Item = S>) -> Self {
        self.rollback = owned(statements);
        self
    }

    /// Sets the statements that take a user away, instead of the driver's own. They are kept with each
    /// lease: a role that is changed or deleted later changes nothing for what it made.
    pub fn revocation<S: Into<String>>(mut self, statements: impl IntoIterator<Item = S>) -> Self {
        self.revocation = owned(statements);
        self
    }

    /// Sets how long credentials live unless they are renewed; zero is as the mount says.
    pub fn default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets how long credentials may live in all; zero is as the mount says.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = Some(ttl);
        self
    }

    fn of(stored: &Stored) -> Self {
        Self {
            config: Some(stored.config.clone()),
            creation: Some(stored.creation.clone()),
            renewal: Some(stored.renewal.clone()),
            rollback: Some(stored.rollback.clone()),
            revocation: Some(stored.revocation.clone()),
            default_ttl: Some(Duration::from_micros(stored.default_ttl)),
            max_ttl: Some(Duration::from_micros(stored.max_ttl)),
        }
    }

    fn apply(&self, stored: &mut Stored) -> Result<()> {
        let lists = [
            (&mut stored.creation, &self.creation),
            (&mut stored.renewal, &self.renewal),
            (&mut stored.rollback, &self.rollback),
            (&mut stored.revocation, &self.revocation),
        ];
        let mut size = 0usize;
        for (field, value) in lists {
            if let Some(value) = value {
                field.clone_from(value);
            }
            size = field
                .iter()
                .map(String::len)
                .fold(size, usize::saturating_add);
        }
        if size > MAX_STATEMENTS {
            return Err(Error::invalid(
                "the statements of a role have at most 64 KiB",
            ));
        }
        if let Some(config) = &self.config {
            stored.config.clone_from(config);
        }
        stored.default_ttl = self.default_ttl.map_or(stored.default_ttl, micros);
        stored.max_ttl = self.max_ttl.map_or(stored.max_ttl, micros);
        if stored.config.is_empty() {
            return Err(Error::invalid("empty database name attribute"));
        }
        if stored.max_ttl > 0 && stored.default_ttl > stored.max_ttl {
            return Err(Error::invalid(
                "the default TTL of a role is at most its max TTL",
            ));
        }
        Ok(())
    }
}

/// Writes a role.
pub(crate) struct WriteRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
    pub(crate) role: Role,
}

impl Operation for WriteRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "roles", &self.name)?;
        let site = Site::of(cx.mount()?);
        let known = load(cx.txn, site, &self.name)?.is_some();
        let capability = if known {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        if super::statics::load(cx.txn, site, &self.name)?.is_some() {
            return Err(Error::invalid("a static role has this name"));
        }
        let mut stored = load(cx.txn, site, &self.name)?.unwrap_or_default();
        self.role.apply(&mut stored)?;
        let lists = [
            (Purpose::Create, stored.creation.as_slice()),
            (Purpose::Create, stored.rollback.as_slice()),
            (Purpose::Renew, stored.renewal.as_slice()),
            (Purpose::Drop, stored.revocation.as_slice()),
        ];
        check_statements(cx, &stored.config, &lists)?;
        let path = site.entry(cx.txn, ROLES, &self.name)?;
        cx.txn.store(path, &stored)
    }

    fn input(&self) -> Json {
        api::role_object(&self.role).finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a role.
pub(crate) struct ReadRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ReadRole<'_> {
    type Reply = Role;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Role> {
        let site = Site::of(cx.mount()?);
        let missing = || Error::not_found("there is no role of this name");
        let stored = load(cx.txn, site, &self.name)?.ok_or_else(missing)?;
        Ok(Role::of(&stored))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, role: &Role) -> Result<Response> {
        Ok(Response::data(api::role_object(role)))
    }
}

/// Deletes a role. What it made lives on until its leases end.
pub(crate) struct DeleteRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for DeleteRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        let path = site.entry(cx.txn, ROLES, &self.name)?;
        cx.txn.delete(path);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
