//! The Vault-shaped door: requests in, replies out.

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::storage::{Call, Fault, Faulty, Memory};
use vaultcore::{NewMount, NewSlot, Vault};

use crate::rig::{Rig, builder};

/// An open vault, with the root token of its making.
pub(crate) struct Door {
    pub(crate) vault: Vault,
    pub(crate) root: String,
}

/// Status and body of a reply.
pub(crate) type Reply = (u16, Value);

impl Door {
    pub(crate) fn new() -> Self {
        Self::on(builder(&Rig::new()).build().expect("builds"))
    }

    /// Makes a new vault, opens it, and mounts both kinds of key-value secrets.
    pub(crate) fn on(vault: Vault) -> Self {
        let init = vault.init([NewSlot::shamir(3, 2)]).expect("init");
        for share in init.shares().iter().take(2) {
            vault.unseal(share).expect("unseals");
        }
        let owner = vault.owner().expect("owner");
        owner.sys().mount("secret", NewMount::kv2()).expect("mount");
        owner.sys().mount("old", NewMount::kv1()).expect("mount");
        let root = init.root_token().expose().to_owned();
        Self { vault, root }
    }

    pub(crate) fn send(&self, request: &ApiRequest) -> Reply {
        let response = self.vault.handle(request);
        let body = match response.body() {
            [] => Value::Null,
            body => serde_json::from_slice(body).expect("a JSON body"),
        };
        (response.status(), body)
    }

    pub(crate) fn call(&self, token: &str, method: Method, path: &str, body: &Value) -> Reply {
        let mut request = ApiRequest::new(method, path).token(token);
        if !body.is_null() {
            request = request.body(body.to_string().as_bytes());
        }
        self.send(&request)
    }

    pub(crate) fn read(&self, token: &str, path: &str) -> Reply {
        self.call(token, Method::Get, path, &Value::Null)
    }

    pub(crate) fn write(&self, token: &str, path: &str, body: Value) -> Reply {
        self.call(token, Method::Post, path, &body)
    }

    /// Writes as root, which must work.
    pub(crate) fn set(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.write(&self.root, path, body);
        assert!(matches!(status, 200 | 204), "{path}: {status} {reply}");
        reply
    }

    /// Makes a token with these policies.
    pub(crate) fn token(&self, policies: &[&str]) -> String {
        let reply = self.set("auth/token/create", json!({ "policies": policies }));
        text(&reply, "/auth/client_token")
    }

    pub(crate) fn policy(&self, name: &str, text: &str) {
        self.set(
            &format!("sys/policies/acl/{name}"),
            json!({ "policy": text }),
        );
    }
}

/// Returns the text at a place of a reply.
pub(crate) fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{place} in {reply}"))
        .to_owned()
}

#[test]
fn kv_answers_in_vaults_shapes() {
    let door = Door::new();
    let root = door.root.as_str();
    let put = door.set("secret/data/app", json!({"data": {"k": "v", "n": 1.50}}));
    assert_eq!(put.pointer("/data/version"), Some(&json!(1)));
    let (status, got) = door.read(root, "secret/data/app");
    assert_eq!(
        (status, got.pointer("/data/data/k")),
        (200, Some(&json!("v")))
    );
    assert_eq!(got.pointer("/data/metadata/destroyed"), Some(&json!(false)));
    let stale = json!({"data": {}, "options": {"cas": 0}});
    let (status, refused) = door.write(root, "secret/data/app", stale);
    assert_eq!(status, 400);
    assert!(text(&refused, "/errors/0").contains("check-and-set"));
    let (status, _) = door.call(root, Method::Delete, "secret/data/app", &Value::Null);
    assert_eq!(status, 204);
    let (status, gone) = door.read(root, "secret/data/app");
    assert_eq!(
        (status, gone.pointer("/data/data")),
        (404, Some(&Value::Null))
    );
    assert_eq!(
        door.read(root, "secret/data/none"),
        (404, json!({"errors": []}))
    );
    let (status, list) = door.read(root, "secret/metadata/?list=true");
    assert_eq!(
        (status, list.pointer("/data/keys")),
        (200, Some(&json!(["app"])))
    );
    door.set("old/a/b", json!({"x": "y"}));
    let (_, one) = door.read(root, "old/a/b");
    assert_eq!(one.pointer("/data"), Some(&json!({"x": "y"})));
}

#[test]
fn policies_decide_what_a_token_may_do() {
    let door = Door::new();
    door.policy(
        "app",
        r#"path "secret/data/app/*" { capabilities = ["create", "read"] }
           path "secret/data/app/hidden" { capabilities = ["deny"] }
           path "secret/metadata/app/*" { capabilities = ["list"] }"#,
    );
    let token = door.token(&["app"]);
    let data = || json!({"data": {"k": "v"}});
    assert_eq!(door.write(&token, "secret/data/app/a", data()).0, 200);
    assert_eq!(door.read(&token, "secret/data/app/a").0, 200);
    let denied = (403, json!({"errors": ["permission denied"]}));
    assert_eq!(door.write(&token, "secret/data/app/a", data()), denied); // an update
    for path in [
        "secret/data/app/hidden",
        "secret/data/other",
        "nowhere/x",
        "sys/mounts",
    ] {
        assert_eq!(door.read(&token, path), denied, "{path}");
    }
    for token in ["", "hvs.nothing", "x"] {
        assert_eq!(door.read(token, "secret/data/app/a").0, 403, "{token:?}");
    }
    assert_eq!(door.read(&door.root, "nowhere/x").0, 404);
    door.policy(
        "app",
        r#"path "secret/data/app/a" { capabilities = ["update"] }"#,
    );
    assert_eq!(door.write(&token, "secret/data/app/a", data()).0, 200);
    assert_eq!(door.read(&token, "secret/data/app/a"), denied);
}

#[test]
fn tokens_are_made_looked_at_renewed_and_revoked() {
    let door = Door::new();
    door.policy(
        "app",
        r#"path "auth/token/create" { capabilities = ["update"] }"#,
    );
    let parent = door.token(&["app"]);
    let (status, made) = door.write(&parent, "auth/token/create", json!({"ttl": "1h"}));
    assert_eq!(status, 200);
    let child = text(&made, "/auth/client_token");
    assert_eq!(
        made.pointer("/auth/policies"),
        Some(&json!(["app", "default"]))
    );
    let (_, own) = door.read(&child, "auth/token/lookup-self");
    assert_eq!(own.pointer("/data/ttl"), Some(&json!(3600)));
    assert_eq!(text(&own, "/data/id"), child);
    let root = json!({"policies": ["root"]});
    assert_eq!(door.write(&child, "auth/token/create", root).0, 400);
    let (status, renewed) = door.write(&child, "auth/token/renew-self", json!({"increment": "2h"}));
    assert_eq!(
        (status, renewed.pointer("/auth/lease_duration")),
        (200, Some(&json!(7200)))
    );
    door.set("auth/token/revoke", json!({ "token": parent }));
    for gone in [&parent, &child] {
        assert_eq!(door.read(gone, "auth/token/lookup-self").0, 403);
    }
}

#[test]
fn limited_tokens_are_good_for_so_many_calls() {
    let door = Door::new();
    let new = json!({"policies": ["default"], "num_uses": 2});
    let token = text(&door.set("auth/token/create", new), "/auth/client_token");
    assert_eq!(door.read(&token, "auth/token/lookup-self").0, 200);
    assert_eq!(door.read(&token, "secret/data/x").0, 403); // a refused call is a use, too
    assert_eq!(door.read(&token, "auth/token/lookup-self").0, 403);
}

#[test]
fn replies_are_wrapped_and_unwrapped_once() {
    let door = Door::new();
    door.set("secret/data/app", json!({"data": {"k": "v"}}));
    let request = ApiRequest::new(Method::Get, "secret/data/app").token(&door.root);
    let (status, wrapped) = door.send(&request.wrap_ttl("60s"));
    assert_eq!(
        (status, wrapped.pointer("/data")),
        (200, Some(&Value::Null))
    );
    let token = text(&wrapped, "/wrap_info/token");
    assert_eq!(
        text(&wrapped, "/wrap_info/creation_path"),
        "secret/data/app"
    );
    let looked = door.set("sys/wrapping/lookup", json!({ "token": token }));
    assert_eq!(looked.pointer("/data/creation_ttl"), Some(&json!(60)));
    let (status, unwrapped) = door.write(&token, "sys/wrapping/unwrap", Value::Null);
    assert_eq!(
        (status, unwrapped.pointer("/data/data/k")),
        (200, Some(&json!("v")))
    );
    let again = door.write(&door.root, "sys/wrapping/unwrap", json!({ "token": token }));
    assert_eq!(again.0, 400);
    let request = ApiRequest::new(Method::Post, "sys/wrapping/wrap").token(&door.root);
    let (_, wrapped) = door.send(&request.wrap_ttl("5m").body(b"{\"a\": 1}"));
    let first = text(&wrapped, "/wrap_info/token");
    let rewrapped = door.set("sys/wrapping/rewrap", json!({ "token": first }));
    let second = text(&rewrapped, "/wrap_info/token");
    assert_eq!(
        door.write(&first, "sys/wrapping/unwrap", Value::Null).0,
        403
    );
    let (_, unwrapped) = door.write(&second, "sys/wrapping/unwrap", Value::Null);
    assert_eq!(unwrapped.pointer("/data"), Some(&json!({"a": 1})));
}

#[test]
fn a_cubbyhole_is_its_tokens_own() {
    let door = Door::new();
    let (one, other) = (door.token(&["default"]), door.token(&["default"]));
    assert_eq!(door.write(&one, "cubbyhole/a", json!({"k": "v"})).0, 204);
    assert_eq!(
        door.read(&one, "cubbyhole/a").1.pointer("/data/k"),
        Some(&json!("v"))
    );
    assert_eq!(door.read(&other, "cubbyhole/a").0, 404);
    assert_eq!(door.read(&door.root, "cubbyhole/a").0, 404);
    let (_, list) = door.call(&one, Method::List, "cubbyhole/", &Value::Null);
    assert_eq!(list.pointer("/data/keys"), Some(&json!(["a"])));
}

#[test]
fn namespaces_are_worlds_of_their_own() {
    let door = Door::new();
    door.set("sys/namespaces/team", json!({}));
    let root = |method, path: &str| {
        ApiRequest::new(method, path)
            .token(&door.root)
            .namespace("team")
    };
    let mount = root(Method::Post, "sys/mounts/secret").body(br#"{"type": "kv-v2"}"#);
    assert_eq!(door.send(&mount).0, 204);
    let put = root(Method::Post, "secret/data/a").body(br#"{"data": {"k": "team"}}"#);
    assert_eq!(door.send(&put).0, 200);
    assert_eq!(door.read(&door.root, "secret/data/a").0, 404);
    let (_, by_path) = door.read(&door.root, "team/secret/data/a");
    assert_eq!(by_path.pointer("/data/data/k"), Some(&json!("team")));
    let make = root(Method::Post, "auth/token/create").body(br#"{"policies": ["admin"]}"#);
    let token = text(&door.send(&make).1, "/auth/client_token");
    let policy = root(Method::Post, "sys/policies/acl/admin")
        .body(br#"{"policy": "path \"*\" { capabilities = [\"read\"] }"}"#);
    assert_eq!(door.send(&policy).0, 204);
    let inside = |path: &str| ApiRequest::new(Method::Get, path).token(&token);
    assert_eq!(door.send(&inside("secret/data/a").namespace("team")).0, 200);
    assert_eq!(door.send(&inside("secret/data/a")).0, 403);
    let delete = ApiRequest::new(Method::Delete, "sys/namespaces/team").token(&door.root);
    assert!(matches!(door.send(&delete).0, 200 | 204));
    assert_eq!(door.send(&inside("secret/data/a").namespace("team")).0, 403);
}

#[test]
fn mounts_come_and_go_with_all_they_keep() {
    let door = Door::new();
    door.set("secret/data/a", json!({"data": {"k": "v"}}));
    door.set("sys/remount", json!({"from": "secret", "to": "moved"}));
    assert_eq!(door.read(&door.root, "moved/data/a").0, 200);
    assert_eq!(door.read(&door.root, "secret/data/a").0, 404);
    let (status, _) = door.call(&door.root, Method::Delete, "sys/mounts/moved", &Value::Null);
    assert_eq!(status, 204);
    door.set(
        "sys/mounts/moved",
        json!({"type": "kv", "options": {"version": "2"}}),
    );
    assert_eq!(door.read(&door.root, "moved/data/a").0, 404);
}

#[test]
fn a_quorum_makes_a_root_token() {
    let vault = builder(&Rig::new()).build().expect("builds");
    let door = Door {
        vault,
        root: String::new(),
    };
    let init = door.write(
        "",
        "sys/init",
        json!({"secret_shares": 3, "secret_threshold": 2}),
    );
    let keys: Vec<String> = serde_json::from_value(init.1["keys"].clone()).expect("keys");
    for key in keys.iter().take(2) {
        assert_eq!(door.write("", "sys/unseal", json!({ "key": key })).0, 200);
    }
    let (status, started) = door.write("", "sys/generate-root/attempt", json!({}));
    assert_eq!(status, 200);
    let (nonce, pad) = (text(&started, "/nonce"), text(&started, "/otp"));
    let mut last = Value::Null;
    for key in keys.iter().skip(1) {
        let give = json!({"nonce": nonce, "key": key});
        last = door.write("", "sys/generate-root/update", give).1;
    }
    assert_eq!(last["complete"], json!(true));
    let hidden = data_encoding::BASE64_NOPAD
        .decode(text(&last, "/encoded_token").as_bytes())
        .expect("base64");
    let token: Vec<u8> = hidden.iter().zip(pad.bytes()).map(|(a, b)| a ^ b).collect();
    let token = String::from_utf8(token).expect("text");
    assert_eq!(door.read(&token, "sys/mounts").0, 200);
    assert_eq!(door.write(&token, "sys/seal", json!({})).0, 204);
    assert_eq!(door.read(&token, "sys/mounts").0, 503);
    assert_eq!(door.read("", "sys/health").0, 503);
}

#[test]
fn a_token_may_have_more_policies_than_a_commit_has_expectations() {
    let door = Door::new();
    let names: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    for name in &names {
        door.policy(
            name,
            &format!("path \"secret/data/{name}\" {{ capabilities = [\"create\"] }}"),
        );
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let token = door.token(&names);
    for name in ["p0", "p199"] {
        let path = format!("secret/data/{name}");
        assert_eq!(door.write(&token, &path, json!({"data": {}})).0, 200);
    }
    assert_eq!(
        door.write(&token, "secret/data/p200", json!({"data": {}}))
            .0,
        403
    );
}

#[test]
fn metrics_are_shown_in_both_forms() {
    let door = Door::new();
    door.read("", "secret/data/x");
    let (status, body) = door.read(&door.root, "sys/metrics");
    assert_eq!(status, 200);
    let named = |list: &str, name: &str| {
        let list = body[list].as_array().expect("a list").clone();
        let found = list.into_iter().find(|metric| metric["Name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {body}"))
    };
    assert_eq!(named("Gauges", "vault.core.unsealed")["Value"], 1);
    assert_eq!(named("Samples", "vault.core.handle_request")["Count"], 1);
    assert_eq!(named("Counters", "vaultcore.denied")["Count"], 1);
    let request = ApiRequest::new(Method::Get, "sys/metrics?format=prometheus").token(&door.root);
    let response = door.vault.handle(&request);
    let text = String::from_utf8(response.body().to_vec()).expect("text");
    assert!(
        text.contains("# TYPE vault_core_unsealed gauge\nvault_core_unsealed 1\n"),
        "{text}"
    );
    assert!(response.content_type().starts_with("text/plain"));
}

#[test]
fn tokens_of_a_disabled_method_are_refused_with_their_children() {
    let door = Door::new();
    door.set("sys/auth/people", json!({"type": "userpass"}));
    door.policy(
        "maker",
        r#"path "auth/token/create" { capabilities = ["update"] }"#,
    );
    let user = json!({"password": "correct horse battery", "token_policies": "maker"});
    door.set("auth/people/users/bob", user);
    let login = json!({"password": "correct horse battery"});
    let (status, reply) = door.write("", "auth/people/login/bob", login);
    assert_eq!(status, 200, "{reply}");
    let parent = text(&reply, "/auth/client_token");
    let (_, made) = door.write(&parent, "auth/token/create", json!({}));
    let child = text(&made, "/auth/client_token");
    for token in [&parent, &child] {
        assert_eq!(door.read(token, "auth/token/lookup-self").0, 200);
    }
    let gone = door.call(&door.root, Method::Delete, "sys/auth/people", &Value::Null);
    assert_eq!(gone.0, 204);
    for token in [&parent, &child] {
        assert_eq!(door.read(token, "auth/token/lookup-self").0, 403);
    }
}

/// Whoever revokes a token is told if what is below it could not be revoked; `tick` goes on with it.
#[test]
fn a_revocation_that_was_only_begun_is_an_error() {
    let storage = Faulty::new(Memory::new());
    let faults = storage.faults();
    let door = Door::on(Vault::builder(storage).build().expect("builds"));
    let root = door.root.clone();
    let (_, made) = door.write(&root, "auth/token/create", json!({"ttl": "1h"}));
    let parent = text(&made, "/auth/client_token");
    let (_, made) = door.write(&parent, "auth/token/create", json!({"ttl": "1h"}));
    let child = text(&made, "/auth/client_token");
    faults.arm(Fault::from_call(2).of(&[Call::Commit]));
    let (status, _) = door.write(&root, "auth/token/revoke", json!({"token": parent}));
    faults.disarm();
    assert_eq!(status, 503, "the children are not revoked yet");
    assert_eq!(door.read(&parent, "auth/token/lookup-self").0, 403);
    door.vault.tick().expect("goes on");
    assert_eq!(door.read(&child, "auth/token/lookup-self").0, 403);
    let (status, _) = door.write(&root, "auth/token/revoke", json!({"token": parent}));
    assert_eq!(status, 204, "it is gone");
}
