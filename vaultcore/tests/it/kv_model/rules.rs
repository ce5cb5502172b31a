//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// Check-and-set passes always.
    CasIgnored,
    /// A check-and-set that is required may be left out.
    CasOptional,
    /// One version too many is kept.
    PruneOffByOne,
    /// The larger of the limits of mount and secret counts, as in Vault.
    LargerLimit,
    /// The longer of two lives counts.
    LongerLife,
    /// A destroyed version can be brought back.
    UndeleteOfDestroyed,
    /// A version is still live at the moment of its deletion.
    LiveAtItsTime,
    /// Lists are in descending order.
    ListOrder,
    /// Numbering goes on after the metadata was removed.
    NumberingGoesOn,
    /// A transaction keeps what it did before a change failed.
    TornTransaction,
    /// A patch writes null instead of removing a field.
    NullIsKept,
    /// Writing metadata merges the custom entries.
    WriteMerges,
    /// Rotation adds no term.
    NoNewTerm,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::CasIgnored,
        Self::CasOptional,
        Self::PruneOffByOne,
        Self::LargerLimit,
        Self::LongerLife,
        Self::UndeleteOfDestroyed,
        Self::LiveAtItsTime,
        Self::ListOrder,
        Self::NumberingGoesOn,
        Self::TornTransaction,
        Self::NullIsKept,
        Self::WriteMerges,
        Self::NoNewTerm,
    ];
}
