//! MySQL and MariaDB.
//!
//! Their statements that make users commit by themselves: one that fails half way is undone by the
//! role's rollback statements, or else by dropping the user.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, SslOpts};
use zeroize::Zeroizing;

use super::driver::{ChangeUser, Database, Driver, NewUser, Settings};
use super::sql::{Dialect, Values, Workers, statements};
use crate::error::{Error, ErrorKind, Result};

/// The driver `mysql-database-plugin`.
pub(super) struct MySql;

/// What changes a password unless the role says how.
const PASSWORD: &str = "ALTER USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'";
/// What takes a user away unless the role says how. To drop a user takes the grants along.
const REVOCATION: &str = "DROP USER IF EXISTS '{{name}}'@'%'";

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

    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>> {
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
        if option("tls_certificate")
            .or(option("private_key"))
            .is_some()
        {
            return Err(Error::invalid(
                "the driver of MySQL shows no certificate of its own",
            ));
        }
        let refused = || Error::invalid("the connection_url is none that MySQL takes");
        let opts = Opts::from_url(&standard(&url).ok_or_else(refused)?).map_err(|_| refused())?;
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
        opts = opts.init(vec![format!("SET SESSION lock_wait_timeout = {seconds}")]);
        Ok(Self { opts, ca })
    }

    fn connect(&self) -> Result<Conn> {
        let mut opts = self.opts.clone();
        let _file = match &self.ca {
            None => None,
            Some(ca) => {
                let file = CaFile::write(ca)?;
                let path = file.path.clone();
                opts = opts.ssl_opts(SslOpts::default().with_root_cert_path(Some(path)));
                // The client asks for the provider of the process, which panics if that has none.
                if rustls::crypto::CryptoProvider::get_default().is_none() {
                    let _ = rustls::crypto::ring::default_provider().install_default();
                }
                Some(file)
            }
        };
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

/// Certificates in a file, which is where the client reads them from. They are no secret.
struct CaFile {
    path: std::path::PathBuf,
}

impl CaFile {
    fn write(pem: &str) -> Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vaultcore-ca-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        let failed = |error: std::io::Error| {
            Error::new(
                ErrorKind::Unavailable,
                "the certificates cannot be put into a file",
            )
            .with_source(error)
        };
        // Never one that is there: somebody else may have put it there.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path);
        let mut file = file.map_err(failed)?;
        let written = Self { path };
        file.write_all(pem.as_bytes()).map_err(failed)?;
        Ok(written)
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
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
        let until = user.expires.map(super::sql::expiration).unwrap_or_default();
        let values = Values {
            name: user.name,
            password: user.password.expose(),
            expiration: &until,
        };
        let create = statements(Dialect::MySql, user.statements, &values)?;
        let own = [REVOCATION.to_owned()];
        let rollback = if user.rollback.is_empty() {
            &own
        } else {
            user.rollback
        };
        let rollback = statements(Dialect::MySql, rollback, &values)?;
        let created = self.execute(create);
        if created.is_err() {
            let _ = self.execute(rollback); // and the end of the lease tries again
        }
        created
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        let until = user.expires.map(super::sql::expiration).unwrap_or_default();
        let values = Values {
            name: user.name,
            password: user.password.map_or("", |password| password.expose()),
            expiration: &until,
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
        let own = [REVOCATION.to_owned()];
        let texts = if texts.is_empty() { &own } else { texts };
        let statements = statements(Dialect::MySql, texts, &values)?;
        let name = name.to_owned();
        let server = Arc::clone(&self.server);
        self.workers.run(
            move || server.connect(),
            move |connection, commit| {
                commit.begin()?;
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
