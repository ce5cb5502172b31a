//! YAML, of JSON: what stands in it is the same, laid out without braces.

use zeroize::Zeroizing;

use crate::json;
use crate::sources::Text;

/// Words that YAML, or an older one, takes for something else than a text.
const WORDS: [&str; 12] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
];

/// Returns `json` as YAML without a last line end. Fields are sorted; numbers stay as they came.
pub(crate) fn of_json(json: &str) -> Text {
    let mut out = Zeroizing::new(String::with_capacity(json.len() * 2 + 16));
    match nested(json) {
        true => write(&mut out, json, 0),
        false => out.push_str(&scalar(json)),
    }
    if out.ends_with('\n') {
        out.pop();
    }
    out
}

/// Returns whether a value stands on lines of its own.
fn nested(json: &str) -> bool {
    json::object(json).is_some_and(|fields| !fields.is_empty())
        || json::array(json).is_some_and(|items| !items.is_empty())
}

/// Writes the lines of an object or of an array that is not empty.
fn write(out: &mut Text, json: &str, depth: usize) {
    if let Some(fields) = json::object(json) {
        for (index, (name, value)) in fields.iter().enumerate() {
            // The first line of an object in an array stands behind its dash.
            if index > 0 || !out.ends_with("- ") {
                indent(out, depth);
            }
            out.push_str(&plain_or_quoted(name));
            out.push(':');
            let value = value.get();
            match nested(value) {
                // The items of an array stand as far out as its name.
                true => {
                    out.push('\n');
                    let deeper = usize::from(json::object(value).is_some());
                    write(out, value, depth + deeper);
                }
                false => end(out, " ", value),
            }
        }
    }
    for item in json::array(json).into_iter().flatten() {
        if !out.ends_with("- ") {
            indent(out, depth);
        }
        out.push_str("- ");
        match nested(item.get()) {
            true => write(out, item.get(), depth + 1),
            false => end(out, "", item.get()),
        }
    }
}

fn end(out: &mut Text, before: &str, json: &str) {
    out.push_str(before);
    out.push_str(&scalar(json));
    out.push('\n');
}

fn indent(out: &mut Text, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Returns what stands on one line: a text, a number, a word, or what is empty.
fn scalar(json: &str) -> Text {
    match (json::text(json), json::object(json), json::array(json)) {
        (Some(text), _, _) => plain_or_quoted(&text),
        (None, Some(_), _) => Text::new("{}".to_owned()),
        (None, None, Some(_)) => Text::new("[]".to_owned()),
        (None, None, None) => Text::new(json.trim().to_owned()),
    }
}

/// Returns a text as it is if nobody takes it for anything else; else with quotes and escapes.
fn plain_or_quoted(text: &str) -> Text {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"_./@-".contains(&byte);
    let begins = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'/');
    let known = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    match begins && !known && text.bytes().all(inside) {
        true => Text::new(text.to_owned()),
        false => escaped(&json::quoted(text)),
    }
}

/// Escapes what JSON leaves as it is and YAML does not take, or takes for the end of a line.
fn escaped(quoted: &str) -> Text {
    let mut out = Zeroizing::new(String::with_capacity(quoted.len() * 2));
    for c in quoted.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.push_str("\\u");
                let code = u32::from(c);
                for shift in [12, 8, 4, 0] {
                    out.extend(char::from_digit((code >> shift) & 0xf, 16));
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_by_indentation() {
        let json = r#"{"b":[1,2.50,{"y":"x","a":[]},[["d"],{}]],"a":{"k":{"c":null}},"n":1e400}"#;
        let expected = "a:\n  k:\n    c: null\nb:\n- 1\n- 2.50\n- a: []\n  \"y\": x\n- - - d\n  - {}\n\
                        \"n\": 1e400";
        assert_eq!(of_json(json).as_str(), expected);
    }

    #[test]
    fn what_is_no_object_stands_alone() {
        for (json, yaml) in [
            ("[]", "[]"),
            ("{}", "{}"),
            ("null", "null"),
            ("\"a b\"", "\"a b\""),
            ("[\"a\",\"b/\"]", "- a\n- b/"),
            (" 7 ", "7"),
        ] {
            assert_eq!(of_json(json).as_str(), yaml);
        }
    }

    #[test]
    fn what_yaml_does_not_take_is_escaped() {
        for (text, yaml) in [
            ("a\u{7f}", r#""a\u007f""#),
            ("\u{85}b", r#""\u0085b""#),
            ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
            ("\u{feff}\u{fffe}\u{ffff}", r#""\ufeff\ufffe\uffff""#),
            ("\u{a0}\u{e9}\u{1f511}\n", "\"\u{a0}\u{e9}\u{1f511}\\n\""),
        ] {
            assert_eq!(plain_or_quoted(text).as_str(), yaml);
        }
    }

    #[test]
    fn texts_that_could_be_something_else_are_quoted() {
        for text in [
            "",
            " ",
            "true",
            "No",
            "~",
            "1",
            "1e3",
            "0x1f",
            ".5",
            "-",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "a\nb",
            "a\tb",
            "'a'",
            "[a]",
            "{a}",
            "a,b",
            "?",
            "|",
            ">",
            "2026-11-28",
            "12:30:45",
            "a ",
            "\u{85}",
            "\u{feff}",
            "=",
            "<<",
        ] {
            assert!(plain_or_quoted(text).starts_with('"'), "{text:?}");
        }
        for text in [
            "hvs.abc",
            "secret/data/app",
            "a_b-c.d",
            "/x",
            "_x",
            "user@host",
        ] {
            assert_eq!(plain_or_quoted(text).as_str(), text);
        }
    }
}
