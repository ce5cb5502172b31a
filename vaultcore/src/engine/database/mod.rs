//! Database: credentials that are made for whoever asks, and die on time.
//!
//! Stored as: `database-config/<mount>/<hidden name>` a connection, `database-role/..` a role,
//! `database-static/..` a static role; `sys/database-due/<second>/<id>` when the background work
//! rotates a static role. What was made is in leases.

mod api;
mod claim;
mod config;
mod connections;
mod creds;
mod cron;
mod driver;
mod fake;
mod list;
#[cfg(feature = "mysql")]
mod mysql;
mod name;
mod password;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod role;
mod rotate;
mod rotate_root;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod sql;
mod statics;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod tls;
mod username;

pub use config::Connection;
pub use connections::ConnectionInfo;
pub use driver::{ChangeUser, Database, Driver, NewUser, Purpose, Settings};
pub use fake::Fake;
pub use role::Role;
pub use statics::{StaticCredentials, StaticRole};

pub(crate) use connections::{DeleteConnection, ReadConnection, ResetConnection, WriteConnection};
pub(crate) use creds::IssueCredentials;
pub(crate) use list::{Kept, ListNames};
pub(crate) use name::Name;
pub(crate) use role::{DeleteRole, ReadRole, WriteRole};
pub(crate) use rotate::{RotateDue, RotateStatic, due};
pub(crate) use rotate_root::RotateRoot;
pub(crate) use statics::{
    DeleteStaticRole, ReadStaticCredentials, ReadStaticRole, WriteStaticRole,
};

use std::any::Any;
use std::sync::Arc;

use crate::barrier::{Tree, Txn};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::{Act, Context, Engine, Failure, Handler, Leased, Mounted, Registry};
use crate::path::EntryPath;
use crate::record::Record;
use crate::wire::Route;
use creds::Made;
use pool::{Opener, Pools};

/// The kind under which it is mounted.
pub(crate) const KIND: &str = "database";

const CONFIGS: &str = "database-config";
const ROLES: &str = "database-role";
const STATICS: &str = "database-static";

/// How much longer the database lets a user in than the lease lives, so that clocks that differ a
/// little shorten nothing; as in Vault.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// The engine, with its drivers and the connections that are open.
pub(crate) struct Databases {
    drivers: Vec<Arc<dyn Driver>>,
    pools: Arc<Pools>,
}

impl Databases {
    pub(crate) fn new() -> Self {
        Self {
            drivers: built_in(),
            pools: Arc::default(),
        }
    }

    /// Adds a driver, or takes it instead of the one of the same name.
    pub(crate) fn add(&mut self, driver: Arc<dyn Driver>) {
        self.drivers.retain(|other| other.name() != driver.name());
        self.drivers.push(driver);
    }

    /// Returns the engine among all that there are.
    fn of(registry: &dyn Registry) -> Result<&Self> {
        let engine: &dyn Any = registry.engine(KIND)?;
        let other = || Error::invalid("another engine is mounted as database");
        engine.downcast_ref().ok_or_else(other)
    }

    /// Returns whether there is a driver of this name.
    fn has(&self, name: &str) -> bool {
        self.drivers.iter().any(|driver| driver.name() == name)
    }

    /// Returns the driver of this name.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    fn driver(&self, name: &str) -> Result<&Arc<dyn Driver>> {
        let found = self.drivers.iter().find(|driver| driver.name() == name);
        found.ok_or_else(|| {
            let names = self.drivers.iter().map(|driver| driver.name());
            let names = names.collect::<Vec<_>>().join(", ");
            Error::invalid(format!(
                "there is no database driver of this name; there are: {names}. PostgreSQL is the \
                 feature `postgres`, MySQL and MariaDB are `mysql`"
            ))
        })
    }
}

/// Checks statements by the driver of a connection, if there is such a connection yet, and this process
/// has the driver.
fn check_statements(
    cx: &mut Context<'_, '_>,
    config: &str,
    lists: &[(Purpose, &[String])],
) -> Result<()> {
    let site = Site::of(cx.mount()?);
    let Some(config) = config::load(cx.txn, site, config)? else {
        return Ok(());
    };
    let databases = Databases::of(cx.registry)?;
    if !databases.has(&config.plugin) {
        return Ok(());
    }
    let driver = databases.driver(&config.plugin)?;
    let mut lists = lists.iter();
    lists.try_for_each(|(purpose, statements)| driver.check(*purpose, statements))
}

/// Returns the drivers of the features that are on.
fn built_in() -> Vec<Arc<dyn Driver>> {
    vec![
        #[cfg(feature = "postgres")]
        Arc::new(postgres::Postgres),
        #[cfg(feature = "mysql")]
        Arc::new(mysql::MySql),
    ]
}

impl Engine for Databases {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>> {
        match options.is_empty() {
            true => Ok(Vec::new()),
            false => Err(Error::invalid("a database mount has no options")),
        }
    }

    fn areas(&self) -> &'static [&'static str] {
        &[CONFIGS, ROLES, STATICS]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::ROUTES
    }

    fn revoke(&self, txn: &mut Txn<'_>, leased: &Leased<'_>) -> Result<Act> {
        let (made, opener) = match self.reach(txn, leased)? {
            (made, Some(opener)) => (made, opener),
            (_, None) => return Ok(Act::new(|| Err(Failure::Lasting(connection_gone())))),
        };
        let peer = opener.peer();
        let act = Act::new(move || {
            let database = opener.open().map_err(Failure::Passing)?;
            let done = database.drop_user(&made.username, &made.revocation);
            done.map_err(Failure::Passing)
        });
        Ok(act.by(peer))
    }

    fn is_able(&self, txn: &mut Txn<'_>, leased: &Leased<'_>) -> Result<bool> {
        let made = Made::decode(leased.data)?;
        let config = config::load(txn, Site::leased(leased), &made.config)?;
        Ok(config.is_none_or(|config| self.has(&config.plugin)))
    }

    fn renew(&self, txn: &mut Txn<'_>, leased: &Leased<'_>, until: Timestamp) -> Result<Act> {
        let (made, opener) = self.reach(txn, leased)?;
        let opener = opener.ok_or_else(connection_gone)?;
        let renewal = role::renewal(txn, Site::leased(leased), &made)?;
        Ok(Act::new(move || {
            let database = opener.open().map_err(Failure::Passing)?;
            let mut change = ChangeUser::new(&made.username);
            change.expires = Some(until.saturating_add(GRACE));
            change.statements = &renewal;
            database.change(&change).map_err(Failure::Passing)
        }))
    }

    fn tidy(&self, txn: &mut Txn<'_>) -> Result<()> {
        for ((site, name), generation) in self.pools.open() {
            let config = config::load(txn, site, &name)?;
            if config.is_none_or(|config| config.generation != generation) {
                self.pools.close(site, &name);
            }
        }
        Ok(())
    }

    fn close(&self) {
        self.pools.close_all();
    }
}

fn connection_gone() -> Error {
    Error::not_found("the connection of the lease was deleted")
}

impl Databases {
    /// Returns what was made under a lease, and what opens its database, if its connection is still
    /// there.
    fn reach(&self, txn: &mut Txn<'_>, leased: &Leased<'_>) -> Result<(Made, Option<Opener>)> {
        let made = Made::decode(leased.data)?;
        let site = Site::leased(leased);
        let config = config::load(txn, site, &made.config)?;
        let opener = config.map(|config| self.opener(site, config)).transpose()?;
        Ok((made, opener))
    }
}

/// Where the entries of a mount are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Site {
    namespace: NamespaceId,
    mount: MountId,
}

impl Site {
    fn of(mount: Mounted<'_>) -> Self {
        Self {
            namespace: mount.namespace,
            mount: mount.id,
        }
    }

    fn leased(leased: &Leased<'_>) -> Self {
        Self {
            namespace: leased.namespace,
            mount: leased.mount,
        }
    }

    fn tree(self, area: &'static str) -> Tree {
        Tree {
            namespace: self.namespace,
            area,
            mount: self.mount,
        }
    }

    fn entry(self, txn: &Txn<'_>, area: &'static str, name: &Name) -> Result<EntryPath> {
        txn.hidden_entry(self.tree(area), name.as_str())
    }
}

/// Returns the path as policies name it: `database/` `creds` `/` `readonly`.
fn api_path(cx: &Context<'_, '_>, verb: &str, name: &Name) -> Result<String> {
    let mount = cx.mount()?;
    Ok(format!("{}{verb}/{}", mount.path.as_str(), name.as_str()))
}
