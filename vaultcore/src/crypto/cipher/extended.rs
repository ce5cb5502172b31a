//! XChaCha20-Poly1305, which ring lacks.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use vaultcore_os::LockedBox;

use super::TAG;

/// A key in locked memory. The cipher is set up for each call, which costs next to nothing, and
/// wipes itself.
#[derive(Debug)]
pub(super) struct Key(LockedBox<[u8; 32]>);

impl Key {
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let key: &[u8; 32] = key.try_into().ok()?;
        Some(Self(LockedBox::new_with(|| *key)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.0).into())
    }

    pub(super) fn encrypt(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Option<[u8; TAG]> {
        let nonce = XNonce::try_from(nonce).ok()?;
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce, aad, buffer.into());
        tag.ok().map(Into::into)
    }

    pub(super) fn decrypt(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        skip: usize,
    ) -> Option<usize> {
        let nonce = XNonce::try_from(nonce).ok()?;
        let length = buffer.len().checked_sub(skip)?.checked_sub(TAG)?;
        let (text, tag) = buffer.get_mut(skip..)?.split_at_mut(length);
        let tag = Tag::try_from(&*tag).ok()?;
        self.cipher()
            .decrypt_inout_detached(&nonce, aad, text.into(), &tag)
            .ok()?;
        buffer.copy_within(skip..skip.checked_add(length)?, 0);
        Some(length)
    }
}
