//! Hashes and random bytes, which take no key.

use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use super::KIND;
use super::hmac::{HashType, with_hash};
use super::item::Input;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// The most random bytes that are given at once: 128 KiB, as in Vault.
pub const MAX_RANDOM: usize = 131_072;
/// How many there are unless told otherwise.
pub(super) const USUAL_RANDOM: usize = 32;

/// How bytes are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Hex,
    Base64,
}

impl Format {
    pub(super) fn new(name: &str) -> Result<Self> {
        match name {
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            _ => Err(Error::invalid("the format is hex or base64")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    /// Says the format unless it is the `usual` one.
    fn input(self, object: Object, usual: Self) -> Object {
        match self == usual {
            true => object,
            false => object.text("format", self.name()),
        }
    }

    fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Hex => HEXLOWER.encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
        })
    }
}

/// Hashes bytes.
pub(crate) struct HashData<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) hash: HashType,
    pub(crate) data: Input<'d>,
    pub(crate) format: Format,
    /// What the path has behind its verb.
    pub(crate) suffix: String,
}

impl Operation for HashData<'_> {
    type Reply = Vec<u8>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, "hash", &self.suffix)
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<Vec<u8>> {
        self.hash.named().hash(self.data.data())
    }

    fn input(&self) -> Json {
        let data = Zeroizing::new(BASE64.encode(self.data.data()));
        let object = Object::new().text("input", &data);
        let object = with_hash(object, "algorithm", self.hash);
        self.format.input(object, Format::Hex).finish()
    }

    fn output(&self, sum: &Vec<u8>) -> Result<Response> {
        let object = Object::new().text("sum", &self.format.write(sum));
        Ok(Response::data(object))
    }
}

/// Draws random bytes.
pub(crate) struct RandomBytes<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) count: usize,
    pub(crate) format: Format,
    /// What the path has behind its verb.
    pub(crate) suffix: String,
}

impl Operation for RandomBytes<'_> {
    type Reply = Zeroizing<Vec<u8>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, "random", &self.suffix)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        if self.count == 0 || self.count > MAX_RANDOM {
            return Err(Error::invalid(format!(
                "of random bytes there are 1 to {MAX_RANDOM} at once"
            )));
        }
        let mut bytes = Zeroizing::new(vec![0; self.count]);
        cx.txn.source().fill(&mut bytes)?;
        Ok(bytes)
    }

    fn input(&self) -> Json {
        let object = match self.count {
            USUAL_RANDOM => Object::new(),
            count => Object::new().number("bytes", u64::try_from(count).unwrap_or(u64::MAX)),
        };
        self.format.input(object, Format::Base64).finish()
    }

    fn output(&self, bytes: &Self::Reply) -> Result<Response> {
        let object = Object::new().text("random_bytes", &self.format.write(bytes));
        Ok(Response::data(object))
    }
}

fn access(cx: &Context<'_, '_>, verb: &str, suffix: &str) -> Result<Vec<Access>> {
    let path = format!("{}{verb}", cx.mount()?.path.as_str());
    let path = super::hmac::with_suffix(path, suffix);
    Ok(vec![Access::new(path, Capability::Update)])
}
