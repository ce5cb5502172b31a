//! What static roles hand out.

use std::time::Duration;

use super::super::{KIND, Name, Site, api, api_path, config};
use super::known;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

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
    /// How often it is changed, unless there is a schedule.
    pub rotation_period: Option<Duration>,
    /// When it is changed, by the calendar.
    pub rotation_schedule: Option<String>,
    /// How long after a time of the schedule a change may begin; zero for ever.
    pub rotation_window: Duration,
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
        // As in Vault: who may not use the connection any more is handed out nothing of it.
        if !config::known(cx.txn, site, &stored.config)?.allows(&self.name) {
            return Err(config::not_allowed());
        }
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
            rotation_period: Some(Duration::from_micros(stored.period))
                .filter(|time| !time.is_zero()),
            rotation_schedule: stored.schedule.clone(),
            rotation_window: Duration::from_micros(stored.window),
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, credentials: &StaticCredentials) -> Result<Response> {
        let object = Object::new()
            .time("last_vault_rotation", Some(credentials.rotated))
            .text("password", credentials.password.expose());
        let schedule = credentials.rotation_schedule.as_deref();
        let window = credentials.rotation_window;
        let object = api::times(object, credentials.rotation_period, schedule, Some(window));
        Ok(Response::data(
            object
                .number("ttl", credentials.ttl.as_secs())
                .text("username", &credentials.username),
        ))
    }
}
