//! Static roles: users that are there already, whose passwords the vault changes on time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::rotate::{Rotating, Turning, forget_due};
use super::{KIND, Name, STATICS, Site, api, api_path, config, role, rotate};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::secret::SecretString;
use crate::token::micros;
use crate::wire::{Json, Object, Response};

/// The shortest period of rotation; as in Vault.
const MIN_PERIOD: Duration = Duration::from_secs(5);
/// The longest name of a database's user, in bytes.
const MAX_USERNAME: usize = 256;

/// A static role, as stored. Times are microseconds.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    /// Names it in the index of what is due.
    pub(super) id: [u8; 16],
    pub(super) config: String,
    /// One user, or two who take turns.
    pub(super) usernames: Vec<String>,
    /// Of each user; empty before the first rotation.
    pub(super) passwords: Vec<String>,
    /// Which of them is handed out.
    pub(super) active: u8,
    /// What is about to be set, or was: a crash leaves it unknown until it is set again.
    pub(super) pending: Option<String>,
    pub(super) statements: Vec<String>,
    pub(super) period: u64,
    /// How long a password that was handed out must work on after the turn.
    pub(super) grace: u64,
    pub(super) rotated: Option<Timestamp>,
    pub(super) due: Timestamp,
}

impl Record for Stored {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "static database role";

    fn is_sound(&self) -> bool {
        matches!(self.usernames.len(), 1 | 2)
            && self.passwords.len() == self.usernames.len()
            && usize::from(self.active) < self.usernames.len()
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.passwords.zeroize();
        self.pending.zeroize();
    }
}

impl Stored {
    /// Returns whose password is changed next: of two the one that is not handed out.
    pub(super) fn next(&self) -> usize {
        match self.usernames.len() {
            2 => usize::from(self.active ^ 1),
            _ => 0,
        }
    }

    /// Returns when the next turn may be: until then the user before may still be in use.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        let grace = Duration::from_micros(self.grace);
        self.rotated.map(|rotated| rotated.saturating_add(grace))
    }
}

pub(super) fn load(txn: &mut Txn<'_>, site: Site, name: &Name) -> Result<Option<Stored>> {
    let path = site.entry(txn, STATICS, name)?;
    txn.load(&path)
}

pub(super) fn known(txn: &mut Txn<'_>, site: Site, name: &Name) -> Result<Stored> {
    let missing = || Error::not_found("there is no static role of this name");
    load(txn, site, name)?.ok_or_else(missing)
}

pub(super) fn store(txn: &mut Txn<'_>, site: Site, name: &Name, stored: &Stored) -> Result<()> {
    let path = site.entry(txn, STATICS, name)?;
    txn.store(path, stored)
}

/// A static role: a user that is there already, whose password the vault changes on time. Or two that
/// take turns, so that a program that still has the last password is not locked out.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::database::StaticRole;
/// let day = Duration::from_secs(24 * 3_600);
/// let role = StaticRole::new("app", "reporting").rotation_period(day);
/// let turns = StaticRole::dual("app", "web_a", "web_b", day / 24).rotation_period(day);
/// # let _ = (role, turns);
/// ```
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticRole {
    pub(super) config: Option<String>,
    pub(super) usernames: Option<Vec<String>>,
    pub(super) statements: Option<Vec<String>>,
    pub(super) period: Option<Duration>,
    pub(super) grace: Option<Duration>,
}

impl StaticRole {
    /// A role for the user `username` of the connection `config`.
    pub fn new(config: impl Into<String>, username: impl Into<String>) -> Self {
        Self {
            config: Some(config.into()),
            usernames: Some(vec![username.into()]),
            ..Self::default()
        }
    }

    /// A role for two users with the same rights. Each turn changes the password of the one that is not
    /// handed out, and hands it out from then on; the other one works on, for `grace` at least.
    pub fn dual(
        config: impl Into<String>,
        first: impl Into<String>,
        second: impl Into<String>,
        grace: Duration,
    ) -> Self {
        Self {
            config: Some(config.into()),
            usernames: Some(vec![first.into(), second.into()]),
            grace: Some(grace),
            ..Self::default()
        }
    }

    /// Sets how often the password is changed, 5 seconds at least.
    pub fn rotation_period(mut self, period: Duration) -> Self {
        self.period = Some(period);
        self
    }

    /// Sets the statements that change a password, instead of the driver's own.
    pub fn rotation_statements<S: Into<String>>(
        mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Self {
        self.statements = Some(statements.into_iter().map(Into::into).collect());
        self
    }

    fn of(stored: &Stored) -> Self {
        Self {
            config: Some(stored.config.clone()),
            usernames: Some(stored.usernames.clone()),
            statements: Some(stored.statements.clone()),
            period: Some(Duration::from_micros(stored.period)),
            grace: Some(Duration::from_micros(stored.grace)),
        }
    }

    /// Returns the role as it is to be stored.
    fn apply(&self, txn: &Txn<'_>, name: &Name, before: Option<Stored>) -> Result<Stored> {
        let now = txn.now();
        let mut stored = match before {
            Some(stored) => stored,
            None => Stored {
                id: txn.unique(&[b"static role", name.as_str().as_bytes()])?,
                config: String::new(),
                usernames: Vec::new(),
                passwords: Vec::new(),
                active: 0,
                pending: None,
                statements: Vec::new(),
                period: 0,
                grace: 0,
                rotated: None,
                due: now,
            },
        };
        if let Some(usernames) = &self.usernames {
            if !stored.usernames.is_empty() && stored.usernames != *usernames {
                return Err(Error::invalid(
                    "the users of a static role cannot be changed",
                ));
            }
            stored.usernames.clone_from(usernames);
            stored.passwords.resize(usernames.len(), String::new());
        }
        if let Some(config) = &self.config {
            stored.config.clone_from(config);
        }
        if let Some(statements) = &self.statements {
            stored.statements.clone_from(statements);
        }
        stored.grace = self.grace.map_or(stored.grace, micros);
        if let Some(period) = self.period {
            stored.period = micros(period);
            if let Some(rotated) = stored.rotated {
                stored.due = rotated.saturating_add(period);
            }
        }
        stored.check()?;
        Ok(stored)
    }
}

impl Stored {
    fn check(&self) -> Result<()> {
        let refused = |text: &'static str| Err(Error::invalid(text));
        if self.config.is_empty() {
            return refused("db_name must be given");
        }
        let named = |name: &String| !name.is_empty() && name.len() <= MAX_USERNAME;
        if !matches!(self.usernames.len(), 1 | 2) || !self.usernames.iter().all(named) {
            return refused("a static role has one username, or two that take turns");
        }
        if self.usernames.first() == self.usernames.get(1) {
            return refused("the users that take turns are two");
        }
        if self.period < micros(MIN_PERIOD) {
            return refused("rotation_period must be given, and is 5 seconds or more");
        }
        if self.grace >= self.period {
            return refused("the grace is shorter than the period of rotation");
        }
        Ok(())
    }
}

/// Writes a static role. A new one's password is changed at once.
pub(crate) struct WriteStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
    pub(crate) role: StaticRole,
}

impl Operation for WriteStaticRole<'_> {
    type Reply = Option<Rotating>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        let site = Site::of(cx.mount()?);
        let known = load(cx.txn, site, &self.name)?.is_some();
        let capability = if known {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<Rotating>> {
        let site = Site::of(cx.mount()?);
        if role::load(cx.txn, site, &self.name)?.is_some() {
            return Err(Error::invalid("a role that makes users has this name"));
        }
        let before = load(cx.txn, site, &self.name)?;
        let is_new = before.is_none();
        if let Some(before) = &before {
            forget_due(cx.txn, before)?;
        }
        let stored = self.role.apply(cx.txn, &self.name, before)?;
        let config = config::known(cx.txn, site, &stored.config)?;
        if !config.allows(&self.name) {
            return Err(Error::invalid(
                "the role is not an allowed role of its connection",
            ));
        }
        if is_new {
            return rotate::begin(cx, site, &self.name, stored).map(Some);
        }
        rotate::schedule(cx.txn, site, &self.name, stored)?;
        Ok(None)
    }

    fn outside<'r>(&'r self, turning: &'r mut Option<Rotating>) -> Option<Box<dyn Outside + 'r>> {
        let rotating = turning.as_mut()?;
        Some(Box::new(Turning(rotating)))
    }

    fn input(&self) -> Json {
        api::static_object(&self.role).finish()
    }

    fn output(&self, _: &Option<Rotating>) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a static role.
pub(crate) struct ReadStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ReadStaticRole<'_> {
    type Reply = (StaticRole, Option<Timestamp>);

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let site = Site::of(cx.mount()?);
        let stored = known(cx.txn, site, &self.name)?;
        Ok((StaticRole::of(&stored), stored.rotated))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (role, rotated): &Self::Reply) -> Result<Response> {
        let object = api::static_object(role);
        Ok(Response::data(match rotated {
            Some(rotated) => object.time("last_vault_rotation", Some(*rotated)),
            None => object.null("last_vault_rotation"),
        }))
    }
}

/// Deletes a static role. Its user stays, with the last password.
pub(crate) struct DeleteStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for DeleteStaticRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        if let Some(stored) = load(cx.txn, site, &self.name)? {
            forget_due(cx.txn, &stored)?;
        }
        let path = site.entry(cx.txn, STATICS, &self.name)?;
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

/// The credentials of a static role.
///
/// ```
/// # use vaultcore::database::StaticCredentials;
/// fn login(credentials: &StaticCredentials) -> (&str, &str) {
///     (&credentials.username, credentials.password.expose())
/// }
/// ```
#[non_exhaustive]
pub struct StaticCredentials {
    /// The name of the user; of two who take turns the one to be used now.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// How long until it is changed.
    pub ttl: Duration,
    /// When it was changed last.
    pub rotated: Timestamp,
    /// How often it is changed.
    pub rotation_period: Duration,
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticCredentials([redacted])")
    }
}

/// Reads the credentials of a static role.
pub(crate) struct ReadStaticCredentials<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ReadStaticCredentials<'_> {
    type Reply = StaticCredentials;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-creds", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<StaticCredentials> {
        let site = Site::of(cx.mount()?);
        let stored = known(cx.txn, site, &self.name)?;
        let active = usize::from(stored.active);
        let early = || Error::invalid("the password of the role was not changed yet: try again");
        let rotated = stored.rotated.ok_or_else(early)?;
        let (Some(username), Some(password)) =
            (stored.usernames.get(active), stored.passwords.get(active))
        else {
            return Err(early());
        };
        Ok(StaticCredentials {
            username: username.clone(),
            password: SecretString::copy_from(password),
            ttl: stored.due.since(cx.txn.now()),
            rotated,
            rotation_period: Duration::from_micros(stored.period),
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, credentials: &StaticCredentials) -> Result<Response> {
        Ok(Response::data(
            Object::new()
                .time("last_vault_rotation", Some(credentials.rotated))
                .text("password", credentials.password.expose())
                .number("rotation_period", credentials.rotation_period.as_secs())
                .number("ttl", credentials.ttl.as_secs())
                .text("username", &credentials.username),
        ))
    }
}
