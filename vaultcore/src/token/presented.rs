//! A token as somebody presents it.

use std::sync::OnceLock;

use super::store::{entry_path, token_id};
use super::text::split_namespace;
use crate::barrier::Txn;
use crate::error::Result;
use crate::id::{NamespaceId, TokenId};
use crate::path::EntryPath;
use crate::secret::SecretString;

/// The text of a token, and where such a token is stored, which is a MAC under a key that the vault
/// never changes: for a session it is worked out once. Whether the token is there, and in force, is
/// looked up in every call.
pub(crate) struct Presented {
    secret: SecretString,
    place: OnceLock<Place>,
}

/// Where a token is stored, if it is.
pub(super) struct Place {
    pub(super) namespace: NamespaceId,
    pub(super) id: TokenId,
    pub(super) path: EntryPath,
}

impl Presented {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            secret: SecretString::copy_from(text),
            place: OnceLock::new(),
        }
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub(crate) fn expose(&self) -> &str {
        self.secret.expose()
    }

    pub(super) fn place(&self, txn: &Txn<'_>) -> Result<&Place> {
        if let Some(known) = self.place.get() {
            return Ok(known);
        }
        let (text, namespace) = split_namespace(self.expose());
        let id = token_id(txn, namespace, text);
        let path = entry_path(namespace, id)?;
        let place = Place {
            namespace,
            id,
            path,
        };
        Ok(self.place.get_or_init(|| place))
    }
}
