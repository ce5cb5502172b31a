//! Requests that say more, less or something else than the usual ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vaultcore::api::Method;
use vaultcore::transit::{HashType, Input, KeyType, NewKey, SignOptions, ToRewrap};
use vaultcore::{ErrorKind, NewToken};

use super::{Bench, refused};
use crate::door::{Door, text};

fn door() -> Door {
    let door = Door::new();
    door.set("sys/mounts/transit", json!({"type": "transit"}));
    door
}

/// Vault signs and MACs a whole batch under the version that the request names.
#[test]
fn a_batch_is_signed_under_the_version_that_the_request_names() {
    let door = door();
    door.set("transit/keys/k", json!({"type": "ed25519"}));
    for _ in 0..2 {
        door.set("transit/keys/k/rotate", Value::Null);
    }
    let items = json!([{"input": "YQ=="}, {"input": "YQ==", "key_version": 2}]);
    for (verb, field) in [("sign", "signature"), ("hmac", "hmac")] {
        let body = json!({"key_version": 1, "batch_input": items});
        let reply = door.set(&format!("transit/{verb}/k"), body);
        for (index, version) in [(0, "vault:v1:"), (1, "vault:v2:")] {
            let made = text(&reply, &format!("/data/batch_results/{index}/{field}"));
            assert!(made.starts_with(version), "{made}");
        }
        assert!(reply["warnings"].is_null(), "{reply}");
        let body = json!({"batch_input": items});
        let reply = door.set(&format!("transit/{verb}/k"), body);
        let made = text(&reply, &format!("/data/batch_results/0/{field}"));
        assert!(made.starts_with("vault:v3:"), "{made}");
    }
}

#[test]
fn a_walk_over_ciphertexts_tells_of_each_what_is_wrong_with_it() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make("k", &NewKey::default().derived(true));
    let encrypt = |_| transit.encrypt("k", Input::new("x").context("c"));
    let texts: Vec<String> = (0..5)
        .map(encrypt)
        .collect::<Result<_, _>>()
        .expect("texts");
    transit.rotate("k").expect("rotated");
    let row = |(id, text): (usize, String)| match id {
        3 => ToRewrap::new(id, text),
        _ => ToRewrap::new(id, text).context(b"c"),
    };
    let rows: Vec<_> = texts.into_iter().enumerate().map(row).collect();
    let walk = transit.rewrap_all("k", rows).expect("begun");
    let mut told = BTreeMap::new();
    for row in walk {
        let row = row.expect("goes on");
        told.insert(row.id, row.ciphertext.map(|text| text.expect("old")));
    }
    assert_eq!(told.len(), 5);
    for (id, text) in told {
        assert_eq!(text.is_err(), id == 3, "{id}");
    }
}

#[test]
fn a_derived_key_is_not_imported_without_its_private_key() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let derived = NewKey::new(KeyType::Ed25519).derived(true);
    let public = data_encoding::BASE64.encode(&[7; 32]);
    refused(transit.import_public("p", &derived, &public));
    let gone = transit.read("p").expect_err("none");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn nothing_is_made_for_a_text_that_no_new_key_encrypts() {
    let door = door();
    let body = json!({"plaintext": "YQ==", "key_version": 9});
    let root = door.root.clone();
    let (status, _) = door.call(&root, Method::Post, "transit/encrypt/fresh", &body);
    assert_eq!(status, 400);
    let (status, _) = door.call(&root, Method::Get, "transit/keys/fresh", &Value::Null);
    assert_eq!(status, 404);
}

#[test]
fn policies_see_what_a_typed_call_asks_for_and_no_more() {
    let door = door();
    door.set("transit/keys/s", json!({"type": "ed25519"}));
    door.policy(
        "p",
        r#"
        path "transit/sign/*" {
            capabilities = ["update"]
            allowed_parameters = { "input" = [] }
        }
        path "transit/keys/+/import" {
            capabilities = ["update"]
            denied_parameters = { "allow_rotation" = [] }
        }
        path "transit/keys/+" {
            capabilities = ["create", "update"]
            denied_parameters = { "*" = [] }
        }
        path "transit/hmac/*" {
            capabilities = ["update"]
            allowed_parameters = { "input" = [] }
        }
        path "transit/hash" {
            capabilities = ["update"]
            allowed_parameters = { "input" = [] }
        }
        path "transit/random" {
            capabilities = ["update"]
            denied_parameters = { "*" = [] }
        }
        path "transit/datakey/wrapped/k" {
            capabilities = ["update"]
            denied_parameters = { "*" = [] }
        }
        "#,
    );
    let tokens = door.vault.owner().expect("owner").token();
    let token = tokens.create(&NewToken::new().policy("p")).expect("token");
    let session = door.vault.login(&token).expect("session");
    let transit = session.transit("transit").expect("path");
    transit
        .sign("s", SignOptions::new(), b"x")
        .expect("as through the door");
    let new = NewKey::default();
    let denied = transit.import("i", &new.clone().allow_rotation(true), &[7; 32]);
    let denied = denied.expect_err("denied");
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    transit.import("i", &new, &[7; 32]).expect("allowed");
    transit.create("k", &NewKey::default()).expect("as usual");
    let (usual, other) = (HashType::Sha2_256, HashType::Sha2_512);
    transit.hmac("s", usual, b"x").expect("as usual");
    transit.hash(usual, b"x").expect("as usual");
    transit.random(32).expect("as usual");
    let with = || Input::new("");
    transit
        .wrapped_data_key("k", 256, with())
        .expect("as usual");
    for denied in [
        transit
            .create("l", &NewKey::new(KeyType::Ed25519))
            .map(drop),
        transit
            .create("l", &NewKey::default().exportable(true))
            .map(drop),
        transit.hmac("s", other, b"x").map(drop),
        transit.hash(other, b"x").map(drop),
        transit.random(33).map(drop),
        transit.wrapped_data_key("k", 512, with()).map(drop),
    ] {
        let denied = denied.expect_err("not as usual");
        assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    }
}

#[test]
fn exports_in_another_format_are_refused_and_versions_may_begin_with_v() {
    let door = door();
    let root = door.root.clone();
    door.set("transit/keys/k", json!({"exportable": true}));
    let ask = |path: &str| door.call(&root, Method::Get, path, &Value::Null);
    let (status, _) = ask("transit/export/encryption-key/k/v1");
    assert_eq!(status, 200);
    let (status, _) = ask("transit/export/encryption-key/k?format=der");
    assert!(status >= 400, "{status}");
    // There is no version 0, and it is no other word for the newest.
    for none in ["0", "v0", "-1", "vv1"] {
        for verb in ["export/encryption-key", "byok-export/k"] {
            let (status, _) = ask(&format!("transit/{verb}/k/{none}"));
            assert!(status >= 400, "{verb} {none}: {status}");
        }
    }
}

#[test]
fn no_nonce_is_taken_and_an_empty_one_is_none() {
    let door = door();
    let root = door.root.clone();
    door.set("transit/keys/k", json!({}));
    let ask = |verb: &str, body: &Value| {
        let path = format!("transit/{verb}/k");
        door.call(&root, Method::Post, &path, body)
    };
    let text = ask("encrypt", &json!({"plaintext": "YQ=="})).1;
    let ciphertext = self::text(&text, "/data/ciphertext");
    for (verb, field, value) in [
        ("encrypt", "plaintext", "YQ=="),
        ("decrypt", "ciphertext", &ciphertext),
        ("rewrap", "ciphertext", &ciphertext),
        ("datakey/plaintext", "bits", "256"),
    ] {
        for (nonce, status) in [
            (json!(""), 200),
            (Value::Null, 200),
            (json!("AAAAAAAAAAAAAAAA"), 400),
        ] {
            let item = json!({field: value, "nonce": nonce});
            assert_eq!(ask(verb, &item).0, status, "{verb} {nonce}");
            if !verb.starts_with("datakey") {
                let batch = json!({"batch_input": [item]});
                assert_eq!(ask(verb, &batch).0, status, "{verb} {nonce}");
            }
        }
    }
}

/// OpenBao signs an empty message for a request without one, though not in a batch.
#[test]
fn nothing_is_signed_or_verified_of_a_request_without_an_input() {
    let door = door();
    let root = door.root.clone();
    door.set("transit/keys/k", json!({"type": "ed25519"}));
    let ask = |verb: &str, body: &Value| {
        let path = format!("transit/{verb}/k");
        door.call(&root, Method::Post, &path, body)
    };
    let (status, signed) = ask("sign", &json!({"input": ""}));
    let signature = text(&signed, "/data/signature");
    assert_eq!(status, 200);
    for verb in ["sign", "hmac"] {
        assert_eq!(ask(verb, &json!({})).0, 400, "{verb}");
        assert_eq!(ask(verb, &json!({"batch_input": [{}]})).0, 400, "{verb}");
    }
    assert_eq!(ask("verify", &json!({"signature": signature})).0, 400);
    let (status, valid) = ask("verify", &json!({"signature": signature, "input": ""}));
    assert_eq!((status, &valid["data"]["valid"]), (200, &json!(true)));
}

/// A signature has one text, and so has a ciphertext, but for the `v0` that Vault wrote once.
#[test]
fn versions_of_signatures_have_one_spelling() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("s", KeyType::Ed25519);
    let signature = transit.sign("s", SignOptions::new(), b"x").expect("signed");
    let text = transit.encrypt("k", b"x").expect("text");
    let others = ["v01", "v001", "v+1", "v-1", "v 1", "v1 ", "v00", "v+0"];
    for version in ["v0"].into_iter().chain(others) {
        let other = signature.replacen("v1", version, 1);
        let valid = transit.verify("s", SignOptions::new(), b"x", &other);
        assert!(!valid.expect("told"), "{version}");
    }
    transit
        .decrypt("k", &text.replacen("v1", "v0", 1))
        .expect("as Vault");
    for version in others {
        refused(transit.decrypt("k", &text.replacen("v1", version, 1)));
        refused(transit.rewrap("k", &text.replacen("v1", version, 1)));
    }
}
