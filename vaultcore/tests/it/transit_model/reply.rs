//! What a step comes to, in words that vault and model share.

use vaultcore::ErrorKind;
use vaultcore::transit::{KeyInfo, KeyType};

use super::step::Name;

pub(crate) type Outcome = Result<Reply, ErrorKind>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Done,
    Version(u32),
    Info(Info),
    Names(Vec<Name>),
    Made(Made),
    Batch(Vec<Result<Made, ErrorKind>>),
    Plain(Plain),
    Valid(bool),
    /// Versions, and a number for each text that was exported.
    Exported(Vec<(u32, usize)>),
}

/// A ciphertext, signature or MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) version: u32,
    /// The first one with the very same text, by its number, if it is not the first itself.
    pub(crate) twin: Option<usize>,
}

/// What was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Text(u8),
    /// A data key, by the number of the ciphertext that it came as, and its length.
    DataKey(usize, u64),
}

/// What is shown of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) kind: KeyType,
    pub(crate) flags: [bool; 8],
    pub(crate) latest: u32,
    /// For decryption, for encryption, available.
    pub(crate) minimum: [u32; 3],
    pub(crate) auto: u64,
    pub(crate) size: u16,
    /// Numbers, and when they were made.
    pub(crate) versions: Vec<(u32, u64)>,
}

impl From<KeyInfo> for Info {
    fn from(info: KeyInfo) -> Self {
        let versions = info.versions.iter();
        Self {
            kind: info.kind,
            flags: [
                info.derived,
                info.convergent,
                info.exportable,
                info.allow_plaintext_backup,
                info.deletion_allowed,
                info.imported,
                info.allow_rotation,
                info.soft_deleted,
            ],
            latest: info.latest_version,
            minimum: [
                info.min_decryption_version,
                info.min_encryption_version,
                info.min_available_version,
            ],
            auto: info.auto_rotate_period.as_secs(),
            size: info.key_size,
            versions: versions
                .map(|version| (version.version, version.created.as_micros() / 1_000_000))
                .collect(),
        }
    }
}

/// Gives each thing a number, the same whenever it comes.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T>(Vec<T>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Numbers<T> {
    pub(crate) fn of(&mut self, thing: T) -> usize {
        match self.0.iter().position(|known| *known == thing) {
            Some(number) => number,
            None => {
                self.0.push(thing);
                self.0.len() - 1
            }
        }
    }
}
