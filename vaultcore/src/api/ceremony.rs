//! Ceremonies: making a vault, opening and sealing it.

use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use super::dispatch::bad;
use super::{ApiRequest, ApiResponse, health, rekey};
use crate::audit::NewDevice;
use crate::engine::sys::SealAll;
use crate::error::{Error, Result};
use crate::id::Nonce;
use crate::path::MountPath;
use crate::seal::{NewSlot, Share};
use crate::vault::{Caller, Vault};
use crate::wire::{Array, Fields, Object, Response, Verb};

/// Answers whether there is a vault.
pub(super) fn initialized(vault: &Vault) -> Result<ApiResponse> {
    let object = Object::new().flag("initialized", vault.status()?.initialized());
    Ok(ApiResponse::new(200, object.finish()))
}

/// Makes the vault. As in Vault the request says how many shares there are, and how many open it.
pub(super) fn init(vault: &Vault, request: &ApiRequest) -> Result<ApiResponse> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    for option in [
        "pgp_keys",
        "root_token_pgp_key",
        "recovery_shares",
        "stored_shares",
    ] {
        if fields.has(option) {
            return Ok(bad(&format!("`{option}` is not supported")));
        }
    }
    let number = |name: &str| -> Result<u8> {
        let missing = || Error::invalid(format!("`{name}` is 1 to 255"));
        let count = fields.count(name)?.ok_or_else(missing)?;
        u8::try_from(count).map_err(|_| Error::invalid(format!("`{name}` is at most 255")))
    };
    let (shares, threshold) = (number("secret_shares")?, number("secret_threshold")?);
    let init = vault.init([NewSlot::shamir(shares, threshold)])?;
    let object = keys(Object::new(), init.shares()).text("root_token", init.root_token().expose());
    Ok(ApiResponse::new(200, object.finish()))
}

/// Adds shares as Vault prints them: the raw bytes in hex and in base64, and as they are
/// printed here, with number and checksum.
pub(super) fn keys(object: Object, shares: &[Share]) -> Object {
    let (mut hex, mut base64, mut texts) = (Array::new(), Array::new(), Array::new());
    for share in shares {
        hex = hex.text(&Zeroizing::new(HEXLOWER.encode(share.expose())));
        base64 = base64.text(&Zeroizing::new(BASE64.encode(share.expose())));
        texts = texts.text(share.to_text().expose());
    }
    object
        .array("keys", hex)
        .array("keys_base64", base64)
        .array("keys_text", texts)
}

/// Takes one share; with the last one that is needed the vault is open.
pub(super) fn unseal(vault: &Vault, request: &ApiRequest) -> Result<ApiResponse> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    if fields.flag("migrate")?.unwrap_or(false) {
        return Ok(bad(
            "there is no migration of seals: add a slot, then remove the old one",
        ));
    }
    if fields.flag("reset")?.unwrap_or(false) {
        if vault.status()?.sealed() {
            vault.seal()?;
        }
        return health::seal_status(vault);
    }
    let key = fields.text("key")?.unwrap_or_default();
    if key.is_empty() {
        return Ok(bad(
            "'key' must be specified in request body as JSON, or 'reset' set to true",
        ));
    }
    if !vault.status()?.sealed() {
        return health::seal_status(vault); // as in Vault: nothing is left to do
    }
    Ok(health::status(&vault.unseal(&Share::parse(&key)?)?))
}

/// Answers what takes a token with `sudo`, and more than one commit or a new key in memory.
pub(super) fn open(
    vault: &Vault,
    caller: &Caller,
    path: &str,
    request: &ApiRequest,
) -> Result<Option<Response>> {
    Ok(match (path.trim_end_matches('/'), request.verb()) {
        ("seal", Verb::Write) => {
            vault.run(caller, &SealAll)?;
            vault.seal()?;
            Some(Response::empty())
        }
        (audit, Verb::Write) if audit.starts_with("audit/") => {
            let path = audit.strip_prefix("audit/").unwrap_or_default();
            vault.enable_audit(caller, new_device(path, request)?)?;
            Some(Response::empty())
        }
        ("rotate/root", Verb::Write) => {
            vault.rotate_root(caller)?;
            Some(Response::empty())
        }
        (rekey, verb) if rekey.starts_with("rekey/") => {
            let step = rekey.strip_prefix("rekey/").unwrap_or_default();
            rekey::open(vault, caller, (step, verb), request)?
        }
        _ => None,
    })
}

fn new_device(path: &str, request: &ApiRequest) -> Result<NewDevice> {
    let body = request.data();
    let fields = Fields::parse(&body)?;
    Ok(NewDevice {
        path: MountPath::new(path)?,
        kind: fields.required("type")?.to_string(),
        description: fields.text("description")?.unwrap_or_default().to_string(),
        options: fields.map("options")?.unwrap_or_default(),
        local: fields.flag("local")?.unwrap_or(false),
    })
}

/// Reads the nonce of a ceremony.
pub(super) fn nonce(text: &str) -> Result<Nonce> {
    Nonce::parse(text).ok_or_else(|| Error::invalid("a nonce is 32 hex digits"))
}
