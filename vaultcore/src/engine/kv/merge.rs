//! JSON made of JSON: merge patch and the keys alone.
//!
//! Both work on the text: what is not named is copied byte for byte, so that a number keeps digits
//! that no float has and a value is never in memory as a plain string.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::json::check_bounds;
use crate::error::{Error, Result};
use crate::secret::SecretWriter;

/// Applies `patch` to `target`, both objects, as RFC 7396 says: null removes, objects merge,
/// anything else replaces.
///
/// Of a field that is there more than once the last counts, and is the one that a merge leaves.
///
/// # Errors
/// `TooLarge`, `InvalidArgument` if the result is beyond the bounds of a value.
pub(super) fn merge(target: &[u8], patch: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let size = target.len().saturating_add(patch.len());
    let mut out = SecretWriter::with_capacity(size);
    merge_into(&mut out, Some(text(target)?), text(patch)?)?;
    let merged = out.into_bytes();
    check_bounds(&merged)?;
    Ok(merged)
}

/// Returns the object `json` with its keys alone, `levels` deep: every leaf is null.
///
/// # Errors
/// `InvalidArgument` for a key that is not Unicode.
pub(super) fn keys_only(json: &[u8], levels: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = SecretWriter::with_capacity(256);
    write_keys(&mut out, text(json)?, levels)?;
    Ok(out.into_bytes())
}

fn merge_into(out: &mut SecretWriter, target: Option<&str>, patch: &str) -> Result<()> {
    if !is_object(patch) {
        out.push(patch.as_bytes());
        return Ok(());
    }
    let old = match target.filter(|target| is_object(target)) {
        Some(target) => Fields::parse(target)?,
        None => Fields(Vec::new()),
    };
    let changes = Fields::parse(patch)?;
    let (last, mut left) = (old.last(), changes.last());
    let mut object = Object::begin(out);
    for (index, field) in old.0.iter().enumerate() {
        let Some(change) = changes.at(left.get(field.name())) else {
            object.field(field.key).push(field.value.as_bytes());
            continue;
        };
        if last.get(field.name()) == Some(&index) {
            left.remove(field.name());
            object.merged(field.key, Some(field.value), change.value)?;
        }
    }
    for (index, change) in changes.0.iter().enumerate() {
        if left.get(change.name()) == Some(&index) {
            object.merged(change.key, None, change.value)?;
        }
    }
    object.end();
    Ok(())
}

fn write_keys(out: &mut SecretWriter, json: &str, levels: usize) -> Result<()> {
    let fields = Fields::parse(json)?;
    let last = fields.last();
    let mut object = Object::begin(out);
    for (index, field) in fields.0.iter().enumerate() {
        if last.get(field.name()) != Some(&index) {
            continue;
        }
        let out = object.field(field.key);
        // An empty object has no keys to show: a leaf, as in Vault.
        if levels > 1 && is_object(field.value) && !Fields::parse(field.value)?.0.is_empty() {
            write_keys(out, field.value, levels.saturating_sub(1))?;
        } else {
            out.push(b"null");
        }
    }
    object.end();
    Ok(())
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut SecretWriter,
    separator: &'static [u8],
}

impl<'o> Object<'o> {
    fn begin(out: &'o mut SecretWriter) -> Self {
        out.push(b"{");
        Self {
            out,
            separator: b"",
        }
    }

    /// Writes a key, as its text with quotes, and returns where its value goes.
    fn field(&mut self, key: &str) -> &mut SecretWriter {
        self.out.push(self.separator);
        self.separator = b",";
        self.out.push(key.as_bytes());
        self.out.push(b":");
        self.out
    }

    /// Writes a field as `change` leaves it, which may be not at all.
    fn merged(&mut self, key: &str, old: Option<&str>, change: &str) -> Result<()> {
        if change == "null" {
            return Ok(());
        }
        merge_into(self.field(key), old, change)
    }

    fn end(self) {
        self.out.push(b"}");
    }
}

/// The fields of an object, in their order.
struct Fields<'j>(Vec<Field<'j>>);

/// A key and its value, as they stand in the text.
struct Field<'j> {
    /// With its quotes.
    key: &'j str,
    /// What the key says, if it is not what stands between the quotes.
    unescaped: Option<Zeroizing<String>>,
    value: &'j str,
}

impl<'j> Fields<'j> {
    /// Reads the fields of an object. What a secret holds was checked when it was written, except
    /// what the caller's own type serialized, so a failure is not corruption.
    fn parse(json: &'j str) -> Result<Self> {
        serde_json::from_str(json).map_err(|_| unreadable())
    }

    /// Returns where each name stands; of equal ones the last.
    fn last(&self) -> BTreeMap<&str, usize> {
        let names = self.0.iter().enumerate();
        names.map(|(index, field)| (field.name(), index)).collect()
    }

    fn at(&self, index: Option<&usize>) -> Option<&Field<'j>> {
        index.and_then(|index| self.0.get(*index))
    }
}

impl Field<'_> {
    fn name(&self) -> &str {
        match &self.unescaped {
            Some(name) => name,
            None => self.key.trim_matches('"'),
        }
    }
}

impl<'j> Deserialize<'j> for Fields<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Collects the fields of an object in their order.
struct InOrder;

impl<'j> Visitor<'j> for InOrder {
    type Value = Fields<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Fields<'j>, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            let key = key.get();
            let escaped = key.contains('\\').then(|| unescape(key)).transpose();
            let unescaped = escaped.map_err(A::Error::custom)?;
            let value = value.get();
            fields.push(Field {
                key,
                unescaped,
                value,
            });
        }
        Ok(Fields(fields))
    }
}

fn unescape(key: &str) -> Result<Zeroizing<String>> {
    serde_json::from_str(key)
        .map(Zeroizing::new)
        .map_err(|_| unreadable())
}

fn text(json: &[u8]) -> Result<&str> {
    str::from_utf8(json)
        .map(str::trim_ascii)
        .map_err(|_| unreadable())
}

fn is_object(json: &str) -> bool {
    json.starts_with('{')
}

fn unreadable() -> Error {
    Error::invalid("the version's data is not JSON that other readers take")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(target: &str, patch: &str) -> String {
        let merged = merge(target.as_bytes(), patch.as_bytes()).expect("merges");
        String::from_utf8(merged.to_vec()).expect("text")
    }

    fn keys(json: &str, levels: usize) -> String {
        let keys = keys_only(json.as_bytes(), levels).expect("keys");
        String::from_utf8(keys.to_vec()).expect("text")
    }

    /// The examples of RFC 7396, appendix A, whose target is an object.
    #[test]
    fn merge_follows_the_rfc() {
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), expected, "{target} {patch}");
        }
    }

    #[test]
    fn what_is_not_named_keeps_every_byte() {
        for kept in [
            "123456789012345678901",
            "0.12345678901234567891",
            "1.0e+2",
            "-0",
            r#"{ "z" : 1 , "a" : [ 1.10 ] }"#,
            r#""\u0041\/""#,
        ] {
            let target = format!(r#"{{"deep":{{"kept":{kept},"x":1}},"kept":{kept}}}"#);
            let expected = format!(r#"{{"deep":{{"kept":{kept},"x":2}},"kept":{kept}}}"#);
            assert_eq!(merged(&target, r#"{"deep":{"x":2}}"#), expected);
        }
        assert_eq!(merged("{}", r#"{"new":0.10}"#), r#"{"new":0.10}"#);
    }

    #[test]
    fn fields_keep_their_order_and_new_ones_come_last() {
        let target = r#" { "z":1, "a":2, "m":3 } "#;
        let patch = r#"{"y":4,"a":5,"b":6,"z":null}"#;
        assert_eq!(merged(target, patch), r#"{"a":5,"m":3,"y":4,"b":6}"#);
    }

    #[test]
    fn of_equal_fields_the_last_counts() {
        let twice = r#"{"a":{"x":1},"b":1,"a":{"y":2}}"#;
        assert_eq!(
            merged(twice, r#"{"a":{"z":3}}"#),
            r#"{"b":1,"a":{"y":2,"z":3}}"#
        );
        assert_eq!(merged(twice, r#"{"a":null}"#), r#"{"b":1}"#);
        assert_eq!(
            merged(twice, r#"{"c":1,"c":2}"#),
            format!("{}{}", &twice[..30], r#","c":2}"#)
        );
        assert_eq!(merged(r#"{"a":1}"#, r#"{"a":null,"a":2}"#), r#"{"a":2}"#);
        assert_eq!(merged(r#"{"a":1}"#, r#"{"a":2,"a":null}"#), "{}");
        assert_eq!(keys(twice, 9), r#"{"b":null,"a":{"y":null}}"#);
    }

    #[test]
    fn keys_are_the_same_however_they_are_escaped() {
        let target = r#"{"\u0061":1,"q\"uote":2,"\\":3,"":4,"\"":5}"#;
        assert_eq!(
            merged(
                target,
                r#"{"a":9,"q\u0022uote":null,"\u005c":8,"":7,"\u0022":6}"#
            ),
            r#"{"\u0061":9,"\\":8,"":7,"\"":6}"#
        );
        assert_eq!(merged(r#"{"a":1}"#, r#"{"\u0061":null}"#), "{}");
        assert_eq!(keys(r#"{"\u0061":1,"a":2}"#, 1), r#"{"a":null}"#);
    }

    #[test]
    fn subkeys_show_no_value() {
        let json = r#"{"a":{"b":"x","c":[1],"e":{}},"d":"y"}"#;
        assert_eq!(
            keys(json, usize::MAX),
            r#"{"a":{"b":null,"c":null,"e":null},"d":null}"#
        );
        assert_eq!(keys(json, 1), r#"{"a":null,"d":null}"#);
        assert_eq!(keys("{}", 1), "{}");
    }
}
