//! Connections: how a database is reached, and which roles may use it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::claim::Claim;
use super::driver::{Driver, Settings};
use super::{CONFIGS, Name, Site};
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::secret::SecretString;
use crate::token::micros;

/// The longest text of a connection, in bytes.
const MAX_TEXT: usize = 65_536;

/// How long nobody else begins to change the password of a login: longer than it takes to try all that
/// may be in force, each for the timeout of a driver.
const ROTATION: Duration = Duration::from_secs(300);
/// The most passwords that may be in force beside the stored one.
const MAX_PENDING: usize = 8;

/// A connection, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) plugin: String,
    pub(super) url: String,
    pub(super) username: String,
    password: String,
    /// Passwords that may be in force instead: of rotations whose end nobody knows. The last one is that
    /// of the rotation under way.
    pub(super) pending: Vec<String>,
    pub(super) rotation: Option<Claim>,
    pub(super) options: BTreeMap<String, String>,
    pub(super) allowed_roles: Vec<String>,
    pub(super) root_statements: Vec<String>,
    pub(super) password_policy: String,
    pub(super) username_template: String,
    pub(super) max_open_connections: u32,
    pub(super) max_idle_connections: u32,
    pub(super) max_lifetime: u64, // microseconds, 0: none
    /// Another one with each change, so that open connections are told from those of before.
    pub(super) generation: [u8; 16],
}

impl Record for Config {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "database connection";
}

impl Drop for Config {
    fn drop(&mut self) {
        self.password.zeroize();
        self.pending.zeroize();
        self.url.zeroize(); // some have the password in it
        self.options.values_mut().for_each(Zeroize::zeroize); // one is a private key
    }
}

impl Config {
    /// Returns the settings for the driver.
    pub(super) fn settings(&self) -> Settings {
        self.settings_with(&self.password)
    }

    /// Returns the settings for the driver, with another password than the stored one.
    pub(super) fn settings_with(&self, password: &str) -> Settings {
        let lifetime = Duration::from_micros(self.max_lifetime);
        let mut settings = Settings::new(self.url.as_str())
            .login(self.username.as_str(), SecretString::copy_from(password))
            .connections(
                self.max_open_connections,
                self.max_idle_connections,
                Some(lifetime).filter(|time| !time.is_zero()),
            );
        for (name, value) in &self.options {
            settings = settings.option(name, value);
        }
        settings
    }

    /// Claims the rotation of the password, and returns the claim and the password to be set: one that
    /// may be in force already, or else what `fresh` makes.
    ///
    /// # Errors
    /// `Conflict` if somebody else has the claim.
    pub(super) fn begin_rotation(
        &mut self,
        txn: &mut Txn<'_>,
        fresh: impl FnOnce(&mut Txn<'_>) -> Result<SecretString>,
    ) -> Result<([u8; 16], SecretString)> {
        let claim = Claim::take(txn, self.rotation.as_ref(), ROTATION)?;
        if self.pending.is_empty() {
            self.pending.push(fresh(txn)?.expose().to_owned());
        }
        let id = claim.id;
        self.rotation = Some(claim);
        self.renew(txn)?;
        let password = self.pending.last().map(String::as_str).unwrap_or_default();
        Ok((id, SecretString::copy_from(password)))
    }

    /// Says that `password` was set under a claim: it is the one in force, unless somebody else had
    /// reason to begin meanwhile. Then nobody can tell, and what may be in force is kept, up to [`MAX_PENDING`] of them.
    pub(super) fn end_rotation(
        &mut self,
        txn: &mut Txn<'_>,
        claim: [u8; 16],
        password: &str,
    ) -> Result<()> {
        let own = self.rotation.take().is_some_and(|held| held.id == claim);
        match own {
            true => {
                self.pending.zeroize();
                self.password.zeroize();
                password.clone_into(&mut self.password);
            }
            false => self.suspect(password),
        }
        self.renew(txn)
    }

    /// Says that it is not known whether `password` was set under a claim; or, if it was `refused`, that
    /// it was not: the next rotation makes another one then.
    pub(super) fn give_up_rotation(
        &mut self,
        txn: &mut Txn<'_>,
        claim: [u8; 16],
        (password, refused): (&str, bool),
    ) -> Result<()> {
        let own = self.rotation.take_if(|held| held.id == claim).is_some();
        match own && refused {
            true => self.pending.retain_mut(|pending| {
                let other = pending != password;
                if !other {
                    pending.zeroize();
                }
                other
            }),
            false => self.suspect(password),
        }
        self.renew(txn)
    }

    fn suspect(&mut self, password: &str) {
        let known = self.pending.iter().any(|pending| pending == password);
        if known || self.password == password {
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            self.pending.remove(0).zeroize();
        }
        self.pending.push(password.to_owned());
    }

    /// Tells what is open by this from what was open before.
    fn renew(&mut self, txn: &Txn<'_>) -> Result<()> {
        self.generation = txn.unique(&[b"database", self.name.as_bytes()])?;
        Ok(())
    }

    /// Returns the template by which users are named.
    pub(super) fn username_template<'c>(&'c self, driver: &dyn Driver) -> &'c str {
        match self.username_template.as_str() {
            "" => driver.username_template(),
            template => template,
        }
    }

    /// Returns whether a role may use the connection.
    pub(super) fn allows(&self, role: &Name) -> bool {
        let role = role.as_str();
        self.allowed_roles
            .iter()
            .any(|allowed| match allowed.strip_suffix('*') {
                Some(prefix) => role.starts_with(prefix),
                None => allowed == role,
            })
    }
}

/// What a role is told that its connection does not allow.
pub(super) fn not_allowed() -> Error {
    Error::invalid("the role is not an allowed role of its connection")
}

/// Returns a connection, if there is one.
pub(super) fn load(txn: &mut Txn<'_>, site: Site, name: &str) -> Result<Option<Config>> {
    let path = site.entry(txn, CONFIGS, &Name::new(name)?)?;
    txn.load(&path)
}

/// Returns a connection that there must be.
pub(super) fn known(txn: &mut Txn<'_>, site: Site, name: &str) -> Result<Config> {
    let missing = || Error::invalid("there is no database connection of this name");
    load(txn, site, name)?.ok_or_else(missing)
}

pub(super) fn store(txn: &mut Txn<'_>, site: Site, config: &Config) -> Result<()> {
    let path = site.entry(txn, CONFIGS, &Name::new(&config.name)?)?;
    txn.store(path, config)
}

/// A connection to be configured. What is not said of one that is there stays as it is.
///
/// ```
/// use vaultcore::SecretString;
/// use vaultcore::database::Connection;
/// let url = "postgresql://{{username}}:{{password}}@localhost:5432/app";
/// let connection = Connection::new("postgresql-database-plugin", url)
///     .login("vault", SecretString::copy_from("s3cr3t"))
///     .allowed_roles(["readonly"]);
/// # let _ = connection;
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct Connection {
    pub(super) plugin: Option<String>,
    pub(super) url: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<std::sync::Arc<SecretString>>,
    pub(super) options: BTreeMap<String, String>,
    pub(super) allowed_roles: Option<Vec<String>>,
    pub(super) root_statements: Option<Vec<String>>,
    pub(super) password_policy: Option<String>,
    pub(super) username_template: Option<String>,
    pub(super) max_open: Option<u32>,
    pub(super) max_idle: Option<u32>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) verify: Option<bool>,
}

impl Connection {
    /// A connection by a driver's name, and a URL in which `{{username}}` and `{{password}}` stand for
    /// the login.
    pub fn new(plugin: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            plugin: Some(plugin.into()),
            url: Some(url.into()),
            ..Self::default()
        }
    }

    /// Sets who the vault logs in as: somebody who may make users. The password is never shown again.
    pub fn login(mut self, username: impl Into<String>, password: SecretString) -> Self {
        self.username = Some(username.into());
        self.password = Some(std::sync::Arc::new(password));
        self
    }

    /// Sets an option of the driver. Those of PostgreSQL and MySQL are `tls_ca`, the certificates that the
    /// server's is checked against, and `tls_certificate` with `private_key`, which are shown to it, all
    /// as PEM; MySQL's takes `tls_certificate_key`, too, which has both. Keys are not shown again.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets the roles that may use the connection; `*` at the end of one stands for any rest. Without
    /// any, none may.
    pub fn allowed_roles<S: Into<String>>(mut self, roles: impl IntoIterator<Item = S>) -> Self {
        self.allowed_roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the statements that change the password of the login, instead of the driver's own.
    pub fn root_rotation_statements<S: Into<String>>(
        mut self,
        statements: impl IntoIterator<Item = S>,
    ) -> Self {
        self.root_statements = Some(statements.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the [password policy](crate::Sys::put_password_policy) by which passwords are made; empty for
    /// none: 20 letters, digits and `-` then.
    pub fn password_policy(mut self, name: impl Into<String>) -> Self {
        self.password_policy = Some(name.into());
        self
    }

    /// Sets the template of users' names, instead of the driver's own. It is Vault's, with the fields
    /// `.DisplayName` and `.RoleName`; a name has as much chance as eight random letters and digits, by
    /// `random` or `uuid`.
    pub fn username_template(mut self, template: impl Into<String>) -> Self {
        self.username_template = Some(template.into());
        self
    }

    /// Sets how many connections are open at most (4 by default), how many of them wait unused, and
    /// how long one is used; zero is for ever.
    pub fn connections(mut self, open: u32, idle: u32, lifetime: Duration) -> Self {
        (self.max_open, self.max_idle) = (Some(open), Some(idle));
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Whether the login is tried before the connection is stored; it is by default.
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = Some(verify);
        self
    }

    /// Returns what becomes of a stored connection by this.
    pub(super) fn apply(
        &self,
        txn: &Txn<'_>,
        name: &Name,
        before: Option<Config>,
    ) -> Result<Config> {
        let mut config = before.unwrap_or_else(|| Config {
            name: name.as_str().to_owned(),
            plugin: String::new(),
            url: String::new(),
            username: String::new(),
            password: String::new(),
            pending: Vec::new(),
            rotation: None,
            options: BTreeMap::new(),
            allowed_roles: Vec::new(),
            root_statements: Vec::new(),
            password_policy: String::new(),
            username_template: String::new(),
            max_open_connections: 4,
            max_idle_connections: 4,
            max_lifetime: 0,
            generation: [0; 16],
        });
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                value.clone_into(field);
            }
        };
        set(&mut config.plugin, &self.plugin);
        set(&mut config.url, &self.url);
        set(&mut config.username, &self.username);
        set(&mut config.password_policy, &self.password_policy);
        set(&mut config.username_template, &self.username_template);
        if let Some(password) = &self.password {
            config.password.zeroize();
            config.password = password.expose().to_owned();
            config.pending.zeroize();
            config.rotation = None;
        }
        config.options.extend(self.options.clone());
        config.options.retain(|_, value| !value.is_empty());
        if let Some(roles) = &self.allowed_roles {
            config.allowed_roles.clone_from(roles);
        }
        if let Some(statements) = &self.root_statements {
            config.root_statements.clone_from(statements);
        }
        config.max_open_connections = self.max_open.unwrap_or(config.max_open_connections);
        let idle = self.max_idle.unwrap_or(config.max_idle_connections);
        config.max_idle_connections = idle.min(config.max_open_connections);
        if let Some(lifetime) = self.max_lifetime {
            config.max_lifetime = micros(lifetime);
        }
        config.renew(txn)?;
        config.check()?;
        Ok(config)
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        let missing = |name: &str| Err(Error::invalid(format!("{name} must be given")));
        if self.plugin.is_empty() {
            return missing("plugin_name");
        }
        if self.url.is_empty() {
            return missing("connection_url");
        }
        if self.max_open_connections == 0 || self.max_open_connections > 1_000 {
            return Err(Error::invalid("max_open_connections is from 1 to 1,000"));
        }
        let texts = self.options.values().chain(&self.root_statements);
        let texts = texts.chain([&self.url, &self.username_template]);
        if texts.map(String::len).sum::<usize>() > MAX_TEXT {
            return Err(Error::invalid("a connection has at most 64 KiB of text"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection([redacted])")
    }
}
