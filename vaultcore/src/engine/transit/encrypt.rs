//! Encrypting.

use super::create::NewKey;
use super::crypt::{self, Sealed};
use super::item::{Form, Items};
use super::prepared::Prepared;
use super::{KIND, KeyName, api_path, config, create, find, in_use, usable};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// Encrypts items, each by itself. A key that is not there is made, unless the mount forbids that.
pub(crate) struct Encrypt<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) items: Items<'d>,
    /// What a key that is not there becomes; it is derived if a context is given.
    pub(crate) missing: NewKey,
}

impl Operation for Encrypt<'_> {
    type Reply = Vec<Result<Sealed>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        Some(("encrypt", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let capability = match find(cx, &self.name)? {
            Some(_) => Capability::Update,
            None => Capability::Create,
        };
        Ok(vec![Access::new(
            api_path(cx, "encrypt", &self.name)?,
            capability,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        let key = match find(cx, &self.name)? {
            Some(found) => in_use(found)?,
            None => self.upsert(cx)?,
        };
        crypt::check_encrypts(&key)?;
        crypt::encrypt(cx, &self.name, key, &self.items.items)
    }

    fn input(&self) -> Json {
        self.items.input("plaintext", Form::Base64).finish()
    }

    fn output(&self, sealed: &Self::Reply) -> Result<Response> {
        self.items.output(sealed, show)
    }
}

impl Encrypt<'_> {
    /// Makes the key that is missing.
    fn upsert(&self, cx: &mut Context<'_, '_>) -> Result<std::sync::Arc<Prepared>> {
        if config::of(cx.mount()?)?.disable_upsert {
            return Err(Error::invalid(
                "there is no such key, and the mount makes none on encryption",
            ));
        }
        // Nothing is made for a request that then fails, all of it.
        let mut fits = false;
        let mut unfit = None;
        for item in self.items.items.iter() {
            item.check()?;
            match crypt::check_for_new(item) {
                Ok(()) => fits = true,
                Err(error) => unfit = Some(error),
            }
        }
        if let Some(error) = unfit.filter(|_| !fits) {
            return Err(error);
        }
        let with_context = |item: &super::item::Input<'_>| !item.context.is_empty();
        let derived = self.items.items.iter().any(with_context);
        let new = self.missing.clone().derived(derived);
        create::make(cx, &self.name, &new)?;
        usable(cx, &self.name)
    }
}

pub(super) fn show(object: Object, sealed: &Sealed) -> Object {
    object
        .text("ciphertext", &sealed.text)
        .number("key_version", sealed.version)
}
