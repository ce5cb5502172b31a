//! Metadata of secrets, and the configuration of their mount.

use super::Kv;
use crate::engine::kv::{
    Configure, DeleteMetadata, KvConfig, KvConfigUpdate, KvMetadata, MetadataUpdate, ReadConfig,
    ReadMetadata, UpdateMode, WriteMetadata,
};
use crate::error::Result;
use crate::path::SecretPath;

impl Kv {
    /// Reads the metadata of a secret.
    ///
    /// # Errors
    /// `NotFound` if there is no such secret.
    pub fn metadata(&self, path: &str) -> Result<KvMetadata> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        self.vault.run(&self.caller, &ReadMetadata { mount, path })
    }

    /// Writes the metadata of a secret: what `update` sets, with its custom metadata in place of
    /// what was there. A secret that does not exist gets metadata and no version.
    ///
    /// # Errors
    /// `InvalidArgument`, `LimitExceeded` for values beyond the limits.
    pub fn put_metadata(&self, path: &str, update: &MetadataUpdate) -> Result<()> {
        self.write_metadata(path, update, UpdateMode::Write)
    }

    /// Changes the metadata of a secret: what `update` sets, custom metadata key by key.
    ///
    /// # Errors
    /// As [`put_metadata`](Self::put_metadata); `NotFound` if there is no such secret.
    pub fn patch_metadata(&self, path: &str, update: &MetadataUpdate) -> Result<()> {
        self.write_metadata(path, update, UpdateMode::Patch)
    }

    fn write_metadata(&self, path: &str, update: &MetadataUpdate, mode: UpdateMode) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        let operation = WriteMetadata {
            mount,
            path,
            update: update.clone(),
            mode,
        };
        self.vault.run(&self.caller, &operation).map(drop)
    }

    /// Removes a secret with its metadata and all versions, for good. Nothing happens if there is
    /// none. A new secret at the same path begins at version 1.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn delete_metadata(&self, path: &str) -> Result<()> {
        let (mount, path) = (self.mount.clone(), SecretPath::new(path)?);
        match self
            .vault
            .run(&self.caller, &DeleteMetadata { mount, path })?
        {
            // The secret is gone. What could not be deleted is left to `Vault::tick`.
            Some(rest) => self.vault.finish(&rest).or(Ok(())),
            None => Ok(()),
        }
    }

    /// Reads the configuration of the mount.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn config(&self) -> Result<KvConfig> {
        self.vault.run(
            &self.caller,
            &ReadConfig {
                mount: self.mount.clone(),
            },
        )
    }

    /// Changes the configuration of the mount: what `update` sets, as in Vault.
    ///
    /// # Errors
    /// `InvalidArgument` for values beyond the limits; `NotFound` without a mount.
    pub fn configure(&self, update: &KvConfigUpdate) -> Result<()> {
        self.vault.run(
            &self.caller,
            &Configure {
                mount: self.mount.clone(),
                update: update.clone(),
            },
        )
    }
}
