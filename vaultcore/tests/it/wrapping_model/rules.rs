//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// A reply is given out as often as anybody asks.
    UnwrapsAgain,
    /// Looking uses the token up.
    LookupConsumes,
    /// The old token stays good when its reply is wrapped anew.
    RewrapKeepsOld,
    /// The new token runs out when the old one would have.
    RewrapKeepsTime,
    /// The new token says that the reply is that of rewrapping.
    RewrapForgetsPath,
    /// A reply is given out though its time is over.
    ExpiredUnwraps,
    /// What somebody wrapped goes with who wrapped it.
    DiesWithMaker,
    /// Whoever asks for something else by a wrapping token keeps it.
    MisuseIsFree,
    /// Whoever unwraps another's by a wrapping token keeps that.
    ThirdPartyIsFree,
    /// No policy is asked.
    AnybodyUnwraps,
    /// No token is asked for.
    NobodyUnwraps,
    /// What is refused to one is lost to all.
    RefusalConsumes,
    /// The policy `default` lets wrap anew.
    DefaultRewraps,
    /// Who names a token that wraps nothing ends it.
    OrdinaryIsEnded,
    /// A token does not lead into another namespace.
    NamespacesAreWalls,
    /// A wrapping token can be renewed.
    Renewable,
    /// A token that names itself wins.
    OwnAndNamed,
    /// A reply outlives the namespace that it was wrapped in.
    OutlivesNamespace,
    /// The name of a namespace behind a token is not looked at.
    AnyNamespaceFits,
    /// Looking costs a use.
    LookupCosts,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::UnwrapsAgain,
        Self::LookupConsumes,
        Self::RewrapKeepsOld,
        Self::RewrapKeepsTime,
        Self::RewrapForgetsPath,
        Self::ExpiredUnwraps,
        Self::DiesWithMaker,
        Self::MisuseIsFree,
        Self::ThirdPartyIsFree,
        Self::AnybodyUnwraps,
        Self::NobodyUnwraps,
        Self::RefusalConsumes,
        Self::DefaultRewraps,
        Self::OrdinaryIsEnded,
        Self::NamespacesAreWalls,
        Self::Renewable,
        Self::OwnAndNamed,
        Self::OutlivesNamespace,
        Self::AnyNamespaceFits,
        Self::LookupCosts,
    ];
}
