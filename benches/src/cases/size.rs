//! Goal 22: what has to be built, and how long that takes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use super::Setting;
use crate::Result;
use crate::harness::Extent;
use crate::report::{Goal, Row};

const MAX_CRATES: f64 = 65.0;
const MAX_SECONDS: f64 = 60.0;

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let count = crates()?;
    let crates = Row::new(22, "crates", "crates that the default features build")
        .figure(count.to_string(), count as f64 / MAX_CRATES)
        .goal(Goal::AtMost(1.0))
        .note("of the allowed 65; RustyVault has 386");
    let library = Row::new(22, "library", "size of the C library and of the wheel").note(
        "not measured by the benches: `ls -l` of what `cargo xtask install` and `pip wheel` leave",
    );
    let row = Row::new(22, "cold-build", "cold release build of the crate");
    let build = match setting.extent {
        Extent::Full => {
            let seconds = cold_build()?;
            row.figure(format!("{seconds:.0} s"), seconds / MAX_SECONDS)
                .goal(Goal::AtMost(1.0))
                .note("of the allowed 60 s; nothing else may run on the machine")
        }
        _ => row.note("only with --full"),
    };
    Ok(vec![crates, library, build])
}

fn crates() -> Result<usize> {
    let mut tree = cargo();
    tree.args(["tree", "--package", "vaultcore"]);
    let tree = tree
        .args(["-e", "normal,build", "--prefix", "none"])
        .output()?;
    let text = String::from_utf8(tree.stdout)?;
    let names = text.lines().filter_map(|line| line.split(" (").next());
    let names: BTreeSet<&str> = names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    match names.len() {
        0 => Err("cargo tree names no crate".into()),
        count => Ok(count),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "how long a build takes is not the vault's time"
)]
fn cold_build() -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--package", "vaultcore"]);
    build.env("CARGO_TARGET_DIR", folder.path());
    build.env_remove("CARGO_PROFILE_RELEASE_DEBUG");
    let begun = Instant::now();
    match build.status()?.success() {
        true => Ok(begun.elapsed().as_secs_f64()),
        false => Err("the build failed".into()),
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}
