//! `lease`: what was made for somebody, lives for a time, and is ended then.

use clap::{Args, Subcommand};
use vaultcore::api::Method;

use crate::args::Format;
use crate::commands::logical;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::json::Object;

/// Work with leases.
#[derive(Subcommand)]
pub(crate) enum Lease {
    /// Show what is known of a lease
    Lookup(Lookup),
    /// List the leases below a path
    List(List),
    /// Let a lease live longer
    Renew(Renew),
    /// End a lease, or all below a path
    Revoke(Revoke),
}

impl Lease {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Lookup(lookup) => lookup.run(context),
            Self::List(list) => list.run(context),
            Self::Renew(renew) => renew.run(context),
            Self::Revoke(revoke) => revoke.run(context),
        }
    }
}

/// Show what is known of a lease.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore lease lookup database/creds/readonly/2f6a614c")]
pub(crate) struct Lookup {
    /// The lease
    id: String,
}

impl Lookup {
    fn run(self, context: &Context) -> Result {
        let body = Object::new().text("lease_id", &self.id).finish();
        let request = request(Method::Put, "sys/leases/lookup")?.body(body.as_bytes());
        context.show(&context.ask(request)?)
    }
}

/// List the leases below a path.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore lease list database/creds/readonly")]
pub(crate) struct List {
    /// The path; by default all
    #[arg(default_value = "")]
    prefix: String,
}

impl List {
    fn run(self, context: &Context) -> Result {
        let prefix = self.prefix.trim_matches('/');
        let path = format!("sys/leases/lookup/{prefix}");
        logical::list(
            context,
            request(Method::List, &format!("{}/", path.trim_end_matches('/')))?,
        )
    }
}

/// Let a lease live longer.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore lease renew -increment=1h \
                        database/creds/readonly/2f6a614c")]
pub(crate) struct Renew {
    /// For how long from now on
    #[arg(long, short, value_name = "DURATION")]
    increment: Option<String>,
    /// The lease
    id: String,
}

impl Renew {
    fn run(self, context: &Context) -> Result {
        let body = Object::new()
            .text("lease_id", &self.id)
            .maybe("increment", self.increment.as_deref())
            .finish();
        let request = request(Method::Put, "sys/leases/renew")?.body(body.as_bytes());
        context.show(&context.ask(request)?)
    }
}

/// End a lease, or all below a path.
#[derive(Args)]
#[command(
    after_help = "What a lease stands for is taken away by a process that has the driver of \
                        its database. One\nthat has it not marks what is to be ended, and the \
                        host that has it ends it.\n\nExamples:\n  \
                        vaultcore lease revoke database/creds/readonly/2f6a614c\n  \
                        vaultcore lease revoke -prefix database/creds/readonly"
)]
pub(crate) struct Revoke {
    /// End all leases below the path
    #[arg(long)]
    prefix: bool,
    /// With -prefix: forget them, even if what they stand for lives on. Dangerous
    #[arg(short, long, requires = "prefix")]
    force: bool,
    /// Wait until it is done, and say if it could not be
    #[arg(long)]
    sync: bool,
    /// The lease, or the path
    id: String,
}

impl Revoke {
    fn run(self, context: &Context) -> Result {
        let body = Object::new().flag("sync", self.sync); // the API itself would wait
        let place = self.id.trim_matches('/');
        if place.is_empty() {
            return Err(Failure::local("which lease?"));
        }
        let (path, body) = match (self.prefix, self.force) {
            (true, true) => (format!("sys/leases/revoke-force/{place}"), body),
            (true, false) => (format!("sys/leases/revoke-prefix/{place}"), body),
            (false, _) => (
                "sys/leases/revoke".to_owned(),
                body.text("lease_id", &self.id),
            ),
        };
        let request = request(Method::Put, &path)?.body(body.finish().as_bytes());
        let reply = context.ask(request)?;
        if context.format != Format::Table || context.globals.field.is_some() || reply.is_wrapped()
        {
            return context.show_or(&reply, "");
        }
        match (self.force, self.sync) {
            (true, _) => context.success(&format!("Force revoked any leases with prefix: {place}")),
            (false, true) => context.success("Revoked (if it existed)"),
            (false, false) => {
                context
                    .output
                    .line("All revocation operations queued successfully!")?;
                Ok(Done::Well)
            }
        }
    }
}
