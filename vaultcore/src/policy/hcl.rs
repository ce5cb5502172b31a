//! Reads HCL version 1, as far as policies need it.

use serde_json::Number;

use super::lexer::{Lexer, Token};
use super::syntax::{At, Item, MAX_DEPTH, Value, too_deep};
use crate::error::Result;

/// Parses the items of a whole text; beside them are the comments behind the last one.
pub(super) fn parse(text: &str) -> Result<(Vec<Item>, Vec<String>)> {
    let mut parser = Parser::new(text)?;
    let items = parser.items(0)?;
    match parser.token {
        Token::End => Ok((items, parser.lexer.notes(usize::MAX))),
        _ => Err(parser.at.error("expected a key or the end of the text")),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
    at: At,
    /// The line on which the token before `token` begins.
    line: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self> {
        let mut lexer = Lexer::new(text);
        let (at, token) = lexer.next()?;
        Ok(Self {
            lexer,
            token,
            at,
            line: 1,
        })
    }

    fn step(&mut self) -> Result<Token> {
        self.line = self.at.line;
        let (at, token) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn take(&mut self, expected: &Token) -> Result<bool> {
        let found = self.token == *expected;
        if found {
            self.step()?;
        }
        Ok(found)
    }

    /// Items up to what is no key; each may be followed by a comma.
    fn items(&mut self, depth: usize) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        while matches!(self.token, Token::Word(_) | Token::Text(_)) {
            let mut item = self.item(depth)?;
            self.take(&Token::Comma)?;
            if depth == 0 {
                item.notes = self.lexer.notes(self.line);
            }
            items.push(item);
        }
        Ok(items)
    }

    fn item(&mut self, depth: usize) -> Result<Item> {
        let at = self.at;
        let mut keys = Vec::new();
        while matches!(self.token, Token::Word(_) | Token::Text(_)) {
            if let Token::Word(key) | Token::Text(key) = self.step()? {
                keys.push(key);
            }
        }
        let assigned = self.token == Token::Assign;
        if assigned && keys.len() > 1 {
            return Err(self.at.error("expected `{` behind several keys, found `=`"));
        }
        if assigned {
            self.step()?;
        } else if self.token != Token::Open {
            return Err(self.at.error("expected `=` or `{` behind a key"));
        }
        let value = self.value(depth)?;
        Ok(Item {
            at,
            keys,
            assigned,
            value,
            notes: Vec::new(),
        })
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        let at = self.at;
        let bad = "expected a text, a number, true, false, a list or an object";
        match self.step()? {
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Number(number) => Ok(Value::Number(number)),
            Token::Word(word) => match word.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(at.error(bad)),
            },
            Token::Open | Token::OpenList if depth >= MAX_DEPTH => Err(too_deep(at)),
            Token::Open => {
                let items = self.items(depth + 1)?;
                match self.take(&Token::Close)? {
                    true => Ok(Value::Object(items)),
                    false => Err(self.at.error("expected a key or `}`")),
                }
            }
            Token::OpenList => self.list(depth + 1).map(Value::List),
            _ => Err(at.error(bad)),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            if self.take(&Token::CloseList)? {
                return Ok(values);
            }
            values.push(self.value(depth)?);
            if !self.take(&Token::Comma)? && self.token != Token::CloseList {
                return Err(self.at.error("expected `,` or `]` in a list"));
            }
        }
    }
}

/// Reads a number: decimal, with a fraction or an exponent, hexadecimal or octal.
pub(super) fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let hex = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let octal = digits.len() > 1 && digits.starts_with('0') && !digits.contains(['.', 'e', 'E']);
    let integer = match hex {
        Some(hex) if hex.starts_with('+') => return None,
        Some(hex) => u64::from_str_radix(hex, 16),
        None if octal => u64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    if let Ok(integer) = integer {
        return match negative {
            false => Some(Number::from(integer)),
            true => 0i64.checked_sub_unsigned(integer).map(Number::from),
        };
    }
    let is_float = digits.contains(['.', 'e', 'E']) && hex.is_none();
    let float = text.parse::<f64>().ok().filter(|_| is_float)?;
    Number::from_f64(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_hcls() {
        for (text, expected) in [
            ("0", "0"),
            ("-7", "-7"),
            ("0x1F", "31"),
            ("010", "8"),
            ("1.5", "1.5"),
            ("-2e3", "-2000.0"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(number(text).expect(text).to_string(), expected);
        }
        for bad in [
            "",
            "-",
            "08",
            "0xg",
            "1e999",
            "18446744073709551616",
            "-9223372036854775809",
            "0x+1",
            "0x",
            "+1",
            "1.5.5",
        ] {
            assert!(number(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(parse(&"[".repeat(60_000)).is_err());
        assert!(parse(&"a {".repeat(20_000)).is_err());
        assert!(parse(&"a = [".repeat(10_000)).is_err());
    }
}
