//! The tools for people: lint, diff, explain, and what user interfaces ask for.

use super::*;

fn kinds(text: &str) -> Vec<(FindingKind, String)> {
    let found = lint(text);
    let found = found
        .iter()
        .map(|one| (one.kind(), one.other().unwrap_or_default().to_owned()));
    found.collect()
}

fn rule(path: &str, words: &str) -> String {
    format!("path \"{path}\" {{ capabilities = [{words}] }}\n")
}

#[test]
fn lint_names_what_is_probably_not_meant() {
    use FindingKind::*;
    let allow = |path: &str| rule(path, "\"read\"");
    let deny = |path: &str| rule(path, "\"deny\"");
    for (text, expected) in [
        (allow("secret/data/app"), vec![]),
        (allow("a/*") + &deny("a/b/*"), vec![]),
        (allow("a/*") + &deny("a/+/b/*"), vec![(DeadDeny, "a/*")]),
        (allow("a/*") + &deny("a/+/b*"), vec![(DeadDeny, "a/*")]),
        (allow("a/*") + &deny("a/+/b"), vec![]),
        (deny("a/*") + &deny("a/+/b*"), vec![]),
        (allow("a/b") + &deny("a/+"), vec![(DenyWithHole, "a/b")]),
        (allow("a/b*") + &deny("a/*"), vec![(DenyWithHole, "a/b*")]),
        (allow("a/b") + &deny("a/b"), vec![]),
        (allow("*"), vec![(Everything, "")]),
        (rule("sys/*", "\"sudo\""), vec![(SudoOnStar, "")]),
        (
            allow("a/{{identity.entity.nmae}}"),
            vec![(NeverRendered, "")],
        ),
        (allow("a/{{identity.entity.name}}"), vec![]),
        (allow("//a"), vec![(NeverMatches, "")]),
        (allow(""), vec![(NeverMatches, "")]),
        (allow("a//b"), vec![(NeverMatches, "")]),
        (allow("a/../b*"), vec![(NeverMatches, "")]),
        (allow("a/.."), vec![(NeverMatches, "")]),
        (allow("a\\u0007"), vec![(NeverMatches, "")]),
        (allow("a/.*") + &allow("a/b/") + &allow("a/*"), vec![]),
        (allow("a*b"), vec![(LiteralWildcard, "")]),
        (allow("a/b+/c"), vec![(LiteralWildcard, "")]),
        (rule("a", ""), vec![(Empty, "")]),
        (
            allow("kv/data/a") + &allow("kv/a"),
            vec![(MissesData, "kv/data/a")],
        ),
        (
            allow("kv/metadata/*") + &allow("kv/app/*"),
            vec![(MissesData, "kv/metadata/*")],
        ),
        (
            allow("kv/data/a") + &allow("kv/destroy/a") + &allow("kv/*") + &allow("kv/config"),
            vec![],
        ),
        (
            allow("kv/data/a") + &allow("kv/meta*") + &allow("kx/a") + &allow("kv/+/a"),
            vec![],
        ),
        (rule("a", "\"write\""), vec![(Refused, "")]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(kind, other)| (kind, other.to_owned()))
            .collect();
        assert_eq!(kinds(&text), expected, "{text}");
    }
    let dead = lint(&(allow("a/*") + &deny("a/+/b/*")));
    let shown =
        "line 2, column 1: `a/+/b/*`: this deny never bites: `a/*` is more specific everywhere";
    assert_eq!(dead[0].to_string(), shown);
    assert!(
        lint(&rule("a", "\"write\""))[0]
            .to_string()
            .contains("unknown capability")
    );
}

#[test]
fn diff_shows_what_was_hidden_too() {
    let old =
        policy(r#"path "a/*" { capabilities = ["deny"] } path "+/b" { capabilities = ["read"] }"#);
    let new = policy(r#"path "+/b" { capabilities = ["read"] }"#);
    let changes = diff(&[("p", &old)], &[("p", &new)], None);
    let shown: Vec<_> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["+ read `a/b` gained: decided by `a/*`, now by `+/b`"]
    );
    assert_eq!(diff(&[("p", &old)], &[("q", &old)], None), []);
    // A deny that can not be rendered hides what did not change.
    let fence = policy(r#"path "a/{{identity.entity.id}}" { capabilities = ["deny"] }"#);
    let open = policy(r#"path "a/c" { capabilities = ["list"] }"#);
    let changes = diff(&[("p", &open)], &[("p", &open), ("q", &fence)], None);
    let shown: Vec<_> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["- list `a/c` lost: decided by `a/c`, now by `a/*`"]);
}

#[test]
fn explain_says_why_the_others_lost() {
    let one = policy(
        r#"path "a/*" { capabilities = ["read"] }
           path "a/+" { capabilities = ["list"] }
           path "a/{{identity.entity.id}}" { capabilities = ["update"] }
           path "b" { capabilities = ["read"] }"#,
    );
    let two =
        policy(r#"path "a/b" { capabilities = ["deny"] } path "a/b/" { capabilities = ["list"] }"#);
    let policies = [("one", &one), ("two", &two)];
    let explain =
        |path, capability| explain(&policies, None, &Ask::new(path, capability)).to_string();
    assert_eq!(
        explain("a/b", Capability::Read),
        "read is denied: the rule says deny\n  \
         decides: policy `two`, line 1, column 1: `a/b` [deny]\n  \
         does not count: policy `one`, line 1, column 1: `a/*` [read]; \
         of the one that decides: it is the exact path\n  \
         does not count: policy `one`, line 2, column 12: `a/+` [list]; \
         of the one that decides: it is the exact path\n  \
         left out: policy `one`, line 3, column 12: `a/{{identity.entity.id}}` [update]; \
         its template has no value for this token\n"
    );
    assert!(explain("a/b/", Capability::List).contains("the path with its slash"));
    assert!(explain("a/c", Capability::List).contains("it does not end in `*`"));
    assert_eq!(
        explain("c", Capability::Read),
        "read is denied: no rule covers the path\n"
    );
}

#[test]
fn user_interfaces_get_exact_and_glob_paths() {
    let acl = acl(&[r#"
        path "a" { capabilities = ["read", "list"] }
        path "b/*" { capabilities = ["update", "sudo"] }
        path "c/+/d" { capabilities = ["read"] }
        path "e" { }
        path "f/{{identity.entity.id}}" { capabilities = ["deny"] }
    "#]);
    let resultant = acl.resultant();
    let shown = |paths: &std::collections::BTreeMap<String, Capabilities>| {
        paths
            .iter()
            .map(|(path, set)| format!("{path}: {}", set.names().join(" ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&resultant.exact_paths), ["a: list read", "e: deny"]);
    assert_eq!(
        shown(&resultant.glob_paths),
        ["b/: sudo update", "f/: deny"]
    );
    assert!(!resultant.root && Acl::root().resultant().root);
}
