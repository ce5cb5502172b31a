//! Key slots: the root key, wrapped once by each seal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kdf::Argon2Params;
use super::share::CeremonyId;
use crate::barrier::RootKey;
use crate::clock::Timestamp;
use crate::crypto::aead;
use crate::crypto::digest::sha256;
use crate::crypto::mac::sign_once;
use crate::crypto::rng::{Random, random};
use crate::crypto::{KeptKey, RawKey, equal, framed};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{SlotId, VaultId};
use crate::record::Record;

/// The most slots of a vault.
pub(crate) const MAX_SLOTS: usize = 32;

/// All slots, in one entry, so that a change of them is one write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slots {
    pub(crate) slots: Vec<Slot>,
}

impl Record for Slots {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "list of key slots";
}

/// One slot. All of it but the wrapped key is in clear, and all of it is authenticated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) id: SlotId,
    pub(crate) kind: SlotKind,
    pub(crate) created: Timestamp,
    /// Counts how often the root key was wrapped anew.
    pub(crate) generation: u64,
    commitment: [u8; 32],
    salt: [u8; 16],
    nonce: [u8; 12],
    wrapped: Vec<u8>,
}

/// What opens a slot, and what has to be known for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SlotKind {
    /// Shares of a random key.
    Shamir(ShamirSlot),
    /// A key stretched from a passphrase.
    Passphrase {
        salt: [u8; 16],
        params: Argon2Params,
    },
    /// A key of 32 bytes that the host keeps.
    Key,
}

/// The sharing of one Shamir slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShamirSlot {
    pub(crate) ceremony: CeremonyId,
    pub(crate) threshold: u8,
    pub(crate) checks: Vec<ShareCheck>,
}

/// Lets a wrong share be named: its x, and a MAC of it that tells nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShareCheck {
    pub(crate) x: u8,
    pub(crate) mac: [u8; 16],
}

impl Slot {
    /// Wraps `root` under `kek` in a new slot.
    pub(crate) fn new(
        vault: &VaultId,
        id: SlotId,
        kind: SlotKind,
        created: Timestamp,
        kek: &[u8; 32],
        root: &RootKey,
        source: &dyn Random,
    ) -> Result<Self> {
        let empty = Self {
            id,
            kind,
            created,
            generation: 0,
            commitment: [0; 32],
            salt: [0; 16],
            nonce: [0; 12],
            wrapped: Vec::new(),
        };
        empty.rewrapped(vault, kek, root, source)
    }

    /// Returns the slot with `root` wrapped in it, under the same `kek`.
    pub(crate) fn rewrapped(
        &self,
        vault: &VaultId,
        kek: &[u8; 32],
        root: &RootKey,
        source: &dyn Random,
    ) -> Result<Self> {
        let mut slot = self.clone();
        slot.generation = self.generation.saturating_add(1);
        let aad = slot.aad(vault)?;
        slot.commitment = *sign_once(kek, &[b"commit", &aad]);
        // Hedged as in the envelope: a source that repeats itself repeats no (key, nonce).
        let fresh: [u8; 32] = random(source)?;
        let fields: [&[u8]; 4] = [
            b"hedge",
            &fresh,
            &sha256(&[&aad]),
            &sha256(&[root.expose()]),
        ];
        let hedged = sign_once(kek, &fields);
        slot.salt = hedged.first_chunk().copied().unwrap_or_default();
        slot.nonce = hedged.last_chunk().copied().unwrap_or_default();
        let mut body = Zeroizing::new(root.expose().to_vec());
        let tag = aead::encrypt_once(&slot.wrapping_key(kek, &aad), slot.nonce, &aad, &mut body)?;
        slot.wrapped = [&body[..], &tag[..]].concat();
        Ok(slot)
    }

    /// Returns whether `kek` is this slot's key.
    pub(crate) fn accepts(&self, vault: &VaultId, kek: &[u8; 32]) -> Result<bool> {
        let commitment = sign_once(kek, &[b"commit", &self.aad(vault)?]);
        Ok(equal(&*commitment, &self.commitment))
    }

    /// Returns the root key.
    ///
    /// # Errors
    /// `UnsealFailed` if `kek` is not this slot's key, `Corrupt` if the slot was changed.
    pub(crate) fn unwrap_root(&self, vault: &VaultId, kek: &[u8; 32]) -> Result<KeptKey> {
        // GCM does not commit to its key, so the commitment is checked first.
        if !self.accepts(vault, kek)? {
            return Err(Error::new(
                ErrorKind::UnsealFailed,
                "the key does not open this slot",
            ));
        }
        let aad = self.aad(vault)?;
        let corrupt = || Error::corrupt("a key slot does not authenticate");
        let mut body = Zeroizing::new(self.wrapped.clone());
        let wrapping_key = self.wrapping_key(kek, &aad);
        let plain =
            aead::decrypt_once(&wrapping_key, self.nonce, &aad, &mut body).ok_or_else(corrupt)?;
        KeptKey::try_fill(|root| {
            if plain.len() != root.len() {
                return Err(corrupt());
            }
            root.copy_from_slice(plain);
            Ok(())
        })
    }

    fn wrapping_key(&self, kek: &[u8; 32], aad: &[u8]) -> RawKey {
        sign_once(kek, &[b"wrap", aad, &self.salt])
    }

    fn aad(&self, vault: &VaultId) -> Result<Vec<u8>> {
        let kind = postcard::to_stdvec(&(&self.kind, self.created))
            .map_err(|_| Error::invalid("a key slot could not be encoded"))?;
        Ok(framed(&[
            b"slot",
            vault.as_bytes(),
            self.id.as_bytes(),
            &self.generation.to_be_bytes(),
            &kind,
        ]))
    }
}

impl ShamirSlot {
    /// Returns the MAC by which a share is recognised.
    pub(crate) fn mac(ceremony: CeremonyId, share: &[u8]) -> [u8; 16] {
        let tag = sign_once(ceremony.as_bytes(), &[b"share", share]);
        tag.first_chunk().copied().unwrap_or_default()
    }

    /// Returns whether `share` is one of this sharing.
    pub(crate) fn knows(&self, share: &[u8]) -> bool {
        let mac = Self::mac(self.ceremony, share);
        self.checks.iter().any(|check| equal(&check.mac, &mac))
    }
}

impl Slots {
    /// Reads the stored list, and refuses parameters that nobody sane wrote: they come from
    /// untrusted storage and decide how much memory and time an unseal takes.
    pub(crate) fn parse(stored: &[u8]) -> Result<Self> {
        let slots = Self::decode(stored)?;
        let corrupt = |what: &'static str| Err(Error::corrupt(what));
        if slots.slots.is_empty() || slots.slots.len() > MAX_SLOTS {
            return corrupt("the stored list of key slots is empty or too long");
        }
        if slots.repeats_an_id() {
            return corrupt("two stored key slots have the same id");
        }
        for slot in &slots.slots {
            match &slot.kind {
                SlotKind::Shamir(shamir) if !shamir.is_sane() => {
                    return corrupt("a stored Shamir slot has impossible parameters");
                }
                SlotKind::Passphrase { params, .. } if !params.is_sane() => {
                    return corrupt("a stored passphrase slot has impossible parameters");
                }
                _ => {}
            }
        }
        Ok(slots)
    }

    /// Makes the list of `slots`.
    ///
    /// # Errors
    /// `LimitExceeded` with too many; `Unavailable` if two have the same id, which a random source
    /// that repeats itself brings about: the keyring keeps their keys by it.
    pub(crate) fn checked(slots: Vec<Slot>) -> Result<Self> {
        if slots.len() > MAX_SLOTS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a vault has at most {MAX_SLOTS} key slots"),
            ));
        }
        let slots = Self { slots };
        if slots.repeats_an_id() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the random source repeats itself: two key slots got the same id",
            ));
        }
        Ok(slots)
    }

    fn repeats_an_id(&self) -> bool {
        let ids: BTreeSet<SlotId> = self.slots.iter().map(|slot| slot.id).collect();
        ids.len() < self.slots.len()
    }

    pub(crate) fn position(&self, id: SlotId) -> Result<usize> {
        let found = self.slots.iter().position(|slot| slot.id == id);
        found.ok_or_else(|| Error::not_found("there is no key slot with this id"))
    }
}

impl ShamirSlot {
    fn is_sane(&self) -> bool {
        let shares = self.checks.len();
        let threshold = usize::from(self.threshold);
        shares == 1 && threshold == 1
            || (2..=255).contains(&shares) && (2..=shares).contains(&threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rng::OsRandom;

    const VAULT: VaultId = VaultId::from_bytes([5; 16]);

    fn slot(kek: &[u8; 32], root: &RootKey) -> Slot {
        let id = SlotId::from_bytes([1; 16]);
        let now = Timestamp::from_micros(1);
        Slot::new(&VAULT, id, SlotKind::Key, now, kek, root, &OsRandom).expect("slot")
    }

    #[test]
    fn a_slot_opens_with_its_key_only() {
        let (kek, root) = ([1; 32], RootKey::generate(&OsRandom).expect("root"));
        let slot = slot(&kek, &root);
        assert_eq!(
            *slot.unwrap_root(&VAULT, &kek).expect("opens"),
            *root.expose()
        );
        let wrong = slot.unwrap_root(&VAULT, &[2; 32]).expect_err("wrong key");
        assert_eq!(wrong.kind(), ErrorKind::UnsealFailed);
        let elsewhere = VaultId::from_bytes([6; 16]);
        assert!(slot.unwrap_root(&elsewhere, &kek).is_err());
    }

    #[test]
    fn every_change_of_a_slot_is_found() {
        let (kek, root) = ([1; 32], RootKey::generate(&OsRandom).expect("root"));
        let stored = Slots {
            slots: vec![slot(&kek, &root)],
        }
        .encode()
        .expect("encodes");
        for index in 0..stored.len() {
            for bit in 0..8 {
                let mut changed = stored.to_vec();
                changed[index] ^= 1 << bit;
                let Ok(slots) = Slots::parse(&changed) else {
                    continue;
                };
                let opened = slots
                    .slots
                    .iter()
                    .any(|slot| slot.unwrap_root(&VAULT, &kek).is_ok());
                assert!(!opened, "byte {index}");
            }
        }
    }

    #[test]
    fn wrapping_anew_changes_everything_but_the_key() {
        let (kek, root) = ([1; 32], RootKey::generate(&OsRandom).expect("root"));
        let first = slot(&kek, &root);
        let second = first
            .rewrapped(&VAULT, &kek, &root, &OsRandom)
            .expect("wraps");
        assert_eq!(second.generation, 2);
        assert_ne!((first.salt, first.nonce), (second.salt, second.nonce));
        assert_eq!(
            *second.unwrap_root(&VAULT, &kek).expect("opens"),
            *root.expose()
        );
    }
}
