//! Policies: text in, decisions out.
//!
//! [`Policy`] is the text, parsed; [`Acl`] is a set of policies, compiled for one token, and it
//! decides. Beside them stand tools for people: [`Policy::lint`], [`explain`] and [`diff`].
//!
//! The language is Vault's, in HCL or JSON:
//!
//! ```
//! use vaultcore::policy::{Acl, Ask, Capability, Policy};
//! let policy = Policy::parse(
//!     r#"
//!     // What the deploy job may do.
//!     path "secret/data/deploy/*" { capabilities = ["read"] }
//!     path "transit/keys/+" {
//!       capabilities = ["create", "update"]
//!       allowed_parameters = { "type" = ["aes256-gcm96", "ed25519"] }
//!     }
//!     "#,
//! )?;
//! let acl = Acl::compile([("deploy", &policy)], None);
//! let ask = Ask::new("transit/keys/a", Capability::Create);
//! assert!(acl.check(&ask.with_body(br#"{"type": "ed25519"}"#)).is_allowed());
//! assert!(!acl.check(&ask.with_body(br#"{"type": "rsa-2048"}"#)).is_allowed());
//! # Ok::<(), vaultcore::Error>(())
//! ```
//!
//! # Where it differs from Vault
//!
//! * A `deny` whose template has no value for a token denies that token all that its first literal
//!   part covers, whatever else allows it. In Vault the rule vanishes.
//! * A value of a template that is empty, or has a wildcard, a slash or a control character, counts
//!   as none.
//! * A listing may not pass a deny on the folder's name without its slash, if that deny is more
//!   specific than what covers the folder with it. OpenBao lets it.
//! * A denied value is also found inside a list and between commas. Numbers are compared as
//!   numbers; in Vault a number of a rule is equal to none of a request.
//! * An attribute that stands twice in a rule is refused, and so is one that vaultcore does not
//!   have.

mod acl;
mod builtin;
mod capabilities;
mod decision;
mod diff;
mod explain;
mod hcl;
mod json;
mod lexer;
mod lint;
mod params;
mod password;
mod pattern;
mod print;
mod reach;
mod read;
mod shape;
mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod trie;

pub use acl::Acl;
pub use builtin::{DEFAULT, DEFAULT_TEXT, RESPONSE_WRAPPING, RESPONSE_WRAPPING_TEXT, ROOT};
pub use capabilities::Capabilities;
pub use decision::{Ask, Decision, Denial, Unrendered};
pub use diff::{Change, diff};
pub use explain::{Explanation, MatchedRule, explain};
pub use lint::{Finding, FindingKind, lint};
pub use syntax::{MAX_DEPTH, MAX_POLICY, MAX_RULES};
pub use template::{Alias, Entity, Group, Identity};

pub(crate) use password::PasswordStore;

use std::fmt;

use params::Conditions;
use syntax::At;
use template::Template;

use crate::error::Result;
pub use crate::operation::Capability;

/// A policy: rules by path.
///
/// A text has at most [`MAX_POLICY`] bytes and [`MAX_RULES`] rules, nested at most [`MAX_DEPTH`]
/// deep.
///
/// ```
/// use vaultcore::policy::Policy;
/// let policy = Policy::parse(r#"path "secret/*" { capabilities = ["read"] }"#)?;
/// assert!(!policy.has_templates());
/// let json = Policy::parse(r#"{"path": {"secret/*": {"capabilities": ["read"]}}}"#)?;
/// assert_eq!(policy, json);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    rules: Vec<Rule>,
    /// The comments behind the last rule.
    last_notes: Vec<String>,
}

/// One `path` block.
#[derive(Clone)]
struct Rule {
    at: At,
    path: Template,
    capabilities: Capabilities,
    conditions: Conditions,
    comment: Option<String>,
    /// The comments before and in it, line by line.
    notes: Vec<String>,
}

impl Policy {
    /// Parses a text in HCL, or in JSON if it begins with a brace.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not a policy, `Unsupported` for attributes of Vault that
    /// vaultcore does not have, `TooLarge` beyond the bounds. The message says where, and quotes
    /// nothing.
    pub fn parse(text: &str) -> Result<Self> {
        read::parse(text)
    }

    /// Whether what it says depends on who asks.
    #[must_use]
    pub fn has_templates(&self) -> bool {
        self.rules.iter().any(|rule| !rule.path.is_plain())
    }

    /// Returns the number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has no rule, and so grants nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({} rules)", self.rules.len()) // its paths are names of secrets
    }
}

/// Two policies are equal if they say the same, wherever it stands and however it is commented.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
            && self.capabilities == other.capabilities
            && self.conditions == other.conditions
            && self.comment == other.comment
    }
}
