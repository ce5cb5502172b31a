//! A token as somebody presents it.

use std::sync::OnceLock;

use super::batch;
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
    place: OnceLock<Option<Place>>,
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

    /// Returns where the token is stored; `None` for one that carries all that it is.
    pub(super) fn place(&self, txn: &Txn<'_>) -> Result<Option<&Place>> {
        if let Some(known) = self.place.get() {
            return Ok(known.as_ref());
        }
        let (text, namespace) = split_namespace(self.expose());
        if batch::is_one(text) {
            return Ok(self.place.get_or_init(|| None).as_ref());
        }
        let id = token_id(txn, namespace, text);
        let path = entry_path(namespace, id)?;
        let place = Place {
            namespace,
            id,
            path,
        };
        Ok(self.place.get_or_init(|| Some(place)).as_ref())
    }
}
