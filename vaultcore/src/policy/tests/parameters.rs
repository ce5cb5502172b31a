//! Rules about parameters.

use super::*;

fn denial(rule: &str, body: &str) -> Option<Denial> {
    with(rule, Capability::Update, body)
}

fn with(rule: &str, capability: Capability, body: &str) -> Option<Denial> {
    let words = r#"capabilities = ["create", "read", "update", "patch", "delete", "list"]"#;
    let acl = acl(&[&format!("path \"a\" {{ {words} {rule} }}")]);
    acl.check(&Ask::new("a", capability).with_body(body.as_bytes()))
        .denial()
}

const NOT_ALLOWED: Option<Denial> = Some(Denial::ParameterNotAllowed);
const DENIED: Option<Denial> = Some(Denial::DeniedParameter);
const MISSING: Option<Denial> = Some(Denial::MissingParameter);

#[test]
fn allowed_parameters() {
    let listed = r#"allowed_parameters = { "x" = ["a", "b*", 5, true, ["p", "q"]] "Any" = [] }"#;
    for (body, expected) in [
        ("", None),
        ("{}", None),
        (r#"{"x": "a"}"#, None),
        (r#"{"X": "a"}"#, None),
        (r#"{"x": "bcd", "any": {"deep": 1}}"#, None),
        (r#"{"x": 5}"#, None),
        (r#"{"x": 5.0}"#, None),
        (r#"{"x": true}"#, None),
        (r#"{"x": ["p", "q"]}"#, None),
        (r#"{"x": ["a"]}"#, NOT_ALLOWED), // a list is not its element, as in OpenBao
        (r#"{"x": "a,b"}"#, NOT_ALLOWED),
        (r#"{"x": "5"}"#, NOT_ALLOWED),
        (r#"{"x": null}"#, NOT_ALLOWED),
        (r#"{"x": "c"}"#, NOT_ALLOWED),
        (r#"{"y": "a"}"#, NOT_ALLOWED),
        (r#"{"x": "a", "x": "c"}"#, NOT_ALLOWED),
        (r#"{"x": "c", "x": "a"}"#, NOT_ALLOWED),
        (r#"{"\u0078": "c"}"#, NOT_ALLOWED),
    ] {
        assert_eq!(denial(listed, body), expected, "{body}");
    }
    let starred = r#"allowed_parameters = { "x" = ["a"] "*" = [] }"#;
    assert_eq!(denial(starred, r#"{"y": 1, "x": "a"}"#), None);
    assert_eq!(denial(starred, r#"{"y": 1, "x": "b"}"#), NOT_ALLOWED);
    assert_eq!(
        denial(r#"allowed_parameters = { "*" = ["a"] }"#, r#"{"y": 1}"#),
        None
    );
}

#[test]
fn denied_parameters() {
    let listed = r#"denied_parameters = {
        "x" = ["a", "*b", 5, 9007199254740993] "any" = [] "policies" = ["root"]
    }"#;
    for (body, expected) in [
        ("{}", None),
        (r#"{"x": "c", "y": "a"}"#, None),
        (r#"{"x": 9007199254740992}"#, None),
        (r#"{"x": "a"}"#, DENIED),
        (r#"{"X": "a"}"#, DENIED),
        (r#"{"x": "ab"}"#, DENIED),
        (r#"{"x": 5}"#, DENIED),
        (r#"{"x": 5e0}"#, DENIED),
        (r#"{"x": ["c", "a"]}"#, DENIED),
        (r#"{"x": "c, a"}"#, DENIED),
        (r#"{"any": null}"#, DENIED),
        (r#"{"x": "c", "x": "a"}"#, DENIED),
        (r#"{"policies": "ROOT"}"#, DENIED),
        (r#"{"policies": ["x", "Root"]}"#, DENIED),
        (r#"{"policies": ["rooted"]}"#, None),
        (r#"{"x": "\u0061"}"#, DENIED),
    ] {
        assert_eq!(denial(listed, body), expected, "{body}");
    }
    let all = r#"denied_parameters = { "*" = [] } allowed_parameters = { "x" = [] }"#;
    assert_eq!(denial(all, r#"{"x": 1}"#), DENIED);
    assert_eq!(denial(all, "{}"), None);
}

#[test]
fn required_parameters() {
    let rule = r#"required_parameters = ["x", "Y"]"#;
    for capability in [
        Capability::Create,
        Capability::Read,
        Capability::Update,
        Capability::Patch,
    ] {
        assert_eq!(with(rule, capability, ""), MISSING);
        assert_eq!(with(rule, capability, r#"{"x": 1}"#), MISSING);
        assert_eq!(with(rule, capability, r#"{"x": 1, "Y": 1}"#), MISSING);
        assert_eq!(
            with(rule, capability, r#"{"x": 1, "y": null, "z": 1}"#),
            None
        );
    }
    for capability in [Capability::Delete, Capability::List] {
        assert_eq!(with(rule, capability, ""), None);
    }
}

#[test]
fn a_body_that_is_no_object_meets_no_condition() {
    let rule = r#"allowed_parameters = { "*" = [] }"#;
    for body in [
        "[]",
        "1",
        "{",
        "nonsense",
        "\u{fffd}",
        r#"{"a":1} x"#,
        r#"{"a":}"#,
    ] {
        assert_eq!(denial(rule, body), Some(Denial::Body), "{body}");
        assert_eq!(denial("", body), None, "{body}"); // without conditions nobody looks
    }
    let deep = format!(
        r#"{{"x": {}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(
        denial(r#"denied_parameters = { "x" = ["a"] }"#, &deep),
        Some(Denial::Body)
    );
}

#[test]
fn globs_are_at_the_ends_only() {
    for (glob, yes, no) in [
        ("*", &["*"][..], &["a", ""][..]),
        ("", &[""], &["a", "*"]),
        ("a*", &["a", "ab"], &["ba", ""]),
        ("*a", &["a", "ba"], &["ab"]),
        ("*a*", &["a", "bab"], &["b"]),
        ("**", &["", "a"], &[]),
        ("a*b", &["a*b"], &["acb"]),
    ] {
        let rule = format!("allowed_parameters = {{ \"x\" = [\"{glob}\"] }}");
        for (values, expected) in [(yes, None), (no, NOT_ALLOWED)] {
            for value in values {
                assert_eq!(
                    denial(&rule, &format!("{{\"x\": \"{value}\"}}")),
                    expected,
                    "{glob} {value}"
                );
            }
        }
    }
}

#[test]
fn conditions_of_the_same_pattern_are_joined() {
    let rule =
        |conditions: &str| format!("path \"a\" {{ capabilities = [\"update\"] {conditions} }}");
    let decide = |texts: &[String], body: &str| {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        acl(&texts)
            .check(&Ask::new("a", Capability::Update).with_body(body.as_bytes()))
            .denial()
    };
    let one = rule(r#"allowed_parameters = { "x" = ["a"] } required_parameters = ["x"]"#);
    let two =
        rule(r#"allowed_parameters = { "x" = ["b"] "y" = ["c"] } required_parameters = ["y"]"#);
    let both = [one.clone(), two.clone()];
    assert_eq!(decide(&both, r#"{"x": "a", "y": "c"}"#), None);
    assert_eq!(decide(&both, r#"{"x": "b", "y": "c"}"#), None);
    assert_eq!(decide(&both, r#"{"x": "b"}"#), MISSING);
    // The empty list, any value, wins.
    let any = rule(r#"allowed_parameters = { "x" = [] }"#);
    for texts in [[one.clone(), any.clone()], [any, one.clone()]] {
        assert_eq!(decide(&texts, r#"{"x": "z"}"#), None);
    }
    let deny = rule(r#"denied_parameters = { "x" = ["a"] }"#);
    assert_eq!(decide(&[one.clone(), deny], r#"{"x": "a"}"#), DENIED);
    // Conditions of one stay if the other has none.
    assert_eq!(decide(&[one, rule("")], r#"{"x": "z"}"#), NOT_ALLOWED);
}
