//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// A periodic orphan takes no sudo, if it is made where orphans are.
    PeriodicOrphanIsFree,
    /// A token may be made an orphan by whoever makes it.
    AnybodyMakesOrphans,
    /// A token gives policies away that it does not have.
    AnyPolicy,
    /// Who has sudo makes root tokens.
    SudoMakesRoot,
    /// A root token that runs out makes one that does not.
    RootOutlivesItself,
    /// A token with limited uses has children.
    LimitedHasChildren,
    /// A batch token has children.
    BatchHasChildren,
    /// What a role makes is an orphan if that is asked for.
    OrphanByAnyRole,
    /// A call that is refused costs no use.
    RefusedIsFree,
    /// A call with the last use may renew the token.
    LastUseRenews,
    /// A revocation reaches children only.
    GrandchildrenSurvive,
    /// Children of a token that ran out stay.
    ExpiryEndsOne,
    /// Orphans are children, too.
    OrphansDie,
    /// What is revoked alone takes its children along.
    AloneTakesAll,
    /// A batch token outlives its parent.
    BatchSurvives,
    /// A token works until somebody tidies it up.
    ExpiredWorks,
    /// Renewals go beyond the explicit maximum.
    NoMaximum,
    /// Renewals shorten.
    RenewalShortens,
    /// A periodic token gets the increment that it asks for.
    IncrementBeatsPeriod,
    /// The period of a role is that of when the token was made.
    PeriodIsFrozen,
    /// What a crash left of a revocation is forgotten.
    WorkIsForgotten,
    /// A token that is being revoked still works.
    MarkedWorks,
    /// Who is revoked keeps the cubbyhole.
    CubbyholeStays,
    /// Another handle learns of it only when it is sealed.
    OtherHandleIsLate,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::PeriodicOrphanIsFree,
        Self::AnybodyMakesOrphans,
        Self::AnyPolicy,
        Self::SudoMakesRoot,
        Self::RootOutlivesItself,
        Self::LimitedHasChildren,
        Self::BatchHasChildren,
        Self::OrphanByAnyRole,
        Self::RefusedIsFree,
        Self::LastUseRenews,
        Self::GrandchildrenSurvive,
        Self::ExpiryEndsOne,
        Self::OrphansDie,
        Self::AloneTakesAll,
        Self::BatchSurvives,
        Self::ExpiredWorks,
        Self::NoMaximum,
        Self::RenewalShortens,
        Self::IncrementBeatsPeriod,
        Self::PeriodIsFrozen,
        Self::WorkIsForgotten,
        Self::MarkedWorks,
        Self::CubbyholeStays,
        Self::OtherHandleIsLate,
    ];
}
