//! Opening a vault: the file, and what unseals it.

use std::path::{Path, PathBuf};

use vaultcore::storage::{Create, Sqlite, SqliteOptions};
use vaultcore::{Error, ErrorKind, SealStatus, SecretString, Share, Vault, key_file};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::sources::Text;

/// How to do without people at a terminal.
const WITHOUT_PEOPLE: &str = "give --share-file, --passphrase-file or --key-file";
/// How often in a row a share is asked for anew.
const TRIES: u32 = 3;

/// Whether the file may be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It is there.
    Vault,
    /// It may have to be made.
    Anything,
}

/// Returns the vault, sealed.
pub(crate) fn sealed(context: &Context, expect: Expect) -> Result<Vault> {
    let storage = storage(context, expect)?;
    Ok(Vault::builder(storage).build()?)
}

/// Returns the file that the vault is in, or would be.
pub(crate) fn file(context: &Context) -> Result<PathBuf> {
    let place = context.globals.vault.as_deref();
    let which = || Failure::local("which vault? Give --vault or set VAULTCORE_VAULT");
    file_of(place.ok_or_else(which)?)
}

fn storage(context: &Context, expect: Expect) -> Result<Sqlite> {
    let file = file(context)?;
    let create = match (expect, file.exists()) {
        (Expect::Vault, false) => {
            return Err(Failure::local(
                "there is no vault at this place; `vaultcore operator init` makes one",
            ));
        }
        (Expect::Vault, true) => Create::Never,
        (Expect::Anything, _) => Create::IfMissing,
    };
    let opened = SqliteOptions::new().create(create).open(&file);
    opened.map_err(|error| Error::from(error).into())
}

/// Returns the file that a place names.
fn file_of(place: &Path) -> Result<PathBuf> {
    let Some(text) = place.to_str() else {
        return Ok(place.to_owned());
    };
    let bare = text.strip_prefix("sqlite:");
    let bare = bare.map(|file| file.strip_prefix("//").unwrap_or(file));
    match (bare, text.split_once("://")) {
        (Some(""), _) => Err(Failure::local("`sqlite:` names no file")),
        (Some(file), _) => Ok(PathBuf::from(file)),
        (None, Some(_)) => Err(Failure::local(
            "there is no storage for this URL; expected a file, or sqlite:FILE",
        )),
        (None, None) => Ok(place.to_owned()),
    }
}

/// Returns the vault, opened by what the flags say, or by people.
pub(crate) fn opened(context: &Context) -> Result<Vault> {
    opened_by(context, &[])
}

/// Returns the vault, opened by `shares` if there are any, else as [`opened`] does.
pub(crate) fn opened_by(context: &Context, shares: &[Share]) -> Result<Vault> {
    let vault = sealed(context, Expect::Vault)?;
    if !vault.status()?.initialized() {
        return Err(Failure::vault(
            "there is no vault in this file yet; `vaultcore operator init` makes one",
        ));
    }
    if !shares.is_empty() {
        give(&vault, shares)?;
    } else if !unattended(context, &vault)? {
        by_people(context, &vault)?;
    }
    Ok(vault)
}

fn give(vault: &Vault, shares: &[Share]) -> Result<()> {
    for share in shares {
        vault.unseal(share)?;
    }
    let status = vault.status()?;
    match status.sealed() {
        true => Err(too_few(&status)),
        false => Ok(()),
    }
}

/// Opens the vault by what the flags and the environment give; returns whether they give anything.
pub(crate) fn unattended(context: &Context, vault: &Vault) -> Result<bool> {
    let globals = &context.globals;
    if let Some(file) = &globals.key_file {
        vault.unseal_key(&key_file::read(file).map_err(key_failure)?)?;
        return Ok(true);
    }
    if let Some(file) = &globals.passphrase_file {
        let passphrase = context.sources.first_line(file, "the passphrase file")?;
        vault.unseal_passphrase(&SecretString::copy_from(&passphrase))?;
        return Ok(true);
    }
    if globals.passphrase {
        by_passphrase(context, vault)?;
        return Ok(true);
    }
    if globals.share_file.is_empty() {
        return Ok(false);
    }
    give(vault, &shares(context, &globals.share_file)?)?;
    Ok(true)
}

/// Reads shares from files.
pub(crate) fn shares(context: &Context, files: &[PathBuf]) -> Result<Vec<Share>> {
    let mut shares = Vec::new();
    for file in files {
        for line in context.sources.lines(file, "a share file")? {
            shares.push(Share::parse(&line)?);
        }
    }
    Ok(shares)
}

/// Says how many shares are missing.
pub(crate) fn too_few(status: &SealStatus) -> Failure {
    Failure::vault(format!(
        "{} of {} shares were given: the vault stays sealed",
        status.progress(),
        status.threshold()
    ))
}

/// Says what is wrong with a key file that the user named: it is a matter of this side.
pub(crate) fn key_failure(error: Error) -> Failure {
    Failure::local(error.to_string())
}

fn by_passphrase(context: &Context, vault: &Vault) -> Result<()> {
    let passphrase = context
        .sources
        .ask("Passphrase", "give --passphrase-file")?;
    vault.unseal_passphrase(&SecretString::copy_from(&passphrase))?;
    Ok(())
}

/// Asks people for shares, or for a passphrase if there are none.
fn by_people(context: &Context, vault: &Vault) -> Result<()> {
    match vault.status()?.threshold() {
        0 => by_passphrase(context, vault),
        _ => by_shares(context, vault),
    }
}

/// Asks people for shares.
pub(crate) fn by_shares(context: &Context, vault: &Vault) -> Result<()> {
    ask_shares(context, "Share", |share| {
        let status = vault.unseal(share)?;
        Ok(Asked {
            given: status.progress(),
            needed: status.threshold(),
            enough: !status.sealed(),
        })
    })
    .map(drop)
}

/// How far people have come with their shares.
pub(crate) struct Asked {
    pub(crate) given: u8,
    pub(crate) needed: u8,
    pub(crate) enough: bool,
}

/// Asks for shares until `take` has enough of them, and returns them. One that was mistyped is
/// asked for again.
pub(crate) fn ask_shares(
    context: &Context,
    question: &str,
    mut take: impl FnMut(&Share) -> vaultcore::Result<Asked>,
) -> Result<Vec<Share>> {
    let mut shares = Vec::new();
    let mut wrong = 0;
    let mut next = format!("{question} 1");
    let person = context.sources.person(WITHOUT_PEOPLE)?;
    loop {
        let text = person.ask(&next)?;
        match parse_and(&text, &mut take) {
            Ok((share, asked)) => {
                wrong = 0;
                shares.push(share);
                if asked.enough {
                    return Ok(shares);
                }
                next = format!("{question} {} of {}", asked.given + 1, asked.needed);
            }
            Err(error) if wrong + 1 < TRIES && is_mistyped(&error) => {
                wrong += 1;
                note(&error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn parse_and(
    text: &Text,
    take: &mut impl FnMut(&Share) -> vaultcore::Result<Asked>,
) -> vaultcore::Result<(Share, Asked)> {
    let share = Share::parse(text)?;
    let asked = take(&share)?;
    Ok((share, asked))
}

fn is_mistyped(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidArgument | ErrorKind::UnsealFailed
    )
}
