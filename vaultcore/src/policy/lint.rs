//! Finds what is probably not meant in a policy.

use std::fmt;

use super::pattern::Pattern;
use super::syntax::At;
use super::{Policy, Rule};
use crate::operation::Capability;

/// Something in a policy that is probably not meant.
///
/// ```
/// use vaultcore::policy::{FindingKind, Policy};
/// let policy = Policy::parse(
///     r#"
///     path "secret/*"          { capabilities = ["read"] }
///     path "secret/+/private/*" { capabilities = ["deny"] }
///     "#,
/// )?;
/// let finding = &policy.lint()[0];
/// assert_eq!(finding.kind(), FindingKind::DeadDeny);
/// assert_eq!(finding.other(), Some("secret/*")); // it has fewer `+`, and so it wins
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Finding {
    kind: FindingKind,
    at: Option<At>,
    path: String,
    other: Option<String>,
    detail: Option<String>,
}

/// What kind of thing a [`Finding`] is.
///
/// ```
/// use vaultcore::policy::{FindingKind, lint};
/// let findings = lint(r#"path "a" { capabilities = ["write"] }"#);
/// assert_eq!(findings[0].kind(), FindingKind::Refused);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// The text is no policy; an unknown capability is among the reasons.
    Refused,
    /// A deny that never bites: another rule is more specific wherever the deny would cover.
    DeadDeny,
    /// A deny beside a more specific rule that grants something in the midst of what it covers.
    DenyWithHole,
    /// The path `*`: every path of the vault.
    Everything,
    /// `sudo` on a pattern that ends in `*`.
    SudoOnStar,
    /// A template that no identity has a value for.
    NeverRendered,
    /// A rule that covers no path.
    NeverMatches,
    /// A `*` before the end, or a `+` beside other characters: they stand for themselves.
    LiteralWildcard,
    /// A rule that grants nothing and denies nothing, but hides what other rules grant.
    Empty,
    /// A path beside others of a KV version 2 mount that misses their `data/` or `metadata/`.
    MissesData,
}

/// Lints a text, which need not be a policy: then the one finding says why.
#[must_use]
pub fn lint(text: &str) -> Vec<Finding> {
    match Policy::parse(text) {
        Ok(policy) => policy.lint(),
        Err(error) => vec![Finding {
            kind: FindingKind::Refused,
            at: None,
            path: String::new(),
            other: None,
            detail: Some(error.to_string()),
        }],
    }
}

impl Policy {
    /// Returns what is probably not meant, rule by rule. [`lint`] takes text.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let patterns: Vec<_> = self.rules.iter().map(plain_pattern).collect();
        for (rule, pattern) in self.rules.iter().zip(&patterns) {
            findings.extend(
                alone(rule)
                    .into_iter()
                    .map(|kind| Finding::new(kind, rule, None)),
            );
            let Some(pattern) = pattern else { continue };
            let others = self.rules.iter().zip(&patterns);
            let others = others.filter_map(|(rule, other)| Some((rule, other.as_ref()?)));
            if rule.capabilities.is_denied() {
                deny(&mut findings, rule, pattern, others);
            } else if let Some(mount) = misses_data(pattern, others) {
                findings.push(Finding::new(FindingKind::MissesData, rule, Some(mount)));
            }
        }
        findings
    }
}

/// The pattern of a rule without templates.
fn plain_pattern(rule: &Rule) -> Option<Pattern> {
    let path = rule.path.as_str();
    Pattern::parse(path).ok().filter(|_| rule.path.is_plain())
}

/// What can be said of a rule without looking at others.
fn alone(rule: &Rule) -> Vec<FindingKind> {
    let path = rule.path.as_str();
    let mut found = Vec::new();
    let star = path.ends_with('*');
    if path == "*" {
        found.push(FindingKind::Everything);
    }
    if star && rule.capabilities.contains(Capability::Sudo) {
        found.push(FindingKind::SudoOnStar);
    }
    if !rule.path.can_render() {
        found.push(FindingKind::NeverRendered);
    }
    let inside = path.strip_suffix('*').unwrap_or(path);
    if no_path(inside, star) {
        found.push(FindingKind::NeverMatches);
    }
    let odd = |segment: &str| segment.len() > 1 && segment.contains('+');
    if rule.path.is_plain() && (inside.contains('*') || inside.split('/').any(odd)) {
        found.push(FindingKind::LiteralWildcard);
    }
    if rule.capabilities.is_empty() && !rule.capabilities.is_denied() {
        found.push(FindingKind::Empty);
    }
    found
}

/// Whether no path can begin so, or be so.
fn no_path(text: &str, open: bool) -> bool {
    let bad = |segment: &str| matches!(segment, "" | "." | "..");
    // The last segment may be open, and a folder's is empty.
    let (before, last) = text
        .rsplit_once('/')
        .map_or((None, text), |(before, last)| (Some(before), last));
    let empty = text.is_empty() && !open;
    let dots = matches!(last, "." | "..") && !open;
    let inner = before.is_some_and(|before| before.split('/').any(bad));
    empty || dots || inner || text.chars().any(char::is_control)
}

fn deny<'r>(
    findings: &mut Vec<Finding>,
    rule: &Rule,
    pattern: &Pattern,
    others: impl Iterator<Item = (&'r Rule, &'r Pattern)>,
) {
    let more_specific = |other: &Pattern| match (other.is_exact(), pattern.is_exact()) {
        (_, true) => false,
        (true, false) => true,
        (false, false) => other.priority() > pattern.priority(),
    };
    let mut hole = None;
    let rivals = others.filter(|(other, _)| !other.capabilities.is_denied());
    for (other, rival) in rivals.filter(|(_, rival)| more_specific(rival)) {
        if rival.includes(pattern) {
            findings.push(Finding::new(
                FindingKind::DeadDeny,
                rule,
                Some(rival.as_str()),
            ));
            return;
        }
        if !other.capabilities.is_empty() && pattern.includes(rival) {
            hole.get_or_insert(rival);
        }
    }
    if let Some(rival) = hole {
        findings.push(Finding::new(
            FindingKind::DenyWithHole,
            rule,
            Some(rival.as_str()),
        ));
    }
}

/// The folders that a mount of KV version 2 has.
const KV_FOLDERS: &[&str] = &[
    "data",
    "metadata",
    "delete",
    "undelete",
    "destroy",
    "subkeys",
    "detailed-metadata",
];

/// Returns a sibling of a KV version 2 mount, if the pattern stands in that mount and in none of
/// its folders.
fn misses_data<'r>(
    pattern: &Pattern,
    others: impl Iterator<Item = (&'r Rule, &'r Pattern)>,
) -> Option<&'r str> {
    let (mount, rest) = pattern.literal().split_once('/')?;
    let folder = rest.split('/').next().unwrap_or_default();
    if rest.is_empty() || folder == "config" || folder == "+" || mount == "+" {
        return None;
    }
    // `secret/da*` may mean a folder.
    let open = pattern.is_prefix() && !rest.contains('/');
    let is_folder = |kv: &&str| *kv == folder || (open && kv.starts_with(folder));
    if KV_FOLDERS.iter().any(is_folder) {
        return None;
    }
    let is_kv = |other: &&Pattern| {
        let rest = other
            .literal()
            .strip_prefix(mount)
            .and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| rest.starts_with("data/") || rest.starts_with("metadata/"))
    };
    others
        .map(|(_, other)| other)
        .find(is_kv)
        .map(Pattern::as_str)
}

impl Finding {
    fn new(kind: FindingKind, rule: &Rule, other: Option<&str>) -> Self {
        Self {
            kind,
            at: Some(rule.at),
            path: rule.path.as_str().to_owned(),
            other: other.map(str::to_owned),
            detail: None,
        }
    }

    /// Returns what kind it is.
    #[must_use]
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// Returns the path of the rule it is about, as written; nothing if there are no rules.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path of the other rule that it has to do with.
    #[must_use]
    pub fn other(&self) -> Option<&str> {
        self.other.as_deref()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: `{}`: ", self.path)?;
        }
        let other = self.other.as_deref().unwrap_or_default();
        match self.kind {
            FindingKind::Refused => f.write_str(self.detail.as_deref().unwrap_or_default()),
            FindingKind::DeadDeny => {
                write!(
                    f,
                    "this deny never bites: `{other}` is more specific everywhere"
                )
            }
            FindingKind::DenyWithHole => {
                write!(
                    f,
                    "this deny does not hold for `{other}`, which is more specific"
                )
            }
            FindingKind::Everything => f.write_str("covers every path of the vault"),
            FindingKind::SudoOnStar => f.write_str("grants sudo on all that begins so"),
            FindingKind::NeverRendered => f.write_str("no identity has a value for this template"),
            FindingKind::NeverMatches => f.write_str(
                "covers no path: none has an empty segment, `.`, `..` or control characters",
            ),
            FindingKind::LiteralWildcard => f.write_str(
                "a `*` before the end, or a `+` beside other characters, stands for itself",
            ),
            FindingKind::Empty => {
                f.write_str("grants nothing, and hides what less specific rules grant here")
            }
            FindingKind::MissesData => write!(
                f,
                "beside `{other}` this looks like a path of KV version 2 \
                 that misses its `data/` or `metadata/`",
            ),
        }
    }
}
