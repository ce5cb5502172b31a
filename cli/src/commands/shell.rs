//! `completions` and `man`: what the shell and the manual know of the command line.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::{Done, Failure, Result};

/// Print the completions for a shell.
#[derive(Args)]
#[command(after_help = "Example:\n  source <(vaultcore completions bash)")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context) -> Result {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "vaultcore", &mut script);
        context.output.write(&script)?;
        Ok(Done::Well)
    }
}

/// Write the man pages into a folder.
#[derive(Args)]
#[command(after_help = "Example:\n  vaultcore man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder, which is made if it is missing
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self, context: &Context) -> Result {
        let failed = |error| Failure::io("the man pages cannot be written", &error);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), &self.folder).map_err(failed)?;
        context.success("Wrote the man pages")
    }
}
