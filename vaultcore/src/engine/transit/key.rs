//! A named key as it is stored: its rules, and its versions with what is secret of them.

use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::kind::KeyType;
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::crypto::extended;
use crate::crypto::rng::Random;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;

/// The largest stored key: an entry has at most 1 MiB, and each version of a key is in one entry.
pub(super) const MAX_STORED: usize = 786_432;
/// The length of the key for HMAC that each version has beside its own.
const HMAC_LENGTH: usize = 32;

/// A named key.
#[derive(Serialize, Deserialize)]
pub(super) struct Key {
    /// Names it for ever: a key that is made anew under the name is another one.
    pub(super) id: [u8; 16],
    kind: u8,
    pub(super) rules: Rules,
    /// The number of the first of `versions`.
    pub(super) first: u32,
    pub(super) versions: Vec<Version>,
}

/// What is not secret of a key, but for its versions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) derived: bool,
    pub(super) convergent: bool,
    pub(super) exportable: bool,
    pub(super) allow_plaintext_backup: bool,
    pub(super) deletion_allowed: bool,
    pub(super) imported: bool,
    pub(super) allow_rotation: bool,
    pub(super) soft_deleted: bool,
    pub(super) min_decryption: u32,
    /// 0: the newest.
    pub(super) min_encryption: u32,
    /// 0: nothing was trimmed.
    pub(super) min_available: u32,
    /// 0: only on demand.
    pub(super) auto_rotate_seconds: u64,
    /// When the background work rotates it next; 0: never.
    pub(super) due: u64,
    /// The length of keys of type `hmac`.
    pub(super) key_size: u16,
}

impl Rules {
    /// Returns an error for what an imported key cannot be.
    pub(super) fn check_imported(&self) -> Result<()> {
        if self.imported && self.convergent {
            return Err(Error::invalid("an imported key cannot be convergent"));
        }
        if self.imported && self.auto_rotate_seconds > 0 && !self.allow_rotation {
            return Err(Error::invalid(
                "an imported key is rotated by itself only if its rotation is allowed",
            ));
        }
        Ok(())
    }
}

/// One version of a key.
#[derive(Serialize, Deserialize)]
pub(super) struct Version {
    /// Microseconds since 1970.
    pub(super) created: u64,
    /// The symmetric key, the seed, the scalar, PKCS#1, or what ML-KEM expanded; empty if only the
    /// public key is known.
    pub(super) material: Material,
    /// The point, PKCS#1, or the bytes of ML-DSA and ML-KEM; empty for symmetric keys.
    pub(super) public: Vec<u8>,
    /// The key for HMAC.
    pub(super) hmac: Material,
}

/// Secret bytes in a record.
pub(super) struct Material(pub(super) Zeroizing<Vec<u8>>);

impl Record for Key {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "transit key";

    fn is_sound(&self) -> bool {
        let count = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
        let latest = self
            .first
            .checked_add(count)
            .map(|end| end.saturating_sub(1));
        let Some(latest) = latest.filter(|_| self.first > 0 && count > 0) else {
            return false;
        };
        let rules = &self.rules;
        KeyType::from_number(self.kind).is_some()
            && (self.first..=latest).contains(&rules.min_decryption)
            && rules.min_encryption <= latest
            && (rules.min_encryption == 0 || rules.min_encryption >= rules.min_decryption)
            && rules.min_available <= rules.min_decryption
    }
}

impl Key {
    /// Begins a key of `kind` under `rules`, without a version: one is to be added.
    pub(super) fn new(id: [u8; 16], kind: KeyType, rules: Rules) -> Self {
        let versions = Vec::new();
        Self {
            id,
            kind: kind.number(),
            rules,
            first: 1,
            versions,
        }
    }

    pub(super) fn kind(&self) -> Result<KeyType> {
        let newer = || Error::corrupt("a stored transit key is of an unknown type");
        KeyType::from_number(self.kind).ok_or_else(newer)
    }

    /// Returns the number of the newest version.
    pub(super) fn latest(&self) -> u32 {
        let count = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
        self.first.saturating_add(count).saturating_sub(1)
    }

    /// Adds a version that is made now.
    ///
    /// # Errors
    /// `InvalidArgument` for an imported key that may not be rotated, `Unsupported` for a type that
    /// this build cannot make, `LimitExceeded` if the key has too many versions.
    pub(super) fn rotate(&mut self, txn: &Txn<'_>) -> Result<()> {
        self.check_in_use()?;
        if self.rules.imported && !self.rules.allow_rotation {
            return Err(Error::invalid(
                "an imported key is rotated only if its import allowed that",
            ));
        }
        let kind = self.kind()?;
        let made = generate(kind, &self.rules, txn.source())?;
        self.add(txn.now(), made)
    }

    /// Returns an error if the key is soft-deleted.
    pub(super) fn check_in_use(&self) -> Result<()> {
        if self.rules.soft_deleted {
            return Err(Error::invalid("the key is soft-deleted: restore it first"));
        }
        Ok(())
    }

    /// Adds a version.
    ///
    /// # Errors
    /// `LimitExceeded` if one entry does not hold it: the key stays as it was.
    pub(super) fn add(&mut self, now: Timestamp, made: Made) -> Result<()> {
        let due = self.rules.due;
        self.versions.push(Version {
            created: now.as_micros(),
            material: Material(made.material),
            public: made.public,
            hmac: Material(made.hmac),
        });
        self.schedule(now);
        let fits = self.check_size();
        if fits.is_err() {
            self.versions.pop();
            self.rules.due = due;
        }
        fits
    }

    /// Returns an error if one entry does not hold the key.
    fn check_size(&self) -> Result<()> {
        if self.encode()?.len() > MAX_STORED {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "the key has as many versions as one entry holds: trim old ones first",
            ));
        }
        Ok(())
    }

    /// Returns whether `made` is the private key that the newest version lacks.
    pub(super) fn is_completed_by(&self, made: &Made) -> bool {
        self.versions.last().is_some_and(|newest| {
            newest.material.0.is_empty()
                && !made.material.is_empty()
                && newest.public == made.public
        })
    }

    /// Gives a version the private key that it lacks.
    ///
    /// # Errors
    /// `InvalidArgument` for a version that has one, and for a key that does not fit the public one;
    /// `LimitExceeded` if one entry does not hold it: the key stays as it was.
    pub(super) fn complete(&mut self, number: u32, made: Made) -> Result<()> {
        let index = number.checked_sub(self.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let version = index
            .and_then(|index| self.versions.get_mut(index))
            .ok_or_else(|| Error::invalid("the key has no such version, or has it no more"))?;
        if !version.material.0.is_empty() {
            return Err(Error::invalid("this version has its private key already"));
        }
        if made.material.is_empty() || made.public != version.public {
            return Err(Error::invalid(
                "what is imported is not the private key of this version's public one",
            ));
        }
        version.material = Material(made.material);
        let fits = self.check_size();
        if let (Err(_), Some(version)) =
            (&fits, index.and_then(|index| self.versions.get_mut(index)))
        {
            version.material = Material(Zeroizing::new(Vec::new()));
        }
        fits
    }

    /// Returns whether each version has what its type asks for, so that a key from outside may be
    /// relied on. The public key alone is enough of an imported key that is not derived.
    pub(super) fn is_whole(&self) -> bool {
        let Ok(kind) = self.kind() else {
            return false;
        };
        let public_alone = self.rules.imported && !self.rules.derived;
        self.versions.iter().all(|version| {
            let length = version.material.0.len();
            let known = match kind.symmetric_length() {
                Some(expected) => length == expected,
                None if kind == KeyType::Hmac => (32..=512).contains(&length),
                None => !version.public.is_empty() && (length > 0 || public_alone),
            };
            known && version.hmac.0.len() >= HMAC_LENGTH
        })
    }

    /// Says anew when the background work rotates the key: a period after `now`.
    pub(super) fn schedule(&mut self, now: Timestamp) {
        self.rules.due = match self.rules.auto_rotate_seconds {
            0 => 0,
            seconds => (now.as_micros() / 1_000_000).saturating_add(seconds),
        };
    }
}

/// What a new version is made of.
pub(super) struct Made {
    pub(super) material: Zeroizing<Vec<u8>>,
    pub(super) public: Vec<u8>,
    pub(super) hmac: Zeroizing<Vec<u8>>,
}

impl Made {
    /// Adds a key for HMAC to `material`; keys of type `hmac` are one themselves.
    pub(super) fn with_hmac(
        kind: KeyType,
        material: Zeroizing<Vec<u8>>,
        public: Vec<u8>,
        source: &dyn Random,
    ) -> Result<Self> {
        let hmac = match kind {
            KeyType::Hmac => Zeroizing::new(material.to_vec()),
            _ => drawn(HMAC_LENGTH, source)?,
        };
        Ok(Self {
            material,
            public,
            hmac,
        })
    }
}

/// Makes the secrets of a version.
pub(super) fn generate(kind: KeyType, rules: &Rules, source: &dyn Random) -> Result<Made> {
    kind.check_built()?;
    let pair = match (kind.algorithm(), kind) {
        (Some(algorithm), _) => Some(algorithm.generate(source)?),
        (None, KeyType::MlKem768) => Some(extended::generate_kem()?),
        _ => None,
    };
    if let Some(pair) = pair {
        return Made::with_hmac(kind, pair.private, pair.public, source);
    }
    let length = kind
        .symmetric_length()
        .unwrap_or(usize::from(rules.key_size));
    Made::with_hmac(kind, drawn(length, source)?, Vec::new(), source)
}

fn drawn(length: usize, source: &dyn Random) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    source.fill(&mut bytes)?;
    Ok(bytes)
}

impl Serialize for Material {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Material {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_bytes(ReadMaterial)
    }
}

/// Copies the bytes once, into memory of their size.
struct ReadMaterial;

impl Visitor<'_> for ReadMaterial {
    type Value = Material;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Material, E> {
        Ok(Material(Zeroizing::new(bytes.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::create::NewKey;
    use super::*;
    use crate::crypto::rng::OsRandom;

    /// Public keys take little room. Their private ones, which come later, may not fit.
    #[test]
    fn a_key_that_is_full_takes_no_private_keys() {
        let now = Timestamp::from_micros(1);
        let kind = KeyType::Ed25519;
        let mut key = Key::new([7; 16], kind, NewKey::new(kind).rules().expect("rules"));
        key.rules.imported = true;
        let made = || generate(kind, &key.rules, &OsRandom).expect("generated");
        let (first, second) = (made(), made());
        let public = |made: &Made, hmac: usize| Made {
            material: Zeroizing::new(Vec::new()),
            public: made.public.clone(),
            hmac: Zeroizing::new(vec![1; hmac]),
        };
        key.add(now, public(&first, 32)).expect("added");
        key.rules.auto_rotate_seconds = 3_600;
        // What is left is one byte less than the private key takes.
        let used = key.encode().expect("encoded").len();
        let rest = MAX_STORED - used - public(&second, 0).public.len() - 31;
        let mut filling = rest;
        while key.add(now, public(&second, filling)).is_err() {
            assert_eq!((key.versions.len(), key.rules.due), (1, 0));
            filling -= 1;
        }
        let error = key.complete(1, first).expect_err("full");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(key.versions[0].material.0.is_empty());
        assert!(key.encode().expect("encoded").len() <= MAX_STORED);
    }
}
