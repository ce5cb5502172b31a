//! `kv put` and `kv patch`.

use clap::{Args, ValueEnum};
use vaultcore::api::Method;

use super::place::{Named, Place};
use super::read::show_version;
use crate::args::Format;
use crate::context::Context;
use crate::failure::{Done, Failure, Result};
use crate::fields::Given;
use crate::json::{self, Object};
use crate::reply::Reply;

/// Write a secret.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore kv put secret/app/db user=app password=@password.txt\n  \
                        pass show db | vaultcore kv put secret/app/db password=-\n  \
                        vaultcore kv put -cas=0 -mount=secret app/db @db.json"
)]
pub(crate) struct Put {
    /// Write only if the newest version is this one; 0: if there is none
    #[arg(long, value_name = "VERSION")]
    cas: Option<u64>,
    #[command(flatten)]
    named: Named,
    /// name=value, name=@file, name=- for standard input, or @file or - with JSON
    data: Vec<String>,
}

impl Put {
    pub(crate) fn run(self, context: &Context) -> Result {
        if self.data.is_empty() {
            return Err(Failure::local("there is no data to write"));
        }
        let given = Given::read(&self.data, &context.sources)?;
        let place = self.named.find(context)?;
        write(context, &place, &given.object(), self.cas)
    }
}

/// Writes the newest version of a secret.
pub(crate) fn write(context: &Context, place: &Place, data: &Object, cas: Option<u64>) -> Result {
    let request = place.request(Method::Put, "data")?;
    if !place.versioned() {
        if cas.is_some() {
            place.need_versions()?;
        }
        let reply = context.ask(request.body(data.finish().as_bytes()))?;
        return written(context, place, &reply);
    }
    let body = body(data, cas).finish();
    let reply = context.ask(request.body(body.as_bytes()))?;
    written(context, place, &reply)
}

fn body(data: &Object, cas: Option<u64>) -> Object {
    let body = Object::new().object("data", data);
    match cas {
        Some(cas) => body.object("options", &Object::new().number("cas", cas)),
        None => body,
    }
}

/// Shows the version that was written.
fn written(context: &Context, place: &Place, reply: &Reply) -> Result {
    let plain = context.format != Format::Table || context.globals.field.is_some();
    match reply.data() {
        Some(metadata) if !plain && place.versioned() => {
            show_version(context, place, Some(metadata))?;
            Ok(Done::Well)
        }
        _ => {
            let success = format!("Data written to: {}", place.path("data"));
            context.show_or(reply, &success)
        }
    }
}

/// Change some fields of a secret; the others stay.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore kv patch secret/app/db password=@new.txt\n  \
                        vaultcore kv patch -remove-data=old secret/app/db"
)]
pub(crate) struct Patch {
    /// Write only if the newest version is this one
    #[arg(long, value_name = "VERSION")]
    cas: Option<u64>,
    /// `patch` takes the capability `patch`, `rw` takes `read` and `update`
    #[arg(long, value_enum, default_value = "patch")]
    method: PatchMethod,
    /// A field to be removed; may be repeated
    #[arg(long, value_name = "NAME")]
    remove_data: Vec<String>,
    #[command(flatten)]
    named: Named,
    /// name=value, name=@file, name=- for standard input, or @file or - with JSON
    data: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PatchMethod {
    Patch,
    Rw,
}

impl Patch {
    pub(crate) fn run(self, context: &Context) -> Result {
        if self.data.is_empty() && self.remove_data.is_empty() {
            return Err(Failure::local("there is no data to write"));
        }
        let given = Given::read(&self.data, &context.sources)?;
        let place = self.named.find(context)?;
        place.need_versions()?;
        match self.method {
            PatchMethod::Patch => {
                let removed = self.remove_data.iter();
                let data = removed.fold(given.object(), |data, name| data.raw(name, "null"));
                let request = place.request(Method::Patch, "data")?;
                let body = body(&data, self.cas).finish();
                let reply = context.ask(request.body(body.as_bytes()))?;
                written(context, &place, &reply)
            }
            PatchMethod::Rw => self.read_and_write(context, &place, &given),
        }
    }

    /// Reads the newest version, and writes the next one only if nobody was faster.
    fn read_and_write(&self, context: &Context, place: &Place, given: &Given) -> Result {
        let reply = context.look(&place.path("data"))?;
        let missing = || Failure::vault("no value found");
        let old = reply.part(&["data", "data"]).ok_or_else(missing)?;
        let version = reply
            .part(&["data", "metadata", "version"])
            .ok_or_else(missing)?;
        let version = version.parse().map_err(|_| missing())?;
        let new = given.object().finish();
        let added = json::object(&new).unwrap_or_default();
        let mut fields = json::object(old).unwrap_or_default();
        fields.extend(added);
        let fields = fields
            .iter()
            .filter(|(name, _)| !self.remove_data.contains(name));
        let data = fields.fold(Object::new(), |data, (name, value)| {
            data.raw(name, value.get())
        });
        write(context, place, &data, Some(self.cas.unwrap_or(version)))
    }
}
