//! What is asked of a set of policies, and what it answers.

use std::fmt;
use std::time::Duration;

use super::acl::{Acl, Merged};
use super::capabilities::Capabilities;
use super::params::Unmet;
use super::pattern::Pattern;
use crate::operation::Capability;

/// What somebody wants to do.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::policy::{Ask, Capability};
/// let ask = Ask::new("transit/keys/a", Capability::Update)
///     .with_body(br#"{"type": "ed25519"}"#)
///     .with_wrap_ttl(Duration::from_secs(60));
/// ```
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub(crate) path: &'a str,
    pub(crate) capability: Capability,
    pub(crate) sudo: bool,
    pub(crate) body: &'a [u8],
    pub(crate) wrap_ttl: Option<Duration>,
}

impl<'a> Ask<'a> {
    /// Asks for `capability` at `path`, which is relative to the namespace: `secret/data/app`.
    #[must_use]
    pub const fn new(path: &'a str, capability: Capability) -> Self {
        Self {
            path,
            capability,
            sudo: false,
            body: &[],
            wrap_ttl: None,
        }
    }

    /// Says that the path needs `sudo` beside the capability.
    #[must_use]
    pub const fn with_sudo(mut self, sudo: bool) -> Self {
        self.sudo = sudo;
        self
    }

    /// Gives the request's body, a JSON object, for rules about parameters. No body is none.
    #[must_use]
    pub const fn with_body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Says for how long the reply is to be wrapped.
    #[must_use]
    pub const fn with_wrap_ttl(mut self, ttl: Duration) -> Self {
        self.wrap_ttl = Some(ttl);
        self
    }
}

/// What an [`Acl`] decided, and by which rule.
///
/// ```
/// use vaultcore::policy::{Acl, Ask, Capability, Denial, Policy};
/// let policy = Policy::parse(r#"path "a/+" { capabilities = ["read"] }"#)?;
/// let acl = Acl::compile([("p", &policy)], None);
/// let decision = acl.check(&Ask::new("a/b", Capability::Delete));
/// assert_eq!(decision.denial(), Some(Denial::NotGranted));
/// assert_eq!(decision.policies().collect::<Vec<_>>(), ["p"]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Decision<'a> {
    pub(super) acl: &'a Acl,
    pub(super) capability: Capability,
    pub(super) rule: Option<&'a Merged>,
    pub(super) fence: Option<&'a Unrendered>,
    pub(super) denial: Option<Denial>,
}

/// Why something is denied.
///
/// ```
/// assert_eq!(vaultcore::policy::Denial::NoRule.to_string(), "no rule covers the path");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// No rule covers the path.
    NoRule,
    /// The rule that decides says `deny`.
    Deny,
    /// A `deny` whose template could not be rendered might cover the path.
    Unrendered,
    /// The rule that decides does not have the capability.
    NotGranted,
    /// The path needs `sudo`, which the rule that decides does not have.
    NeedsSudo,
    /// The rule demands that the reply is wrapped, for a time within its bounds.
    Wrapping,
    /// The rule has conditions on parameters, and the body is not a JSON object.
    Body,
    /// A required parameter is missing.
    MissingParameter,
    /// A parameter, or its value, is denied.
    DeniedParameter,
    /// A parameter, or its value, is not among those allowed.
    ParameterNotAllowed,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRule => "no rule covers the path",
            Self::Deny => "the rule says deny",
            Self::Unrendered => "a deny whose template could not be rendered may cover the path",
            Self::NotGranted => "the rule does not grant the capability",
            Self::NeedsSudo => "the path needs sudo, which the rule does not grant",
            Self::Wrapping => "the rule demands a wrapped reply, within its bounds of time",
            Self::Body => "the rule has conditions on parameters, and the body is no JSON object",
            Self::MissingParameter => "a required parameter is missing",
            Self::DeniedParameter => "a parameter is denied",
            Self::ParameterNotAllowed => "a parameter is not allowed",
        })
    }
}

impl From<Unmet> for Denial {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Wrapping => Self::Wrapping,
            Unmet::Body => Self::Body,
            Unmet::Required => Self::MissingParameter,
            Unmet::Denied => Self::DeniedParameter,
            Unmet::NotAllowed => Self::ParameterNotAllowed,
        }
    }
}

impl<'a> Decision<'a> {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.denial.is_none()
    }

    /// Whether the root policy allowed it.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.acl.root
    }

    /// Whether what decided grants `sudo`.
    pub(crate) fn has_sudo(&self) -> bool {
        let rule = self.rule.filter(|_| self.fence.is_none());
        self.acl.root || rule.is_some_and(|rule| rule.grants(Capability::Sudo))
    }

    /// Returns why not.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Returns the pattern that decided, templates rendered; for a deny that could not be rendered
    /// the pattern that stood in for it.
    #[must_use]
    pub fn pattern(&self) -> Option<&'a str> {
        let fence = self.fence.and_then(|fence| fence.fence.as_ref());
        self.rule
            .map(|rule| &rule.pattern)
            .or(fence)
            .map(Pattern::as_str)
    }

    /// Returns the policies that have the pattern which decided.
    pub fn policies(&self) -> impl Iterator<Item = &'a str> {
        self.by(|_| true)
    }

    /// Returns those of them that grant the capability that was asked for, if it is allowed.
    pub fn granting(&self) -> impl Iterator<Item = &'a str> {
        let (capability, allowed) = (self.capability, self.is_allowed());
        self.by(move |granted| allowed && granted.contains(capability))
    }

    fn by(&self, wanted: impl Fn(Capabilities) -> bool) -> impl Iterator<Item = &'a str> {
        let acl = self.acl;
        let rules = self.rule.map_or(&[][..], |rule| &rule.policies).iter();
        let named = rules
            .filter(move |(_, granted)| wanted(*granted))
            .filter_map(|(name, _)| acl.names.get(*name))
            .map(|name| &**name);
        let root = acl.root.then_some("root");
        let fence = self.fence.map(|fence| &*fence.policy);
        root.into_iter().chain(fence).chain(named)
    }
}

/// A rule left out because its template has no value for the token that asks.
///
/// ```
/// use vaultcore::policy::{Acl, Policy};
/// let text = r#"path "home/{{identity.entity.id}}/*" { capabilities = ["deny"] }"#;
/// let policy = Policy::parse(text)?;
/// let acl = Acl::compile([("homes", &policy)], None);
/// let left_out = &acl.unrendered()[0];
/// assert_eq!(left_out.policy(), "homes");
/// assert_eq!(left_out.path(), "home/{{identity.entity.id}}/*");
/// assert!(left_out.is_deny()); // so all of `home/` is denied
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Unrendered {
    pub(super) policy: Box<str>,
    pub(super) path: Box<str>,
    pub(super) fence: Option<Pattern>,
}

impl Unrendered {
    /// Returns the name of the policy.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the path of the rule, as it was written.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the rule is a deny, which then denies all that its first literal part covers.
    #[must_use]
    pub fn is_deny(&self) -> bool {
        self.fence.is_some()
    }
}
