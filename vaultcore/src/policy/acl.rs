//! Policies compiled for one token, and what they decide.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::capabilities::Capabilities;
use super::params::{Conditions, Unmet};
use super::pattern::Pattern;
use super::template::Identity;
use super::trie::Trie;
use super::{Policy, Rule};
use crate::operation::Capability;

/// A set of policies, compiled: it decides what a token may do.
///
/// It decides as Vault does. An exact path wins over every pattern; of the patterns that cover a
/// path only the most specific one counts, and nothing of the others is added to it. Where several
/// policies have the same pattern, their capabilities are joined, and one `deny` wipes them all.
/// What no rule covers is denied. The cost of a check does not depend on the number of rules.
///
/// ```
/// use vaultcore::policy::{Acl, Ask, Capability, Policy};
/// let policy = Policy::parse(
///     r#"
///     path "secret/*"     { capabilities = ["read", "list"] }
///     path "secret/prod/*" { capabilities = ["deny"] }
///     "#,
/// )?;
/// let acl = Acl::compile([("developer", &policy)], None);
/// assert!(acl.check(&Ask::new("secret/test/db", Capability::Read)).is_allowed());
/// let decision = acl.check(&Ask::new("secret/prod/db", Capability::Read));
/// assert!(!decision.is_allowed());
/// assert_eq!(decision.pattern(), Some("secret/prod/*"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Acl {
    root: bool,
    names: Vec<Box<str>>,
    rules: Vec<Merged>,
    exact: HashMap<Box<str>, u32>,
    patterns: Trie,
    /// What denies that could not be rendered might have covered.
    fences: Trie,
    unrendered: Vec<Unrendered>,
}

/// All rules with the same pattern.
struct Merged {
    pattern: Pattern,
    capabilities: Capabilities,
    conditions: Conditions,
    /// Which policies have the pattern, and what each says there.
    policies: Vec<(usize, Capabilities)>,
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
    policy: Box<str>,
    path: Box<str>,
    fence: Option<Pattern>,
}

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
    acl: &'a Acl,
    capability: Capability,
    rule: Option<&'a Merged>,
    fence: Option<&'a Unrendered>,
    denial: Option<Denial>,
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

/// What decides at a path.
enum Decisive<'a> {
    Nothing,
    Fence(&'a Unrendered),
    Rule(&'a Merged),
}

impl Acl {
    /// Compiles `policies`, each with its name, for the token of `identity`.
    pub fn compile<'p>(
        policies: impl IntoIterator<Item = (&'p str, &'p Policy)>,
        identity: Option<&Identity>,
    ) -> Self {
        let mut builder = Builder::default();
        for (name, policy) in policies {
            builder.policy(name, policy, identity);
        }
        builder.finish()
    }

    /// Returns the one of the root policy, which grants everything.
    #[must_use]
    pub fn root() -> Self {
        Self {
            root: true,
            ..Builder::default().finish()
        }
    }

    /// Whether it is that of the root policy.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.root
    }

    /// Decides.
    #[must_use]
    pub fn check(&self, ask: &Ask<'_>) -> Decision<'_> {
        let mut decision = Decision {
            acl: self,
            capability: ask.capability,
            rule: None,
            fence: None,
            denial: None,
        };
        if self.root {
            return decision;
        }
        let listing = matches!(ask.capability, Capability::List | Capability::Scan);
        match self.decisive(ask.path, listing) {
            Decisive::Nothing => decision.denial = Some(Denial::NoRule),
            Decisive::Fence(fence) => {
                decision.fence = Some(fence);
                decision.denial = Some(Denial::Unrendered);
            }
            Decisive::Rule(rule) => {
                decision.rule = Some(rule);
                decision.denial = rule.check(ask).err();
            }
        }
        decision
    }

    /// Returns what may be done at `path`, as `sys/capabilities` answers it.
    #[must_use]
    pub fn capabilities(&self, path: &str) -> Capabilities {
        if self.root {
            return Capabilities::ROOT;
        }
        // As in Vault, a folder's capabilities are those that a listing of it would find.
        match self.decisive(path, true) {
            Decisive::Nothing => Capabilities::NONE,
            Decisive::Fence(_) => Capabilities::DENIED,
            Decisive::Rule(rule) => rule.capabilities,
        }
    }

    /// Returns the rules that were left out because a template had no value.
    #[must_use]
    pub fn unrendered(&self) -> &[Unrendered] {
        &self.unrendered
    }

    /// Returns every pattern with what it grants, in no order that means anything. Exact paths have
    /// neither a `*` at the end nor a segment `+`.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = Resultant<'_>> {
        self.rules.iter().map(|rule| Resultant {
            path: rule.pattern.literal(),
            is_prefix: rule.pattern.is_prefix(),
            is_wild: rule.pattern.is_wild(),
            capabilities: rule.capabilities,
        })
    }

    fn decisive(&self, path: &str, listing: bool) -> Decisive<'_> {
        let path = path.trim_start_matches('/');
        if !self.fences.is_empty()
            && let Some(found) = self.fences.find(path)
            && let Some(fence) = at(&self.unrendered, found.rule)
        {
            return Decisive::Fence(fence);
        }
        let short = if listing {
            path.strip_suffix('/')
        } else {
            None
        };
        let exact = |path: &str| self.exact.get(path).copied();
        let decides = exact(path)
            .or_else(|| short.and_then(exact))
            .or_else(|| self.pattern(path, short));
        match decides.and_then(|rule| at(&self.rules, rule)) {
            Some(rule) => Decisive::Rule(rule),
            None => Decisive::Nothing,
        }
    }

    /// The pattern that decides. A folder is looked for with its slash, and without only if no
    /// pattern covers it so; but a deny that decides without it is not passed by a pattern that is
    /// less specific than the deny.
    fn pattern(&self, path: &str, short: Option<&str>) -> Option<u32> {
        let full = self.patterns.find(path);
        let short = short.and_then(|short| self.patterns.find(short));
        let (Some(full), Some(short)) = (full, short) else {
            return full.or(short).map(|found| found.rule);
        };
        let denies = |rule| at(&self.rules, rule).is_some_and(|rule| rule.capabilities.is_denied());
        match short.rank > full.rank && denies(short.rule) {
            true => Some(short.rule),
            false => Some(full.rule),
        }
    }
}

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}

impl Merged {
    fn check(&self, ask: &Ask<'_>) -> Result<(), Denial> {
        let granted = self.capabilities;
        if granted.is_denied() {
            return Err(Denial::Deny);
        }
        if !granted.contains(ask.capability) {
            return Err(Denial::NotGranted);
        }
        if ask.sudo && !granted.contains(Capability::Sudo) {
            return Err(Denial::NeedsSudo);
        }
        self.conditions.check_wrapping(ask.wrap_ttl)?;
        match ask.capability {
            Capability::Create | Capability::Read | Capability::Update | Capability::Patch => {
                Ok(self.conditions.check_body(ask.body)?)
            }
            _ => Ok(()),
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

/// A pattern of an [`Acl`], for `sys/internal/ui/resultant-acl`.
pub(crate) struct Resultant<'a> {
    /// The pattern, without a `*` at its end.
    pub(crate) path: &'a str,
    pub(crate) is_prefix: bool,
    pub(crate) is_wild: bool,
    pub(crate) capabilities: Capabilities,
}

#[derive(Default)]
struct Builder {
    names: Vec<Box<str>>,
    rules: Vec<Merged>,
    places: HashMap<Pattern, usize>,
    unrendered: Vec<Unrendered>,
}

impl Builder {
    fn policy(&mut self, name: &str, policy: &Policy, identity: Option<&Identity>) {
        let index = self.names.len();
        self.names.push(name.into());
        for rule in &policy.rules {
            let rendered = rule.path.render(identity);
            match rendered.and_then(|path| Pattern::parse(&path).ok()) {
                Some(pattern) => self.rule(index, pattern, rule),
                None => self.unrendered.push(Unrendered {
                    policy: name.into(),
                    path: rule.path.as_str().into(),
                    fence: rule
                        .capabilities
                        .is_denied()
                        .then(|| Pattern::beginning(rule.path.head())),
                }),
            }
        }
    }

    fn rule(&mut self, policy: usize, pattern: Pattern, rule: &Rule) {
        let capabilities = rule.capabilities;
        let place = *self.places.entry(pattern).or_insert_with_key(|pattern| {
            self.rules.push(Merged {
                pattern: pattern.clone(),
                capabilities: Capabilities::NONE,
                conditions: Conditions::default(),
                policies: Vec::new(),
            });
            self.rules.len() - 1
        });
        let Some(merged) = self.rules.get_mut(place) else {
            return;
        };
        merged.capabilities = merged.capabilities.and(capabilities);
        merged.conditions.merge(&rule.conditions);
        match merged.policies.last_mut() {
            Some((last, granted)) if *last == policy => *granted = granted.and(capabilities),
            _ => merged.policies.push((policy, capabilities)),
        }
    }

    fn finish(self) -> Acl {
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let numbered = || {
            self.rules
                .iter()
                .enumerate()
                .map(|(index, rule)| (&rule.pattern, number(index)))
        };
        let exact = numbered()
            .filter(|(pattern, _)| pattern.is_exact())
            .map(|(pattern, index)| (pattern.as_str().into(), index))
            .collect();
        let patterns = Trie::build(numbered().filter(|(pattern, _)| !pattern.is_exact()));
        let mut fences = HashMap::new();
        for (index, left_out) in self.unrendered.iter().enumerate() {
            if let Some(fence) = &left_out.fence {
                fences.entry(fence).or_insert(number(index));
            }
        }
        Acl {
            root: false,
            exact,
            patterns,
            fences: Trie::build(fences),
            names: self.names,
            rules: self.rules,
            unrendered: self.unrendered,
        }
    }
}
