//! `operator init`: a new vault.

use std::path::{Path, PathBuf};

use clap::Args;
use data_encoding::{BASE64, HEXLOWER};
use vaultcore::{NewSlot, SecretString, Share, key_file};
use zeroize::Zeroizing;

use super::show;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json::Object;
use crate::open::{self, Expect, key_failure};
use crate::private_file;
use crate::sources::Text;

/// Make a new vault.
///
/// The shares and the root token are shown once, and are kept nowhere else.
#[derive(Args)]
#[command(
    after_help = "With -key-file, -passphrase or -passphrase-file the vault gets a slot that \
                        opens it without\npeople, beside the shares; a key file that is not there \
                        is made.\n\nExamples:\n  vaultcore --vault app.vault operator init\n  \
                        vaultcore --vault app.vault operator init -key-file=app.key\n  \
                        vaultcore --vault app.vault operator init -n 3 -t 2 -share-dir=shares"
)]
pub(crate) struct Init {
    #[command(flatten)]
    sharing: Sharing,
    /// Write each share into a file of its own, mode 0600, instead of showing it
    #[arg(long, value_name = "FOLDER")]
    share_dir: Option<PathBuf>,
    /// Make nothing, and say whether the vault is there: exit code 0 if it is, 2 if not
    #[arg(long)]
    status: bool,
}

/// How the key is shared out.
#[derive(Args)]
pub(crate) struct Sharing {
    /// How many shares there are; 0 with another way to open the vault
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 5)]
    pub(crate) key_shares: u8,
    /// How many shares open the vault
    #[arg(short = 't', long, value_name = "COUNT", default_value_t = 3)]
    pub(crate) key_threshold: u8,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result {
        if self.status {
            return status(context);
        }
        let slots = self.slots(context)?;
        let folder = self.share_dir.as_deref().map(prepare).transpose()?;
        let vault = open::sealed(context, Expect::Anything)?;
        let init = vault.init(slots)?;
        context.keep(vault);
        self.tell(context, &init, folder).map_err(lost)
    }

    /// Tells people what opens the vault, and what may do everything in it.
    fn tell(&self, context: &Context, init: &vaultcore::Init, folder: Option<&Path>) -> Result {
        let root = init.root_token().expose();
        if let Some(folder) = folder {
            write_shares(folder, init.shares())?;
        }
        let object = match folder {
            Some(_) => Object::new(),
            None => shares_object(init.shares()),
        };
        let object = object
            .number("unseal_shares", self.sharing.key_shares)
            .number("unseal_threshold", self.sharing.key_threshold)
            .text("root_token", root);
        let shares = match folder {
            Some(_) => Text::default(),
            None => shares_text("Unseal Key", init.shares()),
        };
        let (count, threshold) = (self.sharing.key_shares, self.sharing.key_threshold);
        let how = match init.shares().len() {
            0 => "The vault has no shares: what else opens it is all there is.\n".to_owned(),
            _ => format!(
                "The vault has {count} shares; any {threshold} of them open it.\n\n\
                 Give each share to another person. They are kept nowhere else: when too many \
                 are\nlost, and nothing else opens the vault, what is in it is lost.\n"
            ),
        };
        let text = Zeroizing::new(format!(
            "{}Initial Root Token: {root}\n\n{how}",
            shares.as_str()
        ));
        show(context, &object, &text)
    }

    /// Returns the slots of the new vault. They are made before the vault is, so that what is wrong
    /// with them leaves nothing behind.
    fn slots(&self, context: &Context) -> Result<Vec<NewSlot>> {
        let mut slots = Vec::new();
        if self.sharing.key_shares > 0 {
            slots.push(NewSlot::shamir(
                self.sharing.key_shares,
                self.sharing.key_threshold,
            ));
        }
        if let Some(file) = &context.globals.key_file {
            slots.push(key_slot(file)?);
        }
        if let Some(slot) = passphrase_slot(context, context.globals.passphrase_file.as_deref())? {
            slots.push(slot);
        }
        match slots.is_empty() {
            true => Err(Failure::local(
                "nothing would open the vault: it needs shares or a slot",
            )),
            false => Ok(slots),
        }
    }
}

fn status(context: &Context) -> Result {
    let there = match open::file(context)?.exists() {
        true => open::sealed(context, Expect::Vault)?
            .status()?
            .initialized(),
        false => false,
    };
    match there {
        true => context.success("The vault is there"),
        false => Err(Failure::vault("there is no vault yet")),
    }
}

/// Says what is to be done about a vault whose shares nobody has seen.
fn lost(failure: Failure) -> Failure {
    let why = match failure {
        Failure::Local(text) => text,
        _ => "nobody reads standard output".to_owned(),
    };
    Failure::local(format!(
        "{why}; the vault was made, but what opens it is lost: delete its file and begin anew"
    ))
}

/// Returns a slot for the key in a file, which is made if it is missing.
pub(crate) fn key_slot(file: &Path) -> Result<NewSlot> {
    if !file.exists() {
        key_file::create(file).map_err(key_failure)?;
    }
    Ok(NewSlot::key(key_file::read(file).map_err(key_failure)?))
}

/// Returns a slot for a passphrase in a file, or one that is asked for, if there is to be one.
pub(crate) fn passphrase_slot(context: &Context, file: Option<&Path>) -> Result<Option<NewSlot>> {
    let passphrase = match (file, context.globals.passphrase) {
        (Some(file), _) => context.sources.first_line(file, "the passphrase file")?,
        (None, true) => context
            .sources
            .ask_new("New passphrase", "give --passphrase-file")?,
        (None, false) => return Ok(None),
    };
    Ok(Some(NewSlot::passphrase(SecretString::copy_from(
        &passphrase,
    ))))
}

/// Makes the folder of the shares, before there are any to be lost.
fn prepare(folder: &Path) -> Result<&Path> {
    let failed = |error| Failure::io("the folder of the shares cannot be used", &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut found = std::fs::read_dir(folder).map_err(failed)?;
    match found.next() {
        None => Ok(folder),
        Some(_) => Err(Failure::local("the folder of the shares is not empty")),
    }
}

fn write_shares(folder: &Path, shares: &[Share]) -> Result<()> {
    for (index, share) in shares.iter().enumerate() {
        let file = folder.join(format!("share-{}.txt", index + 1));
        let text = Zeroizing::new(format!("{}\n", share.to_text().expose()));
        let written = private_file::create(&file, text.as_bytes());
        written.map_err(|error| Failure::io("a share cannot be written", &error))?;
    }
    Ok(())
}

/// Returns shares as programs take them: as Vault prints them, and in the form for people.
pub(crate) fn shares_object(shares: &[Share]) -> Object {
    let texts = |print: &dyn Fn(&Share) -> String| -> Vec<Text> {
        shares.iter().map(|share| Text::new(print(share))).collect()
    };
    Object::new()
        .list(
            "unseal_keys_b64",
            &texts(&|share| BASE64.encode(share.expose())),
        )
        .list(
            "unseal_keys_hex",
            &texts(&|share| HEXLOWER.encode(share.expose())),
        )
        .list(
            "unseal_keys_text",
            &texts(&|share| share.to_text().expose().to_owned()),
        )
}

/// Returns shares as people take them.
pub(crate) fn shares_text(name: &str, shares: &[Share]) -> Text {
    let mut text = Zeroizing::new(String::new());
    for (index, share) in shares.iter().enumerate() {
        text.push_str(&format!("{name} {}: ", index + 1));
        text.push_str(share.to_text().expose());
        text.push('\n');
    }
    if !shares.is_empty() {
        text.push('\n');
    }
    text
}
