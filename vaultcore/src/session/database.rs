//! Credentials of databases.

use std::fmt;

use zeroize::Zeroizing;

use super::leased::LeasedSecret;
use crate::engine::database::{
    Connection, ConnectionInfo, DeleteConnection, DeleteRole, DeleteStaticRole, IssueCredentials,
    Kept, ListNames, Name, ReadConnection, ReadRole, ReadStaticCredentials, ReadStaticRole,
    ResetConnection, Role, RotateRoot, RotateStatic, StaticCredentials, StaticRole,
    WriteConnection, WriteRole, WriteStaticRole,
};
use crate::error::Result;
use crate::operation::Operation;
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::vault::{Caller, Vault};

/// Credentials of databases: made for whoever asks, and taken away when their lease ends.
///
/// [`Fake`](crate::database::Fake) shows it whole.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let session = vault.owner()?;
/// session.sys().mount("database", NewMount::new("database"))?;
/// let database = session.database("database")?;
/// assert!(database.connections()?.is_empty());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Databases {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
}

/// A user of a database, and the password.
///
/// ```
/// use vaultcore::database::Credentials;
/// fn url(credentials: &Credentials) -> String {
///     let password = credentials.password().expose();
///     format!("postgresql://{}:{password}@localhost/app", credentials.username())
/// }
/// ```
pub struct Credentials {
    username: String,
    password: SecretString,
}

impl Credentials {
    /// Returns the name of the user.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the password.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}

impl Databases {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
        }
    }

    fn run<O: Operation>(&self, operation: &O) -> Result<O::Reply> {
        self.vault.run(&self.caller, operation)
    }

    fn names(&self, kept: Kept) -> Result<Vec<Zeroizing<String>>> {
        self.run(&ListNames {
            mount: &self.mount,
            kept,
            page: None,
        })
    }

    /// Configures a connection. The database is asked first, unless that is switched off.
    ///
    /// # Errors
    /// `InvalidArgument` for settings that cannot be, or a driver that there is not; `Unavailable` if
    /// the database cannot be reached or refuses the login: nothing is stored then.
    pub fn configure(&self, name: &str, connection: &Connection) -> Result<()> {
        let operation = WriteConnection {
            mount: &self.mount,
            name: Name::new(name)?,
            connection: connection.clone(),
        };
        self.run(&operation).map(drop)
    }

    /// Returns what is known of a connection, but for its password.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn connection(&self, name: &str) -> Result<ConnectionInfo> {
        self.run(&ReadConnection {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Returns the names of all connections, sorted.
    ///
    /// # Errors
    /// What the storage says.
    pub fn connections(&self) -> Result<Vec<Zeroizing<String>>> {
        self.names(Kept::Connections)
    }

    /// Deletes a connection. Leases of what was made by it become irrevocable: revoke them first.
    ///
    /// # Errors
    /// What the storage says.
    pub fn delete_connection(&self, name: &str) -> Result<()> {
        self.run(&DeleteConnection {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Closes what this process has open of a connection.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such connection.
    pub fn reset(&self, name: &str) -> Result<()> {
        self.run(&ResetConnection {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Gives the login of a connection a password that nobody but the vault knows.
    ///
    /// It is stored before it is set. If this is interrupted, or the database's answer is lost, either
    /// password may be in force: the vault tries both, and calling again finishes it.
    ///
    /// # Errors
    /// `Conflict` while another process does it; `Unavailable`, `Timeout`, and what the database
    /// refuses.
    pub fn rotate_root(&self, name: &str) -> Result<()> {
        let operation = RotateRoot {
            mount: &self.mount,
            name: Name::new(name)?,
        };
        self.run(&operation).map(drop)
    }

    /// Writes a role.
    ///
    /// # Errors
    /// `InvalidArgument` for a role that cannot be.
    pub fn write_role(&self, name: &str, role: &Role) -> Result<()> {
        self.run(&WriteRole {
            mount: &self.mount,
            name: Name::new(name)?,
            role: role.clone(),
        })
    }

    /// Returns a role.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn role(&self, name: &str) -> Result<Role> {
        self.run(&ReadRole {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Returns the names of all roles, sorted.
    ///
    /// # Errors
    /// What the storage says.
    pub fn roles(&self) -> Result<Vec<Zeroizing<String>>> {
        self.names(Kept::Roles)
    }

    /// Deletes a role. What it made lives on until its leases end, and is ended as the role said.
    ///
    /// # Errors
    /// What the storage says.
    pub fn delete_role(&self, name: &str) -> Result<()> {
        self.run(&DeleteRole {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Makes a user of a role, who is taken away when the lease ends.
    ///
    /// The lease is recorded before the user is made. Should this process die in between, whoever reaps
    /// takes the user away.
    ///
    /// # Errors
    /// `InvalidArgument` for a role that there is not, or that its connection does not allow;
    /// `Unavailable`, `Timeout`, and what the database refuses. Nothing is left of a user then.
    pub fn credentials(&self, role: &str) -> Result<LeasedSecret<Credentials>> {
        let operation = IssueCredentials {
            mount: &self.mount,
            role: Name::new(role)?,
        };
        let asked = self.vault.now();
        let issued = self.run(&operation)?.issued;
        let credentials = Credentials {
            username: issued.username,
            password: issued.password,
        };
        let (vault, caller) = (self.vault.clone(), self.caller.clone());
        let life = (asked, issued.ttl, issued.renewable);
        Ok(LeasedSecret::new(
            vault,
            caller,
            issued.lease,
            life,
            credentials,
        ))
    }

    /// Writes a static role. A new one's password is changed at once.
    ///
    /// # Errors
    /// `InvalidArgument` for a role that cannot be. If the database does not answer the role is
    /// stored all the same, and the change of its password is tried again.
    pub fn write_static_role(&self, name: &str, role: &StaticRole) -> Result<()> {
        let operation = WriteStaticRole {
            mount: &self.mount,
            name: Name::new(name)?,
            role: role.clone(),
        };
        self.run(&operation).map(drop)
    }

    /// Returns a static role.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn static_role(&self, name: &str) -> Result<StaticRole> {
        let operation = ReadStaticRole {
            mount: &self.mount,
            name: Name::new(name)?,
        };
        Ok(self.run(&operation)?.0)
    }

    /// Returns the names of all static roles, sorted.
    ///
    /// # Errors
    /// What the storage says.
    pub fn static_roles(&self) -> Result<Vec<Zeroizing<String>>> {
        self.names(Kept::StaticRoles)
    }

    /// Deletes a static role. Its user stays, with the last password.
    ///
    /// # Errors
    /// What the storage says.
    pub fn delete_static_role(&self, name: &str) -> Result<()> {
        self.run(&DeleteStaticRole {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Returns the credentials of a static role.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` if its password was never set so far.
    pub fn static_credentials(&self, name: &str) -> Result<StaticCredentials> {
        self.run(&ReadStaticCredentials {
            mount: &self.mount,
            name: Name::new(name)?,
        })
    }

    /// Changes the password of a static role now.
    ///
    /// # Errors
    /// `InvalidArgument` for two users who take turns as long as the grace of the last turn is not
    /// over; `Conflict` while another process does it; `Unavailable`, `Timeout`, and what the database
    /// refuses: it is tried again then.
    pub fn rotate_static_role(&self, name: &str) -> Result<()> {
        let operation = RotateStatic {
            mount: &self.mount,
            name: Name::new(name)?,
        };
        self.run(&operation).map(drop)
    }
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Databases")
    }
}
