//! Deleting, undeleting and destroying of versions.

use super::config::{Config, MAX_VERSIONS};
use super::get::no_secret;
use super::metadata::{Metadata, Version};
use super::put::SWEEP;
use super::{KIND_V2, api_path};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{MountPath, SecretPath};

/// Deletes, undeletes or destroys versions.
pub(crate) struct Delete {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) selection: Selection,
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

/// Whether records of dropped versions wait to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweeping {
    Done,
    More,
}

impl Sweeping {
    pub(super) fn of(metadata: &Metadata) -> Self {
        if metadata.doomed.is_empty() {
            Self::Done
        } else {
            Self::More
        }
    }
}

impl Operation for Delete {
    type Reply = Sweeping;

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

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Sweeping> {
        let newest_only = matches!(self.selection, Selection::DeleteNewest);
        let Some(mut metadata) = Metadata::load(cx, &self.path)? else {
            return if newest_only {
                Ok(Sweeping::Done)
            } else {
                Err(no_secret())
            };
        };
        // A call that only finishes what another began has records to delete and nothing to change.
        if !self.selection.apply(cx, &mut metadata)? && metadata.doomed.is_empty() {
            return Ok(Sweeping::Done);
        }
        let mount = cx.mount()?;
        metadata.sweep(cx, mount, SWEEP)?;
        metadata.store(cx, &self.path)?;
        Ok(Sweeping::of(&metadata))
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

/// Clears the mark and the time of deletion, then applies `delete_version_after` again, from now; to live
/// versions too, as in Vault.
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

/// Deletes the next records of dropped versions.
pub(crate) struct Sweep {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
}

impl Operation for Sweep {
    type Reply = Sweeping;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    /// The operation that dropped the versions was allowed; this one only finishes it.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Sweeping> {
        let Some(mut metadata) = Metadata::load(cx, &self.path)? else {
            return Ok(Sweeping::Done);
        };
        if metadata.doomed.is_empty() {
            return Ok(Sweeping::Done);
        }
        let mount = cx.mount()?;
        metadata.sweep(cx, mount, SWEEP)?;
        let entry = Metadata::entry(cx, &self.path)?;
        cx.txn.store(entry, &metadata)?;
        Ok(Sweeping::of(&metadata))
    }
}
