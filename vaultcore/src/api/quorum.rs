//! `sys/generate-root`: a root token by a quorum of shares, hidden by a one-time pad on its way.

use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::ceremony::nonce;
use super::dispatch::{bad, done};
use super::{ApiRequest, ApiResponse};
use crate::error::{Error, Result};
use crate::seal::Share;
use crate::vault::{RootAttempt, Vault};
use crate::wire::{Fields, Object};

/// The length of a root token, which is that of its pad.
const LENGTH: usize = 28;

/// Answers how far an attempt has come.
pub(super) fn progress(vault: &Vault) -> Result<ApiResponse> {
    let attempt = vault.root_attempt()?;
    shown(vault, attempt.as_ref(), "", false)
}

fn shown(
    vault: &Vault,
    attempt: Option<&RootAttempt>,
    encoded: &str,
    complete: bool,
) -> Result<ApiResponse> {
    let nonce = attempt.map(|attempt| attempt.nonce.to_string());
    let object = object(vault, attempt)?
        .number("progress", attempt.map_or(0, |attempt| attempt.progress))
        .text("nonce", &nonce.unwrap_or_default())
        .flag("complete", complete)
        .text("encoded_token", encoded)
        .text("encoded_root_token", encoded)
        .text("otp", "");
    Ok(ApiResponse::new(200, object.finish()))
}

fn object(vault: &Vault, attempt: Option<&RootAttempt>) -> Result<Object> {
    let required = attempt.and_then(|attempt| attempt.required);
    let usual = vault.status()?.threshold();
    Ok(Object::new()
        .flag("started", attempt.is_some())
        .number("required", required.unwrap_or(usual))
        .text("pgp_fingerprint", "")
        .number("otp_length", u64::try_from(LENGTH).unwrap_or_default()))
}

/// Begins an attempt. Whoever has the pad of the reply can read the token that comes of it.
pub(super) fn start(vault: &Vault, request: &ApiRequest) -> Result<ApiResponse> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    if fields.text("pgp_key")?.is_some_and(|key| !key.is_empty()) {
        return Ok(bad("`pgp_key` is not supported"));
    }
    if vault.root_attempt()?.is_some() {
        return Ok(bad("root generation already in progress"));
    }
    let given = fields.text("otp")?.filter(|otp| !otp.is_empty());
    let pad = match &given {
        Some(otp) if otp.len() == LENGTH => otp.clone(),
        Some(_) => return Ok(bad("OTP string is wrong length")),
        None => vault.random_pad()?,
    };
    let nonce = vault.start_padded_root_token(&pad)?;
    let object = object(vault, vault.root_attempt()?.as_ref())?
        .number("progress", 0)
        .text("nonce", &nonce.to_string())
        .flag("complete", false)
        .text("encoded_token", "")
        .text("encoded_root_token", "")
        .text("otp", if given.is_some() { "" } else { &pad });
    Ok(ApiResponse::new(200, object.finish()))
}

/// Drops an attempt.
pub(super) fn cancel(vault: &Vault, _: &ApiRequest) -> Result<ApiResponse> {
    vault.cancel_root_token()?;
    Ok(done())
}

/// Takes one share; with the last one that is needed the reply has the token.
pub(super) fn update(vault: &Vault, request: &ApiRequest) -> Result<ApiResponse> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    let share = Share::parse(&fields.required("key")?)?;
    let nonce = nonce(&fields.required("nonce")?)?;
    let missing = || Error::invalid("no root generation in progress");
    let attempt = vault.root_attempt()?.ok_or_else(missing)?;
    let made = vault.root_token(nonce, &share)?;
    let attempt = RootAttempt {
        progress: made.progress,
        required: Some(made.required),
        ..attempt
    };
    match made.token {
        Some(token) => {
            let bytes = token.expose().bytes().zip(attempt.pad.bytes());
            let hidden: Zeroizing<Vec<u8>> =
                Zeroizing::new(bytes.map(|(token, pad)| token ^ pad).collect());
            shown(vault, Some(&attempt), &BASE64_NOPAD.encode(&hidden), true)
        }
        None => shown(vault, Some(&attempt), "", false),
    }
}
