//! The audit trail of one request: what is known of it, and its two records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Caller, Who};
use crate::audit::{
    AuthBlock, Broker, GrantingPolicy, MountBlock, PolicyResults, RequestBlock, RequestEntry,
    ResponseBlock, ResponseEntry, Texts, WrapBlock,
};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::NamespaceId;
use crate::operation::{Access, Actor, Capability, Context, Mounted, Target};
use crate::policy::Decision;
use crate::rights::Rights;
use crate::token::Token;
use crate::wire::{Auth, Json, Response};

/// The trail of one request. Without a device it costs nothing.
pub(super) struct Trail<'c> {
    caller: &'c Caller,
    id: String,
    broker: Option<Arc<Broker>>,
    facts: Facts,
    input: Option<Json>,
    recorded: bool,
}

/// What is known of a request, filled in as it becomes known.
#[derive(Default)]
struct Facts {
    operation: &'static str,
    path: String,
    wrap_ttl: Duration,
    namespace_id: String,
    namespace_path: String,
    mount: MountFacts,
    auth: Option<AuthFacts>,
    allowed: bool,
    granting: Vec<String>,
}

#[derive(Default)]
struct MountFacts {
    point: String,
    kind: String,
    accessor: String,
    class: &'static str,
    plain_request_keys: Vec<String>,
    plain_response_keys: Vec<String>,
}

/// Who asks.
#[derive(Default)]
struct AuthFacts {
    accessor: String,
    display_name: String,
    policies: Vec<String>,
    token_policies: Vec<String>,
    identity_policies: Vec<String>,
    metadata: BTreeMap<String, String>,
    remaining_uses: u64,
    entity_id: String,
    token_type: &'static str,
    ttl: Duration,
    issued: Option<Timestamp>,
}

impl<'c> Trail<'c> {
    pub(super) fn new(caller: &'c Caller) -> Self {
        Self {
            caller,
            id: String::new(),
            broker: None,
            facts: Facts::default(),
            input: None,
            recorded: false,
        }
    }

    /// Begins an attempt, under the devices of now.
    pub(super) fn begin(
        &mut self,
        broker: &Arc<Broker>,
        space: Option<NamespaceId>,
        target: Target<'_>,
        id: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        if broker.is_empty() {
            self.broker = None;
            return Ok(());
        }
        if self.id.is_empty() {
            self.id = id()?;
        }
        self.broker = Some(Arc::clone(broker));
        if let Some(space) = space {
            // Whoever is refused in a namespace is refused before its devices, too.
            self.facts.namespace_id = space.part();
            self.facts.namespace_path = self.caller.space.to_string();
        }
        if self.facts.path.is_empty() {
            // All that is known of a request that comes to no access.
            self.facts.path = match target {
                Target::System => String::new(),
                Target::Mount(path, _) => path.as_str().to_owned(),
                Target::Auth(path, _) => format!("auth/{}", path.as_str()),
            };
        }
        Ok(())
    }

    /// Returns whether anything is to be recorded.
    pub(super) fn is_on(&self) -> bool {
        self.broker.is_some()
    }

    /// Notes what the request is about. An operation that needs no access is no request: the vault
    /// itself goes on with what was recorded before.
    pub(super) fn note_request(
        &mut self,
        cx: &Context<'_, '_>,
        access: &[Access],
        wrap_ttl: Option<Duration>,
    ) {
        let Some(first) = access.first() else {
            self.broker = None;
            return;
        };
        if !self.is_on() {
            return;
        }
        let facts = &mut self.facts;
        facts.operation = operation(first.capability);
        facts.path.clone_from(&first.path);
        facts.wrap_ttl = wrap_ttl.unwrap_or_default();
        facts.mount = match cx.mount() {
            Ok(mount) => MountFacts::of(mount),
            Err(_) => MountFacts::built_in(&first.path),
        };
        facts.auth = AuthFacts::of(cx.actor, &[], cx.txn.now());
    }

    /// Notes whose rights were asked.
    pub(super) fn note_rights(&mut self, cx: &Context<'_, '_>, rights: &Rights) {
        if self.is_on() {
            self.facts.auth = AuthFacts::of(cx.actor, rights.identity_policies(), cx.txn.now());
        }
    }

    /// Notes what the policies said.
    pub(super) fn note_decision(&mut self, decision: &Decision<'_>) {
        if self.is_on() {
            self.facts.allowed = decision.is_allowed();
            self.facts.granting = decision.granting().map(str::to_owned).collect();
        }
    }

    /// Records the request, once: nothing may be done before.
    ///
    /// # Errors
    /// `AuditFailed` if no device took it.
    pub(super) fn request(
        &mut self,
        now: Timestamp,
        input: impl FnOnce() -> Json,
        error: Option<&Error>,
    ) -> Result<()> {
        let Some(broker) = self.broker.clone().filter(|_| !self.recorded) else {
            return Ok(());
        };
        if self.input.is_none() {
            self.input = Some(input());
        }
        let text = error.map(ToString::to_string).unwrap_or_default();
        self.with_blocks(|auth, request| {
            broker.request(&RequestEntry {
                time: now,
                auth,
                request,
                error: &text,
            })
        })?;
        self.recorded = true;
        Ok(())
    }

    /// Records what came of the request: nothing may be answered before.
    ///
    /// # Errors
    /// `AuditFailed` if no device took it.
    pub(super) fn response(
        &self,
        now: Timestamp,
        response: Option<&Response>,
        error: Option<&Error>,
    ) -> Result<()> {
        let Some(broker) = self.broker.as_ref().filter(|_| self.recorded) else {
            return Ok(());
        };
        let text = error.map(ToString::to_string).unwrap_or_default();
        let logged_in = response
            .and_then(|response| response.auth.as_ref())
            .map(login);
        let given = logged_in.as_ref().zip(response).map(|(facts, response)| {
            let token = response
                .auth
                .as_ref()
                .map(|auth| auth.client_token.expose());
            facts.block(token.unwrap_or_default(), None)
        });
        let wrapped = response.and_then(|response| response.wrap_info.as_ref());
        let wrap_info = wrapped.map(|info| WrapBlock {
            ttl: info.ttl,
            token: info.token.expose(),
            accessor: &info.accessor,
            creation_time: Some(info.creation_time),
            creation_path: &info.creation_path,
            wrapped_accessor: &info.wrapped_accessor,
        });
        let data = response.and_then(|response| response.data.as_deref());
        let nothing = Vec::new();
        let warnings = response.map_or(&nothing, |response| &response.warnings);
        let lease = response.and_then(|response| response.lease.as_ref());
        let lease_id = lease.map(|lease| lease.id.as_str());
        let block = response.map(|_| ResponseBlock {
            auth: given.as_ref(),
            mount: self.facts.mount.block(),
            lease_id: lease_id.unwrap_or_default(),
            data: data.map_or(&[], Vec::as_slice),
            plain_keys: &self.facts.mount.plain_response_keys,
            warnings: warnings as &dyn Texts,
            wrap_info,
            redirect: "",
        });
        self.with_blocks(|auth, request| {
            broker.response(&ResponseEntry {
                time: now,
                auth,
                request,
                response: block.as_ref(),
                error: &text,
            })
        })
    }

    fn with_blocks<T>(
        &self,
        work: impl FnOnce(Option<&AuthBlock<'_>>, &RequestBlock<'_>) -> T,
    ) -> T {
        let facts = &self.facts;
        let token = match &self.caller.who {
            Who::Token(secret) => secret.expose(),
            _ => "",
        };
        let granting: Vec<GrantingPolicy<'_>> = facts
            .granting
            .iter()
            .map(|name| GrantingPolicy {
                name,
                namespace_id: &facts.namespace_id,
                namespace_path: &facts.namespace_path,
                kind: "acl",
            })
            .collect();
        let results = PolicyResults {
            allowed: facts.allowed,
            granting: &granting,
        };
        let auth = facts.auth.as_ref();
        let auth = auth.map(|auth| auth.block(token, Some(results)));
        let remote = self.caller.remote.map(|address| address.to_string());
        let request = RequestBlock {
            id: &self.id,
            operation: facts.operation,
            mount: facts.mount.block(),
            client_token: token,
            client_token_accessor: facts.auth.as_ref().map_or("", |auth| &auth.accessor),
            namespace_id: &facts.namespace_id,
            namespace_path: &facts.namespace_path,
            path: &facts.path,
            data: self.input.as_deref().map_or(&[], Vec::as_slice),
            plain_keys: &facts.mount.plain_request_keys,
            remote_address: remote.as_deref().unwrap_or_default(),
            wrap_ttl: facts.wrap_ttl,
            ..RequestBlock::default()
        };
        work(auth.as_ref(), &request)
    }
}

impl MountFacts {
    fn of(mount: Mounted<'_>) -> Self {
        let point = match mount.auth {
            true => format!("auth/{}", mount.path.as_str()),
            false => mount.path.as_str().to_owned(),
        };
        Self {
            point,
            kind: mount.kind.to_owned(),
            accessor: mount.accessor.to_owned(),
            class: if mount.auth { "auth" } else { "secret" },
            plain_request_keys: mount.plain_request_keys.to_vec(),
            plain_response_keys: mount.plain_response_keys.to_vec(),
        }
    }

    fn built_in(path: &str) -> Self {
        const KNOWN: [(&str, &str, &str); 4] = [
            ("sys/", "system", "secret"),
            ("auth/token/", "token", "auth"),
            ("cubbyhole/", "cubbyhole", "secret"),
            ("identity/", "identity", "secret"),
        ];
        let found = KNOWN.iter().find(|(point, ..)| path.starts_with(point));
        let Some((point, kind, class)) = found else {
            return Self::default();
        };
        Self {
            point: (*point).to_owned(),
            kind: (*kind).to_owned(),
            class,
            ..Self::default()
        }
    }

    fn block(&self) -> MountBlock<'_> {
        MountBlock {
            point: &self.point,
            kind: &self.kind,
            accessor: &self.accessor,
            class: self.class,
        }
    }
}

impl AuthFacts {
    fn of(actor: &Actor, identity: &[String], now: Timestamp) -> Option<Self> {
        match actor {
            Actor::Token(token) => Some(Self::of_token(token, identity, now)),
            Actor::Owner | Actor::System => Some(Self {
                display_name: match actor {
                    Actor::Owner => "owner".to_owned(),
                    _ => "system".to_owned(),
                },
                policies: vec!["root".to_owned()],
                ..Self::default()
            }),
            Actor::Anonymous => None,
        }
    }

    fn of_token(token: &Token, identity: &[String], now: Timestamp) -> Self {
        let entry = &token.entry;
        let mut policies: Vec<String> = entry.policies.iter().chain(identity).cloned().collect();
        policies.sort();
        policies.dedup();
        Self {
            accessor: entry.accessor.clone(),
            display_name: entry.display_name.clone(),
            policies,
            token_policies: entry.policies.clone(),
            identity_policies: identity.to_vec(),
            metadata: entry.metadata.clone(),
            remaining_uses: entry.uses.as_ref().map_or(0, |uses| uses.left),
            entity_id: entry.entity.map(|id| id.to_string()).unwrap_or_default(),
            token_type: entry.kind.name(),
            ttl: entry.ttl(now),
            issued: Some(entry.created),
        }
    }

    fn block<'f>(&'f self, token: &'f str, results: Option<PolicyResults<'f>>) -> AuthBlock<'f> {
        AuthBlock {
            client_token: token,
            accessor: &self.accessor,
            display_name: &self.display_name,
            policies: &self.policies,
            token_policies: &self.token_policies,
            identity_policies: &self.identity_policies,
            policy_results: results,
            metadata: &self.metadata,
            num_uses: 0,
            remaining_uses: self.remaining_uses,
            entity_id: &self.entity_id,
            token_type: self.token_type,
            token_ttl: self.ttl,
            token_issue_time: self.issued,
        }
    }
}

/// What a reply says of who was logged in.
fn login(auth: &Auth) -> AuthFacts {
    AuthFacts {
        accessor: auth.accessor.clone(),
        policies: auth.policies.clone(),
        token_policies: auth.token_policies.clone(),
        identity_policies: auth.identity_policies.clone(),
        metadata: auth.metadata.clone(),
        entity_id: auth.entity_id.clone(),
        token_type: auth.token_type,
        ttl: auth.lease,
        ..AuthFacts::default()
    }
}

/// Returns what Vault calls the operation.
fn operation(capability: Capability) -> &'static str {
    match capability {
        Capability::Sudo => "update",
        other => other.as_str(),
    }
}
