//! Rust source as tokens, without comments, text and test code: enough to see who names whom.

/// An identifier or one character of punctuation, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub(crate) fn is_name(&self) -> bool {
        self.text
            .starts_with(|c: char| c == '_' || c.is_alphabetic())
    }
}

/// Returns the tokens of `source`. Text, characters and lifetimes are one token `"` each.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut scanner = Scanner {
        rest: source,
        line: 1,
        found: Vec::new(),
    };
    while scanner.step() {}
    scanner.found
}

/// Removes every item that is compiled for tests only, and returns the rest together with the
/// names of the modules that were declared for tests only and have a file of their own.
pub(crate) fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    while let Some((token, tail)) = rest.split_first() {
        if let Some(after) = test_attribute(rest) {
            let (item, next) = rest.split_at(rest.len() - after_item(after).len());
            modules.extend(declared_module(item));
            rest = next;
        } else {
            kept.push(token.clone());
            rest = tail;
        }
    }
    (kept, modules)
}

/// Returns what follows `#[cfg(test)]`, or any attribute `cfg(all(test, ..))`.
fn test_attribute(tokens: &[Token]) -> Option<&[Token]> {
    let plain = ["#", "[", "cfg", "(", "test", ")"];
    let all = ["#", "[", "cfg", "(", "all", "(", "test"];
    match starts_with(tokens, &plain) || starts_with(tokens, &all) {
        true => tokens.get(1..).map(after_group),
        false => None,
    }
}

pub(crate) fn starts_with(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.is(text))
}

/// Returns what follows one item: its last brace, or its semicolon.
fn after_item(mut tokens: &[Token]) -> &[Token] {
    while let Some((token, tail)) = tokens.split_first() {
        tokens = match token.text.as_str() {
            ";" => return tail,
            "{" => return after_group(tokens),
            "(" | "[" => after_group(tokens),
            _ => tail,
        };
    }
    tokens
}

/// Returns what follows the group that the first token opens.
pub(crate) fn after_group(mut tokens: &[Token]) -> &[Token] {
    let mut depth = 0usize;
    while let Some((token, tail)) = tokens.split_first() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens = tail;
        if depth == 0 {
            break;
        }
    }
    tokens
}

/// Returns `name` if the item is `mod name;`.
fn declared_module(item: &[Token]) -> Option<String> {
    let at = item.windows(3).find(|three| match three {
        [word, _, end] => word.is("mod") && end.is(";"),
        _ => false,
    });
    at.and_then(|three| three.get(1))
        .map(|token| token.text.clone())
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Token>,
}

impl Scanner<'_> {
    /// Reads one token or one thing that is none; returns whether anything was left.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        let (length, text) = match first {
            _ if self.rest.starts_with("//") => (self.rest.find('\n'), None),
            _ if self.rest.starts_with("/*") => (block_comment(self.rest), None),
            _ if raw_text(self.rest).is_some() => (raw_text(self.rest), Some("\"")),
            '"' => (quoted(self.rest), Some("\"")),
            '\'' => (character(self.rest), Some("\"")),
            c if c.is_whitespace() => (Some(c.len_utf8()), None),
            c if c == '_' || c.is_alphanumeric() => {
                let length = word(self.rest);
                (Some(length), self.rest.get(..length))
            }
            c => (Some(c.len_utf8()), self.rest.get(..c.len_utf8())),
        };
        if let Some(text) = text {
            self.found.push(Token {
                text: text.to_owned(),
                line: self.line,
            });
        }
        self.advance(length.unwrap_or(self.rest.len()));
        true
    }

    fn advance(&mut self, length: usize) {
        let (passed, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

fn word(text: &str) -> usize {
    let end = |c: char| c != '_' && !c.is_alphanumeric();
    text.find(end).unwrap_or(text.len())
}

/// Returns the length of a block comment; these nest.
fn block_comment(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next()?.len_utf8();
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns the length of `r"..."` and its kin, or `None` if the text begins otherwise.
fn raw_text(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let body = text.get(prefix.len()..)?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end)?;
    Some(prefix.len() + hashes + 1 + length + end.len())
}

fn quoted(text: &str) -> Option<usize> {
    let mut escaped = true; // The opening quote does not close.
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns the length of a character or of a lifetime's quote.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next(); // What is escaped may itself be a quote.
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
    }
    match chars.next() {
        Some((at, '\'')) => Some(at + 1),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_text_hide_what_they_hold() {
        assert_eq!(texts("a // crate::b\nc"), ["a", "c"]);
        assert_eq!(texts("a /* x /* y */ crate */ c"), ["a", "c"]);
        assert_eq!(
            texts(r##"a "crate \" b" r#"crate"x"# br"\" c"##),
            ["a", "\"", "\"", "\"", "c"]
        );
        assert_eq!(texts(r"'a' '\'' '\u{41}' b"), ["\"", "\"", "\"", "b"]);
        assert_eq!(texts("&'a str"), ["&", "\"", "a", "str"]);
    }

    #[test]
    fn lines_are_counted_through_text_and_comments() {
        let found = tokens("/*\n*/ \"\n\" a\nb");
        let lines: Vec<_> = found.iter().map(|token| token.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }

    #[test]
    fn test_items_are_dropped_and_nothing_else() {
        let source = "use a; #[cfg(test)] #[path = \"x\"] mod tests { fn f() { b } } fn c() {}
            #[cfg(test)] use d::{e, f}; #[cfg(all(test, unix))] mod sim; #[cfg(not(test))] fn g() {}";
        let (kept, modules) = without_tests(&tokens(source));
        let kept: Vec<_> = kept.into_iter().map(|token| token.text).collect();
        for gone in ["b", "tests", "sim"] {
            assert!(!kept.contains(&gone.to_owned()), "{gone}");
        }
        for stays in ["a", "c", "g"] {
            assert!(kept.contains(&stays.to_owned()), "{stays}");
        }
        assert_eq!(modules, ["sim"]);
    }

    #[test]
    fn unfinished_source_ends() {
        for source in ["/* x", "\"x", "r#\"x", "'", "'\\", "#[cfg(test)] mod x {"] {
            without_tests(&tokens(source));
        }
    }
}
