//! `operator slots`: what opens the vault.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use vaultcore::{NewSlot, SlotId, SlotInfo, SlotType};
use zeroize::Zeroizing;

use super::init::{Sharing, key_slot, shares_object, shares_text};
use super::show;
use crate::args::Format;
use crate::context::Context;
use crate::failure::{Done, Failure, Result};
use crate::json::{self, Object};
use crate::sources::Text;
use crate::table;
use vaultcore::SecretString;

/// Manage what opens the vault: shares, passphrases, key files.
#[derive(Subcommand)]
pub(crate) enum Slots {
    /// List the slots
    List,
    /// Add a slot
    #[command(subcommand)]
    Add(Add),
    /// Remove a slot; what opened it opens the vault no more
    Remove(Remove),
}

impl Slots {
    pub(crate) fn run(self, context: &Context) -> Result {
        match self {
            Self::List => list(context),
            Self::Add(add) => add.run(context),
            Self::Remove(remove) => remove.run(context),
        }
    }
}

fn list(context: &Context) -> Result {
    context.no_field()?;
    let slots = context.session()?.sys().slots()?;
    match context.format {
        Format::Json | Format::Yaml => {
            let items = json::objects(slots.iter().map(object));
            context.output.laid_out(context.format, &items)?;
        }
        Format::Table => {
            let rows: Vec<Vec<Text>> = slots.iter().map(row).collect();
            let head = ["Slot", "Type", "Shares", "Threshold", "Created"];
            context
                .output
                .write(table::table(&head, &rows).as_bytes())?;
        }
    }
    Ok(Done::Well)
}

fn object(slot: &SlotInfo) -> Object {
    let object = Object::new()
        .text("id", &slot.id.to_string())
        .text("type", kind(slot))
        .text("created_time", &slot.created_time.to_string())
        .number("generation", slot.generation);
    match slot.kind {
        SlotType::Shamir { shares, threshold } => object
            .number("shares", shares)
            .number("threshold", threshold),
        _ => object,
    }
}

fn row(slot: &SlotInfo) -> Vec<Text> {
    let (shares, threshold) = match slot.kind {
        SlotType::Shamir { shares, threshold } => (shares.to_string(), threshold.to_string()),
        _ => ("n/a".to_owned(), "n/a".to_owned()),
    };
    let (id, created) = (slot.id.to_string(), slot.created_time.to_string());
    [id, kind(slot).to_owned(), shares, threshold, created]
        .map(Text::new)
        .into()
}

fn kind(slot: &SlotInfo) -> &'static str {
    match slot.kind {
        SlotType::Shamir { .. } => "shamir",
        SlotType::Passphrase => "passphrase",
        SlotType::Key => "key",
        _ => "unknown",
    }
}

/// Add a slot.
#[derive(Subcommand)]
pub(crate) enum Add {
    /// Shares for people
    Shamir(Sharing),
    /// A passphrase, which is asked for
    Passphrase(Passphrase),
    /// A key of 32 bytes in a file, which is made if it is missing
    Key(Key),
}

/// A passphrase.
#[derive(Args)]
pub(crate) struct Passphrase {
    /// The passphrase is the first line of this file, `-` for standard input
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

/// A key.
#[derive(Args)]
pub(crate) struct Key {
    /// The file
    file: PathBuf,
}

impl Add {
    fn run(self, context: &Context) -> Result {
        let new = match &self {
            Self::Shamir(sharing) => NewSlot::shamir(sharing.key_shares, sharing.key_threshold),
            Self::Passphrase(given) => {
                let text = match &given.new_passphrase_file {
                    Some(file) => context.sources.first_line(file, "the passphrase file")?,
                    None => {
                        let without = "give --new-passphrase-file";
                        context.sources.ask_new("New passphrase", without)?
                    }
                };
                NewSlot::passphrase(SecretString::copy_from(&text))
            }
            Self::Key(key) => key_slot(&key.file)?,
        };
        let (id, shares) = context.session()?.sys().add_slot(&new)?;
        let mut object = Object::new().text("id", &id.to_string());
        if !shares.is_empty() {
            object = shares_object(&shares).text("id", &id.to_string());
        }
        let shares = shares_text("Unseal Key", &shares);
        let text = Zeroizing::new(format!("{}Success! Added slot: {id}\n", shares.as_str()));
        show(context, &object, &text)
    }
}

/// Remove a slot; what opened it opens the vault no more.
#[derive(Args)]
#[command(
    after_help = "The root key is made anew. Whoever has an old copy of the file, and opened \
                        the vault then,\nstill has the keys of the slots that stay: SECURITY.md \
                        says how to shut them out."
)]
pub(crate) struct Remove {
    /// The slot, as `operator slots list` shows it
    id: String,
}

impl Remove {
    fn run(self, context: &Context) -> Result {
        context.session()?.sys().remove_slot(slot_id(&self.id)?)?;
        context.success("Removed the slot")
    }
}

/// Parses the id of a slot.
pub(crate) fn slot_id(text: &str) -> Result<SlotId> {
    Ok(SlotId::from_bytes(bytes_of(text, "the id of a slot")?))
}

/// Parses 32 hex digits.
pub(crate) fn bytes_of(text: &str, what: &str) -> Result<[u8; 16]> {
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Failure::local(format!("{what} is 32 hex digits")))
}
