//! Tokens as a plain list.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Planted;
use super::step::{By, Pick, Policy, Step};

/// How long a token lives unless anybody says so, in seconds.
pub(super) const SYSTEM: u64 = 768 * 3_600;

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    /// Being revoked, and still stored.
    Marked,
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) state: State,
    pub(crate) batch: bool,
    pub(crate) parent: Option<Pick>,
    pub(crate) policies: BTreeSet<Policy>,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) renewable: bool,
    pub(crate) ttl: u64,
    pub(crate) explicit: Option<u64>,
    pub(crate) period: u64,
    pub(crate) uses: Option<u64>,
    /// Whether the role with the period made it.
    pub(crate) by_role: bool,
    pub(crate) keeps: bool,
}

/// What only a planted fault needs: who made an orphan, and what another handle still believes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ghosts {
    pub(crate) makers: BTreeMap<Pick, Pick>,
    pub(crate) cubbyholes: usize,
    stale: BTreeSet<Pick>,
}

/// The status of a reply.
pub(crate) type Status = u16;

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(super) planted: Planted,
    pub(crate) now: u64,
    pub(crate) tokens: Vec<Token>,
    /// The period of the role.
    pub(crate) role: u64,
    /// The tokens at the top of revocations that a crash left.
    pub(crate) works: BTreeSet<Pick>,
    pub(crate) ghosts: Ghosts,
}

impl Model {
    /// Knows the root token.
    pub(crate) fn new(planted: Planted) -> Self {
        let root = Token {
            state: State::Active,
            batch: false,
            parent: None,
            policies: BTreeSet::from([Policy::Root]),
            created: 0,
            expires: None,
            renewable: false,
            ttl: 0,
            explicit: None,
            period: 0,
            uses: None,
            by_role: false,
            keeps: false,
        };
        Self {
            planted,
            now: 0,
            tokens: vec![root],
            role: 70,
            works: BTreeSet::new(),
            ghosts: Ghosts::default(),
        }
    }

    pub(super) fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    pub(super) fn expired(&self, token: &Token) -> bool {
        token.expires.is_some_and(|expires| expires <= self.now)
    }

    pub(crate) fn has(&self, pick: Pick, policy: Policy) -> bool {
        self.tokens[pick].policies.contains(&policy)
    }

    /// Returns whether anybody acts by the token.
    pub(crate) fn valid(&self, pick: Pick) -> bool {
        let token = &self.tokens[pick];
        if self.ghosts.stale.contains(&pick) {
            return true;
        }
        let state = match token.state {
            State::Active => true,
            State::Marked => self.is(Planted::MarkedWorks),
            State::Gone => false,
        };
        let expired = self.expired(token) && !self.is(Planted::ExpiredWorks);
        let parent = token.batch && !self.is(Planted::BatchSurvives);
        let orphaned = parent && token.parent.is_some_and(|parent| !self.valid(parent));
        state && !expired && !orphaned && token.uses != Some(0)
    }

    /// Lets a token call: it takes a use, whether the call is allowed or not.
    pub(super) fn enter(&mut self, who: Pick, may: fn(&Self, Pick) -> bool) -> Result<(), Status> {
        if !self.valid(who) {
            return Err(403);
        }
        let allowed = may(self, who);
        let free = !allowed && self.is(Planted::RefusedIsFree);
        if let Some(uses) = self.tokens[who].uses.as_mut().filter(|_| !free) {
            *uses -= 1;
        }
        allowed.then_some(()).ok_or(403)
    }

    pub(super) fn anybody(&self, _: Pick) -> bool {
        true
    }

    pub(super) fn maker(&self, who: Pick) -> bool {
        self.has(who, Policy::Maker) || self.sudoer(who)
    }

    pub(super) fn sudoer(&self, who: Pick) -> bool {
        self.has(who, Policy::Sudoer) || self.root(who)
    }

    fn root(&self, who: Pick) -> bool {
        self.has(who, Policy::Root)
    }

    /// Applies a step that is one call, and returns the status of its reply.
    pub(crate) fn call(&mut self, step: &Step) -> Status {
        let done = match step {
            Step::Create(who, new) => self.create(*who, new),
            Step::Lookup(who, by, whom) => self.lookup(*who, *by, *whom),
            Step::Renew(who, by, whom, more) => self.renew(*who, *by, *whom, *more),
            Step::Revoke(who, by, whom) => self.revoke(*who, *by, *whom),
            Step::RevokeOrphan(who, whom) => self.revoke_orphan(*who, *whom),
            Step::Overreach(who) => self.enter(*who, Self::root).map(|()| 200),
            Step::Keep(who) => self.keep(*who),
            _ => Ok(0),
        };
        // Whose last use it was.
        for pick in 0..self.tokens.len() {
            if self.tokens[pick].uses == Some(0) && self.tokens[pick].state == State::Active {
                self.end(pick);
            }
        }
        done.unwrap_or_else(|status| status)
    }

    fn keep(&mut self, who: Pick) -> Result<Status, Status> {
        self.enter(who, Self::anybody)?;
        let token = &mut self.tokens[who];
        if token.batch {
            return Err(400);
        }
        token.keeps = true;
        Ok(204)
    }

    fn own(who: Pick, by: By, whom: Pick) -> Pick {
        if by == By::Own { who } else { whom }
    }

    /// Finds the token that a call is about, which must be in force.
    fn subject(&self, who: Pick, by: By, whom: Pick) -> Result<Pick, Status> {
        let whom = Self::own(who, by, whom);
        let accessible = by != By::Accessor || !self.tokens[whom].batch;
        // The caller's own is, whatever it costs.
        if accessible && (who == whom || self.valid(whom)) {
            return Ok(whom);
        }
        Err(if by == By::Accessor { 400 } else { 403 })
    }

    fn may_with(by: By) -> fn(&Self, Pick) -> bool {
        if by == By::Own {
            Self::anybody
        } else {
            Self::maker
        }
    }

    fn lookup(&mut self, who: Pick, by: By, whom: Pick) -> Result<Status, Status> {
        self.enter(who, Self::may_with(by))?;
        self.subject(who, by, whom).map(|_| 200)
    }

    fn renew(
        &mut self,
        who: Pick,
        by: By,
        whom: Pick,
        increment: Option<u64>,
    ) -> Result<Status, Status> {
        self.enter(who, Self::may_with(by))?;
        let whom = self.subject(who, by, whom)?;
        let token = &self.tokens[whom];
        let Some(expires) = token.expires.filter(|_| token.renewable) else {
            return Err(400);
        };
        if token.uses == Some(0) && !self.is(Planted::LastUseRenews) {
            return Err(400);
        }
        let role = self.role > 0 && token.by_role && !self.is(Planted::PeriodIsFrozen);
        let period = if role { self.role } else { token.period };
        let asked = increment.unwrap_or(token.ttl);
        let mut until = self.now + asked;
        if period > 0 && !self.is(Planted::IncrementBeatsPeriod) {
            until = self.now + period;
        } else {
            until = until.min(token.created + SYSTEM);
        }
        if let Some(explicit) = token.explicit.filter(|_| !self.is(Planted::NoMaximum)) {
            until = until.min(token.created + explicit);
        }
        if !self.is(Planted::RenewalShortens) {
            until = until.max(expires);
        }
        self.tokens[whom].expires = Some(until);
        self.tokens[whom].period = period;
        Ok(200)
    }

    fn revoke(&mut self, who: Pick, by: By, whom: Pick) -> Result<Status, Status> {
        self.enter(who, Self::may_with(by))?;
        let whom = Self::own(who, by, whom);
        let token = &self.tokens[whom];
        match (by, token.batch, token.state) {
            (By::Accessor, true, _) | (By::Accessor, _, State::Gone) => Err(400),
            (_, true, _) if self.valid(whom) => Err(400),
            (_, true, _) | (_, _, State::Gone) => Ok(204),
            _ => {
                self.end(whom);
                Ok(204)
            }
        }
    }

    fn revoke_orphan(&mut self, who: Pick, whom: Pick) -> Result<Status, Status> {
        self.enter(who, Self::sudoer)?;
        if self.tokens[whom].batch || self.tokens[whom].state == State::Gone {
            return Err(400);
        }
        self.end_alone(whom);
        Ok(204)
    }

    /// Ends a token, and leaves its children as orphans, unless it is being revoked with them.
    pub(crate) fn end_alone(&mut self, whom: Pick) {
        let begun = self.tokens[whom].state == State::Marked || self.works.contains(&whom);
        if self.tokens[whom].batch || self.tokens[whom].state == State::Gone {
            return;
        }
        if begun || self.is(Planted::AloneTakesAll) {
            return self.end(whom);
        }
        for child in &mut self.tokens {
            if child.parent == Some(whom) && !child.batch {
                child.parent = None;
            }
        }
        self.end(whom);
    }

    /// Returns a token and all stored ones below it.
    pub(crate) fn tree(&self, top: Pick) -> BTreeSet<Pick> {
        let mut found = BTreeSet::from([top]);
        let mut todo = vec![top];
        while let Some(next) = todo.pop() {
            for (pick, token) in self.tokens.iter().enumerate() {
                let maker = self.ghosts.makers.get(&pick).copied();
                let maker = maker.filter(|_| self.is(Planted::OrphansDie));
                let parent = token.parent.or(maker);
                let child = parent == Some(next) && token.state != State::Gone;
                let deep = next == top || !self.is(Planted::GrandchildrenSurvive);
                if child && deep && !token.batch && found.insert(pick) {
                    todo.push(pick);
                }
            }
        }
        found
    }

    /// Ends a token and all below it.
    pub(crate) fn end(&mut self, top: Pick) {
        for pick in self.tree(top) {
            if self.is(Planted::OtherHandleIsLate) && self.valid(pick) {
                self.ghosts.stale.insert(pick);
            }
            let kept = std::mem::take(&mut self.tokens[pick].keeps);
            if self.is(Planted::CubbyholeStays) {
                self.ghosts.cubbyholes += usize::from(kept);
            }
            self.tokens[pick].state = State::Gone;
            self.works.remove(&pick);
        }
        // The handle that did it knows.
        self.ghosts.stale.remove(&top);
    }

    /// Seals and unseals: nothing old is believed any more.
    pub(crate) fn sealed(&mut self) {
        self.ghosts.stale.clear();
    }

    /// Finishes what was left, and ends what ran out.
    pub(crate) fn tick(&mut self) {
        let works = std::mem::take(&mut self.works);
        for top in works {
            if !self.is(Planted::WorkIsForgotten) {
                self.end(top);
            }
        }
        for pick in 0..self.tokens.len() {
            let token = &self.tokens[pick];
            let stored = !token.batch && token.state != State::Gone;
            if !stored || !self.expired(token) {
                continue;
            }
            match self.is(Planted::ExpiryEndsOne) {
                true => self.tokens[pick].state = State::Gone,
                false => self.end(pick),
            }
        }
    }
}
