//! The ratio harness: sides run in turn, round by round, and a ratio is taken within each round,
//! because the clock drifts by a third between runs and other work comes and goes.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Quick,
    Usual,
    /// Also what takes minutes: a million secrets, a cold build.
    Full,
}

impl Extent {
    /// Returns how long each side is measured in all.
    fn budget(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(200),
            Self::Usual => Duration::from_secs(1),
            Self::Full => Duration::from_secs(2),
        }
    }
}

/// How long a side runs in one round: short, so that most rounds are disturbed by nobody.
const SLICE: Duration = Duration::from_millis(5);
/// The same for a side that starts threads.
const THREADS_SLICE: Duration = Duration::from_millis(50);
/// The fewest operations of a side in one round: the first finds the processor's caches as the
/// other side left them.
const FEWEST: u64 = 16;
/// The fewest rounds whose median means something.
const ROUNDS: u64 = 7;

/// One side of a comparison.
pub(crate) struct Side<'a> {
    work: Box<dyn FnMut(u64) + 'a>,
    /// The operations of a round are a multiple of this.
    threads: u64,
    slice: Duration,
}

impl<'a> Side<'a> {
    /// A side of one thread: `operation` is called once for each operation.
    pub(crate) fn new(mut operation: impl FnMut() + 'a) -> Self {
        let work = move |count| (0..count).for_each(|_| operation());
        Self {
            work: Box::new(work),
            threads: 1,
            slice: SLICE,
        }
    }

    /// A side that is told how many operations to do, by a way that costs something itself.
    pub(crate) fn batch(work: impl FnMut(u64) + 'a) -> Self {
        Self {
            work: Box::new(work),
            threads: 1,
            slice: THREADS_SLICE,
        }
    }

    /// A side of `threads` threads, which share the operations; each is told its number.
    pub(crate) fn threads(threads: u64, operation: impl Fn(u64) + Sync + 'a) -> Self {
        let work = move |count: u64| {
            let share = count / threads;
            thread::scope(|scope| {
                for number in 0..threads {
                    let operation = &operation;
                    scope.spawn(move || (0..share).for_each(|_| operation(number)));
                }
            });
        };
        Self {
            work: Box::new(work),
            threads,
            slice: THREADS_SLICE,
        }
    }

    /// Runs for `slice` in each round.
    pub(crate) fn slice(mut self, slice: Duration) -> Self {
        self.slice = slice;
        self
    }

    /// Returns how long `count` operations take. What a single thread waits for a processor that
    /// other programs have is left out; what it waits for itself is not.
    #[allow(
        clippy::disallowed_methods,
        reason = "what a bench measures is not the vault's time"
    )]
    fn time(&mut self, count: u64) -> Duration {
        let waited = crowded_out();
        let begun = Instant::now();
        (self.work)(count);
        let took = begun.elapsed();
        match self.threads {
            1 => took.saturating_sub(crowded_out().saturating_sub(waited)),
            _ => took,
        }
    }

    /// Warms up, and returns how many operations fill `slice`.
    fn fill(&mut self, slice: Duration) -> u64 {
        let mut count = self.threads;
        loop {
            // The best of three: a pause of the machine must not pass for slowness.
            let took = (0..3).map(|_| self.time(count)).min().unwrap_or_default();
            if took * 4 >= slice {
                let fitting = count as f64 * slice.as_secs_f64() / took.as_secs_f64();
                let count = (fitting as u64).max(FEWEST);
                return count.div_ceil(self.threads) * self.threads;
            }
            count *= 2;
        }
    }
}

/// Returns how long this thread has been able to run while others did, as Linux counts it; zero
/// where that is not counted.
fn crowded_out() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().nth(1);
    Duration::from_nanos(nanos.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Nanoseconds of each operation, of all sides in each round.
pub(crate) struct Race {
    rounds: Vec<Vec<f64>>,
}

/// The median of the ratios of all rounds, and the middle half of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Runs `sides` in turn: A B C, A B C, ..
pub(crate) fn race(extent: Extent, sides: &mut [Side<'_>]) -> Race {
    let slice = sides.iter().map(|side| side.slice).max().unwrap_or(SLICE);
    let counts: Vec<u64> = sides.iter_mut().map(|side| side.fill(slice)).collect();
    let mut round = || {
        let timed = sides.iter_mut().zip(&counts);
        let each = timed.map(|(side, count)| side.time(*count).as_nanos() as f64 / *count as f64);
        each.collect::<Vec<f64>>()
    };
    let warm = round();
    let longest = warm.iter().zip(&counts);
    let longest = longest.map(|(nanos, count)| nanos * *count as f64);
    let longest = longest.fold(1.0, f64::max);
    let rounds = (extent.budget().as_nanos() as f64 / longest) as u64;
    let rounds = (0..rounds.max(ROUNDS)).map(|_| round()).collect();
    Race { rounds }
}

impl Race {
    /// Returns the median time of side `side`, in nanoseconds.
    pub(crate) fn nanos(&self, side: usize) -> f64 {
        quantile(self.of(|round| round[side]), 0.5)
    }

    /// Returns how many times as fast as `theirs` the side `ours` is.
    pub(crate) fn speed(&self, ours: usize, theirs: usize) -> Ratio {
        self.ratio(|round| round[theirs] / round[ours])
    }

    /// Returns the ratio that `of` makes of the times of each round.
    pub(crate) fn ratio(&self, of: impl Fn(&[f64]) -> f64) -> Ratio {
        let all = self.of(of);
        Ratio {
            median: quantile(all.clone(), 0.5),
            low: quantile(all.clone(), 0.25),
            high: quantile(all, 0.75),
        }
    }

    fn of(&self, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        self.rounds.iter().map(|round| of(round)).collect()
    }
}

pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1)) as f64 * part;
    values.get(at.round() as usize).copied().unwrap_or(f64::NAN)
}

/// Numbers that look random, the same in each run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1)
    }

    /// Returns the next number (splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let fresh = self.next().to_le_bytes();
            chunk.copy_from_slice(&fresh[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A side that is made slower is found to be so: without this, no ratio says anything.
    #[test]
    fn a_planted_delay_is_seen() {
        let spin = |turns: u64| {
            let mut dice = Dice::new(1);
            for _ in 0..turns {
                std::hint::black_box(dice.next());
            }
        };
        let mut sides = [Side::new(|| spin(1_000)), Side::new(|| spin(4_000))];
        let ratio = race(Extent::Quick, &mut sides).speed(0, 1);
        assert!((2.0..8.0).contains(&ratio.median), "{ratio:?}");
    }

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let values = vec![5.0, 1.0, 3.0, 2.0, 4.0];
        let at = |part| quantile(values.clone(), part);
        assert_eq!((at(0.25), at(0.5), at(0.75)), (2.0, 3.0, 4.0));
    }
}
