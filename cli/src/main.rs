//! The command line of vaultcore: the verbs that a user of Vault knows, on a vault in one file.
//!
//! Each command is a process of its own: it opens the vault, makes one request in the shape of
//! Vault's API, or one call of a ceremony, shows the reply, and seals itself.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod context;
mod dashes;
mod failure;
mod fields;
mod json;
mod open;
mod output;
mod private_file;
mod reply;
mod sources;
mod table;
mod terminal;
mod token_file;
mod yaml;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use context::Context;
use failure::Result;

fn main() -> ExitCode {
    let outcome = match Cli::try_parse_from(dashes::doubled(std::env::args_os())) {
        Ok(cli) => run(cli),
        Err(error) => failure::usage(&error),
    };
    match outcome {
        Ok(done) => done.into(),
        Err(failure) => {
            failure.show();
            failure.code().into()
        }
    }
}

fn run(cli: Cli) -> Result {
    let context = Context::new(cli.globals)?;
    let outcome = commands::run(cli.command, &context);
    context.close();
    outcome
}
