//! Keys themselves.

use super::{Made, name};
use crate::engine::transit::backup::{Existing, Restore, TakeBackup};
use crate::engine::transit::config::{Configure, ReadConfig};
use crate::engine::transit::create::{Create, NewKey};
use crate::engine::transit::delete::Delete;
use crate::engine::transit::export::{Export, ExportType};
use crate::engine::transit::import::{Import, Imported, Into};
use crate::engine::transit::kind::KeyType;
use crate::engine::transit::manage::{Change, KeyUpdate, Manage};
use crate::engine::transit::read::{List, Read};
use crate::engine::transit::rotate::Rotate;
use crate::engine::transit::wrapping::{ExportWrapped, WrapHash, WrappingKey};
use crate::engine::transit::{KeyName, text};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Call;
use crate::wire::{Fields, page};

pub(super) fn list<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(List {
        mount: call.mount,
        page: page(call.fields)?,
    }))
}

pub(super) fn read<'c>(call: &Call<'c>) -> Made<'c> {
    let context = match call.fields.text("context")? {
        Some(context) => Some(text::field("context", &context)?.to_vec()),
        None => None,
    };
    Ok(Box::new(Read {
        mount: call.mount,
        name: name(call)?,
        context,
    }))
}

pub(super) fn create<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Create {
        mount: call.mount,
        name: name(call)?,
        new: new_key(call.fields)?,
    }))
}

fn new_key(fields: &Fields<'_>) -> Result<NewKey> {
    let kind = match fields.text("type")? {
        Some(text) if !text.is_empty() => text.parse::<KeyType>()?,
        _ => KeyType::default(),
    };
    let flag = |name| Ok::<_, Error>(fields.flag(name)?.unwrap_or(false));
    let mut new = NewKey::new(kind)
        .derived(flag("derived")?)
        .convergent(flag("convergent_encryption")?)
        .exportable(flag("exportable")?)
        .allow_plaintext_backup(flag("allow_plaintext_backup")?)
        .allow_rotation(flag("allow_rotation")?);
    if let Some(period) = fields.duration("auto_rotate_period")? {
        new = new.auto_rotate(period);
    }
    if let Some(size) = fields.count("key_size")?.filter(|size| *size > 0) {
        let wrong = |_| Error::invalid("a key of type hmac has 32 to 512 bytes");
        new = new.key_size(u16::try_from(size).map_err(wrong)?);
    }
    Ok(new)
}

pub(super) fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Delete {
        mount: call.mount,
        name: name(call)?,
    }))
}

fn manage<'c>(call: &Call<'c>, change: Change) -> Made<'c> {
    Ok(Box::new(Manage {
        mount: call.mount,
        name: name(call)?,
        change,
    }))
}

pub(super) fn configure<'c>(call: &Call<'c>) -> Made<'c> {
    let fields = call.fields;
    let mut update = KeyUpdate::new();
    if let Some(version) = version(fields, "min_decryption_version")? {
        update = update.min_decryption_version(version);
    }
    if let Some(version) = version(fields, "min_encryption_version")? {
        update = update.min_encryption_version(version);
    }
    if let Some(allowed) = fields.flag("deletion_allowed")? {
        update = update.deletion_allowed(allowed);
    }
    if let Some(exportable) = fields.flag("exportable")? {
        update = update.exportable(exportable);
    }
    if let Some(allowed) = fields.flag("allow_plaintext_backup")? {
        update = update.allow_plaintext_backup(allowed);
    }
    if let Some(period) = fields.duration("auto_rotate_period")? {
        update = update.auto_rotate(period);
    }
    manage(call, Change::Configure(update))
}

fn version(fields: &Fields<'_>, name: &str) -> Result<Option<u32>> {
    let wrong = |_| Error::invalid(format!("the field `{name}` is not a version"));
    let number = fields.count(name)?;
    number
        .map(|number| u32::try_from(number).map_err(wrong))
        .transpose()
}

pub(super) fn rotate<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Rotate {
        mount: call.mount,
        name: name(call)?,
    }))
}

pub(super) fn trim<'c>(call: &Call<'c>) -> Made<'c> {
    let missing = || Error::invalid("the field `min_available_version` is missing");
    let first = version(call.fields, "min_available_version")?.ok_or_else(missing)?;
    manage(call, Change::Trim(first))
}

pub(super) fn soft_delete<'c>(call: &Call<'c>) -> Made<'c> {
    manage(call, Change::SoftDelete)
}

pub(super) fn soft_restore<'c>(call: &Call<'c>) -> Made<'c> {
    manage(call, Change::SoftRestore)
}

pub(super) fn import<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(Import {
        mount: call.mount,
        name: name(call)?,
        into: Into::New(new_key(call.fields)?),
        key: imported(call.fields)?,
    }))
}

pub(super) fn import_version<'c>(call: &Call<'c>) -> Made<'c> {
    let into = match version(call.fields, "version")?.filter(|version| *version > 0) {
        Some(version) => Into::Version(version),
        None => Into::Next,
    };
    Ok(Box::new(Import {
        mount: call.mount,
        name: name(call)?,
        into,
        key: imported(call.fields)?,
    }))
}

fn imported(fields: &Fields<'_>) -> Result<Imported> {
    let public = fields.text("public_key")?.filter(|text| !text.is_empty());
    let wrapped = fields.text("ciphertext")?.filter(|text| !text.is_empty());
    match (public, wrapped) {
        (Some(public), None) => Ok(Imported::Public(public.to_string())),
        (None, Some(wrapped)) => {
            let hash = hash(fields, "hash_function")?;
            Ok(Imported::Wrapped(wrapped.to_string(), hash))
        }
        _ => Err(Error::invalid(
            "an import has one of the fields `ciphertext` and `public_key`",
        )),
    }
}

fn hash(fields: &Fields<'_>, name: &str) -> Result<WrapHash> {
    match fields.text(name)? {
        Some(text) if !text.is_empty() => text.parse(),
        _ => Ok(WrapHash::default()),
    }
}

pub(super) fn wrapping_key<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(WrappingKey { mount: call.mount }))
}

/// Returns the version that the path of an export names.
fn exported_version(suffix: &str) -> Result<Option<u32>> {
    let wrong = || Error::invalid("the version of an export is a number from 1, or `latest`");
    Ok(match suffix {
        "" => None,
        "latest" => Some(0),
        // As in Vault one `v` may stand before it.
        number => {
            let number = number.strip_prefix('v').unwrap_or(number);
            let version = number.parse().ok().filter(|version| *version > 0);
            Some(version.ok_or_else(wrong)?)
        }
    })
}

pub(super) fn export_wrapped<'c>(call: &Call<'c>) -> Made<'c> {
    let suffix = call.captures.get("version");
    Ok(Box::new(ExportWrapped {
        mount: call.mount,
        destination: KeyName::new(call.captures.get("destination"))?,
        source: KeyName::new(call.captures.get("source"))?,
        hash: hash(call.fields, "hash")?,
        version: exported_version(suffix)?,
        suffix: suffix.to_owned(),
    }))
}

pub(super) fn export<'c>(call: &Call<'c>) -> Made<'c> {
    let suffix = call.captures.get("version");
    let version = exported_version(suffix)?;
    // A client that asks for another format must not be handed this one.
    if call
        .fields
        .text("format")?
        .is_some_and(|format| !format.is_empty())
    {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "keys are exported in the usual format only: the field `format` is not taken",
        ));
    }
    Ok(Box::new(Export {
        mount: call.mount,
        name: name(call)?,
        what: ExportType::new(call.captures.get("what"))?,
        version,
        suffix: suffix.to_owned(),
    }))
}

pub(super) fn backup<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(TakeBackup {
        mount: call.mount,
        name: name(call)?,
    }))
}

pub(super) fn restore<'c>(call: &Call<'c>) -> Made<'c> {
    let name = match call.captures.get("name") {
        "" => None,
        name => Some(KeyName::new(name)?),
    };
    let existing = match call.fields.flag("force")? {
        Some(true) => Existing::Replace,
        _ => Existing::Keep,
    };
    Ok(Box::new(Restore {
        mount: call.mount,
        name,
        backup: call.fields.required("backup")?,
        existing,
    }))
}

pub(super) fn read_config<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(ReadConfig { mount: call.mount }))
}

pub(super) fn write_config<'c>(call: &Call<'c>) -> Made<'c> {
    let disable_upsert = call.fields.flag("disable_upsert")?.unwrap_or(false);
    Ok(Box::new(Configure {
        mount: call.mount,
        disable_upsert,
    }))
}
