//! Shows what a change of policies changes, by example.

use std::collections::BTreeSet;
use std::fmt;

use super::Policy;
use super::acl::Acl;
use super::decision::Ask;
use super::pattern::Pattern;
use super::template::Identity;
use crate::operation::Capability;

/// A path where one set of policies allows what another does not; see [`diff`].
///
/// ```
/// use vaultcore::policy::{Capability, Policy, diff};
/// let old = Policy::parse(r#"path "secret/*" { capabilities = ["read", "list"] }"#)?;
/// let new = Policy::parse(r#"path "secret/+" { capabilities = ["read"] }"#)?;
/// let changes = diff(&[("app", &old)], &[("app", &new)], None);
/// assert!(changes.iter().all(|change| !change.is_gained()));
/// let listed = changes.iter().find(|change| change.capability() == Capability::List);
/// assert_eq!(listed.map(|change| change.path()), Some("secret/"));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    path: String,
    capability: Capability,
    gained: bool,
    old: Option<String>,
    new: Option<String>,
}

/// Returns examples of what `new` allows and `old` does not, and the other way round, for the token
/// of `identity`.
///
/// Each example is a path and a capability that the two sets really decide differently. If there is
/// none, they grant the same capabilities on every path; conditions on parameters and on wrapping
/// are not compared.
#[must_use]
pub fn diff(
    old: &[(&str, &Policy)],
    new: &[(&str, &Policy)],
    identity: Option<&Identity>,
) -> Vec<Change> {
    let old = Acl::compile(old.iter().copied(), identity);
    let new = Acl::compile(new.iter().copied(), identity);
    let mut changes = BTreeSet::new();
    for path in witnesses(&old, &new) {
        for capability in Capability::ALL.iter().copied() {
            let (before, after) = (
                grants(&old, &path, capability),
                grants(&new, &path, capability),
            );
            if before.0 != after.0 {
                changes.insert(Change {
                    path: path.clone(),
                    capability,
                    gained: after.0,
                    old: before.1,
                    new: after.1,
                });
            }
        }
    }
    changes.into_iter().collect()
}

fn grants(acl: &Acl, path: &str, capability: Capability) -> (bool, Option<String>) {
    let decision = acl.check_capability(&Ask::new(path, capability));
    (decision.is_allowed(), decision.pattern().map(str::to_owned))
}

/// The paths to try. A decision changes only where a pattern decides that changed. Where it
/// decides any path, it decides one of the same shape with names that no pattern has in the places
/// of its wildcards: what covers that one covers the other too. So one path of each shape will do,
/// up to the number of segments that patterns tell apart.
fn witnesses(old: &Acl, new: &Acl) -> BTreeSet<String> {
    let all = || {
        old.patterns()
            .chain(new.patterns())
            .map(|(pattern, _)| pattern)
    };
    let all = || all().chain(old.fences()).chain(new.fences());
    let fences = |acl: &Acl| {
        acl.fences()
            .cloned()
            .collect::<std::collections::HashSet<_>>()
    };
    let same_fences = fences(old) == fences(new);
    let depth = all()
        .map(|pattern| pattern.as_str().split('/').count())
        .max()
        .unwrap_or_default();
    let name = unused_name(|name| all().any(|pattern| pattern.as_str().contains(name)));
    let mut paths = BTreeSet::new();
    for pattern in all() {
        let changed = !same_fences || old.granted_at(pattern) != new.granted_at(pattern);
        if changed {
            shapes(pattern, &name, depth, &mut paths);
        }
    }
    paths
}

fn unused_name(used: impl Fn(&str) -> bool) -> String {
    let mut name = "any".to_owned();
    while used(&name) {
        name.push('y');
    }
    name
}

fn shapes(pattern: &Pattern, name: &str, depth: usize, paths: &mut BTreeSet<String>) {
    let segments = pattern.literal().split('/');
    let segments = segments.map(|segment| match segment {
        "+" if pattern.is_wild() => name,
        segment => segment,
    });
    let whole = segments.collect::<Vec<_>>().join("/");
    let mut add = |path: String| {
        paths.insert(format!("{path}/")); // a folder, for listings
        paths.insert(path);
    };
    add(whole.clone());
    if !pattern.is_prefix() {
        return;
    }
    let used = whole.split('/').count();
    for begin in [whole.clone(), format!("{whole}{name}")] {
        let mut path = begin;
        for _ in used..=depth.max(used) {
            add(path.clone());
            path = format!("{path}/{name}");
        }
        add(path);
    }
}

impl Change {
    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is or was allowed there.
    #[must_use]
    pub fn capability(&self) -> Capability {
        self.capability
    }

    /// Whether it is allowed now; otherwise it was.
    #[must_use]
    pub fn is_gained(&self) -> bool {
        self.gained
    }

    /// Returns the pattern that decided in the old set.
    #[must_use]
    pub fn old_pattern(&self) -> Option<&str> {
        self.old.as_deref()
    }

    /// Returns the pattern that decides in the new set.
    #[must_use]
    pub fn new_pattern(&self) -> Option<&str> {
        self.new.as_deref()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, word) = if self.gained {
            ('+', "gained")
        } else {
            ('-', "lost")
        };
        let named = |pattern: &Option<String>| match pattern {
            Some(pattern) => format!("`{pattern}`"),
            None => "no rule".to_owned(),
        };
        let (old, new) = (named(&self.old), named(&self.new));
        write!(
            f,
            "{sign} {} `{}` {word}: decided by {old}, now by {new}",
            self.capability, self.path
        )
    }
}
