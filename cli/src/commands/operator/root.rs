//! `operator generate-root`: a root token, by a quorum.

use super::show;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json::Object;
use crate::open::{self, Asked};

/// Makes a root token by as many shares as open the vault. There is no one-time pad: the token does
/// not leave this process but on standard output.
pub(super) fn generate(context: &Context) -> Result {
    // Shares that open the vault are given a second time, for the token.
    let shares = open::shares(context, &context.globals.share_file)?;
    let vault = open::opened_by(context, &shares)?;
    let vault = context.keep(vault);
    let nonce = vault.start_root_token()?;
    let mut made = None;
    if shares.is_empty() {
        open::ask_shares(context, "Share for the token", |share| {
            let progress = vault.root_token(nonce, share)?;
            let asked = Asked {
                given: progress.progress,
                needed: progress.required,
                enough: progress.token.is_some(),
            };
            made = progress.token;
            Ok(asked)
        })?;
    }
    for share in &shares {
        if made.is_none() {
            made = vault.root_token(nonce, share)?.token;
        }
    }
    let token = made.ok_or_else(|| Failure::vault("too few shares were given for a root token"))?;
    let object = Object::new().text("root_token", token.expose());
    let text = zeroize::Zeroizing::new(format!("Root Token: {}\n", token.expose()));
    show(context, &object, &text)
}
