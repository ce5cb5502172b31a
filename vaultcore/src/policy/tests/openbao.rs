//! What OpenBao 2.7.2 answered at `sys/capabilities`, by hand, once. A line that begins with `=` is
//! a policy, those below are paths and the answer.

use crate::policy::{Acl, Policy};

/// Listings that OpenBao lets pass a deny, as the module's documentation says: line, and its
/// answer.
const DIFFERENT: &[(&str, &str)] = &[
    ("a/secret/: read", "deny"),
    ("a/x/b/: read", "deny"),
    ("kv/metadata/x/: list", "deny"),
];

#[test]
fn openbao_decides_the_same() {
    let mut acl = Acl::compile([], None);
    let (mut count, mut different) = (0, 0);
    let mut text = "";
    for line in include_str!("openbao.txt").lines() {
        if let Some(policy) = line.strip_prefix("= ") {
            text = policy;
            let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            acl = Acl::compile([("p", &policy)], None);
            continue;
        }
        let (path, expected) = line.rsplit_once(": ").expect("a path and its capabilities");
        let found = acl.capabilities(path).names().join(" ");
        if DIFFERENT.contains(&(line, found.as_str())) {
            different += 1;
        } else {
            assert_eq!(found, expected, "{path}: {text}");
        }
        count += 1;
    }
    assert_eq!((count, different), (269, DIFFERENT.len()));
}
