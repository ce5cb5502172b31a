//! What callers say of roles and secret ids, and what they are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::options::{TokenOptions, TokenSettings};
use crate::clock::Timestamp;
use crate::secret::SecretString;

/// What a role is to be like. What is not set stays as it is.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::TokenOptions;
/// use vaultcore::approle::RoleOptions;
/// let web = RoleOptions::new()
///     .secret_id_ttl(Duration::from_secs(600))
///     .secret_id_num_uses(1)
///     .token(TokenOptions::new().policies(["web"]));
/// # let _ = web;
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct RoleOptions {
    pub(super) role_id: Option<String>,
    pub(super) bind_secret_id: Option<bool>,
    pub(super) secret_id_bound_cidrs: Option<Vec<String>>,
    pub(super) secret_id_num_uses: Option<u64>,
    pub(super) secret_id_ttl: Option<Duration>,
    pub(super) local_secret_ids: Option<bool>,
    pub(super) token: TokenOptions,
}

impl RoleOptions {
    /// Creates options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the id of the role, at most 4,096 bytes, which no other role of the mount has.
    pub fn role_id(mut self, id: impl Into<String>) -> Self {
        self.role_id = Some(id.into());
        self
    }

    /// Sets whether a login takes a secret id; without, networks have to be bound.
    pub fn bind_secret_id(mut self, bind: bool) -> Self {
        self.bind_secret_id = Some(bind);
        self
    }

    /// Sets the networks, such as `10.0.0.0/8`, from which logins come; none: any.
    pub fn secret_id_bound_cidrs<S: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = S>,
    ) -> Self {
        self.secret_id_bound_cidrs = Some(networks.into_iter().map(Into::into).collect());
        self
    }

    /// Sets for how many logins a secret id is good; 0: any number.
    pub fn secret_id_num_uses(mut self, uses: u64) -> Self {
        self.secret_id_num_uses = Some(uses);
        self
    }

    /// Sets how long a secret id lives; zero: for ever.
    pub fn secret_id_ttl(mut self, ttl: Duration) -> Self {
        self.secret_id_ttl = Some(ttl);
        self
    }

    /// Says that secret ids stay in one cluster. It is kept, as Vault keeps it, and changes
    /// nothing; it is set with a new role only.
    pub fn local_secret_ids(mut self, local: bool) -> Self {
        self.local_secret_ids = Some(local);
        self
    }

    /// Sets what tokens are like.
    pub fn token(mut self, token: TokenOptions) -> Self {
        self.token = token;
        self
    }
}

impl std::fmt::Debug for RoleOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoleOptions")
    }
}

/// What a role is like.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # use vaultcore::approle::RoleOptions;
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// owner.sys().enable_auth("approle", NewMount::new("approle"))?;
/// let roles = owner.approle("approle")?;
/// roles.write("web", &RoleOptions::new().secret_id_num_uses(1))?;
/// assert_eq!(roles.read("web")?.secret_id_num_uses, 1);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSettings {
    /// Whether a login takes a secret id.
    pub bind_secret_id: bool,
    /// The networks from which logins come; empty: any.
    pub secret_id_bound_cidrs: Vec<String>,
    /// For how many logins a secret id is good; 0: any number.
    pub secret_id_num_uses: u64,
    /// How long a secret id lives; zero: for ever.
    pub secret_id_ttl: Duration,
    /// Whether it was said that secret ids stay in one cluster.
    pub local_secret_ids: bool,
    /// What tokens are like.
    pub token: TokenSettings,
}

/// A secret id to be made.
///
/// ```
/// use vaultcore::approle::NewSecretId;
/// let new = NewSecretId::new().num_uses(1).metadata("host", "web-1");
/// # let _ = new;
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct NewSecretId {
    pub(super) chosen: Option<Arc<SecretString>>,
    pub(super) num_uses: Option<u64>,
    pub(super) ttl: Option<Duration>,
    pub(super) cidrs: Vec<String>,
    pub(super) token_cidrs: Vec<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl NewSecretId {
    /// Creates a random secret id, as the role says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the secret id, at most 4,096 bytes. It has to be as good as a random one: whoever
    /// guesses it is let in.
    pub fn chosen(mut self, secret_id: &SecretString) -> Self {
        self.chosen = Some(Arc::new(SecretString::copy_from(secret_id.expose())));
        self
    }

    /// Sets for how many logins it is good, not more than the role says; 0: any number.
    pub fn num_uses(mut self, uses: u64) -> Self {
        self.num_uses = Some(uses);
        self
    }

    /// Sets how long it lives, not longer than the role says; zero: for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the networks, within the role's, from which logins come; none: as the role says.
    pub fn cidrs<S: Into<String>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        self.cidrs = networks.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the networks, within the role's, from which its tokens are used; none: as the role
    /// says.
    pub fn token_bound_cidrs<S: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = S>,
    ) -> Self {
        self.token_cidrs = networks.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a note, which its tokens have too: at most 64, of at most 512 bytes.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

impl std::fmt::Debug for NewSecretId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecretId")
    }
}

/// A secret id that was made.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # use vaultcore::approle::{NewSecretId, RoleOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().enable_auth("approle", NewMount::new("approle"))?;
/// # let roles = owner.approle("approle")?;
/// # roles.write("web", &RoleOptions::new())?;
/// let issued = roles.create_secret_id("web", &NewSecretId::new().num_uses(1))?;
/// assert_eq!(issued.num_uses, 1);
/// assert!(!format!("{issued:?}").contains(issued.secret_id.expose()));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct IssuedSecretId {
    /// What is presented to log in; it exists nowhere else.
    pub secret_id: SecretString,
    /// Names it to whoever is not to know it.
    pub accessor: String,
    /// For how many logins it is good; 0: any number.
    pub num_uses: u64,
    /// How long it lives; zero: for ever.
    pub ttl: Duration,
}

/// What is known of a secret id.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # use vaultcore::approle::{NewSecretId, RoleOptions};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().enable_auth("approle", NewMount::new("approle"))?;
/// # let roles = owner.approle("approle")?;
/// # roles.write("web", &RoleOptions::new())?;
/// let issued = roles.create_secret_id("web", &NewSecretId::new())?;
/// let info = roles.lookup_secret_id("web", &issued.secret_id)?;
/// assert_eq!(info.map(|info| info.accessor), Some(issued.accessor));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretIdInfo {
    /// Names it to whoever is not to know it.
    pub accessor: String,
    /// The notes on it.
    pub metadata: BTreeMap<String, String>,
    /// For how many logins it is still good; 0: any number.
    pub num_uses: u64,
    /// How long it was made to live; zero: for ever.
    pub ttl: Duration,
    /// When it was made.
    pub created: Timestamp,
    /// When a use of it was last taken, or it was made.
    pub updated: Timestamp,
    /// When it runs out.
    pub expires: Option<Timestamp>,
    /// The networks from which logins come, within the role's; empty: as the role says.
    pub cidrs: Vec<String>,
    /// The networks from which its tokens are used, within the role's; empty: as the role says.
    pub token_bound_cidrs: Vec<String>,
}
