//! The texts that a history made, and the bytes that it made them of.

use std::collections::BTreeMap;

use vaultcore::SecretString;
use vaultcore::transit::Input;

use super::reply::{Made, Numbers, Plain};
use super::step::{Item, Twist};

/// A ciphertext, and of a data key where it came from.
pub(super) struct Sealed {
    pub(super) text: String,
    pub(super) origin: usize,
}

/// The texts that were made, in the order in which the model knows them too.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) sealed: Vec<Sealed>,
    pub(super) signed: Vec<String>,
    pub(super) macs: Vec<String>,
    pub(super) backups: Vec<SecretString>,
    /// Data keys, by the numbers of the ciphertexts that they came as.
    pub(super) learned: BTreeMap<usize, Vec<u8>>,
    pub(super) exported: Numbers<String>,
}

impl Texts {
    /// Keeps a ciphertext, which holds the data key of `origin` if that is one.
    pub(super) fn sealed(&mut self, text: String, origin: Option<usize>) -> Made {
        let made = Made {
            version: version(&text),
            twin: self.sealed.iter().position(|old| old.text == text),
        };
        let origin = origin.unwrap_or(self.sealed.len());
        self.sealed.push(Sealed { text, origin });
        made
    }

    /// Says in the model's words what was decrypted.
    pub(super) fn plain(&mut self, origin: usize, bytes: &[u8]) -> Plain {
        let text = (0..3).find(|number| plain(*number) == bytes);
        text.map_or_else(
            || {
                // A data key that was wrapped only is seen for the first time.
                let known = self.learned.entry(origin).or_insert(bytes.to_vec());
                let bits = if known == bytes { 8 * bytes.len() } else { 0 };
                Plain::DataKey(origin, bits as u64)
            },
            Plain::Text,
        )
    }
}

pub(super) fn made(texts: &mut Vec<String>, text: String) -> Made {
    let made = Made {
        version: version(&text),
        twin: texts.iter().position(|old| *old == text),
    };
    texts.push(text);
    made
}

fn version(text: &str) -> u32 {
    let rest = text.strip_prefix("vault:v").expect("a text of a key");
    let (number, _) = rest.split_once(':').expect("a version");
    number.parse().expect("a number")
}

/// Returns the text with another letter in its middle, if that is the twist.
pub(super) fn damaged(text: &str, twist: Twist) -> String {
    if twist != Twist::Damage {
        return text.to_owned();
    }
    let at = text.len() / 2;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    [&text[..at], other, &text[at + 1..]].concat()
}

fn plain(number: u8) -> Vec<u8> {
    format!("plain {number}").into_bytes()
}

/// The bytes of an item.
pub(super) struct Owned {
    pub(super) plain: Vec<u8>,
    context: Vec<u8>,
    associated: Vec<u8>,
    version: u32,
}

impl Owned {
    pub(super) fn of(item: &Item) -> Self {
        Self {
            plain: plain(item.plain),
            context: Self::bytes("context", item.context),
            associated: Self::bytes("associated", item.associated),
            version: item.version,
        }
    }

    fn bytes(name: &str, number: u8) -> Vec<u8> {
        match number {
            0 => Vec::new(),
            number => format!("{name} {number}").into_bytes(),
        }
    }

    pub(super) fn twisted(mut self, twist: Twist) -> Self {
        match twist {
            Twist::Nothing | Twist::Damage => {}
            Twist::Context(other) => self.context = Self::bytes("context", other),
            Twist::Associated(other) => self.associated = Self::bytes("associated", other),
            Twist::Plain(other) => self.plain = plain(other),
        }
        self
    }

    pub(super) fn input<'d, B: AsRef<[u8]> + ?Sized>(&'d self, data: &'d B) -> Input<'d> {
        Input::new(data)
            .context(&self.context)
            .associated_data(&self.associated)
            .version(self.version)
    }
}
