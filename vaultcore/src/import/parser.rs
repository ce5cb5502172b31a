//! The parser of `.env` texts; the grammar stands at the head of [`super`].

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::SecretString;

const BLANKS: [char; 2] = [' ', '\t'];

/// What is left of the text, and the number of the line at which it begins.
pub(super) struct Parser<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Parser<'a> {
    /// Checks that `bytes` are text, and begins behind the byte order mark.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let rest = decode(bytes)?;
        Ok(Self { rest, line: 1 })
    }

    /// Parses up to the end of the next line with an assignment; `None` at the end of the text.
    pub(super) fn assignment(&mut self) -> Result<Option<(&'a str, SecretString)>> {
        loop {
            self.skip_blanks();
            if self.rest.is_empty() {
                return Ok(None);
            }
            if self.line_end_or_comment() {
                self.next_line();
                continue;
            }
            let name = self.name()?;
            let value = self.value()?;
            self.next_line();
            return Ok(Some((name, value)));
        }
    }

    /// Parses `name =` or `export name =`, and the blanks behind.
    fn name(&mut self) -> Result<&'a str> {
        let mut name = self.word()?;
        let blanks = self.skip_blanks();
        // `export=1` and `export = 1` name a variable so.
        if name == "export" && blanks > 0 && !self.rest.starts_with('=') {
            name = self.word()?;
            self.skip_blanks();
        }
        match self.rest.strip_prefix('=') {
            Some(rest) => self.rest = rest,
            None => return Err(expected(self.line, "`=` behind the name")),
        }
        Ok(name)
    }

    fn word(&mut self) -> Result<&'a str> {
        let inside = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let end = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !self.rest.starts_with(begins) {
            return Err(expected(
                self.line,
                "a name that begins with a letter or `_`",
            ));
        }
        Ok(self.take(end))
    }

    /// Parses what stands behind `=`, up to the end of the line or a comment.
    fn value(&mut self) -> Result<SecretString> {
        let blanks = self.skip_blanks();
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => self.quoted(quote),
            Some('#') if blanks > 0 => Ok(SecretString::copy_from("")),
            _ => Ok(SecretString::copy_from(self.unquoted())),
        }
    }

    fn unquoted(&mut self) -> &'a str {
        let line = self.take(find_line_end(self.rest));
        let blank_before = |at: &usize| line.get(..*at).is_some_and(|text| text.ends_with(BLANKS));
        let mut marks = line.match_indices('#').map(|(at, _)| at);
        let end = marks.find(blank_before).unwrap_or(line.len());
        line.get(..end).unwrap_or(line).trim_matches(BLANKS)
    }

    fn quoted(&mut self, quote: char) -> Result<SecretString> {
        let begin = self.line;
        self.take(1);
        let Some(end) = find_quote(self.rest, quote) else {
            let what = format!("a closing {quote} for the value that begins here");
            return Err(expected(begin, &what));
        };
        let inside = self.take(end);
        self.take(1);
        self.line = begin.saturating_add(line_ends(inside.as_bytes()));
        self.skip_blanks();
        if !self.rest.is_empty() && !self.line_end_or_comment() {
            return Err(expected(
                self.line,
                "the end of the line or a comment behind the closing quote",
            ));
        }
        Ok(match quote {
            '"' => unescape(inside),
            _ => unify_line_ends(inside),
        })
    }

    fn line_end_or_comment(&self) -> bool {
        self.rest.starts_with(['#', '\n', '\r'])
    }

    /// Returns how many blanks there were.
    fn skip_blanks(&mut self) -> usize {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(BLANKS);
        before.saturating_sub(self.rest.len())
    }

    /// Goes behind the next line end, or to the end of the text.
    fn next_line(&mut self) {
        self.take(find_line_end(self.rest));
        let length = if self.rest.starts_with("\r\n") { 2 } else { 1 };
        if !self.rest.is_empty() {
            self.take(length);
            self.line = self.line.saturating_add(1);
        }
    }

    /// Takes the first `length` bytes off the rest.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

fn find_line_end(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// Finds the quote that closes; in double quotes a backslash hides the character behind it.
fn find_quote(text: &str, quote: char) -> Option<usize> {
    let mut hidden = false;
    text.char_indices().find_map(|(at, c)| {
        if hidden {
            hidden = false;
            return None;
        }
        hidden = quote == '"' && c == '\\';
        (c == quote).then_some(at)
    })
}

fn unify_line_ends(text: &str) -> SecretString {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        push_unified(c, chars.peek().copied(), &mut out);
    }
    SecretString::copy_from(&out)
}

/// Resolves the escapes. The result is never longer, so that the buffer never moves.
fn unescape(text: &str) -> SecretString {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = chars.peek().copied().and_then(escaped);
        match (c, meant) {
            ('\\', Some(meant)) => {
                out.push(meant);
                chars.next();
            }
            _ => push_unified(c, chars.peek().copied(), &mut out),
        }
    }
    SecretString::copy_from(&out)
}

/// Returns what the character means behind a backslash, if it is one that has a meaning there.
fn escaped(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '\\' | '"' | '$' => Some(c),
        _ => None,
    }
}

/// Pushes `c`, but LF for a line end of any kind.
fn push_unified(c: char, next: Option<char>, out: &mut String) {
    match (c, next) {
        ('\r', Some('\n')) => {} // the LF follows
        ('\r', _) => out.push('\n'),
        _ => out.push(c),
    }
}

/// Takes off the byte order mark and checks that the rest is text.
fn decode(bytes: &[u8]) -> Result<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = line_ends(before).saturating_add(1);
        expected(line, "UTF-8 text")
    })
}

/// Counts the line ends: LF, CRLF and CR.
fn line_ends(bytes: &[u8]) -> usize {
    let mut last = 0;
    let mut count = 0usize;
    for &byte in bytes {
        let second_half = byte == b'\n' && last == b'\r';
        if matches!(byte, b'\n' | b'\r') && !second_half {
            count = count.saturating_add(1);
        }
        last = byte;
    }
    count
}

fn expected(line: usize, what: &str) -> Error {
    Error::invalid(format!("line {line}: expected {what}"))
}
