//! The shapes of Vault's HTTP API, without any engine: verbs, routes, bodies, replies.

mod fields;
mod object;
mod page;
mod route;

pub(crate) use fields::{Fields, go_duration};
pub(crate) use object::{Array, Object};
pub(crate) use page::{Page, page};
pub(crate) use route::{Captures, Route, find};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::path::EntryPath;
use crate::secret::SecretString;

/// The text of a JSON object that may hold secrets.
pub(crate) type Json = Zeroizing<Vec<u8>>;

/// What a request asks for, whatever method it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    List,
    /// Lists what is below, too; OpenBao's SCAN.
    Scan,
    /// POST and PUT, which mean the same.
    Write,
    Patch,
    Delete,
}

/// What an operation answers, in Vault's shape.
#[derive(Default)]
pub(crate) struct Response {
    pub(crate) data: Option<Json>,
    pub(crate) auth: Option<Auth>,
    /// The same, of a reply that was wrapped: as it was.
    pub(crate) auth_json: Option<Json>,
    /// The lease of what is handed out.
    pub(crate) lease: Option<Leased>,
    /// Seconds; Vault names them for some data without a lease, too.
    pub(crate) lease_duration: u64,
    pub(crate) wrap_info: Option<WrapInfo>,
    pub(crate) warnings: Vec<Cow<'static, str>>,
    pub(crate) shape: Shape,
    /// Work entries to finish once the commit is done.
    pub(crate) rest: Vec<EntryPath>,
    /// Whether it is an error if that work fails.
    pub(crate) waits: bool,
}

/// How a reply becomes status and body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The envelope with 200, or 204 without a body if there is nothing to say.
    #[default]
    Usual,
    /// The envelope with 404: a deleted version still has its metadata.
    NotFound,
    /// The envelope with 200, also if there is no data.
    Envelope,
    /// Nothing but 202: it is begun, and the rest is done as soon as can be.
    Accepted,
    /// The envelope under this status: of a batch, some of whose items failed.
    Status(u16),
    /// A list: one without names is answered with 404, as in Vault.
    List,
    /// The data alone, without an envelope, under this status.
    Bare(u16),
    /// The envelope, and the data once more beside its fields, as some of `sys/` has it.
    Doubled,
}

impl Response {
    /// Returns a copy without its work.
    pub(crate) fn copy(&self) -> Self {
        Self {
            data: self.data.clone(),
            auth: self.auth.as_ref().map(Auth::copy),
            auth_json: self.auth_json.clone(),
            lease: self.lease.clone(),
            lease_duration: self.lease_duration,
            wrap_info: self.wrap_info.as_ref().map(WrapInfo::copy),
            warnings: self.warnings.clone(),
            shape: self.shape,
            rest: Vec::new(),
            waits: self.waits,
        }
    }

    /// Returns whether this is a list without names.
    pub(crate) fn lists_nothing(&self) -> bool {
        let data = self.data.as_deref().map(Vec::as_slice).unwrap_or_default();
        let none = data.is_empty() || data.ends_with(b"\"keys\":[]}");
        self.shape == Shape::List && none && self.wrap_info.is_none()
    }

    /// Nothing but success.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    pub(crate) fn data(object: Object) -> Self {
        Self {
            data: Some(object.finish()),
            ..Self::default()
        }
    }

    pub(crate) fn list(object: Object) -> Self {
        Self::data(object).shaped(Shape::List)
    }

    pub(crate) fn auth(auth: Auth) -> Self {
        Self {
            auth: Some(auth),
            ..Self::default()
        }
    }

    pub(crate) fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    pub(crate) fn warned(mut self, warnings: Vec<Cow<'static, str>>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Makes it an error of the request if the work that is left cannot be finished: it was begun, and
    /// whoever asked must know that it is not done.
    pub(crate) fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Leaves work to be finished after the commit.
    pub(crate) fn leaving(mut self, rest: Option<EntryPath>) -> Self {
        self.rest.extend(rest);
        self
    }
}

/// The lease of what a reply hands out.
#[derive(Clone)]
pub(crate) struct Leased {
    pub(crate) id: String,
    pub(crate) renewable: bool,
    pub(crate) ttl: Duration,
}

/// The token that a reply hands out.
pub(crate) struct Auth {
    pub(crate) client_token: SecretString,
    pub(crate) accessor: String,
    pub(crate) policies: Vec<String>,
    pub(crate) token_policies: Vec<String>,
    pub(crate) identity_policies: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) lease: Duration,
    pub(crate) renewable: bool,
    pub(crate) entity_id: String,
    pub(crate) token_type: &'static str,
    pub(crate) orphan: bool,
    pub(crate) num_uses: u64,
}

/// Where a wrapped reply is kept.
pub(crate) struct WrapInfo {
    pub(crate) token: SecretString,
    pub(crate) accessor: String,
    pub(crate) ttl: Duration,
    pub(crate) creation_time: Timestamp,
    pub(crate) creation_path: String,
    pub(crate) wrapped_accessor: String,
}

impl Auth {
    /// Returns it in Vault's shape.
    pub(crate) fn object(&self) -> Object {
        let object = Object::new()
            .text("client_token", self.client_token.expose())
            .text("accessor", &self.accessor)
            .list("policies", &self.policies)
            .list("token_policies", &self.token_policies);
        let object = match self.identity_policies.is_empty() {
            true => object,
            false => object.list("identity_policies", &self.identity_policies),
        };
        let object = match self.metadata.is_empty() {
            true => object.null("metadata"),
            false => object.map("metadata", &self.metadata),
        };
        object
            .number("lease_duration", self.lease.as_secs())
            .flag("renewable", self.renewable)
            .text("entity_id", &self.entity_id)
            .text("token_type", self.token_type)
            .flag("orphan", self.orphan)
            .null("mfa_requirement")
            .number("num_uses", self.num_uses)
    }

    pub(crate) fn copy(&self) -> Self {
        Self {
            client_token: SecretString::copy_from(self.client_token.expose()),
            accessor: self.accessor.clone(),
            policies: self.policies.clone(),
            token_policies: self.token_policies.clone(),
            identity_policies: self.identity_policies.clone(),
            metadata: self.metadata.clone(),
            lease: self.lease,
            renewable: self.renewable,
            entity_id: self.entity_id.clone(),
            token_type: self.token_type,
            orphan: self.orphan,
            num_uses: self.num_uses,
        }
    }
}

impl WrapInfo {
    pub(crate) fn copy(&self) -> Self {
        Self {
            token: SecretString::copy_from(self.token.expose()),
            accessor: self.accessor.clone(),
            ttl: self.ttl,
            creation_time: self.creation_time,
            creation_path: self.creation_path.clone(),
            wrapped_accessor: self.wrapped_accessor.clone(),
        }
    }
}
