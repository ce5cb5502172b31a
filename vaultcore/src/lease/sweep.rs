//! The work of ending all leases below a path, or all tokens of logins there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::{Txn, layout};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{LeaseKey, NamespaceId};
use crate::path::{EntryPath, Folder};
use crate::record::Record;

/// How far the clocks of two processes may be apart: no lease that was there is saved by having been made
/// by one that is ahead.
const APART: Duration = Duration::from_secs(30);

/// Leases and tokens that are to be ended. It is done again after a crash.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// When it was begun: what is leased well after stays, whenever the work is resumed.
    begun: Timestamp,
    /// Lead to the leases.
    folders: Vec<String>,
    /// A single lease.
    lease: Option<LeaseKey>,
    /// The tokens that were made by a request to this path, or below it.
    tokens: Option<(NamespaceId, String)>,
    /// Whether leases are dropped even if they cannot be ended.
    force: bool,
}

impl Record for Sweep {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "end of leases in progress";
}

impl Sweep {
    /// The work of ending the leases that `folders` lead to.
    pub(crate) fn leases(txn: &Txn<'_>, folders: &[Folder], force: bool) -> Self {
        let folders = folders.iter().map(|folder| folder.as_str().to_owned());
        Self {
            folders: folders.collect(),
            force,
            ..Self::of_nothing(txn)
        }
    }

    /// The work of ending one lease, and of dropping it in any case.
    pub(crate) fn by_force(txn: &Txn<'_>, lease: LeaseKey) -> Self {
        Self {
            lease: Some(lease),
            force: true,
            ..Self::of_nothing(txn)
        }
    }

    /// The work of revoking the tokens that were made at `path`, or below it.
    pub(crate) fn tokens(txn: &Txn<'_>, namespace: NamespaceId, path: &str) -> Self {
        Self {
            tokens: Some((namespace, path.to_owned())),
            ..Self::of_nothing(txn)
        }
    }

    fn of_nothing(txn: &Txn<'_>) -> Self {
        Self {
            begun: txn.now(),
            folders: Vec::new(),
            lease: None,
            tokens: None,
            force: false,
        }
    }

    /// Leaves the work.
    pub(crate) fn leave(&self, txn: &mut Txn<'_>) -> Result<EntryPath> {
        let id = txn.unique(&[b"sweep"])?;
        let id = data_encoding::HEXLOWER.encode(&id);
        let work = layout::work().then("leases").entry(&id)?;
        txn.store(work.clone(), self)?;
        Ok(work)
    }

    /// Returns the work, unless it is done.
    pub(crate) fn load(txn: &mut Txn<'_>, work: &EntryPath) -> Result<Option<Self>> {
        txn.load(work)
    }

    /// Returns the time after which leases were certainly made later than this was begun.
    pub(crate) fn latest(&self) -> Timestamp {
        self.begun.saturating_add(APART)
    }

    /// Returns the folders that lead to the leases, and whether those are dropped in any case.
    pub(crate) fn folders(&self) -> Result<(Vec<Folder>, bool)> {
        let folders = self.folders.iter().map(|folder| Folder::stored(folder));
        Ok((folders.collect::<Result<_>>()?, self.force))
    }

    /// Returns the single lease that is to be ended, if one is.
    pub(crate) fn lease(&self) -> Option<LeaseKey> {
        self.lease
    }

    /// Returns the path whose tokens are to be revoked, if any are.
    pub(crate) fn made_at(&self) -> Option<(NamespaceId, &str)> {
        let (namespace, path) = self.tokens.as_ref()?;
        Some((*namespace, path))
    }

    /// Says that it is done: each lease was tried, and those that could not be ended are tried again
    /// by whoever reaps.
    pub(crate) fn done(txn: &mut Txn<'_>, work: &EntryPath) {
        txn.delete(work.clone());
    }
}
