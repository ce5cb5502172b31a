//! Request and response data: JSON in, the same JSON with its values hashed out, in one pass.
//!
//! No tree is built and no library's scratch buffer sees a value: text without escapes is hashed
//! where it stands, and text with escapes is decoded into wiped memory.

use zeroize::Zeroizing;

use super::buffer::Buffer;
use super::entry::Texts;
use super::hash::Hasher;

/// How deep data may nest. What is deeper is hashed as a whole.
const MAX_DEPTH: usize = 64;
/// How many values data may have: one digit becomes 78 characters, so this bounds the line.
const MAX_NODES: usize = 10_000;

/// What becomes of the values.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) hasher: &'a Hasher,
    /// Leaves all as it is.
    pub(super) raw: bool,
    /// The members of the data, not of what is inside them, that stay as they are.
    pub(super) plain: &'a dyn Texts,
    /// Writes how many `keys` and `key_info` there are in place of them.
    pub(super) counts: bool,
}

/// Writes `json` as the member `name`, unless it is empty. What is not one JSON object, or too
/// large a one, is hashed as a whole: it is never shown.
pub(super) fn member(buffer: &mut Buffer, name: &str, json: &[u8], rules: Rules<'_>) {
    if json.is_empty() {
        return;
    }
    buffer.name(name);
    let mark = buffer.mark();
    if transcode(buffer, json, rules).is_none() {
        buffer.take_back(mark);
        rules.hasher.write(buffer, json);
    }
}

fn transcode(buffer: &mut Buffer, json: &[u8], rules: Rules<'_>) -> Option<()> {
    std::str::from_utf8(json).ok()?;
    let mut scanner = Scanner {
        rest: json,
        nodes: MAX_NODES,
        buffer,
        rules,
    };
    scanner.space();
    scanner.object(MAX_DEPTH, Mode::of(rules), true)?;
    scanner.space();
    scanner.rest.is_empty().then_some(())
}

/// What is done with the values that are read.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Hash,
    Keep,
    /// Only counts them.
    Skip,
}

impl Mode {
    fn of(rules: Rules<'_>) -> Self {
        if rules.raw { Self::Keep } else { Self::Hash }
    }
}

struct Scanner<'s, 'b> {
    rest: &'s [u8],
    nodes: usize,
    buffer: &'b mut Buffer,
    rules: Rules<'s>,
}

impl<'s> Scanner<'s, '_> {
    fn space(&mut self) {
        let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let length = self.rest.iter().take_while(space).count();
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Takes `token` and the space behind it, if it is next.
    fn eat(&mut self, token: u8) -> bool {
        let found = self.rest.first() == Some(&token);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
            self.space();
        }
        found
    }

    /// Takes `length` bytes.
    fn take(&mut self, length: usize) -> Option<&'s [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn write(&mut self, mode: Mode, bytes: &[u8]) {
        if mode != Mode::Skip {
            self.buffer.push(bytes);
        }
    }

    fn value(&mut self, depth: usize, mode: Mode) -> Option<()> {
        self.nodes = self.nodes.checked_sub(1)?;
        match self.rest.first()? {
            b'{' => self.object(depth, mode, false).map(|_| ()),
            b'[' => self.array(depth, mode).map(|_| ()),
            b'"' => self.text(mode),
            b'n' => {
                let null = self.word(b"null")?;
                self.write(mode, null);
                Some(())
            }
            b't' => self.word(b"true").map(|word| self.scalar(mode, word)),
            b'f' => self.word(b"false").map(|word| self.scalar(mode, word)),
            _ => {
                let length = number(self.rest)?;
                let digits = self.take(length)?;
                self.scalar(mode, digits);
                Some(())
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<&'s [u8]> {
        self.rest.starts_with(word).then_some(())?;
        self.take(word.len())
    }

    /// A number or a boolean is hashed over its JSON text.
    fn scalar(&mut self, mode: Mode, text: &[u8]) {
        match mode {
            Mode::Hash => self.rules.hasher.write(self.buffer, text),
            Mode::Keep | Mode::Skip => self.write(mode, text),
        }
    }

    fn text(&mut self, mode: Mode) -> Option<()> {
        let (inner, escaped) = self.quoted()?;
        if escaped {
            let decoded = unescape(inner)?;
            if mode == Mode::Hash {
                self.rules.hasher.write(self.buffer, &decoded);
                return Some(());
            }
        } else if mode == Mode::Hash {
            self.rules.hasher.write(self.buffer, inner);
            return Some(());
        }
        self.literal(mode, inner);
        Some(())
    }

    /// Writes the inside of a string literal as it was.
    fn literal(&mut self, mode: Mode, inner: &[u8]) {
        self.write(mode, b"\"");
        self.write(mode, inner);
        self.write(mode, b"\"");
    }

    /// Takes a string literal; returns its inside, and whether that has escapes.
    fn quoted(&mut self) -> Option<(&'s [u8], bool)> {
        let body = self.rest.strip_prefix(b"\"")?;
        let mut escaped = false;
        let mut at = 0;
        loop {
            match body.get(at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at += 2;
                }
                0..=0x1f => return None,
                _ => at += 1,
            }
        }
        self.rest = body.get(at + 1..)?;
        Some((body.get(..at)?, escaped))
    }

    /// Takes an object; returns how many members it has.
    fn object(&mut self, depth: usize, mode: Mode, top: bool) -> Option<u64> {
        let deeper = depth.checked_sub(1)?;
        let mut members = 0;
        self.eat(b'{').then_some(())?;
        self.write(mode, b"{");
        while !self.eat(b'}') {
            if members > 0 {
                self.eat(b',').then_some(())?;
                self.write(mode, b",");
            }
            let (key, escaped) = self.quoted()?;
            let decoded = escaped.then(|| unescape(key));
            let plain = match &decoded {
                Some(decoded) => decoded.as_ref()?.as_slice(),
                None => key,
            };
            self.literal(mode, key);
            self.space();
            self.eat(b':').then_some(())?;
            self.write(mode, b":");
            if top {
                self.top_value(plain, deeper)?;
            } else {
                self.value(deeper, mode)?;
            }
            self.space();
            members += 1;
        }
        self.write(mode, b"}");
        Some(members)
    }

    /// The value of a member of the data itself, which the mount or device may except.
    fn top_value(&mut self, key: &[u8], depth: usize) -> Option<()> {
        let counted = match self.rest.first()? {
            b'[' if self.rules.counts && key == b"keys" => self.array(depth, Mode::Skip)?,
            b'{' if self.rules.counts && key == b"key_info" => {
                self.object(depth, Mode::Skip, false)?
            }
            _ => {
                let plain = self.rules.plain.holds(key);
                let mode = if plain {
                    Mode::Keep
                } else {
                    Mode::of(self.rules)
                };
                return self.value(depth, mode);
            }
        };
        self.buffer.digits(counted);
        Some(())
    }

    /// Takes an array; returns how many elements it has.
    fn array(&mut self, depth: usize, mode: Mode) -> Option<u64> {
        let deeper = depth.checked_sub(1)?;
        let mut elements = 0;
        self.eat(b'[').then_some(())?;
        self.write(mode, b"[");
        while !self.eat(b']') {
            if elements > 0 {
                self.eat(b',').then_some(())?;
                self.write(mode, b",");
            }
            self.value(deeper, mode)?;
            self.space();
            elements += 1;
        }
        self.write(mode, b"]");
        Some(elements)
    }
}

/// Returns the length of the number that `text` begins with (RFC 8259, section 6).
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let digits = text.get(from..).unwrap_or_default().iter();
        digits.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || whole > 1 && text.get(at) == Some(&b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        (fraction > 0).then_some(())?;
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        (exponent > 0).then_some(())?;
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// Decodes the inside of a string literal into memory that is wiped.
fn unescape(inner: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // An escape is never shorter than what it stands for, so this does not grow.
    let mut out = Zeroizing::new(Vec::with_capacity(inner.len()));
    let mut rest = inner;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (escape, tail) = rest.split_first()?;
        rest = tail;
        let plain = match escape {
            b'"' | b'\\' | b'/' => *escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, tail) = unicode(rest)?;
                rest = tail;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        out.push(plain);
    }
    Some(out)
}

/// Decodes what follows `\u`: four hex digits, and for a surrogate its second half.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = unit(text)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, rest));
    }
    let (low, rest) = unit(rest.strip_prefix(b"\\u")?)?;
    let fits = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    fits.then_some(())?;
    let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    char::from_u32(code).map(|character| (character, rest))
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | char::from(*digit).to_digit(16)?;
    }
    Some((unit, rest))
}

#[cfg(test)]
mod tests;
