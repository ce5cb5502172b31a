//! What may happen.

use proptest::prelude::*;

/// Names of entities and groups; several are one, and the last ones are none.
pub(crate) const NAMES: &[&str] = &[
    "ann",
    "ANN",
    "Ben",
    "ben",
    "\u{e9}x",
    "\u{c9}X",
    "ann ",
    "a/b",
    "e\u{301}x",
];
/// Names of aliases; the first two can log in.
pub(crate) const ALIASES: &[&str] = &["ann", "ben", "Ann"];
pub(crate) const MOUNTS: &[&str] = &["one", "two"];
/// Policies; the last one nobody may have by who they are.
pub(crate) const POLICIES: &[&str] = &["p", "q", "r", "s", "Root"];

/// An index into what was made so far, or of bits which of them; nothing of none.
pub(crate) type Pick = u8;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    CreateEntity(Option<usize>, Option<Vec<usize>>),
    UpdateEntity(Pick, Option<usize>, Option<Vec<usize>>, Option<bool>),
    DeleteEntity(Pick),
    AddAlias(Option<Pick>, usize, usize),
    RenameAlias(Pick, usize),
    DeleteAlias(Pick),
    /// The second says which alias to keep: none, that of the one, of the other.
    Merge(Vec<Pick>, Pick, u8),
    CreateGroup(Option<usize>, Change),
    UpdateGroup(Pick, Option<usize>, Change),
    DeleteGroup(Pick),
    Login(usize, usize),
    Check,
}

/// What is written of a group, beside its name.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) policies: Option<Vec<usize>>,
    pub(crate) members: Option<Vec<Pick>>,
    pub(crate) groups: Option<Vec<Pick>>,
}

fn name() -> impl Strategy<Value = Option<usize>> {
    let one = prop_oneof![8 => 0..6usize, 1 => 6..NAMES.len()];
    proptest::option::weighted(0.5, one)
}

fn policies() -> impl Strategy<Value = Option<Vec<usize>>> {
    // Root is asked for seldom.
    let one = prop_oneof![12 => 0..4usize, 1 => Just(4usize)];
    proptest::option::of(proptest::collection::vec(one, 0..3))
}

fn change() -> impl Strategy<Value = Change> {
    let picks = || proptest::collection::vec(0..4u8, 0..3);
    let seldom = || proptest::option::weighted(0.35, picks());
    (policies(), seldom(), seldom()).prop_map(|(policies, members, groups)| Change {
        policies,
        members,
        groups,
    })
}

/// One group as the only member.
fn link(other: Pick) -> Change {
    Change {
        policies: None,
        members: None,
        groups: Some(vec![other]),
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let pick = || 0..4u8;
    let alias = || 0..ALIASES.len();
    prop_oneof![
        4 => (name(), policies()).prop_map(|(name, policies)| CreateEntity(name, policies)),
        3 => (pick(), name(), policies(), proptest::option::of(any::<bool>()))
            .prop_map(|(one, name, policies, off)| UpdateEntity(one, name, policies, off)),
        1 => pick().prop_map(DeleteEntity),
        3 => (proptest::option::of(pick()), 0..2usize, alias())
            .prop_map(|(one, mount, name)| AddAlias(one, mount, name)),
        1 => (pick(), alias()).prop_map(|(one, name)| RenameAlias(one, name)),
        1 => pick().prop_map(DeleteAlias),
        2 => (proptest::collection::vec(pick(), 0..3), pick(), 0..3u8)
            .prop_map(|(from, to, keep)| Merge(from, to, keep)),
        5 => (name(), change()).prop_map(|(name, change)| CreateGroup(name, change)),
        4 => (pick(), name(), change())
            .prop_map(|(one, name, change)| UpdateGroup(one, name, change)),
        4 => (0..3u8, 0..3u8).prop_map(|(one, other)| UpdateGroup(one, None, link(other))),
        1 => pick().prop_map(DeleteGroup),
        4 => (0..2usize, 0..2usize).prop_map(|(mount, name)| Login(mount, name)),
        2 => Just(Check),
    ]
}
