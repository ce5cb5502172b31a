//! Sets of capabilities.

use std::fmt;

use crate::operation::Capability;

/// What may be done at a path: a set of capabilities, or a denial.
///
/// ```
/// use vaultcore::policy::{Acl, Capability, Policy};
/// let policy = Policy::parse(r#"path "a" { capabilities = ["update", "read"] }"#)?;
/// let acl = Acl::compile([("p", &policy)], None);
/// let found = acl.capabilities("a");
/// assert!(found.contains(Capability::Read) && !found.contains(Capability::Delete));
/// assert_eq!(found.names(), ["read", "update"]);
/// assert_eq!(acl.capabilities("b").names(), ["deny"]);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u16);

const DENY: u16 = 1 << 14;
const ROOT: u16 = 1 << 15;

impl Capabilities {
    /// Nothing is granted, and nothing denied.
    pub(super) const NONE: Self = Self(0);
    /// A rule says `deny`.
    pub(super) const DENIED: Self = Self(DENY);
    /// The root policy.
    pub(super) const ROOT: Self = Self(ROOT);

    /// Whether `capability` is granted.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & ROOT != 0 || (!self.is_denied() && self.0 & bit(capability) != 0)
    }

    /// Whether nothing at all is granted.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0 || self.is_denied()
    }

    /// Whether a rule denies the path.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        self.0 & DENY != 0
    }

    /// Whether everything is granted, by the root policy.
    #[must_use]
    pub const fn is_root(self) -> bool {
        self.0 & ROOT != 0
    }

    /// Returns the words in the order of the alphabet, as Vault answers them: `["root"]` for root,
    /// and `["deny"]` if nothing is granted.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        if self.is_root() {
            return vec!["root"];
        }
        if self.is_empty() {
            return vec!["deny"];
        }
        let mut names: Vec<_> = self.iter().map(Capability::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Returns the capabilities one by one; for root all of them.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .iter()
            .copied()
            .filter(move |one| self.contains(*one))
    }

    pub(super) const fn with(self, capability: Capability) -> Self {
        Self(self.0 | bit(capability))
    }

    /// The union; a denial leaves nothing else.
    pub(super) const fn and(self, other: Self) -> Self {
        match self.is_denied() || other.is_denied() {
            true => Self::DENIED,
            false => Self(self.0 | other.0),
        }
    }
}

const fn bit(capability: Capability) -> u16 {
    match capability {
        Capability::Create => 1,
        Capability::Read => 1 << 1,
        Capability::Update => 1 << 2,
        Capability::Patch => 1 << 3,
        Capability::Delete => 1 << 4,
        Capability::List => 1 << 5,
        Capability::Scan => 1 << 6,
        Capability::Sudo => 1 << 7,
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
