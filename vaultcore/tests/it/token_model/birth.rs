//! The making of tokens in the model.

use std::collections::BTreeSet;

use super::model::{Model, SYSTEM, State, Status, Token};
use super::rules::Planted;
use super::step::{New, Pick, Policy, Via};

impl Model {
    pub(super) fn create(&mut self, who: Pick, new: &New) -> Result<Status, Status> {
        self.enter(who, Self::maker)?;
        let parent = &self.tokens[who];
        if parent.batch && !self.is(Planted::BatchHasChildren)
            || parent.uses.is_some() && !self.is(Planted::LimitedHasChildren)
        {
            return Err(400);
        }
        let role = matches!(new.via, Via::Periodic | Via::Orphans);
        let (sudo, parent) = (self.sudoer(who), parent.clone());
        let orphan = match new.via {
            Via::Orphans => true,
            Via::Periodic => new.no_parent && self.is(Planted::OrphanByAnyRole),
            Via::Create => new.no_parent,
            Via::CreateOrphan => true,
        };
        if new.no_parent && !sudo && !role && !self.is(Planted::AnybodyMakesOrphans) {
            return Err(400);
        }
        let free = new.via == Via::CreateOrphan && self.is(Planted::PeriodicOrphanIsFree);
        if new.period.is_some() && !sudo && !free {
            return Err(400);
        }
        let policies = self.policies(who, new, role)?;
        let (period, role_period) = match (new.via, new.period) {
            (Via::Periodic, Some(period)) if self.role > 0 => (period.min(self.role), true),
            (Via::Periodic, None) => (self.role, true),
            (via, period) => (period.unwrap_or(0), via == Via::Periodic),
        };
        if new.batch && (new.uses > 0 || period > 0 || new.explicit.is_some()) {
            return Err(400);
        }
        let root = policies.contains(&Policy::Root);
        let mut ttl = match (period, new.ttl) {
            (0, Some(ttl)) => ttl,
            (0, None) if root => 0,
            (0, None) => SYSTEM,
            (period, _) => period,
        };
        if let Some(explicit) = new.explicit {
            ttl = if ttl == 0 {
                explicit
            } else {
                ttl.min(explicit)
            };
        }
        let outlives = root && ttl == 0 && parent.expires.is_some();
        if outlives && !self.is(Planted::RootOutlivesItself) {
            return Err(400);
        }
        if orphan {
            self.ghosts.makers.insert(self.tokens.len(), who);
        }
        self.tokens.push(Token {
            state: State::Active,
            batch: new.batch,
            parent: (!orphan).then_some(who),
            policies,
            created: self.now,
            expires: (ttl > 0).then_some(self.now + ttl),
            renewable: ttl > 0 && !new.batch && new.renewable,
            ttl,
            explicit: new.explicit,
            period,
            uses: (new.uses > 0).then_some(new.uses),
            by_role: role_period,
            keeps: false,
        });
        Ok(200)
    }

    fn policies(&self, who: Pick, new: &New, role: bool) -> Result<BTreeSet<Policy>, Status> {
        let own = &self.tokens[who].policies;
        let given: Option<BTreeSet<Policy>> = new
            .policies
            .as_ref()
            .map(|policies| policies.iter().copied().collect());
        let policies = match given {
            // Both roles allow the one policy.
            Some(given) if role => match given.iter().all(|policy| *policy == Policy::Maker) {
                true => given,
                false => return Err(400),
            },
            None if role => BTreeSet::from([Policy::Maker]),
            None => own.clone(),
            Some(given) => {
                let any = self.sudoer(who) || self.is(Planted::AnyPolicy);
                if !any && !given.is_subset(own) {
                    return Err(400);
                }
                given
            }
        };
        if policies.contains(&Policy::Root) {
            let sudo = self.is(Planted::SudoMakesRoot) && self.sudoer(who);
            let may = own.contains(&Policy::Root) || sudo;
            if policies.len() > 1 || !may || new.batch {
                return Err(400);
            }
        }
        Ok(policies)
    }
}
