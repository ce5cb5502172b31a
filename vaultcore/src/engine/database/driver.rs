//! What a database is to the engine: the trait that drivers implement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroize;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::secret::SecretString;

/// A kind of database, such as PostgreSQL.
///
/// Drivers are given to a vault by [`VaultBuilder::database_driver`](crate::VaultBuilder::database_driver);
/// those of the features `postgres` and `mysql` every vault has.
///
/// ```
/// use std::sync::Arc;
/// use vaultcore::database::{Database, Driver, Fake, Settings};
///
/// /// The fake under another name.
/// struct Renamed(Fake);
/// impl Driver for Renamed {
///     fn name(&self) -> &'static str {
///         "renamed-plugin"
///     }
///     fn open(&self, settings: &Settings) -> vaultcore::Result<Arc<dyn Database>> {
///         self.0.open(settings)
///     }
/// }
/// ```
pub trait Driver: Send + Sync {
    /// Returns the name by which a connection is configured, its `plugin_name`.
    fn name(&self) -> &'static str;

    /// Returns how long a user's name may be, in bytes.
    fn max_username(&self) -> usize {
        63
    }

    /// Returns the template of users' names, unless a connection has one of its own: Vault's for
    /// PostgreSQL. A name has as much chance as eight random letters and digits.
    fn username_template(&self) -> &'static str {
        "{{ printf \"v-%s-%s-%s-%s\" (.DisplayName | truncate 8) (.RoleName | truncate 8) \
         (random 20) (unix_time) | truncate 63 }}"
    }

    /// Returns an error if statements can never be run for `purpose`, whatever the database holds: when
    /// a role is written is a better time to say so than when somebody needs it.
    ///
    /// # Errors
    /// `InvalidArgument`, for a placeholder that there is not, for instance.
    fn check(&self, _purpose: Purpose, _statements: &[String]) -> Result<()> {
        Ok(())
    }

    /// Prepares connections. Nothing is connected yet, so that a database that is down refuses no
    /// configuration.
    ///
    /// # Errors
    /// `InvalidArgument` for settings that cannot be, options that the driver does not know included.
    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>>;
}

/// What statements are for, which says what their placeholders may stand for.
///
/// ```
/// use vaultcore::database::Purpose;
/// fn has_password(purpose: Purpose) -> bool {
///     matches!(purpose, Purpose::Create | Purpose::Rotate)
/// }
/// assert!(!has_password(Purpose::Drop));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They make a user, or undo a part of that: a name, a password and an end.
    Create,
    /// They let a user log in until later: a name and an end.
    Renew,
    /// They take a user away: a name.
    Drop,
    /// They change a password: a name and the password.
    Rotate,
}

/// One configured database. Calls may come from several threads at once; each ends within
/// [`Settings::timeout`].
///
/// Whoever calls may have called before and not know what came of it. To drop a user who is not
/// there succeeds.
pub trait Database: Send + Sync {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached or refuses the login; `Timeout`.
    fn verify(&self) -> Result<()>;

    /// Makes a user, all of the statements or none of them where the database can do that; else the
    /// rollback statements undo what was done.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`; `InvalidArgument` if the database refuses a statement.
    fn create(&self, user: &NewUser<'_>) -> Result<()>;

    /// Changes a user's password, or until when they may log in.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn change(&self, user: &ChangeUser<'_>) -> Result<()>;

    /// Takes a user away, with all that they were granted.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn drop_user(&self, name: &str, statements: &[String]) -> Result<()>;
}

/// How a database is reached.
///
/// ```
/// use vaultcore::SecretString;
/// use vaultcore::database::Settings;
/// let settings = Settings::new("postgresql://{{username}}:{{password}}@localhost/app")
///     .login("vault", SecretString::copy_from("s3cr3t"));
/// assert_eq!(settings.username(), "vault");
/// assert_eq!(settings.timeout().as_secs(), 10);
/// ```
#[derive(Clone)]
pub struct Settings {
    url: String,
    username: String,
    password: Arc<SecretString>,
    options: BTreeMap<String, String>,
    max_open_connections: u32,
    max_idle_connections: u32,
    max_connection_lifetime: Option<Duration>,
    timeout: Duration,
}

impl Settings {
    /// Creates settings from a URL, in which `{{username}}` and `{{password}}` stand for the login.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: String::new(),
            password: Arc::new(SecretString::copy_from("")),
            options: BTreeMap::new(),
            max_open_connections: 4,
            max_idle_connections: 4,
            max_connection_lifetime: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// Sets the login.
    #[must_use]
    pub fn login(mut self, username: impl Into<String>, password: SecretString) -> Self {
        self.username = username.into();
        self.password = Arc::new(password);
        self
    }

    /// Sets an option of the driver, such as `tls_ca`.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets how many connections are open at most (the default is 4), how many of them wait unused,
    /// and how long one is used.
    #[must_use]
    pub fn connections(mut self, open: u32, idle: u32, lifetime: Option<Duration>) -> Self {
        self.max_open_connections = open;
        self.max_idle_connections = idle;
        self.max_connection_lifetime = lifetime;
        self
    }

    /// Returns the URL, in which `{{username}}` and `{{password}}` stand for the login.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the name of the login.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the password of the login.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// Returns the options of the driver.
    #[must_use]
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }

    /// Returns how many connections are open at most.
    #[must_use]
    pub fn max_open_connections(&self) -> u32 {
        self.max_open_connections
    }

    /// Returns how many connections wait unused at most.
    #[must_use]
    pub fn max_idle_connections(&self) -> u32 {
        self.max_idle_connections
    }

    /// Returns how long a connection is used; `None`: as long as it works.
    #[must_use]
    pub fn max_connection_lifetime(&self) -> Option<Duration> {
        self.max_connection_lifetime
    }

    /// Returns within which time each call ends: 10 seconds.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        self.url.zeroize(); // some have the password in it
        self.options.values_mut().for_each(Zeroize::zeroize); // one is a private key
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings([redacted])")
    }
}

/// A user to be made.
///
/// ```
/// use vaultcore::SecretString;
/// use vaultcore::database::NewUser;
/// let password = SecretString::copy_from("s3cr3t");
/// let user = NewUser::new("v-app-1", &password);
/// assert!(user.statements.is_empty());
/// ```
#[non_exhaustive]
pub struct NewUser<'u> {
    /// What the user is called; chosen before anything is done, so that it can be undone.
    pub name: &'u str,
    /// The password.
    pub password: &'u SecretString,
    /// Until when the user may log in; the engine has added five seconds to the end of the lease.
    pub expires: Option<Timestamp>,
    /// The statements that make the user, with their placeholders.
    pub statements: &'u [String],
    /// The statements that undo a part of them.
    pub rollback: &'u [String],
}

impl<'u> NewUser<'u> {
    /// Creates a user without statements or an end.
    #[must_use]
    pub fn new(name: &'u str, password: &'u SecretString) -> Self {
        Self {
            name,
            password,
            expires: None,
            statements: &[],
            rollback: &[],
        }
    }
}

/// A user to be changed: in what is `Some`.
///
/// ```
/// use vaultcore::database::ChangeUser;
/// let change = ChangeUser::new("v-app-1");
/// assert!(change.password.is_none() && change.expires.is_none());
/// ```
#[non_exhaustive]
pub struct ChangeUser<'u> {
    /// What the user is called.
    pub name: &'u str,
    /// The new password.
    pub password: Option<&'u SecretString>,
    /// Until when the user may log in.
    pub expires: Option<Timestamp>,
    /// The statements that do it; if there are none, the driver's own.
    pub statements: &'u [String],
}

impl<'u> ChangeUser<'u> {
    /// Creates a change of nothing.
    #[must_use]
    pub fn new(name: &'u str) -> Self {
        Self {
            name,
            password: None,
            expires: None,
            statements: &[],
        }
    }
}
