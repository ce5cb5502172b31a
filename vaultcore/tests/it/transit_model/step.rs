//! What may happen.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use vaultcore::transit::{KeyType, KeyUpdate, NewKey};

pub(crate) type Name = &'static str;

/// The names of all keys.
pub(crate) const NAMES: [Name; 5] = ["a", "b", "c", "d", "e"];

/// The types that are made by a build without features, and those of this one.
pub(crate) const KINDS: &[KeyType] = &[
    KeyType::Aes128Gcm96,
    KeyType::Aes256Gcm96,
    KeyType::ChaCha20Poly1305,
    KeyType::Ed25519,
    KeyType::EcdsaP256,
    KeyType::EcdsaP384,
    KeyType::Hmac,
    #[cfg(feature = "xchacha")]
    KeyType::XChaCha20Poly1305,
];

/// What was made, counted back from the newest.
pub(crate) type Pick = usize;

#[derive(Clone, Copy, Debug)]
pub(crate) struct New {
    pub(crate) kind: KeyType,
    pub(crate) derived: bool,
    pub(crate) convergent: bool,
    pub(crate) exportable: bool,
    pub(crate) backup: bool,
    pub(crate) auto: u64,
    pub(crate) rotation: bool,
}

impl New {
    pub(crate) fn of(kind: KeyType) -> Self {
        Self {
            kind,
            derived: false,
            convergent: false,
            exportable: false,
            backup: false,
            auto: 0,
            rotation: false,
        }
    }

    pub(crate) fn public(&self) -> NewKey {
        NewKey::new(self.kind)
            .derived(self.derived)
            .convergent(self.convergent)
            .exportable(self.exportable)
            .allow_plaintext_backup(self.backup)
            .allow_rotation(self.rotation)
            .auto_rotate(Duration::from_secs(self.auto))
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) min_decryption: Option<u32>,
    pub(crate) min_encryption: Option<u32>,
    pub(crate) deletion: Option<bool>,
    pub(crate) exportable: Option<bool>,
    pub(crate) backup: Option<bool>,
    pub(crate) auto: Option<u64>,
}

impl Change {
    pub(crate) fn public(&self) -> KeyUpdate {
        let mut update = KeyUpdate::new();
        if let Some(version) = self.min_decryption {
            update = update.min_decryption_version(version);
        }
        if let Some(version) = self.min_encryption {
            update = update.min_encryption_version(version);
        }
        if let Some(allowed) = self.deletion {
            update = update.deletion_allowed(allowed);
        }
        if let Some(exportable) = self.exportable {
            update = update.exportable(exportable);
        }
        if let Some(allowed) = self.backup {
            update = update.allow_plaintext_backup(allowed);
        }
        match self.auto {
            Some(seconds) => update.auto_rotate(Duration::from_secs(seconds)),
            None => update,
        }
    }
}

/// The context that the key asks for: one if it is derived, else none.
pub(crate) const FITTING: u8 = 9;

/// One item; 0 is no context, no associated data, the newest version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) plain: u8,
    pub(crate) context: u8,
    pub(crate) associated: u8,
    pub(crate) version: u32,
}

/// What is changed of what was made before it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    Nothing,
    Context(u8),
    Associated(u8),
    Plain(u8),
    /// One letter.
    Damage,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(Name, New),
    Rotate(Name),
    Configure(Name, Change),
    Trim(Name, u32),
    SoftDelete(Name),
    SoftRestore(Name),
    Delete(Name),
    /// Takes key material by its number.
    Import(Name, New, u8),
    ImportVersion(Name, u8),
    /// The public half of what has the number.
    ImportPublic(Name, New, u8),
    /// Exports the newest version of one key, and imports it as another.
    Carry(Name, Name),
    Export(Name, Part),
    Backup(Name),
    Restore(Name, Pick, bool),
    Upsert(bool),
    Encrypt(Name, Item),
    Batch(Name, Vec<Item>),
    Decrypt(Name, Pick, Twist),
    Rewrap(Name, Pick, Twist, u32),
    DataKey(Name, u64, Item, bool),
    Sign(Name, Item),
    Verify(Name, Pick, Twist),
    Hmac(Name, Item),
    VerifyHmac(Name, Pick, Twist),
    Read(Name),
    List,
    Advance(u64),
    Tick,
    Switch,
    SealAndUnseal,
    /// The process is gone after so many calls to the storage; whether the last commit happened, it
    /// did not learn.
    Crash(Box<Step>, u64, bool),
}

/// What is exported of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Encryption,
    Signing,
    Hmac,
    Public,
}

pub(crate) fn name() -> impl Strategy<Value = Name> {
    // Some come often, so that much happens to one.
    select(&["a", "a", "a", "a", "b", "b", "c", "c", "d", "e"][..])
}

pub(crate) fn period() -> impl Strategy<Value = u64> {
    select(&[0u64, 0, 3_599, 3_600, 10_000][..])
}

pub(crate) fn new() -> impl Strategy<Value = New> {
    let flag = |chance| proptest::bool::weighted(chance);
    let flags = (flag(0.4), flag(0.4), flag(0.6), flag(0.6), flag(0.5));
    (select(KINDS), flags, period()).prop_map(|(kind, flags, auto)| {
        let (derived, convergent, exportable, backup, rotation) = flags;
        New {
            kind,
            derived,
            // Seldom what is refused.
            convergent: convergent && (derived || auto == 3_599),
            exportable,
            backup,
            auto,
            rotation,
        }
    })
}

fn change() -> impl Strategy<Value = Change> {
    let seldom = |chance| proptest::option::weighted(chance, any::<bool>());
    let version = || proptest::option::weighted(0.5, 0..5u32);
    (
        (version(), version()),
        (seldom(0.3), seldom(0.2), seldom(0.2)),
        proptest::option::weighted(0.2, period()),
    )
        .prop_map(|(versions, flags, auto)| Change {
            min_decryption: versions.0,
            min_encryption: versions.1,
            deletion: flags.0,
            exportable: flags.1,
            backup: flags.2,
            auto,
        })
}

/// Of minimum versions only, so that few refuse each other.
fn minimum() -> impl Strategy<Value = Change> {
    let one = |min_decryption, min_encryption| Change {
        min_decryption,
        min_encryption,
        ..Change::default()
    };
    prop_oneof![
        2 => (1..4u32).prop_map(move |version| one(Some(version), Some(version))),
        2 => (1..4u32).prop_map(move |version| one(Some(version), None)),
        1 => (0..4u32).prop_map(move |version| one(None, Some(version))),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let version = prop_oneof![5 => Just(0u32), 3 => 1..5u32];
    let context = prop_oneof![3 => Just(FITTING), 1 => 0..3u8];
    (1..3u8, context, 0..2u8, version).prop_map(|(plain, context, associated, version)| Item {
        plain,
        context,
        associated,
        version,
    })
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        6 => Just(Twist::Nothing),
        2 => (0..3u8).prop_map(Twist::Context),
        1 => (0..2u8).prop_map(Twist::Associated),
        1 => (1..3u8).prop_map(Twist::Plain),
        1 => Just(Twist::Damage),
    ]
}

fn change_of_a_key() -> BoxedStrategy<Step> {
    use Step::*;
    prop_oneof![
        4 => name().prop_map(Rotate),
        3 => (name(), new()).prop_map(|(name, new)| Create(name, new)),
        2 => (name(), change()).prop_map(|(name, change)| Configure(name, change)),
        2 => (name(), minimum()).prop_map(|(name, change)| Configure(name, change)),
        2 => (name(), 1..4u32).prop_map(|(name, first)| Trim(name, first)),
        1 => name().prop_map(SoftDelete),
        1 => name().prop_map(SoftRestore),
        2 => name().prop_map(Delete),
        2 => (name(), new(), 1..4u8).prop_map(|(name, new, which)| Import(name, new, which)),
        1 => (name(), 1..4u8).prop_map(|(name, which)| ImportVersion(name, which)),
    ]
    .boxed()
}

/// Of keys that there are seldom, since names are few.
fn replacement() -> BoxedStrategy<Step> {
    use Step::*;
    let public = |name, which| ImportPublic(name, New::of(KeyType::Ed25519), which);
    prop_oneof![
        2 => (name(), 1..4u8).prop_map(move |(name, which)| public(name, which)),
        2 => (name(), name()).prop_map(|(from, to)| Carry(from, to)),
        4 => name().prop_map(Backup),
        3 => (name(), 0..3usize, any::<bool>())
            .prop_map(|(name, pick, force)| Restore(name, pick, force)),
        1 => any::<bool>().prop_map(Upsert),
    ]
    .boxed()
}

fn use_of_a_key() -> BoxedStrategy<Step> {
    use Step::*;
    let pick = || 0..6usize;
    let parts = [Part::Encryption, Part::Signing, Part::Hmac, Part::Public];
    let bits = select(&[128u64, 256, 512][..]);
    let batch = proptest::collection::vec(item(), 0..4);
    prop_oneof![
        6 => (name(), item()).prop_map(|(name, item)| Encrypt(name, item)),
        2 => (name(), batch).prop_map(|(name, items)| Batch(name, items)),
        6 => (name(), pick(), twist()).prop_map(|(name, pick, twist)| Decrypt(name, pick, twist)),
        4 => (name(), pick(), twist(), prop_oneof![3 => Just(0u32), 1 => 1..4u32])
            .prop_map(|(name, pick, twist, version)| Rewrap(name, pick, twist, version)),
        1 => (name(), bits, item(), any::<bool>())
            .prop_map(|(name, bits, item, shown)| DataKey(name, bits, item, shown)),
        4 => (name(), item()).prop_map(|(name, item)| Sign(name, item)),
        4 => (name(), pick(), twist()).prop_map(|(name, pick, twist)| Verify(name, pick, twist)),
        3 => (name(), item()).prop_map(|(name, item)| Hmac(name, item)),
        3 => (name(), pick(), twist())
            .prop_map(|(name, pick, twist)| VerifyHmac(name, pick, twist)),
        3 => (name(), select(parts.to_vec())).prop_map(|(name, part)| Export(name, part)),
    ]
    .boxed()
}

pub(crate) fn step() -> BoxedStrategy<Step> {
    use Step::*;
    prop_oneof![
        9 => change_of_a_key(),
        4 => replacement(),
        16 => use_of_a_key(),
        1 => name().prop_map(Read),
        1 => Just(List),
        2 => select(&[1u64, 1_800, 3_600, 8_000, 50_000][..]).prop_map(Advance),
        2 => Just(Tick),
        2 => Just(Switch),
        1 => Just(SealAndUnseal),
        2 => (change_of_a_key(), 1..12u64, any::<bool>())
            .prop_map(|(step, calls, happened)| Crash(Box::new(step), calls, happened)),
    ]
    .boxed()
}
