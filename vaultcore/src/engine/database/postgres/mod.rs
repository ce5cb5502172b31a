//! PostgreSQL.

mod leaving;

use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use leaving::{END, drop_role, end_sessions, quoted};

use super::driver::{ChangeUser, Database, Driver, NewUser, Purpose, Settings};
use super::sql::{Commit, Dialect, Values, Workers, check, check_options, expiration, statements};
use crate::error::{Error, ErrorKind, Result};

/// The driver `postgresql-database-plugin`.
pub(super) struct Postgres;

/// How often a transaction is run that others overtook, and the pause after the first time.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);
/// Held by whoever makes or drops a role until that is committed: a role whose commit is under way is
/// seen by nobody, and would be there after it was dropped.
///
/// Named in full, with the very types of its arguments: what anybody has put on the way to it, under
/// the same name for others, would run as the vault's own login.
const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(\
                    pg_catalog.hashtext('{{name}}')::pg_catalog.int8)";
/// What is looked up from here on, in this transaction, is the system's, operators too.
const SYSTEM_ONLY: &str = "SET LOCAL search_path = pg_catalog, pg_temp";
/// What the statements of a role look up is where the login finds it.
const AS_USUAL: &str = "SET LOCAL search_path TO DEFAULT";
/// What changes a password unless the role says how.
const PASSWORD: &str = r#"ALTER ROLE "{{name}}" WITH PASSWORD '{{password}}'"#;
/// What prolongs a user's life unless the role says how.
const RENEWAL: &str = r#"ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'"#;
/// The id of a role.
const ROLE: &str = "SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1";
impl Driver for Postgres {
    fn name(&self) -> &'static str {
        "postgresql-database-plugin"
    }

    fn check(&self, purpose: Purpose, statements: &[String]) -> Result<()> {
        check(Dialect::Postgres, purpose, statements)
    }

    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>> {
        check_options(settings, &["tls_ca", "tls_certificate", "private_key"])?;
        let server = Server::new(settings)?;
        let workers = Workers::new(
            settings.max_open_connections(),
            settings.max_idle_connections(),
            settings.max_connection_lifetime(),
            settings.timeout(),
            works,
        );
        Ok(Arc::new(Opened {
            server: Arc::new(server),
            workers,
        }))
    }
}

fn works(client: &mut Client) -> bool {
    !client.is_closed() && client.is_valid(Duration::from_secs(2)).is_ok()
}

/// How a server is reached.
struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Server {
    fn new(settings: &Settings) -> Result<Self> {
        let url = Zeroizing::new(settings.url().to_owned());
        let (url, mode) = ssl_mode(&url);
        let named = url.contains("{{username}}");
        let with_password = url.contains("{{password}}");
        // The login is set apart from the URL: nothing in it has to be escaped.
        let url = Zeroizing::new(
            url.replace("{{username}}", "x")
                .replace("{{password}}", "x"),
        );
        let refused = |_| Error::invalid("the connection_url is none that PostgreSQL takes");
        let mut config = Config::from_str(&url).map_err(refused)?;
        if named {
            config.user(settings.username());
        }
        if with_password {
            config.password(settings.password().expose());
        }
        let timeout = settings.timeout();
        config.connect_timeout(timeout);
        config.application_name("vaultcore");
        give_up_on_silence(&mut config, timeout);
        // The server gives up before we do, so that what we gave up on does not happen later; and on
        // who stands still in a transaction.
        let millis = timeout.as_millis().saturating_sub(1_000).max(500);
        let own = config.get_options().unwrap_or_default().to_owned();
        config.options(&format!(
            "{own} -c statement_timeout={millis} -c lock_timeout={millis} \
             -c idle_in_transaction_session_timeout={millis} -c standard_conforming_strings=on"
        ));
        // It knows more spellings of its parameters than are looked for above.
        let mode = match (mode, config.get_ssl_mode()) {
            (Mode::Unsaid, SslMode::Require) => Mode::On,
            (mode, _) => mode,
        };
        let tls = tls(settings, mode)?;
        config.ssl_mode(match tls {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
        Ok(Self { config, tls })
    }

    fn connect(&self) -> Result<Client> {
        let connected = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        connected.map_err(|error| refusal(&error))
    }
}

/// Has the system close a connection whose other end is gone without a word: nothing else would, and
/// it would keep its place among those that may be open. What the URL says stands.
fn give_up_on_silence(config: &mut Config, timeout: Duration) {
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(timeout);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(timeout);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(timeout);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
}

/// Whether a URL asks for TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Unsaid,
    Off,
    On,
}

/// Takes what a URL says of TLS out of it: the client knows fewer words than libpq.
fn ssl_mode(url: &str) -> (String, Mode) {
    let mut mode = Mode::Unsaid;
    let mut kept = String::new();
    // A URL has its parameters behind `?`, between `&`; the other form has blanks between them.
    for part in url.split_inclusive(['?', '&', ' ']) {
        let bare = part.trim_end_matches(['&', ' ']);
        match bare.strip_prefix("sslmode=") {
            Some("disable") => mode = Mode::Off,
            Some("prefer" | "allow") => {}
            Some(_) => mode = Mode::On,
            None => kept.push_str(part),
        }
    }
    let kept = kept.trim_end_matches(['?', '&', ' ']).to_owned();
    (kept, mode)
}

fn tls(settings: &Settings, mode: Mode) -> Result<Option<MakeRustlsConnect>> {
    let option = |name: &str| settings.options().get(name).map(String::as_str);
    let ca = option("tls_ca");
    let identity = match (option("tls_certificate"), option("private_key")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => {
            return Err(Error::invalid(
                "the options tls_certificate and private_key belong together",
            ));
        }
    };
    let wanted = ca.is_some() || identity.is_some();
    match (mode, ca) {
        (Mode::Off, _) if wanted => {
            return Err(Error::invalid(
                "the connection_url switches TLS off, and the options ask for it",
            ));
        }
        (Mode::Off, _) => return Ok(None),
        (Mode::Unsaid, None) if !wanted => return Ok(None),
        (Mode::On | Mode::Unsaid, None) => {
            return Err(Error::invalid(
                "TLS takes tls_ca: the certificates, as PEM, that the server's is checked against",
            ));
        }
        _ => {}
    }
    let config = super::tls::client(ca.unwrap_or_default(), identity)?;
    Ok(Some(MakeRustlsConnect::new(config)))
}

struct Opened {
    server: Arc<Server>,
    workers: Workers<Client>,
}

impl Opened {
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Client, &Commit) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let server = Arc::clone(&self.server);
        self.workers.run(move || server.connect(), work)
    }

    /// Runs `work` in a transaction, again if somebody else changed the same at the same time.
    fn transact<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.run(move |client, commit| {
            let mut attempt = 0u32;
            loop {
                let error = match attempted(client, commit, &work)? {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                };
                attempt = attempt.saturating_add(1);
                if attempt >= ATTEMPTS || !overtaken(&error) {
                    return Err(refusal(&error));
                }
                thread::sleep(PAUSE.saturating_mul(attempt));
            }
        })
    }

    /// Runs statements, all of them or none.
    fn execute(&self, statements: Vec<Zeroizing<String>>) -> Result<()> {
        self.transact(move |transaction| {
            let mut all = statements.iter();
            all.try_for_each(|statement| transaction.batch_execute(statement))
        })
    }
}

/// What came of a transaction.
type Outcome<T> = std::result::Result<T, postgres::Error>;

/// Runs `work` in a transaction once.
fn attempted<T>(
    client: &mut Client,
    commit: &Commit,
    work: impl Fn(&mut Transaction<'_>) -> Outcome<T>,
) -> Result<Outcome<T>> {
    let mut transaction = match client.transaction() {
        Ok(transaction) => transaction,
        Err(error) => return Ok(Err(error)),
    };
    let done = match work(&mut transaction) {
        Ok(done) => done,
        Err(error) => return Ok(Err(error)), // and it is rolled back
    };
    commit.begin()?;
    Ok(transaction.commit().map(|()| done))
}

/// Returns whether a transaction was undone since another one was faster. PostgreSQL says so of its
/// own catalogue by an internal error: of grants on one database, for instance.
fn overtaken(error: &postgres::Error) -> bool {
    let Some(database) = error.as_db_error() else {
        return false;
    };
    match database.code().code() {
        "40001" | "40P01" => true,
        "XX000" => database.message().contains("concurrently"),
        _ => false,
    }
}

impl Database for Opened {
    fn verify(&self) -> Result<()> {
        self.run(|client, _| {
            let alive = client.simple_query("SELECT 1");
            alive.map(drop).map_err(|error| refusal(&error))
        })
    }

    fn create(&self, user: &NewUser<'_>) -> Result<()> {
        if user.statements.is_empty() {
            return Err(Error::invalid("the role has no creation_statements"));
        }
        let until = user
            .expires
            .map(expiration)
            .unwrap_or_else(|| "infinity".to_owned());
        let values = Values {
            name: user.name,
            password: Some(user.password.expose()),
            expiration: Some(&until),
        };
        let mut create = statements(Dialect::Postgres, &[LOCK.to_owned()], &values)?;
        create.extend(statements(Dialect::Postgres, user.statements, &values)?);
        let rollback = statements(Dialect::Postgres, user.rollback, &values)?;
        let created = self.execute(create);
        if created.is_err() && !rollback.is_empty() {
            // All is undone already, but for what a statement did outside of the transaction.
            let _ = self.execute(rollback);
        }
        created
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        let until = user.expires.map(expiration);
        let values = Values {
            name: user.name,
            password: user.password.map(|password| password.expose()),
            expiration: until.as_deref(),
        };
        let mut texts = user.statements.to_vec();
        if texts.is_empty() {
            texts.extend(user.password.map(|_| PASSWORD.to_owned()));
            texts.extend(user.expires.map(|_| RENEWAL.to_owned()));
        }
        self.execute(statements(Dialect::Postgres, &texts, &values)?)
    }

    fn drop_user(&self, name: &str, texts: &[String]) -> Result<()> {
        let values = Values {
            name,
            ..Values::default()
        };
        let own = statements(Dialect::Postgres, texts, &values)?;
        if own.is_empty() {
            self.lock_out(name);
        }
        let name = name.to_owned();
        let dropped = self.transact(move |transaction| {
            transaction.batch_execute(SYSTEM_ONLY)?;
            let lock = "SELECT pg_catalog.pg_advisory_xact_lock(\
                        pg_catalog.hashtext($1)::pg_catalog.int8)";
            transaction.execute(lock, &[&name])?;
            let Some(known) = transaction.query_opt(ROLE, &[&name])? else {
                return Ok(None); // it is gone
            };
            let oid: u32 = known.try_get(0)?;
            match own.is_empty() {
                true => drop_role(transaction, &name, oid)?,
                false => {
                    transaction.batch_execute(AS_USUAL)?;
                    for statement in &own {
                        transaction.batch_execute(statement)?;
                    }
                }
            }
            Ok(Some(oid))
        })?;
        let Some(oid) = dropped else {
            return Ok(());
        };
        // Who is logged in already stays so; to end that takes a right that we may not have.
        let _ = self.run(move |client, _| {
            let ended = client.execute(END, &[&oid]);
            ended.map_err(|error| refusal(&error))
        });
        Ok(())
    }
}

impl Opened {
    /// Lets a role log in no more, and ends its sessions, as far as we may: should something of it have
    /// to stay, whoever has the password is out all the same.
    fn lock_out(&self, name: &str) {
        let name = name.to_owned();
        let _ = self.run(move |client, commit| {
            let known = client.query_opt(ROLE, &[&name]);
            if let Some(known) = known.map_err(|error| refusal(&error))? {
                commit.begin()?;
                let oid = known.try_get(0);
                let ended = oid.and_then(|oid| end_sessions(client, &quoted(&name), oid));
                ended.map_err(|error| refusal(&error))?;
            }
            Ok(())
        });
    }
}

/// Tells what went wrong by the database's code: its own text may repeat what a statement held.
fn refusal(error: &postgres::Error) -> Error {
    let Some(database) = error.as_db_error() else {
        let text = "the database cannot be reached, or closed the connection";
        return Error::new(ErrorKind::Unavailable, text);
    };
    let code = database.code().code();
    let (kind, what) = match code.get(..2).unwrap_or_default() {
        "28" => (ErrorKind::Unavailable, "refuses the login"),
        "08" | "53" | "57" | "58" | "55" | "40" => (ErrorKind::Unavailable, "is not available"),
        _ => (ErrorKind::InvalidArgument, "refuses a statement"),
    };
    Error::new(kind, format!("the database {what} (SQLSTATE {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_tls_is_taken_out_of_it() {
        for (url, kept, mode) in [
            (
                "postgresql://h/db?sslmode=disable",
                "postgresql://h/db",
                Mode::Off,
            ),
            (
                "postgresql://h/db?sslmode=verify-full&x=1",
                "postgresql://h/db?x=1",
                Mode::On,
            ),
            (
                "postgresql://h/db?x=1&sslmode=require",
                "postgresql://h/db?x=1",
                Mode::On,
            ),
            (
                "host=h sslmode=require dbname=d",
                "host=h dbname=d",
                Mode::On,
            ),
            ("postgresql://h/db", "postgresql://h/db", Mode::Unsaid),
        ] {
            assert!(ssl_mode(url) == (kept.to_owned(), mode), "{url}");
        }
    }

    #[test]
    fn a_server_that_is_gone_is_given_up_on() {
        let of = |url: &str| Server::new(&Settings::new(url)).expect("a server").config;
        let config = of("postgresql://h/db");
        let ten = Duration::from_secs(10);
        assert_eq!(config.get_tcp_user_timeout(), Some(&ten));
        assert_eq!(config.get_keepalives_idle(), ten);
        assert_eq!(config.get_keepalives_interval(), Some(ten));
        assert_eq!(config.get_keepalives_retries(), Some(3));
        let config = of("postgresql://h/db?tcp_user_timeout=3&keepalives_idle=4");
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(4));
    }

    #[test]
    fn no_wish_for_tls_is_passed_over() {
        for (url, options, taken) in [
            ("postgresql://h/db", vec![], true),
            ("postgresql://h/db?sslmode=disable", vec![], true),
            ("postgresql://h/db?sslmode=require", vec![], false),
            ("postgresql://h/db?sslmode=disable", vec!["tls_ca"], false),
            ("postgresql://h/db", vec!["tls_certificate"], false),
            ("postgresql://h/db", vec!["private_key"], false),
            (
                "postgresql://h/db",
                vec!["tls_certificate", "private_key"],
                false,
            ),
        ] {
            let with = |settings: Settings, name: &&str| settings.option(*name, "pem");
            let settings = options.iter().fold(Settings::new(url), with);
            assert_eq!(Server::new(&settings).is_ok(), taken, "{url} {options:?}");
        }
    }
}
