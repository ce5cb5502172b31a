//! `namespace`: parts of the vault with mounts, policies and tokens of their own.

use clap::{Args, Subcommand};
use vaultcore::api::Method;

use crate::commands::logical;
use crate::commands::mounts::pair_of;
use crate::context::{Context, request};
use crate::failure::Result;
use crate::json::Object;

/// Manage namespaces.
#[derive(Subcommand)]
pub(crate) enum Namespace {
    /// List the namespaces below the one of the request
    List,
    /// Create a namespace
    Create(Change),
    /// Show a namespace
    Lookup(Named),
    /// Change the metadata of a namespace
    Patch(Change),
    /// Delete a namespace, with all that is in it
    Delete(Named),
}

/// A namespace, by name.
#[derive(Args)]
pub(crate) struct Named {
    /// Its name
    name: String,
}

/// A namespace, and what is to be said of it.
#[derive(Args)]
pub(crate) struct Change {
    /// A note: name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    custom_metadata: Vec<String>,
    /// Remove a note; may be repeated
    #[arg(long, value_name = "NAME")]
    remove_custom_metadata: Vec<String>,
    /// Its name
    name: String,
}

impl Namespace {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::List => logical::list(context, request(Method::List, "sys/namespaces")?),
            Self::Create(change) => change.run(context, Method::Put),
            Self::Patch(change) => change.run(context, Method::Patch),
            Self::Lookup(named) => context.show(&context.ask(named.request(Method::Get)?)?),
            Self::Delete(named) => {
                let reply = context.ask(named.request(Method::Delete)?)?;
                let success = format!("Namespace deleted (if it existed): {}", named.name);
                context.show_or(&reply, &success)
            }
        }
    }
}

impl Named {
    fn request(&self, method: Method) -> Result<vaultcore::api::ApiRequest> {
        request(method, &path(&self.name))
    }
}

impl Change {
    fn run(&self, context: &Context, method: Method) -> Result {
        let mut notes = Object::new();
        for pair in &self.custom_metadata {
            let (name, value) = pair_of(pair)?;
            notes = notes.text(name, value);
        }
        for name in &self.remove_custom_metadata {
            notes = notes.raw(name, "null");
        }
        let body = Object::new().object("custom_metadata", &notes).finish();
        let request = request(method, &path(&self.name))?.body(body.as_bytes());
        let reply = context.ask(request)?;
        context.show_or(&reply, &format!("Namespace written: {}", self.name))
    }
}

fn path(name: &str) -> String {
    format!("sys/namespaces/{}", name.trim_matches('/'))
}
