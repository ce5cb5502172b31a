//! What secrets engines and auth methods have in common: they stand in a table of mounts.

use clap::Args;
use vaultcore::api::Method;

use crate::args::Format;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::json::{self, Object};
use crate::sources::Text;
use crate::table;

/// Which table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Secrets,
    Auth,
}

impl Class {
    /// The path of the table in the API.
    fn table(self) -> &'static str {
        match self {
            Self::Secrets => "sys/mounts",
            Self::Auth => "sys/auth",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Secrets => "secrets engine",
            Self::Auth => "auth method",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Secrets => "",
            Self::Auth => "auth/",
        }
    }
}

/// List what is mounted.
#[derive(Args)]
pub(crate) struct ListMounts {
    /// Show lives, options and ids, too
    #[arg(long)]
    detailed: bool,
}

impl ListMounts {
    pub(crate) fn run(self, context: &Context, class: Class) -> Result {
        let reply = context.ask(request(Method::Get, class.table())?)?;
        if reply.is_wrapped() || context.globals.field.is_some() {
            return context.show(&reply);
        }
        let data = reply.data().unwrap_or("{}");
        if context.format != Format::Table {
            context.output.laid_out(context.format, data)?;
            return Ok(Done::Well);
        }
        let mounts = json::object(data).into_iter().flatten();
        let columns: &[(&str, &[&str])] = match self.detailed {
            false => &[
                ("Type", &["type"]),
                ("Accessor", &["accessor"]),
                ("Description", &["description"]),
            ],
            true => &[
                ("Type", &["type"]),
                ("Accessor", &["accessor"]),
                ("Default TTL", &["config", "default_lease_ttl"]),
                ("Max TTL", &["config", "max_lease_ttl"]),
                ("Options", &["options"]),
                ("Description", &["description"]),
                ("UUID", &["uuid"]),
            ],
        };
        let rows = mounts.map(|(path, mount)| {
            let cells = columns
                .iter()
                .map(|(name, field)| cell(mount.get(), name, field));
            std::iter::once(Text::new(path)).chain(cells).collect()
        });
        let rows: Vec<Vec<Text>> = rows.collect();
        let heads = columns.iter().map(|(name, _)| *name);
        let heads: Vec<&str> = std::iter::once("Path").chain(heads).collect();
        context
            .output
            .write(table::table(&heads, &rows).as_bytes())?;
        Ok(Done::Well)
    }
}

fn cell(mount: &str, head: &str, field: &[&str]) -> Text {
    let value = json::find(mount, field).unwrap_or("null");
    match (head, value) {
        (_, "0") if head.ends_with("TTL") => Text::new("system".to_owned()),
        (_, seconds) if head.ends_with("TTL") => table::named_cell("ttl", seconds),
        ("Options", "null") => Text::new("map[]".to_owned()),
        _ => table::cell(value),
    }
}

/// What can be set of a mount.
#[derive(Args)]
pub(crate) struct Settings {
    /// A text for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long tokens and leases live unless they say so
    #[arg(long, value_name = "DURATION")]
    default_lease_ttl: Option<String>,
    /// How long they live at most
    #[arg(long, value_name = "DURATION")]
    max_lease_ttl: Option<String>,
    /// Who sees the mount without a token: `unauth` or `hidden`
    #[arg(long, value_name = "WHO")]
    listing_visibility: Option<String>,
    /// A field of requests that stands in audit lines as it is; may be repeated
    #[arg(long, value_name = "NAME")]
    audit_non_hmac_request_keys: Vec<String>,
    /// A field of replies that stands in audit lines as it is; may be repeated
    #[arg(long, value_name = "NAME")]
    audit_non_hmac_response_keys: Vec<String>,
    /// An option of the engine: name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    options: Vec<String>,
    /// The version of a key-value engine: 1 or 2
    #[arg(long, value_name = "NUMBER")]
    version: Option<String>,
    /// The kind of tokens that an auth method gives
    #[arg(long, value_name = "KIND")]
    token_type: Option<String>,
}

impl Settings {
    fn config(&self) -> Object {
        let mut config = Object::new()
            .maybe("default_lease_ttl", self.default_lease_ttl.as_deref())
            .maybe("max_lease_ttl", self.max_lease_ttl.as_deref())
            .maybe("listing_visibility", self.listing_visibility.as_deref())
            .maybe("token_type", self.token_type.as_deref());
        let lists = [
            (
                "audit_non_hmac_request_keys",
                &self.audit_non_hmac_request_keys,
            ),
            (
                "audit_non_hmac_response_keys",
                &self.audit_non_hmac_response_keys,
            ),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                config = config.list(name, list);
            }
        }
        config
    }

    fn options(&self) -> Result<Object> {
        let mut options = Object::new();
        for pair in &self.options {
            let (name, value) = pair_of(pair)?;
            options = options.text(name, value);
        }
        Ok(options.maybe("version", self.version.as_deref()))
    }
}

/// Returns the name and the value of `name=value`.
pub(crate) fn pair_of(pair: &str) -> Result<(&str, &str)> {
    pair.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::local("an option is given as name=value"))
}

/// Enable an engine or a method.
#[derive(Args)]
pub(crate) struct Enable {
    /// Where; by default the name of its kind
    #[arg(long, value_name = "MOUNT")]
    path: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Its kind
    #[arg(value_name = "TYPE")]
    kind: String,
}

impl Enable {
    pub(crate) fn run(self, context: &Context, class: Class) -> Result {
        // As in Vault: `kv-v2` is the kind `kv` in version 2, and stands at `kv-v2`.
        let path = self.path.as_deref().unwrap_or(&self.kind).trim_matches('/');
        let mut body = Object::new()
            .text("type", &self.kind)
            .maybe("description", self.settings.description.as_deref());
        let (config, options) = (self.settings.config(), self.settings.options()?);
        if !config.is_empty() {
            body = body.object("config", &config);
        }
        if !options.is_empty() {
            body = body.object("options", &options);
        }
        let request = request(Method::Post, &format!("{}/{path}", class.table()))?;
        let reply = context.ask(request.body(body.finish().as_bytes()))?;
        let (noun, kind) = (class.noun(), &self.kind);
        let success = match class {
            Class::Secrets => format!("Enabled the {kind} {noun} at: {path}/"),
            Class::Auth => format!("Enabled {kind} {noun} at: {path}/"),
        };
        context.show_or(&reply, &success)
    }
}

/// Disable an engine or a method, with all that it keeps.
#[derive(Args)]
pub(crate) struct Disable {
    /// Where it is
    #[arg(value_name = "MOUNT")]
    path: String,
}

impl Disable {
    pub(crate) fn run(self, context: &Context, class: Class) -> Result {
        let path = self.path.trim_matches('/');
        let request = request(Method::Delete, &format!("{}/{path}", class.table()))?;
        let reply = context.ask(request)?;
        let success = format!("Disabled the {} (if it existed) at: {path}/", class.noun());
        context.show_or(&reply, &success)
    }
}

/// Change what is set of an engine or a method.
#[derive(Args)]
pub(crate) struct Tune {
    #[command(flatten)]
    settings: Settings,
    /// Where it is
    #[arg(value_name = "MOUNT")]
    path: String,
}

impl Tune {
    pub(crate) fn run(self, context: &Context, class: Class) -> Result {
        let path = self.path.trim_matches('/');
        let mut body = self.settings.config();
        body = body.maybe("description", self.settings.description.as_deref());
        let options = self.settings.options()?;
        if !options.is_empty() {
            body = body.object("options", &options);
        }
        let request = request(Method::Post, &format!("{}/{path}/tune", class.table()))?;
        let reply = context.ask(request.body(body.finish().as_bytes()))?;
        let success = format!("Tuned the {} at: {path}/", class.noun());
        context.show_or(&reply, &success)
    }
}

/// Move an engine or a method, with all that it keeps.
#[derive(Args)]
pub(crate) struct Move {
    /// Where it is
    from: String,
    /// Where it shall be
    to: String,
}

impl Move {
    pub(crate) fn run(self, context: &Context, class: Class) -> Result {
        let (from, to) = (self.from.trim_matches('/'), self.to.trim_matches('/'));
        let prefix = class.prefix();
        let body = Object::new()
            .text("from", &format!("{prefix}{from}"))
            .text("to", &format!("{prefix}{to}"));
        let request = request(Method::Post, "sys/remount")?;
        let reply = context.ask(request.body(body.finish().as_bytes()))?;
        let (noun, shown) = (class.noun(), format!("{from}/ to: {to}/"));
        match reply.is_wrapped() {
            true => context.show(&reply),
            false => context.success(&format!("Moved the {noun} from: {shown}")),
        }
    }
}
