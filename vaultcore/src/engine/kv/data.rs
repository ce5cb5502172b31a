//! The record of one version: `format (1) | key id (16) | version (8) | mark (16) | JSON`.

use std::mem;

use zeroize::Zeroizing;

use super::metadata::{Home, Metadata, Version};
use crate::error::{Error, Result};
use crate::operation::{Context, Mounted};
use crate::path::EntryPath;
use crate::secret::SecretWriter;

const FORMAT: u8 = 1;
const HEADER: usize = 1 + 16 + 8 + 16;

/// The JSON of a version, wiped when dropped: at once, where `Zeroizing` takes a step for each byte.
pub(crate) struct Plain(Zeroizing<Vec<u8>>);

impl Drop for Plain {
    fn drop(&mut self) {
        vaultcore_os::zero(&mut self.0);
        drop(mem::take(&mut *self.0));
    }
}

impl Plain {
    pub(crate) fn json(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

/// Returns the record of version `number` of `metadata`'s secret.
pub(super) fn encode(
    key: &[u8; 16],
    number: u64,
    mark: &[u8; 16],
    json: &[u8],
) -> Zeroizing<Vec<u8>> {
    let mut out = SecretWriter::with_capacity(HEADER.saturating_add(json.len()));
    out.push(&[FORMAT]);
    out.push(key);
    out.push(&number.to_be_bytes());
    out.push(mark);
    out.push(json);
    out.into_bytes()
}

/// Returns where the record of `version` is stored.
///
/// # Errors
/// `Corrupt` if the metadata does not say.
pub(super) fn entry(
    mount: Mounted<'_>,
    metadata: &Metadata,
    version: &Version,
) -> Result<EntryPath> {
    let slot = version.slot.ok_or_else(corrupt)?;
    metadata.data_entry(Home::of(mount), slot)
}

/// Reads the record of `version` at `entry`, and checks that it is the one that the metadata names.
pub(super) fn load(
    cx: &mut Context<'_, '_>,
    entry: &EntryPath,
    metadata: &Metadata,
    version: &Version,
) -> Result<Plain> {
    let bytes = cx.txn.get(entry)?.ok_or_else(corrupt)?;
    let plain = check(bytes, metadata, version)?;
    cx.txn.proven();
    Ok(plain)
}

/// Checks that the record `bytes` is that of `version` of the metadata's secret.
pub(super) fn check(
    bytes: Zeroizing<Vec<u8>>,
    metadata: &Metadata,
    version: &Version,
) -> Result<Plain> {
    match is_of(&bytes, &metadata.key, version.number, &version.mark) {
        true => Ok(Plain(bytes)),
        false => Err(corrupt()),
    }
}

fn corrupt() -> Error {
    Error::corrupt("a version's data is not the one that its metadata names")
}

/// Returns whether `record` begins as that of version `number` of the secret `key` does.
fn is_of(record: &[u8], key: &[u8; 16], number: u64, mark: &[u8; 16]) -> bool {
    let fields: [&[u8]; 4] = [&[FORMAT], key, &number.to_be_bytes(), mark];
    let mut rest = record;
    fields.iter().all(|field| match rest.strip_prefix(*field) {
        Some(behind) => {
            rest = behind;
            true
        }
        None => false,
    })
}
