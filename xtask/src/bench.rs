//! Builds the benches for release and runs them, with their set-up.

use crate::python;
use crate::setup::Setup;
use crate::tools::{Args, Outcome, Report, Result, Skips, cargo, command, target};

/// Runs the benches; they write `target/bench/report.json` and `benches/REPORT.md`.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    let mut words: Vec<String> = Vec::new();
    for flag in ["--quick", "--full", "--check"] {
        if args.flag(flag) {
            words.push(flag.to_owned());
        }
    }
    let only = args.option("--only")?;
    let wants_python = only.as_deref().is_none_or(|name| name == "python");
    if let Some(name) = only {
        words.extend(["--only".to_owned(), name]);
    }
    args.finish()?;
    let mut setup = Setup::default();
    setup.add_shim(&mut report);
    setup.add_openbao(&mut report);
    let mut python = None;
    if wants_python {
        report.step("python-release", || match python::installed_for_benches() {
            Ok(found) => {
                python = Some(found);
                Outcome::Passed
            }
            Err(reason) => Outcome::Skipped(reason),
        });
    }
    let mut build = cargo("build --release --package vaultcore-benches");
    // The same code, and a profile of what misses its goal can name functions.
    build.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    report.command("build", build);
    if !report.passed() {
        return report.finish(); // what was built before would be measured in its place
    }
    let mut bench = command(target().join("release/vaultcore-benches"));
    setup.apply(&mut bench);
    if let Some(python) = python {
        bench.env("VAULTCORE_BENCH_PYTHON", python);
    }
    bench.args(words);
    report.command("bench", bench);
    report.finish()
}
