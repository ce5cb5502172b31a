//! What is done with keys.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Transit;
use crate::engine::transit::{
    DataKey, Decrypt, Encrypt, Format, Fresh, HashData, HashType, Hmac, Input, Items, KeyName,
    NewKey, RandomBytes, Rewrap, Show, Sign, SignOptions, Verify, What,
};
use crate::error::Result;
use crate::secret::SecretBytes;

impl Transit {
    /// Encrypts, and returns the ciphertext as text: `vault:v<version>:<base64>`.
    ///
    /// A key that is not there is made, of the usual type and derived if a context is given, unless
    /// the mount forbids that.
    ///
    /// # Errors
    /// `InvalidArgument` for a key that does not encrypt, a version that there is not, or a context
    /// that is missing or not taken; `TooLarge` beyond [`MAX_PLAINTEXT`](crate::transit::MAX_PLAINTEXT);
    /// `LimitExceeded` if the version encrypted as often as is safe and could not be rotated.
    pub fn encrypt<'d>(&self, key: &str, plaintext: impl Into<Input<'d>>) -> Result<String> {
        let item = plaintext.into();
        let sealed = self.run(&self.encryption(key, Items::one(&item))?)?;
        Ok(Items::only(sealed)?.text)
    }

    /// Encrypts many items at once, each by itself; the results are in their order.
    ///
    /// # Errors
    /// As [`encrypt`](Self::encrypt), of the batch as a whole: it has 1 to
    /// [`MAX_BATCH`](crate::transit::MAX_BATCH) items, all with a context or none.
    pub fn encrypt_batch(&self, key: &str, items: &[Input<'_>]) -> Result<Vec<Result<String>>> {
        let sealed = self.run(&self.encryption(key, Items::many(items))?)?;
        let texts = sealed.into_iter().map(|sealed| Ok(sealed?.text));
        Ok(texts.collect())
    }

    fn encryption<'d>(&'d self, key: &str, items: Items<'d>) -> Result<Encrypt<'d>> {
        Ok(Encrypt {
            mount: &self.mount,
            name: KeyName::new(key)?,
            items,
            missing: NewKey::default(),
        })
    }

    /// Decrypts a ciphertext.
    ///
    /// # Errors
    /// `InvalidArgument`, the same for whatever is wrong: key, version, context, associated data, or
    /// the ciphertext itself. `NotFound` for a key that there is not.
    pub fn decrypt<'d>(&self, key: &str, ciphertext: impl Into<Input<'d>>) -> Result<SecretBytes> {
        let item = ciphertext.into();
        let plain = self.run(&Decrypt {
            mount: &self.mount,
            name: KeyName::new(key)?,
            items: Items::one(&item),
        })?;
        Ok(secret(Items::only(plain)?))
    }

    /// Decrypts many items at once, each by itself; the results are in their order.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt), of the batch as a whole.
    pub fn decrypt_batch(
        &self,
        key: &str,
        items: &[Input<'_>],
    ) -> Result<Vec<Result<SecretBytes>>> {
        let plain = self.run(&Decrypt {
            mount: &self.mount,
            name: KeyName::new(key)?,
            items: Items::many(items),
        })?;
        Ok(plain.into_iter().map(|plain| plain.map(secret)).collect())
    }

    /// Encrypts anew what a ciphertext holds, under the newest version or the one asked for, without
    /// showing it. Context and associated data stay the same.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt) and [`encrypt`](Self::encrypt).
    pub fn rewrap<'d>(&self, key: &str, ciphertext: impl Into<Input<'d>>) -> Result<String> {
        let item = ciphertext.into();
        let sealed = self.run(&Rewrap {
            mount: &self.mount,
            name: KeyName::new(key)?,
            items: Items::one(&item),
            fresh: Fresh::Renew,
        })?;
        Ok(Items::only(sealed)?.text)
    }

    /// Encrypts many ciphertexts anew; the results are in their order.
    ///
    /// # Errors
    /// As [`rewrap`](Self::rewrap), of the batch as a whole.
    pub fn rewrap_batch(&self, key: &str, items: &[Input<'_>]) -> Result<Vec<Result<String>>> {
        let sealed = self.run(&Rewrap {
            mount: &self.mount,
            name: KeyName::new(key)?,
            items: Items::many(items),
            fresh: Fresh::Renew,
        })?;
        Ok(sealed.into_iter().map(|sealed| Ok(sealed?.text)).collect())
    }

    /// Makes a random key of 128, 256 or 512 bits for data that is encrypted elsewhere. Returns it,
    /// and its ciphertext, which is to be kept with that data.
    ///
    /// `with` gives context, associated data and version; its data is not used.
    ///
    /// # Errors
    /// As [`encrypt`](Self::encrypt), and `NotFound`.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("transit", NewMount::transit())?;
    /// # let transit = session.transit("transit")?;
    /// use vaultcore::transit::{Input, NewKey};
    /// transit.create("app", &NewKey::default())?;
    /// let (key, wrapped) = transit.data_key("app", 256, Input::new(""))?;
    /// assert_eq!(transit.decrypt("app", &wrapped)?.expose(), key.expose());
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn data_key(&self, key: &str, bits: u64, with: Input<'_>) -> Result<(SecretBytes, String)> {
        let wrapped = self.run(&DataKey {
            mount: &self.mount,
            name: KeyName::new(key)?,
            show: Show::Plaintext,
            bits,
            with,
        })?;
        let plain = wrapped.plain.unwrap_or_default();
        Ok((secret(plain), wrapped.sealed.text))
    }

    /// As [`data_key`](Self::data_key), and shows the ciphertext only.
    ///
    /// # Errors
    /// As [`data_key`](Self::data_key).
    pub fn wrapped_data_key(&self, key: &str, bits: u64, with: Input<'_>) -> Result<String> {
        let wrapped = self.run(&DataKey {
            mount: &self.mount,
            name: KeyName::new(key)?,
            show: Show::Wrapped,
            bits,
            with,
        })?;
        Ok(wrapped.sealed.text)
    }

    /// Returns the MAC of the data, as text. Any type of key makes MACs.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a version that there is not.
    pub fn hmac<'d>(
        &self,
        key: &str,
        hash: HashType,
        data: impl Into<Input<'d>>,
    ) -> Result<String> {
        let item = data.into();
        let marks = self.run(&Hmac {
            mount: &self.mount,
            name: KeyName::new(key)?,
            hash,
            items: Items::one(&item),
            suffix: Cow::Borrowed(""),
        })?;
        Ok(Items::only(marks)?.text)
    }

    /// Tells whether `hmac` is the MAC of the data. What is malformed is none.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn verify_hmac<'d>(
        &self,
        key: &str,
        hash: HashType,
        data: impl Into<Input<'d>>,
        hmac: &str,
    ) -> Result<bool> {
        let options = SignOptions::new().hash(hash);
        self.judge(key, What::Hmac, options, &data.into(), hmac)
    }

    /// Signs the data; returns the signature as text.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a key that does not sign; `Unsupported` for a hash that this
    /// build does not sign with.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("transit", NewMount::transit())?;
    /// # let transit = session.transit("transit")?;
    /// use vaultcore::transit::{KeyType, NewKey, SignOptions};
    /// transit.create("release", &NewKey::new(KeyType::Ed25519))?;
    /// let signature = transit.sign("release", SignOptions::new(), b"archive")?;
    /// assert!(transit.verify("release", SignOptions::new(), b"archive", &signature)?);
    /// assert!(!transit.verify("release", SignOptions::new(), b"another", &signature)?);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn sign<'d>(
        &self,
        key: &str,
        options: SignOptions,
        data: impl Into<Input<'d>>,
    ) -> Result<String> {
        let item = data.into();
        let signed = self.run(&self.signing(key, options, Items::one(&item))?)?;
        Ok(Items::only(signed)?.mark.text)
    }

    /// Signs many items at once; the results are in their order.
    ///
    /// # Errors
    /// As [`sign`](Self::sign), of the batch as a whole.
    pub fn sign_batch(
        &self,
        key: &str,
        options: SignOptions,
        items: &[Input<'_>],
    ) -> Result<Vec<Result<String>>> {
        let signed = self.run(&self.signing(key, options, Items::many(items))?)?;
        Ok(signed
            .into_iter()
            .map(|signed| Ok(signed?.mark.text))
            .collect())
    }

    fn signing<'d>(
        &'d self,
        key: &str,
        options: SignOptions,
        items: Items<'d>,
    ) -> Result<Sign<'d>> {
        Ok(Sign {
            mount: &self.mount,
            name: KeyName::new(key)?,
            options,
            items,
            suffix: Cow::Borrowed(""),
        })
    }

    /// Tells whether `signature` is one of the data. What is malformed is none.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a key that does not sign; `Unsupported` for a hash that this
    /// build does not have.
    pub fn verify<'d>(
        &self,
        key: &str,
        options: SignOptions,
        data: impl Into<Input<'d>>,
        signature: &str,
    ) -> Result<bool> {
        self.judge(key, What::Signature, options, &data.into(), signature)
    }

    fn judge(
        &self,
        key: &str,
        what: What,
        options: SignOptions,
        item: &Input<'_>,
        claim: &str,
    ) -> Result<bool> {
        let valid = self.run(&Verify {
            mount: &self.mount,
            name: KeyName::new(key)?,
            what,
            options,
            items: Items::one(item),
            claims: vec![Cow::Borrowed(claim)],
            suffix: Cow::Borrowed(""),
        })?;
        Items::only(valid)
    }

    /// Returns the hash of `data`.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>> {
        self.run(&HashData {
            mount: &self.mount,
            hash,
            data: Input::new(data),
            format: Format::Hex,
            suffix: String::new(),
        })
    }

    /// Returns random bytes, at most [`MAX_RANDOM`](crate::transit::MAX_RANDOM).
    ///
    /// # Errors
    /// `InvalidArgument` beyond that, `NotFound` without a mount.
    pub fn random(&self, bytes: usize) -> Result<SecretBytes> {
        let drawn = self.run(&RandomBytes {
            mount: &self.mount,
            count: bytes,
            format: Format::Base64,
            suffix: String::new(),
        })?;
        Ok(secret(drawn))
    }
}

/// Takes the bytes over where they are, if nothing is to spare behind them.
fn secret(mut bytes: Zeroizing<Vec<u8>>) -> SecretBytes {
    SecretBytes::from(std::mem::take(&mut *bytes))
}
