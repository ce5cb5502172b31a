//! `auth`: the table of auth methods.

use clap::Subcommand;

use crate::commands::mounts::{Class, Disable, Enable, ListMounts, Move, Tune};
use crate::context::Context;
use crate::failure::Result;

/// Manage auth methods.
#[derive(Subcommand)]
pub(crate) enum Auth {
    /// List the auth methods
    List(ListMounts),
    /// Enable an auth method
    #[command(after_help = "Example:\n  vaultcore auth enable userpass")]
    Enable(Enable),
    /// Disable an auth method, with all that it keeps
    Disable(Disable),
    /// Change what is set of an auth method
    Tune(Tune),
    /// Move an auth method, with all that it keeps
    Move(Move),
}

impl Auth {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::List(list) => list.run(context, Class::Auth),
            Self::Enable(enable) => enable.run(context, Class::Auth),
            Self::Disable(disable) => disable.run(context, Class::Auth),
            Self::Tune(tune) => tune.run(context, Class::Auth),
            Self::Move(moved) => moved.run(context, Class::Auth),
        }
    }
}
