//! Nonces, and how often a version of a key may use one.
//!
//! Under random 96-bit nonces a key must not encrypt more than 2^32 times, over all processes
//! together (NIST SP 800-38D, 8.3). So uses are counted, and a process takes a block of them in
//! storage before it uses one: what a crash loses is wasted, and never counted too low.
//!
//! A nonce is what the random source gave, encrypted under a key of its own by the number of the
//! use, which no other use has: a source that repeats itself, in another process or after a restart,
//! does not make a nonce come back.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use vaultcore_os::ForkMark;
use zeroize::Zeroizing;

use crate::crypto::rng::Random;
use crate::crypto::{RawKey, aead};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;

pub(super) const NONCE: usize = 12;
/// Uses for which the random source is asked at once.
const CHUNK: u64 = 64;
const CHUNK_BYTES: usize = 768;
/// The first block that a process takes: a program that runs for a moment wastes little.
const FIRST_BLOCK: u64 = 256;
/// The largest block; each is eight times the one before.
const LARGEST_BLOCK: u64 = 1 << 20;
/// Threads that draw nonces of one version without waiting for each other.
const POOLS: usize = 4;
/// Versions whose uses are known at a time; to forget one wastes the rest of its block.
const KNOWN: usize = 16_384;

/// How often a version may be used.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// From here on the key is rotated.
    pub(super) rotate: u64,
    /// Beyond this nothing is encrypted.
    pub(super) refuse: u64,
}

/// What random nonces of 96 bits allow.
pub(super) const RANDOM_96: Limits = Limits {
    rotate: 1 << 31,
    refuse: 1 << 32,
};
/// Nonces of 192 bits do not run out.
pub(super) const RANDOM_192: Limits = Limits {
    rotate: u64::MAX,
    refuse: u64::MAX,
};

/// How many uses of each version were given away, as it is stored.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Given {
    versions: Vec<(u32, u64)>,
}

impl Record for Given {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "count of uses";
}

/// What became of the wish for more uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// These, once the record is committed.
    Uses(Range<u64>),
    /// None: the key is to be rotated first.
    Rotate,
}

impl Given {
    /// Gives `needed` uses of `version` away, and more if there are: `wish` in all.
    ///
    /// # Errors
    /// `LimitExceeded` if there are not as many.
    pub(super) fn take(
        &mut self,
        version: u32,
        needed: u64,
        wish: u64,
        limits: Limits,
        may_rotate: bool,
    ) -> Result<Grant> {
        let given = match self
            .versions
            .iter_mut()
            .find(|(known, _)| *known == version)
        {
            Some((_, given)) => given,
            None => {
                self.versions.push((version, 0));
                let (_, given) = self.versions.last_mut().ok_or_else(used_up)?;
                given
            }
        };
        let fits = |amount: u64, limit: u64| given.checked_add(amount).filter(|end| *end <= limit);
        if may_rotate && fits(wish, limits.rotate).is_none() {
            return Ok(Grant::Rotate);
        }
        let end = fits(wish, limits.refuse).or_else(|| fits(needed, limits.refuse));
        let end = end.ok_or_else(used_up)?;
        let start = std::mem::replace(given, end);
        Ok(Grant::Uses(start..end))
    }

    /// Forgets the versions before `first`, which are gone.
    pub(super) fn trim(&mut self, first: u32) {
        self.versions.retain(|(version, _)| *version >= first);
    }
}

pub(super) fn used_up() -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        "this version of the key has encrypted as often as is safe: rotate the key",
    )
}

/// The uses that this process holds, for every version of every key.
pub(super) struct Known(Cache<([u8; 16], u32), Arc<Uses>>);

impl Known {
    pub(super) fn new() -> Self {
        Self(Cache::new(KNOWN))
    }

    pub(super) fn of(&self, key: [u8; 16], version: u32) -> Arc<Uses> {
        let make = || Ok::<_, Error>(Arc::new(Uses::new()));
        let found = self.0.get_or_insert_with(&(key, version), make);
        found.unwrap_or_else(|_| Arc::new(Uses::new()))
    }
}

/// The uses of one version that this process holds.
pub(super) struct Uses {
    spare: Mutex<Spare>,
    pools: [Mutex<Pool>; POOLS],
}

struct Spare {
    ranges: Vec<Range<u64>>,
    block: u64,
}

/// Nonces that were drawn and not used yet, in a process that has not forked since.
struct Pool {
    bytes: Zeroizing<[u8; CHUNK_BYTES]>,
    left: usize,
    mark: ForkMark,
}

impl Uses {
    fn new() -> Self {
        let ranges = Vec::new();
        let block = FIRST_BLOCK;
        Self {
            spare: Mutex::new(Spare { ranges, block }),
            pools: std::array::from_fn(|_| Mutex::new(Pool::new())),
        }
    }

    /// Adds up to `count` nonces to `out`, as many as the process has uses for.
    pub(super) fn draw(
        &self,
        out: &mut Vec<[u8; NONCE]>,
        count: usize,
        source: &dyn Random,
        hedge: &dyn Fn() -> RawKey,
    ) -> Result<()> {
        let mut pool = self.pool_of_process();
        while out.len() < count && self.refill(&mut pool, source, hedge)? {
            out.extend(pool.next());
        }
        Ok(())
    }

    /// Draws as many nonces as `out` takes; returns whether the process has uses for all of them.
    pub(super) fn draw_all(
        &self,
        out: &mut [[u8; NONCE]],
        source: &dyn Random,
        hedge: &dyn Fn() -> RawKey,
    ) -> Result<bool> {
        let mut pool = self.pool_of_process();
        for nonce in out {
            if !self.refill(&mut pool, source, hedge)? {
                return Ok(false);
            }
            let Some(next) = pool.next() else {
                return Ok(false);
            };
            *nonce = next;
        }
        Ok(true)
    }

    /// Makes sure that the pool has a nonce; returns whether the process has a use for it.
    fn refill(
        &self,
        pool: &mut Pool,
        source: &dyn Random,
        hedge: &dyn Fn() -> RawKey,
    ) -> Result<bool> {
        if pool.left > 0 {
            return Ok(true);
        }
        let Some(start) = lock(&self.spare).chunk() else {
            return Ok(false);
        };
        pool.fill(start, source, hedge)?;
        Ok(true)
    }

    /// Returns a pool of which only this process holds the nonces.
    fn pool_of_process(&self) -> MutexGuard<'_, Pool> {
        let mut pool = self.pool();
        if pool.mark.forked() {
            // What the parent holds too is not this process's to use.
            *pool = Pool::new();
            lock(&self.spare).ranges.clear();
        }
        pool
    }

    /// Returns how many uses to ask for if `needed` are missing.
    pub(super) fn wish(&self, needed: u64) -> u64 {
        lock(&self.spare).block.max(needed.next_multiple_of(CHUNK))
    }

    /// Takes over what is left of a block whose commit is done.
    pub(super) fn keep(&self, rest: Rest) {
        let mut spare = lock(&self.spare);
        spare.block = spare.block.saturating_mul(8).min(LARGEST_BLOCK);
        spare.ranges.push(rest.range);
        drop(spare);
        let mut pool = self.pool();
        if pool.left == 0 {
            *pool = rest.pool;
        }
    }

    /// Returns a pool that nobody uses, or waits for one.
    fn pool(&self) -> MutexGuard<'_, Pool> {
        let free = self.pools.iter().find_map(|pool| pool.try_lock().ok());
        let [first, ..] = &self.pools;
        free.unwrap_or_else(|| lock(first))
    }
}

impl Spare {
    /// Takes the first number of as many uses as the source is asked for at once.
    fn chunk(&mut self) -> Option<u64> {
        while let Some(range) = self.ranges.last_mut() {
            let start = range.start;
            let end = start.checked_add(CHUNK)?;
            if end <= range.end {
                range.start = end;
                return Some(start);
            }
            self.ranges.pop();
        }
        None
    }
}

/// What is left of a block: uses, and nonces that were drawn already.
pub(super) struct Rest {
    range: Range<u64>,
    pool: Pool,
}

impl Rest {
    /// A block that was given by this very attempt.
    pub(super) fn new(range: Range<u64>) -> Self {
        let pool = Pool::new();
        Self { range, pool }
    }

    /// Adds nonces to `out` until it has `count`, as long as there are uses.
    pub(super) fn draw(
        &mut self,
        out: &mut Vec<[u8; NONCE]>,
        count: usize,
        source: &dyn Random,
        hedge: &dyn Fn() -> RawKey,
    ) -> Result<()> {
        while out.len() < count {
            if self.pool.left == 0 {
                let start = self.range.start;
                let next = start.saturating_add(CHUNK);
                if next > self.range.end {
                    return Ok(());
                }
                self.pool.fill(start, source, hedge)?;
                self.range.start = next;
            }
            out.extend(self.pool.next());
        }
        Ok(())
    }
}

impl Pool {
    fn new() -> Self {
        Self {
            bytes: Zeroizing::new([0; CHUNK_BYTES]),
            left: 0,
            mark: ForkMark::new(),
        }
    }

    fn fill(&mut self, start: u64, source: &dyn Random, hedge: &dyn Fn() -> RawKey) -> Result<()> {
        source.fill(&mut *self.bytes)?;
        let mut place = [0; aead::NONCE];
        for (to, from) in place.iter_mut().zip(start.to_be_bytes()) {
            *to = from;
        }
        aead::encrypt_once(&hedge(), place, b"transit nonces", &mut *self.bytes)?;
        self.left = CHUNK_BYTES / NONCE;
        Ok(())
    }

    fn next(&mut self) -> Option<[u8; NONCE]> {
        self.left = self.left.checked_sub(1)?;
        let start = self.left.checked_mul(NONCE)?;
        let end = start.checked_add(NONCE)?;
        self.bytes.get(start..end)?.try_into().ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A source that always gives the same.
    struct Stuck;

    impl Random for Stuck {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            buffer.fill(7);
            Ok(())
        }
    }

    fn hedge() -> RawKey {
        Zeroizing::new([9; 32])
    }

    #[test]
    fn a_source_that_repeats_itself_makes_no_nonce_come_back() {
        let mut seen = HashSet::new();
        let (mut first, mut rest) = (Vec::new(), Rest::new(0..1_024));
        rest.draw(&mut first, 200, &Stuck, &hedge).expect("drawn");
        assert_eq!((rest.range.clone(), rest.pool.left), (256..1_024, 56));
        let uses = Uses::new();
        uses.keep(rest);
        let mut others = Vec::new();
        uses.draw(&mut others, 10_000, &Stuck, &hedge)
            .expect("drawn");
        assert_eq!(others.len(), 824);
        for nonce in first.iter().chain(&others) {
            assert!(seen.insert(*nonce));
        }
    }

    #[test]
    fn no_use_is_given_twice() {
        let uses = Arc::new(Uses::new());
        uses.keep(Rest::new(0..64 * 200));
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let draw = || {
                let mut out = Vec::new();
                uses.draw(&mut out, 3_200, &Stuck, &hedge).expect("drawn");
                out
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("drew"))
                .collect()
        });
        let distinct: HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len());
        assert!(drawn.len() > 12_000, "{}", drawn.len());
    }

    #[test]
    fn blocks_are_counted_exactly_and_the_limits_hold() {
        let limits = Limits {
            rotate: 500,
            refuse: 1_000,
        };
        let mut given = Given::default();
        let mut take = |version, needed, wish, may| given.take(version, needed, wish, limits, may);
        assert_eq!(take(1, 1, 256, true).expect("given"), Grant::Uses(0..256));
        assert_eq!(take(1, 1, 256, true).expect("asked"), Grant::Rotate);
        assert_eq!(take(2, 1, 256, true).expect("given"), Grant::Uses(0..256));
        assert_eq!(
            take(1, 1, 700, false).expect("given"),
            Grant::Uses(256..956)
        );
        assert_eq!(
            take(1, 44, 64, false).expect("given"),
            Grant::Uses(956..1_000)
        );
        let error = take(1, 1, 1, false).expect_err("used up");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        given.trim(2);
        assert_eq!(given.versions, [(2, 256)]);
    }

    #[test]
    fn blocks_grow_to_a_bound() {
        let uses = Uses::new();
        assert_eq!(uses.wish(1), FIRST_BLOCK);
        assert_eq!(uses.wish(1_000), 1_024);
        for _ in 0..20 {
            uses.keep(Rest::new(0..0));
        }
        assert_eq!(uses.wish(1), LARGEST_BLOCK);
    }
}
