//! What is handed out as JSON.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use vaultcore::kv::{KvMetadata, VersionInfo};
use vaultcore::{Error, ErrorKind, LeaseInfo, Result};
use zeroize::Zeroizing;

use super::bytes::vc_buffer;

/// Returns `value` as JSON in a buffer, and leaves no copy behind.
pub(super) fn buffer<T: Serialize + ?Sized>(value: &T) -> Result<vc_buffer> {
    // The length first: text that grows moves, and what it was moved from is not wiped.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(|_| no_json())?;
    let mut text = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *text, value).map_err(|_| no_json())?;
    Ok(vc_buffer::copy_from(&text))
}

fn no_json() -> Error {
    Error::new(ErrorKind::Panicked, "a reply does not become JSON")
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A secret's metadata with the names that Vault gives its fields.
#[derive(Serialize)]
pub(super) struct Metadata<'m> {
    cas_required: bool,
    created_time: String,
    current_metadata_version: u64,
    current_version: u64,
    custom_metadata: &'m BTreeMap<String, String>,
    delete_version_after: String,
    max_versions: u32,
    metadata_cas_required: bool,
    oldest_version: u64,
    updated_time: String,
    versions: BTreeMap<u64, Version>,
}

/// A lease with the names that Vault gives its fields, and two more.
#[derive(Serialize)]
pub(super) struct Lease<'l> {
    id: &'l str,
    issue_time: String,
    expire_time: String,
    last_renewal: Option<String>,
    renewable: bool,
    ttl: u64,
    state: &'static str,
    failure: &'l str,
}

impl<'l> From<&'l LeaseInfo> for Lease<'l> {
    fn from(lease: &'l LeaseInfo) -> Self {
        Self {
            id: &lease.id,
            issue_time: lease.issued.to_string(),
            expire_time: lease.expires.to_string(),
            last_renewal: lease.renewed.map(|time| time.to_string()),
            renewable: lease.renewable,
            ttl: lease.ttl.as_secs(),
            state: lease.state.as_str(),
            failure: &lease.failure,
        }
    }
}

#[derive(Serialize)]
struct Version {
    created_time: String,
    deletion_time: String,
    destroyed: bool,
}

impl<'m> From<&'m KvMetadata> for Metadata<'m> {
    fn from(metadata: &'m KvMetadata) -> Self {
        let versions = metadata.versions.iter();
        let after = metadata.delete_version_after.unwrap_or_default();
        Self {
            cas_required: metadata.cas_required,
            created_time: metadata.created_time.to_string(),
            current_metadata_version: metadata.current_metadata_version,
            current_version: metadata.current_version,
            custom_metadata: &metadata.custom_metadata,
            delete_version_after: format!("{}s", after.as_secs()),
            max_versions: metadata.max_versions,
            metadata_cas_required: metadata.metadata_cas_required,
            oldest_version: metadata.oldest_version,
            updated_time: metadata.updated_time.to_string(),
            versions: versions.map(|one| (one.version, one.into())).collect(),
        }
    }
}

impl From<&VersionInfo> for Version {
    fn from(version: &VersionInfo) -> Self {
        let deletion = version.deletion_time.map(|time| time.to_string());
        Self {
            created_time: version.created_time.to_string(),
            deletion_time: deletion.unwrap_or_default(),
            destroyed: version.destroyed,
        }
    }
}
