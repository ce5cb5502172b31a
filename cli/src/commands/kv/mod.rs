//! `kv`: key-value secrets of both versions; which it is, the mount tells.

mod change;
mod metadata;
mod place;
mod read;
mod versions;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Result;

/// Work with key-value secrets.
#[derive(Subcommand)]
#[command(
    after_help = "A secret is named by its whole path, `secret/app/db`, or within a mount, \
                        `-mount=secret app/db`."
)]
pub(crate) enum Kv {
    /// Read a secret
    Get(read::Get),
    /// Write a secret
    Put(change::Put),
    /// Change some fields of a secret
    Patch(change::Patch),
    /// Delete the newest version of a secret, or some versions; they can come back
    Delete(versions::Delete),
    /// Bring back versions that were deleted
    Undelete(versions::Undelete),
    /// Destroy versions for good
    Destroy(versions::Destroy),
    /// Write an old version anew
    Rollback(versions::Rollback),
    /// List a folder
    List(read::List),
    /// List a folder and all below it
    Scan(read::List),
    /// Work with what is kept of a secret beside its data
    #[command(subcommand)]
    Metadata(metadata::Metadata),
}

impl Kv {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Get(get) => get.run(context),
            Self::Put(put) => put.run(context),
            Self::Patch(patch) => patch.run(context),
            Self::Delete(delete) => delete.run(context),
            Self::Undelete(undelete) => undelete.run(context),
            Self::Destroy(destroy) => destroy.run(context),
            Self::Rollback(rollback) => rollback.run(context),
            Self::List(list) => list.run(context),
            Self::Scan(list) => list.run_scan(context),
            Self::Metadata(metadata) => metadata.run(context),
        }
    }
}
