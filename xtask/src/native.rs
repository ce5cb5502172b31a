//! The faces for C and Go: built, installed, and used as their users would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::Setup;
use crate::shell;
use crate::tools::{
    Args, Outcome, Report, Result, Skips, apt_install, cargo, command, exists, output, root, target,
};

const HEADER: &str = "bindings-c/include/vaultcore.h";
const SYMBOLS: &str = "bindings-c/symbols.txt";
/// The number in the soname; `vc_abi_version` returns it.
const ABI: &str = "0";
/// What a C program of ours is compiled with.
pub(crate) const CFLAGS: &str = "-std=gnu11 -g -O1 -Wall -Wextra -Werror";

/// What is installed has every driver and every kind of key: who installs it cannot add them.
const FEATURES: &str = "--features=postgres,mysql,crypto-ext,xchacha";
/// Those of them that the command line does not have by itself.
const SHELL_FEATURES: &str = "--features=postgres,mysql";

/// How the library is built.
#[derive(Clone, Copy)]
enum Profile {
    /// As for debugging, with a database in memory beside it.
    Tests,
    Debug,
    Release,
}

impl Profile {
    /// Returns what the command line is built with.
    fn of_shell(self) -> &'static [&'static str] {
        match self {
            Self::Tests | Self::Debug => &[SHELL_FEATURES],
            Self::Release => &[SHELL_FEATURES, "--release"],
        }
    }
}

/// Runs the steps of both faces alone.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    args.finish()?;
    steps(&mut report, &mut Setup::default());
    report.finish()
}

/// Builds the library and puts it where C and Go find it, and the command line beside it.
pub(crate) fn install(mut args: Args) -> Result {
    let prefix = args.option("--prefix")?;
    let profile = match args.flag("--debug") {
        true => Profile::Debug,
        false => Profile::Release,
    };
    args.finish()?;
    let prefix = prefix.ok_or("install needs --prefix DIR")?;
    let prefix = std::path::absolute(&prefix).map_err(|error| format!("{prefix}: {error}"))?;
    install_to(&prefix, profile)?;
    shell::install_to(&prefix, profile.of_shell())?;
    let pkgconfig = prefix.join("lib/pkgconfig");
    println!(
        "installed; PKG_CONFIG_PATH={} finds it",
        pkgconfig.display()
    );
    Ok(())
}

/// Writes the header and the list of exported symbols anew.
pub(crate) fn abi(args: Args) -> Result {
    args.finish()?;
    write(&root().join(HEADER), header()?)?;
    build(Profile::Tests)?;
    write(&root().join(SYMBOLS), symbols(&built(Profile::Tests))?)
}

/// Installs the library and the command line for tests, and returns where.
pub(crate) fn installed() -> Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Err("the library is installed on Linux only".to_owned());
    }
    let prefix = target().join("native");
    install_to(&prefix, Profile::Tests)?;
    shell::install_to(&prefix, Profile::Tests.of_shell())?;
    Ok(prefix)
}

/// Adds the steps of both faces to `report`.
pub(crate) fn steps(report: &mut Report, setup: &mut Setup) {
    report.step("c-header", || same(HEADER, header()).into());
    model(report);
    if !cfg!(target_os = "linux") {
        return report.step("c-library", || skipped("it is installed on Linux only"));
    }
    let prefix = target().join("native");
    let mut installed = false;
    report.step("c-library", || {
        let done = install_to(&prefix, Profile::Tests);
        installed = done.is_ok();
        done.into()
    });
    report.step("cli-install", || {
        shell::install_to(&prefix, Profile::Tests.of_shell()).into()
    });
    if !installed {
        return;
    }
    report.step("c-symbols", || match probe("nm", "--version") {
        true => same(SYMBOLS, symbols(&prefix.join("lib/libvaultcore.so"))).into(),
        false => skipped("there is no nm"),
    });
    c_tests(report, &prefix);
    go_tests(report, setup, &prefix);
}

/// The table of handles in every order of its threads, in a package with a lock file of its own.
fn model(report: &mut Report) {
    let line = "test --release --manifest-path bindings-c/model/Cargo.toml";
    report.command("c-model", cargo(line));
}

pub(crate) fn skipped(reason: &str) -> Outcome {
    Outcome::Skipped(reason.to_owned())
}

fn probe(program: &str, argument: &str) -> bool {
    output(command(program).arg(argument)).is_ok()
}

fn build(profile: Profile) -> Result {
    let mut cargo = cargo("build --quiet --package vaultcore-c");
    cargo.arg(FEATURES);
    match profile {
        Profile::Tests => cargo.arg("--features=fake-database"), // for tests of what is leased
        Profile::Debug => &mut cargo,
        Profile::Release => cargo.arg("--release"),
    };
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the build of vaultcore-c: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

fn built(profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Tests | Profile::Debug => "debug",
        Profile::Release => "release",
    };
    target().join(folder).join("libvaultcore.so")
}

/// Installs the header, both libraries, the links of the shared one, and what pkg-config reads.
fn install_to(prefix: &Path, profile: Profile) -> Result {
    build(profile)?;
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    for folder in [&include, &lib.join("pkgconfig")] {
        fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    }
    let shared = built(profile);
    let versioned = concat!("libvaultcore.so.", env!("CARGO_PKG_VERSION"));
    copy(&root().join(HEADER), &include.join("vaultcore.h"))?;
    copy(&shared, &lib.join(versioned))?;
    copy(&shared.with_extension("a"), &lib.join("libvaultcore.a"))?;
    let soname = format!("libvaultcore.so.{ABI}");
    link(versioned, &lib.join(&soname))?;
    link(&soname, &lib.join("libvaultcore.so"))?;
    let template = root().join("bindings-c/vaultcore.pc.in");
    let text = fs::read_to_string(&template).map_err(|error| told(&template, &error))?;
    let text = text.replace("@version@", env!("CARGO_PKG_VERSION"));
    write(&lib.join("pkgconfig/vaultcore.pc"), text)
}

/// Copies to a new file: a library that a program has loaded must not change under it.
fn copy(from: &Path, to: &Path) -> Result {
    fs::remove_file(to).ok();
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| told(from, &error))
}

#[cfg(unix)]
pub(crate) fn link(to: &str, at: &Path) -> Result {
    fs::remove_file(at).ok();
    std::os::unix::fs::symlink(to, at).map_err(|error| told(at, &error))
}

#[cfg(not(unix))]
pub(crate) fn link(_: &str, at: &Path) -> Result {
    Err(format!("{}: links are made on Unix only", at.display()))
}

fn write(path: &Path, text: String) -> Result {
    fs::write(path, text).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Returns the header as the sources have it.
fn header() -> Result<String> {
    let mut cargo = cargo("run --quiet --manifest-path bindings-c/header/Cargo.toml");
    output(cargo.arg("--target-dir").arg(target().join("header")))
}

/// Returns the symbols that a library exports, a line each.
fn symbols(library: &Path) -> Result<String> {
    let told = output(command("nm").args(["-D", "--defined-only"]).arg(library))?;
    let names = told
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    Ok(names.iter().map(|name| format!("{name}\n")).collect())
}

/// Compares a checked-in file with what it should be.
fn same(name: &str, wanted: Result<String>) -> Result {
    let wanted = wanted?;
    let path = root().join(name);
    let found = fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
    if found == wanted {
        return Ok(());
    }
    let mut lines = found.lines().zip(wanted.lines()).enumerate();
    let first = lines.find(|(_, (found, wanted))| found != wanted);
    let place = match first {
        Some((index, (found, wanted))) => {
            format!("line {}: `{found}` should be `{wanted}`", index + 1)
        }
        None => "one is longer than the other".to_owned(),
    };
    Err(format!(
        "{name} is not what the sources say; {place}. If that is meant, run `cargo xtask abi` and \
         commit; what is gone or changed breaks compiled programs"
    ))
}

/// Runs the programs in `bindings-c/tests` and the demo.
fn c_tests(report: &mut Report, prefix: &Path) {
    if !exists("cc") || !exists("pkg-config") {
        return report.step("c-tests", || skipped("there is no cc, or no pkg-config"));
    }
    report.step("c-demo", || {
        for language in ["c", "c++"] {
            let headers = compile(prefix, "tests/headers.c", &["-x", language], language);
            if let Err(reason) = headers {
                return Outcome::Failed(reason);
            }
        }
        let demo = compile(prefix, "examples/demo.c", &[], "plain");
        demo.and_then(|demo| show(&mut command(demo))).into()
    });
    let sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    report.step("c-tests", || watched(prefix, &sanitize, "asan", &[]).into());
    report.step("c-keys", || {
        let keys = compile(prefix, "tests/keys.c", &sanitize, "asan");
        keys.and_then(|keys| show(&mut command(keys))).into()
    });
    report.step("c-valgrind", || {
        if !exists("valgrind")
            && let Err(reason) = apt_install(&["valgrind"])
        {
            return skipped(&format!("there is no valgrind, and {reason}"));
        }
        let known = root().join("bindings-c/tests/valgrind.supp");
        let known = format!("--suppressions={}", known.display());
        let valgrind = [
            "valgrind",
            &known,
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect",
            "--fair-sched=yes",
        ];
        watched(prefix, &[], "plain", &valgrind).into()
    });
}

/// Runs the tests of misuse and of threads, and shows that whoever watches sees a planted fault.
fn watched(prefix: &Path, flags: &[&str], name: &str, runner: &[&str]) -> Result {
    let misuse = compile(prefix, "tests/misuse.c", flags, name)?;
    let mut planted = under(runner, &misuse, &["--plant"]);
    // The sanitizer already sees that what was freed is wiped; valgrind sees both.
    let faults = ["heap-use-after-free", "double-free", "Invalid free"];
    let seen = output(&mut planted).err();
    if !seen.is_some_and(|report| faults.iter().any(|fault| report.contains(fault))) {
        return Err("a buffer was freed twice, and nothing saw it".to_owned());
    }
    let symbols = root().join(SYMBOLS);
    let symbols = symbols.to_string_lossy();
    show(&mut under(runner, &misuse, &[&symbols]))?;
    let threads = compile(prefix, "tests/threads.c", flags, name)?;
    let rounds = if runner.is_empty() { "60" } else { "6" };
    show(&mut under(runner, &threads, &[rounds]))
}

/// Compiles a program as `cc x.c $(pkg-config --cflags --libs vaultcore)` does.
pub(crate) fn compile(prefix: &Path, source: &str, flags: &[&str], name: &str) -> Result<PathBuf> {
    let mut query = command("pkg-config");
    query.args(["--cflags", "--libs", "vaultcore"]);
    let found = output(query.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")))?;
    let stem = Path::new(source).file_stem().unwrap_or_default();
    let program = prefix.join(format!("{}-{name}", stem.to_string_lossy()));
    let mut cc = command("cc");
    let standard = CFLAGS.split_whitespace();
    // C++ has standards of its own.
    cc.args(standard.filter(|flag| !(name == "c++" && flag.starts_with("-std"))));
    cc.args(flags).arg(root().join("bindings-c").join(source));
    cc.args(["-x", "none", "-pthread"])
        .args(found.split_whitespace());
    cc.arg(format!("-Wl,-rpath,{}", prefix.join("lib").display()));
    output(cc.arg("-o").arg(&program))?;
    Ok(program)
}

fn under(runner: &[&str], program: &Path, words: &[&str]) -> Command {
    let mut command = match runner.split_first() {
        None => command(program),
        Some((first, rest)) => {
            let mut runner = command(first);
            runner.args(rest).arg(program);
            runner
        }
    };
    command.args(words);
    command
}

/// Runs a command that must succeed, and shows what it says.
pub(crate) fn show(command: &mut Command) -> Result {
    print!("{}", output(command)?);
    Ok(())
}

/// Runs the tests of the Go package, and those with the client of OpenBao.
fn go_tests(report: &mut Report, setup: &mut Setup, prefix: &Path) {
    let mut go = None;
    report.step("go", || match setup.go() {
        Ok(program) => {
            go = Some(program);
            Outcome::Passed
        }
        Err(reason) => Outcome::Skipped(reason),
    });
    let Some(go) = go else { return };
    if !exists("cc") || !exists("pkg-config") {
        return report.step("go-tests", || skipped("cgo needs cc and pkg-config"));
    }
    for (step, folder, words) in [
        ("go-vet", "bindings-c/go", "vet ./..."),
        ("go-tests", "bindings-c/go", "test -race -count=1 ./..."),
        (
            "go-client",
            "bindings-c/go/clienttest",
            "test -race -count=1 ./...",
        ),
    ] {
        let mut command = command(&go);
        command.args(words.split_whitespace());
        command
            .current_dir(root().join(folder))
            .env("CGO_ENABLED", "1");
        command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        command.env("LD_LIBRARY_PATH", prefix.join("lib"));
        report.command(step, command);
    }
}
