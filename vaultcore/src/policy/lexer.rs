//! The words of HCL version 1.

use serde_json::Number;

use super::hcl::number;
use super::syntax::At;
use crate::error::Result;

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Number(Number),
    Assign,
    Comma,
    Open,
    Close,
    OpenList,
    CloseList,
    End,
}

pub(super) struct Lexer<'t> {
    rest: &'t str,
    at: At,
    /// Lines of comments, each with the line on which its comment begins.
    comments: Vec<(usize, String)>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let at = At { line: 1, column: 1 };
        Self {
            rest: text,
            at,
            comments: Vec::new(),
        }
    }

    /// Returns the next token and where it begins.
    pub(super) fn next(&mut self) -> Result<(At, Token)> {
        self.skip()?;
        let at = self.at;
        let Some(first) = self.peek() else {
            return Ok((at, Token::End));
        };
        let token = match first {
            '=' => self.single(Token::Assign),
            ',' => self.single(Token::Comma),
            '{' => self.single(Token::Open),
            '}' => self.single(Token::Close),
            '[' => self.single(Token::OpenList),
            ']' => self.single(Token::CloseList),
            '"' => Token::Text(self.text()?),
            '<' => Token::Text(self.heredoc()?),
            '-' | '0'..='9' => self.number()?,
            letter if letter.is_alphabetic() || letter == '_' => self.word(),
            _ => return Err(at.error("a character that means nothing here")),
        };
        Ok((at, token))
    }

    /// Takes the comments that began up to `line`.
    pub(super) fn notes(&mut self, line: usize) -> Vec<String> {
        let count = self.comments.partition_point(|(begun, _)| *begun <= line);
        self.comments.drain(..count).map(|(_, text)| text).collect()
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next()?;
        self.rest = chars.as_str();
        if first == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(first)
    }

    fn single(&mut self, token: Token) -> Token {
        self.bump();
        token
    }

    /// Takes characters as long as they are `wanted`.
    fn run(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let all = self.rest;
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        all.get(..all.len() - self.rest.len()).unwrap_or_default()
    }

    /// Skips blanks and comments.
    fn skip(&mut self) -> Result<()> {
        loop {
            self.run(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                let (line, text) = (self.at.line, self.run(|c| c != '\n'));
                let text = text.strip_prefix("//").unwrap_or(text);
                let text = text.trim_start_matches('#').trim();
                self.comments.push((line, text.to_owned()));
            } else if self.rest.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn block_comment(&mut self) -> Result<()> {
        let at = self.at;
        self.bump();
        self.bump();
        let begun = self.rest;
        while !self.rest.starts_with("*/") {
            if self.bump().is_none() {
                return Err(at.error("a comment that does not end"));
            }
        }
        let text = begun
            .get(..begun.len() - self.rest.len())
            .unwrap_or_default();
        for line in text.lines() {
            let line = line.trim().trim_start_matches('*').trim();
            self.comments.push((at.line, line.to_owned()));
        }
        self.bump();
        self.bump();
        Ok(())
    }

    fn word(&mut self) -> Token {
        let word = self.run(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        Token::Word(word.to_owned())
    }

    fn number(&mut self) -> Result<Token> {
        let at = self.at;
        let mut text = String::new();
        text.push_str(self.run(|c| c == '-'));
        text.push_str(self.run(|c| c.is_ascii_alphanumeric() || c == '.'));
        if text.ends_with(['e', 'E']) && !text.starts_with("0x") {
            text.push_str(self.run(|c| matches!(c, '+' | '-')));
            text.push_str(self.run(|c| c.is_ascii_digit()));
        }
        let number = number(&text).ok_or_else(|| at.error("not a number"))?;
        Ok(Token::Number(number))
    }

    fn text(&mut self) -> Result<String> {
        let at = self.at;
        self.bump();
        let mut text = String::new();
        loop {
            if self.rest.starts_with("${") {
                self.interpolation(&mut text)?;
                continue;
            }
            match self.bump() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(at)?),
                Some('\n' | '\0') | None => return Err(at.error("a text that does not end")),
                Some(other) => text.push(other),
            }
        }
    }

    /// Policies have nothing to interpolate: `${..}` stands for itself.
    fn interpolation(&mut self, text: &mut String) -> Result<()> {
        let at = self.at;
        let inside = self.run(|c| !matches!(c, '}' | '"' | '\\' | '\n' | '\0'));
        text.push_str(inside);
        match self.bump() {
            Some('}') => text.push('}'),
            _ => return Err(at.error("`${` in a text without a plain `}` behind it")),
        }
        Ok(())
    }

    fn escape(&mut self, at: At) -> Result<char> {
        let bad = || at.error("a text with an escape that HCL does not have");
        let (digits, radix) = match self.bump() {
            Some('a') => return Ok('\u{7}'),
            Some('b') => return Ok('\u{8}'),
            Some('f') => return Ok('\u{c}'),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('v') => return Ok('\u{b}'),
            Some(same @ ('\\' | '"')) => return Ok(same),
            Some('x') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some(octal @ '0'..='7') => {
                let first = octal.to_digit(8).unwrap_or_default();
                return self.code(first, 2, 8).ok_or_else(bad);
            }
            _ => return Err(bad()),
        };
        self.code(0, digits, radix).ok_or_else(bad)
    }

    fn code(&mut self, first: u32, digits: usize, radix: u32) -> Option<char> {
        let mut code = first;
        for _ in 0..digits {
            let digit = self.peek()?.to_digit(radix)?;
            self.bump();
            code = code.checked_mul(radix)?.checked_add(digit)?;
        }
        char::from_u32(code)
    }

    /// `<<NAME`, lines, and `NAME` on a line of its own; `<<-NAME` drops the common indentation.
    fn heredoc(&mut self) -> Result<String> {
        let at = self.at;
        let bad = || at.error("`<<` without a name behind it, and a line of that name after it");
        if !self.rest.starts_with("<<") {
            return Err(at.error("a character that means nothing here"));
        }
        self.bump();
        self.bump();
        let indented = self.rest.starts_with('-');
        if indented {
            self.bump();
        }
        let name = self.run(|c| c.is_alphanumeric() || c == '_');
        self.run(|c| c == '\r');
        if name.is_empty() || self.bump() != Some('\n') {
            return Err(bad());
        }
        let mut lines = Vec::new();
        loop {
            let line = self.run(|c| c != '\n');
            if line.trim() == name {
                break;
            }
            if self.bump().is_none() {
                return Err(bad());
            }
            lines.push(line);
        }
        Ok(unindented(&lines, indented))
    }
}

fn unindented(lines: &[&str], indented: bool) -> String {
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common = lines.iter().map(indent).min().unwrap_or_default();
    let cut = if indented { common } else { 0 };
    let mut text = String::new();
    for line in lines {
        text.push_str(line.get(cut..).unwrap_or_default());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Token> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            match lexer.next().expect("reads").1 {
                Token::End => return tokens,
                token => tokens.push(token),
            }
        }
    }

    fn one(text: &str) -> String {
        match texts(text).pop() {
            Some(Token::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn escapes_and_heredocs() {
        assert_eq!(one(r#""a\n\t\"\\\x41\u00e9\101""#), "a\n\t\"\\A\u{e9}A");
        assert_eq!(one(r#""a${b}c""#), "a${b}c");
        assert_eq!(one("<<EOF\n  a\n b\nEOF\n"), "  a\n b\n");
        assert_eq!(one("<<-EOF\n  a\n b\n EOF\n"), " a\nb\n");
        assert_eq!(one("<<EOF\nEOF"), "");
    }

    #[test]
    fn comments_are_skipped() {
        assert_eq!(texts("# a\n// b\n/* c\n d */ x /**/").len(), 1);
    }

    #[test]
    fn faults_say_where() {
        let error = |text: &str| {
            let mut lexer = Lexer::new(text);
            loop {
                match lexer.next() {
                    Ok((_, Token::End)) => panic!("read: {text}"),
                    Ok(_) => {}
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert!(error("a\n  \"b").starts_with("line 2, column 3: a text"));
        assert!(error("a 'b'").starts_with("line 1, column 3: a character"));
        assert!(error("/* x").starts_with("line 1, column 1: a comment"));
        for bad in [
            r#""\q""#,
            r#""\x4""#,
            r#""\ud800""#,
            "\"a\nb\"",
            r#""${a""#,
            "<a",
            "<<\n",
            "<<E\nx",
            "1x",
            "--1",
            "a\0",
            "a;",
            "\u{feff}a",
            "<<E x\nE\n",
        ] {
            error(bad);
        }
    }
}
