//! PBKDF2 with HMAC-SHA256 (RFC 8018).

use std::num::NonZeroU32;

use ring::pbkdf2;

use super::RawKey;
use zeroize::Zeroizing;

/// Stretches `password` in `rounds` rounds.
pub(crate) fn stretch(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> RawKey {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        password,
        &mut *key,
    );
    vaultcore_os::scrub_stack(); // ring's context held the password, or a hash of it
    key
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 7914, section 11.
    #[test]
    fn it_matches_the_rfc() {
        let rounds = NonZeroU32::new(1).expect("one");
        let key = stretch(b"passwd", b"salt", rounds);
        let expected = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc";
        assert_eq!(HEXLOWER.encode(&*key), expected);
    }
}
