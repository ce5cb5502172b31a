//! What a history is made of.

use proptest::prelude::*;

/// A token by its number in the history; 0 is the root token. Too large ones wrap around.
pub(crate) type Number = usize;

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(Number, New),
    LookupSelf(Number),
    Lookup(Number, Number),
    LookupAccessor(Number, Number),
    RenewSelf(Number, u64),
    Renew(Number, Number, u64),
    RevokeSelf(Number),
    Revoke(Number, Number),
    RevokeAccessor(Number, Number),
    RevokeOrphan(Number, Number),
    /// Reads what the policies of the token may allow or not: only `user` may.
    Use(Number),
    /// Keeps something in the token's own cubbyhole.
    Keep(Number),
    Advance(u64),
    Tick,
    SealAndUnseal,
    Switch,
}

/// What is asked of a new token.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) via: Via,
    pub(crate) policy: Option<Policy>,
    pub(crate) no_parent: bool,
    pub(crate) batch: bool,
    pub(crate) uses: u64,
    pub(crate) ttl: u64,
    pub(crate) max: u64,
    pub(crate) period: u64,
    pub(crate) renewable: Option<bool>,
}

/// By which path it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Create,
    CreateOrphan,
    Role(&'static str),
}

/// What a token may do, beside what every token may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Root,
    /// Everything about tokens, with `sudo`.
    Maker,
    /// Makes tokens, without `sudo`.
    Clerk,
    /// Reads one secret.
    User,
}

impl Policy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Maker => "maker",
            Self::Clerk => "clerk",
            Self::User => "user",
        }
    }
}

/// Roles: one whose tokens are orphans, one with a period and a maximum, one for batch tokens, one
/// whose tokens are good for two calls, and one that there is not.
pub(crate) const ROLES: [&str; 5] = ["orphans", "periodic", "batches", "limited", "missing"];

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![1 => Just(0usize), 6 => 1usize..12]
}

/// Who acts on others: mostly the root token, since few others may.
fn actor() -> impl Strategy<Value = Number> {
    prop_oneof![2 => Just(0usize), 3 => 1usize..12]
}

fn new() -> impl Strategy<Value = New> {
    let via = prop_oneof![
        5 => Just(Via::Create),
        1 => Just(Via::CreateOrphan),
        3 => prop::sample::select(&ROLES[..]).prop_map(Via::Role),
    ];
    let policy = prop_oneof![
        1 => Just(None),
        5 => Just(Some(Policy::Maker)),
        3 => Just(Some(Policy::Clerk)),
        3 => Just(Some(Policy::User)),
    ];
    let rare = prop::bool::weighted(0.15);
    let uses = prop_oneof![5 => Just(0u64), 2 => 1u64..4];
    let ttl = prop::sample::select(vec![0u64, 0, 10, 60, 3_600]);
    let max = prop::sample::select(vec![0u64, 0, 0, 20, 100]);
    let period = prop::sample::select(vec![0u64, 0, 0, 0, 0, 30]);
    let renewable = prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let fields = (
        via,
        policy,
        rare.clone(),
        rare,
        uses,
        ttl,
        max,
        period,
        renewable,
    );
    fields.prop_map(
        |(via, policy, no_parent, batch, uses, ttl, max, period, renewable)| New {
            via,
            policy,
            no_parent,
            batch,
            // What a batch token cannot have is asked for now and then only.
            uses: if batch && uses < 3 { 0 } else { uses },
            ttl,
            max: if batch && max < 100 { 0 } else { max },
            period: if batch { 0 } else { period },
            renewable,
        },
    )
}

fn increment() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0u64, 5, 50, 5_000])
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (actor(), new()).prop_map(|(actor, new)| Step::Create(actor, new)),
        2 => number().prop_map(Step::LookupSelf),
        2 => (actor(), number()).prop_map(|(actor, token)| Step::Lookup(actor, token)),
        1 => (actor(), number()).prop_map(|(actor, token)| Step::LookupAccessor(actor, token)),
        2 => (number(), increment()).prop_map(|(token, by)| Step::RenewSelf(token, by)),
        2 => (actor(), number(), increment())
            .prop_map(|(actor, token, by)| Step::Renew(actor, token, by)),
        1 => (1usize..12).prop_map(Step::RevokeSelf),
        2 => (actor(), 1usize..12).prop_map(|(actor, token)| Step::Revoke(actor, token)),
        1 => (actor(), 1usize..12).prop_map(|(actor, token)| Step::RevokeAccessor(actor, token)),
        2 => (actor(), 1usize..12).prop_map(|(actor, token)| Step::RevokeOrphan(actor, token)),
        4 => number().prop_map(Step::Use),
        2 => number().prop_map(Step::Keep),
        3 => prop::sample::select(vec![1u64, 5, 10, 30, 100, 4_000]).prop_map(Step::Advance),
        2 => Just(Step::Tick),
        1 => Just(Step::SealAndUnseal),
        2 => Just(Step::Switch),
    ]
}
