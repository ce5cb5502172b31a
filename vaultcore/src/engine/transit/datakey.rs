//! Keys for data that is encrypted elsewhere.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::crypt::{self, Sealed};
use super::item::{Form, Input, Items};
use super::{KIND, KeyName, api_path, usable};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// How many bits a key has unless told otherwise.
pub(super) const USUAL_BITS: u64 = 256;

/// Makes a random key, and wraps it under a named one.
pub(crate) struct DataKey<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: KeyName,
    /// Whether the key itself is part of the reply.
    pub(crate) show: Show,
    /// 128, 256 or 512.
    pub(crate) bits: u64,
    /// Context, associated data and version; it has no data.
    pub(crate) with: Input<'d>,
}

/// What a reply shows of a new data key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// The key itself beside the wrapped one.
    Plaintext,
    /// The wrapped key only.
    Wrapped,
}

/// A data key, wrapped.
pub(crate) struct Wrapped {
    pub(crate) plain: Option<Zeroizing<Vec<u8>>>,
    pub(crate) sealed: Sealed,
}

impl Operation for DataKey<'_> {
    type Reply = Wrapped;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let verb = match self.show {
            Show::Plaintext => "datakey/plaintext",
            Show::Wrapped => "datakey/wrapped",
        };
        Ok(vec![Access::new(
            api_path(cx, verb, &self.name)?,
            Capability::Update,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Wrapped> {
        let length = match self.bits {
            128 => 16,
            256 => 32,
            512 => 64,
            _ => return Err(Error::invalid("a data key has 128, 256 or 512 bits")),
        };
        let key = usable(cx, &self.name)?;
        let mut plain = Zeroizing::new(vec![0; length]);
        cx.txn.source().fill(&mut plain)?;
        let input = self.with.with_data(&plain);
        let sealed = crypt::encrypt(cx, &self.name, key, &[input])?;
        let sealed = Items::only(sealed)?;
        let plain = (self.show == Show::Plaintext).then_some(plain);
        Ok(Wrapped { plain, sealed })
    }

    fn input(&self) -> Json {
        let one = std::slice::from_ref(&self.with);
        let object = Items::many(one).one_input("", Form::Absent);
        match self.bits {
            USUAL_BITS => object,
            bits => object.number("bits", bits),
        }
        .finish()
    }

    fn output(&self, wrapped: &Wrapped) -> Result<Response> {
        let mut object = super::encrypt::show(Object::new(), &wrapped.sealed);
        if let Some(plain) = &wrapped.plain {
            object = object.text("plaintext", &Zeroizing::new(BASE64.encode(plain)));
        }
        Ok(Response::data(object))
    }
}
