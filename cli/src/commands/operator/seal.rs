//! `operator unseal` and `operator seal`.

use clap::Args;
use vaultcore::api::Method;
use vaultcore::{Share, Vault};

use crate::commands::logical::given_token;
use crate::context::{Context, request};
use crate::failure::{Done, Failure, Result};
use crate::json::Object;
use crate::open::{self, Expect};

/// Check that shares open the vault; nothing is kept.
///
/// Each command opens the vault for itself, so that there is nothing to unseal for later.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the vault was opened, 2 it stays sealed.\n\nExamples:\n  \
                        vaultcore operator unseal                      # asks for shares\n  \
                        vaultcore operator unseal -share-file=1.txt -share-file=2.txt"
)]
pub(crate) struct Unseal {
    /// Shares, `-` for standard input with one, or @file
    shares: Vec<String>,
}

impl Unseal {
    pub(crate) fn run(self, context: &Context) -> Result {
        let vault = open::sealed(context, Expect::Vault)?;
        for word in &self.shares {
            vault.unseal(&Share::parse(&given_token(context, word)?)?)?;
        }
        let given = !self.shares.is_empty() || open::unattended(context, &vault)?;
        if !given {
            ask(context, &vault)?;
        }
        let status = vault.status()?;
        let rows = [
            ("Sealed", status.sealed().to_string()),
            ("Total Shares", status.shares().to_string()),
            ("Threshold", status.threshold().to_string()),
            (
                "Unseal Progress",
                format!("{}/{}", status.progress(), status.threshold()),
            ),
        ];
        let object = Object::new()
            .flag("sealed", status.sealed())
            .number("t", status.threshold())
            .number("n", status.shares())
            .number("progress", status.progress());
        context.keep(vault);
        context.show_object(&object.finish(), &rows)?;
        match status.sealed() {
            true => Ok(Done::No),
            false => Ok(Done::Well),
        }
    }
}

fn ask(context: &Context, vault: &Vault) -> Result<()> {
    if vault.status()?.threshold() == 0 {
        return Err(Failure::vault("this vault has no shares"));
    }
    open::by_shares(context, vault)
}

/// Makes every process that has the vault open forget its keys at its next call.
pub(super) fn seal(context: &Context) -> Result {
    let reply = context.ask(request(Method::Put, "sys/seal")?)?;
    match reply.is_wrapped() {
        true => context.show(&reply),
        false => context.success("Vault is sealed."),
    }
}
