//! What is kept of a token.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{EntityId, MountId, NamespaceId, TokenId};
use crate::record::Record;
use crate::secret::SecretString;

/// A token, as stored, or as a batch token carries it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TokenEntry {
    pub(crate) kind: TokenKind,
    pub(crate) accessor: String,
    /// Sorted, each once.
    pub(crate) policies: Vec<String>,
    /// The path of the request that made it.
    pub(crate) path: String,
    pub(crate) display_name: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) parent: Option<(NamespaceId, TokenId)>,
    /// The auth method that made it, if it is not that of tokens.
    pub(crate) mount: Option<MountId>,
    /// The auth method of the login that it comes from, by whatever children: once that is disabled
    /// nobody acts by the token.
    pub(crate) via: Option<(NamespaceId, MountId)>,
    pub(crate) role: String,
    pub(crate) entity: Option<EntityId>,
    pub(crate) no_identity_policies: bool,
    pub(crate) bound_cidrs: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) renewed: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) renewable: bool,
    pub(crate) creation_ttl: u64,     // microseconds
    pub(crate) explicit_max_ttl: u64, // microseconds, 0: none
    pub(crate) period: u64,           // microseconds, 0: none
    pub(crate) max_ttl: u64,          // microseconds, 0: as the system says
    pub(crate) uses: Option<Uses>,
    pub(crate) state: State,
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TokenKind {
    Service,
    Batch,
}

impl TokenKind {
    /// Returns the word that Vault has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Active,
    /// Its last use was taken: nobody acts by it any more.
    Spent,
    /// It is being revoked, with all below it: nobody acts by it, and it gets no child.
    Revoking,
}

/// How often a token may still be used.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Uses {
    pub(crate) left: u64,
}

impl Uses {
    pub(crate) fn new(left: u64) -> Self {
        Self { left }
    }
}

impl TokenEntry {
    /// Creates a token that may do what `policies` say, made by a request to `path`.
    pub(crate) fn new(kind: TokenKind, policies: Vec<String>, path: impl Into<String>) -> Self {
        let mut entry = Self {
            kind,
            accessor: String::new(),
            policies: Vec::new(),
            path: path.into(),
            display_name: String::new(),
            metadata: BTreeMap::new(),
            parent: None,
            mount: None,
            via: None,
            role: String::new(),
            entity: None,
            no_identity_policies: false,
            bound_cidrs: Vec::new(),
            created: Timestamp::from_micros(0),
            renewed: None,
            expires: None,
            renewable: false,
            creation_ttl: 0,
            explicit_max_ttl: 0,
            period: 0,
            max_ttl: 0,
            uses: None,
            state: State::Active,
        };
        entry.set_policies(policies);
        entry
    }

    /// Sets the policies: sorted, each once, without those that have no name.
    pub(crate) fn set_policies(&mut self, mut policies: Vec<String>) {
        policies.retain(|name| !name.is_empty());
        policies.sort();
        policies.dedup();
        self.policies = policies;
    }

    /// Lets the token live from `now` for `ttl`; zero: for ever.
    pub(crate) fn live_for(&mut self, now: Timestamp, ttl: Duration) {
        self.created = now;
        self.creation_ttl = micros(ttl);
        self.expires = (!ttl.is_zero()).then(|| now.saturating_add(ttl));
    }

    pub(crate) fn period(&self) -> Option<Duration> {
        some(self.period)
    }

    pub(crate) fn explicit_max_ttl(&self) -> Option<Duration> {
        some(self.explicit_max_ttl)
    }

    pub(crate) fn creation_ttl(&self) -> Duration {
        Duration::from_micros(self.creation_ttl)
    }

    /// Returns how long it lives from `now`; zero for one that lives for ever.
    pub(crate) fn ttl(&self, now: Timestamp) -> Duration {
        self.expires
            .map_or(Duration::ZERO, |expires| expires.since(now))
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Texts that a user chose may be anything; the cache keeps those of no token.
    pub(crate) fn holds_no_secret(&self) -> bool {
        self.metadata.is_empty()
    }

    pub(super) fn without_metadata(mut self) -> Self {
        self.metadata.clear();
        self
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn some(micros: u64) -> Option<Duration> {
    (micros > 0).then(|| Duration::from_micros(micros))
}

impl Record for TokenEntry {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "token";

    fn is_sound(&self) -> bool {
        self.policies.is_sorted_by(|left, right| left < right)
    }
}

/// A token that was made.
pub(crate) struct Created {
    /// What its holder presents; it exists nowhere else.
    pub(crate) secret: SecretString,
    pub(crate) id: Option<TokenId>,
    pub(crate) entry: TokenEntry,
}
