//! `kv metadata`: what is kept of a secret beside its data.

use clap::{Args, Subcommand};
use vaultcore::api::Method;

use super::place::Named;
use super::read::{show_path, show_titled};
use crate::args::Format;
use crate::commands::mounts::pair_of;
use crate::context::Context;
use crate::failure::{Done, Result};
use crate::json::{self, Object};

/// Work with what is kept of a secret beside its data.
#[derive(Subcommand)]
pub(crate) enum Metadata {
    /// Show it
    Get(Whole),
    /// Write it
    Put(Change),
    /// Change a part of it
    Patch(Change),
    /// Delete the secret, with all its versions and all that is kept of it
    Delete(Whole),
}

impl Metadata {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Get(whole) => whole.get(context),
            Self::Put(change) => change.run(context, Method::Put),
            Self::Patch(change) => change.run(context, Method::Patch),
            Self::Delete(whole) => whole.delete(context),
        }
    }
}

/// A secret.
#[derive(Args)]
pub(crate) struct Whole {
    #[command(flatten)]
    named: Named,
}

impl Whole {
    fn get(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        place.need_versions()?;
        let reply = context.ask(place.request(Method::Get, "metadata")?)?;
        let plain = context.format != Format::Table || context.globals.field.is_some();
        if plain || reply.is_wrapped() {
            return context.show(&reply);
        }
        let data = reply.data().unwrap_or("{}");
        let fields = json::object(data).unwrap_or_default();
        let alone = fields.iter().filter(|(name, _)| *name != "versions");
        let alone = alone.fold(Object::new(), |object, (name, json)| {
            object.raw(name, json.get())
        });
        show_path(context, "Metadata Path", &place.path("metadata"))?;
        show_titled(context, "Metadata", &alone.finish())?;
        let versions = json::find(data, &["versions"]).and_then(json::object);
        let mut versions: Vec<_> = versions.into_iter().flatten().collect();
        versions.sort_by_key(|(number, _)| number.parse::<u64>().unwrap_or_default());
        for (number, version) in versions {
            context.output.line("")?;
            show_titled(context, &format!("Version {number}"), version.get())?;
        }
        Ok(Done::Well)
    }

    fn delete(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        place.need_versions()?;
        let reply = context.ask(place.request(Method::Delete, "metadata")?)?;
        let path = place.path("metadata");
        context.show_or(&reply, &format!("Data deleted (if it existed) at: {path}"))
    }
}

/// What can be set.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore kv metadata put -max-versions=5 \
                        -custom-metadata=owner=ops secret/app/db")]
pub(crate) struct Change {
    /// How many versions are kept; 0: as many as the mount says
    #[arg(long, value_name = "COUNT")]
    max_versions: Option<u32>,
    /// Whether every write must say which version it expects
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true",
        require_equals = true)]
    cas_required: Option<bool>,
    /// How long a version lives; 0s: as long as the mount says
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    delete_version_after: Option<String>,
    /// A note: name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    custom_metadata: Vec<String>,
    /// With `patch`: a note to be removed; may be repeated
    #[arg(long, value_name = "NAME")]
    remove_custom_metadata: Vec<String>,
    #[command(flatten)]
    named: Named,
}

impl Change {
    fn run(&self, context: &Context, method: Method) -> Result {
        let mut body =
            Object::new().maybe("delete_version_after", self.delete_version_after.as_deref());
        if let Some(count) = self.max_versions {
            body = body.number("max_versions", count);
        }
        if let Some(required) = self.cas_required {
            body = body.flag("cas_required", required);
        }
        let mut notes = Object::new();
        for pair in &self.custom_metadata {
            let (name, value) = pair_of(pair)?;
            notes = notes.text(name, value);
        }
        for name in &self.remove_custom_metadata {
            notes = notes.raw(name, "null");
        }
        if !notes.is_empty() {
            body = body.object("custom_metadata", &notes);
        }
        let place = self.named.find(context)?;
        place.need_versions()?;
        let request = place.request(method, "metadata")?;
        let reply = context.ask(request.body(body.finish().as_bytes()))?;
        let path = place.path("metadata");
        context.show_or(&reply, &format!("Data written to: {path}"))
    }
}
