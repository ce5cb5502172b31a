//! All barrier keys: immutable, so that a change is a new keyring that is stored before it counts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::envelope::{Place, SealingKey, Stored};
use super::index::IndexKeys;
use super::layout;
use super::names::NameKeys;
use crate::clock::Timestamp;
use crate::crypto::rng::Random;
use crate::crypto::{KeptKey, keep, random_key};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{SlotId, VaultId};
use crate::record::Record;

/// The most terms a keyring may hold; `rewrap_all` drops those that nothing uses any more.
const MAX_TERMS: usize = 1_000;

/// The keys of one vault, in memory.
pub(crate) struct Keyring {
    vault: VaultId,
    header: Arc<[u8]>,     // of the vault, as it was written
    generation: u64,       // counts the changes
    terms: Vec<Arc<Term>>, // by number, never empty, the newest last
    index_key: Arc<KeptKey>,
    names: Arc<NameKeys>,
    index: Arc<IndexKeys>,
    local_keks: Vec<(SlotId, Arc<KeptKey>)>,
}

/// One generation of the key that encrypts records.
pub(crate) struct Term {
    number: u32,
    installed: Timestamp,
    raw: KeptKey,
    key: SealingKey,
}

impl Term {
    fn new(number: u32, installed: Timestamp, raw: KeptKey) -> Arc<Self> {
        let key = SealingKey::new("record", &raw);
        Arc::new(Self {
            number,
            installed,
            raw,
            key,
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn installed(&self) -> Timestamp {
        self.installed
    }

    pub(crate) fn key(&self) -> &SealingKey {
        &self.key
    }
}

/// The key that encrypts the keyring; each slot holds it wrapped.
pub(crate) struct RootKey {
    raw: KeptKey,
    key: SealingKey,
}

impl RootKey {
    pub(crate) fn generate(source: &dyn Random) -> Result<Arc<Self>> {
        Ok(Self::new(random_key(source)?))
    }

    pub(crate) fn new(raw: KeptKey) -> Arc<Self> {
        let key = SealingKey::new("keyring", &raw);
        Arc::new(Self { raw, key })
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.raw
    }
}

impl Keyring {
    /// Makes the keyring of a new vault: term 1 and a random index key.
    ///
    /// `header` is the vault's, which is stored in clear: the keyring authenticates a copy of it.
    pub(crate) fn generate(
        vault: VaultId,
        header: &[u8],
        now: Timestamp,
        source: &dyn Random,
    ) -> Result<Self> {
        let index_key = random_key(source)?;
        Ok(Self {
            vault,
            header: Arc::from(header),
            generation: 1,
            terms: vec![Term::new(1, now, random_key(source)?)],
            names: Arc::new(NameKeys::new(vault, &index_key)),
            index: Arc::new(IndexKeys::new(vault, &index_key)),
            index_key: Arc::new(index_key),
            local_keks: Vec::new(),
        })
    }

    /// Decrypts a stored keyring.
    ///
    /// # Errors
    /// `Corrupt` if it does not authenticate under `root` or does not parse.
    pub(crate) fn decrypt(vault: VaultId, root: &RootKey, stored: &[u8]) -> Result<Self> {
        let path = layout::keyring()?;
        let place = Place {
            vault: &vault,
            path: &path,
        };
        let plain = Stored::split(stored)
            .and_then(|record| root.key.decrypt(&place, &record))
            .ok_or_else(|| Error::corrupt("the stored keyring does not authenticate"))?;
        Self::decode(vault, &plain)
    }

    /// Reads a decrypted keyring.
    pub(crate) fn decode(vault: VaultId, plain: &[u8]) -> Result<Self> {
        let stored = StoredKeyring::decode(plain)?;
        let ordered = stored
            .terms
            .is_sorted_by(|left, right| left.number < right.number);
        if stored.terms.is_empty() || stored.terms.len() > MAX_TERMS || !ordered {
            return Err(Error::corrupt(
                "the stored keyring has no valid list of terms",
            ));
        }
        let terms = stored.terms.iter();
        let terms = terms.map(|term| Term::new(term.number, term.installed, term.key.keep()));
        let keks = stored
            .local_keks
            .iter()
            .map(|(slot, kek)| (*slot, Arc::new(kek.keep())));
        let index_key = stored.index_key.keep();
        Ok(Self {
            vault,
            header: Arc::from(&*stored.header),
            generation: stored.generation,
            terms: terms.collect(),
            names: Arc::new(NameKeys::new(vault, &index_key)),
            index: Arc::new(IndexKeys::new(vault, &index_key)),
            index_key: Arc::new(index_key),
            local_keks: keks.collect(),
        })
    }

    /// Returns the keyring as it is stored, encrypted under `root`.
    pub(crate) fn encrypt(&self, root: &RootKey, source: &dyn Random) -> Result<Vec<u8>> {
        let path = layout::keyring()?;
        let place = Place {
            vault: &self.vault,
            path: &path,
        };
        root.key.encrypt(&place, 0, &self.encode()?, source)
    }

    /// Returns the keyring as bytes, in clear.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let terms = self.terms.iter().map(|term| StoredTerm {
            number: term.number,
            installed: term.installed,
            key: StoredKey::from(&term.raw),
        });
        let keks = self
            .local_keks
            .iter()
            .map(|(slot, kek)| (*slot, StoredKey::from(&**kek)));
        let stored = StoredKeyring {
            header: self.header.to_vec(),
            generation: self.generation,
            terms: terms.collect(),
            index_key: StoredKey::from(&*self.index_key),
            local_keks: keks.collect(),
        };
        stored.encode()
    }

    fn with(&self, terms: Vec<Arc<Term>>, local_keks: Vec<(SlotId, Arc<KeptKey>)>) -> Self {
        Self {
            vault: self.vault,
            header: Arc::clone(&self.header),
            generation: self.generation.saturating_add(1),
            terms,
            index_key: Arc::clone(&self.index_key),
            names: Arc::clone(&self.names),
            index: Arc::clone(&self.index),
            local_keks,
        }
    }

    /// Returns an error if this keyring is an older one of the vault than `known` is.
    pub(crate) fn check_follows(&self, known: &Self) -> Result<()> {
        let older = self.generation < known.generation;
        if older || self.newest_number() < known.newest_number() {
            return Err(Error::corrupt(
                "the stored keyring is older than one that this process knows",
            ));
        }
        Ok(())
    }

    /// Returns an error unless `header` is the vault's, to the byte.
    pub(crate) fn check_header(&self, header: &[u8]) -> Result<()> {
        if *self.header == *header {
            return Ok(());
        }
        Err(Error::corrupt(
            "the vault's header was changed: it is not the one that the keyring knows",
        ))
    }

    /// Returns this keyring with one more term, which encrypts from now on.
    ///
    /// # Errors
    /// `LimitExceeded` with too many terms.
    pub(crate) fn rotated(&self, now: Timestamp, source: &dyn Random) -> Result<Self> {
        let next = self.newest_number().checked_add(1);
        let number = next
            .filter(|_| self.terms.len() < MAX_TERMS)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::LimitExceeded,
                    format!("the keyring has {MAX_TERMS} terms: rewrap old entries to drop some"),
                )
            })?;
        let mut terms = self.terms.clone();
        terms.push(Term::new(number, now, random_key(source)?));
        Ok(self.with(terms, self.local_keks.clone()))
    }

    /// Returns this keyring without the terms before `number`; the newest always stays.
    pub(crate) fn without_terms_before(&self, number: u32) -> Self {
        let newest = self.newest_number();
        let kept = |term: &&Arc<Term>| term.number >= number || term.number == newest;
        let terms = self.terms.iter().filter(kept).cloned().collect();
        self.with(terms, self.local_keks.clone())
    }

    /// Returns this keyring with `kek` as the key of the local slot `slot`.
    pub(crate) fn with_kek(&self, slot: SlotId, kek: &[u8; 32]) -> Self {
        let mut changed = self.without_kek(slot);
        changed.local_keks.push((slot, Arc::new(keep(kek))));
        changed
    }

    /// Returns this keyring without the key of the local slot `slot`.
    pub(crate) fn without_kek(&self, slot: SlotId) -> Self {
        let others = self.local_keks.iter().filter(|(id, _)| *id != slot);
        self.with(self.terms.clone(), others.cloned().collect())
    }

    /// Returns the local slots, those whose keys are here.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotId> {
        self.local_keks.iter().map(|(slot, _)| *slot)
    }

    pub(crate) fn kek(&self, slot: SlotId) -> Option<&[u8; 32]> {
        self.local_keks
            .iter()
            .find(|(id, _)| *id == slot)
            .map(|(_, kek)| &***kek)
    }

    /// Returns the term that encrypts.
    pub(crate) fn newest(&self) -> Result<&Term> {
        self.terms
            .last()
            .map(|term| &**term)
            .ok_or_else(|| Error::corrupt("a keyring has no term"))
    }

    fn newest_number(&self) -> u32 {
        self.terms.last().map_or(0, |term| term.number)
    }

    pub(crate) fn term(&self, number: u32) -> Option<&Term> {
        self.terms
            .iter()
            .rev()
            .find(|term| term.number == number)
            .map(|term| &**term)
    }

    pub(crate) fn terms(&self) -> impl ExactSizeIterator<Item = &Term> {
        self.terms.iter().map(|term| &**term)
    }

    pub(crate) fn names(&self) -> &NameKeys {
        &self.names
    }

    pub(crate) fn index(&self) -> &IndexKeys {
        &self.index
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Keyring({} terms, newest {})",
            self.terms.len(),
            self.newest_number()
        )
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Serialize, Deserialize)]
struct StoredKeyring {
    header: Vec<u8>,
    generation: u64,
    terms: Vec<StoredTerm>,
    index_key: StoredKey,
    local_keks: Vec<(SlotId, StoredKey)>,
}

impl Record for StoredKeyring {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "keyring";
}

#[derive(Serialize, Deserialize)]
struct StoredTerm {
    number: u32,
    installed: Timestamp,
    key: StoredKey,
}

#[derive(Serialize, Deserialize)]
struct StoredKey([u8; 32]);

impl StoredKey {
    fn keep(&self) -> KeptKey {
        keep(&self.0)
    }
}

impl From<&KeptKey> for StoredKey {
    fn from(key: &KeptKey) -> Self {
        Self(**key)
    }
}

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rng::OsRandom;

    const VAULT: VaultId = VaultId::from_bytes([5; 16]);
    const NOW: Timestamp = Timestamp::from_micros(1);

    fn keyring() -> Keyring {
        Keyring::generate(VAULT, b"header", NOW, &OsRandom).expect("keyring")
    }

    #[test]
    fn a_keyring_comes_back_whole() {
        let root = RootKey::generate(&OsRandom).expect("root");
        let slot = SlotId::from_bytes([1; 16]);
        let rotated = keyring().rotated(NOW, &OsRandom).expect("rotated");
        let keyring = rotated.with_kek(slot, &[4; 32]);
        let stored = keyring.encrypt(&root, &OsRandom).expect("encrypts");
        let back = Keyring::decrypt(VAULT, &root, &stored).expect("decrypts");
        assert_eq!(
            *back.encode().expect("bytes"),
            *keyring.encode().expect("bytes")
        );
        assert_eq!(back.kek(slot).expect("kek"), &[4; 32]);
        assert_eq!(back.newest().expect("term").number(), 2);
        let other = RootKey::generate(&OsRandom).expect("root");
        assert!(Keyring::decrypt(VAULT, &other, &stored).is_err());
        assert!(Keyring::decrypt(VaultId::from_bytes([6; 16]), &root, &stored).is_err());
    }

    #[test]
    fn dropping_terms_keeps_the_newest() {
        let keyring = keyring().rotated(NOW, &OsRandom).expect("rotated");
        let dropped = keyring.without_terms_before(99);
        assert_eq!(dropped.terms().map(Term::number).collect::<Vec<_>>(), [2]);
        assert!(dropped.term(1).is_none());
    }

    #[test]
    fn every_change_makes_a_newer_keyring() {
        let first = keyring();
        let slot = SlotId::from_bytes([1; 16]);
        for newer in [
            first.with_kek(slot, &[4; 32]),
            first.without_kek(slot),
            first.without_terms_before(1),
            first.rotated(NOW, &OsRandom).expect("rotated"),
        ] {
            newer.check_follows(&first).expect("newer");
            newer.check_follows(&newer).expect("equal");
            let error = first.check_follows(&newer).expect_err("older");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            newer.check_header(b"header").expect("the same");
            assert!(newer.check_header(b"headeR").is_err());
        }
    }

    #[test]
    fn terms_are_bounded() {
        let mut keyring = keyring();
        for _ in 1..MAX_TERMS {
            keyring = keyring.rotated(NOW, &OsRandom).expect("rotated");
        }
        let error = keyring.rotated(NOW, &OsRandom).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keyring()), "Keyring(1 terms, newest 1)");
    }
}
