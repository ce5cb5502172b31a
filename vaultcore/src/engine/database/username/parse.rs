//! Reads templates of users' names. What is not known is refused, with the byte at which it stands.

use super::layout;
use super::template::{Change, Expr, Field, Template};
use crate::error::{Error, Result};

/// How deep parentheses stand in each other.
const MAX_DEPTH: usize = 16;
/// The most random characters, and the longest text that is kept by a cut.
const MAX_COUNT: usize = 256;

/// Parses a whole template.
pub(super) fn template(text: &str) -> Result<Template> {
    if !text.is_ascii() || text.chars().any(|c| c == '\0') {
        return Err(Error::invalid("a username_template is ASCII"));
    }
    let mut parser = Parser { text, at: 0 };
    let mut parts = Vec::new();
    while parser.at < text.len() {
        parser.literal(&mut parts);
        if parser.take("{{") {
            if parser.rest().starts_with("- ") {
                parser.at += 1;
            }
            parts.push(parser.pipeline(0)?);
            parser.action_end()?;
        }
    }
    Ok(Template(parts))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

/// An operand of a command.
enum Operand {
    Number(usize),
    /// A text that stands there.
    Text(String),
    Word(String),
    Made(Expr),
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: &str) -> Error {
        Error::invalid(format!("username_template, byte {}: {what}", self.at))
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at = self.at.saturating_add(wanted.len());
        }
        found
    }

    fn run(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(length);
        rest.get(..length).unwrap_or_default()
    }

    fn blanks(&mut self) -> bool {
        !self
            .run(|c| matches!(c, ' ' | '\t' | '\r' | '\n'))
            .is_empty()
    }

    /// Takes text up to the next action.
    fn literal(&mut self, parts: &mut Vec<Expr>) {
        let rest = self.rest();
        let end = rest.find("{{").unwrap_or(rest.len());
        let mut text = rest.get(..end).unwrap_or_default();
        self.at = self.at.saturating_add(end);
        let before = self.text.get(..self.at.saturating_sub(end));
        if before.is_some_and(|before| before.ends_with("-}}")) {
            text = text.trim_start();
        }
        if self.rest().starts_with("{{- ") {
            text = text.trim_end();
        }
        if !text.is_empty() {
            parts.push(Expr::Text(text.to_owned()));
        }
    }

    fn action_end(&mut self) -> Result<()> {
        let before = self.text.get(..self.at).unwrap_or_default();
        let blank = before.ends_with([' ', '\t', '\r', '\n']);
        match self.take("}}") || (blank && self.take("-}}")) {
            true => Ok(()),
            false => Err(self.error("expected `|` or `}}`")),
        }
    }

    /// `command | command ..`: each is given what the one before it made.
    fn pipeline(&mut self, depth: usize) -> Result<Expr> {
        if depth > MAX_DEPTH {
            return Err(self.error("parentheses stand too deep in each other"));
        }
        let mut made = self.command(None, depth)?;
        while self.take("|") {
            made = self.command(Some(made), depth)?;
        }
        Ok(made)
    }

    fn command(&mut self, piped: Option<Expr>, depth: usize) -> Result<Expr> {
        let mut operands = Vec::new();
        loop {
            let apart = self.blanks();
            let Some(operand) = self.operand(depth)? else {
                break;
            };
            if !operands.is_empty() && !apart {
                return Err(self.error("expected a blank between operands"));
            }
            operands.push(operand);
        }
        let mut operands = operands.into_iter();
        let first = operands.next();
        let is_function = matches!(first, Some(Operand::Word(_)));
        let mut operands: Vec<_> = operands.collect();
        if !is_function && (piped.is_some() || !operands.is_empty()) {
            return Err(self.error("expected a function"));
        }
        operands.extend(piped.map(Operand::Made));
        match first {
            Some(Operand::Word(name)) => self.function(&name, operands),
            Some(operand) => self.text_of(operand),
            None => Err(self.error("expected a field, a function, a text or `(`")),
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Option<Operand>> {
        let Some(first) = self.rest().chars().next() else {
            return Err(self.error("the action does not end"));
        };
        Ok(Some(match first {
            '.' => Operand::Made(Expr::Field(self.field()?)),
            '"' => Operand::Text(self.quoted()?),
            '`' => Operand::Text(self.raw()?),
            '(' => Operand::Made(self.parenthesis(depth)?),
            '0'..='9' => {
                let digits = self.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
                let number = digits.parse().ok();
                Operand::Number(number.ok_or_else(|| self.error("expected a whole number"))?)
            }
            c if c.is_ascii_alphabetic() => {
                let word = self.run(|c| c.is_ascii_alphanumeric() || c == '_');
                Operand::Word(word.to_owned())
            }
            _ => return Ok(None),
        }))
    }

    fn field(&mut self) -> Result<Field> {
        self.take(".");
        match self.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            "DisplayName" => Ok(Field::DisplayName),
            "RoleName" => Ok(Field::RoleName),
            _ => Err(self.error("the fields are .DisplayName and .RoleName")),
        }
    }

    fn parenthesis(&mut self, depth: usize) -> Result<Expr> {
        self.take("(");
        let made = self.pipeline(depth.saturating_add(1))?;
        match self.take(")") {
            true => Ok(made),
            false => Err(self.error("expected `)`")),
        }
    }

    fn quoted(&mut self) -> Result<String> {
        self.take("\"");
        let mut text = String::new();
        loop {
            text.push_str(self.run(|c| !matches!(c, '"' | '\\' | '\n')));
            match () {
                () if self.take("\"") => return Ok(text),
                () if self.take("\\\"") => text.push('"'),
                () if self.take("\\\\") => text.push('\\'),
                () => {
                    return Err(self.error("a text does not end, or has another escape than \\\""));
                }
            }
        }
    }

    fn raw(&mut self) -> Result<String> {
        self.take("`");
        let text = self.run(|c| c != '`').to_owned();
        match self.take("`") {
            true => Ok(text),
            false => Err(self.error("a text does not end")),
        }
    }

    /// An operand where a text is wanted.
    fn text_of(&self, operand: Operand) -> Result<Expr> {
        match operand {
            Operand::Made(made) => Ok(made),
            Operand::Text(text) => Ok(Expr::Text(text)),
            Operand::Word(name) => self.function(&name, Vec::new()),
            Operand::Number(_) => Err(self.error("expected a text, found a number")),
        }
    }

    fn function(&self, name: &str, operands: Vec<Operand>) -> Result<Expr> {
        let changed = |change, text| Ok(Expr::Changed(change, Box::new(self.text_of(text)?)));
        let mut all = operands.into_iter();
        let operands = (all.next(), all.next(), all.next());
        if name == "printf" {
            let (first, second, third) = operands;
            let values = second.into_iter().chain(third).chain(all);
            return self.printf(first, values.collect());
        }
        if all.next().is_some() {
            return Err(self.error("a function has too many operands"));
        }
        use Operand::{Number, Text};
        match (name, operands) {
            ("random", (Some(Number(count)), None, None)) => self.count(count, 1).map(Expr::Random),
            ("unix_time", (None, None, None)) => Ok(Expr::UnixTime),
            ("unix_time_millis", (None, None, None)) => Ok(Expr::UnixTimeMillis),
            ("uuid", (None, None, None)) => Ok(Expr::Uuid),
            ("timestamp", (Some(Text(layout)), None, None)) => {
                layout::format(&layout, 0)?;
                Ok(Expr::Timestamp(layout))
            }
            ("truncate", (Some(Number(max)), Some(text), None)) => {
                changed(Change::Truncate(self.count(max, 1)?), text)
            }
            ("truncate_sha256", (Some(Number(max)), Some(text), None)) => {
                changed(Change::TruncateSha256(self.count(max, 9)?), text)
            }
            ("replace", (Some(Text(find)), Some(Text(by)), Some(text))) if !find.is_empty() => {
                changed(Change::Replace { find, by }, text)
            }
            (_, (Some(text), None, None)) => changed(self.change(name)?, text),
            _ => Err(self.error(
                "there is no such function, or it takes other operands; there are random, \
                 truncate, truncate_sha256, uppercase, lowercase, replace, sha256, hex, base64, \
                 unix_time, unix_time_millis, timestamp, uuid and printf",
            )),
        }
    }

    /// Returns the change of a function that takes a text and nothing else.
    fn change(&self, name: &str) -> Result<Change> {
        match name {
            "uppercase" => Ok(Change::Uppercase),
            "lowercase" => Ok(Change::Lowercase),
            "sha256" => Ok(Change::Sha256),
            "hex" => Ok(Change::Hex),
            "base64" => Ok(Change::Base64),
            _ => Err(self.error("there is no such function, or it takes other operands")),
        }
    }

    fn count(&self, count: usize, least: usize) -> Result<usize> {
        match (least..=MAX_COUNT).contains(&count) {
            true => Ok(count),
            false => Err(self.error(&format!("the number is from {least} to {MAX_COUNT}"))),
        }
    }

    /// `%s` and `%v` take a text each, `%%` is a percent sign.
    fn printf(&self, format: Option<Operand>, values: Vec<Operand>) -> Result<Expr> {
        let Some(Operand::Text(format)) = format else {
            return Err(self.error("printf takes a format in quotes"));
        };
        let mut values = values.into_iter();
        let mut pieces = format.split('%');
        let mut parts = vec![Expr::Text(pieces.next().unwrap_or_default().to_owned())];
        while let Some(piece) = pieces.next() {
            let (made, rest) = match piece.strip_prefix(['s', 'v']) {
                Some(rest) => {
                    let value = values.next();
                    let fewer = || self.error("printf has fewer operands than %s");
                    (self.text_of(value.ok_or_else(fewer)?)?, Some(rest))
                }
                None if piece.is_empty() => (Expr::Text("%".to_owned()), pieces.next()),
                None => return Err(self.error("printf knows %s, %v and %%")),
            };
            let rest = rest.ok_or_else(|| self.error("a format ends in %"))?;
            parts.extend([made, Expr::Text(rest.to_owned())]);
        }
        match values.next() {
            None => Ok(Expr::Joined(parts)),
            Some(_) => Err(self.error("printf has more operands than %s")),
        }
    }
}
