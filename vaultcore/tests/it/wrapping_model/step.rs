//! What may happen.

use proptest::prelude::*;

/// An index into what was wrapped so far; nothing of none.
pub(crate) type Pick = usize;

/// Namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    Root,
    Team,
    /// Is deleted now and then.
    Other,
}

impl Space {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Team => "team",
            Self::Other => "other",
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Root,
    /// Has the policy `default`, and may be revoked.
    Plain,
    /// Has no policy that grants anything.
    Bare,
    /// May wrap anew.
    Rewrapper,
    /// Has the policy `default` for a few calls.
    Limited,
    /// Has the policy `default` of another namespace.
    Team,
    /// Has no token.
    Nobody,
    /// Has a wrapping token.
    Wrap(Pick),
}

/// What is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sent,
    Secret,
    /// A new token.
    Login,
}

/// Which wrapping token a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The caller's own.
    Own,
    Named(Pick),
    /// A token that wraps nothing.
    Ordinary,
    /// One with the name of another namespace behind it.
    Forged(Pick),
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wrap(Who, Space, Kind, u64),
    Lookup(Who, About),
    Unwrap(Who, About),
    /// Unwraps, and has the reply wrapped.
    UnwrapWrapped(Who, Pick, u64),
    Rewrap(Who, About),
    /// Asks for something else by a wrapping token.
    Misuse(Pick),
    /// Root revokes it, by text or by accessor.
    Revoke(Pick, bool),
    Renew(Pick),
    RevokePlain,
    DeleteOther,
    Advance(u64),
    Tick,
    SealAndUnseal,
    Switch,
    /// Root unwraps, or wraps anew, and after so many calls to the storage the process is gone.
    Crash(Pick, u64, bool),
    Check,
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        3 => Just(Who::Root),
        3 => Just(Who::Plain),
        1 => Just(Who::Bare),
        2 => Just(Who::Rewrapper),
        2 => Just(Who::Limited),
        2 => Just(Who::Team),
        1 => Just(Who::Nobody),
        4 => pick().prop_map(Who::Wrap),
    ]
}

fn pick() -> impl Strategy<Value = Pick> {
    0..8usize
}

fn about() -> impl Strategy<Value = About> {
    prop_oneof![
        2 => Just(About::Own),
        6 => pick().prop_map(About::Named),
        1 => Just(About::Ordinary),
        1 => pick().prop_map(About::Forged),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let space =
        || prop_oneof![2 => Just(Space::Root), 1 => Just(Space::Team), 1 => Just(Space::Other)];
    let kind =
        || prop_oneof![2 => Just(Kind::Sent), 1 => Just(Kind::Secret), 1 => Just(Kind::Login)];
    let ttl = || proptest::sample::select(&[40u64, 100][..]);
    let own = (pick(), 0..8usize);
    prop_oneof![
        5 => (who(), space(), kind(), ttl())
            .prop_map(|(who, space, kind, ttl)| Wrap(who, space, kind, ttl)),
        3 => (who(), about()).prop_map(|(who, about)| Lookup(who, about)),
        5 => (who(), about()).prop_map(|(who, about)| Unwrap(who, about)),
        1 => own.prop_map(|(one, _)| Unwrap(Who::Wrap(one), About::Named(one))),
        1 => (who(), pick(), ttl()).prop_map(|(who, one, ttl)| UnwrapWrapped(who, one, ttl)),
        3 => (who(), about()).prop_map(|(who, about)| Rewrap(who, about)),
        1 => pick().prop_map(Misuse),
        1 => (pick(), any::<bool>()).prop_map(|(one, text)| Revoke(one, text)),
        1 => pick().prop_map(Renew),
        1 => Just(RevokePlain),
        1 => Just(DeleteOther),
        3 => proptest::sample::select(&[1u64, 20, 39, 60][..]).prop_map(Advance),
        2 => Just(Tick),
        1 => Just(SealAndUnseal),
        2 => Just(Switch),
        2 => (pick(), 1..25u64, any::<bool>())
            .prop_map(|(one, calls, anew)| Crash(one, calls, anew)),
        1 => Just(Check),
    ]
}
