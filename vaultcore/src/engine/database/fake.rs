//! A database in memory, for tests of programs that use the engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::driver::{ChangeUser, Database, Driver, NewUser, Settings};
use crate::clock::Timestamp;
use crate::crypto::equal;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretString;

/// A database in memory: its users, whom it lets in by name and password. Clones are one database.
///
/// It runs no statements. Its administrator is whoever is configured: any name and password are
/// taken at first, and from then on only those that [`rotate-root`](crate::database) made of them.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::database::{Connection, Fake, Role};
/// # use vaultcore::{NewMount, NewSlot, SecretString, Vault, storage::Memory};
/// let fake = Fake::new();
/// let vault = Vault::builder(Memory::new()).database_driver(fake.clone()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let session = vault.owner()?;
/// session.sys().mount("database", NewMount::new("database"))?;
/// let database = session.database("database")?;
/// let password = SecretString::copy_from("s3cr3t");
/// let connection = Connection::new("fake-database-plugin", "fake://")
///     .login("admin", password)
///     .allowed_roles(["readonly"]);
/// database.configure("app", &connection)?;
/// database.write_role("readonly", &Role::new("app").default_ttl(Duration::from_secs(3_600)))?;
///
/// let credentials = database.credentials("readonly")?;
/// assert!(fake.lets_in(credentials.username(), credentials.password()));
/// credentials.revoke()?;
/// assert_eq!(fake.users(), 0);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, User>,
    down: bool,
    shortest: usize,
    logins: usize,
}

struct User {
    password: String,
    expires: Option<Timestamp>,
}

impl Fake {
    /// Creates a database without users.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether there is such a user with such a password.
    #[must_use]
    pub fn lets_in(&self, name: &str, password: &SecretString) -> bool {
        let state = self.state();
        let user = state.users.get(name);
        user.is_some_and(|user| equal(user.password.as_bytes(), password.expose().as_bytes()))
    }

    /// Returns how many users there are.
    #[must_use]
    pub fn users(&self) -> usize {
        self.state().users.len()
    }

    /// Returns until when the database lets a user in by itself.
    #[must_use]
    pub fn expires(&self, name: &str) -> Option<Timestamp> {
        self.state().users.get(name).and_then(|user| user.expires)
    }

    /// Adds a user, as an administrator does; such a user can have a static role.
    pub fn add_user(&self, name: &str, password: &str) {
        let user = User {
            password: password.to_owned(),
            expires: None,
        };
        self.state().users.insert(name.to_owned(), user);
    }

    /// Returns how many vaults and others hold it open by a login.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state().logins
    }

    /// Makes the database fail all calls, or work again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }
}

impl Fake {
    /// Makes the database refuse passwords of fewer than `shortest` bytes, as those with a rule of their
    /// own do.
    pub fn refuse_short_passwords(&self, shortest: usize) {
        self.state().shortest = shortest;
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fake({} users)", self.users())
    }
}

impl Driver for Fake {
    fn name(&self) -> &'static str {
        "fake-database-plugin"
    }

    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>> {
        let mut state = self.state();
        state.logins = state.logins.saturating_add(1);
        drop(state);
        Ok(Arc::new(Opened {
            fake: self.clone(),
            settings: settings.clone(),
        }))
    }
}

struct Opened {
    fake: Fake,
    settings: Settings,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut state = self.fake.state();
        state.logins = state.logins.saturating_sub(1);
    }
}

impl Opened {
    /// Returns the users, if the administrator may log in.
    fn users(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.fake.state();
        let failed = || Error::new(ErrorKind::Unavailable, "the database does not answer");
        if state.down {
            return Err(failed());
        }
        let admin = state.users.get(self.settings.username());
        let wrong = admin.is_some_and(|user| {
            let given = self.settings.password().expose();
            !equal(user.password.as_bytes(), given.as_bytes())
        });
        match wrong {
            true => Err(Error::new(
                ErrorKind::Unavailable,
                "the database refuses the login",
            )),
            false => Ok(state),
        }
    }
}

impl Database for Opened {
    fn verify(&self) -> Result<()> {
        self.users().map(drop)
    }

    fn create(&self, user: &NewUser<'_>) -> Result<()> {
        let new = User {
            password: user.password.expose().to_owned(),
            expires: user.expires,
        };
        self.users()?.users.insert(user.name.to_owned(), new);
        Ok(())
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        let mut state = self.users()?;
        let is_admin = user.name == self.settings.username();
        if is_admin && !state.users.contains_key(user.name) {
            let password = self.settings.password().expose().to_owned();
            let expires = None;
            state
                .users
                .insert(user.name.to_owned(), User { password, expires });
        }
        let short = |password: &SecretString| password.expose().len() < state.shortest;
        if user.password.is_some_and(short) {
            return Err(Error::invalid("the database refuses a password so short"));
        }
        let unknown = || Error::invalid("the database has no such user");
        let known = state.users.get_mut(user.name).ok_or_else(unknown)?;
        if let Some(password) = user.password {
            known.password = password.expose().to_owned();
        }
        if user.expires.is_some() {
            known.expires = user.expires;
        }
        Ok(())
    }

    fn drop_user(&self, name: &str, _: &[String]) -> Result<()> {
        self.users()?.users.remove(name);
        Ok(())
    }
}
