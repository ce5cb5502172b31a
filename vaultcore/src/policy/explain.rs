//! Says why a set of policies decides as it does.

use std::fmt;

use super::acl::Acl;
use super::capabilities::Capabilities;
use super::decision::{Ask, Denial};
use super::pattern::{Advantage, Pattern};
use super::template::Identity;
use super::{Policy, Rule};
use crate::operation::Capability;

/// Which rule decided, and why the others that cover the path did not; see [`explain`].
///
/// ```
/// use vaultcore::policy::{Ask, Capability, Policy, explain};
/// let policy = Policy::parse(
///     r#"
///     path "secret/*"      { capabilities = ["read"] }
///     path "secret/data/+" { capabilities = ["deny"] }
///     "#,
/// )?;
/// let ask = Ask::new("secret/data/db", Capability::Read);
/// let explanation = explain(&[("app", &policy)], None, &ask);
/// assert!(!explanation.is_allowed());
/// assert_eq!(explanation.decided()[0].pattern(), "secret/data/+");
/// assert_eq!(explanation.lost()[0].pattern(), "secret/*");
/// assert!(explanation.to_string().contains("its first wildcard comes later"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Explanation {
    capability: Capability,
    denial: Option<Denial>,
    decided: Vec<MatchedRule>,
    lost: Vec<MatchedRule>,
    left_out: Vec<MatchedRule>,
}

/// A rule that covers a path, or might; a part of an [`Explanation`], with its example.
///
/// ```
/// use vaultcore::policy::{Ask, Capability, Policy, explain};
/// let policy = Policy::parse(r#"path "a" { capabilities = ["read"] }"#)?;
/// let explanation = explain(&[("app", &policy)], None, &Ask::new("a", Capability::Read));
/// let rule = &explanation.decided()[0];
/// assert_eq!((rule.policy(), rule.pattern()), ("app", "a"));
/// assert_eq!(rule.to_string(), "policy `app`, line 1, column 1: `a` [read]");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct MatchedRule {
    policy: String,
    pattern: String,
    place: String,
    capabilities: Capabilities,
    because: &'static str,
}

/// Explains what `policies`, each with its name, decide about `ask`. The answer is that of
/// [`Acl::check`]; this is slow, and for people.
#[must_use]
pub fn explain(
    policies: &[(&str, &Policy)],
    identity: Option<&Identity>,
    ask: &Ask<'_>,
) -> Explanation {
    let acl = Acl::compile(policies.iter().copied(), identity);
    let decision = acl.check(ask);
    let winner = decision.pattern();
    let unrendered = decision.denial() == Some(Denial::Unrendered);
    let mut explanation = Explanation {
        capability: ask.capability,
        denial: decision.denial(),
        decided: Vec::new(),
        lost: Vec::new(),
        left_out: Vec::new(),
    };
    let listing = matches!(ask.capability, Capability::List | Capability::Scan);
    let path = ask.path.trim_start_matches('/');
    let short = path.strip_suffix('/').filter(|_| listing);
    for (name, policy) in policies {
        for rule in &policy.rules {
            let path_of_rule = rule.path.render(identity);
            let pattern = path_of_rule.and_then(|path| Pattern::parse(&path).ok());
            let Some(pattern) = pattern else {
                explanation.not_rendered(name, rule, path, unrendered);
                continue;
            };
            if !unrendered && Some(pattern.as_str()) == winner {
                explanation.decided.push(matched(name, rule, &pattern, ""));
            } else if pattern.covers(path) || short.is_some_and(|short| pattern.covers(short)) {
                let because = match winner.and_then(|winner| Pattern::parse(winner).ok()) {
                    Some(winner) if !unrendered => why(&winner, &pattern, path),
                    _ => "a deny that could not be rendered stands above all rules",
                };
                explanation
                    .lost
                    .push(matched(name, rule, &pattern, because));
            }
        }
    }
    explanation
}

fn matched(policy: &str, rule: &Rule, pattern: &Pattern, because: &'static str) -> MatchedRule {
    MatchedRule {
        policy: policy.to_owned(),
        pattern: pattern.as_str().to_owned(),
        place: rule.at.to_string(),
        capabilities: rule.capabilities,
        because,
    }
}

fn why(winner: &Pattern, loser: &Pattern, path: &str) -> &'static str {
    if winner.is_exact() && loser.is_exact() {
        return "it is the path with its slash, which is looked for first";
    }
    if winner.is_exact() {
        return "it is the exact path";
    }
    match winner.priority().advantage(&loser.priority()) {
        Some(Advantage::LaterWildcard) => "its first wildcard comes later",
        Some(Advantage::NoStar) => "it does not end in `*`",
        Some(Advantage::FewerPlus) => "it has fewer `+`",
        Some(Advantage::Longer) => "it is longer",
        Some(Advantage::Greater) => "it is the last one in the order of bytes",
        None if winner.covers(path) && !loser.covers(path) => {
            "it covers the folder with its slash, which is looked for first"
        }
        None => "it decides",
    }
}

impl Explanation {
    fn not_rendered(&mut self, name: &str, rule: &Rule, path: &str, decides: bool) {
        let fence = Pattern::beginning(rule.path.head());
        if !fence.covers(path) {
            return;
        }
        let one = MatchedRule {
            policy: name.to_owned(),
            pattern: rule.path.as_str().to_owned(),
            place: rule.at.to_string(),
            capabilities: rule.capabilities,
            because: "its template has no value for this token",
        };
        match decides && rule.capabilities.is_denied() {
            true => self.decided.push(one),
            false => self.left_out.push(one),
        }
    }

    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.denial.is_none()
    }

    /// Returns why not.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Returns the rules with the pattern that decided; several if several say it.
    #[must_use]
    pub fn decided(&self) -> &[MatchedRule] {
        &self.decided
    }

    /// Returns the rules that cover the path too, and do not count.
    #[must_use]
    pub fn lost(&self) -> &[MatchedRule] {
        &self.lost
    }

    /// Returns the rules that might cover the path and could not be rendered.
    #[must_use]
    pub fn left_out(&self) -> &[MatchedRule] {
        &self.left_out
    }
}

impl MatchedRule {
    /// Returns the name of its policy.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns its pattern, rendered if it could be.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Returns what it says.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

impl fmt::Display for MatchedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.capabilities.names().join(", ");
        write!(
            f,
            "policy `{}`, {}: `{}` [{words}]",
            self.policy, self.place, self.pattern
        )
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denial {
            None => writeln!(f, "{} is allowed", self.capability)?,
            Some(denial) => writeln!(f, "{} is denied: {denial}", self.capability)?,
        }
        for rule in &self.decided {
            writeln!(f, "  decides: {rule}")?;
        }
        for rule in &self.lost {
            writeln!(
                f,
                "  does not count: {rule}; of the one that decides: {}",
                rule.because
            )?;
        }
        for rule in &self.left_out {
            writeln!(f, "  left out: {rule}; {}", rule.because)?;
        }
        Ok(())
    }
}
