//! JSON in and out, within bounds, without trees of plain strings.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, Visitor};
use serde::{Deserializer as _, Serialize};
use serde_json::Deserializer;
use zeroize::Zeroizing;

use super::MAX_VALUE;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretWriter;

/// The deepest nesting of a value.
const MAX_DEPTH: usize = 32;
/// The most values, keys not counted, that one secret holds.
const MAX_NODES: usize = 10_000;

/// Serializes `value`, which must become a JSON object.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>> {
    let mut writer = SecretWriter::with_capacity(256);
    serde_json::to_writer(&mut writer, value)
        .map_err(|_| Error::invalid("the value does not serialize to JSON"))?;
    let json = writer.into_bytes();
    check_bounds(&json)?;
    check_readable(&json)?; // a type may serialize text of its own
    Ok(json)
}

/// Decodes JSON without leaving a copy of its strings behind, if it is of the shape of `T`.
///
/// serde_json puts strings that hold escapes together in a buffer of its own, and does not wipe
/// it. So a string without meaning goes first, which makes that buffer as large as it will be, and
/// one goes last, which overwrites it. An error ends the decoding before that.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    if !json.contains(&b'\\') {
        return serde_json::from_slice(json);
    }
    let filler = [b"\"\\n", &*vec![b' '; json.len()], b"\""].concat();
    let text = Zeroizing::new([&filler, json, &filler].concat());
    let mut deserializer = Deserializer::from_slice(&text);
    deserializer.deserialize_str(Filler)?;
    let value = T::deserialize(&mut deserializer)?;
    deserializer.deserialize_str(Filler)?;
    deserializer.end()?;
    Ok(value)
}

/// Takes a string and forgets it. `IgnoredAny` would not have it put together.
struct Filler;

impl Visitor<'_> for Filler {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<(), E> {
        Ok(())
    }
}

/// Checks that `json`, text from outside, is one JSON object within the bounds.
///
/// # Errors
/// `TooLarge` beyond 1 MiB, `InvalidArgument` beyond depth 32 or 10,000 values, for anything that
/// is not JSON, for JSON that is not an object, and for half a surrogate pair or a number beyond
/// the range of a double, which readers refuse.
pub(crate) fn check_object(json: &[u8]) -> Result<()> {
    check_bounds(json)?;
    // serde does not look at the bytes of a string that it passes over.
    let text = str::from_utf8(json)
        .map_err(|_| Error::invalid("the value is not JSON: it is not UTF-8"))?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| {
            Error::invalid(format!("the value is not JSON, at byte {}", error.column()))
        })?;
    check_readable(json)
}

/// Checks what serde does not where it passes text over: that every string is Unicode and every
/// number is in the range of a double. `json` is JSON otherwise.
fn check_readable(json: &[u8]) -> Result<()> {
    let mut rest = json;
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'"' => pass_string(behind).ok_or_else(|| Error::invalid("a string is not Unicode"))?,
            b'-' | b'0'..=b'9' => pass_number(rest)
                .ok_or_else(|| Error::invalid("a number is beyond the range of a double"))?,
            _ => behind,
        };
    }
    Ok(())
}

/// Returns what is behind the string whose first quote was passed; `None` if an escape in it is
/// half a surrogate pair.
fn pass_string(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let at = rest.iter().position(|byte| b"\"\\".contains(byte))?;
        let (special, behind) = rest.get(at..)?.split_first()?;
        if *special == b'"' {
            return Some(behind);
        }
        rest = match escaped_unit(rest.get(at..)?) {
            None => behind.get(1..)?,
            Some(0xd800..=0xdbff) => {
                let low = behind.get(5..)?;
                escaped_unit(low).filter(|unit| (0xdc00..=0xdfff).contains(unit))?;
                low.get(6..)?
            }
            Some(0xdc00..=0xdfff) => return None,
            Some(_) => behind.get(5..)?,
        };
    }
}

/// Returns the UTF-16 unit of the escape that `text` begins with, if it is one of four digits.
fn escaped_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns what is behind the number that `text` begins with; `None` if it is out of range.
fn pass_number(text: &[u8]) -> Option<&[u8]> {
    let part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let end = text.iter().position(|byte| !part(byte));
    let (number, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let plain = number.len() <= 308 && !number.iter().any(|byte| b"eE".contains(byte));
    let finite = || {
        str::from_utf8(number)
            .ok()?
            .parse()
            .ok()
            .map(f64::is_finite)
    };
    (plain || finite() == Some(true)).then_some(rest)
}

/// Checks size, shape and nesting by one pass over the text.
pub(super) fn check_bounds(json: &[u8]) -> Result<()> {
    if json.len() > MAX_VALUE {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "a secret has at most {MAX_VALUE} bytes of JSON, this one {}",
                json.len()
            ),
        ));
    }
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Error::invalid(
            "a secret is a JSON object, such as a struct or a map",
        ));
    }
    let shape = Shape::of(json);
    if shape.deepest > MAX_DEPTH {
        return Err(Error::invalid(format!(
            "a secret nests at most {MAX_DEPTH} levels deep"
        )));
    }
    if shape.nodes > MAX_NODES {
        return Err(Error::invalid(format!(
            "a secret holds at most {MAX_NODES} values"
        )));
    }
    Ok(())
}

/// How deep and how wide a JSON text is.
#[derive(Default)]
struct Shape {
    depth: usize,
    deepest: usize,
    nodes: usize,
}

impl Shape {
    fn of(json: &[u8]) -> Self {
        let mut shape = Self::default();
        let (mut quoted, mut escaped) = (false, false);
        for byte in json {
            if quoted {
                quoted = escaped || *byte != b'"';
                escaped = !escaped && *byte == b'\\';
            } else {
                quoted = *byte == b'"';
                shape.step(*byte);
            }
        }
        shape
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.deepest = self.deepest.max(self.depth);
                self.nodes = self.nodes.saturating_add(1);
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' => self.nodes = self.nodes.saturating_add(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_within_bounds() {
        for good in ["{}", " {\"a\":[1,2]}", "{\"a\":\"{[\\\"{[\"}"] {
            check_object(good.as_bytes()).expect(good);
        }
        for bad in [
            "",
            "[]",
            "1",
            "\"a\"",
            "null",
            "{",
            "{\"a\"}",
            "{}x",
            "{\"a\":1,}",
        ] {
            let error = check_object(bad.as_bytes()).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
        assert!(to_json("text").is_err());
        assert_eq!(
            *to_json(&std::collections::BTreeMap::from([("a", 1)])).expect("json"),
            b"{\"a\":1}"
        );
    }

    #[test]
    fn escapes_are_decoded_and_nothing_behind_them_is_passed_over() {
        type Texts = std::collections::BTreeMap<String, String>;
        let texts: Texts = from_json(br#" {"a\n":"\"b\u00e9\\"} "#).expect("json");
        assert_eq!(texts["a\n"], "\"b\u{e9}\\");
        for bad in [r#"{"a":"\n"} x"#, r#"{"a":"\n"} ""#, r#"{"a":1,"b":"\n"}"#] {
            assert!(from_json::<Texts>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_every_reader_takes() {
        let nines = "9".repeat(308);
        let good = [
            r#""\ud83d\ude00""#,
            r#""\uD83D\uDE00 \\ud800 \"""#,
            r#""\\\u0041""#,
            "1.7e308",
            "-1E-999",
            "0e999",
            &nines,
            "123456789012345678901234567890.5",
        ];
        for text in good {
            let json = format!("{{\"a\":[{text},1]}}");
            check_object(json.as_bytes()).expect(text);
            serde_json::from_str::<serde_json::Value>(&json).expect(text);
        }
        let more = format!("{nines}9");
        let bad = [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800x\udc00""#,
            r#""\ud800\n""#,
            r#""\\\ud800""#,
            "1e309",
            "-1e999",
            "1e99999999999999999999",
            &more,
        ];
        for text in bad {
            for json in [
                format!("{{\"a\":{text}}}"),
                format!("{{\"a\":[0,{text},1]}}"),
            ] {
                let error = check_object(json.as_bytes()).expect_err(text);
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
                serde_json::from_str::<serde_json::Value>(&json).expect_err(text);
            }
        }
        assert!(check_object(br#"{"\ud800":1}"#).is_err());
        let raw = serde_json::value::RawValue::from_string(r#"{"a":1e999}"#.into());
        assert!(to_json(&raw.expect("raw")).is_err());
    }

    #[test]
    fn bounds_are_exact() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        check_object(nested(32).as_bytes()).expect("32 levels");
        assert!(check_object(nested(33).as_bytes()).is_err());
        assert!(check_object(nested(300).as_bytes()).is_err());
        let wide = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","));
        check_object(wide(9_999).as_bytes()).expect("10,000 values and containers");
        assert!(check_object(wide(10_001).as_bytes()).is_err());
        let long = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
        check_object(long(MAX_VALUE).as_bytes()).expect("1 MiB");
        let error = check_object(long(MAX_VALUE + 1).as_bytes()).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}
