//! The text of a line: JSON, written front to back.

use zeroize::{Zeroize, Zeroizing};

/// JSON under construction. Members and elements put their own comma in front.
///
/// If it may hold secrets it is wiped, and it grows without leaving old copies in the heap.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    secret: bool,
}

/// Where something began, to take it back if nothing came of it.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize);

impl Buffer {
    pub(super) fn new(secret: bool) -> Self {
        let bytes = Vec::with_capacity(1_024);
        Self { bytes, secret }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let needed = self.bytes.len().saturating_add(bytes.len());
        if self.secret && needed > self.bytes.capacity() {
            let mut larger = Vec::with_capacity(needed.saturating_mul(2));
            larger.extend_from_slice(&self.bytes);
            let _old = Zeroizing::new(std::mem::replace(&mut self.bytes, larger));
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.bytes.len())
    }

    pub(super) fn take_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.0);
    }

    /// Writes the comma that separates what comes from what was, if there was something.
    pub(super) fn comma(&mut self) {
        if !matches!(self.bytes.last(), Some(b'{' | b'[' | b':') | None) {
            self.push(b",");
        }
    }

    /// Writes the name of a member, which needs no escaping.
    pub(super) fn name(&mut self, name: &str) {
        self.comma();
        self.push(b"\"");
        self.push(name.as_bytes());
        self.push(b"\":");
    }

    /// Begins an object as the member `name`.
    pub(super) fn begin(&mut self, name: &str) -> Mark {
        let mark = self.mark();
        self.name(name);
        self.push(b"{");
        mark
    }

    /// Ends the object that began at `mark`; an empty one is taken back.
    pub(super) fn end(&mut self, mark: Mark) {
        if self.bytes.last() == Some(&b'{') {
            self.take_back(mark);
        } else {
            self.push(b"}");
        }
    }

    /// Writes a member of text, unless it is empty.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.name(name);
            self.string(text);
        }
    }

    /// Writes a member that is a number, unless it is zero.
    pub(super) fn number(&mut self, name: &str, number: u64) {
        if number != 0 {
            self.name(name);
            self.digits(number);
        }
    }

    pub(super) fn digits(&mut self, number: u64) {
        let mut digits = [0; 20]; // u64::MAX has 20
        let mut rest = number;
        let mut count = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            count += 1;
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(digits.len() - count..).unwrap_or_default();
        self.push(digits);
    }

    /// Writes text as a JSON string.
    pub(super) fn string(&mut self, text: &str) {
        self.push(b"\"");
        let bytes = text.as_bytes();
        let mut written = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte >= b' ' && *byte != b'"' && *byte != b'\\' {
                continue;
            }
            self.push(bytes.get(written..at).unwrap_or_default());
            self.escape(*byte);
            written = at + 1;
        }
        self.push(bytes.get(written..).unwrap_or_default());
        self.push(b"\"");
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.push(b"\\\""),
            b'\\' => self.push(b"\\\\"),
            b'\n' => self.push(b"\\n"),
            b'\r' => self.push(b"\\r"),
            b'\t' => self.push(b"\\t"),
            other => {
                self.push(b"\\u00");
                self.hex(&[other]);
            }
        }
    }

    pub(super) fn hex(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(32) {
            let mut digits = [0; 64];
            if let Some(digits) = digits.get_mut(..chunk.len() * 2) {
                data_encoding::HEXLOWER.encode_mut(chunk, digits);
                self.push(digits);
            }
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.secret {
            self.bytes.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_members_and_objects_are_left_out() {
        let mut buffer = Buffer::new(true);
        buffer.push(b"{");
        let outer = buffer.begin("a");
        buffer.text("x", "");
        let inner = buffer.begin("b");
        buffer.number("n", 0);
        buffer.end(inner);
        buffer.end(outer);
        buffer.text("t", "v");
        buffer.number("n", u64::MAX);
        buffer.push(b"}");
        assert_eq!(
            buffer.as_bytes(),
            b"{\"t\":\"v\",\"n\":18446744073709551615}"
        );
    }

    proptest! {
        #[test]
        fn text_and_numbers_come_back(text: String, number: u64, secret: bool) {
            let mut buffer = Buffer::new(secret);
            buffer.push(b"[");
            buffer.string(&text);
            buffer.comma();
            buffer.digits(number);
            buffer.push(b"]");
            let (back, same): (String, u64) =
                serde_json::from_slice(buffer.as_bytes()).expect("JSON");
            prop_assert_eq!(back, text);
            prop_assert_eq!(same, number);
        }
    }
}
