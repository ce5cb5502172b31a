//! Statements with placeholders: where one stands decides how a value is written, so that whatever
//! a value holds it is data.
//!
//! `{{name}}` inside double quotes is an identifier, inside single quotes a text; quotes in the value
//! are doubled. Where quoting cannot be told with certainty (outside of quotes, in a dollar-quoted
//! body, in a text with escapes) only values of plain characters are taken.

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Dialect {
    Postgres,
    MySql,
}

/// What the placeholders stand for. One that stands for nothing is refused: what is written without
/// it would be another statement, such as one that sets an empty password.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Values<'v> {
    pub(in super::super) name: &'v str,
    pub(in super::super) password: Option<&'v str>,
    pub(in super::super) expiration: Option<&'v str>,
}

impl Values<'_> {
    fn of(&self, placeholder: &str) -> Result<&str> {
        let value = match placeholder.trim() {
            "name" | "username" => Some(self.name),
            "password" => self.password,
            "expiration" => self.expiration,
            _ => {
                return Err(Error::invalid(
                    "the placeholders are {{name}}, {{username}}, {{password}}, {{expiration}}",
                ));
            }
        };
        value.ok_or_else(|| {
            Error::invalid(format!(
                "there is nothing that {{{{{}}}}} could stand for in this statement",
                placeholder.trim()
            ))
        })
    }
}

/// Returns the single statements of `texts`, their placeholders filled in; empty ones are left out.
///
/// # Errors
/// `InvalidArgument` for a placeholder that there is not, quotes that do not end, and a value that
/// cannot be written where its placeholder stands.
pub(in super::super) fn statements(
    dialect: Dialect,
    texts: &[String],
    values: &Values<'_>,
) -> Result<Vec<Zeroizing<String>>> {
    let mut all = Vec::new();
    for text in texts {
        let reader = Reader {
            dialect,
            values,
            rest: text,
            before: ' ',
            place: Place::Code,
            statement: Zeroizing::new(String::new()),
            all: Vec::new(),
        };
        all.extend(reader.read()?);
    }
    Ok(all)
}

/// Where in SQL something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Code,
    /// Between quotes of this kind; whether a backslash escapes what follows.
    Quoted(char, bool),
    /// In a body between two tags such as `$$`.
    Body(String),
    LineComment,
    /// How deep.
    Comment(u32),
}

struct Reader<'t> {
    dialect: Dialect,
    values: &'t Values<'t>,
    rest: &'t str,
    /// The character before the rest.
    before: char,
    place: Place,
    statement: Zeroizing<String>,
    all: Vec<Zeroizing<String>>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Vec<Zeroizing<String>>> {
        while !self.rest.is_empty() {
            if self.placeholder()? {
                continue;
            }
            match self.place.clone() {
                Place::Code => self.code()?,
                Place::Quoted(quote, escapes) => self.quoted(quote, escapes),
                Place::Body(tag) => {
                    if self.rest.starts_with(&tag) {
                        self.place = Place::Code;
                        self.take(tag.len());
                    } else {
                        self.take_char();
                    }
                }
                Place::LineComment => {
                    if self.rest.starts_with('\n') {
                        self.place = Place::Code;
                    }
                    self.take_char();
                }
                Place::Comment(depth) => self.comment(depth),
            }
        }
        match self.place {
            Place::Code | Place::LineComment => {
                self.end_statement();
                Ok(self.all)
            }
            _ => Err(Error::invalid(
                "the quotes or comments of a statement do not end",
            )),
        }
    }

    /// Writes the value of a placeholder, if one stands here.
    fn placeholder(&mut self) -> Result<bool> {
        let Some(inside) = self.rest.strip_prefix("{{") else {
            return Ok(false);
        };
        let Some((word, after)) = inside.split_once("}}") else {
            return Err(Error::invalid("a placeholder of a statement does not end"));
        };
        let value = self.values.of(word)?;
        if value.contains('\0') {
            return Err(Error::invalid("a value of a statement has a zero byte"));
        }
        match self.place {
            Place::Quoted(quote, false) => {
                // What a backslash means in a text depends on settings, and on the text before.
                let text = quote == '\'' || (self.dialect == Dialect::MySql && quote == '"');
                if text && value.contains('\\') {
                    return Err(Error::invalid(
                        "a value with a backslash cannot be quoted safely as a text",
                    ));
                }
                for c in value.chars() {
                    if c == quote {
                        self.statement.push(quote);
                    }
                    self.statement.push(c);
                }
            }
            Place::LineComment | Place::Comment(_) => {}
            // The time is ours, and has blanks and colons.
            _ if word.trim() == "expiration" => self.statement.push_str(value),
            _ if value.chars().all(plain) => self.statement.push_str(value),
            _ => {
                return Err(Error::invalid(
                    "this value must stand in a statement between simple quotes",
                ));
            }
        }
        self.before = 'x';
        self.rest = after;
        Ok(true)
    }

    fn code(&mut self) -> Result<()> {
        let rest = self.rest;
        let mysql = self.dialect == Dialect::MySql;
        if rest.starts_with(';') {
            self.end_statement();
            self.rest = rest.get(1..).unwrap_or_default();
            self.before = ' ';
        } else if rest.starts_with("--") || (mysql && rest.starts_with('#')) {
            self.place = Place::LineComment;
            self.take_char();
        } else if mysql && ["/*!", "/*M!"].iter().any(|begin| rest.starts_with(begin)) {
            return Err(Error::invalid(
                "a comment that the server executes is not taken: write its statement as it is",
            ));
        } else if rest.starts_with("/*") {
            self.place = Place::Comment(1);
            self.take(2);
        } else if rest.starts_with('\'') {
            self.place = Place::Quoted('\'', !mysql && self.follows(&["E", "U&"]));
            self.take_char();
        } else if rest.starts_with('"') {
            self.place = Place::Quoted('"', !mysql && self.follows(&["U&"]));
            self.take_char();
        } else if mysql && rest.starts_with('`') {
            self.place = Place::Quoted('`', false);
            self.take_char();
        } else if let Some(tag) = dollar_tag(rest).filter(|_| !mysql && !word(self.before)) {
            self.take(tag.len());
            self.place = Place::Body(tag);
        } else {
            self.take_char();
        }
        Ok(())
    }

    /// Returns whether the quote here follows one of these, as in `E'..'` and `U&".."`, in which a
    /// backslash escapes.
    fn follows(&self, prefixes: &[&str]) -> bool {
        prefixes.iter().any(|prefix| {
            let at = self.statement.len().checked_sub(prefix.len());
            let parts = at.and_then(|at| self.statement.split_at_checked(at));
            parts.is_some_and(|(before, last)| {
                last.eq_ignore_ascii_case(prefix) && !before.chars().next_back().is_some_and(word)
            })
        })
    }

    fn quoted(&mut self, quote: char, escapes: bool) {
        // In MySQL a backslash escapes, unless the server is told otherwise: then the text of a
        // statement is misread here, and refused there.
        let backslash = escapes || (self.dialect == Dialect::MySql && quote != '`');
        if backslash && self.rest.starts_with('\\') {
            self.take_char();
            self.take_char();
            return;
        }
        if self.rest.starts_with(quote) {
            self.take_char();
            match self.rest.starts_with(quote) {
                true => self.take_char(), // a doubled one
                false => self.place = Place::Code,
            }
            return;
        }
        self.take_char();
    }

    fn comment(&mut self, depth: u32) {
        let nests = self.dialect == Dialect::Postgres;
        if self.rest.starts_with("*/") {
            self.place = match depth {
                0 | 1 => Place::Code,
                deeper => Place::Comment(deeper - 1),
            };
            self.take(2);
        } else if nests && self.rest.starts_with("/*") {
            self.place = Place::Comment(depth.saturating_add(1));
            self.take(2);
        } else {
            self.take_char();
        }
    }

    fn take_char(&mut self) {
        let length = self.rest.chars().next().map_or(0, char::len_utf8);
        self.take(length);
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.before = taken.chars().next_back().unwrap_or(self.before);
        self.statement.push_str(taken);
        self.rest = rest;
    }

    fn end_statement(&mut self) {
        let statement = std::mem::take(&mut self.statement);
        if !statement.trim().is_empty() {
            self.all.push(Zeroizing::new(statement.trim().to_owned()));
        }
    }
}

/// Returns whether a character needs no quoting anywhere.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Returns the tag, such as `$$` or `$body$`, that a text begins with.
fn dollar_tag(text: &str) -> Option<String> {
    let inside = text.strip_prefix('$')?;
    let (name, _) = inside.split_once('$')?;
    let first = name.chars().next();
    let named = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let good = named && !first.is_some_and(char::is_numeric);
    good.then(|| format!("${name}$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'static> = Values {
        name: "v-app_1",
        password: Some("pass-1"),
        expiration: Some("2026-01-02 03:04:05+00"),
    };

    fn filled(dialect: Dialect, text: &str, values: &Values<'_>) -> Result<Vec<String>> {
        let found = statements(dialect, &[text.to_owned()], values)?;
        Ok(found.into_iter().map(|one| one.to_string()).collect())
    }

    #[test]
    fn statements_are_split_where_they_end() {
        for (text, expected) in [
            ("a; b ;; c", vec!["a", "b", "c"]),
            ("a 'x;y'; b", vec!["a 'x;y'", "b"]),
            ("a \"x;y\"; b", vec!["a \"x;y\"", "b"]),
            ("a 'x'';y'; b", vec!["a 'x'';y'", "b"]),
            ("DO $$ a; b $$; c", vec!["DO $$ a; b $$", "c"]),
            ("DO $x$ a; $$ b $x$; c", vec!["DO $x$ a; $$ b $x$", "c"]),
            ("a -- x; y\n; b", vec!["a -- x; y", "b"]),
            (
                "a /* x; /* y; */ z; */; b",
                vec!["a /* x; /* y; */ z; */", "b"],
            ),
            ("a E'\\';'; b", vec!["a E'\\';'", "b"]),
            ("a$1; b", vec!["a$1", "b"]),
            ("", vec![]),
        ] {
            let found = filled(Dialect::Postgres, text, &VALUES).expect(text);
            assert_eq!(found, expected, "{text}");
        }
        for (text, expected) in [
            ("a `x;y`; b", vec!["a `x;y`", "b"]),
            ("a 'x\\';y'; b", vec!["a 'x\\';y'", "b"]),
            ("a # x; y\n; b", vec!["a # x; y", "b"]),
            ("a /* x; /* y; */; b", vec!["a /* x; /* y; */", "b"]),
        ] {
            let found = filled(Dialect::MySql, text, &VALUES).expect(text);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn placeholders_are_filled_in() {
        let text =
            "CREATE ROLE \"{{name}}\" PASSWORD '{{ password }}' VALID UNTIL '{{expiration}}'";
        let found = filled(Dialect::Postgres, text, &VALUES).expect("filled");
        let expected = "CREATE ROLE \"v-app_1\" PASSWORD 'pass-1' VALID UNTIL \
                        '2026-01-02 03:04:05+00'";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_refused() {
        let values = Values {
            name: "x",
            ..Values::default()
        };
        for dialect in [Dialect::Postgres, Dialect::MySql] {
            for word in ["{{password}}", "{{ expiration }}"] {
                let text = format!("ALTER USER '{{{{name}}}}' IDENTIFIED BY '{word}'");
                let error = filled(dialect, &text, &values).expect_err("refused");
                assert_eq!(error.kind(), crate::error::ErrorKind::InvalidArgument);
            }
            let found = filled(dialect, "DROP USER '{{username}}'", &values);
            assert_eq!(found.expect("filled"), ["DROP USER 'x'"]);
        }
    }

    #[test]
    fn comments_that_the_server_executes_are_refused() {
        for text in [
            "CREATE USER 'x' /*!50706 IDENTIFIED BY '{{password}}' */",
            "CREATE USER 'x' /*M!100100 IDENTIFIED BY '{{password}}' */",
            "/*! a */ b",
        ] {
            filled(Dialect::MySql, text, &VALUES).expect_err(text);
            filled(Dialect::Postgres, text, &VALUES).expect(text);
        }
        filled(Dialect::MySql, "a '/*!' /* !{{name}} */", &VALUES).expect("no such comment");
    }

    #[test]
    fn what_does_not_end_or_is_unknown_is_refused() {
        for text in [
            "a 'x",
            "a \"x",
            "a $$ x",
            "a /* x",
            "a {{name",
            "a {{other}}",
        ] {
            assert!(filled(Dialect::Postgres, text, &VALUES).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_value_is_data_or_refused() {
        let hostile = [
            "x'; DROP ROLE admin; --",
            "x\"; DROP ROLE admin; --",
            "x`; DROP USER admin; --",
            "x\\'; DROP",
            "x\n\r\t",
            "\u{2019}",
            "$$ x",
            "/* x",
            "{{password}}",
        ];
        let places = [
            "a \"{{name}}\" b",
            "a '{{name}}' b",
            "a {{name}} b",
            "a E'{{name}}' b",
            "a U&'{{name}}' b",
            "a U&\"{{name}}\" b",
            "a $$ {{name}} $$ b",
            "a `{{name}}` b",
        ];
        for dialect in [Dialect::Postgres, Dialect::MySql] {
            for value in hostile {
                let values = Values {
                    name: value,
                    ..VALUES
                };
                for place in places {
                    let Ok(found) = filled(dialect, place, &values) else {
                        continue;
                    };
                    // One statement, which reads back as the same value in the same place.
                    assert_eq!(found.len(), 1, "{place} {value}");
                    let text = &found[0];
                    let quote = place.chars().find(|c| "\"'`".contains(*c)).expect("quoted");
                    let open = text.find(quote).expect("an opening quote");
                    let close = text.rfind(quote).expect("a closing quote");
                    let inside = &text[open + 1..close];
                    let doubled = format!("{quote}{quote}");
                    assert_eq!(
                        inside
                            .replace(&doubled, "\0")
                            .replace('\0', &quote.to_string()),
                        value
                    );
                    let lone = inside.replace(&doubled, "");
                    assert!(!lone.contains(quote), "{place} {value}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_zero_byte_is_refused_everywhere() {
        let values = Values {
            name: "a\0b",
            ..VALUES
        };
        assert!(filled(Dialect::Postgres, "\"{{name}}\"", &values).is_err());
    }
}
