//! What is asked of the tokens of an auth method: the `token_*` fields of a request.

use std::time::Duration;

use super::params::{TokenParams, networks_of, policy_names, token_type};
use crate::error::Result;
use crate::token::micros;
use crate::wire::{Fields, Object};

/// What the tokens of a user or role are to be like. What is not set stays as it is.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::TokenOptions;
/// let options = TokenOptions::new().policies(["app"]).ttl(Duration::from_secs(3_600));
/// # let _ = options;
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct TokenOptions {
    policies: Option<Vec<String>>,
    bound_cidrs: Option<Vec<String>>,
    ttl: Option<Duration>,
    max_ttl: Option<Duration>,
    explicit_max_ttl: Option<Duration>,
    period: Option<Duration>,
    num_uses: Option<u64>,
    no_default_policy: Option<bool>,
    kind: Option<String>,
    /// The names of before `token_*` that a request may have used, and whether it did.
    old_names: Vec<(&'static str, bool)>,
}

impl TokenOptions {
    /// Creates options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the policies, besides `default`; at most 256, of names of at most 128 bytes.
    pub fn policies<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.policies = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the networks, such as `10.0.0.0/8`, from which tokens are got and used; none: any.
    pub fn bound_cidrs<S: Into<String>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        self.bound_cidrs = Some(networks.into_iter().map(Into::into).collect());
        self
    }

    /// Sets how long a token lives unless it is renewed; zero: as the mount says.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets how long a token lives at most; zero: as the mount says.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = Some(ttl);
        self
    }

    /// Sets how long a token lives at most, also if it is periodic; zero: no such bound.
    pub fn explicit_max_ttl(mut self, ttl: Duration) -> Self {
        self.explicit_max_ttl = Some(ttl);
        self
    }

    /// Makes tokens periodic: each renewal lets them live for `period`, for ever; zero: not.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = Some(period);
        self
    }

    /// Sets how many calls a token is good for; 0: any number.
    pub fn num_uses(mut self, uses: u64) -> Self {
        self.num_uses = Some(uses);
        self
    }

    /// Sets whether the policy `default` is left out.
    pub fn no_default_policy(mut self, without: bool) -> Self {
        self.no_default_policy = Some(without);
        self
    }

    /// Sets the kind of token: `service`, `batch`, or `default`.
    pub fn token_type(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Reads the `token_*` fields; each pair of `old` is such a name and an older one for it, which
    /// counts if the newer one is not there.
    pub(crate) fn read(fields: &Fields<'_>, old: &[(&'static str, &'static str)]) -> Result<Self> {
        let mut old_names = Vec::new();
        let mut name = |new: &'static str| {
            let pair = old.iter().find(|(name, _)| *name == new);
            match pair.map(|(_, old)| *old) {
                Some(old) if fields.has(new) || fields.has(old) => {
                    let used = !fields.has(new);
                    old_names.push((old, used));
                    if used { old } else { new }
                }
                _ => new,
            }
        };
        let kind = fields.text("token_type")?;
        Ok(Self {
            policies: fields.list(name("token_policies"))?,
            bound_cidrs: fields.list(name("token_bound_cidrs"))?,
            ttl: fields.duration(name("token_ttl"))?,
            max_ttl: fields.duration(name("token_max_ttl"))?,
            explicit_max_ttl: fields.duration("token_explicit_max_ttl")?,
            period: fields.duration(name("token_period"))?,
            num_uses: fields.count("token_num_uses")?,
            no_default_policy: fields.flag("token_no_default_policy")?,
            kind: kind.map(|kind| kind.to_string()),
            old_names,
        })
    }

    /// Returns what is asked of the policies, and nothing else.
    pub(crate) fn policies_alone(self) -> Self {
        let mut old_names = self.old_names;
        old_names.retain(|(name, _)| *name == "policies");
        Self {
            policies: self.policies,
            old_names,
            ..Self::default()
        }
    }

    /// Changes `params` as is asked.
    ///
    /// # Errors
    /// `InvalidArgument` for values that cannot be, or do not fit together.
    pub(crate) fn apply(&self, params: &mut TokenParams) -> Result<()> {
        if let Some(policies) = &self.policies {
            params.policies = policy_names(policies.clone())?;
        }
        if let Some(networks) = &self.bound_cidrs {
            params.bound_cidrs = networks_of(networks.clone())?;
        }
        let times = [
            (self.ttl, &mut params.ttl),
            (self.max_ttl, &mut params.max_ttl),
            (self.explicit_max_ttl, &mut params.explicit_max_ttl),
            (self.period, &mut params.period),
        ];
        for (time, value) in times {
            *value = time.map_or(*value, micros);
        }
        params.num_uses = self.num_uses.unwrap_or(params.num_uses);
        params.no_default_policy = self.no_default_policy.unwrap_or(params.no_default_policy);
        if let Some(kind) = &self.kind {
            params.kind = token_type(kind)?.to_owned();
        }
        for (name, used) in &self.old_names {
            params.old_names.retain(|old| old != name);
            if *used {
                params.old_names.push((*name).to_owned());
            }
        }
        params.check()
    }

    /// Adds what is asked to the JSON of a request.
    pub(crate) fn input(&self, mut object: Object) -> Object {
        let lists = [
            ("token_policies", &self.policies),
            ("token_bound_cidrs", &self.bound_cidrs),
        ];
        for (name, list) in lists {
            if let Some(list) = list {
                object = object.list(name, list);
            }
        }
        let numbers = [
            ("token_ttl", self.ttl.map(|time| time.as_secs())),
            ("token_max_ttl", self.max_ttl.map(|time| time.as_secs())),
            (
                "token_explicit_max_ttl",
                self.explicit_max_ttl.map(|time| time.as_secs()),
            ),
            ("token_period", self.period.map(|time| time.as_secs())),
            ("token_num_uses", self.num_uses),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                object = object.number(name, number);
            }
        }
        if let Some(without) = self.no_default_policy {
            object = object.flag("token_no_default_policy", without);
        }
        if let Some(kind) = &self.kind {
            object = object.text("token_type", kind);
        }
        object
    }
}

/// What the tokens of a user or role are like.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, SecretString, TokenOptions, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// owner.sys().enable_auth("userpass", NewMount::new("userpass"))?;
/// let users = owner.userpass("userpass")?;
/// let password = SecretString::copy_from("correct horse");
/// users.write("bob", Some(&password), &TokenOptions::new().policies(["app"]))?;
/// assert_eq!(users.read("bob")?.policies, ["app"]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The policies, besides `default`.
    pub policies: Vec<String>,
    /// The networks from which tokens are got and used; empty: any.
    pub bound_cidrs: Vec<String>,
    /// How long a token lives unless it is renewed; zero: as the mount says.
    pub ttl: Duration,
    /// How long a token lives at most; zero: as the mount says.
    pub max_ttl: Duration,
    /// How long a token lives at most, also if it is periodic; zero: no such bound.
    pub explicit_max_ttl: Duration,
    /// For how long each renewal lets a periodic token live; zero: it is not periodic.
    pub period: Duration,
    /// How many calls a token is good for; 0: any number.
    pub num_uses: u64,
    /// Whether the policy `default` is left out.
    pub no_default_policy: bool,
    /// The kind of token; empty: as the mount says.
    pub token_type: String,
}

impl TokenSettings {
    pub(crate) fn of(params: &TokenParams) -> Self {
        Self {
            policies: params.policies.clone(),
            bound_cidrs: params.bound_cidrs.clone(),
            ttl: Duration::from_micros(params.ttl),
            max_ttl: Duration::from_micros(params.max_ttl),
            explicit_max_ttl: Duration::from_micros(params.explicit_max_ttl),
            period: Duration::from_micros(params.period),
            num_uses: params.num_uses,
            no_default_policy: params.no_default_policy,
            token_type: params.kind.clone(),
        }
    }
}

impl std::fmt::Debug for TokenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenOptions")
    }
}
