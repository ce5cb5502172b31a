//! The texts of ciphertexts, MACs and signatures: `vault:v<version>:<base64>`.

use base64_simd::{AsOut, STANDARD};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What a text says: the version of the key, and base64 that was not decoded yet.
pub(super) struct Parsed<'t> {
    pub(super) version: u32,
    pub(super) body: &'t str,
}

/// How bytes are written behind the version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base64 {
    /// With padding, as most are.
    Standard,
    /// Safe in URLs, without padding: signatures as JSON Web Signatures have them.
    Url,
}

const PREFIX: &str = "vault:v";

/// Returns `bytes` as the text of key version `version`.
pub(super) fn compose(version: u32, bytes: &[u8], form: Base64) -> String {
    let body = match form {
        Base64::Standard => STANDARD.encoded_length(bytes.len()),
        Base64::Url => BASE64URL_NOPAD.encode_len(bytes.len()),
    };
    let digits = version.checked_ilog10().unwrap_or(0) as usize + 1;
    let length = PREFIX.len() + digits + ":".len() + body;
    // One byte more, and no other: the zero that C texts end in, which is then put there instead of
    // copying the text.
    let mut text = String::with_capacity(length + 1);
    text.push_str(PREFIX);
    push_number(&mut text, version);
    text.push(':');
    match form {
        Base64::Standard => STANDARD.encode_append(bytes, &mut text),
        Base64::Url => BASE64URL_NOPAD.encode_append(bytes, &mut text),
    }
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
    let (version, body) = text.strip_prefix(PREFIX)?.split_once(':')?;
    let plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (version == "0" || !version.starts_with('0'));
    let version: u32 = version.parse().ok().filter(|_| plain)?;
    Some(Parsed { version, body })
}

/// Decodes standard base64: with padding, and one text for each value.
pub(super) fn decode(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    let length = STANDARD.decoded_length(body.as_bytes()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    let written = STANDARD.decode(body.as_bytes(), bytes.as_out()).ok()?.len();
    (written == length).then_some(bytes)
}

pub(super) fn decode_as(form: Base64, body: &str) -> Option<Zeroizing<Vec<u8>>> {
    match form {
        Base64::Standard => decode(body),
        Base64::Url => BASE64URL_NOPAD
            .decode(body.as_bytes())
            .ok()
            .map(Zeroizing::new),
    }
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
            let text = compose(version, b"bytes", Base64::Standard);
            assert_eq!(text, format!("vault:v{version}:Ynl0ZXM="));
            let parsed = parse(&text).expect("parses");
            assert_eq!(parsed.version, version);
            assert_eq!(decode(parsed.body).expect("base64").as_slice(), b"bytes");
        }
        assert_eq!(parse_ciphertext("vault:v0:").expect("old").version, 1);
        assert_eq!(parse("vault:v0:").expect("told").version, 0);
    }

    #[test]
    fn a_text_has_room_for_the_zero_of_c() {
        for version in [0, 1, 9, 10, 99, 100, 4_294_967_295] {
            for length in [0, 1, 2, 3, 1_052] {
                for form in [Base64::Standard, Base64::Url] {
                    let text = compose(version, &vec![7; length], form);
                    assert_eq!(text.capacity(), text.len() + 1);
                }
            }
        }
    }

    /// What is read by vector instructions is what the other library reads, and nothing else: of all
    /// lengths about a vector's, whole and changed in one place.
    #[test]
    fn two_libraries_read_and_write_the_same() {
        use data_encoding::BASE64;
        // It takes several texts one behind the other, too, each with its padding.
        let strict = |text: &str| -> Option<Vec<u8>> {
            let inside = text.trim_end_matches('=').contains('=');
            BASE64.decode(text.as_bytes()).ok().filter(|_| !inside)
        };
        let mut state = 1u64;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        for length in (0..300).chain([1_023, 1_024, 1_025, 16_384]) {
            let bytes: Vec<u8> = (0..length).map(|_| random()).collect();
            let text = BASE64.encode(&bytes);
            let composed = compose(1, &bytes, Base64::Standard);
            assert_eq!(composed.strip_prefix("vault:v1:"), Some(text.as_str()));
            assert_eq!(decode(&text).as_deref(), Some(&bytes));
            for at in 0..text.len().min(400) {
                let mut changed = text.clone().into_bytes();
                changed[at] = random() & 0x7f;
                let changed = String::from_utf8(changed).expect("ASCII");
                let expected = strict(&changed);
                assert_eq!(decode(&changed).as_deref(), expected.as_ref(), "{changed}");
                let cut = &changed[..at];
                let expected = strict(cut);
                assert_eq!(decode(cut).as_deref(), expected.as_ref(), "{cut}");
            }
        }
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
        for bad in [
            "A",
            "A===",
            "Ynl0ZXM",
            "Ynl0ZX-=",
            "Ynl0ZXN=",
            "Ynl0ZXM=\n",
            "====",
            "\u{fc}AA=",
        ] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }
}
