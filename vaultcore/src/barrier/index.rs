//! Keys that rotation never changes: those that find what is stored under a name or a token.

use crate::crypto::mac::{MacKey, derive};
use crate::error::Result;
use crate::id::VaultId;
use crate::path::EntryPath;

use super::envelope::{Place, SealingKey, Stored};
use crate::crypto::rng::Random;
use zeroize::Zeroizing;

/// What a finding key is for; equal inputs give different ids for different uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    Token,
    /// What somebody, or a group, is called by an auth method.
    Alias,
    /// The id of a role that is logged in by.
    RoleId,
    /// What proves it.
    SecretId,
    /// A name that somebody tried to log in by.
    Attempt,
    Lease,
}

/// The keys of one vault, derived from its index key.
#[derive(Debug)]
pub(crate) struct IndexKeys {
    vault: VaultId,
    token: MacKey,
    alias: MacKey,
    login: MacKey,
    lease: MacKey,
    batch: SealingKey,
}

impl IndexKeys {
    pub(crate) fn new(vault: VaultId, index_key: &[u8; 32]) -> Self {
        Self {
            vault,
            token: MacKey::new(&derive(index_key, "token")),
            alias: MacKey::new(&derive(index_key, "alias")),
            login: MacKey::new(&derive(index_key, "login")),
            lease: MacKey::new(&derive(index_key, "lease")),
            batch: SealingKey::new("batch", &derive(index_key, "batch")),
        }
    }

    /// Returns where something is found by `fields`: 16 bytes that tell nothing of them.
    pub(crate) fn id(&self, purpose: Use, fields: &[&[u8]]) -> [u8; 16] {
        let (key, label): (_, &[u8]) = match purpose {
            Use::Token => (&self.token, b"token"),
            Use::Alias => (&self.alias, b"alias"),
            Use::RoleId => (&self.login, b"role-id"),
            Use::SecretId => (&self.login, b"secret-id"),
            Use::Attempt => (&self.login, b"attempt"),
            Use::Lease => (&self.lease, b"lease"),
        };
        let framed = crate::crypto::framed(fields);
        let framed = Zeroizing::new(framed);
        let tag = key.sign(&[label, &framed]);
        tag.first_chunk().copied().unwrap_or_default()
    }

    /// Encrypts what a batch token carries.
    pub(crate) fn encrypt_batch(&self, plain: &[u8], source: &dyn Random) -> Result<Vec<u8>> {
        let path = EntryPath::new("batch")?;
        let place = Place {
            vault: &self.vault,
            path: &path,
        };
        self.batch.encrypt(&place, 0, plain, source)
    }

    /// Decrypts what a batch token carries; `None` for anything that this vault did not make.
    pub(crate) fn decrypt_batch(&self, stored: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let path = EntryPath::new("batch").ok()?;
        let place = Place {
            vault: &self.vault,
            path: &path,
        };
        self.batch.decrypt(&place, &Stored::split(stored)?)
    }
}
