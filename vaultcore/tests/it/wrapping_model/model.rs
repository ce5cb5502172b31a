//! Wrapped replies as a plain list.

use super::rules::Planted;
use super::step::{About, Kind, Pick, Space, Step, Who};

/// A reply that was wrapped.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped {
    /// Whether the token is good, but for its time.
    pub(crate) good: bool,
    pub(crate) space: Space,
    pub(crate) created: u64,
    pub(crate) expires: u64,
    pub(crate) ttl: u64,
    /// The path of the request whose reply it is.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// What it holds.
    pub(crate) number: usize,
    by_plain: bool,
}

/// What a call comes to: a status, and what it gives or wraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    /// What is in the reply.
    pub(crate) gives: Option<usize>,
    /// Whether the reply names a new wrapping token, the last one of the list.
    pub(crate) wraps: bool,
}

fn status(status: u16) -> Outcome {
    Outcome {
        status,
        gives: None,
        wraps: false,
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    planted: Planted,
    pub(crate) now: u64,
    pub(crate) all: Vec<Wrapped>,
    /// Calls that are left to the one who has a few.
    pub(crate) uses: u64,
    pub(crate) plain: bool,
    pub(crate) other: bool,
    ordinary: bool,
}

impl Model {
    pub(crate) fn new(planted: Planted, uses: u64) -> Self {
        Self {
            planted,
            now: 0,
            all: Vec::new(),
            uses,
            plain: true,
            other: true,
            ordinary: true,
        }
    }

    fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    pub(crate) fn valid(&self, pick: Pick) -> bool {
        let wrapped = &self.all[pick];
        let expired = wrapped.expires <= self.now && !self.is(Planted::ExpiredUnwraps);
        wrapped.good && !expired
    }

    /// Returns whether the token is still stored.
    pub(crate) fn stored(&self) -> usize {
        self.all.iter().filter(|wrapped| wrapped.good).count()
    }

    fn end(&mut self, pick: Pick) {
        self.all[pick].good = false;
    }

    /// Lets somebody call; `may` says which policies allow that.
    fn enter(&mut self, who: Who, may: &[Who]) -> Result<(), Outcome> {
        let valid = match who {
            Who::Plain => self.plain,
            Who::Limited => self.uses > 0,
            Who::Wrap(pick) => self.valid(pick),
            Who::Nobody => self.is(Planted::NobodyUnwraps) && may.contains(&Who::Wrap(0)),
            _ => true,
        };
        if !valid {
            return Err(status(403));
        }
        if who == Who::Limited {
            self.uses -= 1;
        }
        let kind = match who {
            Who::Wrap(pick) => {
                let allowed = may.contains(&Who::Wrap(0));
                let free = match allowed {
                    true => self.is(Planted::ThirdPartyIsFree),
                    false => self.is(Planted::MisuseIsFree),
                };
                if !free {
                    self.end(pick); // it was its last use
                }
                Who::Wrap(0)
            }
            who => who,
        };
        may.contains(&kind).then_some(()).ok_or(status(403))
    }

    fn unwrappers(&self) -> Vec<Who> {
        let mut may = vec![Who::Root, Who::Plain, Who::Rewrapper, Who::Limited];
        may.extend([Who::Team, Who::Wrap(0)]);
        if self.is(Planted::AnybodyUnwraps) {
            may.push(Who::Bare);
        }
        if self.is(Planted::NobodyUnwraps) {
            may.push(Who::Nobody);
        }
        may
    }

    fn rewrappers(&self) -> Vec<Who> {
        let mut may = vec![Who::Root, Who::Rewrapper];
        if self.is(Planted::DefaultRewraps) {
            may.extend([Who::Plain, Who::Limited, Who::Team]);
        }
        may
    }

    pub(crate) fn space_of(&self, who: Who) -> Space {
        match who {
            Who::Team => Space::Team,
            Who::Wrap(pick) => self.all[pick].space,
            _ => Space::Root,
        }
    }

    /// Finds what a call is about; the caller's own was good when the call began.
    fn find(&mut self, who: Who, about: About, own_was: bool) -> Result<Pick, Outcome> {
        let pick = match (about, who) {
            (About::Own, Who::Wrap(pick)) if own_was => return Ok(pick),
            (About::Named(pick), Who::Wrap(own)) if pick == own => {
                match own_was && self.is(Planted::OwnAndNamed) {
                    true => return Ok(pick),
                    false => pick,
                }
            }
            (About::Named(pick), _) => pick,
            (About::Forged(pick), _) if self.is(Planted::AnyNamespaceFits) => pick,
            (About::Ordinary, _) => {
                self.ordinary &= !self.is(Planted::OrdinaryIsEnded);
                return Err(status(400));
            }
            _ => return Err(status(400)),
        };
        let wall = self.is(Planted::NamespacesAreWalls)
            && who == Who::Team
            && self.all[pick].space != Space::Team;
        if !self.valid(pick) || wall {
            return Err(status(400));
        }
        Ok(pick)
    }

    /// Applies a step that is one call.
    pub(crate) fn call(&mut self, step: &Step) -> Outcome {
        let done = match step {
            Step::Wrap(who, space, kind, ttl) => self.wrap(*who, *space, *kind, *ttl),
            Step::Lookup(who, about) => self.lookup(*who, *about),
            Step::Unwrap(who, about) => self.unwrap(*who, *about, None),
            Step::UnwrapWrapped(who, pick, ttl) => {
                self.unwrap(*who, About::Named(*pick), Some(*ttl))
            }
            Step::Rewrap(who, about) => self.rewrap(*who, *about),
            Step::Misuse(pick) => self.enter(Who::Wrap(*pick), &[]).map(|()| status(200)),
            Step::Revoke(pick, text) => {
                let good = self.all[*pick].good;
                self.end(*pick);
                Ok(status(if *text || good { 204 } else { 400 }))
            }
            Step::Renew(pick) => Ok(status(match self.valid(*pick) {
                true if self.is(Planted::Renewable) => 200,
                true => 400,
                false => 403,
            })),
            Step::RevokePlain => {
                self.plain = false;
                for wrapped in &mut self.all {
                    wrapped.good &= !(wrapped.by_plain && self.planted == Planted::DiesWithMaker);
                }
                Ok(status(204))
            }
            _ => Ok(status(0)),
        };
        done.unwrap_or_else(|refused| refused)
    }

    fn wrap(&mut self, who: Who, space: Space, kind: Kind, ttl: u64) -> Result<Outcome, Outcome> {
        let may = match kind {
            Kind::Sent => {
                let all = [
                    Who::Root,
                    Who::Plain,
                    Who::Rewrapper,
                    Who::Limited,
                    Who::Team,
                ];
                all.to_vec()
            }
            Kind::Secret | Kind::Login => vec![Who::Root],
        };
        self.enter(who, &may)?;
        let space = if who == Who::Root {
            space
        } else {
            self.space_of(who)
        };
        // The one secret is in the root namespace.
        let space = if kind == Kind::Secret {
            Space::Root
        } else {
            space
        };
        if space == Space::Other && !self.other {
            return Err(status(403));
        }
        let path = match kind {
            Kind::Sent => "sys/wrapping/wrap",
            Kind::Secret => "secret/data/app",
            Kind::Login => "auth/token/create",
        };
        let number = self.all.len();
        self.push(space, ttl, path, (kind, number), who == Who::Plain);
        Ok(Outcome {
            wraps: true,
            ..status(200)
        })
    }

    fn push(
        &mut self,
        space: Space,
        ttl: u64,
        path: &str,
        (kind, number): (Kind, usize),
        by_plain: bool,
    ) {
        self.all.push(Wrapped {
            good: true,
            space,
            created: self.now,
            expires: self.now + ttl,
            ttl,
            path: path.to_owned(),
            kind,
            number,
            by_plain,
        });
    }

    fn lookup(&mut self, who: Who, about: About) -> Result<Outcome, Outcome> {
        if who == Who::Limited && self.is(Planted::LookupCosts) {
            self.uses = self.uses.saturating_sub(1);
        }
        let own = matches!(who, Who::Wrap(pick) if self.valid(pick));
        // Nothing is used up by looking, so that the caller's own is as good as any.
        let about = match (about, who) {
            (About::Own, Who::Wrap(pick)) => About::Named(pick),
            (about, _) => about,
        };
        let who = match (who, about) {
            (Who::Wrap(pick), About::Named(named)) if pick == named && own => Who::Root,
            (who, _) => who,
        };
        let pick = self.find(who, about, own)?;
        if self.is(Planted::LookupConsumes) {
            self.end(pick);
        }
        Ok(status(200))
    }

    fn unwrap(&mut self, who: Who, about: About, again: Option<u64>) -> Result<Outcome, Outcome> {
        let own = matches!(who, Who::Wrap(pick) if self.valid(pick));
        let may = self.unwrappers();
        if let Err(refused) = self.enter(who, &may) {
            if let (About::Named(pick), true) = (about, self.is(Planted::RefusalConsumes)) {
                self.end(pick);
            }
            return Err(refused);
        }
        let pick = self.find(who, about, own)?;
        if !self.is(Planted::UnwrapsAgain) {
            self.end(pick);
        }
        let (kind, number) = (self.all[pick].kind, self.all[pick].number);
        let Some(ttl) = again else {
            return Ok(Outcome {
                gives: Some(number),
                ..status(200)
            });
        };
        let space = self.space_of(who);
        let made = (kind, number);
        self.push(space, ttl, "sys/wrapping/unwrap", made, who == Who::Plain);
        Ok(Outcome {
            wraps: true,
            ..status(200)
        })
    }

    fn rewrap(&mut self, who: Who, about: About) -> Result<Outcome, Outcome> {
        let own = matches!(who, Who::Wrap(pick) if self.valid(pick));
        let may = self.rewrappers();
        self.enter(who, &may)?;
        let pick = self.find(who, about, own)?;
        let old = self.all[pick].clone();
        if !self.is(Planted::RewrapKeepsOld) {
            self.end(pick);
        }
        let path = match self.is(Planted::RewrapForgetsPath) {
            true => "sys/wrapping/rewrap".to_owned(),
            false => old.path,
        };
        let made = (old.kind, old.number);
        self.push(self.space_of(who), old.ttl, &path, made, false);
        if let Some(last) = self
            .all
            .last_mut()
            .filter(|_| self.planted == Planted::RewrapKeepsTime)
        {
            last.expires = old.expires;
        }
        Ok(Outcome {
            wraps: true,
            ..status(200)
        })
    }

    pub(crate) fn delete_other(&mut self) {
        self.other = false;
        for wrapped in &mut self.all {
            let stays = self.planted == Planted::OutlivesNamespace;
            wrapped.good &= wrapped.space != Space::Other || stays;
        }
    }

    /// Ends what ran out.
    pub(crate) fn tick(&mut self) {
        for wrapped in &mut self.all {
            wrapped.good &= wrapped.expires > self.now || self.planted == Planted::ExpiredUnwraps;
        }
    }

    pub(crate) fn ordinary(&self) -> bool {
        self.ordinary
    }
}
