//! `policy`: the rules of the vault, and tools to see what they come to.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use vaultcore::api::Method;
use vaultcore::policy::{Ask, Capability, Policy as Rules, diff, explain, lint};

use crate::args::Format;
use crate::commands::logical;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::json::{self, Object};
use crate::private_file;

/// Manage policies, and see what they come to.
#[derive(Subcommand)]
pub(crate) enum Policy {
    /// List the policies
    List,
    /// Show a policy
    Read(Named),
    /// Write a policy
    Write(Write),
    /// Delete a policy
    Delete(Named),
    /// Lay out a policy file anew, keeping its comments
    Fmt(Fmt),
    /// Say what is probably not meant in a policy
    Lint(Lint),
    /// Say which rule decides about a path, and why
    Explain(Explain),
    /// Show by example what a change of a policy allows or forbids
    Diff(Diff),
}

impl Policy {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::List => list(context),
            Self::Read(named) => named.read(context),
            Self::Write(write) => write.run(context),
            Self::Delete(named) => named.delete(context),
            Self::Fmt(fmt) => fmt.run(context),
            Self::Lint(lint) => lint.run(context),
            Self::Explain(explain) => explain.run(context),
            Self::Diff(diff) => diff.run(context),
        }
    }
}

fn list(context: &Context) -> Result {
    let reply = context.ask(request(Method::Get, "sys/policy")?)?;
    if reply.is_wrapped() || context.globals.field.is_some() {
        return context.show(&reply);
    }
    let names = reply
        .part(&["data", "policies"])
        .or_else(|| reply.part(&["policies"]));
    let names = names.unwrap_or("[]");
    match context.format {
        Format::Json | Format::Yaml => context.output.laid_out(context.format, names)?,
        Format::Table => {
            for name in json::array(names).unwrap_or_default() {
                let name = json::text(name.get()).unwrap_or_default();
                context.output.line(&name.escape_debug().to_string())?;
            }
        }
    }
    Ok(Done::Well)
}

/// A policy, by name.
#[derive(Args)]
pub(crate) struct Named {
    /// Its name
    name: String,
}

impl Named {
    fn path(&self) -> String {
        path(&self.name)
    }

    fn read(self, context: &Context) -> Result {
        let reply = context.ask(request(Method::Get, &self.path())?)?;
        if context.globals.field.is_some() || reply.is_wrapped() {
            return context.show(&reply);
        }
        let text = reply.text(&["data", "policy"]).unwrap_or_default();
        if context.format != Format::Table {
            let object = Object::new().text("policy", &text);
            context.output.laid_out(context.format, &object.finish())?;
            return Ok(Done::Well);
        }
        context.output.line(text.trim_end_matches('\n'))?;
        Ok(Done::Well)
    }

    fn delete(self, context: &Context) -> Result {
        let reply = context.ask(request(Method::Delete, &self.path())?)?;
        context.show_or(&reply, &format!("Deleted policy: {}", self.name))
    }
}

fn path(name: &str) -> String {
    format!("sys/policies/acl/{}", name.to_lowercase())
}

/// Write a policy.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore policy write app app.hcl\n  \
                        vaultcore policy write app - < app.hcl")]
pub(crate) struct Write {
    /// Its name
    name: String,
    /// The file with its text, `-` for standard input
    file: PathBuf,
}

impl Write {
    fn run(self, context: &Context) -> Result {
        let text = context.sources.file(&self.file, "the policy file")?;
        let body = Object::new().text("policy", &text).finish();
        let request = request(Method::Put, &path(&self.name))?.body(body.as_bytes());
        let reply = context.ask(request)?;
        context.show_or(&reply, &format!("Uploaded policy: {}", self.name))
    }
}

/// Lay out a policy file anew, keeping its comments.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore policy fmt app.hcl")]
pub(crate) struct Fmt {
    /// The file, which is changed; `-`: from standard input to standard output
    file: PathBuf,
}

impl Fmt {
    fn run(self, context: &Context) -> Result {
        let old = context.sources.file(&self.file, "the policy file")?;
        let new = parse(&old)?.to_hcl();
        if self.file == Path::new("-") {
            context.output.write(new.as_bytes())?;
            return Ok(Done::Well);
        }
        if *old != new {
            let written = private_file::replace_keeping_mode(&self.file, new.as_bytes());
            written.map_err(|error| Failure::io("the policy file cannot be written", &error))?;
        }
        context.success(&format!("Formatted policy: {}", self.file.display()))
    }
}

/// Parses a policy of a file: what is wrong with it is wrong on this side.
fn parse(text: &str) -> Result<Rules> {
    Rules::parse(text).map_err(|error| Failure::local(error.to_string()))
}

/// Say what is probably not meant in a policy.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 nothing was found, 1 something was.\n\nExamples:\n  \
                        vaultcore policy lint app.hcl\n  vaultcore policy lint -policy=app"
)]
pub(crate) struct Lint {
    #[command(flatten)]
    texts: Texts,
}

impl Lint {
    fn run(self, context: &Context) -> Result {
        context.no_field()?;
        let texts = self.texts.read(context)?;
        let mut found = Vec::new();
        for (name, text) in &texts {
            found.extend(lint(text).into_iter().map(|finding| (name, finding)));
        }
        match context.format {
            Format::Table => {
                for (name, finding) in &found {
                    context
                        .output
                        .line(&format!("{}: {finding}", name.escape_debug()))?;
                }
            }
            Format::Json | Format::Yaml => {
                let items = found.iter().map(|(name, finding)| {
                    Object::new()
                        .text("policy", name)
                        .text("kind", &format!("{:?}", finding.kind()))
                        .text("path", finding.path())
                        .text("message", &finding.to_string())
                });
                context
                    .output
                    .laid_out(context.format, &json::objects(items))?;
            }
        }
        match found.is_empty() {
            true => Ok(Done::Well),
            false => Ok(Done::Faulty),
        }
    }
}

/// Policies, by name or from files.
#[derive(Args)]
struct Texts {
    /// A policy of the vault; may be repeated
    #[arg(long = "policy", value_name = "NAME")]
    names: Vec<String>,
    /// A policy file, `-` for standard input
    files: Vec<PathBuf>,
}

impl Texts {
    /// Returns names and texts; without any, those of the token that asks.
    fn read(&self, context: &Context) -> Result<Vec<(String, String)>> {
        read_texts(context, &self.names, &self.files)
    }
}

fn read_texts(
    context: &Context,
    names: &[String],
    files: &[PathBuf],
) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for file in files {
        let text = context.sources.file(file, "a policy file")?;
        texts.push((file.display().to_string(), text.to_string()));
    }
    let own = match names.is_empty() && files.is_empty() {
        true => own_policies(context)?,
        false => Vec::new(),
    };
    for name in names.iter().chain(&own) {
        let text = context.session()?.sys().policy(name)?;
        texts.push((name.clone(), text));
    }
    Ok(texts)
}

/// Returns the names of the policies of the token that asks.
fn own_policies(context: &Context) -> Result<Vec<String>> {
    let reply = context.look("auth/token/lookup-self")?;
    let names = reply
        .part(&["data", "policies"])
        .and_then(json::array)
        .unwrap_or_default();
    let names = names.iter().filter_map(|name| json::text(name.get()));
    Ok(names.map(|name| name.to_string()).collect())
}

/// Say which rule decides about a path, and why.
#[derive(Args)]
#[command(
    after_help = "Without -policy and -file, the policies of the token that asks are explained.\n\
                        Templates are shown, and are filled in for nobody.\n\n\
                        Examples:\n  vaultcore policy explain read secret/data/app/db\n  \
                        vaultcore policy explain -file=app.hcl update secret/data/app/db\n  \
                        vaultcore policy explain -policy=app -policy=default list secret/metadata/"
)]
pub(crate) struct Explain {
    /// A policy of the vault; may be repeated
    #[arg(long = "policy", value_name = "NAME")]
    names: Vec<String>,
    /// A policy file, `-` for standard input; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The path needs `sudo`, too
    #[arg(long)]
    sudo: bool,
    /// The request's body, a JSON file or `-`, for rules about parameters
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// create, read, update, patch, delete, list, scan or sudo
    capability: String,
    /// The path, as the API has it: `secret/data/app`
    path: String,
}

impl Explain {
    fn run(self, context: &Context) -> Result {
        context.no_field()?;
        let capability = Capability::parse(&self.capability)
            .ok_or_else(|| Failure::local("there is no such capability"))?;
        let texts = read_texts(context, &self.names, &self.files)?;
        if self.files.is_empty() && texts.iter().any(|(name, _)| name == "root") {
            return by_root(context, capability);
        }
        let rules = parsed(&texts)?;
        let body = match &self.body {
            Some(file) => context.sources.file(file, "the body")?,
            None => Default::default(),
        };
        let ask = Ask::new(logical::clean(&self.path), capability)
            .with_sudo(self.sudo)
            .with_body(body.as_bytes());
        let explanation = explain(&borrowed(&rules), None, &ask);
        if context.format == Format::Table {
            context.output.write(explanation.to_string().as_bytes())?;
            return Ok(Done::Well);
        }
        let rules = |rules: &[vaultcore::policy::MatchedRule]| {
            json::objects(rules.iter().map(|rule| {
                Object::new()
                    .text("policy", rule.policy())
                    .text("pattern", rule.pattern())
                    .list("capabilities", &rule.capabilities().names())
            }))
        };
        let denial = explanation.denial().map(|denial| denial.to_string());
        let object = Object::new()
            .flag("allowed", explanation.is_allowed())
            .maybe("denial", denial.as_deref())
            .raw("decided", &rules(explanation.decided()))
            .raw("lost", &rules(explanation.lost()))
            .raw("left_out", &rules(explanation.left_out()));
        context.output.laid_out(context.format, &object.finish())?;
        Ok(Done::Well)
    }
}

/// Says that whoever has the root policy, which has no text, may do anything.
fn by_root(context: &Context, capability: Capability) -> Result {
    match context.format {
        Format::Table => context.output.line(&format!(
            "{capability} is allowed\n  decides: policy `root`"
        ))?,
        Format::Json | Format::Yaml => {
            let rule = Object::new()
                .text("policy", "root")
                .text("pattern", "*")
                .list("capabilities", &["root"]);
            let object = Object::new()
                .flag("allowed", true)
                .raw("decided", &json::objects(std::iter::once(rule)))
                .raw("lost", "[]")
                .raw("left_out", "[]");
            context.output.laid_out(context.format, &object.finish())?;
        }
    }
    Ok(Done::Well)
}

fn parsed(texts: &[(String, String)]) -> Result<Vec<(&str, Rules)>> {
    let parsed = texts
        .iter()
        .map(|(name, text)| Ok((name.as_str(), parse(text)?)));
    parsed.collect()
}

fn borrowed<'r>(rules: &'r [(&'r str, Rules)]) -> Vec<(&'r str, &'r Rules)> {
    rules.iter().map(|(name, rules)| (*name, rules)).collect()
}

/// Show by example what a change of a policy allows or forbids.
#[derive(Args)]
#[command(after_help = "Examples:\n  vaultcore policy diff old.hcl new.hcl\n  \
                        vaultcore policy diff -policy=app app.hcl   # of the vault, and the file")]
pub(crate) struct Diff {
    /// The old policy is this one of the vault
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// The old and the new policy file, or the new one alone; `-` for standard input
    #[arg(required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
}

impl Diff {
    fn run(self, context: &Context) -> Result {
        context.no_field()?;
        let names: Vec<String> = self.policy.into_iter().collect();
        let (mut old, files) = (Vec::new(), self.files.as_slice());
        let new = match (names.is_empty(), files) {
            (false, [new]) => {
                old = read_texts(context, &names, &[])?;
                new
            }
            (true, [first, new]) => {
                old.extend(read_texts(context, &[], std::slice::from_ref(first))?);
                new
            }
            _ => {
                return Err(Failure::local(
                    "give two files, or -policy=NAME and one file",
                ));
            }
        };
        let new = read_texts(context, &[], std::slice::from_ref(new))?;
        let (old, new) = (parsed(&old)?, parsed(&new)?);
        let changes = diff(&borrowed(&old), &borrowed(&new), None);
        match context.format {
            Format::Table => {
                for change in &changes {
                    context.output.line(&change.to_string())?;
                }
            }
            Format::Json | Format::Yaml => {
                let items = changes.iter().map(|change| {
                    Object::new()
                        .text("path", change.path())
                        .text("capability", change.capability().as_str())
                        .flag("gained", change.is_gained())
                        .maybe("old_pattern", change.old_pattern())
                        .maybe("new_pattern", change.new_pattern())
                });
                context
                    .output
                    .laid_out(context.format, &json::objects(items))?;
            }
        }
        Ok(Done::Well)
    }
}
