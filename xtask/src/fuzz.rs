//! Builds and runs the fuzz targets as cargo-fuzz would, without having to install it.
//!
//! The layout is cargo-fuzz's: `fuzz/fuzz_targets/NAME.rs`, seeds in `fuzz/corpus/NAME/`. What a
//! run finds goes to `target/fuzz/`, so that the committed seeds stay as they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::{Args, Outcome, Report, Result, Skips, command, exists, output, root, target};

/// What cargo-fuzz passes to rustc: coverage for libFuzzer, and the address sanitizer. But for a single
/// code unit: with it one processor builds and the others wait, for twice as long.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Zsanitizer=address -Cforce-frame-pointers";

/// The target that crashes on purpose.
const PLANTED: &str = "planted";

/// The exports of the C library, and the sources of the target that calls them.
const EXPORTS: &str = "bindings-c/symbols.txt";
const CALLERS: [&str; 2] = ["fuzz/fuzz_targets/capi_stream.rs", "fuzz/src/machine.rs"];
/// Exports that no stream calls, and why.
const NOT_CALLED: [(&str, &str); 2] = [
    ("vc_abi_version", "takes nothing, and answers a constant"),
    ("vc_version", "takes nothing, and answers a constant"),
];

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
    report.step("fuzz-exports", || exports_are_called().into());
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

/// The built target with the limits that every input must keep: 1 second and 512 MB. In less than a
/// minute it is 25 seconds: they are those of the clock on the wall, and the machine may be busy.
fn fuzzer(name: &str, seconds: u64, found: &Path) -> Result<Command> {
    let artifacts = target().join("fuzz/artifacts").join(name);
    for folder in [found, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    }
    let mut fuzzer = command(builds().join(host()?).join("release").join(name));
    fuzzer.args(["-rss_limit_mb=512", "-print_final_stats=1", "-verbosity=0"]);
    let limit = if seconds < 60 { 25 } else { 1 };
    fuzzer.arg(format!("-timeout={limit}"));
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

/// Checks that a stream of calls of the C interface can make every call that there is.
fn exports_are_called() -> Result {
    let read = |name: &str| {
        let path = root().join(name);
        fs::read_to_string(&path).map_err(|error| told(&path, &error))
    };
    let sources = CALLERS.map(read).into_iter().collect::<Result<String>>()?;
    let wrong = wrongly_called(&read(EXPORTS)?, &sources, &NOT_CALLED);
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}: see NOT_CALLED in xtask/src/fuzz.rs",
            wrong.join("; ")
        )),
    }
}

/// Returns what is wrong with which exports are called and which are excepted.
fn wrongly_called(exports: &str, sources: &str, excepted: &[(&str, &str)]) -> Vec<String> {
    let code = sources.lines().map(str::trim_start);
    let code = code.filter(|line| !line.starts_with("//") && !line.starts_with("use "));
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let called: BTreeSet<&str> = code
        .flat_map(|line| line.split(|letter| !is_word(letter)))
        .collect();
    let excepted: BTreeSet<&str> = excepted.iter().map(|(name, _)| *name).collect();
    let exports: BTreeSet<&str> = exports.lines().collect();
    let mut wrong = Vec::new();
    for name in &exports {
        match (called.contains(name), excepted.contains(name)) {
            (false, false) => wrong.push(format!("no stream calls `{name}`")),
            (true, true) => wrong.push(format!("`{name}` is excepted, and called")),
            _ => {}
        }
    }
    let gone = excepted.difference(&exports);
    wrong.extend(gone.map(|name| format!("`{name}` is excepted, and not exported")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_export_is_called_or_excepted() {
        exports_are_called().unwrap();
    }

    #[test]
    fn an_export_that_is_only_spoken_of_is_found() {
        let sources = "use capi::{vc_a, vc_b};\n// vc_b is called\nop!(vc_a(text)), vc_bc()\n";
        let wrong = |exports, excepted: &[_]| wrongly_called(exports, sources, excepted);
        assert!(wrong("vc_a\nvc_bc\n", &[]).is_empty());
        assert_eq!(wrong("vc_a\nvc_b\n", &[]), ["no stream calls `vc_b`"]);
        assert!(wrong("vc_a\nvc_b\n", &[("vc_b", "why")]).is_empty());
        assert_eq!(
            wrong("vc_a\n", &[("vc_a", "why"), ("vc_c", "why")]).len(),
            2
        );
    }
}
