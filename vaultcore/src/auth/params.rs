//! What the tokens of an auth method are like: the fields that all methods have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;

use super::options::TokenOptions;
use crate::error::{Error, Result};
use crate::id::EntityId;
use crate::lease::SYSTEM_TTL;
use crate::operation::Context;
use crate::rights::parse_network;
use crate::secret::SecretString;
use crate::token::{
    Created, DEFAULT_POLICY, ROOT_POLICY, TokenEntry, TokenKind, Uses, create, micros,
};
use crate::wire::{Auth, Fields, Object};

/// The most policies that one token names.
pub(crate) const MAX_POLICIES: usize = 256;
/// The longest name of a policy, in bytes.
const MAX_POLICY_NAME: usize = 128;

/// The `token_*` fields of a role, as stored. Times are microseconds; 0 is none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenParams {
    pub(crate) policies: Vec<String>,
    pub(crate) bound_cidrs: Vec<String>,
    pub(crate) ttl: u64,
    pub(crate) max_ttl: u64,
    pub(crate) explicit_max_ttl: u64,
    pub(crate) period: u64,
    pub(crate) num_uses: u64,
    pub(crate) no_default_policy: bool,
    /// Empty: as the mount says, and service unless it says so.
    pub(crate) kind: String,
    /// The fields that were written under the names of before `token_*`: they are shown so, too.
    pub(crate) old_names: Vec<String>,
}

impl TokenParams {
    /// Takes over the `token_*` fields that the request has.
    ///
    /// # Errors
    /// `InvalidArgument` for values that cannot be.
    pub(crate) fn update(&mut self, fields: &Fields<'_>) -> Result<()> {
        TokenOptions::read(fields, &[])?.apply(self)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.max_ttl > 0 && self.ttl > self.max_ttl {
            return Err(Error::invalid(
                "'token_ttl' cannot be greater than 'token_max_ttl'",
            ));
        }
        if self.kind == "batch" && (self.period > 0 || self.num_uses > 0) {
            return Err(Error::invalid(
                "a batch token has neither a period nor a number of uses",
            ));
        }
        Ok(())
    }

    /// Adds the `token_*` fields to a reply.
    pub(crate) fn output(&self, object: Object) -> Object {
        let kind = if self.kind.is_empty() {
            "default"
        } else {
            &self.kind
        };
        let seconds = |micros: u64| micros / 1_000_000;
        let mut object = object;
        for name in &self.old_names {
            object = match name.as_str() {
                "policies" => object.list(name, &self.policies),
                "bound_cidrs" => object.list(name, &self.bound_cidrs),
                "ttl" => object.number(name, seconds(self.ttl)),
                "max_ttl" => object.number(name, seconds(self.max_ttl)),
                "period" => object.number(name, seconds(self.period)),
                _ => object,
            };
        }
        object
            .list("token_bound_cidrs", &self.bound_cidrs)
            .number("token_explicit_max_ttl", seconds(self.explicit_max_ttl))
            .number("token_max_ttl", seconds(self.max_ttl))
            .flag("token_no_default_policy", self.no_default_policy)
            .number("token_num_uses", self.num_uses)
            .number("token_period", seconds(self.period))
            .list("token_policies", &self.policies)
            .number("token_ttl", seconds(self.ttl))
            .text("token_type", kind)
    }

    /// Returns the policies that a token has by these parameters: sorted, each once.
    pub(crate) fn token_policies(&self) -> Vec<String> {
        let mut policies = self.policies.clone();
        if !self.no_default_policy {
            policies.push(DEFAULT_POLICY.to_owned());
        }
        policies.sort();
        policies.dedup();
        policies
    }
}

/// Checks the kind of token that a role makes.
pub(crate) fn token_type(text: &str) -> Result<&str> {
    match text {
        "" | "default" => Ok(""),
        "service" | "batch" | "default-service" | "default-batch" => Ok(text),
        _ => Err(Error::invalid(
            "the token type is service, batch or default",
        )),
    }
}

/// Brings names of policies into their one spelling: lower case, sorted, each once.
///
/// # Errors
/// `InvalidArgument` for names that cannot be.
pub(crate) fn policy_names(names: Vec<String>) -> Result<Vec<String>> {
    let mut names: Vec<String> = names
        .into_iter()
        .map(|name| name.trim().to_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    let fits = |name: &String| {
        name.len() <= MAX_POLICY_NAME && !name.chars().any(char::is_control) && is_nfc(name)
    };
    if names.len() > MAX_POLICIES || !names.iter().all(fits) {
        return Err(Error::invalid(
            "a token has at most 256 policies, with names of at most 128 bytes, composed (NFC)",
        ));
    }
    Ok(names)
}

/// Checks networks such as `10.0.0.0/8`.
pub(crate) fn networks_of(networks: Vec<String>) -> Result<Vec<String>> {
    if networks.len() <= 256 && networks.iter().all(|text| parse_network(text).is_some()) {
        return Ok(networks);
    }
    Err(Error::invalid(
        "bound CIDRs are at most 256 networks such as 10.0.0.0/8 or fd00::/8",
    ))
}

/// Somebody who proved who they are.
pub(crate) struct Login {
    pub(crate) display_name: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// The role that was logged in by, if the method has roles.
    pub(crate) role: String,
    /// The path of the request, for people: `auth/userpass/login/bob`.
    pub(crate) path: String,
    pub(crate) entity: Option<EntityId>,
    /// The groups that the method says it is in.
    pub(crate) groups: Vec<String>,
}

/// Makes the token of a login, by a method that is mounted.
///
/// # Errors
/// `InvalidArgument` for parameters that do not fit together.
pub(crate) fn issue(
    cx: &mut Context<'_, '_>,
    params: &TokenParams,
    login: Login,
) -> Result<Created> {
    let mount = cx.mount()?;
    let kind = match params.kind.as_str() {
        "batch" | "default-batch" => TokenKind::Batch,
        _ => TokenKind::Service,
    };
    let policies = params.token_policies();
    if policies.iter().any(|name| name == ROOT_POLICY) {
        return Err(Error::invalid("auth methods cannot create root tokens"));
    }
    let mut entry = TokenEntry::new(kind, policies, login.path);
    let max = least(Duration::from_micros(params.max_ttl), mount.max_ttl);
    let explicit = Duration::from_micros(params.explicit_max_ttl);
    let wanted = match (params.period, params.ttl) {
        (0, 0) => mount.default_ttl.unwrap_or(SYSTEM_TTL),
        (0, ttl) => Duration::from_micros(ttl),
        (period, _) => Duration::from_micros(period),
    };
    let bound = if params.period > 0 {
        wanted
    } else {
        wanted.min(max)
    };
    let ttl = if explicit.is_zero() {
        bound
    } else {
        bound.min(explicit)
    };
    entry.live_for(cx.txn.now(), ttl);
    entry.renewable = kind == TokenKind::Service;
    entry.display_name = login.display_name;
    entry.metadata = login.metadata;
    entry.role = login.role;
    entry.entity = login.entity;
    entry.mount = Some(mount.id);
    entry.via = Some((mount.namespace, mount.id));
    entry.bound_cidrs.clone_from(&params.bound_cidrs);
    entry.explicit_max_ttl = params.explicit_max_ttl;
    entry.period = params.period;
    entry.max_ttl = micros(max);
    entry.uses = (params.num_uses > 0).then(|| Uses::new(params.num_uses));
    create(cx.txn, cx.space.id, entry, None)
}

/// Returns the longest TTL, given a role's own and the mount's.
pub(crate) fn least(own: Duration, mount: Option<Duration>) -> Duration {
    let mount = mount.unwrap_or(SYSTEM_TTL);
    if own.is_zero() { mount } else { own.min(mount) }
}

/// Returns the `auth` block of a token that was made; `identity` are the policies that it has
/// by who holds it.
pub(crate) fn auth(created: &Created, identity: &[String]) -> Auth {
    let entry = &created.entry;
    let mut all: Vec<String> = entry.policies.iter().chain(identity).cloned().collect();
    all.sort();
    all.dedup();
    Auth {
        client_token: SecretString::copy_from(created.secret.expose()),
        accessor: entry.accessor.clone(),
        policies: all,
        token_policies: entry.policies.clone(),
        identity_policies: identity.to_vec(),
        metadata: entry.metadata.clone(),
        lease: entry.creation_ttl(),
        renewable: entry.renewable,
        entity_id: entry.entity.map(|id| id.to_string()).unwrap_or_default(),
        token_type: entry.kind.name(),
        orphan: entry.parent.is_none(),
        num_uses: entry.uses.as_ref().map_or(0, |uses| uses.left),
    }
}
