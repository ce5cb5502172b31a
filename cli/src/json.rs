//! JSON as it is sent, received and shown. Numbers and the order of fields stay as they came.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};
use crate::sources::Text;

/// The fields of an object, sorted by name.
pub(crate) type Fields<'j> = BTreeMap<String, &'j RawValue>;

/// Returns the fields of an object; `None` for anything else.
pub(crate) fn object(json: &str) -> Option<Fields<'_>> {
    serde_json::from_str(json).ok()
}

/// Returns the items of an array; `None` for anything else.
pub(crate) fn array(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Returns the text of a JSON string; `None` for anything else.
pub(crate) fn text(json: &str) -> Option<Text> {
    serde_json::from_str(json).ok().map(Text::new)
}

/// Returns the field of an object, or of an object in it.
pub(crate) fn find<'j>(json: &'j str, path: &[&str]) -> Option<&'j str> {
    let mut found = json;
    for name in path {
        found = object(found)?.get(*name).copied()?.get();
    }
    Some(found)
}

/// Returns the text of a field; `None` if there is no such field, or it is no text.
pub(crate) fn find_text(json: &str, path: &[&str]) -> Option<Text> {
    text(find(json, path)?)
}

/// Returns `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> Text {
    // A string is always serialized.
    Text::new(serde_json::to_string(text).unwrap_or_default())
}

/// An object that is being written.
#[derive(Default)]
pub(crate) struct Object {
    fields: Vec<(String, Text)>,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, json: &str) -> Self {
        self.fields
            .push((name.to_owned(), Text::new(json.to_owned())));
        self
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &quoted(text))
    }

    /// Adds a text that may be absent.
    pub(crate) fn maybe(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub(crate) fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// Adds `name: true` if it is.
    pub(crate) fn flagged(self, name: &str, value: bool) -> Self {
        match value {
            true => self.flag(name, true),
            false => self,
        }
    }

    pub(crate) fn number(self, name: &str, value: impl Into<u64>) -> Self {
        self.raw(name, &value.into().to_string())
    }

    /// Adds an array of texts.
    pub(crate) fn list<S: AsRef<str>>(self, name: &str, texts: &[S]) -> Self {
        self.raw(name, &list(texts))
    }

    pub(crate) fn object(self, name: &str, object: &Self) -> Self {
        self.raw(name, &object.finish())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the JSON.
    pub(crate) fn finish(&self) -> Text {
        let mut json = Zeroizing::new(String::with_capacity(64 + self.size()));
        json.push('{');
        for (index, (name, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        json
    }

    /// Bytes that are enough for nearly all objects, so that what grows is not copied about.
    fn size(&self) -> usize {
        let sizes = self.fields.iter();
        sizes
            .map(|(name, value)| 2 * name.len() + value.len() + 4)
            .sum()
    }
}

/// Returns an array of texts.
pub(crate) fn list<S: AsRef<str>>(texts: &[S]) -> Text {
    let items: Vec<Text> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    let items: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    Text::new(format!("[{}]", items.join(",")))
}

/// Returns an array of objects.
pub(crate) fn objects(objects: impl Iterator<Item = Object>) -> Text {
    let items: Vec<Text> = objects.map(|object| object.finish()).collect();
    let items: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    Text::new(format!("[{}]", items.join(",")))
}

/// Checks that `json` is an object, such as a whole request is.
pub(crate) fn check_object(json: &str, what: &str) -> Result<()> {
    match object(json) {
        Some(_) => Ok(()),
        None => Err(Failure::local(format!("{what} is not a JSON object"))),
    }
}

/// Lays JSON out for people and programs: two spaces a level.
pub(crate) fn pretty(json: &str) -> Text {
    let mut out = Zeroizing::new(String::with_capacity(json.len() * 3 + 16));
    let mut layout = Layout::default();
    let mut chars = json.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            _ if layout.in_text => out.push(next),
            ' ' | '\t' | '\n' | '\r' => continue,
            '{' | '[' => {
                out.push(next);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => layout.line(&mut out, 1),
                }
                continue;
            }
            '}' | ']' => {
                layout.line(&mut out, -1);
                out.push(next);
                continue;
            }
            ',' => {
                out.push(next);
                layout.line(&mut out, 0);
                continue;
            }
            ':' => out.push_str(": "),
            _ => out.push(next),
        }
        layout.step(next);
    }
    out
}

/// Where in the text the layout is.
#[derive(Default)]
struct Layout {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Layout {
    fn step(&mut self, next: char) {
        match next {
            _ if self.escaped => self.escaped = false,
            '\\' if self.in_text => self.escaped = true,
            '"' => self.in_text = !self.in_text,
            _ => {}
        }
    }

    fn line(&mut self, out: &mut String, deeper: isize) {
        self.depth = self.depth.saturating_add_signed(deeper);
        out.push('\n');
        for _ in 0..self.depth {
            out.push_str("  ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_changes_white_space_only() {
        let json = r#"{"b":[1,2.50,{"a":"x: {[,]} \" \\"}],"e":{ },"f":[ ],"n":1e400,"z":null}"#;
        let shown = pretty(json);
        let expected = "{\n  \"b\": [\n    1,\n    2.50,\n    {\n      \
                        \"a\": \"x: {[,]} \\\" \\\\\"\n    }\n  ],\n  \"e\": {},\n  \"f\": [],\n  \
                        \"n\": 1e400,\n  \"z\": null\n}";
        assert_eq!(shown.as_str(), expected);
        assert_eq!(pretty(&shown).as_str(), expected);
    }

    /// Writes a value that depends on nothing but `seed`.
    fn grown(seed: &mut u32, depth: u32) -> String {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let part = |seed: &mut u32| (0..*seed >> 30).map(|_| grown(seed, depth + 1)).collect();
        match *seed >> 24 & 7 {
            0 | 1 if depth < 6 => {
                let items: Vec<String> = part(seed);
                format!("[{}]", items.join(" ,"))
            }
            2 | 3 if depth < 6 => {
                let values: Vec<String> = part(seed);
                let fields = values.iter().enumerate();
                let fields = fields.map(|(index, value)| format!("\"{index}\\\"\":\n{value}"));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(","))
            }
            4 => quoted(&format!("{{[,]}}: \\ \" {seed} \u{e9}")).to_string(),
            5 => format!("-{seed}.5e3"),
            6 => "null".to_owned(),
            _ => "true".to_owned(),
        }
    }

    #[test]
    fn layout_keeps_what_json_says() {
        let mut seed = 7;
        for _ in 0..500 {
            let json = grown(&mut seed, 0);
            let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
            let shown = pretty(&json);
            assert_eq!(read(&json), read(&shown), "{json}");
            assert_eq!(pretty(&shown), shown, "{json}");
        }
    }

    #[test]
    fn objects_keep_order_and_escape() {
        let object = Object::new()
            .text("b", "x\"\n")
            .number("a", 7_u64)
            .flag("c", true);
        assert_eq!(object.finish().as_str(), r#"{"b":"x\"\n","a":7,"c":true}"#);
        assert_eq!(
            find_text(&object.finish(), &["b"]).expect("text").as_str(),
            "x\"\n"
        );
        assert_eq!(find(r#"{"a":{"b":1.0}}"#, &["a", "b"]), Some("1.0"));
        assert_eq!(list(&["a", "b"]).as_str(), r#"["a","b"]"#);
    }
}
