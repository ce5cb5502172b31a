//! Batch tokens: they carry what others have stored, and nothing is written for them.

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::entry::{TokenEntry, TokenKind};
use super::text::with_namespace;
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::id::NamespaceId;
use crate::record::Record;
use crate::secret::SecretString;

const PREFIX: &str = "hvb.";
/// The longest batch token that is looked at.
const MAX_LENGTH: usize = 16_384;

/// Makes the text of a batch token.
pub(super) fn encode(
    txn: &Txn<'_>,
    namespace: NamespaceId,
    entry: &TokenEntry,
) -> Result<SecretString> {
    let plain = entry.encode()?;
    let stored = txn.keyring().index().encrypt_batch(&plain, txn.source())?;
    let text = Zeroizing::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&stored)));
    let text = with_namespace(&text, namespace);
    if text.len() > MAX_LENGTH {
        return Err(Error::invalid(
            "a batch token carries at most about 12 KiB of policies and metadata",
        ));
    }
    Ok(SecretString::copy_from(&text))
}

/// Returns whether `text` is to be a batch token.
pub(super) fn is_one(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Reads the text of a batch token, less its namespace; `None` for any other text.
pub(super) fn decode(txn: &Txn<'_>, text: &str) -> Option<TokenEntry> {
    let body = text
        .strip_prefix(PREFIX)
        .filter(|_| text.len() <= MAX_LENGTH)?;
    let stored = BASE64URL_NOPAD.decode(body.as_bytes()).ok()?;
    let plain = txn.keyring().index().decrypt_batch(&stored)?;
    TokenEntry::decode(&plain)
        .ok()
        .filter(|entry| entry.kind == TokenKind::Batch)
}
