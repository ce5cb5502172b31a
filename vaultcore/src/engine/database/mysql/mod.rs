//! MySQL and MariaDB.
//!
//! Their statements that make users commit by themselves: one that fails half way is undone by the
//! role's rollback statements, or else by dropping the user.

mod files;

use std::sync::Arc;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{ClientIdentity, Conn, Opts, OptsBuilder, SslOpts};
use zeroize::Zeroizing;

use files::{Handed, PemFile};

use super::driver::{ChangeUser, Database, Driver, NewUser, Purpose, Settings};
use super::sql::{Commit, Dialect, Values, Workers, check, check_options, statements};
use crate::error::{Error, ErrorKind, Result};

/// The driver `mysql-database-plugin`.
pub(super) struct MySql;

/// The options that there are.
const OPTIONS: [&str; 5] = [
    "tls_ca",
    "tls_certificate",
    "tls_certificate_key",
    "private_key",
    "tls_server_name",
];
/// How long the server keeps a session that does nothing, in seconds.
const IDLE: u32 = 30;
/// What changes a password unless the role says how.
const PASSWORD: &str = "ALTER USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'";
/// Where a user may log in from: each such place is a user to the server.
const HOSTS: &str = "SELECT host FROM mysql.user WHERE user = ?";
/// Refusals to show a table, and to drop a user who is not there.
const NOT_SHOWN: [u16; 3] = [1_044, 1_142, 1_143];
const NO_SUCH_USER: u16 = 1_396;

impl Driver for MySql {
    fn name(&self) -> &'static str {
        "mysql-database-plugin"
    }

    fn max_username(&self) -> usize {
        32
    }

    fn username_template(&self) -> &'static str {
        "{{ printf \"v-%s-%s-%s-%s\" (.DisplayName | truncate 10) (.RoleName | truncate 10) \
         (random 20) (unix_time) | truncate 32 }}"
    }

    fn check(&self, purpose: Purpose, statements: &[String]) -> Result<()> {
        check(Dialect::MySql, purpose, statements)
    }

    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>> {
        check_options(settings, &OPTIONS)?;
        let server = Server::new(settings)?;
        let workers = Workers::new(
            settings.max_open_connections(),
            settings.max_idle_connections(),
            settings.max_connection_lifetime(),
            settings.timeout(),
            |connection: &mut Conn| connection.ping().is_ok(),
        );
        Ok(Arc::new(Opened {
            server: Arc::new(server),
            workers,
        }))
    }
}

/// How a server is reached.
struct Server {
    opts: OptsBuilder,
    /// The certificates, as PEM, that the server's is checked against.
    ca: Option<String>,
    identity: Option<Identity>,
}

/// What is shown to the server: certificates, as PEM, and the key of the first one.
struct Identity {
    chain: String,
    key: Zeroizing<Vec<u8>>,
}

/// The longest key, in bytes: as much as a pipe takes before somebody reads it.
const MAX_KEY: usize = 4_096;

impl Identity {
    /// Returns what the options name, if they name any.
    fn of(settings: &Settings, ca: Option<&str>) -> Result<Option<Self>> {
        let option = |name: &str| settings.options().get(name).map(String::as_str);
        let both = option("tls_certificate_key");
        let (chain, key) = match (option("tls_certificate"), option("private_key"), both) {
            (None, None, None) => return Ok(None),
            (Some(chain), Some(key), None) => (chain, key),
            (None, None, Some(both)) => (both, both),
            _ => {
                return Err(Error::invalid(
                    "a certificate of our own is tls_certificate with private_key, or \
                     tls_certificate_key, which has both",
                ));
            }
        };
        let missing = || Error::invalid("a certificate of our own takes tls_ca");
        super::tls::client(ca.ok_or_else(missing)?, Some((chain, key)))?;
        let key = super::tls::key(key)?;
        if key.len() > MAX_KEY {
            return Err(Error::invalid("private_key has more than 4 KiB"));
        }
        let chain = super::tls::without_keys(chain);
        Ok(Some(Self { chain, key }))
    }
}

impl Server {
    fn new(settings: &Settings) -> Result<Self> {
        let url = Zeroizing::new(settings.url().to_owned());
        let named = url.contains("{{username}}");
        let with_password = url.contains("{{password}}");
        // The login is set apart from the URL: nothing in it has to be escaped.
        let url = Zeroizing::new(
            url.replace("{{username}}", "x")
                .replace("{{password}}", "x"),
        );
        let option = |name: &str| settings.options().get(name);
        let ca = option("tls_ca").cloned();
        if ca.is_none() && asks_for_tls(&url) {
            return Err(Error::invalid(
                "TLS takes tls_ca: the certificates, as PEM, that the server's is checked against",
            ));
        }
        let identity = Identity::of(settings, ca.as_deref())?;
        let refused = || Error::invalid("the connection_url is none that MySQL takes");
        let opts = Opts::from_url(&standard(&url).ok_or_else(refused)?).map_err(|_| refused())?;
        let host = opts.get_ip_or_hostname().to_string();
        if option("tls_server_name").is_some_and(|name| *name != host) {
            return Err(Error::invalid(
                "the driver of MySQL checks the name of the connection_url, and no tls_server_name",
            ));
        }
        let mut opts = OptsBuilder::from_opts(opts);
        if named {
            opts = opts.user(Some(settings.username()));
        }
        if with_password {
            opts = opts.pass(Some(settings.password().expose()));
        }
        let timeout = settings.timeout();
        // The server is given up on before we are, so that what we gave up on does not go on.
        let within = timeout
            .saturating_sub(Duration::from_secs(1))
            .max(Duration::from_millis(500));
        opts = opts
            .tcp_connect_timeout(Some(within))
            .read_timeout(Some(within))
            .write_timeout(Some(within))
            .prefer_socket(false);
        let seconds = within.as_secs().max(1);
        // And it closes what stands still, before anybody else may think that we are dead.
        opts = opts.init(vec![format!(
            "SET SESSION lock_wait_timeout = {seconds}, wait_timeout = {IDLE}"
        )]);
        Ok(Self { opts, ca, identity })
    }

    fn connect(&self) -> Result<Conn> {
        let Some(ca) = &self.ca else {
            return Conn::new(self.opts.clone()).map_err(|error| refusal(&error));
        };
        let ca = PemFile::write(ca)?;
        let mut tls = SslOpts::default().with_root_cert_path(Some(ca.path.clone()));
        let mut shown = None; // kept until the client has read it
        if let Some(identity) = &self.identity {
            let (chain, key) = shown.insert((
                PemFile::write(&identity.chain)?,
                Handed::new(&identity.key)?,
            ));
            let identity = ClientIdentity::new(chain.path.clone(), key.path());
            tls = tls.with_client_identity(Some(identity));
        }
        // The client asks for the provider of the process, which panics if that has none.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let opts = self.opts.clone().ssl_opts(tls);
        Conn::new(opts).map_err(|error| refusal(&error))
    }
}

/// Returns whether a URL, as Go writes it, asks for TLS.
fn asks_for_tls(url: &str) -> bool {
    let (_, parameters) = url.split_once('?').unwrap_or_default();
    let mut values = parameters
        .split('&')
        .filter_map(|one| one.strip_prefix("tls="));
    values.any(|value| value != "false")
}

/// Returns the URL that the client takes of one as Go writes it, `x:x@tcp(host:3306)/db`, which
/// Vault's users have; another one as it is.
fn standard(url: &str) -> Option<String> {
    let Some((login, rest)) = url.split_once("@tcp(") else {
        return url.starts_with("mysql://").then(|| url.to_owned());
    };
    let (host, rest) = rest.split_once(')')?;
    let database = rest.split('?').next().unwrap_or_default();
    Some(format!("mysql://{login}@{host}{database}"))
}

struct Opened {
    server: Arc<Server>,
    workers: Workers<Conn>,
}

impl Opened {
    /// Runs statements, one after the other.
    fn execute(&self, statements: Vec<Zeroizing<String>>) -> Result<()> {
        let server = Arc::clone(&self.server);
        self.workers.run(
            move || server.connect(),
            move |connection, commit| {
                commit.begin()?;
                for statement in &statements {
                    commit.check()?; // each commits by itself
                    let done = connection.query_drop(statement.as_str());
                    done.map_err(|error| refusal(&error))?;
                }
                Ok(())
            },
        )
    }
}

impl Database for Opened {
    fn verify(&self) -> Result<()> {
        self.execute(vec![Zeroizing::new("SELECT 1".to_owned())])
    }

    fn create(&self, user: &NewUser<'_>) -> Result<()> {
        if user.statements.is_empty() {
            return Err(Error::invalid("the role has no creation_statements"));
        }
        let until = user.expires.map(super::sql::expiration);
        let values = Values {
            name: user.name,
            password: Some(user.password.expose()),
            expiration: until.as_deref(),
        };
        let create = statements(Dialect::MySql, user.statements, &values)?;
        let rollback = statements(Dialect::MySql, user.rollback, &values)?;
        let created = self.execute(create);
        if created.is_err() {
            // The end of the lease tries again.
            let _ = match rollback.is_empty() {
                true => self.take_away(user.name, rollback),
                false => self.execute(rollback),
            };
        }
        created
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        let until = user.expires.map(super::sql::expiration);
        let values = Values {
            name: user.name,
            password: user.password.map(|password| password.expose()),
            expiration: until.as_deref(),
        };
        let mut texts = user.statements.to_vec();
        if texts.is_empty() {
            texts.extend(user.password.map(|_| PASSWORD.to_owned()));
        }
        match texts.is_empty() {
            true => Ok(()), // here users have no end of their own
            false => self.execute(statements(Dialect::MySql, &texts, &values)?),
        }
    }

    fn drop_user(&self, name: &str, texts: &[String]) -> Result<()> {
        let values = Values {
            name,
            ..Values::default()
        };
        self.take_away(name, statements(Dialect::MySql, texts, &values)?)
    }
}

impl Opened {
    /// Takes a user away by `statements`; without any, wherever it may log in from, with its grants.
    fn take_away(&self, name: &str, statements: Vec<Zeroizing<String>>) -> Result<()> {
        let name = name.to_owned();
        let server = Arc::clone(&self.server);
        self.workers.run(
            move || server.connect(),
            move |connection, commit| {
                commit.begin()?;
                if statements.is_empty() {
                    drop_everywhere(connection, commit, &name)?;
                }
                for statement in &statements {
                    commit.check()?;
                    let done = connection.query_drop(statement.as_str());
                    done.map_err(|error| refusal(&error))?;
                }
                // Who is logged in already stays so; to end that takes a right that we may not have.
                let find = "SELECT id FROM information_schema.processlist WHERE user = ?";
                let sessions: Vec<u64> = connection.exec(find, (&name,)).unwrap_or_default();
                for session in sessions {
                    let _ = connection.query_drop(format!("KILL CONNECTION {session}"));
                }
                Ok(())
            },
        )
    }
}

/// Drops a user wherever it may log in from. That none is left is known, or an error; but a login that
/// may not look at the users drops the one at `%`, and knows of no others beside it.
fn drop_everywhere(connection: &mut Conn, commit: &Commit, name: &str) -> Result<()> {
    let shown: mysql::Result<Vec<String>> = connection.exec(HOSTS, (name,));
    let hosts = match shown {
        Ok(hosts) => hosts,
        Err(mysql::Error::MySqlError(refused)) if NOT_SHOWN.contains(&refused.code) => {
            let user = user_at(name, "%")?;
            commit.check()?;
            return match connection.query_drop(format!("DROP USER {user}")) {
                Err(mysql::Error::MySqlError(refused)) if refused.code == NO_SUCH_USER => {
                    Err(Error::invalid(
                        "it cannot be told whether the user is left: the login of the connection \
                         takes SELECT on mysql.user, or the role revocation_statements",
                    ))
                }
                done => done.map_err(|error| refusal(&error)),
            };
        }
        Err(error) => return Err(refusal(&error)),
    };
    for host in hosts {
        let user = user_at(name, &host)?;
        commit.check()?;
        let dropped = connection.query_drop(format!("DROP USER IF EXISTS {user}"));
        dropped.map_err(|error| refusal(&error))?;
    }
    let left: mysql::Result<Vec<String>> = connection.exec(HOSTS, (name,));
    match left.map_err(|error| refusal(&error))?.is_empty() {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Unavailable,
            "a user of this name was made while it was dropped",
        )),
    }
}

/// Returns a user as SQL has it.
fn user_at(name: &str, host: &str) -> Result<String> {
    if name.contains('\\') || host.contains('\\') {
        return Err(Error::invalid(
            "a value with a backslash cannot be quoted safely as a text",
        ));
    }
    let quoted = |text: &str| text.replace('\'', "''");
    Ok(format!("'{}'@'{}'", quoted(name), quoted(host)))
}

/// Tells what went wrong by the database's code: its own text may repeat what a statement held.
fn refusal(error: &mysql::Error) -> Error {
    let mysql::Error::MySqlError(refused) = error else {
        let text = "the database cannot be reached, or closed the connection";
        return Error::new(ErrorKind::Unavailable, text);
    };
    let (kind, what) = match refused.code {
        1_044 | 1_045 | 1_698 => (ErrorKind::Unavailable, "refuses the login"),
        1_040 | 1_053 | 1_203 | 1_205 | 1_213 | 1_226 => {
            (ErrorKind::Unavailable, "is not available")
        }
        _ => (ErrorKind::InvalidArgument, "refuses a statement"),
    };
    let text = format!("the database {what} (error {})", refused.code);
    Error::new(kind, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wish_for_tls_is_passed_over() {
        let settings = Settings::new("{{username}}:{{password}}@tcp(h:1)/?tls=true");
        assert!(Server::new(&settings).is_err());
        assert!(Server::new(&settings.option("tls_ca", "pem")).is_ok());
        let without = Settings::new("{{username}}:{{password}}@tcp(h:1)/?tls=false");
        assert!(Server::new(&without).is_ok());
        for (options, taken) in [
            (vec!["tls_certificate"], false),
            (vec!["tls_ca", "tls_certificate"], false),
            (vec!["tls_ca", "private_key"], false),
            (vec!["tls_ca", "tls_certificate", "private_key"], false),
            (vec!["tls_certificate_key"], false),
            (vec!["tls_server_name"], false),
            (vec!["tls_ca"], true),
        ] {
            let settings = options.iter().fold(without.clone(), |settings, name| {
                settings.option(*name, "no PEM")
            });
            assert_eq!(Server::new(&settings).is_ok(), taken, "{options:?}");
        }
        let named = without.option("tls_server_name", "h");
        assert!(
            Server::new(&named).is_ok(),
            "the name that is checked anyway"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_key_is_read_once_as_from_a_file() {
        let handed = Handed::new(b"key").expect("handed");
        assert_eq!(std::fs::read(handed.path()).expect("read"), b"key");
        assert_eq!(std::fs::read(handed.path()).expect("read"), b"");
        let full = Handed::new(&[7; MAX_KEY]).expect("as much as a pipe takes");
        assert_eq!(std::fs::read(full.path()).expect("read").len(), MAX_KEY);
    }

    #[test]
    fn urls_of_both_kinds_are_taken() {
        for (url, expected) in [
            (
                "x:x@tcp(127.0.0.1:3306)/",
                Some("mysql://x:x@127.0.0.1:3306/"),
            ),
            ("x:x@tcp(h:3306)/db?tls=true", Some("mysql://x:x@h:3306/db")),
            ("mysql://x:x@h/db", Some("mysql://x:x@h/db")),
            ("postgresql://h", None),
            ("x:x@tcp(h", None),
        ] {
            assert_eq!(standard(url).as_deref(), expected, "{url}");
        }
    }
}
