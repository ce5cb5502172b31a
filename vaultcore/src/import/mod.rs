//! Secrets from elsewhere: variables out of a `.env` file.
//!
//! # Grammar
//!
//! ```text
//! file     = [byte order mark] { line }
//! line     = [ ["export" blank] name "=" value ] [comment] end of line
//! name     = (letter | "_") { letter | digit | "_" | "." | "-" }
//! value    = "'" any but "'" "'" | "`" any but "`" "`" | '"' { any but '"' | escape } '"' | unquoted
//! escape   = "\n" | "\r" | "\t" | "\\" | "\"" | "\$"
//! unquoted = the rest of the line up to a comment, trimmed
//! comment  = "#" the rest of the line; behind an unquoted value only after a blank
//! ```
//!
//! Blanks (spaces and tabs) may stand around every part. Lines end in LF, CRLF or CR.
//!
//! * Quoted values may span lines; each line end in them becomes LF.
//! * Only double quotes know escapes. A backslash before any other character stands for itself.
//! * `$NAME` and `${NAME}` stay as they are: nothing is expanded.
//! * A name that comes twice keeps its place and takes its last value.
//! * `NAME=` is the empty value; a name without `=` is an error.

mod parser;

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretString;
use parser::Parser;

/// The largest `.env` text, and so the largest value in it: 1 MiB.
pub const MAX_ENV: usize = 1_048_576;

/// A name and its secret value. Both are wiped, and hidden in `Debug`.
///
/// ```
/// let variables = vaultcore::import::parse_env(b"TOKEN=s3cr3t")?;
/// assert_eq!(variables[0].name(), "TOKEN");
/// assert_eq!(variables[0].value().expose(), "s3cr3t");
/// assert_eq!(format!("{:?}", variables[0]), "Variable([redacted])");
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Variable {
    name: Zeroizing<String>,
    value: SecretString,
}

impl Variable {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> &SecretString {
        &self.value
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variable([redacted])")
    }
}

/// Parses the text of a `.env` file, in the [grammar](self) of the common tools.
///
/// Returns each name once, in the order of first mention. `text` stays the caller's to wipe.
///
/// ```
/// let text = br#"
/// ## the staging database
/// export DB_USER=app
/// DB_PASSWORD="p\"4\nss"   # rotated in May
/// DB_URL='postgres://$DB_USER@db'
/// "#;
/// let variables = vaultcore::import::parse_env(text)?;
/// let values: Vec<&str> = variables.iter().map(|one| one.value().expose()).collect();
/// assert_eq!(values, ["app", "p\"4\nss", "postgres://$DB_USER@db"]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
///
/// # Errors
/// `TooLarge` beyond [`MAX_ENV`] bytes, `InvalidArgument` for what is not in the grammar. The
/// message tells the number of the line and what was expected there, never what stands there.
pub fn parse_env(text: &[u8]) -> Result<Vec<Variable>> {
    if text.len() > MAX_ENV {
        let message = format!("a .env text has at most {MAX_ENV} bytes, this one has more");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let mut parser = Parser::new(text)?;
    let mut variables = Variables::default();
    while let Some((name, value)) = parser.assignment()? {
        variables.set(name, value);
    }
    Ok(variables.list)
}

/// Variables in the order of first mention.
#[derive(Default)]
struct Variables<'a> {
    list: Vec<Variable>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Variables<'a> {
    fn set(&mut self, name: &'a str, value: SecretString) {
        let place = *self.places.entry(name).or_insert(self.list.len());
        match self.list.get_mut(place) {
            Some(variable) => variable.value = value,
            None => self.list.push(Variable {
                name: Zeroizing::new(name.to_owned()),
                value,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        let variables = parse_env(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let pair = |one: &Variable| (one.name().to_owned(), one.value().expose().to_owned());
        variables.iter().map(pair).collect()
    }

    /// Returns the value of the only variable.
    fn value(text: &str) -> String {
        let mut pairs = parsed(text);
        assert_eq!(pairs.len(), 1, "{text:?}");
        pairs.remove(0).1
    }

    fn names(text: &str) -> Vec<String> {
        parsed(text).into_iter().map(|(name, _)| name).collect()
    }

    fn refusal(text: &str) -> String {
        let error = parse_env(text.as_bytes()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    }

    #[test]
    fn blank_lines_and_comments_are_skipped() {
        assert_eq!(names(""), [""; 0]);
        assert_eq!(names("\n \t\n# A=1\n  # B=2\n\nC=3\n#"), ["C"]);
    }

    #[test]
    fn names_have_letters_digits_and_three_marks() {
        assert_eq!(names("_=1\na.b-c_9=2\nZ=3"), ["_", "a.b-c_9", "Z"]);
        for text in ["9A=1", "-A=1", "=1", "\u{e9}=1", "\"A\"=1"] {
            assert!(refusal(text).contains("a name that begins"), "{text}");
        }
        for text in [
            "A B=1",
            "A",
            "A\nB=1",
            "A: 1",
            "A\u{e9}=1",
            "export A",
            "A # x",
            "export A B=1",
        ] {
            assert!(refusal(text).contains("`=` behind the name"), "{text}");
        }
    }

    #[test]
    fn export_is_a_prefix_or_a_name() {
        assert_eq!(names("export A=1\n\texport \t B=2"), ["A", "B"]);
        assert_eq!(names("export=1"), ["export"]);
        assert_eq!(names("export =1"), ["export"]);
        assert_eq!(names("exported=1"), ["exported"]);
    }

    #[test]
    fn blanks_around_the_parts_are_dropped() {
        for text in [
            "A=x y",
            " A = x y ",
            "\tA\t=\tx y\t",
            "A='x y' ",
            "A= \"x y\"\t",
        ] {
            assert_eq!(value(text), "x y", "{text:?}");
        }
        assert_eq!(value("A=' x '"), " x ");
        assert_eq!(value("A="), "");
        assert_eq!(value("A= \n"), "");
        assert_eq!(value("A=''"), "");
    }

    #[test]
    fn comments_behind_values_need_a_blank_if_unquoted() {
        assert_eq!(value("A=x # y"), "x");
        assert_eq!(value("A=x\t#y # z"), "x");
        assert_eq!(value("A=x#y"), "x#y");
        assert_eq!(value("A=x#y #z"), "x#y");
        assert_eq!(value("A=#x"), "#x");
        assert_eq!(value("A= #x"), "");
        assert_eq!(value("A='x'#y"), "x");
        assert_eq!(value("A=\"x # y\" # z"), "x # y");
    }

    #[test]
    fn single_quotes_and_backquotes_are_literal() {
        assert_eq!(value(r#"A='\n\"$B`'"#), r#"\n\"$B`"#);
        assert_eq!(value(r#"A=`\n\"$B'`"#), r#"\n\"$B'"#);
        assert_eq!(value(r"A='\'"), r"\");
    }

    #[test]
    fn double_quotes_know_six_escapes() {
        assert_eq!(value(r#"A="\n\r\t\\\"\$""#), "\n\r\t\\\"$");
        assert_eq!(value(r#"A="\\n""#), "\\n");
        assert_eq!(value(r#"A="\a\'\u0041\ ""#), r"\a\'\u0041\ ");
        assert_eq!(value("A=\"\\\n\""), "\\\n");
        assert_eq!(value("A=\"\\\u{e9}\""), "\\\u{e9}");
    }

    #[test]
    fn unquoted_values_are_literal() {
        assert_eq!(value(r#"A=it's "so" \n = $B"#), r#"it's "so" \n = $B"#);
    }

    #[test]
    fn nothing_is_expanded() {
        for text in ["$B", "${B}", "${B:-c}", "$(date)"] {
            for quote in ["", "'", "\"", "`"] {
                assert_eq!(value(&format!("A={quote}{text}{quote}")), text);
            }
        }
    }

    #[test]
    fn quoted_values_span_lines() {
        for quote in ["'", "\"", "`"] {
            let text = format!("A={quote}x\n# y\n\n z=1{quote} # end\nB=2");
            let expected = [("A", "x\n# y\n\n z=1"), ("B", "2")];
            assert_eq!(parsed(&text), expected.map(|(a, b)| (a.into(), b.into())));
        }
    }

    #[test]
    fn all_line_ends_are_one() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["A=1", "B='x", "y'", "C=\"x", "y\" # z", "D=4 "].join(end);
            let expected = [("A", "1"), ("B", "x\ny"), ("C", "x\ny"), ("D", "4")];
            assert_eq!(parsed(&text), expected.map(|(a, b)| (a.into(), b.into())));
            assert!(refusal(&format!("{text}{end}{end}!")).starts_with("line 8: "));
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(names("\u{feff}A=1"), ["A"]);
        assert!(refusal("\u{feff}\u{feff}A=1").starts_with("line 1: "));
    }

    #[test]
    fn the_last_value_wins_in_the_first_place() {
        let pairs = parsed("A=1\nB=2\nA=3");
        assert_eq!(
            pairs,
            [("A", "3"), ("B", "2")].map(|(a, b)| (a.into(), b.into()))
        );
    }

    #[test]
    fn errors_name_the_line_and_no_content() {
        let cases = [
            ("A=1\n\ncanary", "line 3: expected `=`"),
            ("A=1\nB='canary\n\n", "line 2: expected a closing '"),
            ("B=\"canary\\\"", "line 1: expected a closing \""),
            ("B=`canary", "line 1: expected a closing `"),
            ("A='1\n2' canary", "line 2: expected the end of the line"),
            ("A=\"1\"canary", "line 1: expected the end of the line"),
        ];
        for (text, beginning) in cases {
            let message = refusal(text);
            assert!(message.starts_with(beginning), "{message}");
            assert!(!message.contains("canary"));
        }
        let error = parse_env(b"A=1\r\nB=\xff").expect_err("refused");
        assert_eq!(error.to_string(), "line 2: expected UTF-8 text");
    }

    #[test]
    fn the_limit_is_exact() {
        let text = format!("A={}", "x".repeat(MAX_ENV - 2));
        assert_eq!(value(&text).len(), MAX_ENV - 2);
        let error = parse_env(format!("{text}x").as_bytes()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn debug_shows_nothing() {
        let variables = parse_env(b"CANARY=canary").expect("parses");
        assert_eq!(format!("{variables:?}"), "[Variable([redacted])]");
    }

    /// Writes a value in one of the ways that can hold it.
    fn render(value: &str, style: u8) -> String {
        let plain = value.trim_matches([' ', '\t']) == value
            && !value.contains(['\n', '\r', '#'])
            && !value.starts_with(['\'', '"', '`']);
        match style {
            0 if plain => value.to_owned(),
            1 if !value.contains(['\'', '\r']) => format!("'{value}'"),
            2 if !value.contains(['`', '\r']) => format!("`{value}`"),
            _ => {
                let text = value.replace('\\', r"\\").replace('"', "\\\"");
                format!("\"{}\"", text.replace('\r', r"\r").replace('$', r"\$"))
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_parsed(
            pairs in proptest::collection::btree_map(
                "[A-Za-z_][A-Za-z0-9_.-]{0,8}",
                ("[ -~\n\r\t\u{e9}]{0,12}", 0u8..4, "(export )?", "( # x)?(\r\n|\n|\r)"),
                0..6,
            ),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (name, (value, style, prefix, end)) in pairs {
                text += &format!("{prefix}{name} = {}{end}", render(&value, style));
                expected.push((name, value));
            }
            prop_assert_eq!(parsed(&text), expected);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(text in "([A-C=#'\"`\\\\$ \t\n\r\u{e9}]|export ){0,40}") {
            let _ = parse_env(text.as_bytes());
        }

        #[test]
        fn bytes_that_are_no_text_are_refused(bytes: Vec<u8>) {
            let is_text = std::str::from_utf8(&bytes).is_ok();
            prop_assert!(is_text || parse_env(&bytes).is_err());
        }
    }
}
