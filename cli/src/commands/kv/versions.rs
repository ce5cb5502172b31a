//! `kv delete`, `undelete`, `destroy` and `rollback`.

use clap::Args;
use vaultcore::api::Method;

use super::change::write;
use super::place::{Named, Place};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json::{self, Object};

/// Delete the newest version of a secret, or some versions; they can come back.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore kv delete secret/app/db\n  \
                        vaultcore kv delete -versions=1,2 secret/app/db")]
pub(crate) struct Delete {
    /// The versions, with commas between them
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    versions: Vec<u64>,
    #[command(flatten)]
    named: Named,
}

impl Delete {
    pub(crate) fn run(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        let path = place.path("data");
        let success = format!("Data deleted (if it existed) at: {path}");
        if self.versions.is_empty() {
            let reply = context.ask(place.request(Method::Delete, "data")?)?;
            return context.show_or(&reply, &success);
        }
        change(context, &place, "delete", &self.versions, &success)
    }
}

/// Bring back versions that were deleted.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore kv undelete -versions=2 secret/app/db")]
pub(crate) struct Undelete {
    /// The versions, with commas between them
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', required = true)]
    versions: Vec<u64>,
    #[command(flatten)]
    named: Named,
}

impl Undelete {
    pub(crate) fn run(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        let success = format!("Data written to: {}", place.path("undelete"));
        change(context, &place, "undelete", &self.versions, &success)
    }
}

/// Destroy versions for good.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore kv destroy -versions=1,2 secret/app/db")]
pub(crate) struct Destroy {
    /// The versions, with commas between them
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', required = true)]
    versions: Vec<u64>,
    #[command(flatten)]
    named: Named,
}

impl Destroy {
    pub(crate) fn run(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        let success = format!("Data written to: {}", place.path("destroy"));
        change(context, &place, "destroy", &self.versions, &success)
    }
}

fn change(context: &Context, place: &Place, what: &str, versions: &[u64], success: &str) -> Result {
    place.need_versions()?;
    let numbers: Vec<String> = versions.iter().map(u64::to_string).collect();
    let body = Object::new().raw("versions", &format!("[{}]", numbers.join(",")));
    let request = place
        .request(Method::Put, what)?
        .body(body.finish().as_bytes());
    let reply = context.ask(request)?;
    context.show_or(&reply, success)
}

/// Write an old version anew.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore kv rollback -version=2 secret/app/db")]
pub(crate) struct Rollback {
    /// The version to be written anew
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
    #[command(flatten)]
    named: Named,
}

impl Rollback {
    pub(crate) fn run(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        place.need_versions()?;
        let newest = context.look(&place.path("data"))?;
        let newest = newest
            .part(&["data", "metadata", "version"])
            .map(str::parse);
        let Some(Ok(newest)) = newest else {
            return Err(Failure::vault("no value found"));
        };
        let old = place.request(Method::Get, "data")?;
        let old = context.look_with(old.query("version", &self.version.to_string()))?;
        let gone = || Failure::vault("a version that was deleted or destroyed cannot come back so");
        let old = old.part(&["data", "data"]).ok_or_else(gone)?;
        let fields = json::object(old).ok_or_else(gone)?;
        let data = fields.iter().fold(Object::new(), |data, (name, value)| {
            data.raw(name, value.get())
        });
        write(context, &place, &data, Some(newest))
    }
}
