//! Templates: a value may only narrow, and a deny without one closes what it might have covered.

use super::*;
use crate::policy::template::tests::{SLOTS, everywhere};

const VALUES: &[&str] = &[
    "", "*", "+", "/", "a*", "*a", "+a", "a+", "a/b", "/a", "a/", "../a", "a\0", "\n", "a\u{7f}",
    "\u{85}", "a/+", "a/*", "+/a", "**",
];

fn paths() -> Vec<String> {
    let names = [
        "", "a", "b", "v", "*", "+", "..", "x", "prevpost", "preapost",
    ];
    let mut paths: Vec<String> = names.iter().map(ToString::to_string).collect();
    for _ in 0..2 {
        let longer = paths
            .iter()
            .flat_map(|path| names.iter().map(move |name| format!("{path}/{name}")));
        paths = longer.collect();
        paths.extend(names.iter().map(ToString::to_string));
    }
    paths.sort();
    paths.dedup();
    paths
}

fn rendered(path: &str, word: &str, value: &str) -> Acl {
    let text = format!(
        "path \"{path}\" {{ capabilities = [\"{word}\"] }} \
         path \"s/open\" {{ capabilities = [\"read\"] }}"
    );
    Acl::compile([("p", &policy(&text))], Some(&everywhere(value)))
}

const TEMPLATES: &[&str] = &[
    "s/{{}}/*",
    "s/{{}}",
    "s/{{}}*",
    "{{}}",
    "{{}}/+/x",
    "s/pre{{}}post/+",
    "s/+/{{}}",
    "s/{{}}/{{}}",
];

#[test]
fn no_value_widens_a_rule() {
    let paths = paths();
    for slot in SLOTS {
        for template in TEMPLATES {
            let template = template.replace("{{}}", &format!("{{{{{slot}}}}}"));
            for value in VALUES {
                let acl = rendered(&template, "read", value);
                let granted = paths
                    .iter()
                    .filter(|path| acl.capabilities(path).contains(Capability::Read));
                assert_eq!(granted.count(), 0, "{template} {value:?}");
                assert_eq!(acl.unrendered().len(), 1);
                assert!(!acl.unrendered()[0].is_deny());
            }
        }
    }
    // Values without such characters grant what they should, and no more.
    for (template, path, other) in [
        ("s/{{identity.entity.id}}/*", "s/v/x", "s/a/x"),
        ("s/{{identity.entity.name}}", "s/v", "s/x"),
        ("{{identity.groups.ids.g1.name}}/+/x", "v/a/x", "a/a/x"),
        (
            "s/pre{{identity.entity.metadata.k}}post/+",
            "s/prevpost/a",
            "s/preapost/a",
        ),
    ] {
        let acl = rendered(template, "read", "v");
        assert!(
            acl.capabilities(path).contains(Capability::Read),
            "{template}"
        );
        assert!(
            !acl.capabilities(other).contains(Capability::Read),
            "{template}"
        );
        assert!(acl.unrendered().is_empty());
    }
    // A value that is in no normal form, or makes the path be in none, is none.
    for (template, value) in [
        ("s/{{identity.entity.id}}", "e\u{301}"),
        ("s/e{{identity.entity.id}}", "\u{301}"),
    ] {
        assert_eq!(
            rendered(template, "read", value).unrendered().len(),
            1,
            "{template}"
        );
    }
    // `..` is a name like any other here: no path has it.
    let acl = rendered("s/{{identity.entity.id}}/*", "read", "..");
    assert!(acl.capabilities("s/../x").contains(Capability::Read));
    assert!(acl.capabilities("x").is_empty());
}

#[test]
fn a_deny_without_a_value_denies_all_that_it_could_cover() {
    for slot in SLOTS {
        for value in VALUES {
            let template = format!("s/{{{{{slot}}}}}/*");
            let acl = rendered(&template, "deny", value);
            let decision = acl.check(&Ask::new("s/open", Capability::Read));
            assert_eq!(decision.denial(), Some(Denial::Unrendered), "{value:?}");
            assert_eq!(decision.pattern(), Some("s/*"));
            assert_eq!(decision.policies().collect::<Vec<_>>(), ["p"]);
            assert_eq!(at(&acl, "s/open"), "deny");
            assert_eq!(decide(&acl, "t", Capability::Read), Err(Denial::NoRule));
            assert!(acl.unrendered()[0].is_deny());
        }
        let acl = rendered(&format!("s/{{{{{slot}}}}}/*"), "deny", "v");
        assert_eq!(decide(&acl, "s/open", Capability::Read), Ok(()));
    }
}

#[test]
fn the_literal_part_may_be_anything() {
    for (template, closed, open) in [
        ("{{identity.entity.id}}", "anything/at/all", None),
        ("a/b{{identity.entity.id}}", "a/bcd/e", Some("a/c")),
        ("a/+/{{identity.entity.id}}", "a/x/y", Some("a/x")),
        ("a/+{{identity.entity.id}}", "a/x", Some("b/x")),
        ("+{{identity.entity.id}}", "x", None),
    ] {
        let text = format!(
            "path \"{template}\" {{ capabilities = [\"deny\"] }} \
             path \"*\" {{ capabilities = [\"read\"] }}"
        );
        let acl = acl(&[&text]);
        assert_eq!(
            decide(&acl, closed, Capability::Read),
            Err(Denial::Unrendered),
            "{template}"
        );
        if let Some(open) = open {
            assert_eq!(decide(&acl, open, Capability::Read), Ok(()), "{template}");
        }
    }
}

#[test]
fn a_rendered_path_has_a_bound() {
    let text = r#"path "{{identity.entity.id}}" { capabilities = ["read"] }"#;
    let compile = |length: usize| {
        let identity = everywhere(&"v".repeat(length));
        Acl::compile([("p", &policy(text))], Some(&identity))
            .unrendered()
            .len()
    };
    assert_eq!((compile(2_048), compile(2_049)), (0, 1));
}
