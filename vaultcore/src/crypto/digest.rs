//! SHA-256 of framed fields.

use ring::digest;

/// Returns the SHA-256 of `fields`, each after its length as four bytes, big endian, so that no
/// two lists of fields are hashed alike.
pub(crate) fn sha256(fields: &[&[u8]]) -> [u8; 32] {
    let hash = hash(fields);
    vaultcore_os::scrub_stack(); // ring's context held the last block of the input
    hash
}

#[inline(never)] // so that its frame lies where the scrubbing reaches
fn hash(fields: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for field in fields {
        // No field comes near 4 GiB.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        context.update(&length.to_be_bytes());
        context.update(field);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn fields_are_framed() {
        // printf '\0\0\0\3abc' | sha256sum
        let expected = "d04b72a650ce0f8ce4963330a53ee283";
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
        assert_ne!(sha256(&[b""]), sha256(&[]));
        assert_eq!(&HEXLOWER.encode(&sha256(&[b"abc"]))[..32], expected);
    }
}
