//! `operator`: the vault itself and its keys. What needs more than one request is a ceremony.

mod init;
mod keys;
mod rekey;
mod root;
mod seal;
mod slots;
mod upkeep;

use clap::Subcommand;

use crate::args::Format;
use crate::context::Context;
use crate::failure::Result;
use crate::json::Object;

/// Make the vault, open and close it, and look after its keys.
#[derive(Subcommand)]
pub(crate) enum Operator {
    /// Make a new vault
    Init(init::Init),
    /// Check that shares open the vault; nothing is kept
    Unseal(seal::Unseal),
    /// Make every process that has the vault open forget its keys
    Seal,
    /// Replace the shares by new ones
    Rekey(rekey::Rekey),
    /// Add a key that encrypts from now on
    Rotate(keys::Rotate),
    /// Encrypt what is stored under old keys anew, and drop those keys
    Rewrap,
    /// Make a root token, by a quorum of shares
    GenerateRoot,
    /// Show the number and the age of the key that encrypts
    KeyStatus,
    /// Manage what opens the vault: shares, passphrases, key files
    #[command(subcommand)]
    Slots(slots::Slots),
    /// Finish what a crash left half done, and end what ran out; for cron, where no host does it
    Tick,
    /// Say that the clock is right, after it was set or the machine was restored
    ConfirmClock,
}

impl Operator {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::Init(init) => init.run(context),
            Self::Unseal(unseal) => unseal.run(context),
            Self::Seal => seal::seal(context),
            Self::Rekey(rekey) => rekey.run(context),
            Self::Rotate(rotate) => rotate.run(context),
            Self::Rewrap => keys::rewrap(context),
            Self::GenerateRoot => root::generate(context),
            Self::KeyStatus => keys::status(context),
            Self::Slots(slots) => slots.run(context),
            Self::Tick => upkeep::tick(context),
            Self::ConfirmClock => upkeep::confirm_clock(context),
        }
    }
}

/// Shows what a ceremony made: `text` to people, `object` to programs.
fn show(context: &Context, object: &Object, text: &str) -> Result {
    match (context.format, &context.globals.field) {
        (Format::Table, None) => {
            context.output.write(text.as_bytes())?;
            Ok(crate::failure::Done::Well)
        }
        _ => context.show_object(&object.finish(), &[] as &[(&str, String)]),
    }
}
