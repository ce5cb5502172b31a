//! Text that remembers how random each of its characters is.

use data_encoding::{BASE64, HEXLOWER};

use crate::crypto::hash::{Hash, hash};

/// How many bits of chance a letter or digit that was drawn has, one of those without regard to case,
/// and a hexadecimal digit.
const LETTER: u32 = 6;
const CASELESS: u32 = 5;
const HEX: u32 = 4;

/// Text, each byte with its bits of chance. All of it is ASCII.
#[derive(Clone, Default)]
pub(super) struct Marked(Vec<(u8, u32)>);

impl Marked {
    pub(super) fn plain(text: &str) -> Self {
        Self(text.bytes().map(|byte| (byte, 0)).collect())
    }

    /// Letters and digits, drawn at random.
    pub(super) fn drawn(text: &str) -> Self {
        Self(text.bytes().map(|byte| (byte, LETTER)).collect())
    }

    /// Hexadecimal digits of random bytes, with dashes among them.
    pub(super) fn drawn_hex(text: &str) -> Self {
        let bits = |byte| if byte == b'-' { 0 } else { HEX };
        Self(text.bytes().map(|byte| (byte, bits(byte))).collect())
    }

    pub(super) fn push(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bits of chance in all of it.
    pub(super) fn bits(&self) -> u32 {
        let bits = self.0.iter().map(|(_, bits)| *bits);
        bits.fold(0, u32::saturating_add)
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|(byte, _)| *byte).collect()
    }

    pub(super) fn into_string(self) -> String {
        self.0
            .into_iter()
            .map(|(byte, _)| char::from(byte))
            .collect()
    }

    pub(super) fn truncate(mut self, max: usize) -> Self {
        self.0.truncate(max);
        self
    }

    /// Keeps a text of at most `max` bytes; of a longer one the last 8 are the hash of what was cut.
    pub(super) fn truncate_sha256(self, max: usize) -> Self {
        if self.len() <= max {
            return self;
        }
        let mut kept = self.0;
        let cut = Self(kept.split_off(max.saturating_sub(8).min(kept.len())));
        let mut kept = Self(kept);
        kept.push(cut.sha256().truncate(8));
        kept
    }

    /// Changes the case of letters, which then tell nothing by it.
    pub(super) fn cased(mut self, change: fn(&u8) -> u8) -> Self {
        for (byte, bits) in &mut self.0 {
            *byte = change(byte);
            *bits = CASELESS.min(*bits);
        }
        self
    }

    pub(super) fn replace(self, find: &str, by: &str) -> Self {
        let (bytes, find) = (self.bytes(), find.as_bytes());
        let mut replaced = Self::default();
        let mut at = 0usize;
        while let Some(one) = self.0.get(at) {
            let here = bytes.get(at..).unwrap_or_default();
            if find.is_empty() || !here.starts_with(find) {
                replaced.0.push(*one);
                at = at.saturating_add(1);
            } else {
                replaced.push(Self::plain(by));
                at = at.saturating_add(find.len());
            }
        }
        replaced
    }

    /// Its hash in hexadecimal digits, which have what chance there is, from the first digit on.
    pub(super) fn sha256(&self) -> Self {
        let mut left = self.bits();
        let digits = HEXLOWER.encode(&hash(Hash::Sha256, &self.bytes()));
        let digit = |byte| {
            let bits = HEX.min(left);
            left = left.saturating_sub(bits);
            (byte, bits)
        };
        Self(digits.bytes().map(digit).collect())
    }

    /// Two digits for each byte. In ASCII most of what tells bytes apart is in the second one.
    pub(super) fn hex(&self) -> Self {
        let digits = HEXLOWER.encode(&self.bytes());
        let chances = self.0.iter().flat_map(|(_, bits)| {
            let second = HEX.min(*bits);
            [bits.saturating_sub(second), second]
        });
        Self(digits.bytes().zip(chances).collect())
    }

    /// Four characters for three bytes, each with a part of one or two of them.
    pub(super) fn base64(&self) -> Self {
        let text = BASE64.encode(&self.bytes());
        let bits_of = |at: usize| self.0.get(at).map_or(0, |(_, bits)| *bits);
        let chance = |at: usize| {
            let bit = at.saturating_mul(6);
            let (first, last) = (bit / 8, bit.saturating_add(5) / 8);
            HEX.min(bits_of(first)).min(bits_of(last))
        };
        let bytes = text.bytes().enumerate();
        Self(bytes.map(|(at, byte)| (byte, chance(at))).collect())
    }
}
