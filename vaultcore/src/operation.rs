//! What the vault can do: typed operations, each with the access it needs beside what it does.

use crate::barrier::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::MountId;
use crate::path::MountPath;

/// One thing the vault can do. The pipeline runs it, and runs it again if it was overtaken: it
/// keeps all its changes in the transaction.
pub(crate) trait Operation {
    /// What the caller gets.
    type Reply;

    /// Where the operation works.
    fn target(&self) -> Target<'_>;

    /// Returns what the caller must be allowed to do. Decided before anything is performed.
    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>>;

    /// Does it.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply>;
}

/// Where an operation works.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// On the vault itself.
    System,
    /// In the mount at this path, which must be of this kind.
    Mount(&'a MountPath, &'static str),
}

/// What an operation works with.
pub(crate) struct Context<'c, 'a> {
    pub(crate) txn: &'c mut Txn<'a>,
    mount: Option<Mounted<'c>>,
}

/// The mount that an operation works in.
#[derive(Clone, Copy)]
pub(crate) struct Mounted<'c> {
    pub(crate) id: MountId,
    /// Where it is mounted.
    pub(crate) path: &'c MountPath,
    /// The engine's own configuration of this mount, as the engine wrote it.
    pub(crate) config: &'c [u8],
}

impl<'c, 'a> Context<'c, 'a> {
    pub(crate) fn new(txn: &'c mut Txn<'a>, mount: Option<Mounted<'c>>) -> Self {
        Self { txn, mount }
    }

    /// Returns the mount; operations on the system have none.
    pub(crate) fn mount(&self) -> Result<Mounted<'c>> {
        self.mount
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no engine is mounted there"))
    }
}

/// A path as policies name it, and what is done there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) path: String,
    pub(crate) capability: Capability,
}

impl Access {
    pub(crate) fn new(path: String, capability: Capability) -> Self {
        Self { path, capability }
    }
}

/// What a policy may grant on a path; the words are Vault's.
///
/// ```
/// use vaultcore::policy::Capability;
/// assert_eq!(Capability::parse("patch"), Some(Capability::Patch));
/// assert_eq!(Capability::Sudo.as_str(), "sudo");
/// assert_eq!(Capability::parse("write"), None); // no such word
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Writing what is not there yet.
    Create,
    /// Reading.
    Read,
    /// Writing what is there.
    Update,
    /// Changing a part of what is there.
    Patch,
    /// Deleting.
    Delete,
    /// Listing a folder.
    List,
    /// Listing a folder and all below it; OpenBao's word.
    Scan,
    /// Calling a path that is protected beyond its capability.
    Sudo,
}

impl Capability {
    /// Every capability.
    pub const ALL: &'static [Self] = &[
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::List,
        Self::Scan,
        Self::Sudo,
    ];

    /// Returns the word that policies use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Scan => "scan",
            Self::Sudo => "sudo",
        }
    }

    /// Returns the capability of this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == word)
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of engine that can be mounted.
pub(crate) trait Engine: Send + Sync {
    /// Returns the name by which it is mounted.
    fn kind(&self) -> &'static str;

    /// Checks the options of a mount, and returns the engine's configuration of it, encoded.
    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>>;
}
