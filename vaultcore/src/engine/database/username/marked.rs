//! Text that remembers which of its characters are random.

use data_encoding::{BASE64, HEXLOWER};

use crate::crypto::hash::{Hash, hash};

/// Text, each byte with whether it was drawn at random. All of it is ASCII.
#[derive(Clone, Default)]
pub(super) struct Marked(Vec<(u8, bool)>);

impl Marked {
    pub(super) fn plain(text: &str) -> Self {
        Self(text.bytes().map(|byte| (byte, false)).collect())
    }

    pub(super) fn drawn(text: &str) -> Self {
        Self(text.bytes().map(|byte| (byte, true)).collect())
    }

    /// Text that was worked out of `from`: as many of its characters count as random as those of
    /// `from` do.
    fn derived(text: &str, from: &Self) -> Self {
        let random = from.random();
        let bytes = text.bytes().enumerate();
        Self(bytes.map(|(at, byte)| (byte, at < random)).collect())
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

    /// Returns how many characters are random.
    pub(super) fn random(&self) -> usize {
        self.0.iter().filter(|(_, random)| *random).count()
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

    pub(super) fn map(mut self, change: fn(&u8) -> u8) -> Self {
        for (byte, _) in &mut self.0 {
            *byte = change(byte);
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

    pub(super) fn sha256(&self) -> Self {
        let digest = hash(Hash::Sha256, &self.bytes());
        Self::derived(&HEXLOWER.encode(&digest), self)
    }

    pub(super) fn hex(&self) -> Self {
        Self::derived(&HEXLOWER.encode(&self.bytes()), self)
    }

    pub(super) fn base64(&self) -> Self {
        Self::derived(&BASE64.encode(&self.bytes()), self)
    }
}
