//! JSON written straight into memory that is wiped.

use std::fmt::Write as _;

use serde::Serialize;

use super::Json;
use crate::clock::Timestamp;
use crate::secret::SecretWriter;

/// Builds the text of a JSON object, member by member.
pub(crate) struct Object {
    out: SecretWriter,
    empty: bool,
}

impl Object {
    pub(crate) fn new() -> Self {
        let mut out = SecretWriter::with_capacity(128);
        out.push(b"{");
        Self { out, empty: true }
    }

    /// Writes the name of the next member, and hands out where its value belongs.
    fn member(&mut self, name: &str) -> &mut SecretWriter {
        if !self.empty {
            self.out.push(b",");
        }
        self.empty = false;
        push(&mut self.out, name);
        self.out.push(b":");
        &mut self.out
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        push(self.member(name), value);
        self
    }

    pub(crate) fn number(mut self, name: &str, value: impl Into<i128>) -> Self {
        let mut digits = String::new();
        // Writing to a string does not fail.
        let _ = write!(digits, "{}", value.into());
        self.member(name).push(digits.as_bytes());
        self
    }

    pub(crate) fn flag(mut self, name: &str, value: bool) -> Self {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.member(name).push(text);
        self
    }

    pub(crate) fn null(mut self, name: &str) -> Self {
        self.member(name).push(b"null");
        self
    }

    /// Adds a moment in RFC 3339; `None` is the empty text, as Vault writes it.
    pub(crate) fn time(self, name: &str, value: Option<Timestamp>) -> Self {
        match value {
            Some(time) => self.text(name, &time.to_string()),
            None => self.text(name, ""),
        }
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, json: &[u8]) -> Self {
        self.member(name).push(json);
        self
    }

    /// Adds the members of a JSON object that has no name of those before.
    pub(crate) fn members_of(mut self, json: &[u8]) -> Self {
        let inner = json
            .trim_ascii()
            .strip_prefix(b"{")
            .and_then(|json| json.strip_suffix(b"}"));
        let inner = inner.unwrap_or_default().trim_ascii();
        if !inner.is_empty() {
            if !self.empty {
                self.out.push(b",");
            }
            self.empty = false;
            self.out.push(inner);
        }
        self
    }

    pub(crate) fn object(self, name: &str, value: Self) -> Self {
        let json = value.finish();
        self.raw(name, &json)
    }

    pub(crate) fn array(self, name: &str, value: Array) -> Self {
        let json = value.finish();
        self.raw(name, &json)
    }

    pub(crate) fn list<S: AsRef<str>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut array = Array::new();
        for value in values {
            array = array.text(value.as_ref());
        }
        self.array(name, array)
    }

    /// Adds an object of texts.
    pub(crate) fn map<'m>(
        self,
        name: &str,
        members: impl IntoIterator<Item = (&'m String, &'m String)>,
    ) -> Self {
        let mut object = Self::new();
        for (key, value) in members {
            object = object.text(key, value);
        }
        self.object(name, object)
    }

    pub(crate) fn finish(mut self) -> Json {
        self.out.push(b"}");
        self.out.into_bytes()
    }
}

/// Builds the text of a JSON array.
pub(crate) struct Array {
    out: SecretWriter,
    empty: bool,
}

impl Array {
    pub(crate) fn new() -> Self {
        let mut out = SecretWriter::with_capacity(64);
        out.push(b"[");
        Self { out, empty: true }
    }

    fn element(&mut self) -> &mut SecretWriter {
        if !self.empty {
            self.out.push(b",");
        }
        self.empty = false;
        &mut self.out
    }

    pub(crate) fn text(mut self, value: &str) -> Self {
        push(self.element(), value);
        self
    }

    pub(crate) fn object(mut self, value: Object) -> Self {
        let json = value.finish();
        self.element().push(&json);
        self
    }

    pub(crate) fn finish(mut self) -> Json {
        self.out.push(b"]");
        self.out.into_bytes()
    }
}

/// Writes a JSON string.
fn push(out: &mut SecretWriter, text: &str) {
    // Neither text nor memory can fail to be written.
    let _ = text.serialize(&mut serde_json::Serializer::new(out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_json() {
        let object = Object::new()
            .text("a\"", "x\n\u{e9}")
            .number("n", 7u64)
            .flag("f", true)
            .null("z")
            .list("l", ["p", "q"])
            .object("o", Object::new())
            .array("r", Array::new().object(Object::new().number("i", -1)));
        let text = String::from_utf8(object.finish().to_vec()).expect("UTF-8");
        let expected = "{\"a\\\"\":\"x\\n\u{e9}\",\"n\":7,\"f\":true,\"z\":null,\
                        \"l\":[\"p\",\"q\"],\"o\":{},\"r\":[{\"i\":-1}]}";
        assert_eq!(text, expected);
    }
}
