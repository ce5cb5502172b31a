//! What a call found out about its caller, for the next call that is like it.
//!
//! Who asks, in which mount, and with what rights follows from what is stored, from the time, and from
//! nothing else. Whether anything was stored since is told by the storage's change mark; or, if the storage
//! is this process's alone, by the number of commits that were begun, each of which is counted before the
//! storage sees it. While that stands, what one call read is what the next would read. The time is looked
//! at in every call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use zeroize::Zeroizing;

use super::Vault;
use super::config::{Config, Tables};
use super::open::{OpenVault, Unsealing};
use super::run::{Caller, Use};
use crate::barrier::Freshness;
use crate::error::Result;
use crate::id::NamespaceId;
use crate::operation::{Actor, Context, Kept, Operation, Space};
use crate::rights::Rights;

/// What the calls of one facade leave to the next ones. Whatever asks by it is the same caller, in the
/// same namespace. A sealed vault leaves nothing in it.
#[derive(Default)]
pub(crate) struct Memory {
    known: RwLock<Option<Box<Known>>>,
    /// What the storage told of changes at the last call that did not find what it could use.
    last: AtomicU64,
    /// A planted fault, for tests to find: what is known is taken for current, whatever was written.
    #[cfg(test)]
    pub(super) trusting: std::sync::atomic::AtomicBool,
}

/// What was found out when the storage told `at` of changes.
struct Known {
    unsealing: Unsealing,
    at: Freshness,
    found: Found,
    places: [Place; PLACES],
}

/// Who asks, and where.
struct Found {
    actor: Actor,
    space: NamespaceId,
    tables: Arc<Tables>,
    /// What a token may do; who has none may do everything.
    rights: Option<Arc<Rights>>,
}

/// How many things that are asked for again and again are remembered.
const PLACES: usize = 16;

/// What was first asked for again, of all that share this place.
#[derive(Default)]
struct Place {
    asked: OnceLock<Asked>,
    /// The hash of what was not found here last: what is asked for once is not worth keeping.
    missed: AtomicU64,
}

/// Something that was asked for, and granted whatever else the request said.
struct Asked {
    what: &'static str,
    on: Zeroizing<String>,
    sudo: bool,
    kept: Kept,
}

impl Place {
    fn find(&self, (what, on): (&str, &str)) -> Option<&Asked> {
        let same = |asked: &&Asked| asked.on.as_str() == on && asked.what == what;
        self.asked.get().filter(same)
    }

    fn keep(&self, (what, on): (&'static str, &str), hash: u64, sudo: bool) {
        if self.missed.swap(hash, Ordering::Relaxed) == hash {
            let _ = self.asked.set(Asked {
                what,
                on: Zeroizing::new(on.to_owned()),
                sudo,
                kept: Kept::default(),
            }); // what came first stays
        }
    }
}

/// Returns a number that differs when anything was written since, for most cases.
fn number(freshness: Freshness) -> u64 {
    match freshness {
        Freshness::Exclusive(number) | Freshness::Mark(number) => number,
        Freshness::Unknown => 0,
    }
}

/// Returns a number that tells most likenesses apart; FNV-1a.
fn hash((what, on): (&str, &str)) -> u64 {
    let bytes = what.bytes().chain(on.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What one call finds out.
pub(super) struct Lesson {
    /// What the storage told of changes when the call before came; `None` if nothing is to be learned.
    last: Option<u64>,
    at: Option<Freshness>,
    found: Option<Found>,
}

impl Lesson {
    /// That of a call which nobody asks.
    pub(super) const fn none() -> Self {
        Self::after(None)
    }

    const fn after(last: Option<u64>) -> Self {
        Self {
            last,
            at: None,
            found: None,
        }
    }

    /// Forgets what an attempt noted that was overtaken.
    pub(super) fn begin(&mut self) {
        self.at = None;
        self.found = None;
    }

    /// Notes who asks and where, once that was allowed, and all that was read is known to be current.
    ///
    /// Only if nothing had changed since the call before: where commits come between any two calls, what
    /// one finds out is of no use to the next.
    pub(super) fn note(
        &mut self,
        cx: &Context<'_, '_>,
        tables: &Arc<Tables>,
        rights: Option<Arc<Rights>>,
        taken: Use,
    ) {
        if self.last.is_none() || taken != Use::None {
            return;
        }
        self.at = cx.txn.current_at();
        if self.at.is_none() || self.at.map(number) != self.last {
            return;
        }
        let actor = match cx.actor {
            Actor::Owner => Actor::Owner,
            // A token that is stored nowhere dies with its parent, whose time is another.
            Actor::Token(token) if token.id.is_some() && rights.is_some() => {
                Actor::Token(Box::new(token.without_texts()))
            }
            Actor::Token(_) | Actor::Anonymous | Actor::System => return,
        };
        self.found = Some(Found {
            actor,
            space: cx.space.id,
            tables: Arc::clone(tables),
            rights,
        });
    }
}

impl Vault {
    /// Runs an operation as [`run`](Self::run) does, by what earlier calls of the same caller left in
    /// `memory`, if it is one of those that mostly read.
    pub(crate) fn run_by<O: Operation>(
        &self,
        memory: &Arc<Memory>,
        caller: &Caller,
        operation: &O,
    ) -> Result<O::Reply> {
        let Some(likeness) = operation.likeness() else {
            return self.run(caller, operation);
        };
        self.with_open(|open| {
            if let Some(result) = self.run_known(open, memory, caller, (operation, likeness)) {
                self.count(operation.admission(), result.as_ref().err());
                return result;
            }
            let last = memory.last.load(Ordering::Relaxed);
            let mut lesson = Lesson::after(Some(last));
            let result = self.run_on(open, caller, operation, &mut lesson);
            memory.learn(open, lesson);
            result
        })
    }

    /// Performs the operation by what is known already; `None` if that is not enough, or not current.
    fn run_known<O: Operation>(
        &self,
        open: &OpenVault,
        memory: &Memory,
        caller: &Caller,
        (operation, likeness): (&O, (&'static str, &str)),
    ) -> Option<Result<O::Reply>> {
        // Held to the end: whoever learns something meanwhile does without keeping it.
        let known = memory.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        if !open.is_of(&known.unsealing) {
            return None;
        }
        open.resume(memory.moment(known, open), |txn, config| {
            let found = &known.found;
            if !config.broker.is_empty() {
                return None; // no record, no work: what is known is of a time without devices
            }
            if matches!(&found.actor, Actor::Token(token) if token.entry.expired(txn.now())) {
                return None;
            }
            let mount = found.tables.resolve(operation.target()).ok()?;
            let space = Space {
                id: found.space,
                path: &caller.space,
            };
            let mut cx = Context::new(txn, &found.actor, space, (&*self.core, config), mount)
                .from(caller.remote)
                .presenting(caller.secret());
            let hash = hash(likeness);
            let place = usize::try_from(hash >> 32).unwrap_or_default() % PLACES;
            let place = known.places.get(place)?;
            match place.find(likeness) {
                Some(asked) => {
                    cx.sudo = asked.sudo;
                    cx.kept = Some(&asked.kept);
                }
                None => {
                    cx.sudo = known.allows(config, &mut cx, operation)?;
                    cx.txn.current_at()?; // or what it takes may be decided otherwise soon
                    place.keep(likeness, hash, cx.sudo);
                }
            }
            Some(operation.perform(&mut cx))
        })
    }
}

impl Known {
    /// Returns whether the caller has `sudo` where the operation works; `None` if it is not allowed, or
    /// if that depends on more than the access asked for.
    fn allows<O: Operation>(
        &self,
        config: &Config,
        cx: &mut Context<'_, '_>,
        operation: &O,
    ) -> Option<bool> {
        let (Actor::Token(token), Some(rights)) = (&self.found.actor, &self.found.rights) else {
            return Some(true);
        };
        if rights.acl().is_root() {
            return Some(true);
        }
        let prefix = config.relative(token, cx.space.path)?;
        let mut sudo = None;
        for mut access in operation.access(cx).ok()? {
            access.path.insert_str(0, prefix);
            let mut simple = true;
            let body = || {
                simple = false;
                operation.input()
            };
            let decision = rights.decide(&access, body, operation.wrap_ttl());
            let allowed = decision.is_allowed();
            sudo = Some(rights.sudo_by(&decision, &access.path));
            if !(allowed && simple) {
                return None;
            }
        }
        sudo
    }
}

impl Memory {
    /// Returns what the storage must still tell of changes.
    #[cfg(not(test))]
    fn moment(&self, known: &Known, _: &OpenVault) -> Freshness {
        known.at
    }

    #[cfg(test)]
    fn moment(&self, known: &Known, open: &OpenVault) -> Freshness {
        match self.trusting.load(Ordering::Relaxed) {
            true => open.freshness().unwrap_or(known.at),
            false => known.at,
        }
    }

    /// Returns whether anything is known, and whether a key or the like is kept.
    #[cfg(test)]
    pub(super) fn holds(&self) -> (bool, bool) {
        let known = self.known.read().expect("not poisoned");
        let kept = |place: &Place| place.asked.get().is_some_and(|asked| asked.kept.is_set());
        let kept = known.as_ref().map(|known| known.places.iter().any(kept));
        (kept.is_some(), kept == Some(true))
    }

    fn learn(self: &Arc<Self>, open: &OpenVault, lesson: Lesson) {
        let Some(at) = lesson.at else {
            return;
        };
        self.last.store(number(at), Ordering::Relaxed);
        let (Some(found), Ok(mut known)) = (lesson.found, self.known.try_write()) else {
            return;
        };
        if known.is_none() {
            // Else it is there: what an earlier unsealing left was taken away at its end.
            open.memories().add(self);
        }
        *known = Some(Box::new(Known {
            unsealing: open.unsealing(),
            at,
            found,
            places: Default::default(),
        }));
    }
}

/// The memories that hold anything of one unsealing of a vault; they are emptied when that ends.
#[derive(Default)]
pub(super) struct Memories(Mutex<All>);

#[derive(Default)]
struct All {
    all: Vec<Weak<Memory>>,
    /// How many there may be before those are dropped whose facade is gone.
    limit: usize,
}

impl Memories {
    fn add(&self, memory: &Arc<Memory>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.all.len() >= kept.limit {
            kept.all.retain(|memory| memory.strong_count() > 0);
            kept.limit = kept.all.len().saturating_mul(2).max(64);
        }
        kept.all.push(Arc::downgrade(memory));
    }
}

impl Drop for Memories {
    fn drop(&mut self) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for memory in kept.all.drain(..).filter_map(|memory| memory.upgrade()) {
            *memory.known.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
