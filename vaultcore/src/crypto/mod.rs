//! All cryptography, behind one module, so that another library may take its place.
//!
//! ring does the work; what it lacks is in `extended`, by aws-lc, in builds with `crypto-ext`. Every
//! input made of several parts is framed: `u32 length | bytes` for each field, so that no two lists
//! of fields give the same bytes.

pub(crate) mod aead;
pub(crate) mod cipher;
pub(crate) mod der;
pub(crate) mod digest;
#[cfg(feature = "crypto-ext")]
pub(crate) mod extended;
#[cfg(not(feature = "crypto-ext"))]
#[path = "missing.rs"]
pub(crate) mod extended;
mod gf256;
pub(crate) mod hash;
pub(crate) mod kem;
pub(crate) mod mac;
pub(crate) mod pbkdf2;
pub(crate) mod rng;
pub(crate) mod shamir;
pub(crate) mod sign;

use vaultcore_os::LockedBox;
use zeroize::Zeroizing;

use crate::error::Result;

/// A raw 256-bit key for a moment, on the stack; wiped when dropped, but a move leaves a copy.
pub(crate) type RawKey = Zeroizing<[u8; 32]>;

/// A raw 256-bit key that stays: in locked memory, where a move copies a pointer.
pub(crate) type KeptKey = LockedBox<[u8; 32]>;

/// Copies `key` to where it may stay.
pub(crate) fn keep(key: &[u8; 32]) -> KeptKey {
    LockedBox::new_with(|| *key)
}

/// Draws a key.
pub(crate) fn random_key(source: &dyn rng::Random) -> Result<KeptKey> {
    LockedBox::try_fill(|bytes| source.fill(bytes))
}

/// Appends `field` with its length to `out`.
pub(crate) fn frame(out: &mut Vec<u8>, field: &[u8]) {
    // No field comes near 4 GiB: values are bounded at 1 MiB, paths at 2,600 bytes.
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(field);
}

/// Returns all `fields`, framed.
pub(crate) fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let size = fields
        .iter()
        .map(|field| field.len().saturating_add(4))
        .sum();
    let mut out = Vec::with_capacity(size);
    for field in fields {
        frame(&mut out, field);
    }
    out
}

/// Compares secrets in constant time; their lengths are not secret.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_tell_fields_apart() {
        assert_ne!(framed(&[b"ab", b"c"]), framed(&[b"a", b"bc"]));
        assert_ne!(framed(&[b"", b"a"]), framed(&[b"a", b""]));
        assert_eq!(framed(&[b"a"]), [0, 0, 0, 1, b'a']);
    }

    #[test]
    fn equal_compares_all() {
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }
}
