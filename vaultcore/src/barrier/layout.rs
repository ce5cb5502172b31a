//! The fixed paths of storage. The whole table stands in ARCHITECTURE.md.

use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::id::NamespaceId;
use crate::path::{EntryPath, Folder};

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name() -> Result<EntryPath> {
            static PATH: LazyLock<Option<EntryPath>> = LazyLock::new(|| EntryPath::new($path).ok());
            PATH.clone().ok_or_else(|| Error::invalid("a fixed path does not parse"))
        }
    )*};
}

fixed! {
    /// What the file is; in clear.
    header = "sys/header";
    /// The key slots; each authenticates itself.
    slots = "sys/slots";
    /// The keyring, under the root key.
    keyring = "sys/keyring";
    /// Written by every change to keyring and mounts, expected by every commit.
    epoch = "sys/epoch";
    /// When the vault was last in use, by all clocks.
    clock = "sys/clock";
    /// A rekey that waits for its new shares to be verified.
    rekey = "sys/rekey";
    /// How far `rewrap_all` has come.
    rewrap = "sys/rewrap";
    /// All namespaces but the root.
    namespaces = "sys/namespaces";
}

/// Returns the folder of one namespace's `area`.
pub(crate) fn area(namespace: NamespaceId, area: &'static str) -> Folder {
    Folder::fixed("ns").then(&namespace.part()).then(area)
}

/// Returns the folder of work that a crash may have interrupted.
pub(crate) fn work() -> Folder {
    Folder::fixed("work")
}
