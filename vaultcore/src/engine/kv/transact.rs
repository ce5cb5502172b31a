//! One transaction over many secrets: what Vault lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::delete::Selection;
use super::metadata::{Cas, Metadata, Version, VersionInfo};
use super::purge::Dropped;
use super::put::{Added, SWEEP, add, write_access};
use super::{KIND_V2, api_path, shapes};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath, SecretPath};
use crate::secret::SecretBytes;
use crate::wire::{Json, Response};

/// The most secrets that one transaction changes.
pub(crate) const MAX_CHANGES: usize = 50;

/// One change of a transaction.
pub(crate) struct Change {
    pub(crate) path: SecretPath,
    pub(crate) cas: Cas,
    pub(crate) action: Action,
}

/// What a change does.
pub(crate) enum Action {
    /// Writes a version; the JSON was checked.
    Put(SecretBytes),
    /// Marks the newest version as deleted.
    Delete,
}

/// Makes all changes, or none.
pub(crate) struct Transact {
    pub(crate) mount: MountPath,
    pub(crate) changes: Vec<Change>,
}

/// What a transaction came to.
pub(crate) struct Transacted {
    /// The version that each change left as the newest, in their order.
    pub(crate) infos: Vec<VersionInfo>,
    /// The work entry that deletes the rest of dropped versions, if there is a rest.
    pub(crate) rest: Option<EntryPath>,
}

impl Transact {
    /// Collects changes.
    ///
    /// # Errors
    /// `LimitExceeded` beyond 50, `InvalidArgument` for none or for a secret named twice.
    pub(crate) fn new(mount: MountPath, changes: Vec<Change>) -> Result<Self> {
        if changes.len() > MAX_CHANGES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "a transaction changes at most {MAX_CHANGES} secrets, not {}",
                    changes.len()
                ),
            ));
        }
        let distinct: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        if distinct.len() != changes.len() {
            return Err(Error::invalid("a transaction changes each secret once"));
        }
        Ok(Self { mount, changes })
    }

    /// Reads all metadata at one moment, rather than one by one.
    fn prefetch(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let entries = self
            .changes
            .iter()
            .map(|change| Metadata::entry(cx, &change.path));
        let entries: Vec<_> = entries.collect::<Result<_>>()?;
        cx.txn.prefetch(&entries)
    }
}

impl Operation for Transact {
    type Reply = Transacted;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.prefetch(cx)?;
        let access = |change: &Change| match change.action {
            Action::Put(_) => write_access(cx, &change.path),
            Action::Delete => {
                let path = api_path(cx.mount()?, "data", change.path.as_str());
                Ok(Access::new(path, Capability::Delete))
            }
        };
        self.changes.iter().map(access).collect()
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Transacted> {
        self.prefetch(cx)?;
        // A put writes two entries; what is left of the batch deletes records of dropped versions.
        let spare = SWEEP.saturating_sub(self.changes.len().saturating_mul(2));
        let budget = spare.checked_div(self.changes.len()).unwrap_or(0);
        let (mut infos, mut dropped) = (Vec::new(), Vec::new());
        for change in &self.changes {
            let added = change.make(cx, budget)?;
            infos.push(added.info);
            dropped.extend(added.dropped);
        }
        let rest = Dropped::leave(cx.txn, dropped)?;
        Ok(Transacted { infos, rest })
    }

    fn input(&self) -> Json {
        let changes = self.changes.iter().map(|change| {
            let json = match &change.action {
                Action::Put(json) => Some(json.expose()),
                Action::Delete => None,
            };
            (change.path.as_str(), json)
        });
        shapes::changes(changes)
    }

    fn output(&self, done: &Self::Reply) -> Result<Response> {
        Ok(shapes::changed(&done.infos).leaving(done.rest.clone()))
    }
}

impl Change {
    fn make(&self, cx: &mut Context<'_, '_>, budget: usize) -> Result<Added> {
        match &self.action {
            Action::Put(json) => add(cx, &self.path, json.expose(), self.cas, budget),
            Action::Delete => self.delete(cx),
        }
    }

    fn delete(&self, cx: &mut Context<'_, '_>) -> Result<Added> {
        let missing = || Error::not_found("a transaction deletes a secret that does not exist");
        let mut metadata = Metadata::load(cx, &self.path)?.ok_or_else(missing)?;
        self.cas.check(metadata.current, false)?;
        if Selection::DeleteNewest.apply(cx, &mut metadata)? {
            metadata.store(cx, &self.path)?;
        }
        let info = metadata.newest().map(Version::info).ok_or_else(missing)?;
        let dropped = None;
        Ok(Added {
            info,
            custom: BTreeMap::new(),
            dropped,
        })
    }
}
