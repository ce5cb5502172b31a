//! Making of tokens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::api;
use super::new::NewToken;
use super::roles::{Role, load_role};
use crate::auth::params::{MAX_POLICIES, auth, networks_of, policy_names};
use crate::error::{Error, Result};
use crate::id::{EntityId, MountId};
use crate::identity;
use crate::lease::SYSTEM_TTL;
use crate::mount::{Class, accessor, built_in_id};
use crate::operation::{Access, Actor, Capability, Context, Operation, Target};
use crate::rights::PolicyStore;
use crate::token::{
    Created, DEFAULT_POLICY, ROOT_POLICY, TokenEntry, TokenKind, Uses, WRAPPING_POLICY, create,
    micros,
};
use crate::wire::{Json, Object, Response, go_duration};

/// The longest name of a token for people, and the most notes on it.
const MAX_NOTES: usize = 64;
/// The longest note on a token, and the longest id that is asked for, in bytes.
const MAX_NOTE: usize = 512;

/// By which of the paths a token is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Create,
    /// Needs no `sudo`, only access to the path.
    CreateOrphan,
    Role(String),
}

/// Makes a token.
pub(crate) struct CreateToken {
    pub(crate) new: NewToken,
    pub(crate) via: Via,
}

/// A token that was made, and what its maker should know.
pub(crate) struct Made {
    pub(crate) created: Created,
    pub(crate) warnings: Vec<Cow<'static, str>>,
}

impl Operation for CreateToken {
    type Reply = Made;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![Access::new(self.path(), Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Made> {
        self.check_parent(cx)?;
        let role = match &self.via {
            Via::Role(name) => Some(load_role(cx, name)?.ok_or_else(unknown_role)?),
            _ => None,
        };
        let role = role.as_ref();
        // Who may use a role, and no more, cannot leave the tree by it.
        let orphan = match role {
            Some(role) => role.orphan,
            None => self.new.orphan || self.via == Via::CreateOrphan,
        };
        if self.new.orphan && !cx.sudo && role.is_none() {
            return Err(needs_sudo("an orphan token"));
        }
        if self.new.id.is_some() && !cx.sudo {
            return Err(needs_sudo("a token with a chosen id"));
        }
        if self.new.period.is_some_and(|period| !period.is_zero()) && !cx.sudo {
            return Err(needs_sudo("a periodic token"));
        }
        let policies = self.policies(cx, role)?;
        let kind = match (self.new.batch, role.map(|role| role.params.kind.as_str())) {
            (_, Some("batch")) => TokenKind::Batch,
            (batch, Some("" | "default-service" | "default-batch") | None) if batch => {
                TokenKind::Batch
            }
            (false, Some("default-batch")) => TokenKind::Batch,
            _ => TokenKind::Service,
        };
        let mut entry = TokenEntry::new(kind, policies, self.issued_path(role));
        if let Actor::Token(parent) = cx.actor {
            entry.parent = (!orphan)
                .then(|| parent.id.map(|id| (parent.namespace, id)))
                .flatten();
            entry.via = parent.entry.via.filter(|_| !orphan);
            entry.entity = parent.entry.entity;
            entry.bound_cidrs.clone_from(&parent.entry.bound_cidrs);
        }
        if let Some(alias) = &self.new.alias {
            entry.entity = Some(self.entity(cx, role, alias)?);
        }
        self.describe(&mut entry, role)?;
        self.set_times(cx, &mut entry, role)?;
        if kind == TokenKind::Batch {
            check_batch(&entry, self.new.id.is_some())?;
        }
        let warnings = self.warnings(cx, &entry)?;
        let id = self.new.id.as_ref().map(|id| id.as_str());
        let created = create(cx.txn, cx.space.id, entry, id)?;
        Ok(Made { created, warnings })
    }

    fn input(&self) -> Json {
        api::new_token(&self.new)
    }

    fn output(&self, made: &Made) -> Result<Response> {
        let response = Response::auth(auth(&made.created, &[]));
        Ok(response.warned(made.warnings.clone()))
    }
}

impl CreateToken {
    /// Says which policies there are not, and whether the token lives shorter than asked for.
    fn warnings(
        &self,
        cx: &mut Context<'_, '_>,
        entry: &TokenEntry,
    ) -> Result<Vec<Cow<'static, str>>> {
        let mut warnings = Vec::new();
        let store = PolicyStore::new(cx.space.id);
        for name in &entry.policies {
            if !store.has(cx.txn, name)? {
                warnings.push(format!("Policy {name:?} does not exist").into());
            }
        }
        let asked = self.new.ttl.filter(|ttl| *ttl > entry.creation_ttl());
        if let Some(asked) = asked.filter(|_| entry.expires.is_some()) {
            let capped = go_duration(entry.creation_ttl());
            let asked = go_duration(asked);
            warnings.push(format!("TTL of {asked} is beyond the maximum: it is {capped}").into());
        }
        Ok(warnings)
    }

    /// Returns the entity that the token is for.
    fn entity(
        &self,
        cx: &mut Context<'_, '_>,
        role: Option<&Role>,
        alias: &str,
    ) -> Result<EntityId> {
        let needs_role = || Error::invalid("an entity alias takes a role that allows it");
        role.ok_or_else(needs_role)?.check_alias(alias)?;
        // In lower case, as it was compared: two spellings are not two people.
        let alias = alias.to_lowercase();
        let accessor = accessor(Class::Auth, "token", built_in_id(cx.space.id, "token"));
        let tokens = (MountId::BUILT_IN, accessor.as_str());
        identity::login(cx.txn, cx.space.id, tokens, &alias, &BTreeMap::new())
    }

    fn path(&self) -> String {
        match &self.via {
            Via::Create => "auth/token/create".to_owned(),
            Via::CreateOrphan => "auth/token/create-orphan".to_owned(),
            Via::Role(name) => format!("auth/token/create/{name}"),
        }
    }

    fn issued_path(&self, role: Option<&Role>) -> String {
        match role {
            Some(role) if !role.path_suffix.is_empty() => {
                format!("{}/{}", self.path(), role.path_suffix)
            }
            _ => self.path(),
        }
    }

    /// Whose uses are counted, or who is stored nowhere, is nobody's parent.
    fn check_parent(&self, cx: &Context<'_, '_>) -> Result<()> {
        let Actor::Token(parent) = cx.actor else {
            return Ok(());
        };
        if parent.entry.kind == TokenKind::Batch {
            return Err(Error::invalid("batch tokens cannot create more tokens"));
        }
        if parent.entry.uses.is_some() {
            return Err(Error::invalid(
                "restricted use token cannot generate child tokens",
            ));
        }
        Ok(())
    }

    /// Works out the policies, and whether the caller may give them away.
    fn policies(&self, cx: &Context<'_, '_>, role: Option<&Role>) -> Result<Vec<String>> {
        let mut names = policy_names(self.new.policies.clone())?;
        if names.iter().any(|name| name == WRAPPING_POLICY) {
            return Err(Error::invalid(
                "the policy response-wrapping is not given out",
            ));
        }
        let parent: Option<&[String]> = match cx.actor {
            Actor::Token(parent) => Some(&parent.entry.policies),
            _ => None,
        };
        match role {
            Some(role) => {
                role.check_policies(&names)?;
                if names.is_empty() {
                    names = role.default_policies(parent);
                }
            }
            None if names.is_empty() => match parent {
                Some(parent) => names = parent.to_vec(),
                None => return Err(Error::invalid("name the policies: the owner has none")),
            },
            None => check_subset(cx, &names, parent)?,
        }
        let root = names.iter().any(|name| name == ROOT_POLICY);
        if root {
            if names.len() > 1 {
                return Err(Error::invalid("root tokens may not have other policies"));
            }
            let may = parent.is_none_or(|parent| parent.iter().any(|name| name == ROOT_POLICY));
            if !may || self.new.batch {
                return Err(Error::invalid(
                    "root tokens may not be created without parent token being root",
                ));
            }
            return Ok(names);
        }
        let without =
            self.new.no_default_policy || role.is_some_and(|role| role.params.no_default_policy);
        if !without {
            names.push(DEFAULT_POLICY.to_owned());
        } else if role.is_none() || !self.new.policies.iter().any(|name| name == DEFAULT_POLICY) {
            names.retain(|name| name != DEFAULT_POLICY);
        }
        Ok(names)
    }

    /// Sets what is for people.
    fn describe(&self, entry: &mut TokenEntry, role: Option<&Role>) -> Result<()> {
        let notes = &self.new.metadata;
        let long = |text: &str| text.len() > MAX_NOTE;
        if notes.len() > MAX_NOTES
            || notes.iter().any(|(name, value)| long(name) || long(value))
            || long(&self.new.display_name)
            || self.new.id.as_ref().is_some_and(|id| long(id))
        {
            return Err(Error::invalid(
                "a token has at most 64 notes, with names and values of at most 512 bytes",
            ));
        }
        if let Some(id) = &self.new.id
            && (id.is_empty() || id.contains('.') || id.starts_with("hvb"))
        {
            return Err(Error::invalid(
                "the id of a token is not empty, holds no dot, and does not begin as a batch token",
            ));
        }
        let name: String = self
            .new
            .display_name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        entry.display_name = match name.trim_matches('-') {
            "" => "token".to_owned(),
            name => format!("token-{name}"),
        };
        entry.metadata.clone_from(notes);
        entry.uses = (self.new.num_uses > 0).then(|| Uses::new(self.new.num_uses));
        if let Some(role) = role {
            entry.role.clone_from(&role.name);
            if !role.params.bound_cidrs.is_empty() {
                entry.bound_cidrs.clone_from(&role.params.bound_cidrs);
            }
            let limits = [self.new.num_uses, role.params.num_uses];
            let least = limits.into_iter().filter(|uses| *uses > 0).min();
            entry.uses = least.map(Uses::new);
        }
        networks_of(entry.bound_cidrs.clone()).map(drop)
    }

    fn set_times(
        &self,
        cx: &Context<'_, '_>,
        entry: &mut TokenEntry,
        role: Option<&Role>,
    ) -> Result<()> {
        let params = role.map(|role| &role.params);
        let of_role = |micros: u64| (micros > 0).then(|| Duration::from_micros(micros));
        let explicit = lesser(
            self.new.explicit_max_ttl,
            params.and_then(|params| of_role(params.explicit_max_ttl)),
        );
        let period = lesser(
            self.new.period,
            params.and_then(|params| of_role(params.period)),
        );
        let root = entry.policies.iter().any(|name| name == ROOT_POLICY);
        let wanted = self.new.ttl.filter(|ttl| !ttl.is_zero());
        let mut ttl = match (period, wanted) {
            (Some(period), _) => period,
            (None, Some(ttl)) => ttl.min(SYSTEM_TTL),
            (None, None) if root => Duration::ZERO,
            (None, None) => SYSTEM_TTL,
        };
        if let Some(explicit) = explicit {
            ttl = if ttl.is_zero() {
                explicit
            } else {
                ttl.min(explicit)
            };
        }
        if let Actor::Token(parent) = cx.actor
            && root
            && ttl.is_zero()
            && parent.entry.expires.is_some()
        {
            return Err(Error::invalid(
                "expiring root tokens cannot create non-expiring root tokens",
            ));
        }
        entry.live_for(cx.txn.now(), ttl);
        entry.explicit_max_ttl = explicit.map_or(0, micros);
        entry.period = period.map_or(0, micros);
        let renewable = role.is_none_or(|role| role.renewable);
        entry.renewable = !ttl.is_zero()
            && entry.kind == TokenKind::Service
            && self.new.renewable.unwrap_or(true)
            && renewable;
        Ok(())
    }
}

/// Who has no `sudo` gives away only what it has.
fn check_subset(cx: &Context<'_, '_>, names: &[String], parent: Option<&[String]>) -> Result<()> {
    let Some(parent) = parent.filter(|_| !cx.sudo) else {
        return Ok(());
    };
    let has = |name: &String| name == DEFAULT_POLICY || parent.contains(name);
    if parent.iter().any(|name| name == ROOT_POLICY) || names.iter().all(has) {
        return Ok(());
    }
    Err(Error::invalid("child policies must be subset of parent"))
}

fn check_batch(entry: &TokenEntry, chosen: bool) -> Result<()> {
    let refused = entry.uses.is_some() || entry.period > 0 || entry.explicit_max_ttl > 0 || chosen;
    if refused || entry.policies.iter().any(|name| name == ROOT_POLICY) {
        return Err(Error::invalid(
            "a batch token has no uses, period, explicit max TTL or chosen id, and is never root",
        ));
    }
    if entry.policies.len() > MAX_POLICIES {
        return Err(Error::invalid("a token has at most 256 policies"));
    }
    Ok(())
}

fn lesser(left: Option<Duration>, right: Option<Duration>) -> Option<Duration> {
    let set = |time: Option<Duration>| time.filter(|time| !time.is_zero());
    match (set(left), set(right)) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

fn needs_sudo(what: &str) -> Error {
    Error::invalid(format!("root or sudo privileges required to create {what}"))
}

fn unknown_role() -> Error {
    Error::invalid("unknown role")
}

/// Makes a root token, which a quorum of shares allowed.
pub(crate) struct MakeRoot;

impl Operation for MakeRoot {
    type Reply = Created;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![
            Access::new("sys/generate-root/update", Capability::Update).sudo(),
        ])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Created> {
        let mut entry = root_token();
        entry.created = cx.txn.now();
        create(cx.txn, cx.space.id, entry, None)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, created: &Created) -> Result<Response> {
        Ok(Response::auth(auth(created, &[])))
    }
}

/// The path by which root tokens are made that no token asked for.
pub(super) const FIRST: &str = "auth/token/root";

/// Makes the first token of a vault: it may do everything, and lives until it is revoked.
pub(crate) fn root_token() -> TokenEntry {
    let policies = vec![ROOT_POLICY.to_owned()];
    let mut entry = TokenEntry::new(TokenKind::Service, policies, FIRST);
    entry.display_name = "root".to_owned();
    entry
}
