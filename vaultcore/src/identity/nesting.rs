//! Groups in groups, without a circle and not too deep.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{MAX_DEPTH, MAX_REACHED, limit};
use super::group::Group;
use super::groups::Groups;
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::id::GroupId;

impl Groups {
    /// Makes `members` the groups that are members of `group`, which is stored with them.
    ///
    /// # Errors
    /// `InvalidArgument` for a group that there is not, and for one that `group` is in, or is;
    /// `LimitExceeded` if they would be nested too deep, or too many.
    pub(crate) fn link(
        self,
        txn: &mut Txn<'_>,
        group: &mut Group,
        members: &[GroupId],
    ) -> Result<()> {
        let wanted: BTreeSet<GroupId> = members.iter().copied().collect();
        let had: BTreeSet<GroupId> = group.members.iter().copied().collect();
        let added: Vec<GroupId> = wanted.difference(&had).copied().collect();
        if wanted.contains(&group.id) {
            return Err(Error::invalid(
                "member group ID is same as the ID of the group",
            ));
        }
        // What is taken out may be what would close a circle, or be too deep.
        for id in had.difference(&wanted) {
            self.update(txn, *id, |member| {
                member.parents.retain(|id| *id != group.id)
            })?;
        }
        group.members = had.intersection(&wanted).copied().collect();
        self.write(txn, group)?;
        let above = self.reached(txn, &group.parents, Way::Up)?;
        for id in &added {
            if self.with_id(txn, *id)?.is_none() {
                return Err(Error::invalid("invalid member group ID"));
            }
            if above.contains_key(id) {
                return Err(Error::invalid(
                    "cyclic relationship detected for member group ID",
                ));
            }
        }
        let up = above.values().copied().max().unwrap_or(0);
        let below = self.reached(txn, &added, Way::Down)?;
        let down = below.values().copied().max().unwrap_or(0);
        if up.saturating_add(down).saturating_add(1) > MAX_DEPTH {
            return Err(limit(format!("groups are nested at most {MAX_DEPTH} deep")));
        }
        for id in &added {
            self.update(txn, *id, |member| {
                member.parents.push(group.id);
                member.parents.sort_unstable();
            })?;
        }
        group.members = wanted.into_iter().collect();
        self.write(txn, group)
    }

    /// Returns the groups that are reached from `start` upwards or downwards, those of `start`
    /// included, each with the longest way to it, counted from 1.
    ///
    /// A circle, which is never stored, ends as what is too deep.
    fn reached(
        self,
        txn: &mut Txn<'_>,
        start: &[GroupId],
        way: Way,
    ) -> Result<BTreeMap<GroupId, usize>> {
        let mut found = BTreeMap::new();
        let mut row: BTreeSet<GroupId> = start.iter().copied().collect();
        for depth in 1..=MAX_DEPTH.saturating_add(1) {
            let mut next = BTreeSet::new();
            for id in row {
                let Some(group) = self.with_id(txn, id)? else {
                    continue;
                };
                found.insert(id, depth);
                next.extend(match way {
                    Way::Up => group.parents.iter().copied(),
                    Way::Down => group.members.iter().copied(),
                });
            }
            if found.len() > MAX_REACHED {
                return Err(limit(format!(
                    "at most {MAX_REACHED} groups hold each other"
                )));
            }
            row = next;
        }
        Ok(found)
    }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}
