//! Password policies: how passwords look that the vault makes for others.

mod generate;
mod parse;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use store::PasswordStore;

use crate::error::Result;

/// How passwords look: how long they are, and which characters each has at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordPolicy {
    length: usize,
    rules: Vec<Charset>,
    /// The characters of all rules, each once: every one of a password is as likely.
    all: Vec<char>,
}

/// Characters, of which a password has some.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Charset {
    chars: Vec<char>,
    least: usize,
}

impl PasswordPolicy {
    /// Parses a text in HCL, or in JSON if it begins with a brace.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not a policy, or one that no password satisfies; `TooLarge`. The
    /// message says where, and quotes nothing.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }

    /// Returns the one that is in force where none is named: 20 letters, digits and `-`, of each kind
    /// one at least; as in Vault.
    pub(crate) fn usual() -> Self {
        let sets = [
            "abcdefghijklmnopqrstuvwxyz",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "0123456789",
            "-",
        ];
        let rules = sets.map(|chars| Charset {
            chars: chars.chars().collect(),
            least: 1,
        });
        Self::new(20, rules.into())
    }

    fn new(length: usize, rules: Vec<Charset>) -> Self {
        let mut all: Vec<char> = rules.iter().flat_map(|rule| rule.chars.clone()).collect();
        all.sort_unstable();
        all.dedup();
        Self { length, rules, all }
    }
}
