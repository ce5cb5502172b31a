//! The field GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (0x11B), which AES and Vault's shares use.
//!
//! Addition is `^`. Nothing here branches on an operand or indexes by one, and there are no
//! tables: the time of a call does not depend on the values, not even through the caches.

/// What x^8 is congruent to: x^4 + x^3 + x + 1.
const REDUCTION: u8 = 0x1b;

/// Multiplies by shift and add, all eight steps always taken.
pub(crate) fn mul(a: u8, b: u8) -> u8 {
    let mut shifted = a; // a times x^bit
    let mut product = 0;
    for bit in 0..8 {
        product ^= shifted & mask(b >> bit);
        shifted = (shifted << 1) ^ (REDUCTION & mask(shifted >> 7));
    }
    product
}

/// Returns the multiplicative inverse, a^254; zero, which has none, yields zero.
pub(crate) fn inverse(a: u8) -> u8 {
    let mut square = a;
    let mut result = 1;
    for _ in 0..7 {
        square = mul(square, square); // a^2, a^4 .. a^128, whose exponents sum to 254
        result = mul(result, square);
    }
    result
}

/// Returns all ones if the lowest bit is set, else zero.
fn mask(bit: u8) -> u8 {
    0u8.wrapping_sub(bit & 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplies as polynomials and then divides, as one does on paper.
    fn reference(a: u8, b: u8) -> u8 {
        let mut wide = 0u32;
        for bit in 0..8 {
            if b & (1 << bit) != 0 {
                wide ^= u32::from(a) << bit;
            }
        }
        for bit in (8..16).rev() {
            if wide & (1 << bit) != 0 {
                wide ^= 0x11b << (bit - 8);
            }
        }
        u8::try_from(wide).expect("reduced")
    }

    #[test]
    fn all_products_agree_with_the_reference() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(mul(a, b), reference(a, b), "{a} * {b}");
            }
        }
    }

    #[test]
    fn every_inverse_is_one() {
        assert_eq!(inverse(0), 0);
        for a in 1..=255 {
            assert_eq!(reference(a, inverse(a)), 1, "{a}");
        }
    }

    #[test]
    fn the_example_of_fips_197_holds() {
        assert_eq!(mul(0x57, 0x83), 0xc1);
        assert_eq!(inverse(0x53), 0xca);
    }
}
