//! What a token is to be like.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

/// A token to be made; Vault's `auth/token/create`.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::NewToken;
/// let new = NewToken::new().policy("app").ttl(Duration::from_secs(3_600)).num_uses(5);
/// # let _ = new;
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct NewToken {
    pub(super) id: Option<Zeroizing<String>>,
    pub(super) policies: Vec<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) display_name: String,
    pub(super) ttl: Option<Duration>,
    pub(super) explicit_max_ttl: Option<Duration>,
    pub(super) period: Option<Duration>,
    pub(super) num_uses: u64,
    pub(super) orphan: bool,
    pub(super) no_default_policy: bool,
    pub(super) renewable: Option<bool>,
    pub(super) batch: bool,
    pub(super) alias: Option<Zeroizing<String>>,
}

impl NewToken {
    /// Creates a token with the caller's own policies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a policy. Without any the token gets those of its parent.
    pub fn policy(mut self, name: impl Into<String>) -> Self {
        self.policies.push(name.into());
        self
    }

    /// Adds a note, which lookups and audit show.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Sets the name for people; it is shown as `token-NAME`.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Sets how long it lives unless it is renewed.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets how long it lives at most, however often it is renewed.
    pub fn explicit_max_ttl(mut self, ttl: Duration) -> Self {
        self.explicit_max_ttl = Some(ttl);
        self
    }

    /// Makes it periodic: each renewal lets it live for `period`, for ever. Takes `sudo`.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = Some(period);
        self
    }

    /// Sets how many calls it is good for; 0: any number.
    pub fn num_uses(mut self, uses: u64) -> Self {
        self.num_uses = uses;
        self
    }

    /// Makes it nobody's child, so that it lives on when its maker is revoked. Takes `sudo`.
    pub fn orphan(mut self) -> Self {
        self.orphan = true;
        self
    }

    /// Leaves the policy `default` out.
    pub fn no_default_policy(mut self) -> Self {
        self.no_default_policy = true;
        self
    }

    /// Sets whether it can be renewed; it can unless told otherwise.
    pub fn renewable(mut self, renewable: bool) -> Self {
        self.renewable = Some(renewable);
        self
    }

    /// Makes it a token of the entity that has this alias at `auth/token/`, which is made if there is
    /// none. Takes a role whose `allowed_entity_aliases` has it.
    pub fn entity_alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(Zeroizing::new(alias.into()));
        self
    }

    /// Makes a batch token: it is stored nowhere, and cannot be renewed or revoked by itself.
    pub fn batch(mut self) -> Self {
        self.batch = true;
        self
    }
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({} policies)", self.policies.len())
    }
}
