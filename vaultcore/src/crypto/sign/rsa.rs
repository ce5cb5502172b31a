//! What ring leaves unchecked of an RSA key: whether its exponents belong to it.

use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

use super::unfit;
use crate::crypto::der::{self, Reader};
use crate::crypto::rng::system;
use crate::error::Result;

/// Checks the exponents of `pair`, which ring made of `der`: a key whose signatures are wrong is
/// refused where it comes in, as OpenSSL and Go refuse it, and not where it is used.
///
/// # Errors
/// `InvalidArgument` if they are those of another key.
pub(super) fn check(pair: &RsaKeyPair, der: &[u8]) -> Result<()> {
    let exponents_fit = vaultcore_os::scrubbed(|| exponents_fit(der).unwrap_or_default());
    // ring verifies what it has signed with the parts of the exponent.
    let mut out = vec![0; pair.public().modulus_len()];
    let signed = pair.sign(&RSA_PKCS1_SHA256, &system(), &[], &mut out);
    match exponents_fit && signed.is_ok() {
        true => Ok(()),
        false => Err(unfit()),
    }
}

/// Returns whether the parts of the exponent, which sign, are its remainders.
fn exponents_fit(der: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(der).inside(der::SEQUENCE)?;
    let [_version, _modulus, _public] = numbers(&mut reader)?;
    let [exponent, p, q, exponent_p, exponent_q] = numbers(&mut reader)?;
    let fits = |prime: &[u8], part: &[u8]| {
        let mut before = Zeroizing::new(prime.to_vec());
        *before.last_mut()? &= !1; // the prime is odd
        let rest = remainder(exponent, &before);
        let start = rest.iter().position(|byte| *byte != 0)?;
        Some(rest.get(start..)? == part)
    };
    Some(fits(p, exponent_p)? && fits(q, exponent_q)?)
}

fn numbers<'d, const COUNT: usize>(reader: &mut Reader<'d>) -> Option<[&'d [u8]; COUNT]> {
    let mut numbers = [&[][..]; COUNT];
    for number in &mut numbers {
        *number = reader.number()?;
    }
    Some(numbers)
}

/// Divides as on paper, bit by bit; the result is as long as `modulus`, which is not zero.
fn remainder(number: &[u8], modulus: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut rest = Zeroizing::new(vec![0; modulus.len()]);
    for byte in number {
        for shift in (0..8).rev() {
            let carried = double(&mut rest, byte >> shift & 1);
            if carried || rest.as_slice() >= modulus {
                subtract(&mut rest, modulus);
            }
        }
    }
    rest
}

/// Doubles the number and adds `bit`; returns whether that was too long.
fn double(number: &mut [u8], bit: u8) -> bool {
    let mut carry = bit;
    for byte in number.iter_mut().rev() {
        let next = *byte >> 7;
        *byte = *byte << 1 | carry;
        carry = next;
    }
    carry == 1
}

/// Subtracts, and forgets what would be borrowed in front.
fn subtract(number: &mut [u8], other: &[u8]) {
    let mut borrow = false;
    for (byte, other) in number.iter_mut().zip(other).rev() {
        let (less, first) = byte.overflowing_sub(*other);
        let (less, second) = less.overflowing_sub(u8::from(borrow));
        *byte = less;
        borrow = first || second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_the_processor() {
        let numbers = [0, 1, 2, 255, 256, 257, 0x8000_0000, u64::MAX - 1, u64::MAX];
        for (number, modulus) in numbers.into_iter().flat_map(|number| {
            let moduli = numbers.into_iter().filter(|modulus| *modulus != 0);
            moduli.map(move |modulus| (number, modulus))
        }) {
            let modulus_bytes = modulus.to_be_bytes();
            let start = modulus_bytes.iter().position(|byte| *byte != 0);
            let rest = remainder(
                &number.to_be_bytes(),
                &modulus_bytes[start.expect("some")..],
            );
            let rest = rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            assert_eq!(rest, number % modulus, "{number} % {modulus}");
        }
    }
}
