//! Hiding of names: storage sees no text that a user chose.
//!
//! A hidden part is base64url(nonce | ciphertext | tag) with nonce = HMAC(name-mac, parent, name)
//! cut to 12 bytes, under a key that rotation never changes, so that a name is found again. Equal
//! names in different folders look different; a folder is still a prefix.

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::crypto::aead::{AeadKey, NONCE, TAG};
use crate::crypto::framed;
use crate::crypto::mac::{MacKey, derive};
use crate::error::Result;
use crate::id::VaultId;
use crate::path::{Folder, MAX_PATH};

/// The bytes of a hidden part, at most.
const MAX_BODY: usize = NONCE + MAX_PATH + TAG;

/// The keys that hide names in one vault.
#[derive(Debug)]
pub(crate) struct NameKeys {
    vault: VaultId,
    mac: MacKey,
    enc: AeadKey,
}

impl NameKeys {
    /// Derives the keys from the vault's index key.
    pub(crate) fn new(vault: VaultId, index_key: &[u8; 32]) -> Self {
        let mac = MacKey::new(&derive(index_key, "name-mac"));
        let enc = AeadKey::new(&derive(index_key, "name-enc"));
        Self { vault, mac, enc }
    }

    /// Returns the stored part for `name` in the folder `parent`.
    pub(crate) fn hide(&self, parent: &Folder, name: &str) -> Result<String> {
        let nonce = self.nonce(parent, name);
        let mut body = Zeroizing::new(Vec::with_capacity(NONCE + name.len() + TAG));
        body.extend_from_slice(&nonce);
        body.extend_from_slice(name.as_bytes());
        let text = body.get_mut(NONCE..).unwrap_or_default();
        let tag = self.enc.encrypt(nonce, &self.aad(parent), text)?;
        body.extend_from_slice(&tag);
        Ok(BASE64URL_NOPAD.encode(&body))
    }

    /// Returns what reveals the names in the folder `parent`.
    pub(crate) fn opener(&self, parent: &Folder) -> Opener<'_> {
        Opener {
            enc: &self.enc,
            aad: self.aad(parent),
            body: Zeroizing::new([0; MAX_BODY]),
        }
    }

    /// Returns the name that `part` hides in the folder `parent`; `None` for any other bytes.
    pub(crate) fn reveal(&self, parent: &Folder, part: &str) -> Option<Zeroizing<String>> {
        let mut opener = self.opener(parent);
        opener
            .reveal(part)
            .map(|name| Zeroizing::new(name.to_owned()))
    }

    fn nonce(&self, parent: &Folder, name: &str) -> [u8; NONCE] {
        let tag = self
            .mac
            .sign(&[parent.as_str().as_bytes(), name.as_bytes()]);
        tag.first_chunk().copied().unwrap_or_default()
    }

    fn aad(&self, parent: &Folder) -> Vec<u8> {
        framed(&[b"name", self.vault.as_bytes(), parent.as_str().as_bytes()])
    }
}

/// Reveals the names in one folder, all in the same place.
pub(crate) struct Opener<'k> {
    enc: &'k AeadKey,
    aad: Vec<u8>,
    body: Zeroizing<[u8; MAX_BODY]>,
}

impl Opener<'_> {
    /// Returns the name that `part` hides; `None` for any other bytes.
    ///
    /// The tag proves that this vault made the part: nothing else encrypts under this key. So the
    /// nonce needs no check, which would be a MAC for each name.
    pub(crate) fn reveal(&mut self, part: &str) -> Option<&str> {
        let size = BASE64URL_NOPAD.decode_len(part.len()).ok()?;
        let body = self.body.get_mut(..size)?;
        BASE64URL_NOPAD.decode_mut(part.as_bytes(), body).ok()?;
        let (nonce, sealed) = body.split_first_chunk_mut()?;
        let name = self.enc.decrypt(*nonce, &self.aad, sealed)?;
        str::from_utf8(name).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> NameKeys {
        NameKeys::new(VaultId::from_bytes([1; 16]), &[2; 32])
    }

    #[test]
    fn names_come_back_and_look_different_elsewhere() {
        let (here, there) = (Folder::fixed("here"), Folder::fixed("there"));
        let hidden = keys().hide(&here, "db-\u{e9}").expect("hides");
        assert_eq!(hidden, keys().hide(&here, "db-\u{e9}").expect("hides"));
        assert_ne!(hidden, keys().hide(&there, "db-\u{e9}").expect("hides"));
        assert_eq!(
            **keys().reveal(&here, &hidden).expect("reveals"),
            *"db-\u{e9}"
        );
        assert!(keys().reveal(&there, &hidden).is_none());
    }

    #[test]
    fn one_opener_reveals_many_names_of_any_length() {
        let here = Folder::fixed("here");
        let keys = keys();
        let mut opener = keys.opener(&here);
        for length in [MAX_PATH, 1, 0, 3, MAX_PATH - 1] {
            let name = "n".repeat(length);
            let hidden = keys.hide(&here, &name).expect("hides");
            assert_eq!(opener.reveal(&hidden), Some(name.as_str()));
            assert!(opener.reveal(&hidden[1..]).is_none());
        }
        assert!(opener.reveal(&"A".repeat(10_000)).is_none());
    }

    #[test]
    fn changed_parts_are_refused() {
        let here = Folder::fixed("here");
        let hidden = keys().hide(&here, "database").expect("hides");
        for index in 0..hidden.len() {
            let mut changed = hidden.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert!(keys().reveal(&here, &changed).is_none());
            assert!(keys().reveal(&here, &hidden[..index]).is_none());
        }
        let other = NameKeys::new(VaultId::from_bytes([9; 16]), &[2; 32]);
        assert!(other.reveal(&here, &hidden).is_none());
    }
}
