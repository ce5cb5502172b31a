//! What is given to be encrypted, decrypted, signed and so on, one item or many.

use std::borrow::Cow;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::text;
use crate::error::{Error, Result};
use crate::wire::{Array, Fields, Object, Response, Shape};

/// The most items of a batch. A request in Vault's shape has at most 1,114,112 bytes and 32,000 values:
/// as many items as this if they have two fields each, and 7,999 if they have three.
pub const MAX_BATCH: usize = 10_000;

/// Bytes or text to be worked on, with what belongs to them.
///
/// ```
/// use vaultcore::transit::Input;
/// let item = Input::new(b"4111 1111 1111 1111")
///     .context(b"tenant 7")
///     .associated_data(b"row 42");
/// assert_eq!(format!("{item:?}"), "Input([redacted])");
/// ```
#[must_use]
pub struct Input<'d> {
    data: Data<'d>,
    pub(super) context: Cow<'d, [u8]>,
    pub(super) associated: Cow<'d, [u8]>,
    /// 0: the newest.
    pub(super) version: u32,
    pub(super) reference: Option<String>,
    /// What is wrong with an item of a request, so that only this one fails.
    wrong: Option<String>,
}

enum Data<'d> {
    Borrowed(&'d [u8]),
    Owned(Zeroizing<Vec<u8>>),
}

impl<'d> Input<'d> {
    /// Takes the bytes to be encrypted, signed or hashed, or the text to be decrypted.
    pub fn new<B: AsRef<[u8]> + ?Sized>(data: &'d B) -> Self {
        Self::of(Data::Borrowed(data.as_ref()))
    }

    /// Takes over what a request had, in memory that is wiped.
    pub(super) fn owned(data: Zeroizing<Vec<u8>>) -> Self {
        Self::of(Data::Owned(data))
    }

    fn of(data: Data<'d>) -> Self {
        Self {
            data,
            context: Cow::Borrowed(&[]),
            associated: Cow::Borrowed(&[]),
            version: 0,
            reference: None,
            wrong: None,
        }
    }

    /// Names the context for which a derived key makes a key of its own.
    pub fn context<B: AsRef<[u8]> + ?Sized>(mut self, context: &'d B) -> Self {
        self.context = Cow::Borrowed(context.as_ref());
        self
    }

    /// Binds the ciphertext to `data`, which is not part of it: decryption takes the same.
    pub fn associated_data<B: AsRef<[u8]> + ?Sized>(mut self, data: &'d B) -> Self {
        self.associated = Cow::Borrowed(data.as_ref());
        self
    }

    /// Chooses the version of the key; 0, the default, is the newest.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets a text that comes back with the item's result, in replies in Vault's shape.
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Returns an item with other data, and all else the same.
    pub(crate) fn with_data<'e>(&'e self, data: &'e [u8]) -> Input<'e> {
        Input::new(data)
            .context(&*self.context)
            .associated_data(&*self.associated)
            .version(self.version)
    }

    pub(super) fn data(&self) -> &[u8] {
        match &self.data {
            Data::Borrowed(data) => data,
            Data::Owned(data) => data,
        }
    }

    /// Returns the data as the text that it is to be.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.data()).ok()
    }

    /// Returns an error if the item of a request was wrong.
    pub(super) fn check(&self) -> Result<()> {
        match &self.wrong {
            Some(wrong) => Err(Error::invalid(wrong.clone())),
            None => Ok(()),
        }
    }
}

impl<'d> From<&'d [u8]> for Input<'d> {
    fn from(data: &'d [u8]) -> Self {
        Self::new(data)
    }
}

impl<'d, const N: usize> From<&'d [u8; N]> for Input<'d> {
    fn from(data: &'d [u8; N]) -> Self {
        Self::new(data)
    }
}

impl<'d> From<&'d str> for Input<'d> {
    fn from(data: &'d str) -> Self {
        Self::new(data)
    }
}

impl<'d> From<&'d String> for Input<'d> {
    fn from(data: &'d String) -> Self {
        Self::new(data)
    }
}

impl<'d> From<&'d Vec<u8>> for Input<'d> {
    fn from(data: &'d Vec<u8>) -> Self {
        Self::new(data)
    }
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input([redacted])")
    }
}

/// How the data of an item stands in a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In base64.
    Base64,
    /// As it is.
    Text,
    /// Not at all.
    Absent,
}

/// The items of an operation, and whether they came as a batch.
pub(crate) struct Items<'d> {
    pub(crate) items: Cow<'d, [Input<'d>]>,
    pub(crate) batch: bool,
    /// The status of a batch some of whose items failed, instead of 400.
    pub(crate) partial_status: Option<u16>,
}

impl Clone for Input<'_> {
    fn clone(&self) -> Self {
        let data = match &self.data {
            Data::Borrowed(data) => Data::Borrowed(data),
            Data::Owned(data) => Data::Owned(Zeroizing::new(data.to_vec())),
        };
        Self {
            data,
            context: self.context.clone(),
            associated: self.associated.clone(),
            version: self.version,
            reference: self.reference.clone(),
            wrong: self.wrong.clone(),
        }
    }
}

impl<'d> Items<'d> {
    pub(crate) fn one(item: &'d Input<'d>) -> Self {
        Self {
            items: Cow::Borrowed(std::slice::from_ref(item)),
            batch: false,
            partial_status: None,
        }
    }

    pub(crate) fn many(items: &'d [Input<'d>]) -> Self {
        Self {
            items: Cow::Borrowed(items),
            batch: true,
            partial_status: None,
        }
    }

    /// Reads `batch_input`, or the one item that the request is itself.
    pub(super) fn of(fields: &Fields<'_>, name: &str, form: Form) -> Result<Self> {
        let Some(json) = fields.raw("batch_input") else {
            let item = read(fields, name, form)?;
            return Ok(Self {
                items: Cow::Owned(vec![item]),
                batch: false,
                partial_status: None,
            });
        };
        let wrong = |_| Error::invalid("the field `batch_input` is not a list of objects");
        let raw: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).map_err(wrong)?;
        let parsed = raw.iter().map(|item| {
            let fields = Fields::parse(item.get().as_bytes())
                .map_err(|_| Error::invalid("an item of `batch_input` is not an object"))?;
            Ok(read(&fields, name, form).unwrap_or_else(|error| Self::wrong(&fields, &error)))
        });
        let status = fields.integer("partial_failure_response_code")?;
        let status = status.and_then(|status| u16::try_from(status).ok());
        Ok(Self {
            items: Cow::Owned(parsed.collect::<Result<_>>()?),
            batch: true,
            partial_status: status.filter(|status| (200..600).contains(status)),
        })
    }

    /// Lets the version that the request names be that of each item which names none: Vault signs and
    /// MACs a whole batch under one version.
    pub(super) fn under_version_of(mut self, fields: &Fields<'_>) -> Result<Self> {
        let version = version(fields)?;
        if self.batch && version != 0 {
            for item in self.items.to_mut() {
                if item.version == 0 {
                    item.version = version;
                }
            }
        }
        Ok(self)
    }

    fn wrong(fields: &Fields<'_>, error: &Error) -> Input<'d> {
        let mut item = Input::of(Data::Borrowed(&[]));
        item.wrong = Some(error.to_string());
        let reference = fields.text("reference").ok().flatten();
        item.reference = reference.map(|text| text.to_string());
        item
    }

    /// Returns an error for a batch that is empty or too large, and unless a context is given for
    /// all items or for none, as Vault has it.
    pub(super) fn check(&self) -> Result<()> {
        self.check_count()?;
        let with = self.items.iter().filter(|item| !item.context.is_empty());
        let with = with.count();
        let wrong = self.items.iter().any(|item| item.wrong.is_some());
        if with == 0 || with == self.items.len() || wrong {
            return Ok(());
        }
        Err(Error::invalid(
            "a context is given for every item of a batch, or for none",
        ))
    }

    /// Returns an error for a batch that is empty or too large.
    pub(super) fn check_count(&self) -> Result<()> {
        if self.items.is_empty() {
            return Err(Error::invalid("a batch has at least one item"));
        }
        if self.items.len() > MAX_BATCH {
            return Err(Error::new(
                crate::error::ErrorKind::TooLarge,
                format!("a batch has at most {MAX_BATCH} items"),
            ));
        }
        Ok(())
    }

    /// Returns what is asked for, as a request has it.
    pub(super) fn input(&self, name: &str, form: Form) -> Object {
        if !self.batch {
            return self.one_input(name, form);
        }
        let mut array = Array::new();
        for item in self.items.iter() {
            array = array.object(write(item, name, form));
        }
        Object::new().array("batch_input", array)
    }

    /// Returns what is asked for of the first item, as a request that is no batch has it.
    pub(super) fn one_input(&self, name: &str, form: Form) -> Object {
        let one = self.items.first();
        one.map_or_else(Object::new, |item| write(item, name, form))
    }

    /// Makes a reply of the results, as Vault shapes it.
    pub(super) fn output<T>(
        &self,
        results: &[Result<T>],
        show: impl Fn(Object, &T) -> Object,
    ) -> Result<Response> {
        if !self.batch {
            return match results.first() {
                Some(Ok(result)) => Ok(Response::data(show(Object::new(), result))),
                Some(Err(error)) => Err(again(error)),
                None => Ok(Response::empty()),
            };
        }
        let mut array = Array::new();
        for (item, result) in self.items.iter().zip(results) {
            let mut object = match result {
                Ok(result) => show(Object::new(), result),
                Err(error) => Object::new().text("error", &error.to_string()),
            };
            object = object.text("reference", item.reference.as_deref().unwrap_or_default());
            array = array.object(object);
        }
        let failed = results.iter().filter(|result| result.is_err()).count();
        let shape = match failed {
            0 => Shape::Usual,
            _ if failed < results.len() => Shape::Status(self.partial_status.unwrap_or(400)),
            _ => Shape::Status(400),
        };
        let data = Object::new().array("batch_results", array);
        Ok(Response::data(data).shaped(shape))
    }

    /// Returns the result of the only item.
    pub(crate) fn only<T>(results: Vec<Result<T>>) -> Result<T> {
        let missing = || Error::invalid("an item has no result");
        results.into_iter().next().ok_or_else(missing)?
    }
}

/// Returns an error like `error`, which cannot be cloned.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

/// Reads what belongs to an item of a request that has no data.
pub(super) fn only<'d>(fields: &Fields<'_>, form: Form) -> Result<Input<'d>> {
    read(fields, "", form)
}

/// Reads one item.
fn read<'d>(fields: &Fields<'_>, name: &str, form: Form) -> Result<Input<'d>> {
    let missing = || Error::invalid(format!("the field `{name}` is missing"));
    let data = match form {
        Form::Absent => Zeroizing::new(Vec::new()),
        Form::Base64 => text::field(name, &fields.text(name)?.ok_or_else(missing)?)?,
        Form::Text => Zeroizing::new(fields.required(name)?.as_bytes().to_vec()),
    };
    let mut item = Input::owned(data);
    item.context = Cow::Owned(bytes(fields, "context")?);
    item.associated = Cow::Owned(bytes(fields, "associated_data")?);
    item.version = version(fields)?;
    item.reference = fields.text("reference")?.map(|text| text.to_string());
    // Vault's clients send an empty one.
    if fields.text("nonce")?.is_some_and(|nonce| !nonce.is_empty()) {
        return Err(Error::invalid(
            "nonces are made by the vault: the field `nonce` is not taken",
        ));
    }
    Ok(item)
}

fn bytes(fields: &Fields<'_>, name: &str) -> Result<Vec<u8>> {
    match fields.text(name)? {
        Some(text) => Ok(text::field(name, &text)?.to_vec()),
        None => Ok(Vec::new()),
    }
}

/// Reads the version of the key that is to be used.
pub(super) fn version(fields: &Fields<'_>) -> Result<u32> {
    let version = fields.count("key_version")?.unwrap_or(0);
    u32::try_from(version).map_err(|_| Error::invalid("the key has no such version"))
}

fn write(item: &Input<'_>, name: &str, form: Form) -> Object {
    let mut object = Object::new();
    object = match form {
        Form::Absent => object,
        Form::Base64 => object.text(name, &Zeroizing::new(BASE64.encode(item.data()))),
        Form::Text => object.text(name, item.text().unwrap_or_default()),
    };
    for (name, bytes) in [
        ("context", &item.context),
        ("associated_data", &item.associated),
    ] {
        if !bytes.is_empty() {
            object = object.text(name, &BASE64.encode(bytes));
        }
    }
    if item.version != 0 {
        object = object.number("key_version", item.version);
    }
    match &item.reference {
        Some(reference) => object.text("reference", reference),
        None => object,
    }
}
