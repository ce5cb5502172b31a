//! The checks that take long or want tools of their own, run by hand before a release.

use crate::fuzz;
use crate::threads;
use crate::tools::{
    Args, Outcome, Report, Result, Skips, cargo, command, exists, output, root, target,
};

/// Runs them, or the one that is asked for.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    let seconds = args.number("--fuzz-seconds", 600)?;
    let only = args.option("--only")?;
    args.finish()?;
    type Check = fn(&mut Report);
    let checks: [(&str, Check); 4] = [
        ("miri", miri),
        ("timing", timing),
        ("supply-chain", supply_chain),
        ("threads", threads::sanitizer),
    ];
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if !wanted("fuzz") && !checks.iter().any(|(name, _)| wanted(name)) {
        return Err("--only takes miri, timing, supply-chain, threads or fuzz".to_owned());
    }
    for (_, check) in checks.iter().filter(|(name, _)| wanted(name)) {
        check(&mut report);
    }
    if wanted("fuzz") {
        fuzz::steps(&mut report, seconds)?;
    }
    report.finish()
}

/// The unsafe code, under an interpreter that sees undefined behaviour.
fn miri(report: &mut Report) {
    let mut probe = command("rustup");
    probe.args(["run", "nightly", "cargo", "miri", "--version"]);
    if let Err(reason) = output(&mut probe) {
        return report.step("miri", || {
            Outcome::Skipped(format!("no nightly with miri: {reason}"))
        });
    }
    let mut miri = command("rustup");
    miri.args([
        "run",
        "nightly",
        "cargo",
        "miri",
        "test",
        "--package",
        "vaultcore-os",
    ]);
    miri.env("CARGO_TARGET_DIR", target().join("miri"));
    show(report, "miri", miri);
}

/// Whether the time of secret-dependent code depends on the secret.
fn timing(report: &mut Report) {
    if root().join("oracles/src/bin/timing.rs").exists() {
        let line = "run --release --manifest-path oracles/Cargo.toml --bin timing";
        show(report, "timing", cargo(line));
    } else {
        report.step("timing", || {
            Outcome::Skipped("oracles has no binary `timing`".to_owned())
        });
    }
}

/// Licences, sources and known faults of what we depend on.
fn supply_chain(report: &mut Report) {
    for (tool, line) in [
        (
            "cargo-deny",
            "deny --all-features check licenses bans sources",
        ),
        ("cargo-audit", "audit"),
    ] {
        match exists(tool) {
            true => show(report, tool, cargo(line)),
            false => report.step(tool, || Outcome::Skipped("it is not installed".to_owned())),
        }
    }
}

/// Runs a command and says which, since these are also run without xtask.
fn show(report: &mut Report, name: &str, command: std::process::Command) {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let line: Vec<_> = [command.get_program().to_string_lossy()]
        .into_iter()
        .chain(words)
        .collect();
    println!("    {}", line.join(" "));
    report.command(name, command);
}
