//! A pool of database connections whose credentials are made by the vault, and change on time.
//!
//! `cargo run --release -p vaultcore-live --example pool`
//!
//! A connection carries the credentials that it was opened with. Before the pool hands it out it
//! asks whether they are still fresh; one whose credentials end soon is closed, and another is
//! opened with new ones. The rest of their life is for whoever holds a connection: choose it longer
//! than a connection is ever held. Here the database is a fake in memory, and so is the vault.

#![allow(clippy::print_stdout)] // it is there to be watched

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vaultcore::database::{Connection, Credentials, Databases, Fake, Role};
use vaultcore::storage::Memory;
use vaultcore::{
    Background, Clock, ClockReading, ErrorKind, LeasedSecret, ManualClock, NewMount, NewSlot,
    SecretString, Session, SystemClock, Vault,
};

/// How long whoever takes a connection may count on it.
const MARGIN: Duration = Duration::from_secs(30);

/// How long credentials live.
const LIFE: Duration = Duration::from_secs(600);

type Held = Arc<LeasedSecret<Credentials>>;

/// Opens connections with credentials of the role `app`.
struct Manager {
    databases: Databases,
    database: Fake,
    current: Mutex<Option<Held>>,
}

/// A connection, and what it was opened with.
struct Pooled {
    credentials: Held,
}

/// A clock that the example moves, so that nobody has to wait.
#[derive(Clone)]
struct Time(Arc<ManualClock>);

impl Default for Time {
    fn default() -> Self {
        Self(Arc::new(ManualClock::new(SystemClock.read().wall)))
    }
}

impl Clock for Time {
    fn read(&self) -> ClockReading {
        self.0.read()
    }
}

fn is_fresh(credentials: &LeasedSecret<Credentials>) -> bool {
    credentials.remaining() > MARGIN
}

impl Manager {
    /// Returns the credentials in use, or new ones if those end soon.
    fn credentials(&self) -> vaultcore::Result<Held> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = current.as_ref().filter(|held| is_fresh(held)) {
            return Ok(Arc::clone(held));
        }
        let made = self.databases.credentials("app")?;
        // Renewed until the last connection that was opened with them is gone, or can be no longer.
        let held = Arc::new(made.keep_alive()?);
        Ok(Arc::clone(current.insert(held)))
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = vaultcore::Error;

    fn connect(&self) -> Result<Pooled, vaultcore::Error> {
        let credentials = self.credentials()?;
        let (name, password) = (credentials.username(), credentials.password());
        match self.database.lets_in(name, password) {
            true => Ok(Pooled { credentials }),
            false => Err(vaultcore::Error::new(
                ErrorKind::Unavailable,
                "the database refuses the login",
            )),
        }
    }

    /// Called before a connection is handed out.
    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), vaultcore::Error> {
        match is_fresh(&pooled.credentials) {
            true => Ok(()),
            false => Err(vaultcore::Error::new(
                ErrorKind::Expired,
                "the credentials end soon",
            )),
        }
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        !is_fresh(&pooled.credentials)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (database, clock) = (Fake::new(), Time::default());
    let session = open(&database, &clock)?;
    let manager = Manager {
        databases: session.database("database")?,
        database: database.clone(),
        current: Mutex::default(),
    };
    let pool = r2d2::Pool::builder().max_size(4).build(manager)?;
    let first = pool.get()?.credentials.username().to_owned();
    let again = pool.get()?.credentials.username().to_owned();
    assert_eq!(first, again, "they are fresh: the same credentials");
    println!("connected as {first}");

    // Nearly ten minutes later, the most that the role allows: what is handed out is new.
    clock.0.advance(LIFE - MARGIN / 2);
    let next = pool.get()?.credentials.username().to_owned();
    assert_ne!(first, next);
    println!("connected as {next}");
    Ok(())
}

/// Makes a vault with a role `app` of the fake database.
fn open(database: &Fake, clock: &Time) -> vaultcore::Result<Session> {
    let vault = Vault::builder(Memory::new())
        .database_driver(database.clone())
        .clock(clock.clone())
        .background(Background::Thread)
        .build()?;
    let init = vault.init([NewSlot::shamir(1, 1)])?;
    for share in init.shares() {
        vault.unseal(share)?;
    }
    let session = vault.owner()?;
    session.sys().mount("database", NewMount::new("database"))?;
    let databases = session.database("database")?;
    let login = SecretString::copy_from("s3cr3t");
    let connection = Connection::new("fake-database-plugin", "fake://");
    let connection = connection.login("admin", login).allowed_roles(["app"]);
    databases.configure("app", &connection)?;
    let role = Role::new("app").default_ttl(LIFE).max_ttl(LIFE);
    databases.write_role("app", &role)?;
    Ok(session)
}
