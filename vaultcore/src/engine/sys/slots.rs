//! Adding and removing of key slots.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{only_root, protected, shapes, sys};
use crate::barrier::{Keyring, RootKey, Txn, layout};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{SlotId, VaultId};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::record::Record;
use crate::seal::{Slot, SlotDraft, SlotKind, Slots};
use crate::wire::{Json, Object, Response};

/// What opens a slot.
///
/// ```
/// use vaultcore::SlotType;
/// let people = SlotType::Shamir { shares: 5, threshold: 3 };
/// assert_ne!(people, SlotType::Key);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotType {
    /// Shares, held by people.
    Shamir {
        /// How many there are.
        shares: u8,
        /// How many open the vault.
        threshold: u8,
    },
    /// A passphrase.
    Passphrase,
    /// A key of 32 bytes that the host keeps.
    Key,
}

/// A key slot, as listed.
///
/// ```
/// # use vaultcore::{NewSlot, SlotType, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(5, 3)])?;
/// # for share in init.shares().iter().take(3) { vault.unseal(share)?; }
/// let slots = vault.owner()?.sys().slots()?;
/// assert_eq!(slots.len(), 1);
/// assert!(slots.iter().all(|slot| slot.kind == SlotType::Shamir { shares: 5, threshold: 3 }));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Names the slot.
    pub id: SlotId,
    /// What opens it.
    pub kind: SlotType,
    /// When it was made.
    pub created_time: Timestamp,
    /// How often the root key was wrapped in it.
    pub generation: u64,
}

impl SlotInfo {
    fn of(slot: &Slot) -> Self {
        let kind = match &slot.kind {
            SlotKind::Shamir(shamir) => SlotType::Shamir {
                shares: u8::try_from(shamir.checks.len()).unwrap_or(u8::MAX),
                threshold: shamir.threshold,
            },
            SlotKind::Passphrase { .. } => SlotType::Passphrase,
            SlotKind::Key => SlotType::Key,
        };
        Self {
            id: slot.id,
            kind,
            created_time: slot.created,
            generation: slot.generation,
        }
    }
}

/// Lists the key slots.
pub(crate) struct ListSlots;

impl Operation for ListSlots {
    type Reply = Vec<SlotInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        sys("slots", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Vec<SlotInfo>> {
        Ok(load_slots(cx.txn)?.slots.iter().map(SlotInfo::of).collect())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, slots: &Self::Reply) -> Result<Response> {
        Ok(shapes::slots(slots))
    }
}

/// Adds a slot that opens the vault as those before do.
pub(crate) struct AddSlot<'d> {
    pub(crate) draft: &'d SlotDraft,
}

impl Operation for AddSlot<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("slots", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut slots = load_slots(cx.txn)?.slots;
        let keys = cx.txn.keys();
        slots.push(
            self.draft
                .wrap(&cx.txn.vault(), cx.txn.now(), &keys.root, cx.txn.source())?,
        );
        let keyring = keys.keyring.with_kek(self.draft.id, &self.draft.kek);
        cx.txn
            .put_raw(layout::slots()?, Slots::checked(slots)?.encode()?.to_vec());
        cx.txn.store_keyring(&keyring, &keys.root)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("slot", &self.draft.id.to_string())
            .finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Removes a slot, and makes a new root key, so that what opened the slot does not open the vault.
pub(crate) struct RemoveSlot {
    pub(crate) slot: SlotId,
    pub(crate) root: Arc<RootKey>,
}

impl Operation for RemoveSlot {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected(&format!("slots/{}", self.slot), Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mut slots = load_slots(cx.txn)?;
        let position = slots.position(self.slot)?;
        if slots.slots.len() == 1 {
            return Err(Error::invalid(
                "the last key slot stays: without it nobody opens the vault",
            ));
        }
        slots.slots.remove(position);
        let rotated = cx.txn.keyring().rotated(cx.txn.now(), cx.txn.source())?;
        store_with_root(cx.txn, slots, &rotated.without_kek(self.slot), &self.root)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads the list of slots. It stands in clear, so each must be one that the keyring knows.
pub(super) fn load_slots(txn: &mut Txn<'_>) -> Result<Slots> {
    let missing = || Error::corrupt("the list of key slots is missing");
    let slots = Slots::parse(&txn.raw(&layout::slots()?)?.ok_or_else(missing)?)?;
    check_whole(&slots, txn.keyring())?;
    for slot in &slots.slots {
        known_kek(txn.keyring(), &txn.vault(), slot)?;
    }
    Ok(slots)
}

/// Returns an error unless `slots` are those whose keys the keyring holds: the list may have been
/// put back to one of before, and what is written next would make the loss final.
fn check_whole(slots: &Slots, keyring: &Keyring) -> Result<()> {
    let mut listed: Vec<SlotId> = slots.slots.iter().map(|slot| slot.id).collect();
    let mut known: Vec<SlotId> = keyring.slots().collect();
    listed.sort_unstable();
    known.sort_unstable();
    if listed == known {
        return Ok(());
    }
    Err(Error::corrupt(
        "the list of key slots is not the one that the keyring knows",
    ))
}

/// Returns the key of `slot`, which nobody has changed.
fn known_kek<'k>(keyring: &'k Keyring, vault: &VaultId, slot: &Slot) -> Result<&'k [u8; 32]> {
    let missing = || Error::corrupt("the keyring lacks the key of a slot");
    let kek = keyring.kek(slot.id).ok_or_else(missing)?;
    if slot.accepts(vault, kek)? {
        return Ok(kek);
    }
    Err(Error::corrupt(
        "a key slot is not the one that the keyring knows",
    ))
}

/// Wraps `root` in every slot of `slots`, and writes them with `keyring` under `root`.
pub(super) fn store_with_root(
    txn: &mut Txn<'_>,
    slots: Slots,
    keyring: &Keyring,
    root: &RootKey,
) -> Result<()> {
    let (vault, source) = (txn.vault(), txn.source());
    let rewrapped = slots.slots.iter().map(|slot| {
        let kek = known_kek(keyring, &vault, slot)?;
        slot.rewrapped(&vault, kek, root, source)
    });
    let slots = Slots::checked(rewrapped.collect::<Result<_>>()?)?;
    let encoded: Zeroizing<Vec<u8>> = slots.encode()?;
    txn.put_raw(layout::slots()?, encoded.to_vec());
    txn.store_keyring(keyring, root)
}
