//! `read`, `write`, `patch`, `delete`, `list`, `scan` and `unwrap`: any path of the API.

use std::path::Path;

use clap::Args;
use vaultcore::api::{ApiRequest, Method};

use crate::args::Format;
use crate::context::{Actor, Context, request};
use crate::failure::{Done, Failure, Result};
use crate::fields::Given;
use crate::json;
use crate::reply::Reply;
use crate::sources::Text;
use crate::table;

const DATA: &str = "name=value, name=@file, name=- for standard input, or @file or - with JSON";

/// Read data.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore read transit/keys/orders\n  \
                        vaultcore read -field=ttl auth/token/lookup-self")]
pub(crate) struct Read {
    /// The path
    path: String,
    /// What the query says: name=value
    data: Vec<String>,
}

impl Read {
    pub(crate) fn run(self, context: &Context) -> Result {
        let given = Given::read(&self.data, &context.sources)?;
        let mut request = request(Method::Get, clean(&self.path))?;
        for (name, value) in given.query() {
            request = request.query(name, &value);
        }
        let reply = context.ask(request)?;
        if reply.body().is_empty() {
            return Err(Failure::vault("no value found"));
        }
        if json::object(reply.body()).is_none() {
            context.output.write(reply.body().as_bytes())?; // metrics, for Prometheus
            return Ok(Done::Well);
        }
        // What is told of the vault itself stands in no envelope.
        match reply.is_empty() {
            true => context.show_object(reply.body(), &bare(&reply)),
            false => context.show(&reply),
        }
    }
}

fn bare(reply: &Reply) -> Vec<(String, String)> {
    let fields = json::object(reply.body()).into_iter().flatten();
    fields
        .map(|(name, value)| (name, table::cell(value.get()).to_string()))
        .collect()
}

/// Write data, configuration and secrets.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore write -f transit/keys/orders\n  \
                        vaultcore write auth/userpass/users/bob password=@bob.txt policies=app\n  \
                        vaultcore write transit/encrypt/orders plaintext=@plain.b64\n  \
                        echo '{\"ttl\": \"1h\"}' | vaultcore write auth/token/create -")]
pub(crate) struct Write {
    /// Write without data
    #[arg(short, long)]
    force: bool,
    /// The path
    path: String,
    #[arg(help = DATA)]
    data: Vec<String>,
}

impl Write {
    pub(crate) fn run(self, context: &Context) -> Result {
        if self.data.is_empty() && !self.force {
            return Err(Failure::local(
                "there is no data to write; -force writes without",
            ));
        }
        change(context, Method::Put, &self.path, &self.data)
    }
}

/// Change a part of what is there.
#[derive(Args)]
#[command(
    after_help = "Example:\n  vaultcore patch sys/namespaces/team custom_metadata=@notes.json"
)]
pub(crate) struct Patch {
    /// The path
    path: String,
    #[arg(help = DATA, required = true)]
    data: Vec<String>,
}

impl Patch {
    pub(crate) fn run(self, context: &Context) -> Result {
        change(context, Method::Patch, &self.path, &self.data)
    }
}

fn change(context: &Context, method: Method, path: &str, data: &[String]) -> Result {
    let given = Given::read(data, &context.sources)?;
    let path = clean(path);
    let request = request(method, path)?.body(given.object().finish().as_bytes());
    let reply = context.ask(request)?;
    context.show_or(&reply, &format!("Data written to: {path}"))
}

/// Delete data and configuration.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore delete transit/keys/orders")]
pub(crate) struct Delete {
    /// The path
    path: String,
    /// What the query says: name=value
    data: Vec<String>,
}

impl Delete {
    pub(crate) fn run(self, context: &Context) -> Result {
        let given = Given::read(&self.data, &context.sources)?;
        let path = clean(&self.path);
        let mut request = request(Method::Delete, path)?;
        for (name, value) in given.query() {
            request = request.query(name, &value);
        }
        let reply = context.ask(request)?;
        context.show_or(&reply, &format!("Data deleted (if it existed) at: {path}"))
    }
}

/// List a folder.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore list auth/userpass/users")]
pub(crate) struct List {
    /// The path
    path: String,
    /// Begin behind this name
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// Show at most so many names
    #[arg(long, value_name = "COUNT")]
    limit: Option<u32>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result {
        self.ask(context, Method::List)
    }

    pub(crate) fn run_scan(self, context: &Context) -> Result {
        self.ask(context, Method::Scan)
    }

    fn ask(&self, context: &Context, method: Method) -> Result {
        // A folder ends in a slash; that of a whole mount is found by it.
        let folder = format!("{}/", clean(&self.path).trim_end_matches('/'));
        let mut request = request(method, &folder)?;
        if let Some(after) = &self.after {
            request = request.query("after", after);
        }
        if let Some(limit) = self.limit {
            request = request.query("limit", &limit.to_string());
        }
        list(context, request)
    }
}

/// Makes a request for a list and shows the names.
pub(crate) fn list(context: &Context, request: ApiRequest) -> Result {
    let outcome = context.ask(request);
    if context.format != Format::Table
        && matches!(&outcome, Err(Failure::Vault(told)) if told == &["no value found"])
    {
        context.output.line("{}")?; // so that a program has something to parse
    }
    let reply = outcome?;
    if reply.is_wrapped() {
        return context.show(&reply);
    }
    if let Some(name) = &context.globals.field {
        return context.show_value(&reply.field(name)?);
    }
    let keys = reply.part(&["data", "keys"]).unwrap_or("[]");
    match context.format {
        Format::Json | Format::Yaml => context.output.laid_out(context.format, keys)?,
        Format::Table => show_names(context, "Keys", keys)?,
    }
    Ok(Done::Well)
}

/// Prints a list of names under a head.
pub(crate) fn show_names(context: &Context, head: &str, names: &str) -> Result<()> {
    let names = json::array(names).unwrap_or_default();
    let rows: Vec<Vec<Text>> = names
        .iter()
        .map(|name| vec![table::cell(name.get())])
        .collect();
    context
        .output
        .write(table::table(&[head], &rows).as_bytes())
}

/// Unwrap a wrapped reply.
#[derive(Args)]
#[command(
    after_help = "The token to unwrap is an argument, a file, standard input, or asked for. \
                        Without one, the token\nthat asks is unwrapped.\n\nExamples:\n  \
                        vaultcore unwrap -\n  vaultcore unwrap -field=password @wrapped.txt"
)]
pub(crate) struct Unwrap {
    /// The wrapping token, `-` for standard input, or @file
    token: Option<String>,
}

impl Unwrap {
    pub(crate) fn run(self, context: &Context) -> Result {
        let unwrap = request(Method::Put, "sys/wrapping/unwrap")?;
        let reply = match &self.token {
            Some(word) => {
                let token = given_token(context, word)?;
                context.ask_as(&Actor::Token(token), unwrap)?
            }
            None => context.ask(unwrap)?,
        };
        if reply.is_empty() {
            return context.success("The reply said nothing");
        }
        context.show(&reply)
    }
}

/// Returns a token that was given as an argument, `-`, or @file.
pub(crate) fn given_token(context: &Context, word: &str) -> Result<Text> {
    let text = match (word, word.strip_prefix('@')) {
        ("-", _) => context.sources.stdin()?,
        (_, Some(path)) => context
            .sources
            .file(Path::new(path), "the file of the token")?,
        _ => Text::new(word.to_owned()),
    };
    match text.trim() {
        "" => Err(Failure::local("the token is empty")),
        token => Ok(Text::new(token.to_owned())),
    }
}

/// Returns a path as Vault's command line takes it: slashes around it do not matter.
pub(crate) fn clean(path: &str) -> &str {
    path.trim().trim_start_matches('/')
}
