//! The texts of ciphertexts, MACs and signatures: `vault:v<version>:<base64>`.

use data_encoding::{BASE64, Encoding};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What a text says: the version of the key, and base64 that was not decoded yet.
pub(super) struct Parsed<'t> {
    pub(super) version: u32,
    pub(super) body: &'t str,
}

/// Returns `bytes` as the text of key version `version`.
pub(super) fn compose(version: u32, bytes: &[u8], encoding: &Encoding) -> String {
    let length = encoding.encode_len(bytes.len());
    let mut text = String::with_capacity(length.saturating_add(20));
    text.push_str("vault:v");
    push_number(&mut text, version);
    text.push(':');
    encoding.encode_append(bytes, &mut text);
    text
}

fn push_number(text: &mut String, number: u32) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    // A digit, so it always fits.
    text.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}

/// Splits the text of a ciphertext. The version 0, which Vault wrote at its very beginning, is 1.
pub(super) fn parse_ciphertext(text: &str) -> Option<Parsed<'_>> {
    let parsed = parse(text)?;
    Some(Parsed {
        version: parsed.version.max(1),
        ..parsed
    })
}

/// Splits a text. A version has one spelling.
pub(super) fn parse(text: &str) -> Option<Parsed<'_>> {
    let (version, body) = text.strip_prefix("vault:v")?.split_once(':')?;
    let plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (version == "0" || !version.starts_with('0'));
    let version: u32 = version.parse().ok().filter(|_| plain)?;
    Some(Parsed { version, body })
}

/// Decodes standard base64.
pub(super) fn decode(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode_as(&BASE64, body)
}

pub(super) fn decode_as(encoding: &Encoding, body: &str) -> Option<Zeroizing<Vec<u8>>> {
    let length = encoding.decode_len(body.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    let length = encoding.decode_mut(body.as_bytes(), &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Decodes the base64 of a field of a request.
pub(super) fn field(name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>> {
    decode(text).ok_or_else(|| Error::invalid(format!("the field `{name}` is not base64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for version in [1, 9, 10, 4_294_967_295] {
            let text = compose(version, b"bytes", &BASE64);
            assert_eq!(text, format!("vault:v{version}:Ynl0ZXM="));
            let parsed = parse(&text).expect("parses");
            assert_eq!(parsed.version, version);
            assert_eq!(decode(parsed.body).expect("base64").as_slice(), b"bytes");
        }
        assert_eq!(parse_ciphertext("vault:v0:").expect("old").version, 1);
        assert_eq!(parse("vault:v0:").expect("told").version, 0);
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "vault:",
            "vault:v",
            "vault:v1",
            "vault:v:",
            "vault:v-1:",
            "vault:v+1:",
            "vault:v4294967296:",
            "Vault:v1:",
            " vault:v1:",
            "vault:1:",
            "vault:vx:",
            "vault:v01:",
            "vault:v00:",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        for bad in ["A", "A===", "Ynl0ZXM", "Ynl0ZX-=", "Ynl0ZXN="] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }
}
