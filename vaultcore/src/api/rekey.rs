//! `sys/rekey`: new shares, by a token with `sudo` at once, or by a quorum of the shares of now, which
//! needs none. Either way they count once enough of them came back.

use super::ceremony::{keys, nonce};
use super::{ApiRequest, ApiResponse, envelope};
use crate::engine::sys::{CancelRekey, PendingRekey, ReadRekey};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Nonce;
use crate::seal::Share;
use crate::vault::{Caller, Rekey, Vault, Who};
use crate::wire::{Fields, Object, Response, Shape, Verb};

/// Answers one step; `None` for one that there is not.
pub(super) fn open(
    vault: &Vault,
    caller: &Caller,
    step: (&str, Verb),
    request: &ApiRequest,
) -> Result<Option<Response>> {
    Ok(match step {
        ("init", Verb::Read) => Some(status(vault, caller)?),
        ("init", Verb::Write) => Some(start(vault, caller, request)?),
        ("init" | "verify", Verb::Delete) => {
            vault.run(caller, &CancelRekey)?;
            Some(Response::empty())
        }
        ("verify", Verb::Read) => Some(verification(vault, caller)?),
        ("verify", Verb::Write) => {
            let (nonce, share) = given(request)?;
            Some(verified(nonce, vault.verify_rekey(caller, nonce, &share)?))
        }
        _ => None,
    })
}

/// Answers one step of those who have shares and no token; `None` for anything else.
///
/// The shares say who asks, so that what is wrong with them is told.
pub(super) fn by_quorum(
    vault: &Vault,
    who: &Who,
    request: &ApiRequest,
) -> Result<Option<ApiResponse>> {
    let path = request.path.trim_end_matches('/');
    let asked = matches!(who, Who::Anonymous) && request.namespace.is_empty();
    let Some(step) = path.strip_prefix("sys/rekey/").filter(|_| asked) else {
        return Ok(None);
    };
    let response = quorum_step(vault, (step, request.verb()), request)?;
    let Some(response) = response else {
        return Ok(None);
    };
    let id = vault.request_id()?;
    Ok(Some(envelope::envelope(&response, &id)))
}

fn quorum_step(
    vault: &Vault,
    step: (&str, Verb),
    request: &ApiRequest,
) -> Result<Option<Response>> {
    Ok(match step {
        ("init", Verb::Read) => Some(progress(vault)?),
        ("verify", Verb::Read) => Some(verification(vault, &Caller::system())?),
        ("init", Verb::Write) => {
            if vault.rekey_attempt()?.is_some() {
                return Err(Error::invalid("rekey already in progress"));
            }
            let (shares, threshold) = numbers(request)?;
            vault.start_rekey(shares, threshold)?;
            Some(progress(vault)?)
        }
        ("init", Verb::Delete) => {
            vault.cancel_rekey()?;
            Some(Response::empty())
        }
        ("update", Verb::Write) => Some(update(vault, request)?),
        ("verify", Verb::Write) => {
            let (nonce, share) = given(request)?;
            Some(verified(nonce, vault.rekey_verify(nonce, &share)?))
        }
        _ => None,
    })
}

fn bare(object: Object) -> Response {
    Response::data(object).shaped(Shape::Bare(200))
}

/// Reads how many shares there are to be, and how many of them open the vault.
fn numbers(request: &ApiRequest) -> Result<(u8, u8)> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    let number = |name: &str| -> Result<u8> {
        let wrong = || Error::invalid(format!("`{name}` is 1 to 255"));
        let count = fields.count(name)?.ok_or_else(wrong)?;
        u8::try_from(count).map_err(|_| wrong())
    };
    Ok((number("secret_shares")?, number("secret_threshold")?))
}

/// Reads a share, and which rekey it is for.
fn given(request: &ApiRequest) -> Result<(Nonce, Share)> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    let nonce = nonce(&fields.required("nonce")?)?;
    Ok((nonce, Share::parse(&fields.required("key")?)?))
}

/// Returns the rekey that waits for its new shares.
fn pending(vault: &Vault, caller: &Caller, path: &'static str) -> Result<Option<PendingRekey>> {
    match vault.run(caller, &ReadRekey { path }) {
        Ok(pending) => Ok(Some(pending)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn count(pending: &PendingRekey) -> u8 {
    u8::try_from(pending.sharing().checks.len()).unwrap_or(u8::MAX)
}

/// Says which rekey was begun: `nonce`, how many shares of how many are to be, how many were given,
/// and how many it takes, if a share has told already.
fn begun(
    vault: &Vault,
    nonce: Option<Nonce>,
    (t, n): (u8, u8),
    (progress, required): (u8, Option<u8>),
) -> Result<Object> {
    let text = nonce.as_ref().map(ToString::to_string);
    let usual = vault.status()?.threshold();
    Ok(Object::new()
        .flag("backup", false)
        .text("nonce", &text.unwrap_or_default())
        .number("n", n)
        .null("pgp_fingerprints")
        .number("progress", progress)
        .number("required", required.unwrap_or(usual))
        .flag("started", nonce.is_some())
        .number("t", t))
}

fn status(vault: &Vault, caller: &Caller) -> Result<Response> {
    let pending = pending(vault, caller, "rekey/init")?;
    let numbers = pending
        .as_ref()
        .map(|pending| (pending.sharing().threshold, count(pending)));
    let nonce = pending.as_ref().map(PendingRekey::nonce);
    let object = begun(vault, nonce, numbers.unwrap_or_default(), (0, None))?;
    Ok(bare(
        object.flag("verification_required", pending.is_some()),
    ))
}

fn verification(vault: &Vault, caller: &Caller) -> Result<Response> {
    let missing = || Error::invalid("no rekey is in progress");
    let pending = pending(vault, caller, "rekey/verify")?.ok_or_else(missing)?;
    let object = Object::new()
        .text("nonce", &pending.nonce().to_string())
        .flag("started", true)
        .number("t", pending.sharing().threshold)
        .number("n", count(&pending))
        .number("progress", vault.new_shares_given(pending.nonce())?);
    Ok(bare(object))
}

/// Makes new shares at once, for who has a token that may.
fn start(vault: &Vault, caller: &Caller, request: &ApiRequest) -> Result<Response> {
    let (shares, threshold) = numbers(request)?;
    if pending(vault, caller, "rekey/init")?.is_some() {
        return Err(Error::invalid("a rekey is in progress already"));
    }
    let rekey = vault.new_shares(caller, None, shares, threshold)?;
    let object = begun(vault, Some(rekey.nonce()), (threshold, shares), (0, None))?;
    Ok(bare(made(object, &rekey)))
}

/// Adds the new shares.
fn made(object: Object, rekey: &Rekey) -> Object {
    keys(object, rekey.shares())
        .flag("verification_required", true)
        .text("verification_nonce", &rekey.nonce().to_string())
}

/// Says how far a quorum has come; without one, which rekey waits for its new shares.
fn progress(vault: &Vault) -> Result<Response> {
    let Some(attempt) = vault.rekey_attempt()? else {
        return status(vault, &Caller::system());
    };
    let (numbers, given) = (
        (attempt.threshold, attempt.shares),
        (attempt.progress, attempt.required),
    );
    let object = begun(vault, Some(attempt.nonce), numbers, given)?;
    Ok(bare(object.flag("verification_required", true)))
}

/// Takes one share of those of now; the last one that is needed is answered by the new ones.
fn update(vault: &Vault, request: &ApiRequest) -> Result<Response> {
    let (nonce, share) = given(request)?;
    let none = || Error::invalid("no rekey in progress");
    let attempt = vault.rekey_attempt()?.ok_or_else(none)?;
    let given = vault.rekey(nonce, &share)?;
    let numbers = (attempt.threshold, attempt.shares);
    let so_far = (given.progress, Some(given.required));
    let object = begun(vault, Some(nonce), numbers, so_far)?;
    Ok(bare(match &given.rekey {
        Some(rekey) => made(object.flag("complete", true), rekey),
        None => object
            .flag("complete", false)
            .flag("verification_required", true),
    }))
}

fn verified(nonce: Nonce, progress: crate::vault::RekeyProgress) -> Response {
    let object = Object::new()
        .text("nonce", &nonce.to_string())
        .number("t", progress.threshold)
        .number("progress", progress.progress)
        .flag("complete", progress.complete);
    bare(object)
}
