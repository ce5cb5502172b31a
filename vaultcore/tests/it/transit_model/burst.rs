//! Steps that mean something only together, which chance seldom brings together.

use proptest::prelude::*;
use proptest::sample::select;

use super::step::{Change, FITTING, Item, Step, Twist, name, new, period, step};

fn item(plain: u8, context: u8, version: u32) -> Item {
    Item {
        plain,
        context,
        associated: 0,
        version,
    }
}

fn minimum(decryption: u32, encryption: u32) -> Change {
    Change {
        min_decryption: Some(decryption),
        min_encryption: Some(encryption),
        ..Change::default()
    }
}

/// Versions are trimmed, and somebody wants them back.
fn trimming() -> impl Strategy<Value = Vec<Step>> {
    (name(), 2..4u32, 1..3u32).prop_map(|(name, first, back)| {
        vec![
            Step::Configure(name, minimum(first, first)),
            Step::Trim(name, first),
            Step::Configure(name, minimum(back, 0)),
        ]
    })
}

/// A version encrypts that is older than the rules allow, or not.
fn aging() -> impl Strategy<Value = Vec<Step>> {
    (name(), 1..4u32, 0..4u32, 1..4u32).prop_map(|(name, decryption, encryption, version)| {
        vec![
            Step::Configure(name, minimum(decryption, encryption)),
            Step::Encrypt(name, item(1, FITTING, version)),
            Step::Hmac(name, item(1, FITTING, version)),
        ]
    })
}

/// The same is encrypted in two contexts.
fn contexts() -> impl Strategy<Value = Vec<Step>> {
    (name(), 1..3u8).prop_map(|(name, plain)| {
        let encrypt = |context| Step::Encrypt(name, item(plain, context, 0));
        vec![encrypt(1), encrypt(2), encrypt(1)]
    })
}

/// Time passes between a rotation and the next one that is due.
fn periods() -> impl Strategy<Value = Vec<Step>> {
    let time = || select(&[1_800u64, 3_600, 8_000][..]);
    (name(), period(), time(), any::<bool>(), time()).prop_map(
        |(name, auto, before, rotates, after)| {
            let change = Change {
                auto: Some(auto),
                ..Change::default()
            };
            let mut steps = vec![Step::Configure(name, change), Step::Advance(before)];
            steps.extend(rotates.then_some(Step::Rotate(name)));
            steps.extend([Step::Advance(after), Step::Tick]);
            steps
        },
    )
}

/// What is done between a soft deletion and its end.
fn absence() -> impl Strategy<Value = Vec<Step>> {
    (name(), step()).prop_map(|(name, step)| {
        vec![
            Step::SoftDelete(name),
            step,
            Step::Backup(name),
            Step::SoftRestore(name),
        ]
    })
}

/// A key makes way for another one, which is used, and so is one that comes from it.
fn anew() -> impl Strategy<Value = Vec<Step>> {
    let deletion = Change {
        deletion: Some(true),
        ..Change::default()
    };
    (name(), name(), new(), 0..2u32).prop_map(move |(name, other, new, version)| {
        let item = item(1, FITTING, version);
        vec![
            Step::Configure(name, deletion),
            Step::Delete(name),
            Step::Create(name, new),
            Step::Encrypt(name, item),
            Step::Sign(name, item),
            Step::Hmac(name, item),
            Step::Configure(other, deletion),
            Step::Delete(other),
            Step::Carry(name, other),
            Step::Verify(other, 0, Twist::Nothing),
            Step::Decrypt(other, 0, Twist::Nothing),
        ]
    })
}

pub(crate) fn burst() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        24 => step().prop_map(|step| vec![step]).boxed(),
        1 => trimming().boxed(),
        1 => aging().boxed(),
        1 => contexts().boxed(),
        1 => periods().boxed(),
        1 => absence().boxed(),
        1 => anew().boxed(),
    ]
}
