//! Shows what a change of policies changes, by example.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use super::Policy;
use super::acl::Acl;
use super::decision::Ask;
use super::shape::Shape;
use super::template::Identity;
use crate::operation::Capability;

/// The most segments that are told apart: more than a path may have.
const MAX_DEPTH: usize = 80;
/// How many paths are tried, about.
const MAX_WITNESSES: usize = 200_000;

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
/// Each example is a path and a capability that the two sets really decide differently, and is the
/// shortest for the two patterns that decide it. If there is none, the two sets grant the same
/// capabilities on every path, the listing of folders with contradicting denies aside, unless they
/// differ in hundreds of patterns: after 200,000 paths no more are tried. Conditions on parameters
/// and on wrapping are not compared.
#[must_use]
pub fn diff(
    old: &[(&str, &Policy)],
    new: &[(&str, &Policy)],
    identity: Option<&Identity>,
) -> Vec<Change> {
    let old = Acl::compile(old.iter().copied(), identity);
    let new = Acl::compile(new.iter().copied(), identity);
    let mut changes = Vec::new();
    let mut shown = HashSet::new();
    let mut paths: Vec<_> = witnesses(&old, &new).into_iter().collect();
    paths.sort_by_key(String::len); // stable: in the order of bytes among those of one length
    for path in paths {
        for capability in Capability::ALL.iter().copied() {
            let (before, after) = (
                grants(&old, &path, capability),
                grants(&new, &path, capability),
            );
            // The same two rules differ the same way elsewhere; one example will do.
            let rules = (before.1.clone(), after.1.clone(), capability);
            if before.0 != after.0 && shown.insert(rules) {
                changes.push(Change {
                    path: path.clone(),
                    capability,
                    gained: after.0,
                    old: before.1,
                    new: after.1,
                });
            }
        }
    }
    changes
}

fn grants(acl: &Acl, path: &str, capability: Capability) -> (bool, Option<String>) {
    let decision = acl.check_capability(&Ask::new(path, capability));
    (decision.is_allowed(), decision.pattern().map(str::to_owned))
}

/// The paths to try. What is decided changes only where a pattern that changed decides, before or
/// after. Take such a path, and put names that no pattern has in the place of what neither of the
/// two patterns that decide it demands: what covers the new path covers the old one too, so the
/// same two decide. One path for each way in which two patterns meet will therefore do, up to the
/// number of segments that patterns tell apart.
fn witnesses(old: &Acl, new: &Acl) -> BTreeSet<String> {
    let all = || {
        old.patterns()
            .chain(new.patterns())
            .map(|(pattern, _)| pattern)
    };
    let all: HashSet<_> = all().chain(old.fences()).chain(new.fences()).collect();
    let fences = |acl: &Acl| acl.fences().cloned().collect::<HashSet<_>>();
    let same_fences = fences(old) == fences(new);
    let segments = all
        .iter()
        .map(|pattern| pattern.as_str().split('/').count());
    let depth = segments.max().unwrap_or_default().min(MAX_DEPTH);
    let used: HashSet<char> = all
        .iter()
        .flat_map(|pattern| pattern.as_str().chars())
        .collect();
    let name = unused_name(&used);
    let shapes: Vec<_> = all
        .iter()
        .map(|pattern| (pattern, Shape::of(pattern)))
        .collect();
    let mut paths = BTreeSet::new();
    for (pattern, shape) in &shapes {
        if paths.len() > MAX_WITNESSES {
            break;
        }
        if same_fences && old.granted_at(pattern) == new.granted_at(pattern) {
            continue;
        }
        let folder = shape.clone().folder();
        for (_, other) in &shapes {
            let other_folder = other.clone().folder();
            let pairs = [(shape, other), (&folder, other), (shape, &other_folder)];
            let meets = pairs.into_iter().chain([(&folder, &other_folder)]);
            for meet in meets.filter_map(|(one, other)| one.meet(other)) {
                meet.paths(&name, depth, &mut paths);
            }
        }
    }
    paths
}

/// A name that no pattern's literal begins with, or could be continued by.
fn unused_name(used: &HashSet<char>) -> String {
    let readable = ('x'..='z').chain('0'..='9').chain('a'..='w');
    let mut names = readable.chain('\u{a1}'..=char::MAX);
    names
        .find(|name| !used.contains(name))
        .map_or_else(String::new, String::from)
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
