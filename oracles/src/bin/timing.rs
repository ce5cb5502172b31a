//! Looks for time that depends on secrets, in the manner of dudect: inputs of two classes, one
//! fixed and one random, come in random order, and Welch's t-test tells whether their times differ.
//!
//! `cargo run --release --manifest-path oracles/Cargo.toml --bin timing [samples]` fails if a
//! probe has |t| >= 5 in three of three runs, or if the control, which leaks on purpose, does not
//! reach 100. It wants a machine that is not too busy. Passing is evidence, not proof.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use vaultcore_oracles::{combine, inverse, mul, random};

const SAMPLES: usize = 1_000_000;
const RUNS: usize = 3;
/// Calls a sample: one alone is too short for the clock.
const REPEATS: usize = 16;
/// Inputs made before any of them is timed.
const BATCH: usize = 2_000;
/// |t| from which the times differ.
const DIFFERENT: f64 = 5.0;
/// |t| that the control has to exceed.
const LEAKING: f64 = 100.0;
/// The parts of all samples, shortest first, that are looked at; the longest are interruptions.
const CROPS: [f64; 2] = [0.9, 0.99];

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("the times of a debug build say nothing: use --release");
        return ExitCode::from(2);
    }
    let given = env::args().nth(1).map(|text| text.parse());
    let Ok(samples) = given.unwrap_or(Ok(SAMPLES)) else {
        eprintln!("expected the number of samples");
        return ExitCode::from(2);
    };
    let outcomes = [
        is_constant("mul, zero or any", || {
            test(samples, zero_pair, |[a, b]| mul(*a, *b))
        }),
        is_constant("mul, all ones or any", || {
            test(samples, ones_pair, |[a, b]| mul(*a, *b))
        }),
        is_constant("inverse, zero or any", || {
            test(samples, zero_byte, |[a]| inverse(*a))
        }),
        is_constant("inverse, one or any", || {
            test(samples, one_byte, |[a]| inverse(*a))
        }),
        is_constant("combine, zero or any", || {
            test(samples, zero_shares, combine_all)
        }),
        leaks("control: mul that stops early", || {
            test(samples, zero_pair, leaky_mul)
        }),
    ];
    ExitCode::from(u8::from(outcomes.contains(&false)))
}

fn is_constant(name: &str, run: impl Fn() -> f64) -> bool {
    let found = show(name, run);
    let passed = found.iter().any(|t| t.abs() < DIFFERENT);
    println!(
        "{}",
        if passed {
            ""
        } else {
            "  <- FAILED: time depends on the secret"
        }
    );
    passed
}

fn leaks(name: &str, run: impl Fn() -> f64) -> bool {
    let found = show(name, run);
    let passed = found.iter().all(|t| t.abs() > LEAKING);
    println!(
        "{}",
        if passed {
            "  (caught)"
        } else {
            "  <- FAILED: the test is blind"
        }
    );
    passed
}

fn show(name: &str, run: impl Fn() -> f64) -> [f64; RUNS] {
    print!("{name:32}");
    [(); RUNS].map(|()| {
        let t = run();
        print!(" t = {t:8.2}");
        t
    })
}

fn zero_pair() -> [u8; 2] {
    [0; 2]
}

fn ones_pair() -> [u8; 2] {
    [0xff; 2]
}

fn zero_byte() -> [u8; 1] {
    [0]
}

fn one_byte() -> [u8; 1] {
    [1]
}

/// The y bytes of three shares of 32 bytes.
fn zero_shares() -> [u8; 96] {
    [0; 96]
}

/// Combines shares whose x never changes: the place of a share is no secret.
fn combine_all(values: &[u8; 96]) -> u8 {
    let mut shares = [[0; 33]; 3];
    for ((share, ys), x) in shares
        .iter_mut()
        .zip(values.chunks_exact(32))
        .zip([0x53, 0xca, 7])
    {
        share[..32].copy_from_slice(ys);
        share[32] = x;
    }
    combine(&shares)[0]
}

/// The planted fault: the schoolbook loop, which ends with the last bit and branches on each.
fn leaky_mul([a, b]: &[u8; 2]) -> u8 {
    let (mut a, mut b, mut product) = (*a, *b, 0);
    while black_box(b) != 0 {
        if black_box(b & 1) == 1 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}

/// Times `call` and returns the t of the largest size.
fn test<const N: usize>(samples: usize, fixed: fn() -> [u8; N], call: fn(&[u8; N]) -> u8) -> f64 {
    let mut source = Source::new();
    let mut times = Times::default();
    for _ in 0..samples.div_ceil(BATCH) {
        let inputs: Vec<(bool, [u8; N])> = (0..BATCH).map(|_| source.input(fixed)).collect();
        // All are timed before any is sorted by its class, lest that branch disturb the next.
        let timed: Vec<f64> = inputs.iter().map(|(_, input)| time(input, call)).collect();
        for ((is_fixed, _), time) in inputs.iter().zip(timed) {
            times.of(*is_fixed).push(time);
        }
    }
    let found = CROPS.map(|crop| times.t(crop));
    found
        .into_iter()
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        .unwrap_or(0.0)
}

/// Returns nanoseconds.
#[allow(clippy::disallowed_methods)] // a stopwatch
#[inline(never)]
fn time<const N: usize>(input: &[u8; N], call: fn(&[u8; N]) -> u8) -> f64 {
    let begun = Instant::now();
    for _ in 0..REPEATS {
        black_box(call(black_box(input)));
    }
    begun.elapsed().as_nanos() as f64
}

/// Quick random numbers (SplitMix64), seeded by the system.
struct Source(u64);

impl Source {
    fn new() -> Self {
        let mut seed = [0; 8];
        random(&mut seed);
        Self(u64::from_le_bytes(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Makes an input of either class with the same work.
    fn input<const N: usize>(&mut self, fixed: fn() -> [u8; N]) -> (bool, [u8; N]) {
        let is_fixed = self.next() & 1 == 1;
        let any = [(); N].map(|()| self.next() as u8);
        (is_fixed, if is_fixed { fixed() } else { any })
    }
}

#[derive(Default)]
struct Times {
    fixed: Vec<f64>,
    any: Vec<f64>,
}

impl Times {
    fn of(&mut self, is_fixed: bool) -> &mut Vec<f64> {
        if is_fixed {
            &mut self.fixed
        } else {
            &mut self.any
        }
    }

    /// Returns Welch's t of the shortest samples, `crop` of them all.
    fn t(&self, crop: f64) -> f64 {
        let mut all = [self.fixed.as_slice(), &self.any].concat();
        all.sort_unstable_by(f64::total_cmp);
        let limit = all[((all.len() - 1) as f64 * crop) as usize];
        let (fixed, any) = (
            Moments::new(&self.fixed, limit),
            Moments::new(&self.any, limit),
        );
        let error = (fixed.variance / fixed.count + any.variance / any.count).sqrt();
        (fixed.mean - any.mean) / error.max(f64::MIN_POSITIVE)
    }
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn new(times: &[f64], limit: f64) -> Self {
        let kept = || times.iter().filter(|&&time| time <= limit);
        let count = kept().count().max(2) as f64;
        let mean = kept().sum::<f64>() / count;
        let variance = kept().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self {
            count,
            mean,
            variance,
        }
    }
}
