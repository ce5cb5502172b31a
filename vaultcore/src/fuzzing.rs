//! What the fuzz targets reach of the inside. Compiled with `--cfg fuzzing` only.
//!
//! Each function takes bytes that anyone may have written and panics if a property fails.

use crate::audit;
use crate::barrier::{Keyring, Place, RootKey, SealingKey, Stored};
use crate::clock::Timestamp;
use crate::crypto::rng::Random;
use crate::engine::kv;
use crate::error::Result;
use crate::id::{SlotId, VaultId};
use crate::path::EntryPath;
use crate::record::Record;
use crate::seal::{Header, NewSlot, SlotDraft, Slots};
use crate::secret::{SecretBytes, SecretString};

const VAULT: VaultId = VaultId::from_bytes([5; 16]);
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

pub use audit::fuzzing::audit_line;
pub use kv::fuzzing::{json, metadata};

/// Splits a stored record, and encrypts and decrypts the same bytes as a value.
pub fn record(bytes: &[u8]) {
    let key = SealingKey::new("record", &[3; 32]);
    let Ok(path) = EntryPath::new("ns/root/kv-data/x") else {
        return;
    };
    let place = Place {
        vault: &VAULT,
        path: &path,
    };
    if let Some(record) = Stored::split(bytes) {
        assert!(key.decrypt(&place, &record).is_none(), "a forged record");
    }
    let Ok(stored) = key.encrypt(&place, 7, bytes, &Fixed) else {
        panic!("a value was not encrypted");
    };
    let plain = Stored::split(&stored).and_then(|record| key.decrypt(&place, &record));
    assert!(plain.is_some_and(|plain| *plain == bytes), "another value");
    let mut changed = stored;
    let index = bytes.len() % changed.len();
    if let Some(byte) = changed.get_mut(index) {
        *byte ^= 1;
    }
    let plain = Stored::split(&changed).and_then(|record| key.decrypt(&place, &record));
    assert!(plain.is_none(), "a changed record");
}

/// Reads a decrypted keyring; what was read is written and read again the same.
pub fn keyring(bytes: &[u8]) {
    let Ok(keyring) = Keyring::decode(VAULT, bytes) else {
        return;
    };
    let (Ok(once), Ok(newest)) = (keyring.encode(), keyring.newest()) else {
        panic!("a keyring that was read is not whole");
    };
    assert!(keyring.term(newest.number()).is_some());
    let again = Keyring::decode(VAULT, &once).and_then(|keyring| keyring.encode());
    assert!(again.is_ok_and(|again| *again == *once), "not stable");
}

/// Reads a list of slots; none opens with a key of its own choice.
pub fn slot(bytes: &[u8]) {
    let Ok(slots) = Slots::parse(bytes) else {
        return;
    };
    let kek = zeroize::Zeroizing::new([9; 32]);
    for slot in &slots.slots {
        assert!(slot.unwrap_root(&VAULT, &kek).is_err(), "a forged slot");
    }
    let Ok(once) = slots.encode() else {
        panic!("slots that were read are not whole");
    };
    let again = Slots::parse(&once).and_then(|slots| slots.encode());
    assert!(again.is_ok_and(|again| *again == *once), "not stable");
}

/// Returns the seeds of the binary targets: target, name and bytes, the same each time.
///
/// # Errors
/// None but bugs.
pub fn seeds() -> Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let mut seeds = keyring_seeds()?;
    seeds.extend(slot_seeds()?);
    seeds.extend(record_seeds()?);
    seeds.extend(kv::fuzzing::seeds(NOW)?);
    seeds.extend(audit::fuzzing::seeds());
    Ok(seeds)
}

fn keyring_seeds() -> Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let header = Header { vault: VAULT }.encode();
    let one = Keyring::generate(VAULT, &header, NOW, &Fixed)?;
    let three = one.rotated(NOW, &Fixed)?.rotated(NOW, &Fixed)?;
    let slot = SlotId::from_bytes([4; 16]);
    let with_kek = three.with_kek(slot, &[8; 32]);
    let dropped = with_kek.without_terms_before(3);
    let mut newer = one.encode()?.to_vec();
    if let Some(format) = newer.first_mut() {
        *format = 2;
    }
    Ok(vec![
        ("keyring", "one_term", one.encode()?.to_vec()),
        ("keyring", "three_terms", three.encode()?.to_vec()),
        ("keyring", "with_kek", with_kek.encode()?.to_vec()),
        ("keyring", "dropped", dropped.encode()?.to_vec()),
        ("keyring", "newer", newer),
    ])
}

fn slot_seeds() -> Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let root = RootKey::generate(&Fixed)?;
    let list = |new: &[NewSlot]| -> Result<Vec<u8>> {
        let slots = new.iter().map(|new| {
            let draft = SlotDraft::new(new, &Fixed)?;
            draft.wrap(&VAULT, NOW, &root, &Fixed)
        });
        let slots = slots.collect::<Result<Vec<_>>>()?;
        Ok(Slots { slots }.encode()?.to_vec())
    };
    let key = || NewSlot::key(SecretBytes::copy_from(&[7; 32]));
    let passphrase = NewSlot::passphrase(SecretString::copy_from("correct horse"));
    let mut seeds = vec![
        ("slot", "key", list(&[key()])?),
        ("slot", "one_of_one", list(&[NewSlot::shamir(1, 1)])?),
        ("slot", "two_equal", list(&[key(), key()])?),
        ("slot", "empty", list(&[])?),
        ("slot", "none", Vec::new()),
    ];
    if let Ok(bytes) = list(&[passphrase]) {
        seeds.push(("slot", "passphrase", bytes)); // needs the feature
    }
    Ok(seeds)
}

fn record_seeds() -> Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let path = EntryPath::new("ns/root/kv-data/x")?;
    let place = Place {
        vault: &VAULT,
        path: &path,
    };
    let key = SealingKey::new("record", &[4; 32]);
    let whole = key.encrypt(&place, 1, b"{\"a\":1}", &Fixed)?;
    let short = whole.get(..40).unwrap_or_default().to_vec();
    let longer = [whole.as_slice(), b"more"].concat();
    Ok(vec![
        ("record", "whole", whole),
        (
            "record",
            "empty_value",
            key.encrypt(&place, 1, b"", &Fixed)?,
        ),
        (
            "record",
            "last_term",
            key.encrypt(&place, u32::MAX, b"x", &Fixed)?,
        ),
        ("record", "short", short),
        ("record", "longer", longer),
    ])
}

/// Counts, so that seeds are the same each time and a fuzzer's finds happen again.
struct Fixed;

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for (byte, number) in buffer.iter_mut().zip((1..=u8::MAX).cycle()) {
            *byte = number;
        }
        Ok(())
    }
}
