//! Merging of objects, and their shape, on JSON whose values stay text: what a patch does not
//! name stays as it was written, numbers of any size too.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::secret::SecretWriter;

/// The fields of an object; keys are wiped when dropped, values are only borrowed.
#[derive(Default)]
struct Fields<'j>(BTreeMap<String, &'j RawValue>);

impl<'j> Fields<'j> {
    fn parse(json: &'j str) -> Result<Self> {
        let parsed = serde_json::from_str(json);
        // The text was found to be JSON when it was written; only keys are looked at closer here.
        parsed
            .map(Self)
            .map_err(|_| Error::invalid("a key in the secret's data is not Unicode text"))
    }

    /// Returns the fields of `value`; none for anything but an object.
    fn of(value: Option<&'j RawValue>) -> Result<Self> {
        match value {
            Some(value) if is_object(value) => Self::parse(value.get()),
            _ => Ok(Self::default()),
        }
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        for (mut key, _) in std::mem::take(&mut self.0) {
            key.zeroize();
        }
    }
}

/// Applies RFC 7396 to two objects: null removes, objects merge, anything else replaces.
pub(super) fn merge(target: &[u8], patch: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = SecretWriter::with_capacity(target.len().saturating_add(patch.len()));
    let (target, patch) = (Fields::parse(text(target)?)?, Fields::parse(text(patch)?)?);
    merge_fields(&target, &patch, &mut out)?;
    Ok(out.into_bytes())
}

fn merge_fields(target: &Fields<'_>, patch: &Fields<'_>, out: &mut SecretWriter) -> Result<()> {
    let untouched = |key: &&String| !patch.0.contains_key(*key);
    let mut keys: Vec<&String> = target.0.keys().filter(untouched).collect();
    keys.extend(patch.0.keys());
    keys.sort_unstable();
    let mut object = Object::open(out);
    for key in keys {
        let old = target.0.get(key).copied();
        match patch.0.get(key) {
            None => old.map_or(Ok(()), |old| object.field(key, old.get()))?,
            Some(change) if change.get() == "null" => {}
            Some(change) if is_object(change) => {
                let (old, change) = (Fields::of(old)?, Fields::parse(change.get())?);
                merge_fields(&old, &change, object.key(key)?)?;
            }
            Some(change) => object.field(key, change.get())?,
        }
    }
    object.close();
    Ok(())
}

/// Returns an object with its keys alone, `levels` deep: every leaf is null.
pub(super) fn keys_only(json: &[u8], levels: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = SecretWriter::with_capacity(json.len());
    write_keys(&Fields::parse(text(json)?)?, levels, &mut out)?;
    Ok(out.into_bytes())
}

fn write_keys(fields: &Fields<'_>, levels: usize, out: &mut SecretWriter) -> Result<()> {
    let mut object = Object::open(out);
    for (key, value) in &fields.0 {
        let below = Fields::of(Some(value))?;
        // An empty object has no keys to show: a leaf, as in Vault.
        if levels > 1 && !below.0.is_empty() {
            write_keys(&below, levels.saturating_sub(1), object.key(key)?)?;
        } else {
            object.field(key, "null")?;
        }
    }
    object.close();
    Ok(())
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut SecretWriter,
    separator: &'static [u8],
}

impl<'o> Object<'o> {
    fn open(out: &'o mut SecretWriter) -> Self {
        let separator = b"{";
        Self { out, separator }
    }

    /// Writes a key; its value is written next.
    fn key(&mut self, key: &str) -> Result<&mut SecretWriter> {
        self.out.push(self.separator);
        self.separator = b",";
        serde_json::to_writer(&mut *self.out, key)
            .map_err(|_| Error::invalid("a key does not serialize to JSON"))?;
        self.out.push(b":");
        Ok(self.out)
    }

    fn field(&mut self, key: &str, value: &str) -> Result<()> {
        self.key(key)?.push(value.as_bytes());
        Ok(())
    }

    fn close(self) {
        if self.separator == b"{" {
            self.out.push(b"{");
        }
        self.out.push(b"}");
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

fn text(json: &[u8]) -> Result<&str> {
    str::from_utf8(json).map_err(|_| Error::corrupt("a version's data is not JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(target: &str, patch: &str) -> String {
        let merged = merge(target.as_bytes(), patch.as_bytes()).expect("objects");
        String::from_utf8(merged.to_vec()).expect("text")
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
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), expected, "{target} {patch}");
        }
    }

    #[test]
    fn what_is_not_named_stays_as_it_was_written() {
        let odd = r#" { "n" : 340282366920938463463374607431768211455 , "f":1.0e2,"u":"\ud800" } "#;
        assert_eq!(
            merged(odd, r#"{"a":1e999}"#),
            r#"{"a":1e999,"f":1.0e2,"n":340282366920938463463374607431768211455,"u":"\ud800"}"#
        );
        assert_eq!(merged(r#"{"\u00e9\"":1}"#, "{}"), "{\"\u{e9}\\\"\":1}");
        assert!(merge(br#"{"\ud800":1}"#, b"{}").is_err());
    }

    #[test]
    fn subkeys_show_no_value() {
        let shape = |levels| {
            let json = br#"{"a":{"b":"x","c":[1]},"d":"y","e":{}}"#;
            let keys = keys_only(json, levels).expect("an object");
            String::from_utf8(keys.to_vec()).expect("text")
        };
        let all = r#"{"a":{"b":null,"c":null},"d":null,"e":null}"#;
        assert_eq!((shape(usize::MAX).as_str(), shape(2).as_str()), (all, all));
        assert_eq!(shape(1), r#"{"a":null,"d":null,"e":null}"#);
    }
}
