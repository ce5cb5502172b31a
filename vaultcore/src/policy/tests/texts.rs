//! What texts are taken and refused; OpenBao 2.7.2 was asked about each of them.

use super::*;
use serde_json::json;

#[test]
fn what_is_taken() {
    for (text, rules) in [
        ("", 0),
        ("   ", 0),
        ("# just a comment", 0),
        ("name = \"x\"", 0),
        ("name = 1", 0),
        (
            r#"path "a" { capabilities = ["read"] } path "a" { capabilities = ["list"] }"#,
            2,
        ),
        (
            r#"path "a"{capabilities=["read"]}path "b"{capabilities=["read"]}"#,
            2,
        ),
        (
            r#"path "a" { capabilities = ["read"], min_wrapping_ttl = 5 }"#,
            1,
        ),
        (r#"path a { capabilities = ["read"] }"#, 1),
        (r#""path" "a" { "capabilities" = ["read",] }"#, 1),
        (r#"path "a" { }"#, 1),
        (
            r#"path "a" { capabilities = ["deny", "read"] comment = "why" }"#,
            1,
        ),
        (
            r#"path "a*b" { } path "a/+b/c" { } path "" { } path "//a" { }"#,
            4,
        ),
        (
            r#"path "a" { allowed_parameters { "x" = ["1"] y = [] } }"#,
            1,
        ),
        (
            r#"path "a" { allowed_parameters = { x = [1, 2.5, true, "z", [1], {a = 1}] } }"#,
            1,
        ),
        (
            r#"path "a" { allowed_parameters { x = ["1"] } allowed_parameters { y = ["2"] } }"#,
            1,
        ),
        (
            r#"path "a" { min_wrapping_ttl = "1h30m" max_wrapping_ttl = "2d" }"#,
            1,
        ),
        (
            "path \"a\" { comment = <<EOF\nhello\nEOF\n capabilities = [\"re\\u0061d\"] }",
            1,
        ),
        ("path \"a\" {\r\n capabilities = [\"read\"]\r\n}\r\n", 1),
        (r#"path "a${b}" { } path "a{{x}}" { }"#, 2),
    ] {
        assert_eq!(policy(text).len(), rules, "{text}");
    }
}

#[test]
fn what_is_taken_in_json() {
    for (text, rules) in [
        (r#"{"path": {"a": {"capabilities": ["read"]}, "b": {}}}"#, 2),
        (
            r#" {"path": [{"a": {"capabilities": ["read"]}}, {"b": {}}], "name": "x"}"#,
            2,
        ),
        (
            r#"{"path": {"a": {"allowed_parameters": [{"x": []}], "min_wrapping_ttl": 60}}}"#,
            1,
        ),
        (r#"{"path": {"a": {}, "a": {}}}"#, 2),
        ("{}", 0),
    ] {
        assert_eq!(policy(text).len(), rules, "{text}");
    }
}

#[test]
fn what_is_refused() {
    for text in [
        r#"path "a" { capabilities = "read" }"#,
        r#"path "a" = { capabilities = ["read"] }"#,
        r#"path = "a""#,
        r#"path = { "a" = { capabilities = ["read"] } }"#,
        r#"path { "a" { capabilities = ["read"] } }"#,
        r#"path "a" { capabilities = ["read" "list"] }"#,
        r#"path "a" { capabilities = ["write"] }"#,
        r#"path "a" { capabilities = ["READ"] }"#,
        r#"path "a" { capabilities = ["root"] }"#,
        r#"path "a" { capabilities = [1] }"#,
        r#"path "a" { capabilities = [true] }"#,
        r#"path "a" { Capabilities = ["read"] }"#,
        r#"Path "a" { capabilities = ["read"] }"#,
        r#"path "a" { policy = "bogus" }"#,
        r#"path "a" { foo = 1 }"#,
        "foo = 1",
        "name = [\"x\"]",
        r#"path "a+*" { }"#,
        r#"path "a/+*" { }"#,
        r#"path "a" { allowed_parameters = { "x" = "1" } }"#,
        r#"path "a" { allowed_parameters = [1] }"#,
        r#"path "a" { allowed_parameters = "x" }"#,
        r#"path "a" { required_parameters = "x" }"#,
        r#"path "a" { min_wrapping_ttl = "2h" max_wrapping_ttl = "1h" }"#,
        r#"path "a" { min_wrapping_ttl = "x" }"#,
        r#"path "a" { min_wrapping_ttl = true }"#,
        r#"path "a" { min_wrapping_ttl = ["1h"] }"#,
        r#"path "a\q" { }"#,
        "path \"a\nb\" { }",
        r#"path "a${b" { }"#,
        "path 'a' { }",
        r#"path "a" { capabilities: ["read"] }"#,
        r#"path "a" { capabilities = ["read"]; }"#,
        r#"path "a{{" { }"#,
        r#"path "a}}" { }"#,
        r#"path "a{{x}}{{" { }"#,
        r#"{"path": {"a": [{"capabilities": ["read"]}]}}"#,
        r#"{"path": "a"}"#,
        r#"{"path": {"a": {"capabilities": null}}}"#,
        r#"{"foo": 1}"#,
        r#"{"path": {}} x"#,
        "[]",
        r#"path "a" { } /* x "#,
        r#"path "a" { capabilities = ["read"]"#,
        r#"path "a" { capabilities = ["read" }"#,
        r#"path "a" { } }"#,
        "\u{feff}path \"a\" { }",
        "path \"a\" { }\0",
        // OpenBao takes these, and one of two values then counts, or none.
        r#"path "a" { capabilities = ["read"] capabilities = ["list"] }"#,
        r#"path "a" { allowed_parameters { x = ["1"] x = ["2"] } }"#,
        r#"path "a" { allowed_parameters { x = ["1"] X = ["2"] } }"#,
        r#"{"path": {"a": {"capabilities": ["read"], "capabilities": ["list"]}}}"#,
        r#"path "a" { min_wrapping_ttl = "-1h" }"#,
        r#"path "a" { min_wrapping_ttl = 1.5 }"#,
        r#"path "a" { capabilities = ["deny", "bogus"] }"#,
        r#"path "a" "b" { }"#,
        r#"path "e\u0301" { }"#,
        "path { }",
    ] {
        assert_eq!(refusal(text).kind(), ErrorKind::InvalidArgument, "{text}");
    }
    for attribute in [
        "mfa_methods = [\"x\"]",
        "control_group = { ttl = 1 }",
        "pagination_limit = 5",
        "expiration = \"2030-01-01T00:00:00Z\"",
        "list_scan_response_keys_filter_path = \"x\"",
        "subscribe_event_types = [\"*\"]",
    ] {
        let error = refusal(&format!("path \"a\" {{ {attribute} }}"));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{attribute}");
    }
}

#[test]
fn an_error_says_where_and_quotes_nothing() {
    for (text, expected) in [
        (
            "path \"canary\" {\n  capabilities = [\"canary\"]\n}",
            "line 2, column 3: an unknown capability",
        ),
        (
            "path \"canary\" {\n  canary = 1\n}",
            "line 2, column 3: an attribute that rules do not have",
        ),
        (
            "canary = 1",
            "line 1, column 1: a policy has `path` rules only",
        ),
        ("path \"canary{{\" { }", "line 1, column 1: `{{` and `}}`"),
        (
            "\n  path \"canary\" canary",
            "line 2, column 23: expected `=` or `{`",
        ),
        (
            r#"{"path": {"a": {}, "canary": {"canary": 1}}}"#,
            "rule 2: an attribute",
        ),
        ("{\"path\":\n canary}", "line 2, column 2: this is not JSON"),
        (r#"{"canary": 1}"#, "policy: a policy has"),
    ] {
        let error = refusal(text);
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn both_spellings_say_the_same() {
    let hcl = r#"
        path "a/*" {
          capabilities        = ["read", "update"]
          allowed_parameters  = { "X" = ["1", 2, true, ["y"]], "*" = [] }
          denied_parameters   { z = [] }
          required_parameters = ["X"]
          min_wrapping_ttl    = "1m"
          max_wrapping_ttl    = 3600
          comment             = "c"
        }
        path "b" { policy = "write" }
    "#;
    let json = json!({"path": {
        "a/*": {
            "capabilities": ["update", "read"],
            "allowed_parameters": {"x": ["1", 2, true, ["y"]], "*": []},
            "denied_parameters": {"z": []},
            "required_parameters": ["x"],
            "min_wrapping_ttl": 60,
            "max_wrapping_ttl": "1h",
            "comment": "c",
        },
        "b": {"capabilities": ["create", "read", "update", "delete", "list"]},
    }});
    assert_eq!(policy(hcl), policy(&json.to_string()));
}

#[test]
fn the_old_words_are_capabilities() {
    let acl = acl(&[r#"
        path "a" { policy = "read" }
        path "b" { policy = "sudo" capabilities = ["patch"] }
        path "c" { policy = "deny" capabilities = ["patch"] }
    "#]);
    assert_eq!(at(&acl, "a"), "list read");
    assert_eq!(at(&acl, "b"), "create delete list patch read sudo update");
    assert_eq!(at(&acl, "c"), "deny");
}

#[test]
fn formatting_keeps_all_that_is_said() {
    let text = r#"
# Head, line 1
// line 2
path "a" { capabilities = ["list","read"] # beside
  # inside
  allowed_parameters = { "q\"${x}" = ["\n\t\\", 1.5, -3, {k = [true]}] }
  min_wrapping_ttl = "1500ms" max_wrapping_ttl = "1h"
}
/* between
 * two */
path "//b" { comment = "x" }
# tail
"#;
    let expected = r#"# Head, line 1
# line 2
# beside
# inside
path "a" {
  capabilities = ["list", "read"]
  allowed_parameters = {
    "q\"\u0024{x}" = ["\n\u0009\\", 1.5, -3, {"k" = [true]}]
  }
  min_wrapping_ttl = "1500000000ns"
  max_wrapping_ttl = "3600s"
}

# between
# two
path "//b" {
  comment = "x"
  capabilities = []
}

# tail
"#;
    let parsed = policy(text);
    assert_eq!(parsed.to_hcl(), expected);
    assert_eq!(policy(expected), parsed);
    assert_eq!(policy(expected).to_hcl(), expected);
    assert_eq!(policy("# only a comment").to_hcl(), "# only a comment\n");
}
