//! What policies say and decide, clause by clause.

mod openbao;
mod oracle;
mod parameters;
mod people;
mod templates;
mod texts;

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn acl(texts: &[&str]) -> Acl {
    let policies: Vec<_> = texts.iter().map(|text| policy(text)).collect();
    Acl::compile(policies.iter().map(|policy| ("p", policy)), None)
}

/// The capabilities at `path`, joined.
fn at(acl: &Acl, path: &str) -> String {
    acl.capabilities(path).names().join(" ")
}

fn decide(acl: &Acl, path: &str, capability: Capability) -> Result<(), Denial> {
    acl.check(&Ask::new(path, capability))
        .denial()
        .map_or(Ok(()), Err)
}

fn refusal(text: &str) -> crate::error::Error {
    match Policy::parse(text) {
        Ok(_) => panic!("parsed: {text}"),
        Err(error) => error,
    }
}

#[test]
fn an_exact_path_wins_and_nothing_is_added_to_it() {
    let acl = acl(&[
        r#"path "a/b" { capabilities = ["read"] }
           path "a/*" { capabilities = ["list", "update"] }"#,
        r#"path "a/+" { capabilities = ["deny"] }"#,
    ]);
    assert_eq!(at(&acl, "a/b"), "read");
    assert_eq!(at(&acl, "a/c"), "deny");
    assert_eq!(at(&acl, "a/c/d"), "list update");
    assert_eq!(at(&acl, "b"), "deny");
    assert_eq!(decide(&acl, "a/c", Capability::Read), Err(Denial::Deny));
    assert_eq!(decide(&acl, "b", Capability::Read), Err(Denial::NoRule));
    assert_eq!(
        decide(&acl, "a/b", Capability::List),
        Err(Denial::NotGranted)
    );
}

#[test]
fn the_same_pattern_is_joined_and_deny_wipes_it() {
    let joined = [
        r#"path "a/*" { capabilities = ["read"] }"#,
        r#"path "a/*" { capabilities = ["list"] }"#,
    ];
    assert_eq!(at(&acl(&joined), "a/b"), "list read");
    for deny_at in 0..3 {
        let mut texts = joined.to_vec();
        texts.insert(deny_at, r#"path "a/*" { capabilities = ["read", "deny"] }"#);
        assert_eq!(at(&acl(&texts), "a/b"), "deny");
    }
}

/// The samples of reference.md, "Sayings that are wrong", 1 and 2.
#[test]
fn a_deny_elsewhere_does_not_matter() {
    let acl = acl(&[r#"
        path "secret/data/production/+" { capabilities = ["deny"] }
        path "secret/data/production/app" { capabilities = ["read"] }
        path "kv/*" { capabilities = ["read"] }
        path "kw/myapp/*" { capabilities = ["read"] }
    "#]);
    assert_eq!(at(&acl, "secret/data/production/app"), "read");
    assert_eq!(at(&acl, "secret/data/production/other"), "deny");
    assert_eq!(at(&acl, "kv/data/app"), "read");
    assert_eq!(at(&acl, "kw/data/myapp/x"), "deny");
}

#[test]
fn the_more_specific_pattern_decides() {
    // Each line: the winner first, then the loser, then a path that both cover.
    for (winner, loser, path) in [
        ("a/b*", "a/+", "a/bc"), // a later first wildcard
        ("a/b/+/d", "a/+/c/d", "a/b/c/d"),
        ("a/+/b", "a/+/b*", "a/x/b"), // no `*` at the end
        ("a/+", "a/*", "a/x"),
        ("a/*", "a/+/*", "a/x/y"), // fewer `+`
        ("a/+/b/c*", "a/+/+/c*", "a/x/b/cd"),
        ("a/+/bc*", "a/+/b*", "a/x/bcd"),  // longer
        ("a/+/c/+", "a/+/+/d", "a/x/c/d"), // greater in byte order
        ("a*", "*", "ab"),
    ] {
        let rule =
            |path: &str, word: &str| format!("path \"{path}\" {{ capabilities = [\"{word}\"] }}");
        for (first, second) in [(winner, loser), (loser, winner)] {
            let word = |path: &str| if path == winner { "read" } else { "deny" };
            let text = rule(first, word(first)) + &rule(second, word(second));
            let acl = acl(&[&text]);
            let decision = acl.check(&Ask::new(path, Capability::Read));
            assert_eq!(decision.pattern(), Some(winner), "{path}: {winner} {loser}");
        }
    }
}

#[test]
fn a_plus_is_one_segment_and_a_star_any_rest() {
    let acl = acl(&[r#"
        path "a/+/c" { capabilities = ["read"] }
        path "b/+/c*" { capabilities = ["read"] }
        path "d*" { capabilities = ["read"] }
        path "e/*" { capabilities = ["read"] }
        path "+/f" { capabilities = ["read"] }
        path "g*h" { capabilities = ["read"] }
        path "i/+j/k" { capabilities = ["read"] }
        path "+" { capabilities = ["list"] }
    "#]);
    for (path, covered) in [
        ("a/x/c", true),
        ("a//c", true),
        ("a/x/y/c", false),
        ("a/c", false),
        ("a/x/c/", false),
        ("b/x/c", true),
        ("b/x/cd/e", true),
        ("b/x/d", false),
        ("b/x", false),
        ("d/x", true),
        ("de", true),
        ("e/", true),
        ("e/x/y", true),
        ("x/f", true),
        ("/x/f", true),
        ("///x/f", true),
        ("x/y/f", false),
        ("g*h", true),
        ("gxh", false),
        ("i/+j/k", true),
        ("i/xj/k", false),
    ] {
        assert_eq!(
            decide(&acl, path, Capability::Read).is_ok(),
            covered,
            "{path}"
        );
    }
    assert_eq!(at(&acl, "z"), "list");
    assert_eq!(at(&acl, "e"), "list");
}

#[test]
fn a_listing_looks_without_the_slash_too() {
    let list = |text: &str, path: &str| decide(&acl(&[text]), path, Capability::List);
    let folder = r#"path "kv/a" { capabilities = ["list"] }"#;
    assert_eq!(list(folder, "kv/a/"), Ok(()));
    assert_eq!(
        decide(&acl(&[folder]), "kv/a/", Capability::Read),
        Err(Denial::NoRule)
    );
    assert_eq!(
        decide(
            &acl(&[r#"path "kv/a" { capabilities = ["scan"] }"#]),
            "kv/a/",
            Capability::Scan
        ),
        Ok(())
    );
    assert_eq!(
        list(r#"path "kv/+" { capabilities = ["list"] }"#, "kv/a/"),
        Ok(())
    );
    // The slash first.
    assert_eq!(
        list(
            r#"path "kv/a" { capabilities = ["deny"] } path "kv/a/" { capabilities = ["list"] }"#,
            "kv/a/"
        ),
        Ok(())
    );
}

/// GHSA-xp3c-3jw3-4vcr, and its counterpart that Vault closes and OpenBao leaves open.
#[test]
fn a_listing_passes_no_deny() {
    for text in [
        r#"path "kv/*" { capabilities = ["list"] } path "kv/a/*" { capabilities = ["deny"] }"#,
        r#"path "kv/+" { capabilities = ["list"] } path "kv/a/*" { capabilities = ["deny"] }"#,
        r#"path "kv/*" { capabilities = ["list"] } path "kv/+" { capabilities = ["deny"] }"#,
        r#"path "kv/*" { capabilities = ["list"] } path "kv/a/" { capabilities = ["deny"] }"#,
        r#"path "kv/*" { capabilities = ["list"] } path "kv/a" { capabilities = ["deny"] }"#,
        r#"path "kv/*" { capabilities = ["list"] } path "+/a" { capabilities = ["deny"] }
           path "kv/a*" { capabilities = ["deny"] }"#,
    ] {
        let acl = acl(&[text]);
        assert_eq!(
            decide(&acl, "kv/a/", Capability::List),
            Err(Denial::Deny),
            "{text}"
        );
        assert_eq!(at(&acl, "kv/a/"), "deny", "{text}");
    }
    // A deny that is less specific is none of its business.
    let text =
        r#"path "kv/a/*" { capabilities = ["list"] } path "kv/+" { capabilities = ["deny"] }"#;
    assert_eq!(decide(&acl(&[text]), "kv/a/", Capability::List), Ok(()));
}

#[test]
fn sudo_is_asked_for_beside_the_capability() {
    let acl = acl(&[r#"
        path "sys/a" { capabilities = ["update"] }
        path "sys/b" { capabilities = ["update", "sudo"] }
        path "sys/c" { capabilities = ["sudo"] }
    "#]);
    let decide = |path| {
        acl.check(&Ask::new(path, Capability::Update).with_sudo(true))
            .denial()
    };
    assert_eq!(decide("sys/a"), Some(Denial::NeedsSudo));
    assert_eq!(decide("sys/b"), None);
    assert_eq!(decide("sys/c"), Some(Denial::NotGranted));
}

#[test]
fn root_may_do_everything() {
    let acl = Acl::root();
    let decision = acl.check(&Ask::new("any/thing", Capability::Sudo).with_sudo(true));
    assert!(decision.is_allowed() && decision.is_root());
    assert_eq!(decision.policies().collect::<Vec<_>>(), ["root"]);
    assert_eq!(decision.granting().collect::<Vec<_>>(), ["root"]);
    assert_eq!(at(&acl, "any"), "root");
}

#[test]
fn a_decision_names_its_policies() {
    let (one, two) = (
        policy(r#"path "a" { capabilities = ["read"] } path "a" { capabilities = ["list"] }"#),
        policy(r#"path "a" { capabilities = ["update"] }"#),
    );
    let acl = Acl::compile([("one", &one), ("two", &two)], None);
    let decision = acl.check(&Ask::new("a", Capability::List));
    assert_eq!(decision.policies().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(decision.granting().collect::<Vec<_>>(), ["one"]);
    let decision = acl.check(&Ask::new("a", Capability::Delete));
    assert_eq!(decision.granting().count(), 0);
}

#[test]
fn wrapping_has_its_bounds() {
    let check = |text: &str, ttl: Option<u64>| {
        let acl = acl(&[
            text,
            r#"path "b" { capabilities = ["read"] max_wrapping_ttl = 5 }"#,
            r#"path "b" { capabilities = ["read"] min_wrapping_ttl = "10s" }"#,
        ]);
        let decide = |path| {
            let mut ask = Ask::new(path, Capability::Read);
            if let Some(ttl) = ttl {
                ask = ask.with_wrap_ttl(Duration::from_secs(ttl));
            }
            acl.check(&ask).denial()
        };
        assert_eq!(decide("b"), Some(Denial::Wrapping)); // nothing is right for both
        decide("a") == Some(Denial::Wrapping)
    };
    let min = r#"path "a" { capabilities = ["read"] min_wrapping_ttl = "1m" }"#;
    let max = r#"path "a" { capabilities = ["read"] max_wrapping_ttl = 90 }"#;
    for (text, ttl, refused) in [
        (min, None, true),
        (min, Some(59), true),
        (min, Some(60), false),
        (min, Some(10_000), false),
        (max, None, true),
        (max, Some(0), false),
        (max, Some(90), false),
        (max, Some(91), true),
    ] {
        assert_eq!(check(text, ttl), refused, "{text} {ttl:?}");
    }
    // Of two the lesser counts.
    let two = format!("{min} {}", min.replace("1m", "30s"));
    assert!(!check(&two, Some(30)) && check(&two, Some(29)));
    let two = format!("{max} {}", max.replace("90", "30"));
    assert!(!check(&two, Some(30)) && check(&two, Some(31)));
    // Zero is none.
    assert!(!check(
        r#"path "a" { capabilities = ["read"] min_wrapping_ttl = 0 max_wrapping_ttl = "" }"#,
        None
    ));
}

#[test]
fn built_in_texts_parse() {
    assert_eq!(policy(DEFAULT_TEXT).len(), 16);
    assert!(policy(DEFAULT_TEXT).has_templates());
    assert!(!policy(RESPONSE_WRAPPING_TEXT).has_templates());
}

#[test]
fn bounds_are_exact() {
    let rules = |count: usize| "path \"a\" {}\n".repeat(count);
    assert_eq!(policy(&rules(MAX_RULES)).len(), MAX_RULES);
    assert_eq!(refusal(&rules(MAX_RULES + 1)).kind(), ErrorKind::TooLarge);
    let text = |size: usize| format!("#{}", "a".repeat(size - 1));
    assert!(policy(&text(MAX_POLICY)).is_empty());
    assert_eq!(refusal(&text(MAX_POLICY + 1)).kind(), ErrorKind::TooLarge);
    let path = |size: usize| format!("path \"{}\" {{}}", "a".repeat(size));
    assert_eq!(policy(&path(2_048)).len(), 1);
    assert_eq!(refusal(&path(2_049)).kind(), ErrorKind::InvalidArgument);
    let deep = |depth: usize| {
        format!(
            r#"{{"path": {{"a": {{"allowed_parameters": {{"x": {}{}}}}}}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert_eq!(policy(&deep(10)).len(), 1);
    assert_eq!(refusal(&deep(20)).kind(), ErrorKind::TooLarge);
}
