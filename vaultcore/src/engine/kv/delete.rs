//! Deleting, undeleting and destroying of versions.

use super::config::{Config, MAX_VERSIONS};
use super::get::no_secret;
use super::metadata::{Metadata, Version};
use super::purge::Dropped;
use super::put::SWEEP;
use super::{KIND_V2, api_path, shapes};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath, SecretPath};
use crate::wire::{Json, Response};

/// Deletes, undeletes or destroys versions.
pub(crate) struct Delete {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) selection: Selection,
    pub(crate) unknown: Unknown,
}

/// What a change of versions is of a secret that there is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// An error.
    Refused,
    /// Nothing to do, as in Vault.
    PassedOver,
}

/// What is done to which versions. Unknown numbers are passed over, as in Vault.
pub(crate) enum Selection {
    /// The newest version is marked as deleted, if it is live.
    DeleteNewest,
    /// These are marked as deleted.
    Delete(Vec<u64>),
    /// These are live again, unless destroyed.
    Undelete(Vec<u64>),
    /// The data of these is removed for good.
    Destroy(Vec<u64>),
}

impl Operation for Delete {
    /// The work entry that deletes the rest of destroyed versions, if there is a rest.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let (verb, capability) = match self.selection {
            Selection::DeleteNewest => ("data", Capability::Delete),
            Selection::Delete(_) => ("delete", Capability::Update),
            Selection::Undelete(_) => ("undelete", Capability::Update),
            Selection::Destroy(_) => ("destroy", Capability::Update),
        };
        let path = api_path(cx.mount()?, verb, self.path.as_str());
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let newest_only = matches!(self.selection, Selection::DeleteNewest);
        let Some(mut metadata) = Metadata::load(cx, &self.path)? else {
            return match self.unknown {
                Unknown::Refused if !newest_only => Err(no_secret()),
                _ => Ok(None),
            };
        };
        // A call that only finishes what another began has records to delete and nothing to change.
        if !self.selection.apply(cx, &mut metadata)? && metadata.doomed.is_empty() {
            return Ok(None);
        }
        let dropped = metadata.sweep_and_store(cx, &self.path, SWEEP)?;
        Dropped::leave(cx.txn, dropped.into_iter().collect())
    }

    fn input(&self) -> Json {
        shapes::selected(&self.selection)
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        let response = Response::empty().leaving(rest.clone());
        Ok(match self.selection {
            Selection::Destroy(_) => response.waiting(),
            // What was left of an earlier call is not this one's matter.
            _ => response,
        })
    }
}

impl Selection {
    /// Changes `metadata`, and returns whether anything changed.
    pub(super) fn apply(&self, cx: &Context<'_, '_>, metadata: &mut Metadata) -> Result<bool> {
        match self {
            Self::DeleteNewest => Ok(delete(cx, metadata, &[metadata.current])),
            Self::Delete(numbers) => check(numbers).map(|()| delete(cx, metadata, numbers)),
            Self::Undelete(numbers) => {
                check(numbers).and_then(|()| undelete(cx, metadata, numbers))
            }
            Self::Destroy(numbers) => check(numbers).map(|()| destroy(metadata, numbers)),
        }
    }
}

/// A secret has at most 1,000 versions, so that more numbers name nothing.
fn check(numbers: &[u64]) -> Result<()> {
    if numbers.is_empty() {
        return Err(Error::invalid("no version is named"));
    }
    if numbers.len() > MAX_VERSIONS as usize {
        let message = format!(
            "a call names at most {MAX_VERSIONS} versions, not {}",
            numbers.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(())
}

fn delete(cx: &Context<'_, '_>, metadata: &mut Metadata, numbers: &[u64]) -> bool {
    let now = cx.txn.now();
    let mut changed = false;
    for number in numbers {
        let named = metadata
            .version_mut(*number)
            .filter(|version| !version.destroyed && !version.deleted);
        if let Some(version) = named {
            // One that ran out is marked too: by a clock that is behind it is live.
            version.deleted = true;
            version.deletion = Some(version.deletion.map_or(now, |time| time.min(now)));
            changed = true;
        }
    }
    changed
}

/// Clears the mark and the time of deletion, then applies `delete_version_after` again, from now;
/// to live versions too, as in Vault.
fn undelete(cx: &Context<'_, '_>, metadata: &mut Metadata, numbers: &[u64]) -> Result<bool> {
    let lifetime = Config::of(cx.mount()?)?.lifetime(metadata.delete_after());
    let again = lifetime.map(|life| cx.txn.now().saturating_add(life));
    let mut changed = false;
    for number in numbers {
        let named = metadata
            .version_mut(*number)
            .filter(|version| !version.destroyed);
        let as_before = |version: &Version| version.deletion == again && !version.deleted;
        if let Some(version) = named.filter(|version| !as_before(version)) {
            version.deletion = again;
            version.deleted = false;
            changed = true;
        }
    }
    Ok(changed)
}

fn destroy(metadata: &mut Metadata, numbers: &[u64]) -> bool {
    let mut slots = Vec::new();
    let mut changed = false;
    for number in numbers {
        if let Some(version) = metadata
            .version_mut(*number)
            .filter(|version| !version.destroyed)
        {
            version.destroyed = true;
            slots.extend(version.slot.take());
            changed = true;
        }
    }
    metadata.doomed.extend(slots);
    changed
}
