//! `operator rekey`: new shares in place of the old ones.

use std::path::PathBuf;

use clap::Args;
use vaultcore::api::Method;
use vaultcore::{Nonce, SlotId};
use zeroize::Zeroizing;

use super::init::{Sharing, shares_object, shares_text};
use super::show;
use super::slots::{bytes_of, slot_id};
use crate::args::Format;
use crate::context::{Context, request};
use crate::failure::{Failure, Result};
use crate::json::{self, Object};
use crate::open::{self, Asked};

/// Replace the shares by new ones.
///
/// The new shares count once enough of them were given back with -verify; until then the old ones
/// open the vault, and the new ones open nothing.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore operator rekey -key-shares=5 -key-threshold=3\n  \
                        vaultcore operator rekey -verify -nonce=NONCE\n  \
                        vaultcore operator rekey -status\n  vaultcore operator rekey -cancel"
)]
pub(crate) struct Rekey {
    #[command(flatten)]
    sharing: Sharing,
    /// Of this slot; by default of the only one that has shares
    #[arg(long, value_name = "ID")]
    slot: Option<String>,
    /// Taken for Vault's sake: a rekey begins without it, too
    #[arg(long, conflicts_with_all = ["verify", "cancel"])]
    init: bool,
    /// Give back new shares, so that they count
    #[arg(long, requires = "nonce", conflicts_with = "cancel")]
    verify: bool,
    /// Drop the rekey in progress: the old shares stay
    #[arg(long)]
    cancel: bool,
    /// Show whether a rekey is in progress, and its nonce
    #[arg(long, conflicts_with_all = ["init", "verify", "cancel"])]
    status: bool,
    /// Which rekey the new shares are of
    #[arg(long, value_name = "NONCE")]
    nonce: Option<String>,
    /// With -verify: new shares from a file, one a line, `-` for standard input; may be repeated
    #[arg(long, value_name = "FILE", requires = "verify")]
    new_share_file: Vec<PathBuf>,
}

impl Rekey {
    pub(crate) fn run(self, context: &Context) -> Result {
        if self.cancel {
            context.session()?.sys().rekey_cancel()?;
            return context.success("Canceled rekeying (if it was started)");
        }
        if self.status {
            return status(context);
        }
        match &self.nonce {
            Some(nonce) if self.verify => self.verify(context, nonce),
            Some(_) => Err(Failure::local("-nonce goes with -verify")),
            None => self.start(context),
        }
    }

    fn start(&self, context: &Context) -> Result {
        let slot: Option<SlotId> = self.slot.as_deref().map(slot_id).transpose()?;
        let (count, threshold) = (self.sharing.key_shares, self.sharing.key_threshold);
        let rekey = context.session()?.sys().rekey(slot, count, threshold)?;
        let nonce = rekey.nonce().to_string();
        let object = shares_object(rekey.shares())
            .number("unseal_shares", count)
            .number("unseal_threshold", threshold)
            .text("verification_nonce", &nonce);
        let text = Zeroizing::new(format!(
            "{}Verification Nonce: {nonce}\n\nThese shares open nothing yet. Give {threshold} of \
             them back, so that they take the place\nof the old ones:\n\n  \
             vaultcore operator rekey -verify -nonce={nonce}\n",
            shares_text("New Key", rekey.shares()).as_str(),
        ));
        show(context, &object, &text)
    }

    fn verify(&self, context: &Context, nonce: &str) -> Result {
        let nonce = Nonce::from_bytes(bytes_of(nonce, "a nonce")?);
        let given = open::shares(context, &self.new_share_file)?;
        let sys = context.session()?.sys();
        let (mut progress, mut threshold, mut complete) = (0, 0, false);
        let mut take = |share: &vaultcore::Share| {
            let told = sys.rekey_verify(nonce, share)?;
            (progress, threshold, complete) = (told.progress, told.threshold, told.complete);
            Ok(Asked {
                given: told.progress,
                needed: told.threshold,
                enough: told.complete,
            })
        };
        let mut enough = false;
        for share in &given {
            enough = enough || take(share)?.enough;
        }
        if given.is_empty() {
            open::ask_shares(context, "New share", take)?;
        }
        if !complete {
            return Err(Failure::vault(format!(
                "{progress} of {threshold} new shares were given: the old ones stay"
            )));
        }
        match (context.format, &context.globals.field) {
            (Format::Table, None) => {
                context.success("The new shares are in force, and the old ones open nothing")
            }
            _ => show(context, &Object::new().flag("complete", true), ""),
        }
    }
}

/// Shows the rekey that waits for its new shares, if there is one.
fn status(context: &Context) -> Result {
    let reply = context.ask(request(Method::Get, "sys/rekey/init")?)?;
    let body = reply.body();
    let nonce = json::find_text(body, &["nonce"]).unwrap_or_default();
    let field = |name: &str| json::find(body, &[name]).unwrap_or("0").to_owned();
    let rows = [
        ("Nonce", nonce.to_string()),
        ("Started", field("started")),
        ("New Shares", field("n")),
        ("New Threshold", field("t")),
        ("Verification Required", field("verification_required")),
    ];
    context.show_object(body, &rows)
}
