//! A vault with a connection to a PostgreSQL that was started for the tests, and what is seen there.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postgres::{Client, Config, NoTls};
use vaultcore::database::{Connection, Credentials, Databases, Role};
use vaultcore::storage::Memory;
use vaultcore::{Clock, ManualClock, NewMount, NewSlot, SecretString, Session, SystemClock, Vault};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const PLUGIN: &str = "postgresql-database-plugin";
const CREATION: &str = r#"
    CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';
    GRANT CONNECT ON DATABASE postgres TO "{{name}}"
"#;

/// The server that was started for the tests; nothing, and a word of it, if there is none.
pub(crate) fn server(test: &str) -> Option<Server> {
    let Ok(url) = std::env::var("VAULTCORE_POSTGRES") else {
        let line = format!("\nSKIPPED {test}: VAULTCORE_POSTGRES names no server\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
        return None;
    };
    Some(Server { url })
}

pub(crate) struct Server {
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn config(&self) -> Config {
        self.url.parse().unwrap()
    }

    pub(crate) fn admin(&self) -> Client {
        self.config().connect(NoTls).unwrap()
    }

    /// Returns whether somebody may log in.
    pub(crate) fn lets_in(&self, name: &str, password: &str) -> bool {
        self.login(name, password).is_ok()
    }

    pub(crate) fn login(&self, name: &str, password: &str) -> Result<Client, postgres::Error> {
        self.config().user(name).password(password).connect(NoTls)
    }

    pub(crate) fn knows(&self, credentials: &Credentials) -> bool {
        self.lets_in(credentials.username(), credentials.password().expose())
    }

    pub(crate) fn has_role(&self, name: &str) -> bool {
        let query = "SELECT 1 FROM pg_roles WHERE rolname = $1";
        self.admin().query_opt(query, &[&name]).unwrap().is_some()
    }

    /// Makes an administrator of its own for a test, so that tests disturb nobody.
    pub(crate) fn new_admin(&self) -> (String, String) {
        self.new_admin_with("SUPERUSER")
    }

    /// The same, with some right only.
    pub(crate) fn new_admin_with(&self, right: &str) -> (String, String) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("boss_{}_{number}", std::process::id());
        let make = format!("CREATE ROLE {name} {right} LOGIN PASSWORD 'first'");
        self.admin().batch_execute(&make).unwrap();
        (name, "first".to_owned())
    }

    /// Returns the connection of such an administrator, at another place than the server's if given.
    pub(crate) fn connection(&self, (name, password): &(String, String)) -> Connection {
        self.connection_at(None, (name, password))
    }

    pub(crate) fn connection_at(
        &self,
        port: Option<u16>,
        (name, password): (&str, &str),
    ) -> Connection {
        let real = self.config().get_ports()[0];
        let port = port.unwrap_or(real);
        let url =
            format!("postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{port}/postgres");
        Connection::new(PLUGIN, url)
            .login(name, SecretString::copy_from(password))
            .allowed_roles(["*"])
    }
}

/// A vault in memory with a connection `app` and a role `reader`.
pub(crate) struct World {
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new(connection: &Connection) -> Self {
        // The database goes by the real time, so that the vault begins there.
        let now = SystemClock.read().wall;
        let clock = Arc::new(ManualClock::new(now));
        let vault = Vault::builder(Memory::new())
            .clock(clock.clone())
            .build()
            .unwrap();
        let init = vault.init([NewSlot::shamir(1, 1)]).unwrap();
        vault.unseal(&init.shares()[0]).unwrap();
        let world = Self { vault, clock };
        world
            .owner()
            .sys()
            .mount("database", NewMount::new("database"))
            .unwrap();
        world.database().configure("app", connection).unwrap();
        world.database().write_role("reader", &role()).unwrap();
        world
    }

    pub(crate) fn owner(&self) -> Session {
        self.vault.owner().unwrap()
    }

    pub(crate) fn database(&self) -> Databases {
        self.owner().database("database").unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

pub(crate) fn role() -> Role {
    Role::new("app")
        .creation([CREATION])
        .default_ttl(HOUR)
        .max_ttl(24 * HOUR)
}
