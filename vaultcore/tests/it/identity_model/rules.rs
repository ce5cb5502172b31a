//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// Names in upper and lower case are different.
    CaseMatters,
    /// A name with a space behind it is one.
    SpacesAreNames,
    /// Policies of groups that the entity's groups are in do not count.
    NotInherited,
    /// A group may be in itself by way of others.
    CirclesAreFine,
    /// Policies of merged entities are taken over.
    MergeTakesPolicies,
    /// Memberships of merged entities are lost.
    MergeLosesGroups,
    /// Of two aliases of one method that of the entity merged into stays, without being asked.
    MergeNeedsNoChoice,
    /// An entity may have two aliases of one method.
    TwoAliasesOfOneMount,
    /// A disabled entity logs in.
    DisabledLogsIn,
    /// Tokens of a deleted entity keep their groups' policies.
    DeletedKeepsPolicies,
    /// An alias of a deleted entity is still taken.
    AliasOutlivesEntity,
    /// Members keep the policies of a group that was deleted.
    GroupOutlivesItself,
    /// An entity may have the root policy.
    RootIsFine,
    /// A name that was given up stays taken.
    OldNameStaysTaken,
    /// An alias that is given to another entity stays where it was.
    AliasDoesNotMove,
    /// Setting members adds to those that there are.
    MembersAdd,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::CaseMatters,
        Self::SpacesAreNames,
        Self::NotInherited,
        Self::CirclesAreFine,
        Self::MergeTakesPolicies,
        Self::MergeLosesGroups,
        Self::MergeNeedsNoChoice,
        Self::TwoAliasesOfOneMount,
        Self::DisabledLogsIn,
        Self::DeletedKeepsPolicies,
        Self::AliasOutlivesEntity,
        Self::GroupOutlivesItself,
        Self::RootIsFine,
        Self::OldNameStaysTaken,
        Self::AliasDoesNotMove,
        Self::MembersAdd,
    ];
}
