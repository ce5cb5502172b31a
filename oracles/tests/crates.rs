//! Two crates read our shares, and we read theirs. Both put x first.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use shamir::SecretData;
use vaultcore_oracles::{Case, combine, random, split};
use vsss_rs::Gf256;

const ROUNDS: usize = 1_000;

fn x_first(mut share: Vec<u8>) -> Vec<u8> {
    share.rotate_right(1);
    share
}

fn x_last(mut share: Vec<u8>) -> Vec<u8> {
    share.rotate_left(1);
    share
}

fn convert(shares: Vec<Vec<u8>>, how: fn(Vec<u8>) -> Vec<u8>) -> Vec<Vec<u8>> {
    shares.into_iter().map(how).collect()
}

struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        random(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        random(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        random(buffer);
        Ok(())
    }
}

impl TryCryptoRng for System {}

#[test]
fn vsss_reads_our_shares() {
    for _ in 0..ROUNDS {
        let case = Case::random();
        let shares = case.choose(split(&case.secret, case.shares, case.threshold));
        let found = Gf256::combine_array(convert(shares, x_first)).expect("combines");
        assert_eq!(found, case.secret, "{case:?}");
    }
}

#[test]
fn we_read_the_shares_of_vsss() {
    for _ in 0..ROUNDS {
        let case = Case::random();
        let (shares, threshold) = (usize::from(case.shares), usize::from(case.threshold));
        let shares = Gf256::split_array(threshold, shares, &case.secret, System).expect("splits");
        let found = combine(&case.choose(convert(shares, x_last)));
        assert_eq!(found, case.secret, "{case:?}");
    }
}

/// The crate `shamir` knows text only, so it gets hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn shamir_reads_our_shares() {
    for _ in 0..ROUNDS {
        let case = Case::random();
        let text = hex(&case.secret);
        let shares = case.choose(split(text.as_bytes(), case.shares, case.threshold));
        let found = SecretData::recover_secret(case.threshold, convert(shares, x_first));
        assert_eq!(found.as_ref(), Some(&text), "{case:?}");
    }
}

#[test]
fn we_read_the_shares_of_shamir() {
    for _ in 0..ROUNDS {
        let case = Case::random();
        let text = hex(&case.secret);
        let theirs = SecretData::with_secret(&text, case.threshold);
        let share = |x| theirs.get_share(x).expect("a share");
        let shares = convert((1..=case.shares).map(share).collect(), x_last);
        assert_eq!(combine(&case.choose(shares)), text.as_bytes(), "{case:?}");
    }
}

/// The planted faults: a changed byte, and shares that were not turned to put x first.
#[test]
fn a_wrong_share_is_noticed() {
    let case = Case::new(32, 5, 3);
    let mut shares = case.choose(split(&case.secret, case.shares, case.threshold));
    let unturned = Gf256::combine_array(&shares);
    assert_ne!(unturned.ok(), Some(case.secret.clone()));
    shares[1][7] ^= 1;
    let changed = Gf256::combine_array(convert(shares, x_first)).expect("combines");
    assert_ne!(changed, case.secret);
}
