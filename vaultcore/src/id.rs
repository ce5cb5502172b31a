//! Random identifiers.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Creates the id from its 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Parses the 32 hex digits that it prints as; `None` for any other text.
            #[allow(dead_code)] // not every kind of id is read
            pub(crate) fn parse(text: &str) -> Option<Self> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
                Some(Self(bytes.try_into().ok()?))
            }

            /// Returns the 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

id! {
    /// Names one vault for ever; it is bound into every record. Prints as 32 hex digits.
    ///
    /// ```
    /// let id = vaultcore::VaultId::from_bytes([0xab; 16]);
    /// assert_eq!(id.to_string(), "ab".repeat(16));
    /// ```
    VaultId,
    /// Names one mount: what is stored below it stays there when its path changes.
    ///
    /// ```
    /// let id = vaultcore::MountId::from_bytes([1; 16]);
    /// assert_eq!(id.to_string(), "01".repeat(16));
    /// ```
    MountId,
    /// Names one key slot.
    ///
    /// ```
    /// let id = vaultcore::SlotId::from_bytes([2; 16]);
    /// assert_eq!(id.to_string(), "02".repeat(16));
    /// ```
    SlotId,
    /// Names one namespace; [`NamespaceId::ROOT`] is the one that every vault begins with.
    ///
    /// ```
    /// let id = vaultcore::NamespaceId::from_bytes([4; 16]);
    /// assert_eq!(id.to_string(), "04".repeat(16));
    /// assert_ne!(id, vaultcore::NamespaceId::ROOT);
    /// ```
    NamespaceId,
    /// Names one entity: who somebody is, whichever way they log in.
    ///
    /// ```
    /// let id = vaultcore::EntityId::from_bytes([5; 16]);
    /// assert_eq!(id.to_string(), "05".repeat(16));
    /// ```
    EntityId,
    /// Names one alias: a way of logging in that leads to an entity, or to an external group.
    ///
    /// ```
    /// let id = vaultcore::AliasId::from_bytes([7; 16]);
    /// assert_eq!(id.to_string(), "07".repeat(16));
    /// ```
    AliasId,
    /// Names one group of entities.
    ///
    /// ```
    /// let id = vaultcore::GroupId::from_bytes([8; 16]);
    /// assert_eq!(id.to_string(), "08".repeat(16));
    /// ```
    GroupId,
    /// Finds one token without telling what it is.
    ///
    /// ```
    /// let id = vaultcore::TokenId::from_bytes([6; 16]);
    /// assert_eq!(id.to_string(), "06".repeat(16));
    /// ```
    TokenId,
    /// Finds one lease without telling what it is.
    ///
    /// ```
    /// let key = vaultcore::LeaseKey::from_bytes([9; 16]);
    /// assert_eq!(key.to_string(), "09".repeat(16));
    /// ```
    LeaseKey,
    /// Names one ceremony, such as an unseal or a rekey in progress.
    ///
    /// ```
    /// let nonce = vaultcore::Nonce::from_bytes([3; 16]);
    /// assert_eq!(nonce.to_string(), "03".repeat(16));
    /// ```
    Nonce,
    /// Names one audit device: its chain and its salt stay its own when it is disabled and another
    /// one takes its path.
    ///
    /// ```
    /// let id = vaultcore::AuditId::from_bytes([4; 16]);
    /// assert_eq!(id.to_string(), "04".repeat(16));
    /// ```
    AuditId,
    /// Names one run of an audit device: what one process wrote to it, from start to end.
    ///
    /// ```
    /// let id = vaultcore::RunId::from_bytes([5; 16]);
    /// assert_eq!(id.to_string(), "05".repeat(16));
    /// ```
    RunId,
}

impl MountId {
    /// Stands for what is in no mount: policies, tokens and so on.
    pub(crate) const BUILT_IN: Self = Self([0; 16]);
}

impl NamespaceId {
    /// The namespace that every vault begins with.
    pub const ROOT: Self = Self([0; 16]);

    /// Returns the id as it stands in stored paths: `root`, or 32 hex digits.
    pub(crate) fn part(&self) -> String {
        if *self == Self::ROOT {
            return "root".to_owned();
        }
        self.to_string()
    }
}
