//! Keys themselves.

use zeroize::Zeroizing;

use super::Transit;
use crate::engine::transit::{
    Change, Configure, Create, Delete, Existing, Export, ExportType, ExportWrapped, Import,
    Imported, Into, KeyInfo, KeyName, KeyUpdate, List, Manage, NewKey, Read, Restore, Rotate,
    TakeBackup, WrapHash, WrappingKey,
};
use crate::error::Result;
use crate::secret::SecretString;

impl Transit {
    /// Makes a key, unless one of this name is there; returns what is known of it.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or wishes that cannot be; `Unsupported` for a type whose feature
    /// is off, which the message names; `NotFound` without a mount.
    pub fn create(&self, key: &str, new: &NewKey) -> Result<KeyInfo> {
        let created = self.run(&Create {
            mount: &self.mount,
            name: KeyName::new(key)?,
            new: new.clone(),
        })?;
        Ok(created.info)
    }

    /// Returns what is known of a key.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn read(&self, key: &str) -> Result<KeyInfo> {
        self.look(key, None)
    }

    /// Returns what is known of a derived key, with the public keys of this context.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn read_derived(&self, key: &str, context: &[u8]) -> Result<KeyInfo> {
        self.look(key, Some(context.to_vec()))
    }

    fn look(&self, key: &str, context: Option<Vec<u8>>) -> Result<KeyInfo> {
        self.run(&Read {
            mount: &self.mount,
            name: KeyName::new(key)?,
            context,
        })
    }

    /// Lists the names of all keys, sorted.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn list(&self) -> Result<Vec<String>> {
        let names = self.run(&List {
            mount: &self.mount,
            page: None,
        })?;
        Ok(names.iter().map(|name| name.to_string()).collect())
    }

    /// Changes the rules of a key.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for versions that do not fit together.
    pub fn configure(&self, key: &str, update: &KeyUpdate) -> Result<()> {
        self.manage(key, Change::Configure(update.clone()))
    }

    /// Adds a version to a key, and returns its number. New ciphertexts and signatures are made by
    /// it; old versions still decrypt and verify.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for an imported key whose import did not allow it;
    /// `LimitExceeded` if the key has as many versions as one entry holds, about 9,000 of AES.
    pub fn rotate(&self, key: &str) -> Result<u32> {
        let info = self.run(&Rotate {
            mount: &self.mount,
            name: KeyName::new(key)?,
        })?;
        Ok(info.latest_version)
    }

    /// Removes all versions before `first` for good. What they encrypted is lost.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` unless `min_encryption_version` is set, and both minimum
    /// versions are at least `first`.
    pub fn trim(&self, key: &str, first: u32) -> Result<()> {
        self.manage(key, Change::Trim(first))
    }

    /// Takes a key out of use; [`soft_restore`](Self::soft_restore) puts it back.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn soft_delete(&self, key: &str) -> Result<()> {
        self.manage(key, Change::SoftDelete)
    }

    /// Puts a soft-deleted key into use again.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn soft_restore(&self, key: &str) -> Result<()> {
        self.manage(key, Change::SoftRestore)
    }

    fn manage(&self, key: &str, change: Change) -> Result<()> {
        self.run(&Manage {
            mount: &self.mount,
            name: KeyName::new(key)?,
            change,
        })
        .map(drop)
    }

    /// Deletes a key, and with it whatever it encrypted.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` unless the key's rules allow its deletion.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.run(&Delete {
            mount: &self.mount,
            name: KeyName::new(key)?,
        })
    }

    /// Returns the versions of a key in clear, with their numbers: those that may decrypt. Of a version
    /// whose public key alone was imported the private one is an empty text.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` if the key is not exportable, or has no such part.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("transit", NewMount::transit())?;
    /// # let transit = session.transit("transit")?;
    /// use vaultcore::transit::{ExportType, KeyType, NewKey};
    /// transit.create("stays", &NewKey::new(KeyType::Aes256Gcm96))?;
    /// assert!(transit.export("stays", ExportType::Encryption).is_err());
    /// transit.create("leaves", &NewKey::new(KeyType::Aes256Gcm96).exportable(true))?;
    /// assert_eq!(transit.export("leaves", ExportType::Encryption)?.len(), 1);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn export(&self, key: &str, what: ExportType) -> Result<Vec<(u32, SecretString)>> {
        let exported = self.run(&Export {
            mount: &self.mount,
            name: KeyName::new(key)?,
            what,
            version: None,
            suffix: String::new(),
        })?;
        let secret =
            |(version, text): (u32, Zeroizing<String>)| (version, SecretString::copy_from(&text));
        Ok(exported.keys.into_iter().map(secret).collect())
    }

    /// Returns a key with all its versions, in clear, as [`restore`](Self::restore) takes it.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` unless the key is exportable and allows plaintext backups.
    pub fn backup(&self, key: &str) -> Result<SecretString> {
        let backup = self.run(&TakeBackup {
            mount: &self.mount,
            name: KeyName::new(key)?,
        })?;
        Ok(SecretString::copy_from(&backup))
    }

    /// Brings a key back from a backup, under the name `key`, which must be free.
    ///
    /// The copy and what it was copied from count their uses each by itself: where both go on to
    /// encrypt, rotate one of them.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no backup, or a name that is taken.
    pub fn restore(&self, key: &str, backup: &SecretString) -> Result<()> {
        self.bring_back(key, backup, Existing::Keep)
    }

    /// As [`restore`](Self::restore), and replaces a key of this name.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_over(&self, key: &str, backup: &SecretString) -> Result<()> {
        self.bring_back(key, backup, Existing::Replace)
    }

    fn bring_back(&self, key: &str, backup: &SecretString, existing: Existing) -> Result<()> {
        self.run(&Restore {
            mount: &self.mount,
            name: Some(KeyName::new(key)?),
            backup: Zeroizing::new(backup.expose().to_owned()),
            existing,
        })
    }

    /// Imports a key that was made elsewhere: its bytes, or of one that signs PKCS#8, SEC1 or PKCS#1, in
    /// DER or PEM; of Ed25519 also its seed, with or without the public key; of ML-DSA also its seed; of
    /// ML-KEM PKCS#8 or its bytes, expanded.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is taken, or a key that is not of its type; `Unsupported`.
    pub fn import(&self, key: &str, new: &NewKey, material: &[u8]) -> Result<()> {
        let material = Imported::Private(Zeroizing::new(material.to_vec()));
        self.take(key, Into::New(new.clone()), material)
    }

    /// Imports one more version of an imported key; or, if of its newest version only the public key
    /// is known and this is the private one, that.
    ///
    /// # Errors
    /// As [`import`](Self::import); `NotFound`.
    pub fn import_version(&self, key: &str, material: &[u8]) -> Result<()> {
        let material = Imported::Private(Zeroizing::new(material.to_vec()));
        self.take(key, Into::Next, material)
    }

    /// Imports the private key of a version of which only the public one is known.
    ///
    /// # Errors
    /// As [`import`](Self::import); `NotFound`; `InvalidArgument` for a version that has its private
    /// key, or if the two do not fit together.
    pub fn import_private(&self, key: &str, version: u32, material: &[u8]) -> Result<()> {
        let material = Imported::Private(Zeroizing::new(material.to_vec()));
        self.take(key, Into::Version(version), material)
    }

    /// Imports a public key, which verifies: in PEM, or of Ed25519 its bytes in base64.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn import_public(&self, key: &str, new: &NewKey, public_key: &str) -> Result<()> {
        let public = Imported::Public(public_key.to_owned());
        self.take(key, Into::New(new.clone()), public)
    }

    /// Returns the public key of RSA-4096, in PEM, for which keys are wrapped that
    /// [`import_wrapped`](Self::import_wrapped) takes. It is made when it is first asked for.
    ///
    /// # Errors
    /// `NotFound` without a mount; `Unsupported` without the feature `crypto-ext`.
    pub fn wrapping_key(&self) -> Result<String> {
        self.run(&WrappingKey { mount: &self.mount })
    }

    /// Imports a key that is wrapped, so that nobody between its old place and this one sees it: in
    /// base64, as Vault's clients and HSMs wrap it (`CKM_RSA_AES_KEY_WRAP`), an AES key of 256 bits
    /// under [`wrapping_key`](Self::wrapping_key) by RSA-OAEP with `hash`, and behind it, under that
    /// one by AES key wrap with padding, what [`import`](Self::import) takes.
    ///
    /// # Errors
    /// As [`import`](Self::import); `InvalidArgument`, the same whatever is wrong, for what does not
    /// unwrap; `Unsupported` without the feature `crypto-ext`.
    pub fn import_wrapped(
        &self,
        key: &str,
        new: &NewKey,
        wrapped: &str,
        hash: WrapHash,
    ) -> Result<()> {
        let wrapped = Imported::Wrapped(wrapped.to_owned(), hash);
        self.take(key, Into::New(new.clone()), wrapped)
    }

    /// As [`import_version`](Self::import_version), of a key that is wrapped.
    ///
    /// # Errors
    /// As [`import_wrapped`](Self::import_wrapped); `NotFound`.
    pub fn import_wrapped_version(&self, key: &str, wrapped: &str, hash: WrapHash) -> Result<()> {
        let wrapped = Imported::Wrapped(wrapped.to_owned(), hash);
        self.take(key, Into::Next, wrapped)
    }

    fn take(&self, key: &str, into: Into, imported: Imported) -> Result<()> {
        self.run(&Import {
            mount: &self.mount,
            name: KeyName::new(key)?,
            into,
            key: imported,
        })
    }

    /// Returns the versions of an exportable key with their numbers, each wrapped under the RSA key
    /// `destination`, which is as a rule the public wrapping key of another vault, imported here.
    /// Versions whose public key alone was imported are left out.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` if the key is not exportable, or `destination` not of RSA;
    /// `Unsupported` without the feature `crypto-ext`.
    ///
    /// ```
    /// # #[cfg(feature = "crypto-ext")] {
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("here", NewMount::transit())?;
    /// # session.sys().mount("there", NewMount::transit())?;
    /// # let (here, there) = (session.transit("here")?, session.transit("there")?);
    /// use vaultcore::transit::{KeyType, NewKey, WrapHash};
    /// let hash = WrapHash::default();
    /// here.create("app", &NewKey::default().exportable(true))?;
    /// here.import_public("there", &NewKey::new(KeyType::Rsa4096), &there.wrapping_key()?)?;
    /// let wrapped = here.export_wrapped("there", "app", hash)?;
    /// there.import_wrapped("app", &NewKey::default(), &wrapped[0].1, hash)?;
    /// let ciphertext = here.encrypt("app", "secret")?;
    /// assert_eq!(there.decrypt("app", &ciphertext)?.expose(), b"secret");
    /// # }
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn export_wrapped(
        &self,
        destination: &str,
        key: &str,
        hash: WrapHash,
    ) -> Result<Vec<(u32, String)>> {
        let exported = self.run(&ExportWrapped {
            mount: &self.mount,
            destination: KeyName::new(destination)?,
            source: KeyName::new(key)?,
            hash,
            version: None,
            suffix: String::new(),
        })?;
        Ok(exported.keys)
    }

    /// Sets whether encrypting under a key that is not there makes it, as it does at first.
    ///
    /// # Errors
    /// `NotFound` without a mount.
    pub fn upsert(&self, allowed: bool) -> Result<()> {
        self.run(&Configure {
            mount: &self.mount,
            disable_upsert: !allowed,
        })
    }
}
