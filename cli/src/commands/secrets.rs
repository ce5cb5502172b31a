//! `secrets`: the table of secrets engines.

use clap::Subcommand;

use crate::commands::mounts::{Class, Disable, Enable, ListMounts, Move, Tune};
use crate::context::Context;
use crate::failure::Result;

/// Manage secrets engines.
#[derive(Subcommand)]
pub(crate) enum Secrets {
    /// List the secrets engines
    List(ListMounts),
    /// Enable a secrets engine
    #[command(
        after_help = "Examples:\n  vaultcore secrets enable -path=secret -version=2 kv\n  \\
                            vaultcore secrets enable transit"
    )]
    Enable(Enable),
    /// Disable a secrets engine, with all that it keeps
    Disable(Disable),
    /// Change what is set of a secrets engine
    Tune(Tune),
    /// Move a secrets engine, with all that it keeps
    Move(Move),
}

impl Secrets {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::List(list) => list.run(context, Class::Secrets),
            Self::Enable(enable) => enable.run(context, Class::Secrets),
            Self::Disable(disable) => disable.run(context, Class::Secrets),
            Self::Tune(tune) => tune.run(context, Class::Secrets),
            Self::Move(moved) => moved.run(context, Class::Secrets),
        }
    }
}
