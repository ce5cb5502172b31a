//! The face for Python: its wheel is built, installed into an environment of its own, and tested.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::Setup;
use crate::tools::{Args, Outcome, Report, Result, Skips, command, output, root, target};

/// What the tests need besides the wheel, as PyPI has it.
const PACKAGES: [&str; 7] = [
    "maturin>=1.9,<2",
    "pytest",
    "hypothesis",
    "mypy",
    "hvac>=2.1",
    "types-requests",
    "cryptography>=41",
];

/// Runs the steps alone.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    args.finish()?;
    steps(&mut report);
    report.finish()
}

/// Adds the steps to `report`.
pub(crate) fn steps(report: &mut Report) {
    let mut python = None;
    report.step("python", || match Setup::python("python-face", &PACKAGES) {
        Ok(found) => {
            python = Some(found);
            Outcome::Passed
        }
        Err(reason) => Outcome::Skipped(reason),
    });
    let Some(python) = python else { return };
    let mut installed = false;
    report.step("python-wheel", || {
        let done = install(&python);
        installed = done.is_ok();
        done.map(drop).into()
    });
    if !installed {
        return;
    }
    for (step, words) in [
        ("python-tests", "pytest -q -p no:cacheprovider"),
        ("python-types", "mypy python/vaultcore"),
        ("python-stubs", "mypy.stubtest vaultcore"),
    ] {
        report.command(step, module(&python, words));
    }
}

/// Returns a Python that has the package, and the wheel that it comes from.
pub(crate) fn installed() -> Result<(PathBuf, PathBuf)> {
    let python = Setup::python("python-face", &PACKAGES)?;
    let wheel = install(&python)?;
    Ok((python, wheel))
}

/// Returns a Python that has the package as it is released, and what the benches compare it with.
pub(crate) fn installed_for_benches() -> Result<PathBuf> {
    let packages = ["maturin>=1.9,<2", "cryptography>=41"];
    let python = Setup::python("python-bench", &packages)?;
    build(&python, "release")?;
    Ok(python)
}

/// Builds the wheel as the tests of Rust are built, so that little is built twice.
fn install(python: &Path) -> Result<PathBuf> {
    build(python, "dev")
}

fn build(python: &Path, profile: &str) -> Result<PathBuf> {
    let wheels = target().join("wheels").join(profile);
    std::fs::remove_dir_all(&wheels).ok();
    let mut maturin = module(python, "maturin build --quiet --interpreter");
    maturin.arg(python).args(["--profile", profile]);
    output(maturin.arg("--out").arg(&wheels))?;
    let found = std::fs::read_dir(&wheels).map_err(|error| error.to_string())?;
    let wheel = found.flatten().next().ok_or("maturin built no wheel")?;
    let wheel = wheel.path();
    let mut pip = module(python, "pip install --quiet --force-reinstall --no-deps");
    output(pip.arg(&wheel))?;
    Ok(wheel)
}

fn module(python: &Path, words: &str) -> Command {
    let mut command = command(python);
    command.arg("-m").args(words.split_whitespace());
    command.current_dir(root().join("bindings-python"));
    command
}
