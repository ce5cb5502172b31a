//! `status`: whether the vault is there, and whether what is given opens it.

use clap::Args;

use crate::context::Context;
use crate::failure::{Done, Result};
use crate::json::Object;
use crate::open::{self, Expect};

/// Show whether the vault is there, and whether what is given opens it.
///
/// Nobody is asked for anything: without a share file, a passphrase or a key, a vault is sealed.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 it was opened, 1 wrong command line, 2 it is sealed or not \
                        there yet.\n\nExample:\n  vaultcore status -format=json"
)]
pub(crate) struct Status {}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result {
        let vault = open::sealed(context, Expect::Vault)?;
        let before = vault.status()?;
        if before.initialized() {
            open::unattended(context, &vault)?;
        }
        let status = vault.status()?;
        let (threshold, shares) = (before.threshold(), before.shares());
        let object = Object::new()
            .text("type", "shamir")
            .flag("initialized", status.initialized())
            .flag("sealed", status.sealed())
            .number("t", threshold)
            .number("n", shares)
            .number("progress", status.progress())
            .text("nonce", "")
            .flag("migration", false)
            .flag("recovery_seal", false)
            .text("version", env!("CARGO_PKG_VERSION"))
            .text("storage_type", "sqlite");
        let rows = [
            ("Seal Type", "shamir".to_owned()),
            ("Initialized", status.initialized().to_string()),
            ("Sealed", status.sealed().to_string()),
            ("Total Shares", shares.to_string()),
            ("Threshold", threshold.to_string()),
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Storage Type", "sqlite".to_owned()),
        ];
        context.keep(vault);
        context.show_object(&object.finish(), &rows)?;
        match status.sealed() {
            true => Ok(Done::No),
            false => Ok(Done::Well),
        }
    }
}
