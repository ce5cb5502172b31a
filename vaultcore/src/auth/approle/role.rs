//! A role, and how it is found.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::options::{RoleOptions, RoleSettings};
use super::{MAX_ID, uuid};
use crate::auth::options::TokenSettings;
use crate::auth::params::{TokenParams, networks_of};
use crate::barrier::{Tree, Use};
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::{Context, Mounted};
use crate::path::{EntryPath, Folder};
use crate::record::Record;
use crate::token::micros;

/// Where a mount keeps what it keeps.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) namespace: NamespaceId,
    pub(super) id: MountId,
}

impl Place {
    pub(super) fn of(cx: &Context<'_, '_>) -> Result<Self> {
        cx.mount().map(Self::from)
    }
}

impl From<Mounted<'_>> for Place {
    fn from(mount: Mounted<'_>) -> Self {
        Self {
            namespace: mount.namespace,
            id: mount.id,
        }
    }
}

/// A role, as stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Role {
    /// In its one spelling.
    pub(super) name: String,
    /// Under what its secret ids are stored.
    pub(super) key: [u8; 16],
    #[serde(with = "crate::secret::wiped")]
    pub(super) role_id: Zeroizing<String>,
    pub(super) params: TokenParams,
    pub(super) bind_secret_id: bool,
    pub(super) secret_id_bound_cidrs: Vec<String>,
    pub(super) secret_id_num_uses: u64, // 0: any number
    pub(super) secret_id_ttl: u64,      // microseconds, 0: for ever
    pub(super) local_secret_ids: bool,
}

impl Record for Role {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "role";
}

/// Which role has an id.
#[derive(Serialize, Deserialize)]
struct Pointer {
    name: String,
}

impl Record for Pointer {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "role id";
}

impl Role {
    /// Creates a role with an id of its own.
    pub(super) fn new(cx: &Context<'_, '_>, mount: Place, name: &str) -> Result<Self> {
        let draw = |what: &[u8]| {
            let context: [&[u8]; 3] = [what, mount.id.as_bytes(), name.as_bytes()];
            cx.txn.unique(&context)
        };
        Ok(Self {
            name: name.to_owned(),
            key: draw(b"role key")?,
            role_id: uuid(&draw(b"role id")?),
            params: TokenParams::default(),
            bind_secret_id: true,
            secret_id_bound_cidrs: Vec::new(),
            secret_id_num_uses: 0,
            secret_id_ttl: 0,
            local_secret_ids: false,
        })
    }

    /// Reads the role of this name in its one spelling, if there is such a one.
    pub(super) fn load(cx: &mut Context<'_, '_>, mount: Place, name: &str) -> Result<Option<Self>> {
        let path = cx.txn.hidden_entry(tree(mount), name)?;
        cx.txn.load(&path)
    }

    /// Reads the role that has this id. Where there is none the same work is done in vain.
    pub(super) fn with_id(
        cx: &mut Context<'_, '_>,
        mount: Place,
        id: &str,
    ) -> Result<Option<Self>> {
        let pointer: Option<Pointer> = cx.txn.load(&pointer_path(cx, mount, id)?)?;
        let name = pointer.map_or(NOBODY.to_owned(), |pointer| pointer.name);
        Self::load(cx, mount, &name)
    }

    /// Stores the role, which had the id `before`.
    ///
    /// # Errors
    /// `InvalidArgument` if another role has its id.
    pub(super) fn store(
        &self,
        cx: &mut Context<'_, '_>,
        mount: Place,
        before: Option<&str>,
    ) -> Result<()> {
        if before != Some(self.role_id.as_str()) {
            let path = pointer_path(cx, mount, &self.role_id)?;
            if cx.txn.load::<Pointer>(&path)?.is_some() {
                return Err(Error::invalid("role_id already in use"));
            }
            let name = self.name.clone();
            cx.txn.store(path, &Pointer { name })?;
            if let Some(before) = before {
                cx.txn.delete(pointer_path(cx, mount, before)?);
            }
        }
        let path = cx.txn.hidden_entry(tree(mount), &self.name)?;
        cx.txn.store(path, self)
    }

    /// Deletes the role; its secret ids are left where nothing finds them.
    pub(super) fn delete(&self, cx: &mut Context<'_, '_>, mount: Place) -> Result<()> {
        cx.txn.delete(pointer_path(cx, mount, &self.role_id)?);
        cx.txn.delete(cx.txn.hidden_entry(tree(mount), &self.name)?);
        Ok(())
    }

    /// Changes the role as is asked; `new` says that it is not stored yet.
    pub(super) fn update(&mut self, options: &RoleOptions, new: bool) -> Result<()> {
        if let Some(id) = &options.role_id {
            if id.is_empty() || id.len() > MAX_ID {
                return Err(Error::invalid("a role_id has 1 to 4096 bytes"));
            }
            self.role_id = Zeroizing::new(id.clone());
        }
        self.bind_secret_id = options.bind_secret_id.unwrap_or(self.bind_secret_id);
        if let Some(networks) = &options.secret_id_bound_cidrs {
            self.secret_id_bound_cidrs = networks_of(networks.clone())?;
        }
        self.secret_id_num_uses = options
            .secret_id_num_uses
            .unwrap_or(self.secret_id_num_uses);
        self.secret_id_ttl = options.secret_id_ttl.map_or(self.secret_id_ttl, micros);
        if let Some(local) = options.local_secret_ids {
            if !new && local != self.local_secret_ids {
                return Err(Error::invalid(
                    "local_secret_ids can only be modified during role creation",
                ));
            }
            self.local_secret_ids = local;
        }
        options.token.apply(&mut self.params)?;
        self.check()
    }

    /// Returns an error for a role that would let everybody in who knows its id.
    pub(super) fn check(&self) -> Result<()> {
        let bound = self.bind_secret_id
            || !self.secret_id_bound_cidrs.is_empty()
            || !self.params.bound_cidrs.is_empty();
        bound
            .then_some(())
            .ok_or_else(|| Error::invalid("at least one constraint should be enabled on the role"))
    }

    pub(crate) fn settings(&self) -> RoleSettings {
        RoleSettings {
            bind_secret_id: self.bind_secret_id,
            secret_id_bound_cidrs: self.secret_id_bound_cidrs.clone(),
            secret_id_num_uses: self.secret_id_num_uses,
            secret_id_ttl: Duration::from_micros(self.secret_id_ttl),
            local_secret_ids: self.local_secret_ids,
            token: TokenSettings::of(&self.params),
        }
    }

    pub(crate) fn role_id(&self) -> &str {
        &self.role_id
    }

    /// Returns the folder of the secret ids.
    pub(super) fn secret_ids(&self, mount: Place) -> Folder {
        secret_ids(mount, &self.key)
    }

    /// Returns the folder of the accessors, as a path of hidden names.
    pub(super) fn accessors(&self) -> String {
        HEXLOWER.encode(&self.key)
    }

    /// Returns the folder of the accessors, as it is stored.
    pub(super) fn accessor_folder(&self, cx: &Context<'_, '_>, mount: Place) -> Result<Folder> {
        cx.txn
            .hidden_folder(accessor_tree(mount), &self.accessors())
    }
}

/// A name that no role has.
const NOBODY: &str = ".";

pub(super) fn tree(mount: Place) -> Tree {
    in_area(mount, "approle-role")
}

pub(super) fn accessor_tree(mount: Place) -> Tree {
    in_area(mount, "approle-accessor")
}

fn in_area(mount: Place, area: &'static str) -> Tree {
    Tree {
        namespace: mount.namespace,
        area,
        mount: mount.id,
    }
}

/// Returns the folder of the secret ids of the role with this key.
pub(super) fn secret_ids(mount: Place, key: &[u8; 16]) -> Folder {
    let folder = in_area(mount, "approle-secret-id").folder();
    folder.then(&HEXLOWER.encode(key))
}

fn pointer_path(cx: &Context<'_, '_>, mount: Place, id: &str) -> Result<EntryPath> {
    let fields: [&[u8]; 2] = [mount.id.as_bytes(), id.as_bytes()];
    let hash = cx.txn.keyring().index().id(Use::RoleId, &fields);
    let folder = in_area(mount, "approle-role-id").folder();
    folder.entry(&HEXLOWER.encode(&hash))
}
