//! What is done with connections.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{Config, Connection, known, load, store};
use super::pool::Opener;
use super::{CONFIGS, Databases, KIND, Name, Purpose, Site, api, api_path, password, username};
use crate::error::{Error, ErrorKind, Result};
use crate::id::LeaseKey;
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// Configures a connection; the database is asked before it is stored.
pub(crate) struct WriteConnection<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
    pub(crate) connection: Connection,
}

/// A connection that is about to be stored.
pub(crate) struct Writing {
    site: Site,
    /// The generation of the connection while it was decided what becomes of it.
    before: Option<[u8; 16]>,
    config: Config,
    opener: Option<Opener>,
}

impl Operation for WriteConnection<'_> {
    type Reply = Writing;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "config", &self.name)?;
        let site = Site::of(cx.mount()?);
        let known = load(cx.txn, site, self.name.as_str())?.is_some();
        let capability = if known {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Writing> {
        let site = Site::of(cx.mount()?);
        let stored = load(cx.txn, site, self.name.as_str())?;
        let before = stored.as_ref().map(|stored| stored.generation);
        let config = self.connection.apply(cx.txn, &self.name, stored)?;
        let databases = Databases::of(cx.registry)?;
        let driver = databases.driver(&config.plugin)?.as_ref();
        let template = config.username_template(driver);
        username::check(cx.txn, template, driver.max_username())?;
        password::check(cx.txn, site, &config)?;
        driver.check(Purpose::Rotate, &config.root_statements)?;
        let opener = databases.opener(site, config.clone())?;
        opener.check()?;
        let verify = self.connection.verify.unwrap_or(true);
        if !verify {
            store(cx.txn, site, &config)?;
        }
        Ok(Writing {
            site,
            before,
            config,
            opener: Some(opener).filter(|_| verify),
        })
    }

    fn outside<'r>(&'r self, writing: &'r mut Writing) -> Option<Box<dyn Outside + 'r>> {
        writing
            .opener
            .is_some()
            .then(|| Box::new(Verifying(writing)) as _)
    }

    fn input(&self) -> Json {
        api::connection(&self.connection)
    }

    fn output(&self, _: &Writing) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// First the database is asked, then the connection is stored: one that does not work changes
/// nothing.
struct Verifying<'r>(&'r mut Writing);

impl Outside for Verifying<'_> {
    fn act(&mut self) -> Result<()> {
        match &self.0.opener {
            Some(opener) => opener.open_fresh()?.verify(),
            None => Ok(()),
        }
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        // A password that was changed meanwhile must not be put back: nobody else knows it.
        let now = load(cx.txn, self.0.site, &self.0.config.name)?;
        if now.map(|now| now.generation) != self.0.before {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the connection was changed while its database was asked: write it again",
            ));
        }
        store(cx.txn, self.0.site, &self.0.config)
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        None
    }
}

/// A connection, as read: all but its password.
///
/// ```
/// # use vaultcore::database::ConnectionInfo;
/// fn shows(info: &ConnectionInfo) -> String {
///     format!("{} by {}", info.url, info.plugin)
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The name of the driver.
    pub plugin: String,
    /// The URL, with a password that stands in it hidden.
    pub url: String,
    /// Who the vault logs in as.
    pub username: String,
    /// The options of the driver, but for those that are secret.
    pub options: BTreeMap<String, String>,
    /// The roles that may use it.
    pub allowed_roles: Vec<String>,
    /// The statements that change the password of the login.
    pub root_rotation_statements: Vec<String>,
    /// The password policy.
    pub password_policy: String,
    /// The template of users' names; empty for the driver's own.
    pub username_template: String,
    /// How many connections are open at most.
    pub max_open_connections: u32,
    /// How many of them wait unused.
    pub max_idle_connections: u32,
    /// How long one is used; zero for ever.
    pub max_connection_lifetime: Duration,
}

impl std::fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConnectionInfo({})", self.plugin)
    }
}

impl ConnectionInfo {
    fn of(config: &Config) -> Self {
        let secret = |name: &str| name.contains("key") || name.contains("password");
        let options = config.options.iter().filter(|(name, _)| !secret(name));
        Self {
            plugin: config.plugin.clone(),
            url: hide_password(&config.url),
            username: config.username.clone(),
            options: options
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            allowed_roles: config.allowed_roles.clone(),
            root_rotation_statements: config.root_statements.clone(),
            password_policy: config.password_policy.clone(),
            username_template: config.username_template.clone(),
            max_open_connections: config.max_open_connections,
            max_idle_connections: config.max_idle_connections,
            max_connection_lifetime: Duration::from_micros(config.max_lifetime),
        }
    }
}

/// Returns a URL whose password, if one stands in it, is stars; as in Vault.
pub(super) fn hide_password(url: &str) -> String {
    let template = "{{password}}";
    let named = url.to_ascii_lowercase();
    let mut parameters = named
        .match_indices("password")
        .map(|(at, word)| at + word.len());
    let given = parameters.any(|end| {
        let value = named.get(end..).unwrap_or_default().trim_start();
        let value = value.strip_prefix('=').map(str::trim_start);
        value.is_some_and(|value| !value.starts_with(template))
    });
    if given {
        return "*****".to_owned(); // where such a value ends depends on the driver
    }
    let authority = url.find("://").map_or(0, |at| at.saturating_add(3));
    let (scheme, rest) = url.split_at_checked(authority).unwrap_or(("", url));
    let Some((login, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    match login.split_once(':') {
        Some((user, password)) if password != template => {
            format!("{scheme}{user}:*****@{host}")
        }
        _ => url.to_owned(),
    }
}

/// Reads a connection.
pub(crate) struct ReadConnection<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ReadConnection<'_> {
    type Reply = ConnectionInfo;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "config", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<ConnectionInfo> {
        let site = Site::of(cx.mount()?);
        let missing = || Error::not_found("there is no database connection of this name");
        let config = load(cx.txn, site, self.name.as_str())?.ok_or_else(missing)?;
        Ok(ConnectionInfo::of(&config))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, info: &ConnectionInfo) -> Result<Response> {
        Ok(api::connection_info(info))
    }
}

/// Deletes a connection. Leases of what was made by it cannot be ended any more.
pub(crate) struct DeleteConnection<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for DeleteConnection<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "config", &self.name)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        let path = site.entry(cx.txn, CONFIGS, &self.name)?;
        cx.txn.delete(path);
        Databases::of(cx.registry)?
            .pools
            .close(site, self.name.as_str());
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Closes what this process has open of a connection.
pub(crate) struct ResetConnection<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ResetConnection<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "reset", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        known(cx.txn, site, self.name.as_str())?;
        Databases::of(cx.registry)?
            .pools
            .close(site, self.name.as_str());
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::hide_password;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("db://u:{{password}}@h/d", "db://u:{{password}}@h/d"),
            (
                "db://{{username}}:{{password}}@h/d",
                "db://{{username}}:{{password}}@h/d",
            ),
            ("db://u:secret@h/d", "db://u:*****@h/d"),
            ("db://u:sec/ret@h/d", "db://u:*****@h/d"),
            ("db://u:sec@ret@h/d", "db://u:*****@h/d"),
            ("u:secret@tcp(h:1)/", "u:*****@tcp(h:1)/"),
            ("db://h/d?password=secret", "*****"),
            ("host=h user=u Password = secret", "*****"),
            (
                "host=h user=u password={{password}}",
                "host=h user=u password={{password}}",
            ),
            ("db://h/d", "db://h/d"),
        ] {
            assert_eq!(hide_password(url), shown, "{url}");
        }
    }
}
