//! A key that is ready for use: what was expanded stays, in memory, as long as the entry it came
//! from is cached, and no longer than the vault is unsealed.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::budget::Uses;
use super::key::{Key, Version};
use super::kind::KeyType;
use crate::crypto::cipher::CipherKey;
use crate::crypto::extended::{Decapsulator, Decryptor};
use crate::crypto::hash::{self, Hash, HmacKey};
use crate::crypto::sign::Signer;
use crate::crypto::{RawKey, mac};
use crate::error::{Error, Result};
use crate::operation::Context;
use crate::record::Record;

/// A stored key, with what was expanded of it so far.
pub(super) struct Prepared {
    pub(super) key: Key,
    pub(super) kind: KeyType,
    ready: Vec<Ready>,
}

/// What was expanded of one version.
#[derive(Default)]
struct Ready {
    cipher: OnceLock<CipherKey>,
    hmac: OnceLock<HmacKey>,
    signer: OnceLock<Signer>,
    decryptor: OnceLock<Decryptor>,
    decapsulator: OnceLock<Decapsulator>,
    uses: OnceLock<Arc<Uses>>,
}

/// One version of a key that is ready for use.
#[derive(Clone, Copy)]
pub(super) struct Usable<'k> {
    pub(super) number: u32,
    pub(super) kind: KeyType,
    id: &'k [u8; 16],
    pub(super) stored: &'k Version,
    ready: &'k Ready,
}

impl Prepared {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        Self::new(Key::decode(bytes)?)
    }

    pub(super) fn new(key: Key) -> Result<Self> {
        let kind = key.kind()?;
        let ready = key.versions.iter().map(|_| Ready::default()).collect();
        Ok(Self { key, kind, ready })
    }

    /// Returns a version that is not trimmed.
    pub(super) fn version(&self, number: u32) -> Option<Usable<'_>> {
        let index = usize::try_from(number.checked_sub(self.key.first)?).ok()?;
        Some(Usable {
            number,
            kind: self.kind,
            id: &self.key.id,
            stored: self.key.versions.get(index)?,
            ready: self.ready.get(index)?,
        })
    }

    /// Returns the version that encrypts, signs and MACs if `wanted` is asked for; 0 is the newest.
    ///
    /// # Errors
    /// `InvalidArgument` for one that there is not, or that the key's rules keep from it.
    pub(super) fn to_use(&self, wanted: u32) -> Result<Usable<'_>> {
        let rules = &self.key.rules;
        let number = match wanted {
            0 => self.key.latest(),
            number => number,
        };
        let found = self
            .version(number)
            .ok_or_else(|| Error::invalid("the key has no such version, or has it no more"))?;
        if number < rules.min_encryption || number < rules.min_decryption {
            return Err(Error::invalid(
                "this version of the key is older than its rules allow",
            ));
        }
        Ok(found)
    }

    /// Returns the version that made what is to be decrypted or verified, if the rules allow it.
    pub(super) fn that_made(&self, number: u32) -> Option<Usable<'_>> {
        if number < self.key.rules.min_decryption {
            return None;
        }
        self.version(number)
    }
}

impl<'k> Usable<'k> {
    /// Returns the secret of the version.
    ///
    /// # Errors
    /// `InvalidArgument` if only its public key is known.
    pub(super) fn material(&self) -> Result<&'k [u8]> {
        let material = self.stored.material.0.as_slice();
        if material.is_empty() {
            return Err(Error::invalid(
                "of this version only the public key is known",
            ));
        }
        Ok(material)
    }

    /// Returns what names the key for ever.
    pub(super) fn id(&self) -> &'k [u8; 16] {
        self.id
    }

    /// Returns the expanded symmetric key.
    pub(super) fn cipher(&self) -> Result<&'k CipherKey> {
        let cipher = self.kind.cipher();
        let make = || match cipher {
            Some(cipher) => CipherKey::new(cipher, self.material()?),
            None => {
                self.kind.check_built()?;
                Err(Error::invalid("keys of this type do not encrypt"))
            }
        };
        expanded(&self.ready.cipher, make)
    }

    /// Returns the key of `context`, and the one that makes its nonces if they come from the text.
    pub(super) fn derived(&self, context: &[u8]) -> Result<(CipherKey, HmacKey)> {
        let cipher = self
            .kind
            .cipher()
            .ok_or_else(|| Error::invalid("keys of this type do not encrypt"))?;
        let length = cipher.key_length();
        let both = hash::hkdf(self.material()?, context, length.saturating_add(32))?;
        let (key, nonces) = both.split_at(length.min(both.len()));
        Ok((
            CipherKey::new(cipher, key)?,
            HmacKey::new(Hash::Sha256, nonces),
        ))
    }

    /// Returns the seed that is derived for `context`: as in Vault, from seed and public key.
    pub(super) fn derived_seed(&self, context: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let public = self.stored.public.as_slice();
        let both = Zeroizing::new([self.material()?, public].concat());
        hash::hkdf(&both, context, 32)
    }

    /// Returns the key for HMAC-SHA256.
    pub(super) fn hmac(&self) -> Result<&'k HmacKey> {
        expanded(&self.ready.hmac, || {
            Ok(HmacKey::new(Hash::Sha256, &self.stored.hmac.0))
        })
    }

    /// Returns the private key, ready to sign.
    pub(super) fn signer(&self) -> Result<&'k Signer> {
        expanded(&self.ready.signer, || {
            let algorithm = self
                .kind
                .algorithm()
                .ok_or_else(|| Error::invalid("keys of this type do not sign"))?;
            Signer::new(algorithm, self.material()?, &self.stored.public)
        })
    }

    /// Returns the private key, ready to decrypt by RSA.
    pub(super) fn decryptor(&self) -> Result<&'k Decryptor> {
        expanded(&self.ready.decryptor, || {
            let algorithm = self
                .kind
                .algorithm()
                .ok_or_else(|| Error::invalid("keys of this type do not decrypt"))?;
            Decryptor::new(algorithm, self.material()?)
        })
    }

    /// Returns the private key, ready to decapsulate by ML-KEM.
    pub(super) fn decapsulator(&self) -> Result<&'k Decapsulator> {
        expanded(&self.ready.decapsulator, || {
            Decapsulator::new(self.material()?)
        })
    }

    /// Returns the uses that this process holds of the version.
    pub(super) fn uses(&self, cx: &Context<'_, '_>) -> Result<&'k Arc<Uses>> {
        if let Some(uses) = self.ready.uses.get() {
            return Ok(uses);
        }
        let known = super::known(cx)?;
        let make = || known.of(*self.id, self.number);
        Ok(self.ready.uses.get_or_init(make))
    }

    /// Returns the key that hedges the nonces of the version.
    pub(super) fn hedge(&self) -> RawKey {
        let number = self.number.to_be_bytes();
        mac::sign_once(
            b"vaultcore transit nonces",
            &[&self.stored.material.0, self.id, &number],
        )
    }
}

/// Returns what `cell` holds, making it first if need be.
fn expanded<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}
