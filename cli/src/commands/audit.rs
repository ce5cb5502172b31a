//! `audit`: who wrote down what was done, and whether that is still what was written.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use vaultcore::api::Method;
use vaultcore::{AuditFinding, AuditReport};

use super::progress::{Progress, Told};
use crate::args::Format;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::fields::Given;
use crate::json::{self, Object};
use crate::sources::Text;
use crate::table;

/// Manage audit devices, and verify what they wrote.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Enable an audit device
    Enable(Enable),
    /// Disable an audit device
    Disable(Disable),
    /// List the audit devices
    List(List),
    /// Show what stands in audit lines in place of a value
    Hash(Hash),
    /// Find every line that was changed, cut out, put in or put elsewhere
    Verify(Verify),
}

impl Audit {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Enable(enable) => enable.run(context),
            Self::Disable(disable) => disable.run(context),
            Self::List(list) => list.run(context),
            Self::Hash(hash) => hash.run(context),
            Self::Verify(verify) => verify.run(context),
        }
    }
}

/// Enable an audit device.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore audit enable file file_path=/var/log/app-audit.log")]
pub(crate) struct Enable {
    /// Its name; by default that of its kind
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// A text for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Taken for Vault's sake
    #[arg(long)]
    local: bool,
    /// Its kind: file, stderr, syslog or socket
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Its options: name=value
    options: Vec<String>,
}

impl Enable {
    fn run(self, context: &Context) -> Result {
        let path = self.path.as_deref().unwrap_or(&self.kind).trim_matches('/');
        let options = Given::read(&self.options, &context.sources)?;
        let body = Object::new()
            .text("type", &self.kind)
            .maybe("description", self.description.as_deref())
            .flagged("local", self.local)
            .object("options", &options.object())
            .finish();
        let request = request(Method::Put, &format!("sys/audit/{path}"))?;
        let reply = context.ask(request.body(body.as_bytes()))?;
        let success = format!("Enabled the {} audit device at: {path}/", self.kind);
        context.show_or(&reply, &success)
    }
}

/// Disable an audit device.
#[derive(Args)]
pub(crate) struct Disable {
    /// Its name
    path: String,
}

impl Disable {
    fn run(self, context: &Context) -> Result {
        let path = self.path.trim_matches('/');
        let reply = context.ask(request(Method::Delete, &format!("sys/audit/{path}"))?)?;
        let success = format!("Disabled audit device (if it was enabled) at: {path}/");
        context.show_or(&reply, &success)
    }
}

/// List the audit devices.
#[derive(Args)]
pub(crate) struct List {
    /// Show options, too
    #[arg(long)]
    detailed: bool,
}

impl List {
    fn run(self, context: &Context) -> Result {
        let reply = context.ask(request(Method::Get, "sys/audit")?)?;
        if reply.is_wrapped() || context.globals.field.is_some() {
            return context.show(&reply);
        }
        let data = reply.data().unwrap_or("{}");
        let devices = json::object(data).unwrap_or_default();
        if context.format != Format::Table {
            context.output.laid_out(context.format, data)?;
        } else if devices.is_empty() {
            return Err(Failure::vault("no audit devices are enabled"));
        } else {
            let mut fields = vec![("Type", "type"), ("Description", "description")];
            if self.detailed {
                fields.push(("Options", "options"));
            }
            let rows = devices.iter().map(|(path, device)| {
                let cells = fields.iter().map(|(_, name)| {
                    table::cell(json::find(device.get(), &[name]).unwrap_or("null"))
                });
                std::iter::once(Text::new(path.clone()))
                    .chain(cells)
                    .collect()
            });
            let rows: Vec<Vec<Text>> = rows.collect();
            let heads = fields.iter().map(|(head, _)| *head);
            let heads: Vec<&str> = std::iter::once("Path").chain(heads).collect();
            context
                .output
                .write(table::table(&heads, &rows).as_bytes())?;
        }
        Ok(Done::Well)
    }
}

/// Show what stands in audit lines in place of a value.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore audit hash file - < token.txt")]
pub(crate) struct Hash {
    /// The device
    path: String,
    /// The value: `-` for standard input, or @file
    value: String,
}

impl Hash {
    fn run(self, context: &Context) -> Result {
        let value = match (self.value.as_str(), self.value.strip_prefix('@')) {
            ("-", _) => context.sources.stdin()?,
            (_, Some(file)) => context
                .sources
                .file(Path::new(file), "the file of the value")?,
            _ => Text::new(self.value.clone()),
        };
        let value = value.trim_end_matches(['\r', '\n']);
        let path = format!("sys/audit-hash/{}", self.path.trim_matches('/'));
        let body = Object::new().text("input", value).finish();
        let reply = context.ask(request(Method::Post, &path)?.body(body.as_bytes()))?;
        context.show(&reply)
    }
}

/// Find every line that was changed, cut out, put in or put elsewhere.
#[derive(Args)]
#[command(
    after_help = "What was cut off at the end is found up to the last stored head of each \
                        run.\n\nExit codes: 0 the lines are whole, 2 they are not.\n\nExample:\n  \
                        vaultcore audit verify file audit.log.1 audit.log"
)]
pub(crate) struct Verify {
    /// The device that wrote them
    path: String,
    /// The files, oldest first; `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Verify {
    fn run(self, context: &Context) -> Result {
        context.no_field()?;
        let mut lines: Box<dyn BufRead> = Box::new(std::io::empty());
        let mut total = Some(0);
        for file in &self.files {
            let (next, size) = open(context, file)?;
            total = total.zip(size).map(|(total, size)| total + size);
            lines = Box::new(lines.chain(next));
        }
        let lines = Told::new(lines, Progress::new("verified", total));
        let report = context.session()?.sys().verify_audit(&self.path, lines)?;
        match context.format {
            Format::Json | Format::Yaml => context
                .output
                .laid_out(context.format, &as_json(&report).finish())?,
            Format::Table => context.output.write(as_text(&report).as_bytes())?,
        }
        match report.is_whole() {
            true => Ok(Done::Well),
            false => Ok(Done::No),
        }
    }
}

fn open(context: &Context, file: &Path) -> Result<(Box<dyn BufRead>, Option<u64>)> {
    if file == Path::new("-") {
        let stdin = context.sources.take_stdin()?;
        return Ok((Box::new(BufReader::new(stdin)), None));
    }
    let failed = |error| Failure::io("an audit file cannot be read", &error);
    let opened = File::open(file).map_err(failed)?;
    let size = opened.metadata().map_err(failed)?.len();
    Ok((Box::new(BufReader::new(opened)), Some(size)))
}

fn as_text(report: &AuditReport) -> String {
    let mut text = format!("{} lines of {} runs\n", report.lines, report.runs.len());
    for run in &report.runs {
        text.push_str(&format!(
            "run {}: {} lines, stored up to {} of {}\n",
            run.run, run.count, run.committed, run.last_seq
        ));
    }
    for finding in &report.findings {
        text.push_str(&format!("WRONG: {}\n", told(finding)));
    }
    if report.more > 0 {
        text.push_str(&format!("WRONG: and {} more\n", report.more));
    }
    text.push_str(match report.is_whole() {
        true => "The lines are whole.\n",
        false => "The lines are NOT whole.\n",
    });
    text
}

fn as_json(report: &AuditReport) -> Object {
    let runs = json::objects(report.runs.iter().map(|run| {
        Object::new()
            .text("run", &run.run.to_string())
            .number("lines", run.count)
            .number("last", run.last_seq)
            .number("committed", run.committed)
            .number("unwritten", run.unwritten)
    }));
    let findings: Vec<String> = report.findings.iter().map(told).collect();
    Object::new()
        .flag("whole", report.is_whole())
        .number("lines", report.lines)
        .raw("runs", &runs)
        .list("findings", &findings)
        .number("more_findings", report.more)
}

fn told(finding: &AuditFinding) -> String {
    match finding {
        AuditFinding::Strange { line, .. } => {
            format!("line {line} was changed, cut or put in")
        }
        AuditFinding::Piece { line } => {
            format!("a piece of another line stands in front of line {line}")
        }
        AuditFinding::TooLong { line } => format!("line {line} is longer than any that is written"),
        AuditFinding::Missing { run, from, to } => {
            format!("lines {from} to {to} of run {run} are not there")
        }
        AuditFinding::Misplaced { line, run, seq } => {
            format!("line {line}, number {seq} of run {run}, stands behind a later one")
        }
        AuditFinding::Repeated { line, run, seq } => {
            format!("line {line} repeats number {seq} of run {run}")
        }
        AuditFinding::Forked { line, run, seq } => {
            format!("line {line}, number {seq} of run {run}, does not follow from the one before")
        }
        _ => "something that this version has no words for".to_owned(),
    }
}
