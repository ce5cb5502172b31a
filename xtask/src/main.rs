//! The chores of the project: `cargo xtask <command>`.
//!
//! It has no dependencies, because everybody waits for its build.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod bench;
mod ci;
mod fuzz;
mod layers;
mod native;
mod python;
mod readme;
mod servers;
mod setup;
mod shell;
mod source;
mod test;
mod threads;
mod tools;
mod trust;

use std::process::ExitCode;

use tools::Args;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--quick] [--no-skips]   run every test, with its set-up
  ci                            run what the continuous integration runs
  layers                        check who imports whom in vaultcore
  fuzz [--seconds N] [--target NAME] [--self-check]
                                run the fuzz targets, 60 seconds each unless told
  bench [--quick | --full] [--only NAME] [--check]
                                measure against limits and peers; --check fails if a goal is
                                missed that benches/misses.toml does not explain
  servers PROGRAM [WORD..]      start the databases, and run a program that finds them
  native [--no-skips]           run the steps of `test` that are about C and Go
  python [--no-skips]           run the steps of `test` that are about Python
  readme [--no-skips]           run every block of code in the README
  install --prefix DIR [--debug]
                                build libvaultcore and the command line, and install them with
                                header, completions and man pages
  abi                           write the C header and the list of exported symbols anew
  trust [--only NAME] [--fuzz-seconds N]
                                run the slow checks that are run by hand: miri, timing,
                                supply-chain, threads, fuzz

With the variable CI set, or with --no-skips, a skipped step is a failure.";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let outcome = Args::new(words.collect()).and_then(|args| run(&command, args));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, args: Args) -> tools::Result {
    match command {
        "test" => test::run(args),
        "ci" => ci::run(args),
        "layers" => layers::run(args),
        "fuzz" => fuzz::run(args),
        "bench" => bench::run(args),
        "servers" => servers::run(args),
        "native" => native::run(args),
        "python" => python::run(args),
        "readme" => readme::run(args),
        "install" => native::install(args),
        "abi" => native::abi(args),
        "trust" => trust::run(args),
        "" => Err(USAGE.to_owned()),
        other => Err(format!("there is no command `{other}`\n\n{USAGE}")),
    }
}
