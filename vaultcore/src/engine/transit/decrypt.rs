//! Decrypting.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::item::{Form, Items};
use super::{KIND, KeyName, api_path, crypt, usable};
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Response};

/// Decrypts items, each by itself.
pub(crate) struct Decrypt<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) items: Items<'d>,
}

impl Operation for Decrypt<'_> {
    type Reply = Vec<Result<Zeroizing<Vec<u8>>>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        Some(("decrypt", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "decrypt", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        let key = usable(cx, &self.name)?;
        crypt::check_wraps(&key)?;
        let items = self.items.items.iter();
        Ok(items.map(|item| crypt::decrypt(&key, item)).collect())
    }

    fn input(&self) -> Json {
        self.items.input("ciphertext", Form::Text).finish()
    }

    fn output(&self, plain: &Self::Reply) -> Result<Response> {
        self.items.output(plain, |object, plain| {
            object.text("plaintext", &Zeroizing::new(BASE64.encode(plain)))
        })
    }
}
