//! Making of new slots.

use super::kdf::{self, Argon2Params};
use super::share::{CeremonyId, Share};
use super::slot::{ShamirSlot, ShareCheck, Slot, SlotKind};
use crate::barrier::RootKey;
use crate::clock::Timestamp;
use crate::crypto::rng::{Random, random};
use crate::crypto::shamir;
use crate::crypto::{KeptKey, random_key};
use crate::error::{Error, Result};
use crate::id::{SlotId, VaultId};
use crate::secret::{SecretBytes, SecretString};

/// A key slot to be made: what shall open the vault.
///
/// ```
/// use vaultcore::{NewSlot, SecretBytes, SecretString};
/// let people = NewSlot::shamir(5, 3);
/// let operator = NewSlot::passphrase(SecretString::copy_from("correct horse battery staple"));
/// let host = NewSlot::key(SecretBytes::copy_from(&[7; 32]));
/// # let _ = (people, operator, host);
/// ```
#[derive(Debug)]
pub struct NewSlot(Spec);

#[derive(Debug)]
enum Spec {
    Shamir {
        shares: u8,
        threshold: u8,
    },
    Passphrase {
        passphrase: SecretString,
        params: Argon2Params,
    },
    Key(SecretBytes),
}

impl NewSlot {
    /// A random key, split into `shares`, any `threshold` of which open the vault.
    ///
    /// 2 to 255 shares with a threshold of 2 or more, or 1 of 1, whose one share is the key itself.
    /// A threshold of 1 with more shares is refused when the slot is made: each share would be the
    /// whole secret.
    #[must_use]
    pub const fn shamir(shares: u8, threshold: u8) -> Self {
        Self(Spec::Shamir { shares, threshold })
    }

    /// A key stretched from `passphrase` by Argon2id with the default parameters.
    #[must_use]
    pub fn passphrase(passphrase: SecretString) -> Self {
        Self::passphrase_with(passphrase, Argon2Params::default())
    }

    /// A key stretched from `passphrase` with `params`, which are stored with the slot.
    #[must_use]
    pub const fn passphrase_with(passphrase: SecretString, params: Argon2Params) -> Self {
        Self(Spec::Passphrase { passphrase, params })
    }

    /// A key of 32 bytes that the host keeps, as a file for instance.
    #[must_use]
    pub const fn key(key: SecretBytes) -> Self {
        Self(Spec::Key(key))
    }
}

/// A slot that has its key but wraps nothing yet.
pub(crate) struct SlotDraft {
    pub(crate) id: SlotId,
    pub(crate) kind: SlotKind,
    pub(crate) kek: KeptKey,
    pub(crate) shares: Vec<Share>,
}

impl SlotDraft {
    /// Draws or derives the key of `spec`.
    pub(crate) fn new(spec: &NewSlot, source: &dyn Random) -> Result<Self> {
        let id = SlotId::from_bytes(random(source)?);
        let (kind, kek, shares) = match &spec.0 {
            Spec::Shamir { shares, threshold } => share_out(*shares, *threshold, source)?,
            Spec::Passphrase { passphrase, params } => {
                if passphrase.expose().is_empty() {
                    return Err(Error::invalid("a passphrase is not empty"));
                }
                let salt = random(source)?;
                let kek = kdf::stretch(passphrase, &salt, params)?;
                (
                    SlotKind::Passphrase {
                        salt,
                        params: *params,
                    },
                    kek,
                    Vec::new(),
                )
            }
            Spec::Key(key) => (SlotKind::Key, kdf::from_key(key)?, Vec::new()),
        };
        Ok(Self {
            id,
            kind,
            kek,
            shares,
        })
    }

    /// Wraps `root` in the slot.
    pub(crate) fn wrap(
        &self,
        vault: &VaultId,
        now: Timestamp,
        root: &RootKey,
        source: &dyn Random,
    ) -> Result<Slot> {
        Slot::new(
            vault,
            self.id,
            self.kind.clone(),
            now,
            &self.kek,
            root,
            source,
        )
    }
}

/// Draws a key and splits it.
fn share_out(
    count: u8,
    threshold: u8,
    source: &dyn Random,
) -> Result<(SlotKind, KeptKey, Vec<Share>)> {
    if threshold == 1 && count != 1 {
        return Err(Error::invalid(
            "a threshold of 1 is for 1 share: each would be the whole key",
        ));
    }
    let kek = random_key(source)?;
    let ceremony = CeremonyId::from_bytes(random(source)?);
    let parts = if count == 1 && threshold == 1 {
        vec![SecretBytes::copy_from(&*kek)]
    } else {
        shamir::split(&*kek, count, threshold, source)?
    };
    let checks = parts.iter().map(|part| ShareCheck {
        x: if count == 1 {
            0
        } else {
            part.expose().last().copied().unwrap_or_default()
        },
        mac: ShamirSlot::mac(ceremony, part.expose()),
    });
    let shamir = ShamirSlot {
        ceremony,
        threshold,
        checks: checks.collect(),
    };
    let numbered = (1..=u8::MAX).zip(parts);
    let shares = numbered.map(|(number, part)| Share::new(number, ceremony, part));
    Ok((
        SlotKind::Shamir(shamir),
        kek,
        shares.collect::<Result<_>>()?,
    ))
}
