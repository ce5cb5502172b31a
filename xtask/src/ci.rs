//! Everything that the continuous integration runs; nothing has to be installed first.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::test::Extent;
use crate::tools::{Args, Outcome, Report, Result, Skips, cargo, command, output, root, target};
use crate::{fuzz, layers, readme, test};

/// The most crates that the default features may build, vaultcore included.
const MAX_CRATES: usize = 65;
/// How long each fuzz target runs.
const FUZZ_SECONDS: u64 = 5;
/// Packages with lock files of their own.
const OUTSIDE: [&str; 4] = ["oracles", "fuzz", "bindings-c/header", "bindings-c/model"];
/// Marks of unfinished work, written apart so that this file does not hold them.
const UNFINISHED: [&str; 2] = [concat!("todo", "!("), concat!("unimplemented", "!(")];

/// Runs every step.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    args.finish()?;
    style(&mut report);
    lints(&mut report);
    report.step("layers", || layers::check().map(drop).into());
    report.step("crates", || crates().into());
    docs(&mut report);
    oldest_rust(&mut report);
    test::steps(&mut report, Extent::Whole);
    if root().join("fuzz/Cargo.toml").exists() {
        fuzz::steps(&mut report, FUZZ_SECONDS)?;
    }
    quickstart(&mut report);
    readme::steps(&mut report);
    report.finish()
}

fn style(report: &mut Report) {
    report.command("fmt", cargo("fmt --all -- --check"));
    for package in outside() {
        let line = format!("fmt --manifest-path {package}/Cargo.toml -- --check");
        report.command(&format!("fmt-{package}"), cargo(&line));
    }
    report.step("text", || text().into());
}

fn lints(report: &mut Report) {
    let line = "clippy --workspace --all-targets --all-features -- -D warnings";
    report.command("clippy", cargo(line));
    // Clippy of the fuzz targets wants their flags; see `fuzz::steps`.
    for package in outside().filter(|package| *package != "fuzz") {
        let line = format!("clippy --manifest-path {package}/Cargo.toml --all-targets");
        let mut clippy = cargo(&line);
        if package == "bindings-c/header" {
            clippy.arg("--target-dir").arg(target().join("header"));
        }
        clippy.args(["--", "-D", "warnings"]);
        report.command(&format!("clippy-{package}"), clippy);
    }
}

fn outside() -> impl Iterator<Item = &'static str> {
    let exists = |package: &&str| root().join(package).join("Cargo.toml").exists();
    OUTSIDE.into_iter().filter(exists)
}

fn docs(report: &mut Report) {
    let mut docs = cargo("doc --no-deps --workspace --all-features");
    docs.env("RUSTDOCFLAGS", "-Dwarnings");
    report.command("docs", docs);
}

/// Builds with the oldest Rust that the manifest promises, where it is installed.
fn oldest_rust(report: &mut Report) {
    let version = match promised_rust() {
        Ok(version) => version,
        Err(reason) => return report.step("oldest-rust", || Outcome::Failed(reason)),
    };
    let mut check = command("rustup");
    check.args(["run", &version, "cargo"]);
    if output(check.arg("--version")).is_err() {
        println!("NOTE oldest-rust: Rust {version} is not installed here, so it was not tried");
        return;
    }
    let mut check = command("rustup");
    check.args([
        "run",
        &version,
        "cargo",
        "check",
        "--workspace",
        "--all-features",
    ]);
    check.env("CARGO_TARGET_DIR", target().join("oldest-rust"));
    report.command("oldest-rust", check);
}

fn promised_rust() -> Result<String> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""));
    let version = line.and_then(|rest| rest.split('"').next());
    version
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.toml names no rust-version".to_owned())
}

/// Counts what a user of the default features has to build and to trust.
fn crates() -> Result {
    let tree = output(&mut cargo(
        "tree --package vaultcore -e normal,build --prefix none",
    ))?;
    let names: BTreeSet<&str> = tree
        .lines()
        .map(crate_of)
        .filter(|name| !name.is_empty())
        .collect();
    println!("{} crates, {MAX_CRATES} are allowed", names.len());
    match names.len() <= MAX_CRATES {
        true => Ok(()),
        false => Err(format!("the default features build {} crates", names.len())),
    }
}

/// Returns `name v1.2.3` of a line that may end in a path, a kind or a repetition mark.
fn crate_of(line: &str) -> &str {
    line.split(" (").next().unwrap_or_default().trim()
}

/// Checks the text of every tracked file.
fn text() -> Result {
    let mut git = command("git");
    // In a container the files may belong to another user, which git would refuse.
    let listed = output(git.args(["-c", "safe.directory=*", "ls-files"]))?;
    let mut wrong = Vec::new();
    for name in listed.lines().filter(|name| !is_data(name)) {
        let path = root().join(name);
        if path.is_file() {
            let bytes = fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
            wrong.extend(faults(&bytes).map(|fault| format!("{name}:{fault}")));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// Files that are input, not text that anybody wrote. Git quotes names that are not plain.
fn is_data(name: &str) -> bool {
    let folders = [
        "/tests/vectors/",
        "/tests/fixtures/",
        "fuzz/corpus/",
        "oracles/vectors/",
    ];
    folders.iter().any(|folder| name.contains(folder))
}

fn faults(bytes: &[u8]) -> impl Iterator<Item = String> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(index, line)| {
        let number = index + 1;
        if !line.is_ascii() {
            return Some(format!("{number}: characters beyond ASCII"));
        }
        let text = String::from_utf8_lossy(line);
        let mark = UNFINISHED.iter().find(|mark| text.contains(**mark))?;
        Some(format!("{number}: unfinished work, `{mark}`"))
    })
}

/// Runs the example that a new user runs first, in a folder of its own.
fn quickstart(report: &mut Report) {
    if !root().join("vaultcore/examples/quickstart.rs").exists() {
        return;
    }
    let folder = target().join("quickstart");
    report.step("quickstart-folder", || empty(&folder).into());
    let mut example = cargo("run --release --package vaultcore --example quickstart");
    example
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .current_dir(&folder);
    report.command("quickstart", example);
}

fn empty(folder: &Path) -> Result {
    fs::remove_dir_all(folder).ok();
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_with_their_line() {
        let unfinished = format!("fine\n    {}\"later\")\n", UNFINISHED[0]);
        assert_eq!(faults(unfinished.as_bytes()).count(), 1);
        assert!(
            faults(unfinished.as_bytes())
                .next()
                .unwrap()
                .starts_with("2:")
        );
        assert!(
            faults("a\n\u{e9}".as_bytes())
                .next()
                .unwrap()
                .starts_with("2:")
        );
        assert_eq!(faults(b"todo: later\n").count(), 0);
    }

    #[test]
    fn crates_are_counted_once() {
        assert_eq!(crate_of("ring v0.17.14 (*)"), "ring v0.17.14");
        assert_eq!(
            crate_of("serde_derive v1.0.229 (proc-macro)"),
            "serde_derive v1.0.229"
        );
        assert_eq!(
            crate_of("vaultcore v0.1.0 (/some/where/vaultcore)"),
            "vaultcore v0.1.0"
        );
    }

    #[test]
    fn the_manifest_promises_a_rust() {
        assert!(promised_rust().unwrap().starts_with("1."));
    }
}
