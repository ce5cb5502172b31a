//! What may happen.

use proptest::prelude::*;

/// Policies that tokens have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Policy {
    /// May do everything with tokens that takes no sudo.
    Maker,
    Plain,
    Root,
    /// May do everything with tokens.
    Sudoer,
}

impl Policy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Plain => "plain",
            Self::Root => "root",
            Self::Sudoer => "sudoer",
        }
    }
}

/// An index into the tokens made so far; 0 is the root token, and nothing is none.
pub(crate) type Pick = usize;

/// Where a token is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Create,
    CreateOrphan,
    /// A role whose tokens have a period.
    Periodic,
    /// A role whose tokens are orphans.
    Orphans,
}

#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) via: Via,
    pub(crate) policies: Option<Vec<Policy>>,
    pub(crate) ttl: Option<u64>,
    pub(crate) explicit: Option<u64>,
    pub(crate) period: Option<u64>,
    pub(crate) uses: u64,
    pub(crate) no_parent: bool,
    pub(crate) batch: bool,
    pub(crate) renewable: bool,
}

impl New {
    pub(crate) fn plain(via: Via) -> Self {
        Self {
            via,
            policies: None,
            ttl: None,
            explicit: None,
            period: None,
            uses: 0,
            no_parent: false,
            batch: false,
            renewable: true,
        }
    }

    pub(crate) fn with(policies: &[Policy]) -> Self {
        Self {
            policies: Some(policies.to_vec()),
            ..Self::plain(Via::Create)
        }
    }
}

/// How a token is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Own,
    Text,
    Accessor,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(Pick, New),
    Lookup(Pick, By, Pick),
    Renew(Pick, By, Pick, Option<u64>),
    Revoke(Pick, By, Pick),
    RevokeOrphan(Pick, Pick),
    /// Asks for what only root may.
    Overreach(Pick),
    /// Writes into the cubbyhole.
    Keep(Pick),
    /// Sets the period of the role.
    SetPeriod(u64),
    Advance(u64),
    Tick,
    SealAndUnseal,
    Switch,
    /// Root revokes, and after so many calls to the storage the process is gone; whether the last
    /// commit happened, it did not learn.
    Crash(Pick, u64, bool),
    /// As before, and what it leaves its children.
    CrashAlone(Pick, u64),
    Check,
}

fn via() -> impl Strategy<Value = Via> {
    prop_oneof![
        5 => Just(Via::Create),
        2 => Just(Via::CreateOrphan),
        1 => Just(Via::Periodic),
        1 => Just(Via::Orphans),
    ]
}

fn policies() -> impl Strategy<Value = Option<Vec<Policy>>> {
    prop_oneof![
        6 => Just(None),
        3 => Just(Some(vec![Policy::Maker])),
        1 => Just(Some(vec![Policy::Plain])),
        1 => Just(Some(vec![Policy::Sudoer])),
        1 => Just(Some(vec![Policy::Root])),
        1 => Just(Some(vec![Policy::Plain, Policy::Root])),
    ]
}

fn new() -> impl Strategy<Value = New> {
    let seldom =
        |times: &'static [u64]| proptest::option::weighted(0.2, proptest::sample::select(times));
    let times = (
        proptest::option::weighted(0.4, proptest::sample::select(&[50u64, 100, 300][..])),
        seldom(&[70, 120]),
        seldom(&[60, 80]),
    );
    let uses = prop_oneof![6 => Just(0u64), 2 => 1..4u64];
    let flag = |chance| proptest::bool::weighted(chance);
    (
        via(),
        policies(),
        times,
        uses,
        flag(0.15),
        flag(0.15),
        flag(0.9),
    )
        .prop_map(
            |(via, policies, (ttl, explicit, period), uses, no_parent, batch, renewable)| New {
                via,
                policies,
                ttl,
                explicit,
                period,
                uses,
                no_parent,
                batch,
                renewable,
            },
        )
}

/// As little else as possible, so that one thing decides.
fn simple() -> impl Strategy<Value = New> {
    let batch = proptest::bool::weighted(0.3);
    (via(), policies(), batch).prop_map(|(via, policies, batch)| New {
        policies,
        batch,
        ..New::plain(via)
    })
}

/// A root token that does not outlive whoever makes it.
pub(crate) fn short_root() -> New {
    New {
        ttl: Some(100),
        ..New::with(&[Policy::Root])
    }
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![Just(By::Own), Just(By::Text), Just(By::Accessor)]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let pick = || prop_oneof![3 => 0..11usize, 1 => 11..18usize];
    let other = || 1..14usize;
    let increment = || proptest::option::of(proptest::sample::select(&[10u64, 90, 5_000][..]));
    let seconds = || proptest::sample::select(&[1u64, 20, 49, 60, 100][..]);
    prop_oneof![
        5 => (pick(), new()).prop_map(|(by, new)| Create(by, new)),
        4 => (pick(), simple()).prop_map(|(by, new)| Create(by, new)),
        // One that is near and must not.
        1 => (1..6usize).prop_map(|by| Create(by, short_root())),
        3 => (pick(), by(), other()).prop_map(|(who, by, whom)| Lookup(who, by, whom)),
        3 => (pick(), by(), other(), increment())
            .prop_map(|(who, by, whom, more)| Renew(who, by, whom, more)),
        2 => (other(), increment()).prop_map(|(who, more)| Renew(who, By::Own, who, more)),
        3 => (7..11usize, increment()).prop_map(|(who, more)| Renew(who, By::Own, who, more)),
        2 => (pick(), by(), other()).prop_map(|(who, by, whom)| Revoke(who, by, whom)),
        1 => (pick(), other()).prop_map(|(who, whom)| RevokeOrphan(who, whom)),
        1 => pick().prop_map(Overreach),
        2 => pick().prop_map(Keep),
        2 => proptest::sample::select(&[0u64, 70, 150][..]).prop_map(SetPeriod),
        4 => seconds().prop_map(Advance),
        2 => Just(Tick),
        1 => Just(SealAndUnseal),
        2 => Just(Switch),
        2 => (1..5usize, 3..40u64, any::<bool>())
            .prop_map(|(whom, calls, happened)| Crash(whom, calls, happened)),
        1 => (1..5usize, 3..30u64).prop_map(|(whom, calls)| CrashAlone(whom, calls)),
        1 => Just(Check),
    ]
}
