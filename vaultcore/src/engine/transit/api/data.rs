//! What is done with keys.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Made, name};
use crate::engine::transit::create::NewKey;
use crate::engine::transit::datakey::{DataKey, Show, USUAL_BITS};
use crate::engine::transit::decrypt::Decrypt;
use crate::engine::transit::encrypt::Encrypt;
use crate::engine::transit::hmac::{HashType, Hmac};
use crate::engine::transit::item::{Form, Input, Items, only};
use crate::engine::transit::kind::KeyType;
use crate::engine::transit::rewrap::{Fresh, Rewrap};
use crate::engine::transit::sign::{Marshaling, Padding, SaltLength, Sign, SignOptions};
use crate::engine::transit::text;
use crate::engine::transit::tools::{Format, HashData, RandomBytes, USUAL_RANDOM};
use crate::engine::transit::verify::{Verify, What};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Call;
use crate::wire::Fields;

pub(super) fn encrypt<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let kind = match fields.text("type")? {
        Some(text) if !text.is_empty() => text.parse::<KeyType>()?,
        _ => KeyType::default(),
    };
    let convergent = fields.flag("convergent_encryption")?.unwrap_or(false);
    Ok(Box::new(Encrypt {
        mount: call.mount,
        name: name(call)?,
        items: Items::of(fields, "plaintext", Form::Base64)?,
        missing: NewKey::new(kind).convergent(convergent),
    }))
}

pub(super) fn decrypt<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Decrypt {
        mount: call.mount,
        name: name(call)?,
        items: Items::of(call.fields, "ciphertext", Form::Text)?,
    }))
}

pub(super) fn rewrap<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Rewrap {
        mount: call.mount,
        name: name(call)?,
        items: Items::of(call.fields, "ciphertext", Form::Text)?,
        fresh: Fresh::Renew,
    }))
}

pub(super) fn datakey<'c>(call: &Call<'c>) -> Made<'c> {
    let show = match call.captures.get("show") {
        "plaintext" => Show::Plaintext,
        "wrapped" => Show::Wrapped,
        _ => return Err(Error::invalid("a data key is plaintext or wrapped")),
    };
    Ok(Box::new(DataKey {
        mount: call.mount,
        name: name(call)?,
        show,
        bits: call.fields.count("bits")?.unwrap_or(USUAL_BITS),
        with: only(call.fields, Form::Absent)?,
    }))
}

/// Returns the hash function: the path's, or that of the first field that names one.
fn hash_of(call: &Call<'_>, names: &[&str]) -> Result<HashType> {
    let path = call.captures.get("algorithm");
    if !path.is_empty() {
        return path.parse();
    }
    for name in names {
        if let Some(text) = call.fields.text(name)?.filter(|text| !text.is_empty()) {
            return text.parse();
        }
    }
    Ok(HashType::default())
}

fn suffix<'c>(call: &Call<'c>) -> Cow<'c, str> {
    Cow::Borrowed(call.captures.get("algorithm"))
}

pub(super) fn hmac<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Hmac {
        mount: call.mount,
        name: name(call)?,
        hash: hash_of(call, &["algorithm"])?,
        items: Items::of(call.fields, "input", Form::Base64)?.under_version_of(call.fields)?,
        suffix: suffix(call),
    }))
}

pub(super) fn sign<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Sign {
        mount: call.mount,
        name: name(call)?,
        options: options(call)?,
        items: Items::of(call.fields, "input", Form::Base64)?.under_version_of(call.fields)?,
        suffix: suffix(call),
    }))
}

fn options(call: &Call<'_>) -> Result<SignOptions> {
    let fields = call.fields;
    let hash = hash_of(call, &["hash_algorithm", "algorithm"])?;
    let mut options = SignOptions::new()
        .hash(hash)
        .prehashed(fields.flag("prehashed")?.unwrap_or(false));
    options = match text_of(fields, "marshaling_algorithm")?.as_str() {
        "" | "asn1" => options,
        "jws" => options.marshaling(Marshaling::Jws),
        _ => {
            return Err(Error::invalid(
                "the field `marshaling_algorithm` is asn1 or jws",
            ));
        }
    };
    options = match text_of(fields, "signature_algorithm")?.as_str() {
        "" | "pss" => options,
        "pkcs1v15" => options.padding(Padding::Pkcs1v15),
        _ => {
            return Err(Error::invalid(
                "the field `signature_algorithm` is pss or pkcs1v15",
            ));
        }
    };
    match text_of(fields, "salt_length")?.to_lowercase().as_str() {
        "" | "auto" => Ok(options),
        "hash" => Ok(options.salt_length(SaltLength::Hash)),
        text if text.parse() == Ok(hash.length()) => Ok(options.salt_length(SaltLength::Hash)),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "the salt of PSS is as long as the hash: the field `salt_length` is auto or hash",
        )),
    }
}

fn text_of(fields: &Fields<'_>, name: &str) -> Result<String> {
    Ok(fields
        .text(name)?
        .map_or_else(String::new, |text| text.to_string()))
}

pub(super) fn verify<'c>(call: &Call<'c>) -> Made<'c> {
    let (what, claims) = claims(call.fields)?;
    let options = match what {
        What::Signature => options(call)?,
        What::Hmac => SignOptions::new().hash(hash_of(call, &["hash_algorithm", "algorithm"])?),
    };
    Ok(Box::new(Verify {
        mount: call.mount,
        name: name(call)?,
        what,
        options,
        items: Items::of(call.fields, "input", Form::Base64)?,
        claims,
        suffix: suffix(call),
    }))
}

/// Returns what is claimed of the items: signatures of all of them, or MACs of all of them.
fn claims<'c>(fields: &Fields<'c>) -> Result<(What, Vec<Cow<'c, str>>)> {
    let unclear =
        || Error::invalid("each item has one of `signature` and `hmac`, all the same one");
    let Some(json) = fields.raw("batch_input") else {
        let (what, claim) = claim(fields)?.ok_or_else(unclear)?;
        return Ok((what, vec![claim]));
    };
    let wrong = |_| Error::invalid("the field `batch_input` is not a list of objects");
    let raw: Vec<&RawValue> = serde_json::from_str(json).map_err(wrong)?;
    let mut kind = None;
    let mut claims = Vec::with_capacity(raw.len());
    for item in raw {
        let fields = Fields::parse(item.get().as_bytes())?;
        let (what, claim) = claim(&fields)?.ok_or_else(unclear)?;
        if *kind.get_or_insert(what) != what {
            return Err(unclear());
        }
        claims.push(claim);
    }
    Ok((kind.unwrap_or(What::Signature), claims))
}

fn claim<'c>(fields: &Fields<'_>) -> Result<Option<(What, Cow<'c, str>)>> {
    let mut found = None;
    for what in [What::Signature, What::Hmac] {
        let text = text_of(fields, what.name())?;
        if !text.is_empty() && found.replace((what, Cow::Owned(text))).is_some() {
            return Ok(None);
        }
    }
    Ok(found)
}

pub(super) fn hash<'c>(call: &Call<'c>) -> Made<'c> {
    let missing = || Error::invalid("the field `input` is missing");
    let input = call.fields.text("input")?.ok_or_else(missing)?;
    Ok(Box::new(HashData {
        mount: call.mount,
        hash: hash_of(call, &["algorithm"])?,
        data: Input::owned(text::field("input", &input)?),
        format: format(call.fields, Format::Hex)?,
        suffix: call.captures.get("algorithm").to_owned(),
    }))
}

fn format(fields: &Fields<'_>, default: Format) -> Result<Format> {
    match text_of(fields, "format")?.as_str() {
        "" => Ok(default),
        name => Format::new(name),
    }
}

/// Draws random bytes: `random`, `random/<bytes>`, `random/<source>`, `random/<source>/<bytes>`.
pub(super) fn random<'c>(call: &Call<'c>) -> Made<'c> {
    let (first, second) = (call.captures.get("first"), call.captures.get("second"));
    let wrong = || Error::invalid("the number of random bytes is a whole number");
    let source = |text: &str| matches!(text, "platform" | "seal" | "all");
    let in_path = match (first, second) {
        ("", _) => None,
        (first, "") if source(first) => None,
        (first, "") => Some(first),
        (first, second) if source(first) => Some(second),
        _ => return Err(Error::invalid("the source of random bytes is platform")),
    };
    let asked = match in_path {
        Some(text) => Some(text.parse().map_err(|_| wrong())?),
        None => call.fields.count("bytes")?,
    };
    let count = asked.map_or(USUAL_RANDOM, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    });
    let suffix = match second {
        "" => first.to_owned(),
        second => format!("{first}/{second}"),
    };
    Ok(Box::new(RandomBytes {
        mount: call.mount,
        count,
        format: format(call.fields, Format::Base64)?,
        suffix,
    }))
}
