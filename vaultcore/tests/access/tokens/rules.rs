//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// Revoking a token takes its children, and not theirs.
    GrandchildrenSurvive,
    /// Revoking a token alone takes its children too.
    OrphansDie,
    /// A token is still in force at the moment that it runs out.
    LivesAtItsEnd,
    /// A token with limited uses is good for one call more.
    OneUseMore,
    /// A call that is refused takes no use.
    DeniedCallIsFree,
    /// Looking at a limited token by another one takes a use.
    LookupTakesUse,
    /// A renewal goes beyond the explicit maximum.
    RenewPastMax,
    /// The first life is not bounded by the explicit maximum.
    MaxNotAtFirst,
    /// A periodic token is renewed for as long as is asked.
    PeriodIgnored,
    /// A renewal may shorten a life.
    RenewShortens,
    /// A batch token outlives its parent.
    BatchOutlives,
    /// A tick takes what ran out, and leaves its children.
    TickLeavesChildren,
    /// Tokens of a role that makes orphans have a parent.
    RoleOrphanIgnored,
    /// Orphans take no `sudo`.
    OrphanForAll,
    /// Whoever uses a role may ask for an orphan.
    OrphanByRole,
    /// A child may have policies that its parent lacks.
    SubsetIgnored,
    /// A token with limited uses may have children.
    LimitedParent,
    /// What a token kept in its cubbyhole stays when it goes.
    CubbyholeStays,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::GrandchildrenSurvive,
        Self::OrphansDie,
        Self::LivesAtItsEnd,
        Self::OneUseMore,
        Self::DeniedCallIsFree,
        Self::LookupTakesUse,
        Self::RenewPastMax,
        Self::MaxNotAtFirst,
        Self::PeriodIgnored,
        Self::RenewShortens,
        Self::BatchOutlives,
        Self::TickLeavesChildren,
        Self::RoleOrphanIgnored,
        Self::OrphanForAll,
        Self::OrphanByRole,
        Self::SubsetIgnored,
        Self::LimitedParent,
        Self::CubbyholeStays,
    ];
}
