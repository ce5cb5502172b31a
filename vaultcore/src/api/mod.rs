//! The vault in the shape of Vault's HTTP API, in process: a request in, a reply out, no socket.
//!
//! ```
//! use vaultcore::api::{ApiRequest, Method};
//! # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
//! # let vault = Vault::builder(Memory::new()).build()?;
//! # let init = vault.init([NewSlot::shamir(1, 1)])?;
//! # for share in init.shares() { vault.unseal(share)?; }
//! # vault.owner()?.sys().mount("secret", NewMount::kv2())?;
//! let put = ApiRequest::new(Method::Post, "secret/data/app")
//!     .token(init.root_token().expose())
//!     .body(br#"{"data": {"password": "s3cr3t"}}"#);
//! assert_eq!(vault.handle(&put).status(), 200);
//! let get = ApiRequest::new(Method::Get, "secret/data/app").token(init.root_token().expose());
//! assert!(String::from_utf8_lossy(vault.handle(&get).body()).contains("s3cr3t"));
//! # Ok::<(), vaultcore::Error>(())
//! ```
//!
//! What a listener does with headers, the host does with the builder: `X-Vault-Token` is
//! [`ApiRequest::token`], `X-Vault-Namespace` [`ApiRequest::namespace`], `X-Vault-Wrap-TTL`
//! [`ApiRequest::wrap_ttl`].

mod bounds;
#[cfg(test)]
mod canaries;
mod ceremony;
mod dispatch;
mod envelope;
mod health;
mod metrics;
mod quorum;
mod rekey;
mod request;
mod routed;
mod status;
#[cfg(test)]
mod tests;

pub use request::{ApiRequest, ApiResponse, Method};

use std::sync::Arc;

use crate::session::Session;
use crate::vault::{Bearer, Caller, Vault, Who};

impl Vault {
    /// Answers a request in the shape of Vault's HTTP API.
    ///
    /// The caller is whoever holds the request's token; no request acts as the owner. Every outcome
    /// is a reply: errors have a status and a body as in Vault.
    #[must_use]
    pub fn handle(&self, request: &ApiRequest) -> ApiResponse {
        let who = match &request.token {
            Some(token) => Who::Token(Arc::new(Bearer::new(token.expose()))),
            None => Who::Anonymous,
        };
        self.answer(request, who)
    }

    fn answer(&self, request: &ApiRequest, who: Who) -> ApiResponse {
        let began = self.since_boot();
        let response = match dispatch::dispatch(self, request, who) {
            Ok(response) => response,
            Err(error) => status::failure(&error, request.verb()),
        };
        self.timed(self.since_boot().saturating_sub(began));
        match request.method {
            Method::Head => response.without_body(),
            _ => response,
        }
    }
}

impl Session {
    /// Answers a request in the shape of Vault's HTTP API, as this session and in its namespace.
    ///
    /// The token of the request counts for nothing: the session's rights do, the owner's included.
    #[must_use]
    pub fn request(&self, request: &ApiRequest) -> ApiResponse {
        let caller: &Caller = self.caller();
        let mut request = request.clone();
        if request.namespace.is_empty() {
            request.namespace = caller.space.trim_end_matches('/').to_owned();
        }
        self.vault().answer(&request, caller.who.clone())
    }
}
