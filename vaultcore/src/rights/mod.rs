//! What a token may do: its policies, those of who holds it, and the decision.

mod holder;
mod network;
mod store;

pub(crate) use holder::Holder;
pub(crate) use network::{covers, parse_network, within};
pub(crate) use store::PolicyStore;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::barrier::Txn;
use crate::crypto::digest::sha256;
use crate::crypto::frame;
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::operation::Access;
use crate::policy::{Acl, Ask, Capabilities, Decision, Identity, Policy, ROOT};
use crate::token::Token;
use crate::wire::Json;

/// The most compiled sets of policies that are kept.
const MAX_KEPT: usize = 4_096;

/// What was worked out of policies, kept as long as no policy changes.
#[derive(Default)]
pub(crate) struct RightsCache {
    policies: RwLock<HashMap<(NamespaceId, String), Parsed>>,
    /// Which policies these are: another one stands beside those of another epoch.
    mark: Arc<()>,
    /// By the digest of all that they were compiled of.
    rights: RwLock<HashMap<[u8; 32], Arc<Rights>>>,
}

/// A policy that was parsed; `None`: there is none.
type Parsed = Option<Arc<Policy>>;

/// What one token may do.
pub(crate) struct Rights {
    acl: Acl,
    /// The names of the policies that it has by who holds it.
    identity_policies: Vec<String>,
}

impl RightsCache {
    /// Returns what tells these policies from those of another epoch.
    pub(crate) fn policies_mark(&self) -> &Arc<()> {
        &self.mark
    }

    /// Returns the rights of `token`, which `holder` holds.
    pub(crate) fn of(
        &self,
        txn: &mut Txn<'_>,
        token: &Token,
        holder: Holder,
    ) -> Result<Arc<Rights>> {
        let key = key(token, &holder);
        let known = self.rights.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(rights) = known.get(&key) {
            return Ok(Arc::clone(rights));
        }
        drop(known);
        let rights = Arc::new(self.compile(txn, token, holder)?);
        let mut kept = self.rights.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&rights));
        Ok(rights)
    }

    fn compile(&self, txn: &mut Txn<'_>, token: &Token, holder: Holder) -> Result<Rights> {
        if token.is_root() {
            return Ok(Rights {
                acl: Acl::root(),
                identity_policies: holder.policies,
            });
        }
        let mut names: Vec<&String> = token.entry.policies.iter().collect();
        names.extend(&holder.policies);
        names.sort();
        names.dedup();
        let mut policies = Vec::new();
        for name in names.into_iter().filter(|name| *name != ROOT) {
            if let Some(policy) = self.policy(txn, token.namespace, name)? {
                policies.push((name.as_str(), policy));
            }
        }
        let each = policies.iter().map(|(name, policy)| (*name, &**policy));
        Ok(Rights {
            acl: Acl::compile(each, holder.identity.as_ref()),
            identity_policies: holder.policies.clone(),
        })
    }

    /// Returns a policy by its name; one that does not exist grants nothing.
    fn policy(
        &self,
        txn: &mut Txn<'_>,
        space: NamespaceId,
        name: &str,
    ) -> Result<Option<Arc<Policy>>> {
        let key = (space, name.to_owned());
        let known = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = known.get(&key) {
            return Ok(policy.clone());
        }
        drop(known);
        let text = PolicyStore::new(space).text(txn, name)?;
        let policy = text.map(|text| Policy::parse(&text)).transpose();
        // What was stored was parsed before; a newer version may have written what this one lacks.
        let policy = policy?.map(Arc::new);
        let mut kept = self
            .policies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, policy.clone());
        Ok(policy)
    }
}

/// Returns the digest of all that a token's rights follow from, beside the texts of policies.
fn key(token: &Token, holder: &Holder) -> [u8; 32] {
    let mut all = Vec::with_capacity(256);
    frame(&mut all, token.namespace.as_bytes());
    for names in [&token.entry.policies, &holder.policies] {
        frame(&mut all, &names.len().to_be_bytes());
        for name in names {
            frame(&mut all, name.as_bytes());
        }
    }
    if let Some(identity) = &holder.identity {
        frame_identity(&mut all, identity);
    }
    sha256(&[&all])
}

/// Appends all that templates may take of who holds a token.
fn frame_identity(all: &mut Vec<u8>, identity: &Identity) {
    if let Some(entity) = &identity.entity {
        frame(all, b"entity");
        frame(all, entity.id.as_bytes());
        frame(all, entity.name.as_bytes());
        frame_map(all, &entity.metadata);
        for (accessor, alias) in &entity.aliases {
            frame(all, accessor.as_bytes());
            frame(all, alias.id.as_bytes());
            frame(all, alias.name.as_bytes());
            frame_map(all, &alias.metadata);
            frame_map(all, &alias.custom_metadata);
        }
    }
    for group in &identity.groups {
        frame(all, b"group");
        frame(all, group.id.as_bytes());
        frame(all, group.name.as_bytes());
        frame_map(all, &group.metadata);
    }
}

fn frame_map(all: &mut Vec<u8>, map: &BTreeMap<String, String>) {
    frame(all, &map.len().to_be_bytes());
    for (key, value) in map {
        frame(all, key.as_bytes());
        frame(all, value.as_bytes());
    }
}

impl Rights {
    /// Decides on one access. The body is asked for only if the rule that decides has conditions.
    pub(crate) fn decide(
        &self,
        access: &Access,
        body: impl FnOnce() -> Json,
        wrap_ttl: Option<Duration>,
    ) -> Decision<'_> {
        let mut ask = Ask::new(&access.path, access.capability).with_sudo(access.sudo);
        if let Some(ttl) = wrap_ttl {
            ask = ask.with_wrap_ttl(ttl);
        }
        self.acl.check_lazily(&ask, body)
    }

    /// Returns what may be done at `path`.
    pub(crate) fn at(&self, path: &str) -> Capabilities {
        self.acl.capabilities(path)
    }

    /// Returns whether the token has `sudo` on `path`.
    pub(crate) fn sudo(&self, path: &str) -> bool {
        self.acl.is_root() || self.at(path).contains(crate::policy::Capability::Sudo)
    }

    /// Returns the same for a path that something was decided on. What decides on the listing of a
    /// folder is looked up in another way.
    pub(crate) fn sudo_by(&self, decision: &Decision<'_>, path: &str) -> bool {
        match path.ends_with('/') {
            true => self.sudo(path),
            false => decision.has_sudo(),
        }
    }

    pub(crate) fn acl(&self) -> &Acl {
        &self.acl
    }

    pub(crate) fn identity_policies(&self) -> &[String] {
        &self.identity_policies
    }
}

/// The one answer to whoever may not do something, whatever the reason.
pub(crate) fn denied() -> Error {
    Error::new(ErrorKind::PermissionDenied, "permission denied")
}

/// Returns an error if the token is bound to networks that the caller is not known to be in.
pub(crate) fn check_address(token: &Token, remote: Option<IpAddr>) -> Result<()> {
    if token.entry.bound_cidrs.is_empty() || within(&token.entry.bound_cidrs, remote) {
        return Ok(());
    }
    Err(denied())
}
