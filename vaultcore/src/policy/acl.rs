//! Policies compiled for one token, and what they decide.

use std::collections::{BTreeMap, HashMap};

use super::capabilities::Capabilities;
use super::decision::{Ask, Decision, Denial, Unrendered};
use super::params::Conditions;
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
    pub(super) root: bool,
    pub(super) names: Vec<Box<str>>,
    rules: Vec<Merged>,
    /// Of each of the rules.
    grants: Vec<Grant>,
    /// Where in `rules` a pattern stands.
    places: HashMap<Pattern, usize>,
    exact: HashMap<Box<str>, u32>,
    patterns: Trie,
    /// What denies that could not be rendered might have covered.
    fences: Trie,
    unrendered: Vec<Unrendered>,
}

/// All rules with the same pattern.
pub(super) struct Merged {
    pub(super) pattern: Pattern,
    capabilities: Capabilities,
    conditions: Conditions,
    /// Which policies have the pattern, and what each says there.
    pub(super) policies: Vec<(usize, Capabilities)>,
}

/// What decides at a path.
enum Decisive<'a> {
    Nothing,
    Fence(&'a Unrendered),
    Rule(Grant, &'a Merged),
}

/// What a check needs of a rule nearly always: few bytes, which the processor's caches hold for all
/// rules, so that it does not wait for the rest.
#[derive(Clone, Copy)]
struct Grant {
    capabilities: Capabilities,
    has_conditions: bool,
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
        self.decide(ask, |rule| rule.check_conditions(ask))
    }

    /// Decides as [`check`](Self::check) does, and asks for the request's body only if the rule
    /// that decides has conditions.
    pub(crate) fn check_lazily<B: AsRef<[u8]>>(
        &self,
        ask: &Ask<'_>,
        body: impl FnOnce() -> B,
    ) -> Decision<'_> {
        self.decide(ask, |rule| {
            let body = body();
            rule.check_conditions(&ask.with_body(body.as_ref()))
        })
    }

    /// Decides as if no rule had conditions.
    pub(super) fn check_capability(&self, ask: &Ask<'_>) -> Decision<'_> {
        self.decide(ask, |_| Ok(()))
    }

    fn decide(
        &self,
        ask: &Ask<'_>,
        conditions: impl FnOnce(&Merged) -> Result<(), Denial>,
    ) -> Decision<'_> {
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
            Decisive::Rule(grant, rule) => {
                decision.rule = Some(rule);
                decision.denial = grant.check(ask).err();
                if grant.has_conditions && decision.denial.is_none() {
                    decision.denial = conditions(rule).err();
                }
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
            Decisive::Rule(grant, _) => grant.capabilities,
        }
    }

    /// Returns the rules that were left out because a template had no value.
    #[must_use]
    pub fn unrendered(&self) -> &[Unrendered] {
        &self.unrendered
    }

    /// Returns what is granted where.
    #[allow(dead_code)] // until the operation that answers it is wired
    pub(crate) fn resultant(&self) -> Resultant {
        let mut resultant = Resultant {
            root: self.root,
            ..Resultant::default()
        };
        let fences = self.fences().map(|fence| (fence, Capabilities::DENIED));
        for (pattern, capabilities) in self.patterns().chain(fences) {
            let paths = match (pattern.is_wild(), pattern.is_prefix()) {
                (true, _) => continue,
                (false, true) => &mut resultant.glob_paths,
                (false, false) => &mut resultant.exact_paths,
            };
            paths.insert(pattern.literal().to_owned(), capabilities);
        }
        resultant
    }

    /// Every pattern with what is said there.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (&Pattern, Capabilities)> {
        self.rules
            .iter()
            .map(|rule| (&rule.pattern, rule.capabilities))
    }

    /// The patterns that stand in for denies which could not be rendered.
    pub(super) fn fences(&self) -> impl Iterator<Item = &Pattern> {
        self.unrendered
            .iter()
            .filter_map(|left_out| left_out.fence.as_ref())
    }

    /// What is granted by exactly this pattern, if there is a rule with it.
    pub(super) fn granted_at(&self, pattern: &Pattern) -> Option<Capabilities> {
        let place = self.places.get(pattern)?;
        self.rules.get(*place).map(|rule| rule.capabilities)
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
        let found = decides.and_then(|rule| at(&self.grants, rule).zip(at(&self.rules, rule)));
        match found {
            Some((grant, rule)) => Decisive::Rule(*grant, rule),
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
        let denies = |rule| at(&self.grants, rule).is_some_and(|one| one.capabilities.is_denied());
        match short.rank > full.rank && denies(short.rule) {
            true => Some(short.rule),
            false => Some(full.rule),
        }
    }
}

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}

impl Grant {
    fn check(self, ask: &Ask<'_>) -> Result<(), Denial> {
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
        Ok(())
    }
}

impl Merged {
    pub(super) fn grants(&self, capability: Capability) -> bool {
        self.capabilities.contains(capability)
    }

    fn check_conditions(&self, ask: &Ask<'_>) -> Result<(), Denial> {
        self.conditions.check_wrapping(ask.wrap_ttl)?;
        match ask.capability {
            Capability::Create | Capability::Read | Capability::Update | Capability::Patch => {
                Ok(self.conditions.check_body(ask.body)?)
            }
            _ => Ok(()),
        }
    }
}

/// What an [`Acl`] grants, as user interfaces ask for it by `sys/internal/ui/resultant-acl`.
/// Patterns
/// with a segment `+` are not among it, as in Vault.
#[allow(dead_code)]
#[derive(Default)]
pub(crate) struct Resultant {
    pub(crate) root: bool,
    pub(crate) exact_paths: BTreeMap<String, Capabilities>,
    /// Without the `*` at their end.
    pub(crate) glob_paths: BTreeMap<String, Capabilities>,
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
        let grants = self.rules.iter().map(|rule| Grant {
            capabilities: rule.capabilities,
            has_conditions: rule.conditions != Conditions::default(),
        });
        Acl {
            root: false,
            grants: grants.collect(),
            exact,
            patterns,
            fences: Trie::build(fences),
            names: self.names,
            places: self.places,
            rules: self.rules,
            unrendered: self.unrendered,
        }
    }
}
