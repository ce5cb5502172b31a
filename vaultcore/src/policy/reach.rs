//! Whether a set of policies grants anything below a path.

use super::acl::Acl;

impl Acl {
    /// Whether anything is granted at `prefix` or below it.
    pub(crate) fn reaches(&self, prefix: &str) -> bool {
        self.is_root()
            || self.patterns().any(|(pattern, granted)| {
                let literal = pattern.literal().split('+').next().unwrap_or_default();
                let open = pattern.is_wild() || pattern.is_prefix();
                let touches = literal.starts_with(prefix) || open && prefix.starts_with(literal);
                touches && !granted.is_denied() && !granted.is_empty()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn what_lies_below_counts() {
        let reaches = |pattern: &str, capability: &str, prefix: &str| {
            let text = format!("path \"{pattern}\" {{ capabilities = [\"{capability}\"] }}");
            let policy = Policy::parse(&text).expect("policy");
            Acl::compile([("p", &policy)], None).reaches(prefix)
        };
        for pattern in [
            "secret/data/a",
            "secret/*",
            "*",
            "+/data/x",
            "se*",
            "secret/+/x",
        ] {
            assert!(reaches(pattern, "read", "secret/"), "{pattern}");
            assert!(!reaches(pattern, "deny", "secret/"), "{pattern}");
        }
        for pattern in ["secrets/*", "other/data/a", "secret"] {
            assert!(!reaches(pattern, "read", "secret/"), "{pattern}");
        }
    }
}
