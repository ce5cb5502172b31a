//! Tokens as the reference has them, in plain Rust.

use serde_json::{Value, json};

use super::rules::Planted;
use super::step::{New, Number, Policy, Step, Via};

/// The longest life without a period, in seconds.
const LONGEST: u64 = 768 * 3_600;
/// How long a token whose last use is taken may serve that call, in seconds.
const LAST_CALL: u64 = 60;

/// What a step comes to: the status, and what is told.
pub(crate) type Outcome = (u16, Value);

const DENIED: u16 = 403;
const WRONG: u16 = 400;

/// Entries that the storage holds, by area.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) tokens: usize,
    pub(crate) accessors: usize,
    pub(crate) children: usize,
    pub(crate) due: usize,
    pub(crate) kept: usize,
    pub(crate) work: usize,
}

/// One token. Times are seconds since the beginning.
#[derive(Clone)]
struct Token {
    stored: bool,
    batch: bool,
    parent: Option<Number>,
    policy: Policy,
    created: u64,
    first: u64,
    expires: Option<u64>,
    max: u64,
    period: u64,
    renewable: bool,
    uses: Option<u64>,
    kept: bool,
}

/// All tokens of a vault.
pub(crate) struct Model {
    planted: Planted,
    now: u64,
    tokens: Vec<Token>,
    /// What tokens that are gone left behind: nothing, unless it is planted.
    litter: usize,
}

/// What a role adds.
#[derive(Default)]
struct Role {
    orphan: bool,
    batch: bool,
    uses: u64,
    period: u64,
    max: u64,
}

fn role(name: &str) -> Option<Role> {
    let none = Role::default();
    Some(match name {
        "orphans" => Role {
            orphan: true,
            ..none
        },
        "batches" => Role {
            batch: true,
            ..none
        },
        "limited" => Role { uses: 2, ..none },
        "periodic" => Role {
            period: 30,
            max: 100,
            ..none
        },
        _ => return None,
    })
}

impl Model {
    /// Creates a vault with a root token.
    pub(crate) fn new(planted: Planted) -> Self {
        let root = Token {
            stored: true,
            batch: false,
            parent: None,
            policy: Policy::Root,
            created: 0,
            first: 0,
            expires: None,
            max: 0,
            period: 0,
            renewable: false,
            uses: None,
            kept: false,
        };
        Self {
            planted,
            now: 0,
            tokens: vec![root],
            litter: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns what the storage holds.
    pub(crate) fn entries(&self) -> Entries {
        let stored = || self.tokens.iter().filter(|token| token.stored);
        Entries {
            tokens: stored().count(),
            accessors: stored().count(),
            children: stored().filter(|token| token.parent.is_some()).count(),
            due: stored().filter(|token| token.expires.is_some()).count(),
            kept: stored().filter(|token| token.kept).count() + self.litter,
            work: 0,
        }
    }

    /// Takes a step.
    pub(crate) fn apply(&mut self, step: &Step) -> Outcome {
        let own = |token: Number| self.number(token);
        match *step {
            Step::Create(actor, ref new) => {
                let actor = own(actor);
                let may = self.tokens[actor].policy != Policy::User;
                self.call(actor, may, |model| model.create(actor, new))
            }
            Step::LookupSelf(token) => {
                let token = own(token);
                self.call(token, true, |model| (200, model.show(token)))
            }
            Step::RenewSelf(token, by) => {
                let token = own(token);
                self.call(token, true, |model| model.renew(token, by))
            }
            Step::RevokeSelf(token) => {
                let token = own(token);
                self.call(token, true, |model| model.end_by_text(token))
            }
            Step::Use(token) => {
                let token = own(token);
                let may = matches!(self.tokens[token].policy, Policy::Root | Policy::User);
                self.call(token, may, |_| (200, Value::Null))
            }
            Step::Keep(token) => {
                let token = own(token);
                self.call(token, true, |model| model.keep(token))
            }
            Step::Advance(seconds) => {
                self.now += seconds;
                (0, Value::Null)
            }
            Step::Tick => self.tick(),
            Step::SealAndUnseal | Step::Switch => (0, Value::Null),
            _ => self.apply_to_other(step),
        }
    }

    /// Takes a step of one token on another, for which it has to be allowed all about tokens.
    fn apply_to_other(&mut self, step: &Step) -> Outcome {
        let (actor, token) = match *step {
            Step::Lookup(actor, token)
            | Step::LookupAccessor(actor, token)
            | Step::Renew(actor, token, _)
            | Step::Revoke(actor, token)
            | Step::RevokeAccessor(actor, token)
            | Step::RevokeOrphan(actor, token) => (self.number(actor), self.number(token)),
            _ => panic!("{step:?} is taken elsewhere"),
        };
        let may = matches!(self.tokens[actor].policy, Policy::Root | Policy::Maker);
        self.call(actor, may, |model| {
            // Who has no use left is still known to the call that has the last one.
            let valid = token == actor || model.valid(token);
            match *step {
                Step::Lookup(..) if valid => {
                    model.looked(token);
                    (200, model.show(token))
                }
                Step::Renew(_, _, by) if valid => model.renew(token, by),
                Step::Lookup(..) | Step::Renew(..) => (DENIED, Value::Null),
                Step::LookupAccessor(..) if valid && !model.tokens[token].batch => {
                    (200, model.show(token))
                }
                Step::LookupAccessor(..) => (WRONG, Value::Null),
                Step::Revoke(..) => model.end_by_text(token),
                Step::RevokeAccessor(..) => match model.tokens[token].stored {
                    true => model.end_by_text(token),
                    false => (WRONG, Value::Null),
                },
                _ if model.tokens[token].batch => model.end_by_text(token),
                _ => {
                    model.revoke_alone(token);
                    (204, Value::Null)
                }
            }
        })
    }

    fn number(&self, token: Number) -> Number {
        token % self.tokens.len()
    }

    /// Lets `token` make a call, which takes a use of it if those are counted.
    fn call(
        &mut self,
        token: Number,
        allowed: bool,
        work: impl FnOnce(&mut Self) -> Outcome,
    ) -> Outcome {
        if !self.valid(token) {
            return (DENIED, Value::Null);
        }
        let free = !allowed && self.planted == Planted::DeniedCallIsFree;
        let mut last = false;
        if let Some(uses) = self.tokens[token].uses.filter(|_| !free) {
            let more = u64::from(self.planted == Planted::OneUseMore);
            last = uses + more <= 1;
            self.tokens[token].uses = Some(uses.saturating_sub(1));
            if last {
                let soon = self.now + LAST_CALL;
                let expires = self.tokens[token].expires.unwrap_or(soon).min(soon);
                self.tokens[token].expires = Some(expires);
            }
        }
        let outcome = match allowed {
            true => work(self),
            false => (DENIED, Value::Null),
        };
        if last && self.tokens[token].stored {
            self.revoke(token);
        }
        outcome
    }

    fn expired(&self, token: Number) -> bool {
        let end = match self.planted {
            Planted::LivesAtItsEnd => self.now.saturating_sub(1),
            _ => self.now,
        };
        self.tokens[token]
            .expires
            .is_some_and(|expires| expires <= end)
    }

    fn valid(&self, number: Number) -> bool {
        let token = &self.tokens[number];
        if self.expired(number) {
            return false;
        }
        match (token.batch, token.parent) {
            (false, _) => token.stored,
            (true, Some(parent)) if self.planted != Planted::BatchOutlives => {
                self.tokens[parent].stored && !self.expired(parent)
            }
            (true, _) => true,
        }
    }

    fn create(&mut self, actor: Number, new: &New) -> Outcome {
        match self.made(actor, new) {
            Some(token) => {
                self.tokens.push(token);
                let last = self.tokens.len() - 1;
                (200, self.show(last))
            }
            None => (WRONG, Value::Null),
        }
    }

    /// Returns the token that `actor` makes; `None` if it may not, or what is asked cannot be.
    fn made(&self, actor: Number, new: &New) -> Option<Token> {
        let parent = &self.tokens[actor];
        if parent.batch || (parent.uses.is_some() && self.planted != Planted::LimitedParent) {
            return None;
        }
        let sudo = matches!(parent.policy, Policy::Root | Policy::Maker);
        let by_role = match new.via {
            Via::Role(name) => Some(role(name)?),
            _ => None,
        };
        let free = self.planted == Planted::OrphanForAll;
        if (new.no_parent && by_role.is_none() && !sudo && !free) || (new.period > 0 && !sudo) {
            return None;
        }
        let policy = self.policy(parent.policy, new, by_role.is_some(), sudo)?;
        let mut orphan = match &by_role {
            Some(role) => role.orphan && self.planted != Planted::RoleOrphanIgnored,
            None => new.no_parent || new.via == Via::CreateOrphan,
        };
        if self.planted == Planted::OrphanByRole {
            orphan |= new.no_parent;
        }
        let role = by_role.unwrap_or_default();
        let batch = new.batch || role.batch;
        let uses = least(new.uses, role.uses);
        let (period, max) = (least(new.period, role.period), least(new.max, role.max));
        if batch && (policy == Policy::Root || uses > 0 || period > 0 || max > 0) {
            return None;
        }
        let first = self.first(policy, new, period, max);
        let endless = policy == Policy::Root && first == 0;
        if endless && parent.expires.is_some() {
            return None;
        }
        Some(Token {
            stored: !batch,
            batch,
            parent: (!orphan).then_some(actor),
            policy,
            created: self.now,
            first,
            expires: (first > 0).then_some(self.now + first),
            max,
            period,
            renewable: first > 0 && !batch && new.renewable.unwrap_or(true),
            uses: (uses > 0).then_some(uses),
            kept: false,
        })
    }

    /// Returns the policy that a new token gets, if its maker may give it.
    fn policy(&self, own: Policy, new: &New, by_role: bool, sudo: bool) -> Option<Policy> {
        match (by_role, new.policy) {
            (true, None | Some(Policy::User)) => Some(Policy::User),
            (true, Some(_)) => None,
            (false, None) if own == Policy::Root && new.batch => None,
            (false, None) => Some(own),
            (false, Some(policy)) => {
                let may = sudo || policy == own || self.planted == Planted::SubsetIgnored;
                may.then_some(policy)
            }
        }
    }

    /// Returns how long a new token lives; 0: for ever.
    fn first(&self, policy: Policy, new: &New, period: u64, max: u64) -> u64 {
        let first = match (period, new.ttl) {
            (0, 0) if policy == Policy::Root => 0,
            (0, 0) => LONGEST,
            (0, ttl) => ttl.min(LONGEST),
            (period, _) => period,
        };
        match max {
            _ if self.planted == Planted::MaxNotAtFirst => first,
            0 => first,
            max if first == 0 => max,
            max => first.min(max),
        }
    }

    fn renew(&mut self, number: Number, by: u64) -> Outcome {
        let (now, planted) = (self.now, self.planted);
        let token = &mut self.tokens[number];
        let Some(expires) = token.expires.filter(|_| token.renewable) else {
            return (WRONG, Value::Null);
        };
        let asked = if by == 0 { token.first } else { by };
        let periodic = token.period > 0 && planted != Planted::PeriodIgnored;
        let mut until = match periodic {
            true => now + token.period,
            false => (now + asked).min(token.created + LONGEST),
        };
        if token.max > 0 && planted != Planted::RenewPastMax {
            until = until.min(token.created + token.max);
        }
        if until <= now {
            return (WRONG, Value::Null);
        }
        if planted != Planted::RenewShortens {
            until = until.max(expires);
        }
        token.expires = Some(until);
        (200, json!(until - now))
    }

    fn keep(&mut self, token: Number) -> Outcome {
        if self.tokens[token].batch {
            return (WRONG, Value::Null);
        }
        self.tokens[token].kept = true;
        (204, Value::Null)
    }

    fn looked(&mut self, token: Number) {
        if self.planted == Planted::LookupTakesUse
            && let Some(uses) = &mut self.tokens[token].uses
        {
            *uses = uses.saturating_sub(1);
        }
    }

    /// What is none any more is no error; a batch token that is in force cannot be revoked.
    fn end_by_text(&mut self, token: Number) -> Outcome {
        if self.tokens[token].batch && self.valid(token) {
            return (WRONG, Value::Null);
        }
        self.revoke(token);
        (204, Value::Null)
    }

    /// Revokes a token and all below it.
    fn revoke(&mut self, token: Number) {
        let children = self.children(token);
        self.remove(token);
        for child in children {
            if self.planted == Planted::GrandchildrenSurvive {
                self.remove(child);
            } else {
                self.revoke(child);
            }
        }
    }

    fn revoke_alone(&mut self, token: Number) {
        if self.planted == Planted::OrphansDie {
            return self.revoke(token);
        }
        for child in self.children(token) {
            self.tokens[child].parent = None;
        }
        self.remove(token);
    }

    fn children(&self, token: Number) -> Vec<Number> {
        let child = |number: &Number| {
            self.tokens[*number].stored && self.tokens[*number].parent == Some(token)
        };
        (0..self.tokens.len()).filter(child).collect()
    }

    fn remove(&mut self, token: Number) {
        let token = &mut self.tokens[token];
        if token.kept && token.stored && self.planted == Planted::CubbyholeStays {
            self.litter += 1;
        }
        token.stored = false;
    }

    fn tick(&mut self) -> Outcome {
        let due: Vec<Number> = (0..self.tokens.len())
            .filter(|number| self.tokens[*number].stored && self.expired(*number))
            .collect();
        for token in due {
            match self.planted {
                Planted::TickLeavesChildren => self.remove(token),
                _ => self.revoke(token),
            }
        }
        (0, Value::Null)
    }

    /// Returns what is told of a token.
    fn show(&self, number: Number) -> Value {
        let token = &self.tokens[number];
        json!({
            "policy": token.policy.name(),
            "batch": token.batch,
            "orphan": token.parent.is_none(),
            "renewable": token.renewable && token.expires.is_some(),
            "uses": token.uses.unwrap_or(0),
            "ttl": token.expires.map_or(0, |expires| expires - self.now),
        })
    }
}

/// Returns the smaller of two limits, of which 0 is none.
fn least(left: u64, right: u64) -> u64 {
    match (left, right) {
        (0, limit) | (limit, 0) => limit,
        (left, right) => left.min(right),
    }
}
