//! Verifying signatures and MACs.

use std::borrow::Cow;

use super::hmac::{mac, with_suffix};
use super::item::{Form, Input, Items};
use super::prepared::Prepared;
use super::sign::{self, SignOptions};
use super::{KIND, KeyName, api_path, text, usable};
use crate::crypto::equal;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Array, Json, Object, Response};

/// What is to be verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Signature,
    Hmac,
}

impl What {
    /// Returns the name of the field that holds it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Hmac => "hmac",
        }
    }
}

/// Tells of items whether what is claimed to be their signature or MAC is one.
pub(crate) struct Verify<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    pub(crate) what: What,
    pub(crate) options: SignOptions,
    pub(crate) items: Items<'d>,
    /// One for each item.
    pub(crate) claims: Vec<Cow<'d, str>>,
    /// As the path names the hash function, if it does.
    pub(crate) suffix: Cow<'d, str>,
}

impl Operation for Verify<'_> {
    type Reply = Vec<Result<bool>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn likeness(&self) -> Option<(&'static str, &str)> {
        let plain = self.suffix.is_empty();
        plain.then(|| ("verify", self.name.as_str()))
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = with_suffix(api_path(cx, "verify", &self.name)?, &self.suffix);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        self.items.check()?;
        if self.items.items.len() != self.claims.len() {
            return Err(Error::invalid("each item has one signature or one MAC"));
        }
        let key = usable(cx, &self.name)?;
        if self.what == What::Signature {
            sign::algorithm(&key)?;
        }
        let pairs = self.items.items.iter().zip(&self.claims);
        Ok(pairs
            .map(|(item, claim)| self.one(&key, item, claim))
            .collect())
    }

    fn input(&self) -> Json {
        let with = |items: &Items<'_>, claim: &str| {
            let object = items.one_input("input", Form::Base64);
            object.text(self.what.name(), claim)
        };
        let object = if self.items.batch {
            let mut array = Array::new();
            for (item, claim) in self.items.items.iter().zip(&self.claims) {
                array = array.object(with(&Items::one(item), claim));
            }
            Object::new().array("batch_input", array)
        } else {
            with(&self.items, self.claims.first().map_or("", |claim| claim))
        };
        self.options.input(object).finish()
    }

    fn output(&self, valid: &Self::Reply) -> Result<Response> {
        self.items
            .output(valid, |object, valid| object.flag("valid", *valid))
    }
}

impl Verify<'_> {
    fn one(&self, key: &Prepared, item: &Input<'_>, claim: &str) -> Result<bool> {
        match self.what {
            What::Signature => sign::verify(key, self.options, item, claim),
            What::Hmac => {
                item.check()?;
                let parsed = text::parse(claim);
                let version = parsed.as_ref().and_then(|it| key.that_made(it.version));
                let claimed = parsed.and_then(|parsed| text::decode(parsed.body));
                let (Some(version), Some(claimed)) = (version, claimed) else {
                    return Ok(false);
                };
                let made = mac(version, self.options.hash, item.data())?;
                Ok(equal(&made, &claimed))
            }
        }
    }
}
