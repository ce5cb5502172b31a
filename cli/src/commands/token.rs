//! `token`: making tokens, looking at them, and ending them.

use clap::{Args, Subcommand, ValueEnum};
use vaultcore::api::Method;

use crate::args::Format;
use crate::commands::logical::given_token;
use crate::commands::mounts::pair_of;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::json::{self, Object};
use crate::table;

/// Manage tokens.
#[derive(Subcommand)]
pub(crate) enum Token {
    /// Create a token
    Create(Box<Create>),
    /// Show what a token is
    Lookup(Named),
    /// Let a token live longer
    Renew(Renew),
    /// End a token
    Revoke(Revoke),
    /// Show what a token may do at a path
    Capabilities(Capabilities),
}

impl Token {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Create(create) => create.run(context),
            Self::Lookup(named) => named.lookup(context),
            Self::Renew(renew) => renew.run(context),
            Self::Revoke(revoke) => revoke.run(context),
            Self::Capabilities(capabilities) => capabilities.run(context),
        }
    }
}

/// Create a token.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore token create -policy=app -ttl=1h\n  \
                        vaultcore token create -field=token -policy=app -use-limit=5"
)]
pub(crate) struct Create {
    /// A policy that it has; may be repeated. Without, it has those of the token that asks
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// How long it lives
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// How long it lives at most, renewals included
    #[arg(long, value_name = "DURATION")]
    explicit_max_ttl: Option<String>,
    /// It may be renewed for ever, for this long each time
    #[arg(long, value_name = "DURATION")]
    period: Option<String>,
    /// Whether it may be renewed
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true",
        require_equals = true)]
    renewable: Option<bool>,
    /// It outlives the token that asks
    #[arg(long)]
    orphan: bool,
    /// It lacks the policy `default`
    #[arg(long)]
    no_default_policy: bool,
    /// It is good for so many requests
    #[arg(long, value_name = "COUNT")]
    use_limit: Option<u32>,
    /// A note: name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// Its name in audit lines
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Its kind: `service` or `batch`
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// The role that makes it
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The alias of the entity that it acts as
    #[arg(long, value_name = "NAME")]
    entity_alias: Option<String>,
    /// The token itself, `-` for standard input or @file, instead of a random one
    #[arg(long, value_name = "TOKEN")]
    id: Option<String>,
}

impl Create {
    fn run(self, context: &Context) -> Result {
        let mut body = Object::new()
            .maybe("ttl", self.ttl.as_deref())
            .maybe("explicit_max_ttl", self.explicit_max_ttl.as_deref())
            .maybe("period", self.period.as_deref())
            .maybe("display_name", self.display_name.as_deref())
            .maybe("type", self.kind.as_deref())
            .maybe("entity_alias", self.entity_alias.as_deref())
            .flagged("no_default_policy", self.no_default_policy);
        if !self.policy.is_empty() {
            body = body.list("policies", &self.policy);
        }
        if let Some(renewable) = self.renewable {
            body = body.flag("renewable", renewable);
        }
        if let Some(count) = self.use_limit {
            body = body.number("num_uses", count);
        }
        if let Some(id) = &self.id {
            body = body.text("id", &given_token(context, id)?);
        }
        let mut notes = Object::new();
        for pair in &self.metadata {
            let (name, value) = pair_of(pair)?;
            notes = notes.text(name, value);
        }
        if !notes.is_empty() {
            body = body.object("meta", &notes);
        }
        let path = match (&self.role, self.orphan) {
            (Some(role), _) => format!("auth/token/create/{role}"),
            (None, true) => "auth/token/create-orphan".to_owned(),
            (None, false) => "auth/token/create".to_owned(),
        };
        let request = request(Method::Post, &path)?.body(body.finish().as_bytes());
        context.show(&context.ask(request)?)
    }
}

/// A token, or its accessor; without, the token that asks.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore token lookup\n  vaultcore token lookup - < token.txt\n  \
                        vaultcore token lookup -accessor 7RcBLsyAHTO8g9f7tPrycoH7"
)]
pub(crate) struct Named {
    /// What is given is an accessor
    #[arg(long)]
    accessor: bool,
    /// The token, `-` for standard input, or @file
    token: Option<String>,
}

impl Named {
    fn lookup(self, context: &Context) -> Result {
        let request = match (&self.token, self.accessor) {
            (None, true) => return Err(Failure::local("which accessor?")),
            (None, false) => request(Method::Get, "auth/token/lookup-self")?,
            (Some(word), _) => self.asked(context, "lookup", word, Object::new())?,
        };
        context.show(&context.ask(request)?)
    }

    /// Returns the request that does something with the token or accessor that was given.
    fn asked(
        &self,
        context: &Context,
        verb: &str,
        word: &str,
        body: Object,
    ) -> Result<vaultcore::api::ApiRequest> {
        let given = given_token(context, word)?;
        let (path, name) = match self.accessor {
            true => (format!("auth/token/{verb}-accessor"), "accessor"),
            false => (format!("auth/token/{verb}"), "token"),
        };
        let body = body.text(name, &given).finish();
        Ok(request(Method::Post, &path)?.body(body.as_bytes()))
    }
}

/// Let a token live longer; without one, the token that asks.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore token renew -increment=1h")]
pub(crate) struct Renew {
    /// For how long from now on
    #[arg(long, short, value_name = "DURATION")]
    increment: Option<String>,
    #[command(flatten)]
    named: Named,
}

impl Renew {
    fn run(self, context: &Context) -> Result {
        let body = Object::new().maybe("increment", self.increment.as_deref());
        let request = match (&self.named.token, self.named.accessor) {
            (None, true) => return Err(Failure::local("which accessor?")),
            (None, false) => {
                request(Method::Post, "auth/token/renew-self")?.body(body.finish().as_bytes())
            }
            (Some(word), _) => self.named.asked(context, "renew", word, body)?,
        };
        context.show(&context.ask(request)?)
    }
}

/// End a token, and all that was made by it.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore token revoke -self\n  \
                        vaultcore token revoke -mode=orphan - < token.txt")]
pub(crate) struct Revoke {
    /// The token that asks; the token file is emptied, too
    #[arg(long = "self", conflicts_with_all = ["token", "accessor", "mode"])]
    own: bool,
    /// `orphan`: what was made by it lives on
    #[arg(long, value_enum)]
    mode: Option<RevokeMode>,
    #[command(flatten)]
    named: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RevokeMode {
    Orphan,
}

impl Revoke {
    fn run(self, context: &Context) -> Result {
        let done = "Revoked token (if it existed)";
        if self.own {
            let reply = context.ask(request(Method::Post, "auth/token/revoke-self")?)?;
            if crate::context::env("VAULTCORE_TOKEN").is_none() {
                context.token_file.clear()?;
            }
            return context.show_or(&reply, done);
        }
        let word = self.named.token.as_ref();
        let word = word.ok_or_else(|| Failure::local("which token? Give it, or -self"))?;
        let verb = match (self.mode, self.named.accessor) {
            (Some(RevokeMode::Orphan), true) => {
                return Err(Failure::local(
                    "-mode=orphan takes a token, not an accessor",
                ));
            }
            (Some(RevokeMode::Orphan), false) => "revoke-orphan",
            (None, _) => "revoke",
        };
        let request = self.named.asked(context, verb, word, Object::new())?;
        let reply = context.ask(request)?;
        context.show_or(&reply, done)
    }
}

/// Show what a token may do at a path; without a token, that of the one that asks.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore token capabilities secret/data/app\n  \
                        vaultcore token capabilities @token.txt secret/data/app"
)]
pub(crate) struct Capabilities {
    /// What is given is an accessor
    #[arg(long)]
    accessor: bool,
    /// A token or accessor (`-`, @file), and the path; or the path alone
    #[arg(required = true, num_args = 1..=2, value_name = "[TOKEN] PATH")]
    words: Vec<String>,
}

impl Capabilities {
    fn run(self, context: &Context) -> Result {
        let (path, body, at) = match self.words.as_slice() {
            [path] if !self.accessor => (path, Object::new(), "sys/capabilities-self"),
            [word, path] => {
                let given = given_token(context, word)?;
                match self.accessor {
                    true => {
                        let body = Object::new().text("accessor", &given);
                        (path, body, "sys/capabilities-accessor")
                    }
                    false => (
                        path,
                        Object::new().text("token", &given),
                        "sys/capabilities",
                    ),
                }
            }
            _ => return Err(Failure::local("which accessor, and which path?")),
        };
        let body = body.list("paths", std::slice::from_ref(path)).finish();
        let reply = context.ask(request(Method::Post, at)?.body(body.as_bytes()))?;
        if reply.is_wrapped() || context.globals.field.is_some() {
            return context.show(&reply);
        }
        let found = reply.part(&["data", "capabilities"]).unwrap_or("[]");
        match context.format {
            Format::Json | Format::Yaml => context.output.laid_out(context.format, found)?,
            Format::Table => {
                let words = json::array(found).unwrap_or_default();
                let words: Vec<_> = words.iter().map(|word| table::cell(word.get())).collect();
                let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
                context.output.line(&words.join(", "))?;
            }
        }
        Ok(Done::Well)
    }
}
