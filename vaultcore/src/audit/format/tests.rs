use serde_json::{Value, json};

use super::*;
use crate::audit::entry::{GrantingPolicy, Pairs};
use crate::audit::testing::TIME;

fn format() -> Format {
    Format {
        hasher: Hasher::new(&[7; 32]),
        raw: false,
        hash_accessors: true,
        elide_lists: false,
        prefix: String::new(),
    }
}

/// Everything that an entry can hold. What is to be hashed has `secret` in it.
#[allow(clippy::too_many_lines)] // one line of each kind, whole
fn with_all<T>(work: impl FnOnce(&RequestEntry<'_>, &ResponseEntry<'_>) -> T) -> T {
    let granting = [GrantingPolicy {
        name: "p\"1",
        namespace_id: "root",
        namespace_path: "",
        kind: "acl",
    }];
    let auth = AuthBlock {
        client_token: "secret-token",
        accessor: "secret-accessor",
        display_name: "token\n",
        policies: &["default", "p\"1"],
        token_policies: &["default"],
        identity_policies: &["p\"1"],
        policy_results: Some(PolicyResults {
            allowed: true,
            granting: &granting,
        }),
        metadata: &[("user", "\u{e9}va")],
        num_uses: 3,
        remaining_uses: 2,
        entity_id: "entity",
        token_type: "service",
        token_ttl: Duration::from_millis(3_600_999),
        token_issue_time: Some(TIME),
    };
    let headers = [
        Header {
            name: "x-plain",
            values: &["shown"],
            plain: true,
        },
        Header {
            name: "x-hidden",
            values: &["secret-1", "secret-2"],
            plain: false,
        },
    ];
    let mount = MountBlock {
        point: "kv/",
        kind: "kv",
        accessor: "kv_1",
        class: "secret",
    };
    let request = RequestBlock {
        id: "id-1",
        client_id: "client-1",
        operation: "list",
        mount,
        client_token: "secret-token",
        client_token_accessor: "secret-accessor",
        namespace_id: "ns1",
        namespace_path: "team/",
        path: "kv/data/a",
        data: br#"{"value":"secret-value","plain":"shown"}"#,
        plain_keys: &["plain"],
        remote_address: "127.0.0.1",
        remote_port: 8_200,
        wrap_ttl: Duration::from_secs(60),
        headers: &headers,
    };
    let response = ResponseBlock {
        auth: Some(&auth),
        mount,
        lease_id: "kv/lease/1",
        data: br#"{"keys":["secret-a","secret-b"],"value":"shown"}"#,
        plain_keys: &["value"],
        warnings: &["a warning"],
        wrap_info: Some(WrapBlock {
            ttl: Duration::from_secs(60),
            token: "secret-wrap",
            accessor: "secret-wrap-accessor",
            creation_time: Some(TIME),
            creation_path: "kv/data/a",
            wrapped_accessor: "secret-wrapped",
        }),
        redirect: "https://example.org",
    };
    let entry = RequestEntry {
        time: TIME,
        auth: Some(&auth),
        request: &request,
        error: "denied",
    };
    let answer = ResponseEntry {
        time: TIME,
        auth: Some(&auth),
        request: &request,
        response: Some(&response),
        error: "",
    };
    work(&entry, &answer)
}

fn parsed(line: &Buffer) -> Value {
    let closed = [line.as_bytes(), b"}"].concat();
    serde_json::from_slice(&closed).expect("JSON")
}

fn text(line: &Buffer) -> String {
    String::from_utf8(line.as_bytes().to_vec()).expect("text")
}

#[test]
fn a_request_has_vaults_members() {
    let format = format();
    let hash = |value: &str| format.hasher.hash(value.as_bytes());
    let found = with_all(|entry, _| parsed(&format.request(entry)));
    let time = "2023-11-14T22:13:20.123456Z";
    let expected = json!({
        "time": time,
        "type": "request",
        "auth": {
            "client_token": hash("secret-token"),
            "accessor": hash("secret-accessor"),
            "display_name": "token\n",
            "policies": ["default", "p\"1"],
            "token_policies": ["default"],
            "identity_policies": ["p\"1"],
            "policy_results": {
                "allowed": true,
                "granting_policies": [{"name": "p\"1", "namespace_id": "root", "type": "acl"}],
            },
            "metadata": {"user": "\u{e9}va"},
            "num_uses": 3,
            "remaining_uses": 2,
            "entity_id": "entity",
            "token_type": "service",
            "token_ttl": 3600,
            "token_issue_time": time,
        },
        "request": {
            "id": "id-1",
            "client_id": "client-1",
            "operation": "list",
            "mount_point": "kv/",
            "mount_type": "kv",
            "mount_accessor": "kv_1",
            "mount_class": "secret",
            "client_token": hash("secret-token"),
            "client_token_accessor": hash("secret-accessor"),
            "namespace": {"id": "ns1", "path": "team/"},
            "path": "kv/data/a",
            "data": {"value": hash("secret-value"), "plain": "shown"},
            "remote_address": "127.0.0.1",
            "remote_port": 8200,
            "wrap_ttl": 60,
            "headers": {"x-plain": ["shown"], "x-hidden": [hash("secret-1"), hash("secret-2")]},
        },
        "error": "denied",
    });
    assert_eq!(found, expected);
}

#[test]
fn a_response_has_vaults_members() {
    let format = format();
    let hash = |value: &str| format.hasher.hash(value.as_bytes());
    let found = with_all(|_, answer| parsed(&format.response(answer)));
    assert_eq!(found["type"], "response");
    assert_eq!(found["response"]["auth"], found["auth"]);
    let mut response = found["response"].clone();
    response.as_object_mut().expect("object").remove("auth");
    let expected = json!({
        "mount_point": "kv/",
        "mount_type": "kv",
        "mount_accessor": "kv_1",
        "mount_class": "secret",
        "secret": {"lease_id": "kv/lease/1"},
        "data": {"keys": [hash("secret-a"), hash("secret-b")], "value": "shown"},
        "warnings": ["a warning"],
        "wrap_info": {
            "ttl": 60,
            "token": hash("secret-wrap"),
            "accessor": hash("secret-wrap-accessor"),
            "creation_time": "2023-11-14T22:13:20.123456Z",
            "creation_path": "kv/data/a",
            "wrapped_accessor": hash("secret-wrapped"),
        },
        "redirect": "https://example.org",
    });
    assert_eq!(response, expected);
}

#[test]
fn nothing_empty_is_written() {
    let request = RequestBlock {
        operation: "read",
        ..RequestBlock::default()
    };
    let auth = AuthBlock::default();
    let response = ResponseBlock {
        wrap_info: Some(WrapBlock::default()),
        ..ResponseBlock::default()
    };
    let line = format().response(&ResponseEntry {
        time: TIME,
        auth: Some(&auth),
        request: &request,
        response: Some(&response),
        error: "",
    });
    let expected = json!({
        "time": "2023-11-14T22:13:20.123456Z",
        "type": "response",
        "request": {"operation": "read"},
    });
    assert_eq!(parsed(&line), expected);
}

#[test]
fn no_secret_shows_unless_the_device_is_raw() {
    let lines = |format: &Format| {
        with_all(|entry, answer| [text(&format.request(entry)), text(&format.response(answer))])
    };
    for line in lines(&format()) {
        assert!(!line.contains("secret-"), "{line}");
    }
    let raw = Format {
        raw: true,
        ..format()
    };
    let [request, response] = lines(&raw);
    for line in [&request, &response] {
        for shown in [
            "secret-token",
            "secret-accessor",
            "secret-value",
            "secret-2",
        ] {
            assert!(line.contains(shown), "{shown}");
        }
        assert!(!line.contains("hmac-sha256"), "{line}");
    }
    for shown in [
        "secret-a",
        "secret-wrap",
        "secret-wrap-accessor",
        "secret-wrapped",
    ] {
        assert!(response.contains(shown), "{shown}");
    }
}

#[test]
fn accessors_stay_if_the_device_says_so_and_tokens_never() {
    let format = Format {
        hash_accessors: false,
        ..format()
    };
    let line = with_all(|_, answer| text(&format.response(answer)));
    for shown in ["secret-accessor", "secret-wrap-accessor", "secret-wrapped"] {
        assert!(line.contains(&format!("\"{shown}\"")), "{shown}");
    }
    for hidden in [
        "secret-token",
        "\"secret-wrap\"",
        "secret-value",
        "secret-1",
    ] {
        assert!(!line.contains(hidden), "{hidden}");
    }
}

#[test]
fn lists_are_elided_in_responses_to_list() {
    let format = Format {
        elide_lists: true,
        ..format()
    };
    with_all(|_, answer| {
        let found = parsed(&format.response(answer));
        assert_eq!(found["response"]["data"]["keys"], 2);
        let request = RequestBlock {
            operation: "read",
            ..*answer.request
        };
        let read = ResponseEntry {
            request: &request,
            ..*answer
        };
        assert!(parsed(&format.response(&read))["response"]["data"]["keys"].is_array());
    });
}

#[test]
fn a_prefix_stands_first() {
    let format = Format {
        prefix: "@cee: ".to_owned(),
        ..format()
    };
    let line = with_all(|entry, _| text(&format.request(entry)));
    assert!(line.starts_with("@cee: {\"time\":\""), "{line}");
}

#[test]
fn lists_and_pairs_may_be_kept_in_anything() {
    let owned = vec!["a".to_owned()];
    let slice: &[String] = &owned;
    let map = std::collections::BTreeMap::from([("k", "v")]);
    let pairs = vec![("k".to_owned(), zeroize::Zeroizing::new("v".to_owned()))];
    let lists: [&dyn Texts; 3] = [&owned, &slice, &["a"]];
    for texts in lists {
        assert!(texts.holds(b"a") && !texts.holds(b"b"));
    }
    let kept: [&dyn Pairs; 3] = [&map, &pairs, &[("k", "v")]];
    for pairs in kept {
        pairs.each(&mut |name, value| assert_eq!((name, value), ("k", "v")));
    }
}
