//! New shares for a Shamir slot. The new ones must prove themselves before the old ones die.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::slots::{load_slots, store_with_root};
use super::{only_root, protected, shapes};
use crate::barrier::{RootKey, layout};
use crate::clock::Timestamp;
use crate::crypto::mac::sign_once;
use crate::crypto::{KeptKey, equal};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Nonce, SlotId, VaultId};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::record::Record;
use crate::seal::{ShamirSlot, SlotDraft, SlotKind};
use crate::wire::{Json, Object, Response};

/// A rekey that waits for its new shares. It holds no key, only what tells the right one: whoever
/// has the keyring of now may read it, and must not learn by it what comes after.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingRekey {
    nonce: Nonce,
    slot: SlotId,
    sharing: ShamirSlot,
    commitment: [u8; 32],
    started: Timestamp,
}

impl Record for PendingRekey {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "rekey in progress";
}

impl PendingRekey {
    pub(crate) fn nonce(&self) -> Nonce {
        self.nonce
    }

    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    pub(crate) fn sharing(&self) -> &ShamirSlot {
        &self.sharing
    }

    /// Returns whether this is the rekey named by `nonce`.
    pub(crate) fn check(&self, nonce: Nonce) -> Result<()> {
        if self.nonce == nonce {
            return Ok(());
        }
        Err(Error::invalid(
            "the nonce is of another rekey than the one in progress",
        ))
    }

    /// Returns whether `kek` is the key that the new shares were made of.
    fn accepts(&self, vault: &VaultId, kek: &[u8; 32]) -> bool {
        let commitment = commitment(vault, self.nonce, self.slot, kek);
        equal(&self.commitment, &commitment)
    }
}

fn commitment(vault: &VaultId, nonce: Nonce, slot: SlotId, kek: &[u8; 32]) -> [u8; 32] {
    let fields: [&[u8]; 4] = [
        b"pending",
        vault.as_bytes(),
        nonce.as_bytes(),
        slot.as_bytes(),
    ];
    *sign_once(kek, &fields)
}

/// Starts a rekey. One that was in progress is replaced.
pub(crate) struct StartRekey<'d> {
    /// `None`: the only Shamir slot.
    pub(crate) slot: Option<SlotId>,
    pub(crate) draft: &'d SlotDraft,
    pub(crate) nonce: Nonce,
}

impl Operation for StartRekey<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rekey/init", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let SlotKind::Shamir(sharing) = &self.draft.kind else {
            return Err(Error::invalid("a rekey makes shares"));
        };
        let slots = load_slots(cx.txn)?;
        let shamir = slots
            .slots
            .iter()
            .filter(|slot| matches!(slot.kind, SlotKind::Shamir(_)));
        let slot = match (self.slot, shamir.collect::<Vec<_>>().as_slice()) {
            (Some(wanted), shamir) => shamir.iter().find(|slot| slot.id == wanted).copied(),
            (None, [only]) => Some(*only),
            (None, []) => None,
            (None, _) => return Err(Error::invalid("there are several Shamir slots: name one")),
        };
        let missing = || Error::not_found("there is no such Shamir slot");
        let slot = slot.ok_or_else(missing)?.id;
        let pending = PendingRekey {
            nonce: self.nonce,
            slot,
            sharing: sharing.clone(),
            commitment: commitment(&cx.txn.vault(), self.nonce, slot, &self.draft.kek),
            started: cx.txn.now(),
        };
        cx.txn.store(layout::rekey()?, &pending)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("nonce", &self.nonce.to_string())
            .finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads the rekey in progress.
pub(crate) struct ReadRekey {
    /// The path below `sys/` that is asked.
    pub(crate) path: &'static str,
}

impl Operation for ReadRekey {
    type Reply = PendingRekey;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected(self.path, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<PendingRekey> {
        cx.txn.load(&layout::rekey()?)?.ok_or_else(none_in_progress)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, pending: &Self::Reply) -> Result<Response> {
        Ok(shapes::pending_rekey(pending))
    }
}

/// Drops the rekey in progress: the old shares stay.
pub(crate) struct CancelRekey;

impl Operation for CancelRekey {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rekey/init", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        cx.txn.delete(layout::rekey()?);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Puts the new shares in force: new root key, every slot wrapped anew, a new term, one commit.
pub(crate) struct CommitRekey {
    pub(crate) nonce: Nonce,
    /// What the new shares combine to.
    pub(crate) kek: KeptKey,
    pub(crate) root: Arc<RootKey>,
}

impl Operation for CommitRekey {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rekey/verify", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let pending: PendingRekey = cx
            .txn
            .load(&layout::rekey()?)?
            .ok_or_else(none_in_progress)?;
        pending.check(self.nonce)?;
        let (vault, source) = (cx.txn.vault(), cx.txn.source());
        if !pending.accepts(&vault, &self.kek) {
            return Err(Error::new(
                ErrorKind::UnsealFailed,
                "the new shares do not make the key",
            ));
        }
        let mut slots = load_slots(cx.txn)?;
        let position = slots.position(pending.slot)?;
        if let Some(slot) = slots.slots.get_mut(position) {
            slot.kind = SlotKind::Shamir(pending.sharing.clone());
            slot.created = cx.txn.now();
            *slot = slot.rewrapped(&vault, &self.kek, &self.root, source)?;
        }
        let rotated = cx.txn.keyring().rotated(cx.txn.now(), source)?;
        let keyring = rotated.with_kek(pending.slot, &self.kek);
        cx.txn.delete(layout::rekey()?);
        store_with_root(cx.txn, slots, &keyring, &self.root)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("nonce", &self.nonce.to_string())
            .finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

fn none_in_progress() -> Error {
    Error::not_found("no rekey is in progress")
}
