//! Encrypting anew under a newer version, without showing the plaintext.

use super::crypt::{self, Sealed};
use super::item::{Form, Input, Items};
use super::{KIND, KeyName, api_path, encrypt, text, usable};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Response};

/// Decrypts items and encrypts them anew, under the same context and associated data.
pub(crate) struct Rewrap<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) items: Items<'d>,
    pub(crate) fresh: Fresh,
}

/// What becomes of a ciphertext that is of the newest version already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// It is encrypted anew, as in Vault.
    Renew,
    /// It stays as it is.
    Keep,
}

impl Operation for Rewrap<'_> {
    type Reply = Vec<Result<Sealed>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        Some(("rewrap", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "rewrap", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        match self.fresh {
            Fresh::Renew => self.items.check()?,
            // Whoever goes through all ciphertexts is told of each by itself what is wrong with it.
            Fresh::Keep => self.items.check_count()?,
        }
        let key = usable(cx, &self.name)?;
        crypt::check_wraps(&key)?;
        let items = self.items.items.iter();
        let plain: Vec<_> = items.map(|item| crypt::decrypt(&key, item)).collect();
        let latest = key.key.latest();
        let pairs = self.items.items.iter().zip(&plain);
        let inputs: Vec<Input<'_>> = pairs
            .filter(|(item, _)| !self.keeps(item, latest))
            .filter_map(|(item, plain)| Some(item.with_data(plain.as_ref().ok()?)))
            .collect();
        let mut sealed = crypt::encrypt(cx, &self.name, key, &inputs)?.into_iter();
        drop(inputs);
        let missing = || Error::invalid("an item has no result");
        let pairs = self.items.items.iter().zip(plain);
        let results = pairs.map(|(item, plain)| match plain {
            Ok(_) if self.keeps(item, latest) => Ok(Sealed {
                text: item.text().unwrap_or_default().to_owned(),
                version: latest,
            }),
            Ok(_) => sealed.next().ok_or_else(missing)?,
            Err(error) => Err(error),
        });
        Ok(results.collect())
    }

    fn input(&self) -> Json {
        self.items.input("ciphertext", Form::Text).finish()
    }

    fn output(&self, sealed: &Self::Reply) -> Result<Response> {
        self.items.output(sealed, encrypt::show)
    }
}

impl Rewrap<'_> {
    /// Returns whether an item stays as it is.
    fn keeps(&self, item: &Input<'_>, latest: u32) -> bool {
        let version = item.text().and_then(text::parse_ciphertext);
        let version = version.map(|text| text.version);
        self.fresh == Fresh::Keep && version == Some(latest)
    }
}
