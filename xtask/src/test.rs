//! Runs every test that exists, with its set-up.

use crate::setup::Setup;
use crate::tools::{Args, Report, Result, Skips, cargo, root};
use crate::{native, python};

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The workspace's own tests.
    Quick,
    /// Also the other feature sets, the oracles with their peers, and what other languages call.
    Whole,
}

/// Runs the tests.
pub(crate) fn run(mut args: Args) -> Result {
    let extent = match args.flag("--quick") {
        true => Extent::Quick,
        false => Extent::Whole,
    };
    let mut report = Report::new(Skips::from_args(&mut args));
    args.finish()?;
    steps(&mut report, extent);
    report.finish()
}

/// Adds the test steps to `report`.
pub(crate) fn steps(report: &mut Report, extent: Extent) {
    let mut setup = Setup::default();
    setup.add_shim(report);
    if extent == Extent::Whole {
        setup.add_servers(report);
    }
    let test = |report: &mut Report, name: &str, line: &str| {
        let mut cargo = cargo(line);
        setup.apply(&mut cargo);
        report.command(name, cargo);
    };
    test(report, "tests", "test --workspace --all-features");
    if extent == Extent::Quick {
        return;
    }
    // What transit answers of types whose feature is off, and that the rest of it does without.
    test(
        report,
        "tests-default",
        "test --package vaultcore --lib --test it -- transit crypto",
    );
    // The tests' own dependency on vaultcore brings the default features back, so that what
    // builds without them is shown by the library alone.
    test(report, "features-default", "check --workspace");
    test(
        report,
        "features-none",
        "check --package vaultcore --no-default-features",
    );
    oracles(report, &mut setup);
    native::steps(report, &mut setup);
    python::steps(report);
}

/// Other people's implementations, in a package with a lock file of its own.
fn oracles(report: &mut Report, setup: &mut Setup) {
    if !root().join("oracles/Cargo.toml").exists() {
        return;
    }
    setup.add_peers(report);
    setup.add_openbao(report);
    let mut cargo = cargo("test --manifest-path oracles/Cargo.toml");
    setup.apply(&mut cargo);
    report.command("oracles", cargo);
}
