//! From a request to the operation that answers it.

use std::sync::Arc;

use super::routed::{Refused, Reply, Routed};
use super::{
    ApiRequest, ApiResponse, bounds, ceremony, envelope, health, metrics, quorum, rekey, status,
};
use crate::auth;
use crate::engine::{cubbyhole, identity, sys, wrapping};
use crate::error::{Error, ErrorKind, Result};
use crate::mount::Class;
use crate::operation::{Call, Handler};
use crate::path::MountPath;
use crate::vault::{Caller, Place, Vault, Who};
use crate::wire::{Captures, Fields, Response, Route, Verb, find};

/// Answers a request.
pub(super) fn dispatch(vault: &Vault, request: &ApiRequest, who: Who) -> Result<ApiResponse> {
    bounds::check_body(request.body.expose())?;
    if let Some(response) = unopened(vault, request)? {
        return Ok(response);
    }
    bounds::check_path(&request.path)?;
    if let Some(response) = rekey::by_quorum(vault, &who, request)? {
        return Ok(response);
    }
    let asked = Asked::new(vault, request, who)?;
    if (asked.path.trim_end_matches('/'), asked.verb) == ("sys/metrics", Verb::Read) {
        return metrics::metrics(vault, &asked.caller, request);
    }
    let response = asked.answer()?;
    for rest in &response.rest {
        match response.waits {
            true => vault.finish(rest)?,
            // The reply stands: what is left is finished by `Vault::tick` if it cannot be now.
            false => drop(vault.advance(rest)),
        }
    }
    Ok(envelope::envelope(&response, &vault.request_id()?))
}

/// Answers what is asked of a vault whether it is open or not.
fn unopened(vault: &Vault, request: &ApiRequest) -> Result<Option<ApiResponse>> {
    let path = request.path.trim_end_matches('/');
    let verb = request.verb();
    let whole = path == "sys/health" || path.starts_with("sys/generate-root");
    if !request.namespace.is_empty() && whole {
        return Err(Error::invalid("this is done in the root namespace"));
    }
    Ok(match (path, verb) {
        ("sys/health", Verb::Read) => Some(health::health(vault, request)?),
        ("sys/seal-status", Verb::Read) => Some(health::seal_status(vault)?),
        ("sys/leader", Verb::Read) => Some(health::leader(vault)?),
        ("sys/init", Verb::Read) => Some(ceremony::initialized(vault)?),
        ("sys/init", Verb::Write) => Some(ceremony::init(vault, request)?),
        ("sys/unseal", Verb::Write) => Some(ceremony::unseal(vault, request)?),
        ("sys/generate-root" | "sys/generate-root/attempt", Verb::Read) => {
            Some(quorum::progress(vault)?)
        }
        ("sys/generate-root" | "sys/generate-root/attempt", Verb::Write) => {
            Some(quorum::start(vault, request)?)
        }
        ("sys/generate-root" | "sys/generate-root/attempt", Verb::Delete) => {
            Some(quorum::cancel(vault, request)?)
        }
        ("sys/generate-root/update", Verb::Write) => Some(quorum::update(vault, request)?),
        _ => None,
    })
}

/// A request, and where it is to go.
struct Asked<'r> {
    vault: &'r Vault,
    request: &'r ApiRequest,
    caller: Caller,
    /// The path in its namespace.
    path: &'r str,
    verb: Verb,
}

impl<'r> Asked<'r> {
    fn new(vault: &'r Vault, request: &'r ApiRequest, who: Who) -> Result<Self> {
        let (space, path) = vault.split_namespace(&request.namespace, &request.path)?;
        let mut caller = Caller::new(who);
        caller.space = Arc::from(space);
        caller.remote = request.remote;
        Ok(Self {
            vault,
            request,
            caller,
            path,
            verb: request.verb(),
        })
    }

    fn answer(&self) -> Result<Response> {
        if matches!(self.verb, Verb::Write | Verb::Patch) && self.path.ends_with('/') {
            return self.say(Error::invalid("cannot write to a path ending in '/'"));
        }
        if self.path == "sys/wrapping/wrap" && self.request.wrapping()?.is_none() {
            return self.say(Error::invalid(
                "this takes a wrap TTL: what is sent is kept for so long",
            ));
        }
        if let Some(rest) = self.path.strip_prefix("sys/wrapping/") {
            return self.builtin(wrapping::ROUTES, rest);
        }
        if let Some(rest) = self.path.strip_prefix("sys/") {
            let ceremony = ceremony::open(self.vault, &self.caller, rest, self.request);
            if let Some(response) = ceremony.transpose() {
                return response.or_else(|error| self.say(error));
            }
            let table = sys::TABLES.iter().find(|table| find(table, rest).is_some());
            return self.builtin(table.copied().unwrap_or_default(), rest);
        }
        if let Some(rest) = self.path.strip_prefix("auth/token/") {
            return self.builtin(auth::token::api::ROUTES, rest);
        }
        if self.path == "cubbyhole" {
            return self.builtin(cubbyhole::ROUTES, ""); // written without its slash
        }
        if let Some(rest) = self.path.strip_prefix("cubbyhole/") {
            return self.builtin(cubbyhole::ROUTES, rest);
        }
        if let Some(rest) = self.path.strip_prefix("identity/") {
            return self.builtin(identity::api::ROUTES, rest);
        }
        let (class, path) = match self.path.strip_prefix("auth/") {
            Some(path) => (Class::Auth, path),
            None => (Class::Secret, self.path),
        };
        let holding = |path: &str| self.vault.place(&self.caller.space, class, path);
        let mut place = holding(path)?;
        if place.is_none() {
            place = holding(&format!("{path}/"))?; // the mount itself, written without its slash
        }
        let Some(place) = place else {
            return self.refuse(no_route);
        };
        let Place { mount, routes } = place;
        let rest = path.strip_prefix(mount.as_str()).unwrap_or_default();
        self.route(routes, rest, &mount)
    }

    /// Answers by the routes of what is built in, which has no mount.
    fn builtin(&self, routes: &'static [Route<Handler>], rest: &str) -> Result<Response> {
        self.route(routes, rest, &MountPath::new("sys")?)
    }

    fn route(
        &self,
        routes: &'static [Route<Handler>],
        rest: &str,
        mount: &MountPath,
    ) -> Result<Response> {
        let Some((route, captures)) = find(routes, rest) else {
            return self.refuse(no_path);
        };
        let handler = route.verbs.iter().find(|(verb, _)| *verb == self.verb);
        match handler {
            Some((_, handler)) => self.run(*handler, mount, &captures),
            None => self.refuse(no_verb),
        }
    }

    fn run(&self, handler: Handler, mount: &MountPath, captures: &Captures) -> Result<Response> {
        let body = self.request.data();
        let wrap = self.request.wrapping()?;
        let fields = Fields::parse(&body);
        let call = fields.and_then(|fields| {
            for method in ["list", "scan"] {
                fields.has(method); // what the query says of the method was heeded
            }
            let call = Call {
                mount,
                captures,
                fields: &fields,
            };
            let operation = handler(&call)?;
            let routed = Routed {
                operation,
                body: &body,
                fields: &fields,
                path: self.path,
                wrap,
            };
            Ok(self
                .vault
                .run(&self.caller, &routed)
                .and_then(Reply::into_answer))
        });
        call.unwrap_or_else(|error| self.say(error))
    }

    /// Says what is wrong with a request. Whoever may not ask at all is told nothing of that.
    fn say(&self, error: Error) -> Result<Response> {
        match self.refuse(no_path) {
            Err(refused) if refused.kind() == ErrorKind::PermissionDenied => Err(refused),
            Err(refused) if refused.kind() == ErrorKind::Sealed => Err(refused),
            _ => Err(error),
        }
    }

    /// Says that nothing answers, to whoever may ask.
    fn refuse(&self, error: fn() -> Error) -> Result<Response> {
        let body = self.request.data();
        let refused = Refused {
            path: self.path.to_owned(),
            verb: self.verb,
            body: &body,
            error,
        };
        self.vault.run(&self.caller, &refused)
    }
}

fn no_route() -> Error {
    Error::not_found("no handler for route: nothing is mounted there")
}

fn no_path() -> Error {
    Error::not_found("unsupported path")
}

fn no_verb() -> Error {
    Error::new(ErrorKind::Unsupported, "unsupported operation")
}

/// Answers that something was done.
pub(super) fn done() -> ApiResponse {
    ApiResponse::new(204, crate::wire::Json::default())
}

/// Answers that a request cannot be.
pub(super) fn bad(text: &str) -> ApiResponse {
    status::errors(400, [text.to_owned()])
}
