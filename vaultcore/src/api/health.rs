//! What is told to anybody: whether the vault is there, open, and well.

use super::{ApiRequest, ApiResponse};
use crate::error::{Error, Result};
use crate::vault::{SealStatus, Vault};
use crate::wire::Object;

/// Answers `sys/health`: 200 open, 501 not initialized, 503 sealed; the query changes the codes.
pub(super) fn health(vault: &Vault, request: &ApiRequest) -> Result<ApiResponse> {
    let status = vault.status()?;
    let code = |name: &str, usual: u16| {
        let found = request.query.iter().rev().find(|(key, _)| key == name);
        let Some((_, value)) = found else {
            return Ok(usual);
        };
        let code = value.parse().ok().filter(|code| (100..600).contains(code));
        code.ok_or_else(|| Error::invalid("a status is 100 to 599"))
    };
    let code = match (status.initialized(), status.sealed()) {
        (false, _) => code("uninitcode", 501),
        (true, true) => code("sealedcode", 503),
        (true, false) => code("activecode", 200),
    };
    let code = code?;
    let object = Object::new()
        .flag("initialized", status.initialized())
        .flag("sealed", status.sealed())
        .flag("standby", false)
        .flag("performance_standby", false)
        .text("replication_performance_mode", "disabled")
        .text("replication_dr_mode", "disabled")
        .number("server_time_utc", vault.now().as_micros() / 1_000_000)
        .text("version", env!("CARGO_PKG_VERSION"));
    Ok(ApiResponse::new(code, object.finish()))
}

/// Answers `sys/seal-status`.
pub(super) fn seal_status(vault: &Vault) -> Result<ApiResponse> {
    Ok(status(&vault.status()?))
}

/// Returns the reply that shows how far an unseal has come.
pub(super) fn status(status: &SealStatus) -> ApiResponse {
    let nonce = status.nonce().map(|nonce| nonce.to_string());
    let object = Object::new()
        .text("type", "shamir")
        .flag("initialized", status.initialized())
        .flag("sealed", status.sealed())
        .number("t", status.threshold())
        .number("n", status.shares())
        .number("progress", status.progress())
        .text("nonce", &nonce.unwrap_or_default())
        .text("version", env!("CARGO_PKG_VERSION"))
        .text("build_date", "")
        .flag("migration", false)
        .flag("recovery_seal", false)
        .text("storage_type", "vaultcore");
    ApiResponse::new(200, object.finish())
}

/// Answers `sys/leader`: every process is as good as any other.
pub(super) fn leader(vault: &Vault) -> Result<ApiResponse> {
    let open = !vault.status()?.sealed();
    let object = Object::new()
        .flag("ha_enabled", false)
        .flag("is_self", open)
        .text("leader_address", "")
        .text("leader_cluster_address", "")
        .flag("performance_standby", false);
    Ok(ApiResponse::new(200, object.finish()))
}
