//! AES key wrap with padding (RFC 5649, NIST SP 800-38F), under keys of 256 bits.

use aws_lc_rs::key_wrap::{AES_256, KeyEncryptionKey, KeyWrapPadded};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Wraps `key`, which is not empty.
pub(crate) fn wrap(under: &[u8; 32], key: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Error::invalid("the key does not let itself be wrapped");
    vaultcore_os::scrubbed(|| {
        let under = KeyEncryptionKey::new(&AES_256, under).map_err(failed)?;
        let mut out = vec![0; key.len().saturating_add(15)];
        let length = under
            .wrap_with_padding(key, &mut out)
            .map_err(failed)?
            .len();
        out.truncate(length);
        Ok(out)
    })
}

/// Unwraps; `None` whatever is wrong.
pub(crate) fn unwrap(under: &[u8; 32], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    vaultcore_os::scrubbed(|| {
        let under = KeyEncryptionKey::new(&AES_256, under).ok()?;
        let mut out = Zeroizing::new(vec![0; wrapped.len()]);
        let length = under.unwrap_with_padding(wrapped, &mut out).ok()?.len();
        out.truncate(length);
        Some(out)
    })
}
