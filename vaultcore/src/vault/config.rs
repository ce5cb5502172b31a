//! What is loaded once, and kept until the epoch moves.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::bearer::Bearer;
use crate::audit::Broker;
use crate::barrier::{Keys, Txn};
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::mount::{Class, MountTable, NamespaceTable};
use crate::operation::{Context, Judge, Mounted, Target};
use crate::path::MountPath;
use crate::policy::Capabilities;
use crate::rights::{Holder, Rights, RightsCache};
use crate::storage::Revision;
use crate::token::Token;
use crate::wire::Object;

/// The configuration as of one epoch.
///
/// What is loaded later, by a transaction, is kept here too: every transaction checks the epoch, so
/// that nothing that was loaded after it moved is ever part of an outcome.
pub(super) struct Config {
    pub(super) keys: Keys,
    pub(super) epoch: Option<Revision>,
    /// How often somebody sealed the vault everywhere.
    seals: u64,
    pub(super) namespaces: NamespaceTable,
    pub(super) rights: RightsCache,
    pub(super) broker: Arc<Broker>,
    tables: RwLock<HashMap<NamespaceId, Arc<Tables>>>,
}

/// The mounts of one namespace.
pub(super) struct Tables {
    pub(super) secret: MountTable,
    pub(super) auth: MountTable,
}

impl Config {
    pub(super) fn new(
        keys: Keys,
        (epoch, seals): (Option<Revision>, u64),
        namespaces: NamespaceTable,
        root: Tables,
        broker: Broker,
    ) -> Self {
        let tables = HashMap::from([(NamespaceId::ROOT, Arc::new(root))]);
        Self {
            keys,
            epoch,
            seals,
            namespaces,
            rights: RightsCache::default(),
            broker: Arc::new(broker),
            tables: RwLock::new(tables),
        }
    }

    /// Returns an error if somebody sealed the vault everywhere since `before` was loaded.
    pub(super) fn check_not_sealed(&self, before: &Self) -> Result<()> {
        if self.seals == before.seals {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Sealed,
            "the vault was sealed by another process: unseal it again",
        ))
    }

    /// Returns whether the namespace and the auth method that a token comes from are still there.
    pub(super) fn serves(&self, txn: &mut Txn<'_>, token: &Token) -> Result<bool> {
        if self.namespaces.path(token.namespace).is_none() {
            return Ok(false);
        }
        let Some((space, mount)) = token.entry.via else {
            return Ok(true);
        };
        let tables = self.tables(txn, space)?;
        Ok(tables.auth.with_id(mount).is_some())
    }

    /// Returns the path of the namespace `space` as the token's policies name it; `None` if it is
    /// neither the token's own nor below that.
    pub(super) fn relative<'s>(&self, token: &Token, space: &'s str) -> Option<&'s str> {
        let own = self.namespaces.path(token.namespace)?;
        space.strip_prefix(own)
    }

    /// Returns what a token, which `bearer` presents, may do.
    pub(super) fn rights(
        &self,
        cx: &mut Context<'_, '_>,
        token: &Token,
        bearer: Option<&Bearer>,
    ) -> Result<Arc<Rights>> {
        let mut work = || self.rights_of(cx.txn, token);
        match bearer {
            Some(bearer) => bearer.rights(token, self.rights.policies_mark(), work),
            None => work(),
        }
    }

    fn rights_of(&self, txn: &mut Txn<'_>, token: &Token) -> Result<Arc<Rights>> {
        let holder = Holder::of(txn, &self.namespaces, token)?;
        self.rights.of(txn, token, holder)
    }

    /// Returns the mounts of a namespace.
    pub(super) fn tables(&self, txn: &mut Txn<'_>, space: NamespaceId) -> Result<Arc<Tables>> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(tables) = known.get(&space) {
            return Ok(Arc::clone(tables));
        }
        drop(known);
        let loaded = Arc::new(Tables::load(txn, space)?);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.insert(space, Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl Tables {
    pub(super) fn load(txn: &mut Txn<'_>, space: NamespaceId) -> Result<Self> {
        Ok(Self {
            secret: MountTable::load(txn, space, Class::Secret)?,
            auth: MountTable::load(txn, space, Class::Auth)?,
        })
    }

    /// Returns the mount that an operation works in.
    pub(super) fn resolve(&self, target: Target<'_>) -> Result<Option<Mounted<'_>>> {
        match target {
            Target::System => Ok(None),
            Target::Mount(path, kind) => mounted(&self.secret, path, kind).map(Some),
            Target::Auth(path, kind) => mounted(&self.auth, path, kind).map(Some),
        }
    }
}

fn mounted<'t>(table: &'t MountTable, path: &MountPath, kind: &str) -> Result<Mounted<'t>> {
    let found = table.at(path).filter(|mount| *mount.kind == *kind);
    let mount = found.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("no engine of kind {kind} is mounted there"),
        )
    })?;
    Ok(table.mounted(mount))
}

impl Judge for Config {
    fn capabilities(
        &self,
        txn: &mut Txn<'_>,
        token: &Token,
        space: &str,
        path: &str,
    ) -> Result<Vec<&'static str>> {
        let rights = self.rights_of(txn, token)?;
        if rights.acl().is_root() {
            return Ok(vec!["root"]);
        }
        let Some(prefix) = self.relative(token, space) else {
            return Ok(vec!["deny"]);
        };
        Ok(rights.at(&format!("{prefix}{path}")).names())
    }

    fn serves(&self, txn: &mut Txn<'_>, token: &Token) -> Result<bool> {
        Config::serves(self, txn, token)
    }

    fn reaches(&self, txn: &mut Txn<'_>, token: &Token, space: &str, path: &str) -> Result<bool> {
        let rights = self.rights_of(txn, token)?;
        let prefix = self.relative(token, space);
        Ok(prefix.is_some_and(|prefix| rights.acl().reaches(&format!("{prefix}{path}"))))
    }

    fn resultant(&self, txn: &mut Txn<'_>, token: &Token) -> Result<Object> {
        let resultant = self.rights_of(txn, token)?.acl().resultant();
        let paths = |paths: &BTreeMap<String, Capabilities>| {
            let mut object = Object::new();
            for (path, capabilities) in paths {
                let names = Object::new().list("capabilities", capabilities.names());
                object = object.object(path, names);
            }
            object
        };
        Ok(Object::new()
            .object("exact_paths", paths(&resultant.exact_paths))
            .object("glob_paths", paths(&resultant.glob_paths))
            .flag("root", resultant.root))
    }

    fn identity_policies(&self, txn: &mut Txn<'_>, token: &Token) -> Result<Vec<String>> {
        Ok(self.rights_of(txn, token)?.identity_policies().to_vec())
    }
}
