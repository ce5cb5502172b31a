//! Builds and runs the fuzz targets as cargo-fuzz would, without having to install it.
//!
//! The layout is cargo-fuzz's: `fuzz/fuzz_targets/NAME.rs`, seeds in `fuzz/corpus/NAME/`. What a
//! run finds goes to `target/fuzz/`, so that the committed seeds stay as they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::{Args, Outcome, Report, Result, Skips, command, exists, output, root, target};

/// What cargo-fuzz passes to rustc: coverage for libFuzzer, and the address sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Zsanitizer=address -Cforce-frame-pointers -Ccodegen-units=1";

/// The target that crashes on purpose.
const PLANTED: &str = "planted";

/// The first seed is fixed, so that a short run in CI does the same each time.
const SEED: u32 = 1;

/// Runs the targets, or the self-check.
pub(crate) fn run(mut args: Args) -> Result {
    let skips = Skips::from_args(&mut args);
    let seconds = args.number("--seconds", 60)?;
    let only = args.option("--target")?;
    let self_check = args.flag("--self-check");
    args.finish()?;
    let mut report = Report::new(skips);
    match (only, self_check) {
        (None, true) => check_itself(&mut report),
        (Some(name), false) => run_targets(&mut report, &[known(name)?], seconds),
        (None, false) => run_targets(&mut report, &targets()?, seconds),
        (Some(_), true) => return Err("--self-check has a target of its own".to_owned()),
    }
    report.finish()
}

/// Adds the self-check, the lints and a run of every target to `report`.
pub(crate) fn steps(report: &mut Report, seconds: u64) -> Result {
    check_itself(report);
    let mut clippy = cargo("clippy")?;
    clippy.args(["--", "-D", "warnings"]);
    report.command("clippy-fuzz", clippy);
    run_targets(report, &targets()?, seconds);
    Ok(())
}

fn run_targets(report: &mut Report, names: &[String], seconds: u64) {
    let mut ready = Outcome::Passed;
    report.step("fuzz-build", || {
        ready = build(names);
        ready.clone()
    });
    if matches!(ready, Outcome::Passed) {
        for name in names {
            report.step(&format!("fuzz-{name}"), || fuzz(name, seconds).into());
        }
    }
}

/// A fuzzer that finds nothing proves nothing, unless it finds what was planted.
fn check_itself(report: &mut Report) {
    report.step("fuzz-self-check", || match build(&[PLANTED.to_owned()]) {
        Outcome::Passed => find_planted().into(),
        other => other,
    });
}

/// Returns the targets, in order of name: the files of `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| told(&folder, &error))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.strip_suffix(".rs").map(str::to_owned)
    });
    let sorted: BTreeSet<String> = names.filter(|name| name != PLANTED).collect();
    Ok(sorted.into_iter().collect())
}

fn known(name: String) -> Result<String> {
    let all = targets()?;
    match all.contains(&name) {
        true => Ok(name),
        false => Err(format!(
            "no fuzz target `{name}`; there are: {}",
            all.join(", ")
        )),
    }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn build(names: &[String]) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Outcome::Skipped("the sanitizer's flags are set up for Linux only".to_owned());
    }
    if !exists("c++") {
        return Outcome::Skipped("libFuzzer needs a C++ compiler, and there is no c++".to_owned());
    }
    build_all(names).into()
}

fn build_all(names: &[String]) -> Result {
    let mut cargo = cargo("build")?;
    for name in names {
        cargo.args(["--bin", name]);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the build of the fuzz targets: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

/// Cargo upon the fuzz targets, with the flags that they are built with.
fn cargo(subcommand: &str) -> Result<Command> {
    let mut cargo = command("cargo");
    cargo.args([subcommand, "--quiet", "--release"]);
    // With a target named, build scripts and macros are left without the flags.
    cargo.args(["--manifest-path", "fuzz/Cargo.toml", "--target", &host()?]);
    // The sanitizer's flag is unstable; its runtime comes with the stable toolchain.
    cargo
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", RUSTFLAGS);
    cargo.env("CARGO_TARGET_DIR", builds());
    Ok(cargo)
}

fn builds() -> PathBuf {
    target().join("fuzz/build")
}

fn host() -> Result<String> {
    let told = output(command("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc does not name its host".to_owned())
}

/// The built target with the limits that every input must keep: 1 second and 512 MB.
fn fuzzer(name: &str, seconds: u64, found: &Path) -> Result<Command> {
    let artifacts = target().join("fuzz/artifacts").join(name);
    for folder in [found, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    }
    let mut fuzzer = command(builds().join(host()?).join("release").join(name));
    fuzzer.args([
        "-timeout=1",
        "-rss_limit_mb=512",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzzer.arg(found);
    Ok(fuzzer)
}

fn fuzz(name: &str, seconds: u64) -> Result {
    let seeds = root().join("fuzz/corpus").join(name);
    let count = fs::read_dir(&seeds)
        .map(Iterator::count)
        .unwrap_or_default();
    if count < 5 {
        return Err(format!(
            "{} holds {count} seeds, at least 5 are wanted",
            seeds.display()
        ));
    }
    // The first folder takes what is found, the second is only read.
    let found = target().join("fuzz/corpus").join(name);
    let mut fuzzer = fuzzer(name, seconds, &found)?;
    fuzzer.arg(seeds).arg(format!("-seed={SEED}"));
    let (passed, said) = listen(&mut fuzzer)?;
    if !passed {
        return Err(format!(
            "{said}\nthe input is in target/fuzz/artifacts/{name}"
        ));
    }
    let counts = said.lines().filter(|line| line.starts_with("stat::number"));
    counts.for_each(|line| println!("{line}"));
    Ok(())
}

/// Runs a target; returns whether it found nothing, and what it said.
fn listen(fuzzer: &mut Command) -> Result<(bool, String)> {
    let done = fuzzer
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot start a fuzz target: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Ok((done.status.success(), said))
}

fn find_planted() -> Result {
    let found = target().join("fuzz/corpus").join(PLANTED);
    fs::remove_dir_all(&found).ok(); // A fault found before would be found at once.
    let (passed, said) = listen(&mut fuzzer(PLANTED, 60, &found)?)?;
    match !passed && said.contains("the planted fault was found") {
        true => Ok(()),
        false => Err(format!("the planted fault was not found: {said}")),
    }
}
