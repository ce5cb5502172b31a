//! `kv get`, `kv list` and `kv scan`.

use clap::Args;
use vaultcore::api::Method;

use super::place::{Named, Place};
use crate::args::Format;
use crate::commands::logical;
use crate::context::Context;
use crate::failure::{Done, Failure, Result};
use crate::json;
use crate::reply::{self, Reply};
use crate::table;

/// Read a secret.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore kv get secret/app/db\n  \
                        vaultcore kv get -field=password -mount=secret app/db\n  \
                        vaultcore kv get -version=3 -format=json secret/app/db")]
pub(crate) struct Get {
    /// The version; by default the newest
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,
    #[command(flatten)]
    named: Named,
}

impl Get {
    pub(crate) fn run(self, context: &Context) -> Result {
        let place = self.named.find(context)?;
        let mut request = place.request(Method::Get, "data")?;
        if let Some(version) = self.version {
            place.need_versions()?;
            request = request.query("version", &version.to_string());
        }
        let reply = context.ask(request)?;
        if !place.versioned() || reply.is_wrapped() {
            return show_plain(context, &reply);
        }
        if let Some(name) = &context.globals.field {
            let data = reply.part(&["data", "data"]);
            let data = data.ok_or_else(|| Failure::vault("no value found"))?; // it is deleted
            return context.show_value(json::find(data, &[name]).ok_or_else(reply::no_field)?);
        }
        match context.format {
            Format::Json | Format::Yaml => {
                context.output.laid_out(context.format, &reply.json())?;
            }
            Format::Table => {
                show_version(context, &place, reply.part(&["data", "metadata"]))?;
                context.output.line("")?;
                if let Some(data) = reply.part(&["data", "data"]) {
                    show_titled(context, "Data", data)?;
                }
            }
        }
        Ok(Done::Well)
    }
}

/// Shows a secret of version 1.
fn show_plain(context: &Context, reply: &Reply) -> Result {
    if reply.is_wrapped() || context.globals.field.is_some() || context.format != Format::Table {
        return context.show(reply);
    }
    show_titled(context, "Data", reply.data().unwrap_or("{}"))?;
    Ok(Done::Well)
}

/// Shows where a version of a secret is, and what is kept beside its data.
pub(crate) fn show_version(context: &Context, place: &Place, metadata: Option<&str>) -> Result<()> {
    show_path(context, "Secret Path", &place.path("data"))?;
    show_titled(context, "Metadata", metadata.unwrap_or("{}"))
}

/// Shows a path under a title.
pub(crate) fn show_path(context: &Context, title: &str, path: &str) -> Result<()> {
    let title = table::title(title, path.len());
    let path = path.escape_debug();
    context
        .output
        .write(format!("{title}{path}\n\n").as_bytes())
}

/// Shows the fields of an object under a title.
pub(crate) fn show_titled(context: &Context, title: &str, data: &str) -> Result<()> {
    let rows = reply::rows(data);
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max();
    let title = table::title(title, widest.unwrap_or_default() + "    Value".len());
    context.output.write(title.as_bytes())?;
    context.output.write(table::pairs(&rows).as_bytes())
}

/// List a folder.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore kv list secret/app")]
pub(crate) struct List {
    /// Begin behind this name
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// Show at most so many names
    #[arg(long, value_name = "COUNT")]
    limit: Option<u32>,
    #[command(flatten)]
    named: Named,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result {
        self.ask(context, Method::List)
    }

    pub(crate) fn run_scan(self, context: &Context) -> Result {
        self.ask(context, Method::Scan)
    }

    fn ask(&self, context: &Context, method: Method) -> Result {
        let place = self.named.find(context)?;
        if method == Method::Scan && !place.versioned() {
            return Err(Failure::local(
                "a mount of version 1 is listed folder by folder",
            ));
        }
        let mut request = place.request(method, "metadata")?;
        if let Some(after) = &self.after {
            request = request.query("after", after);
        }
        if let Some(limit) = self.limit {
            request = request.query("limit", &limit.to_string());
        }
        logical::list(context, request)
    }
}
