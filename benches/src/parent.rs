//! Runs every case in a process of its own, and writes the report.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use crate::Result;
use crate::cases::{ALL, Case};
use crate::misses::{self, Miss};
use crate::report::{HEAD, Row};

/// What was asked for.
struct Request {
    extent: &'static str,
    only: Option<String>,
    check: bool,
}

impl Request {
    fn parse(words: &[String]) -> Result<Self> {
        let mut request = Self {
            extent: "usual",
            only: None,
            check: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => request.extent = "quick",
                "--full" => request.extent = "full",
                "--check" => request.check = true,
                "--only" => request.only = Some(words.next().ok_or("--only needs a name")?.clone()),
                other => return Err(format!("unknown argument `{other}`").into()),
            }
        }
        Ok(request)
    }

    fn wants(&self, case: &Case) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| only == case.name)
    }

    /// The command that makes the same report.
    fn command(&self) -> String {
        let extent = match self.extent {
            "usual" => "",
            "quick" => " --quick",
            _ => " --full",
        };
        format!("cargo xtask bench{extent}")
    }
}

/// Runs the cases that `words` ask for.
pub(crate) fn run(words: &[String]) -> Result<ExitCode> {
    let request = Request::parse(words)?;
    let misses = known_misses()?;
    let mut rows = Vec::new();
    for case in ALL.iter().filter(|case| request.wants(case)) {
        for flush in case.flushes {
            eprintln!("==> {} ({flush} ms flush)", case.name);
            rows.extend(child(&request, case, *flush)?);
        }
    }
    if rows.is_empty() {
        return Err("there is no such case".into());
    }
    write(&request, &rows, &misses)?;
    Ok(verdict(&request, &rows, &misses))
}

/// Writes the table of the last whole run again, after a change of `misses.toml`.
pub(crate) fn table_again() -> Result<ExitCode> {
    let text = fs::read_to_string(here().join("../target/bench/report.json"))?;
    let report: Value = serde_json::from_str(&text)?;
    let rows = report["rows"].as_array().ok_or("a report without rows")?;
    let rows: Vec<Row> = rows.iter().map(Row::from_json).collect::<Result<_>>()?;
    let command = report["command"].as_str().unwrap_or_default();
    let table = table(command, &rows, &known_misses()?)?;
    fs::write(here().join("REPORT.md"), table)?;
    Ok(ExitCode::SUCCESS)
}

fn known_misses() -> Result<Vec<Miss>> {
    misses::parse(&fs::read_to_string(here().join("misses.toml"))?)
}

/// Runs a case in a process of its own, under the shim if its flush takes time.
fn child(request: &Request, case: &Case, flush: u64) -> Result<Vec<Row>> {
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["case", case.name, request.extent, &flush.to_string()]);
    if flush > 0 {
        let Some(shim) = std::env::var_os("VAULTCORE_SHIM") else {
            let row = Row::new(0, case.name, "with a slow flush");
            return Ok(vec![
                row.note("skipped: the shim is not built (needs cc and Linux)"),
            ]);
        };
        child.env("LD_PRELOAD", shim);
        child.env("VCSHIM_FLUSH_US", (flush * 1_000).to_string());
    }
    let done = child.stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("the case {} failed: {}", case.name, done.status).into());
    }
    let text = String::from_utf8(done.stdout)?;
    let rows = text.lines().map(|line| {
        let row = Row::from_json(&serde_json::from_str(line)?)?;
        print!("{}", row.to_markdown(None));
        Ok(row)
    });
    rows.collect()
}

fn write(request: &Request, rows: &[Row], misses: &[Miss]) -> Result {
    let folder = here().join("../target/bench");
    fs::create_dir_all(&folder)?;
    let all: Vec<Value> = rows.iter().map(Row::to_json).collect();
    let report = json!({ "command": request.command(), "rows": all });
    fs::write(
        folder.join("report.json"),
        serde_json::to_string_pretty(&report)?,
    )?;
    let table = table(&request.command(), rows, misses)?;
    fs::write(folder.join("report.md"), &table)?;
    // The kept report is of a whole run only.
    if request.only.is_none() {
        fs::write(here().join("REPORT.md"), &table)?;
    }
    Ok(())
}

fn table(command: &str, rows: &[Row], misses: &[Miss]) -> Result<String> {
    let mut text = format!(
        "# Measurements\n\nMade by `{}` on {} processors. Both sides of a ratio ran in one \
         process, in turn; the ratio is the median of those of all rounds, with the middle half \
         behind it. Where nothing else is said, ratios are speeds: 1 is as fast as theirs, more \
         is faster. Databases stand on a disk in memory; the flush in a row's name is injected. \
         What a single thread waits for a processor that other programs have is left out. Times \
         say little by themselves.\n\n{HEAD}",
        command,
        std::thread::available_parallelism()?
    );
    for row in rows {
        text.push_str(&row.to_markdown(miss_of(row, misses)));
    }
    let missed = rows.iter().filter(|row| row.met() == Some(false));
    let known: Vec<&Miss> = missed.filter_map(|row| miss_of(row, misses)).collect();
    if !known.is_empty() {
        text.push_str("\n## Why goals are missed\n\n");
    }
    for miss in known {
        writeln!(
            text,
            "- **{}**: {} Profile: {}",
            miss.row, miss.cause, miss.profile
        )?;
    }
    Ok(text)
}

fn verdict(request: &Request, rows: &[Row], misses: &[Miss]) -> ExitCode {
    let missed = rows.iter().filter(|row| row.met() == Some(false));
    let unknown: Vec<&str> = missed
        .filter(|row| miss_of(row, misses).is_none())
        .map(|row| row.name.as_str())
        .collect();
    if unknown.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "missed, and not in benches/misses.toml: {}",
        unknown.join(", ")
    );
    match request.check {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

fn miss_of<'a>(row: &Row, misses: &'a [Miss]) -> Option<&'a Miss> {
    misses.iter().find(|miss| miss.row == row.name)
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
