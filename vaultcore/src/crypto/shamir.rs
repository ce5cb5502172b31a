//! Shamir's secret sharing over GF(2^8), in the byte layout of Vault.
//!
//! Each byte of the secret is the value at zero of a random polynomial of its own. A share is the
//! values of all of them at one x, followed by that x: `y1 .. yn x`. Shares are not authenticated:
//! wrong ones combine to a wrong secret, which the caller has to notice.
//!
//! The time taken depends on the number of shares, their length and their x, never on y or secret.

use zeroize::Zeroizing;

use super::gf256;
use super::rng::{self, Random};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretBytes;

/// Blocks of 256 random bytes to draw x from. With a sound source, all 255 values turn up within
/// them but for a chance of 2^-84.
const MAX_BLOCKS: usize = 64;

/// Splits `secret` into as many `shares`, any `threshold` of which yield it again.
///
/// # Errors
/// `InvalidArgument` for an empty secret, or unless 2 <= threshold <= shares; `Unavailable` if
/// `random` failed, or repeats itself.
pub(crate) fn split(
    secret: &[u8],
    shares: u8,
    threshold: u8,
    random: &dyn Random,
) -> Result<Vec<SecretBytes>> {
    check_split(secret, shares, threshold)?;
    let mut drafts = draw_drafts(shares, secret.len().saturating_add(1), random)?;
    let mut coefficients = Zeroizing::new(vec![0; usize::from(threshold).saturating_sub(1)]);
    for byte in secret {
        // Uniform over 0..=255: a coefficient that is never zero tells that one value is wrong
        // for the secret, and enough sharings then tell the secret.
        random.fill(&mut coefficients)?;
        for draft in &mut drafts {
            let y = evaluate(*byte, &coefficients, draft.x);
            draft.bytes.push(y);
        }
    }
    Ok(drafts.into_iter().map(Draft::finish).collect())
}

/// Combines `shares` to the secret, which is the right one only if they are of one sharing and
/// at least as many as its threshold.
///
/// # Errors
/// `InvalidArgument` for fewer than two shares, a share given twice, shares of different lengths,
/// and shares that no split makes. Shares are named by their place, from 1.
pub(crate) fn combine(shares: &[&[u8]]) -> Result<SecretBytes> {
    let points = parse(shares)?;
    let length = points.first().map_or(0, |point| point.values.len());
    let mut secret = Zeroizing::new(vec![0; length]);
    for point in &points {
        let weight = weight_at_zero(point.x, &points);
        for (byte, y) in secret.iter_mut().zip(point.values) {
            *byte ^= gf256::mul(weight, *y);
        }
    }
    Ok(SecretBytes::from(std::mem::take(&mut *secret)))
}

/// A share in the making: its x, and the values so far.
struct Draft {
    x: u8,
    bytes: Zeroizing<Vec<u8>>,
}

impl Draft {
    fn new(x: u8, length: usize) -> Self {
        let bytes = Zeroizing::new(Vec::with_capacity(length));
        Self { x, bytes }
    }

    fn finish(mut self) -> SecretBytes {
        self.bytes.push(self.x);
        SecretBytes::from(std::mem::take(&mut *self.bytes))
    }
}

fn check_split(secret: &[u8], shares: u8, threshold: u8) -> Result<()> {
    if secret.is_empty() {
        return Err(Error::invalid("an empty secret is not split"));
    }
    if threshold < 2 || shares < threshold {
        return Err(Error::invalid(format!(
            "a split needs 2 <= threshold <= shares <= 255, not threshold {threshold} of {shares}"
        )));
    }
    Ok(())
}

/// Draws a distinct x for each share, by rejection so that all are equally likely.
fn draw_drafts(shares: u8, length: usize, random: &dyn Random) -> Result<Vec<Draft>> {
    let mut drafts: Vec<Draft> = Vec::with_capacity(usize::from(shares));
    for _ in 0..MAX_BLOCKS {
        let block = Zeroizing::new(rng::random::<256>(random)?);
        for &x in block.iter() {
            if x != 0 && drafts.iter().all(|draft| draft.x != x) {
                drafts.push(Draft::new(x, length));
            }
            if drafts.len() == usize::from(shares) {
                return Ok(drafts);
            }
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "the random source is broken: it repeats itself",
    ))
}

/// Returns the value at `x` of the polynomial with this constant and these coefficients, of which
/// the first belongs to x^1.
fn evaluate(constant: u8, coefficients: &[u8], x: u8) -> u8 {
    let add = |sum: u8, coefficient: &u8| gf256::mul(sum ^ coefficient, x);
    coefficients.iter().rev().fold(0, add) ^ constant
}

/// A share taken apart.
struct Point<'a> {
    x: u8,
    values: &'a [u8],
}

fn parse<'a>(shares: &[&'a [u8]]) -> Result<Vec<Point<'a>>> {
    if shares.len() < 2 {
        return Err(Error::invalid("at least two shares are needed to combine"));
    }
    let mut points: Vec<Point<'a>> = Vec::with_capacity(shares.len());
    for share in shares {
        let place = points.len().saturating_add(1);
        let point = parse_one(share, place)?;
        check_beside(&point, &points, place)?;
        points.push(point);
    }
    Ok(points)
}

fn parse_one(share: &[u8], place: usize) -> Result<Point<'_>> {
    match share.split_last() {
        Some((0, _)) => Err(Error::invalid(format!(
            "share {place} is not valid: its last byte, x, is zero"
        ))),
        Some((&x, values)) if !values.is_empty() => Ok(Point { x, values }),
        _ => Err(Error::invalid(format!(
            "share {place} is too short: a share has two bytes at least"
        ))),
    }
}

/// Checks a share against those before it.
fn check_beside(point: &Point<'_>, before: &[Point<'_>], place: usize) -> Result<()> {
    if let Some(twin) = before.iter().position(|other| other.x == point.x) {
        let twin = twin.saturating_add(1);
        return Err(Error::invalid(format!(
            "shares {twin} and {place} have the same x: one was given twice, or they are of \
             different sharings"
        )));
    }
    match before.first() {
        Some(first) if first.values.len() != point.values.len() => Err(Error::invalid(format!(
            "share {place} differs from share 1 in length: they are of different secrets"
        ))),
        _ => Ok(()),
    }
}

/// Returns what Lagrange's interpolation at zero multiplies the values at `x` by: the product of
/// other / (other - x).
fn weight_at_zero(x: u8, points: &[Point<'_>]) -> u8 {
    let others = || {
        points
            .iter()
            .map(|point| point.x)
            .filter(|&other| other != x)
    };
    let above = others().fold(1, gf256::mul);
    let below = others().fold(1, |product, other| gf256::mul(product, other ^ x));
    gf256::mul(above, gf256::inverse(below))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::crypto::rng::OsRandom;

    /// A sound source that yields the same bytes in each run (SplitMix64).
    struct Seeded(AtomicU64);

    impl Seeded {
        fn new(seed: u64) -> Self {
            Self(AtomicU64::new(seed))
        }

        fn byte(&self) -> u8 {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)).to_le_bytes()[0]
        }
    }

    impl Random for Seeded {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            buffer.fill_with(|| self.byte());
            Ok(())
        }
    }

    /// The planted fault: it never yields zero, as the coefficients of the crate `sharks` did not.
    struct NeverZero(Seeded);

    impl Random for NeverZero {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            let nonzero = || loop {
                match self.0.byte() {
                    0 => {}
                    byte => return byte,
                }
            };
            buffer.fill_with(nonzero);
            Ok(())
        }
    }

    /// Yields the same byte always.
    struct Stuck(u8);

    impl Random for Stuck {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            buffer.fill(self.0);
            Ok(())
        }
    }

    struct Failing;

    impl Random for Failing {
        fn fill(&self, _: &mut [u8]) -> Result<()> {
            Err(Error::new(ErrorKind::Unavailable, "no randomness today"))
        }
    }

    fn pick<'a>(shares: &'a [SecretBytes], places: &[usize]) -> Vec<&'a [u8]> {
        places.iter().map(|&place| shares[place].expose()).collect()
    }

    fn combined(shares: &[SecretBytes], places: &[usize]) -> Vec<u8> {
        let secret = combine(&pick(shares, places)).expect("combines");
        secret.expose().to_vec()
    }

    fn refusal(shares: &[&[u8]]) -> String {
        let error = combine(shares).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    }

    /// Returns all subsets of `0..count` with `size` members.
    fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
        (0..1usize << count)
            .map(|bits| (0..count).filter(|place| bits >> place & 1 == 1).collect())
            .filter(|places: &Vec<usize>| places.len() == size)
            .collect()
    }

    #[test]
    fn the_layout_is_that_of_vault() {
        let shares = split(&[7; 32], 5, 3, &OsRandom).expect("splits");
        let mut seen: Vec<u8> = shares.iter().map(|share| share.expose()[32]).collect();
        assert!(shares.iter().all(|share| share.len() == 33));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
        assert!(!seen.contains(&0));
    }

    #[test]
    fn known_shares_combine() {
        // On paper: the polynomial 0x2a + 3x has the values 0x29 at 1 and 0x2c at 2.
        let secret = combine(&[&[0x29, 1], &[0x2c, 2]]).expect("combines");
        assert_eq!(secret.expose(), [0x2a]);
    }

    #[test]
    fn every_subset_of_three_of_five_recovers() {
        let secret = *b"an unseal key of thirty-two byte";
        let shares = split(&secret, 5, 3, &OsRandom).expect("splits");
        for size in 3..=5 {
            for places in subsets(5, size) {
                assert_eq!(combined(&shares, &places), secret, "{places:?}");
            }
        }
        for places in subsets(5, 2) {
            assert_ne!(combined(&shares, &places), secret, "{places:?}");
        }
    }

    #[test]
    fn five_of_ten_recovers_and_four_do_not() {
        let secret = [0; 32];
        let shares = split(&secret, 10, 5, &OsRandom).expect("splits");
        for places in [
            [0, 1, 2, 3, 4],
            [5, 6, 7, 8, 9],
            [9, 0, 4, 2, 7],
            [8, 6, 5, 3, 1],
        ] {
            assert_eq!(combined(&shares, &places), secret);
            assert_ne!(combined(&shares, &places[1..]), secret);
        }
    }

    #[test]
    fn all_255_shares_can_be_made() {
        for threshold in [2, 100, 255] {
            let shares = split(b"s", 255, threshold, &OsRandom).expect("splits");
            let places: Vec<usize> = (0..usize::from(threshold)).collect();
            assert_eq!(combined(&shares, &places), b"s");
        }
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (shares, threshold) in [(0, 0), (1, 1), (5, 0), (5, 1), (5, 6), (0, 2), (1, 2)] {
            let error = split(b"secret", shares, threshold, &OsRandom).expect_err("refused");
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidArgument,
                "{threshold} of {shares}"
            );
        }
        assert!(split(b"", 5, 3, &OsRandom).is_err());
    }

    #[test]
    fn a_broken_source_ends_in_an_error() {
        for source in [&Stuck(0) as &dyn Random, &Stuck(9), &Failing] {
            let error = split(b"secret", 5, 3, source).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
    }

    #[test]
    fn bad_shares_are_named() {
        let good: &[u8] = &[1, 2, 3];
        assert!(refusal(&[]).contains("at least two"));
        assert!(refusal(&[good]).contains("at least two"));
        assert!(refusal(&[good, &[4, 5, 6], good]).contains("shares 1 and 3"));
        assert!(refusal(&[good, &[9, 9, 3]]).contains("same x"));
        assert!(refusal(&[good, &[4, 5, 6, 7]]).contains("share 2 differs"));
        assert!(refusal(&[good, &[4, 5, 0]]).contains("x, is zero"));
        assert!(refusal(&[&[], good]).contains("share 1 is too short"));
        assert!(refusal(&[good, &[4]]).contains("share 2 is too short"));
    }

    #[test]
    fn a_wrong_byte_changes_that_byte_alone() {
        let shares = split(&[1, 2, 3, 4], 3, 3, &OsRandom).expect("splits");
        let mut bad = shares[1].expose().to_vec();
        bad[2] ^= 0x40;
        let secret = combine(&[shares[0].expose(), &bad, shares[2].expose()]).expect("combines");
        let wrong: Vec<bool> = [1, 2, 3, 4]
            .iter()
            .zip(secret.expose())
            .map(|(a, b)| a != b)
            .collect();
        assert_eq!(wrong, [false, false, true, false]);
    }

    /// Returns the highest coefficient of each polynomial, from exactly threshold shares.
    fn highest_coefficients(shares: &[SecretBytes]) -> Vec<u8> {
        let length = shares[0].len() - 1;
        let x = |share: &SecretBytes| share.expose()[length];
        let mut sums = vec![0; length];
        for share in shares {
            let others = shares.iter().filter(|other| x(other) != x(share));
            let below = others.fold(1, |product, other| gf256::mul(product, x(other) ^ x(share)));
            for (sum, y) in sums.iter_mut().zip(share.expose()) {
                *sum ^= gf256::mul(*y, gf256::inverse(below));
            }
        }
        sums
    }

    fn chi_square(bytes: &[u8]) -> f64 {
        let mut counts = [0u32; 256];
        for &byte in bytes {
            counts[usize::from(byte)] += 1;
        }
        let expected = bytes.len() as f64 / 256.0;
        let term = |&count: &u32| (f64::from(count) - expected).powi(2) / expected;
        counts.iter().map(term).sum()
    }

    /// With 255 degrees of freedom, a uniform source is within these bounds but for 1 in 10,000.
    fn looks_uniform(bytes: &[u8]) -> bool {
        assert!(bytes.len() > 256 * 300, "too few to tell");
        (175.0..350.0).contains(&chi_square(bytes))
    }

    /// Returns the highest coefficients, and the y bytes, of many sharings of one secret.
    fn samples(threshold: u8, random: &dyn Random) -> (Vec<u8>, Vec<u8>) {
        let (mut coefficients, mut values) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let shares = split(&[0x5a; 512], threshold, threshold, random).expect("splits");
            coefficients.extend(highest_coefficients(&shares));
            values.extend_from_slice(&shares[0].expose()[..512]);
        }
        (coefficients, values)
    }

    #[test]
    fn coefficients_and_values_are_uniform() {
        for threshold in [2, 3] {
            let (coefficients, values) = samples(threshold, &Seeded::new(1));
            assert!(
                looks_uniform(&coefficients),
                "{}",
                chi_square(&coefficients)
            );
            assert!(looks_uniform(&values), "{}", chi_square(&values));
        }
    }

    #[test]
    fn a_biased_source_is_caught() {
        let (coefficients, values) = samples(2, &NeverZero(Seeded::new(1)));
        assert!(!looks_uniform(&coefficients));
        assert!(!looks_uniform(&values));
        let (coefficients, _) = samples(3, &NeverZero(Seeded::new(1)));
        assert!(!looks_uniform(&coefficients));
    }

    #[test]
    fn every_x_is_equally_likely() {
        let source = Seeded::new(2);
        let draw = |_| draw_drafts(200, 1, &source).expect("draws");
        let xs: Vec<u8> = (0..500).flat_map(draw).map(|draft| draft.x).collect();
        let counts = (1..=255).map(|x| xs.iter().filter(|&&other| other == x).count());
        // Each is drawn 392 times on average, with a standard deviation of 9.
        assert!(counts.into_iter().all(|count| (330..455).contains(&count)));
    }

    proptest! {
        #[test]
        fn splits_combine(
            secret in proptest::collection::vec(any::<u8>(), 1..80),
            (shares, threshold) in (2u8..40).prop_flat_map(|shares| (Just(shares), 2..=shares)),
        ) {
            let parts = split(&secret, shares, threshold, &OsRandom).expect("splits");
            let last = usize::from(shares - threshold)..usize::from(shares);
            prop_assert_eq!(combined(&parts, &last.collect::<Vec<_>>()), secret);
        }

        #[test]
        fn any_bytes_combine_or_are_refused(
            shares in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4), 0..6),
        ) {
            let shares: Vec<&[u8]> = shares.iter().map(Vec::as_slice).collect();
            let _ = combine(&shares);
        }
    }
}
