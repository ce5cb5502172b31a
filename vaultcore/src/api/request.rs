//! Requests and replies.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::parse_duration;
use crate::error::{Error, Result};
use crate::secret::{SecretBytes, SecretString};
use crate::wire::{Object, Verb};

/// How a request is made.
///
/// ```
/// use vaultcore::api::Method;
/// assert_eq!("LIST".parse::<Method>()?, Method::List);
/// assert!("TRACE".parse::<Method>().is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads; with the query `list=true` it lists.
    Get,
    /// As [`Method::Get`], and the body is left out.
    Head,
    /// Lists a folder.
    List,
    /// Lists a folder and all below it; OpenBao's.
    Scan,
    /// Writes.
    Post,
    /// Writes, as [`Method::Post`] does.
    Put,
    /// Changes a part.
    Patch,
    /// Deletes.
    Delete,
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "LIST" => Self::List,
            "SCAN" => Self::Scan,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return Err(Error::invalid("there is no such method of a request")),
        })
    }
}

/// A request in the shape of Vault's HTTP API.
///
/// ```
/// use vaultcore::api::{ApiRequest, Method};
/// let request = ApiRequest::new(Method::Get, "secret/data/app")
///     .query("version", "2")
///     .namespace("team")
///     .token("hvs.example");
/// # let _ = request;
/// ```
#[must_use]
pub struct ApiRequest {
    pub(super) method: Method,
    pub(super) path: Zeroizing<String>,
    pub(super) query: Vec<(String, Zeroizing<String>)>,
    pub(super) token: Option<SecretString>,
    pub(super) namespace: String,
    pub(super) wrap_ttl: Option<String>,
    pub(super) remote: Option<IpAddr>,
    pub(super) body: SecretBytes,
}

impl ApiRequest {
    /// Creates a request for `path`, with or without `/v1/` in front. Behind a `?` it may have a
    /// query. Nothing of it is percent-decoded: that is what a listener does.
    pub fn new(method: Method, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_prefix("v1/").unwrap_or(path);
        let mut request = Self {
            method,
            path: Zeroizing::new(path.to_owned()),
            query: Vec::new(),
            token: None,
            namespace: String::new(),
            wrap_ttl: None,
            remote: None,
            body: SecretBytes::copy_from(b""),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            request = request.query(name, value);
        }
        request
    }

    /// Adds a field of the query.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query
            .push((name.to_owned(), Zeroizing::new(value.to_owned())));
        self
    }

    /// Presents a token.
    pub fn token(mut self, token: &str) -> Self {
        self.token = (!token.is_empty()).then(|| SecretString::copy_from(token));
        self
    }

    /// Names the namespace: its path from the root, with or without slashes around it.
    pub fn namespace(mut self, path: &str) -> Self {
        self.namespace = path.trim_matches('/').to_owned();
        self
    }

    /// Asks for a wrapped reply, which lives so long: `60s`, `5m`, or seconds.
    pub fn wrap_ttl(mut self, ttl: &str) -> Self {
        self.wrap_ttl = (!ttl.is_empty()).then(|| ttl.to_owned());
        self
    }

    /// Says where the request comes from. Tokens that are bound to networks are refused without.
    pub fn remote_address(mut self, address: IpAddr) -> Self {
        self.remote = Some(address);
        self
    }

    /// Sets the body: a JSON object.
    pub fn body(mut self, json: &[u8]) -> Self {
        self.body = SecretBytes::copy_from(json);
        self
    }

    /// Returns what the request asks for; `None` for a query that says what cannot be.
    pub(super) fn verb(&self) -> Verb {
        let asks = |name: &str| {
            let found = self.query.iter().rev().find(|(key, _)| key == name);
            found.is_some_and(|(_, value)| matches!(value.as_str(), "true" | "1"))
        };
        match self.method {
            Method::Get | Method::Head if asks("list") => Verb::List,
            Method::Get | Method::Head if asks("scan") => Verb::Scan,
            Method::Get | Method::Head => Verb::Read,
            Method::List => Verb::List,
            Method::Scan => Verb::Scan,
            Method::Post | Method::Put => Verb::Write,
            Method::Patch => Verb::Patch,
            Method::Delete => Verb::Delete,
        }
    }

    /// Returns the fields of the request: the body of a write, the query of anything else.
    pub(super) fn data(&self) -> Zeroizing<Vec<u8>> {
        match self.verb() {
            Verb::Write | Verb::Patch => Zeroizing::new(self.body.expose().to_vec()),
            _ if !self.body.is_empty() && self.query.is_empty() => {
                Zeroizing::new(self.body.expose().to_vec())
            }
            _ => {
                let mut object = Object::new();
                for (name, value) in &self.query {
                    object = object.text(name, value);
                }
                object.finish()
            }
        }
    }

    /// Returns for how long the reply is to be kept, wrapped.
    pub(super) fn wrapping(&self) -> Result<Option<Duration>> {
        let Some(text) = &self.wrap_ttl else {
            return Ok(None);
        };
        let ttl = parse_duration(text)
            .map_err(|_| Error::invalid("the wrap TTL is a duration such as 60s or 5m"))?;
        Ok(Some(ttl).filter(|ttl| !ttl.is_zero()))
    }
}

impl Clone for ApiRequest {
    fn clone(&self) -> Self {
        let token = self.token.as_ref();
        Self {
            method: self.method,
            path: self.path.clone(),
            query: self.query.clone(),
            token: token.map(|token| SecretString::copy_from(token.expose())),
            namespace: self.namespace.clone(),
            wrap_ttl: self.wrap_ttl.clone(),
            remote: self.remote,
            body: SecretBytes::copy_from(self.body.expose()),
        }
    }
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiRequest({:?}, [redacted])", self.method)
    }
}

/// A reply in the shape of Vault's HTTP API.
///
/// ```
/// use vaultcore::api::{ApiRequest, Method};
/// # use vaultcore::{Vault, storage::Memory};
/// let vault = Vault::builder(Memory::new()).build()?;
/// let response = vault.handle(&ApiRequest::new(Method::Get, "sys/health"));
/// assert_eq!(response.status(), 501); // not initialized
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct ApiResponse {
    status: u16,
    body: SecretBytes,
    content_type: &'static str,
}

impl ApiResponse {
    pub(super) fn new(status: u16, body: Zeroizing<Vec<u8>>) -> Self {
        Self {
            status,
            body: SecretBytes::copy_from(&body),
            content_type: "application/json",
        }
    }

    pub(super) fn without_body(self) -> Self {
        Self {
            body: SecretBytes::copy_from(b""),
            ..self
        }
    }

    /// A reply that is no JSON, but the text that Prometheus reads.
    pub(super) fn text(body: Zeroizing<Vec<u8>>) -> Self {
        Self {
            content_type: "text/plain; version=0.0.4",
            ..Self::new(200, body)
        }
    }

    /// Returns what kind of text the body is: JSON, but for metrics in the form of Prometheus.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Returns the status code, as in HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body: a JSON object, or nothing with status 204; see
    /// [`content_type`](Self::content_type).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.expose()
    }
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiResponse({}, [redacted])", self.status)
    }
}
