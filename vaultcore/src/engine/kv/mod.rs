//! Key-value secrets: version 2, with versions and check-and-set, and version 1, without.
//!
//! Stored as: `kv-meta/<mount>/<hidden path>` the metadata of a secret; `kv-data/<mount>/<key
//! id>/<slot>` its versions, each of which names the key id, its number and the mark that the
//! metadata holds, so that the two prove each other; `kv-one/<mount>/<hidden path>` version 1.

mod api;
mod config;
mod data;
mod delete;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod get;
mod json;
mod list;
mod merge;
mod meta;
mod metadata;
mod patch;
mod purge;
mod put;
mod shapes;
mod transact;
mod v1;

pub use config::{DeleteAfter, KvConfig, KvConfigUpdate};
pub use list::{Cursor, NamePage};
pub use meta::{KvMetadata, MetadataUpdate};
pub use metadata::{Cas, VersionInfo};

pub(crate) use config::{Configure, ReadConfig};
pub(crate) use delete::{Delete, Selection, Unknown};
pub(crate) use get::{Found, Get, Plain, gone};
pub(crate) use json::{check_object, from_json, to_json};
pub(crate) use list::{List, Name, Names, Recursion};
pub(crate) use meta::{DeleteMetadata, ReadMetadata, UpdateMode, WriteMetadata};
pub(crate) use patch::{Patch, Patched, Rollback, Subkeys};
pub(crate) use purge::{PurgePage, Sweeping};
pub(crate) use put::{Put, Written};
pub(crate) use transact::{Action, Change, Transact};
pub(crate) use v1::{DeleteV1, GetV1, ListV1, PutV1};

use crate::barrier::Tree;
use crate::error::{Error, Result};
use crate::operation::{Engine, Handler, Mounted};
use crate::record::Record;
use crate::wire::Route;
use config::Config;

/// The kind under which version 2 is mounted.
pub(crate) const KIND_V2: &str = "kv-v2";
/// The kind under which version 1 is mounted.
pub(crate) const KIND_V1: &str = "kv-v1";
/// The longest value: 1 MiB of JSON.
pub const MAX_VALUE: usize = 1_048_576;

/// Version 2.
pub(crate) struct V2;
/// Version 1.
pub(crate) struct V1;

impl Engine for V2 {
    fn kind(&self) -> &'static str {
        KIND_V2
    }

    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>> {
        refuse_options(options)?;
        Ok(Config::default().encode()?.to_vec())
    }

    fn areas(&self) -> &'static [&'static str] {
        &["kv-meta", "kv-data"]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::V2_ROUTES
    }
}

impl Engine for V1 {
    fn kind(&self) -> &'static str {
        KIND_V1
    }

    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>> {
        refuse_options(options)?;
        Ok(Vec::new())
    }

    fn areas(&self) -> &'static [&'static str] {
        &["kv-one"]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::V1_ROUTES
    }
}

/// The version chose the engine already; there is no other option.
fn refuse_options(options: &[(String, String)]) -> Result<()> {
    if options.iter().all(|(name, _)| name == "version") {
        return Ok(());
    }
    Err(Error::invalid(
        "a key-value mount has no option but `version`",
    ))
}

/// Returns the tree of names whose entries are metadata.
fn metadata_tree(mount: Mounted<'_>) -> Tree {
    Tree {
        namespace: mount.namespace,
        area: "kv-meta",
        mount: mount.id,
    }
}

/// Returns the path as policies name it: `secret/` `data` `/` `app/db`.
fn api_path(mount: Mounted<'_>, verb: &str, path: &str) -> String {
    format!("{}{verb}/{path}", mount.path.as_str())
}
