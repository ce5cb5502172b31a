//! As much of DER (X.690) as keys are written in.

use zeroize::Zeroizing;

use crate::secret::SecretWriter;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The object identifiers of keys, without tag and length.
pub(crate) mod oid {
    pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    pub(crate) const ML_DSA_65: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12];
    pub(crate) const ML_KEM_768: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02];
}

/// Returns the value `content` under `tag`.
pub(crate) fn value(tag: u8, content: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = content
        .iter()
        .fold(0usize, |sum, part| sum.saturating_add(part.len()));
    let mut out = SecretWriter::with_capacity(length.saturating_add(6));
    out.push(&[tag]);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(&[short]),
        _ => {
            let bytes = length.to_be_bytes();
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            let bytes = bytes.get(start..).unwrap_or_default();
            // At most eight bytes hold a length.
            out.push(&[0x80 | u8::try_from(bytes.len()).unwrap_or(8)]);
            out.push(bytes);
        }
    }
    for part in content {
        out.push(part);
    }
    out.into_bytes()
}

/// Returns the non-negative number whose big-endian bytes are `bytes`.
pub(crate) fn number(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let start = bytes.iter().position(|byte| *byte != 0);
    match start.and_then(|start| bytes.get(start..)) {
        Some(significant) if significant.first().is_some_and(|byte| *byte >= 0x80) => {
            value(INTEGER, &[&[0], significant])
        }
        Some(significant) => value(INTEGER, &[significant]),
        None => value(INTEGER, &[&[0]]),
    }
}

/// A private key in PKCS#8 (RFC 5958).
pub(crate) struct Pkcs8<'b> {
    /// What names its algorithm.
    pub(crate) algorithm: Reader<'b>,
    pub(crate) key: &'b [u8],
    /// The public key, which the second version may have.
    pub(crate) public: Option<&'b [u8]>,
}

impl Pkcs8<'_> {
    /// Returns whether the public key beside the private one, if there is any, is `public`.
    pub(crate) fn is_of(&self, public: &[u8]) -> bool {
        self.public.is_none_or(|beside| beside == public)
    }
}

/// Reads a private key in PKCS#8; nothing that is not known may stand behind it.
pub(crate) fn pkcs8(der: &[u8]) -> Option<Pkcs8<'_>> {
    const ATTRIBUTES: u8 = 0xa0;
    const PUBLIC: u8 = 0x81;
    /// As some wrote it, ring among them: with the tag of the bit string left in.
    const PUBLIC_INSIDE: u8 = 0xa1;
    let mut reader = Reader::new(der);
    let mut outer = reader.inside(SEQUENCE)?;
    if !reader.is_empty() || outer.number()?.iter().any(|byte| *byte > 1) {
        return None;
    }
    let (algorithm, key) = (outer.inside(SEQUENCE)?, outer.read(OCTET_STRING)?);
    if outer.peek() == Some(ATTRIBUTES) {
        outer.read(ATTRIBUTES)?;
    }
    let public = match outer.peek() {
        Some(PUBLIC) => Some(whole_bytes(outer.read(PUBLIC)?)?),
        Some(PUBLIC_INSIDE) => Some(outer.inside(PUBLIC_INSIDE)?.bits()?),
        _ => None,
    };
    outer.is_empty().then_some(Pkcs8 {
        algorithm,
        key,
        public,
    })
}

/// Returns a public key as SubjectPublicKeyInfo (RFC 5280) under its algorithm's identifier.
pub(crate) fn spki(identifier: &[u8], public: &[u8]) -> Vec<u8> {
    let bits = value(BIT_STRING, &[&[0], public]);
    value(SEQUENCE, &[identifier, &bits]).to_vec()
}

/// Returns the public key inside SubjectPublicKeyInfo if it is under this identifier.
pub(crate) fn public_of_spki<'d>(identifier: &[u8], der: &'d [u8]) -> Option<&'d [u8]> {
    let mut reader = Reader::new(der);
    let mut outer = reader.inside(SEQUENCE)?;
    let expected = Reader::new(identifier).read(SEQUENCE)?;
    if !reader.is_empty() || outer.read(SEQUENCE)? != expected {
        return None;
    }
    outer.bits()
}

/// Reads values one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Returns the content of the next value, which must have `tag` and the shortest length.
    pub(crate) fn read(&mut self, tag: u8) -> Option<&'b [u8]> {
        let (found, rest) = self.0.split_first()?;
        if *found != tag {
            return None;
        }
        let (first, mut rest) = rest.split_first()?;
        let mut length = usize::from(*first);
        if length >= 0x80 {
            let count = length & 0x7f;
            if count == 0 || count > 4 {
                return None;
            }
            let (bytes, behind) = rest.split_at_checked(count)?;
            length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let shortest = length >= 0x80 && bytes.first() != Some(&0);
            if !shortest {
                return None;
            }
            rest = behind;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// Reads the values inside the next one, which must have `tag`.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(Self)
    }

    /// Returns the bytes of a number that is not negative, without a leading zero.
    pub(crate) fn number(&mut self) -> Option<&'b [u8]> {
        match self.read(INTEGER)? {
            [0] => Some(&[]),
            [0, rest @ ..] => rest
                .first()
                .is_some_and(|byte| *byte >= 0x80)
                .then_some(rest),
            [first, ..] if *first >= 0x80 => None,
            [] => None,
            bytes => Some(bytes),
        }
    }

    /// Returns the bytes of a bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Option<&'b [u8]> {
        whole_bytes(self.read(BIT_STRING)?)
    }
}

/// Returns the content of a bit string if it is whole bytes.
fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    match bits {
        [0, rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![0x5a; length];
            let written = value(OCTET_STRING, &[&content]);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.read(OCTET_STRING), Some(content.as_slice()));
            assert!(reader.is_empty());
        }
        for bytes in [&[][..], &[0], &[1], &[0x80], &[0, 0, 0xff, 1]] {
            let written = number(bytes);
            let start = bytes
                .iter()
                .position(|byte| *byte != 0)
                .unwrap_or(bytes.len());
            assert_eq!(Reader::new(&written).number(), Some(&bytes[start..]));
        }
    }

    #[test]
    fn pkcs8_holds_what_is_known_and_no_more() {
        let named = value(SEQUENCE, &[&value(OID, &[oid::ED25519])]);
        let key = value(OCTET_STRING, &[b"key"]);
        let with = |version: u8, behind: &[u8]| {
            value(SEQUENCE, &[&number(&[version]), &named, &key, behind])
        };
        let bits = value(BIT_STRING, &[&[0], b"public"]);
        let public = value(0x81, &[&[0], b"public"]);
        let inside = value(0xa1, &[&bits]);
        let attributes = value(0xa0, &[&value(SEQUENCE, &[])]);
        for behind in [&*public, &inside, &[&attributes[..], &public].concat()] {
            let bytes = with(1, behind);
            let read = pkcs8(&bytes).expect("reads");
            assert_eq!((read.key, read.public), (&b"key"[..], Some(&b"public"[..])));
            assert!(read.is_of(b"public") && !read.is_of(b"another"));
        }
        for behind in [&[][..], &attributes] {
            let bytes = with(0, behind);
            let read = pkcs8(&bytes).expect("reads");
            assert!(read.public.is_none() && read.is_of(b"any"));
        }
        let twice = [&public[..], &public].concat();
        let part = value(0x81, &[&[1], b"public"]);
        for behind in [&[0][..], &bits, &twice, &part, &value(0x82, &[b"x"])] {
            assert!(pkcs8(&with(1, behind)).is_none(), "{behind:?}");
        }
        assert!(pkcs8(&with(2, &[])).is_none());
    }

    #[test]
    fn what_is_not_der_is_refused() {
        let bad: [&[u8]; 8] = [
            &[],
            &[4],
            &[4, 2, 0],
            &[4, 0x80],
            &[4, 0x81, 0x7f],
            &[4, 0x82, 0, 0x80],
            &[4, 0x85, 0, 0, 0, 0, 1, 0],
            &[5, 0],
        ];
        for bytes in bad {
            assert_eq!(Reader::new(bytes).read(OCTET_STRING), None, "{bytes:?}");
        }
        for bytes in [&[2, 1, 0x80][..], &[2, 2, 0, 1], &[2, 0]] {
            assert_eq!(Reader::new(bytes).number(), None, "{bytes:?}");
        }
    }
}
