//! Encrypting anew under a newer version, without showing the plaintext.

use super::crypt::{self, Sealed};
use super::item::{Form, Input, Items};
use super::{KIND, KeyName, api_path, encrypt, usable};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Response};

/// Decrypts items and encrypts them anew, under the same context and associated data.
pub(crate) struct Rewrap<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) items: Items<'d>,
}

impl Operation for Rewrap<'_> {
    type Reply = Vec<Result<Sealed>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "rewrap", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        let key = usable(cx, &self.name)?;
        crypt::check_encrypts(&key)?;
        let items = self.items.items.iter();
        let plain: Vec<_> = items.map(|item| crypt::decrypt(&key, item)).collect();
        let again = |(item, plain)| again(item, plain);
        let inputs: Vec<Input<'_>> = self
            .items
            .items
            .iter()
            .zip(&plain)
            .filter_map(again)
            .collect();
        let mut sealed = crypt::encrypt(cx, &self.name, key, &inputs)?.into_iter();
        let missing = || Error::invalid("an item has no result");
        let results = plain.into_iter().map(|plain| match plain {
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

fn again<'p>(
    item: &'p Input<'_>,
    plain: &'p Result<zeroize::Zeroizing<Vec<u8>>>,
) -> Option<Input<'p>> {
    let plain = plain.as_ref().ok()?;
    let input = Input::new(plain.as_slice())
        .context(&*item.context)
        .associated_data(&*item.associated);
    Some(input.version(item.version))
}
