//! Values of requests, and what is answered, stand in no audit line, error or `Debug`.

use std::sync::{Arc, Mutex};

use super::tests::operations;
use super::{ApiRequest, Method};
use crate::{AuditDevice, NewAudit, NewSlot, Vault, storage::Memory};

/// Begins every value that is sent, and is part of none that anybody else makes.
const CANARY: &str = "canary7f3a";

/// The fields that requests have, of all engines and methods.
const FIELDS: &[&str] = &[
    "accessor",
    "algorithm",
    "alias_id",
    "allowed_policies",
    "allowed_roles",
    "associated_data",
    "audit_hash",
    "bound_cidrs",
    "bytes",
    "canonical_id",
    "ciphertext",
    "config",
    "connection_url",
    "context",
    "creation_statements",
    "custom_metadata",
    "data",
    "db_name",
    "default_ttl",
    "description",
    "display_name",
    "entity_alias",
    "entity_id",
    "explicit_max_ttl",
    "format",
    "from",
    "from_entity_ids",
    "hash",
    "hash_algorithm",
    "hash_function",
    "hmac",
    "id",
    "increment",
    "input",
    "key",
    "lease_id",
    "max_ttl",
    "member_entity_ids",
    "meta",
    "metadata",
    "mount_accessor",
    "name",
    "nonce",
    "num_uses",
    "options",
    "otp",
    "password",
    "password_policy",
    "path",
    "paths",
    "period",
    "plaintext",
    "plugin_name",
    "policies",
    "policy",
    "public_key",
    "role_id",
    "role_name",
    "rotation_schedule",
    "rules",
    "salt_length",
    "secret_id",
    "secret_id_accessor",
    "signature",
    "token",
    "token_policies",
    "token_ttl",
    "to",
    "to_entity_id",
    "ttl",
    "type",
    "username",
    "username_template",
    "value",
    "versions",
    "wrapped_dek",
];

/// Keeps the lines of audit.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl AuditDevice for Lines {
    fn write(&self, line: &[u8]) -> crate::Result<()> {
        self.0.lock().expect("lock").extend_from_slice(line);
        Ok(())
    }

    fn may_block(&self) -> bool {
        false
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().expect("lock"))).expect("UTF-8")
    }
}

/// Returns the bodies that are tried: one field each, of a text and of what a text may stand in,
/// and all of them at once.
fn bodies() -> Vec<String> {
    let mut all = Vec::new();
    for (index, name) in FIELDS.iter().enumerate() {
        let value = format!("{CANARY}{index}");
        all.push(format!(r#"{{"{name}": "{value}"}}"#));
    }
    let member = |shape: &dyn Fn(usize) -> String| {
        let members = FIELDS.iter().enumerate();
        let members = members.map(|(index, name)| format!(r#""{name}": {}"#, shape(index)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    };
    all.push(member(&|index| format!(r#""{CANARY}{index}""#)));
    all.push(member(&|index| format!(r#"["{CANARY}{index}"]"#)));
    all.push(member(&|index| format!(r#"{{"a": "{CANARY}{index}"}}"#)));
    all.push(format!(r#"{{"data": {{"a": "{CANARY}"}}, "a": "#)); // cut off
    all
}

/// Returns a vault that is audited, its lines, and its root token.
fn audited() -> (Vault, Lines, String) {
    let lines = Lines::default();
    let vault = Vault::builder(Memory::new()).audit_device("test", lines.clone());
    let vault = vault.build().expect("vault");
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    vault.unseal(&init.shares()[0]).expect("unsealed");
    let sys = vault.owner().expect("owner").sys();
    sys.enable_audit("test", NewAudit::callback("test"))
        .expect("enabled");
    (vault, lines, init.root_token().expose().to_owned())
}

/// Asks, and returns everything that may hold no value of the request.
fn told(vault: &Vault, lines: &Lines, request: &ApiRequest) -> Vec<String> {
    let response = vault.handle(request);
    let mut told = vec![lines.take(), format!("{request:?} {response:?}")];
    if response.status() >= 400 {
        told.push(String::from_utf8_lossy(response.body()).into_owned());
    }
    told
}

#[test]
fn no_value_of_a_request_is_told_or_recorded() {
    let (vault, lines, root) = audited();
    let mut all = operations(&vault);
    // Those would end the walk: the vault sealed, the token or the device gone.
    let ends = |path: &str| {
        ["sys/seal", "auth/token/revoke-self", "sys/audit/"]
            .iter()
            .any(|end| path.starts_with(end))
    };
    all.retain(|(_, path)| !ends(path));
    let bodies = bodies();
    let mut asked = 0u32;
    let mut found = Vec::new();
    for (method, path) in &all {
        let reads = matches!(
            method,
            Method::Get | Method::List | Method::Scan | Method::Delete
        );
        // What reads takes no body: the last ones, of all fields, are enough.
        let first = if reads { bodies.len() - 4 } else { 0 };
        for body in &bodies[first..] {
            let body = without_paths(path, body);
            let request = ApiRequest::new(*method, path).token(&root);
            let request = request.body(body.as_bytes());
            for text in told(&vault, &lines, &request) {
                if let Some(at) = text.find(CANARY) {
                    let end = text.len().min(at + 60);
                    let near =
                        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(60)..end]);
                    found.push(format!("{method:?} {path}: {near}"));
                }
            }
            asked += 1;
        }
    }
    assert!(
        found.is_empty(),
        "{} times: {:#?}",
        found.len(),
        &found[..found.len().min(30)]
    );
    assert!(asked > 3_000, "{asked}");
}

/// Returns a body without what is recorded as it is, as in Vault: paths, those that capabilities are
/// asked of, too, by which the reply names what it says; and the names of policies.
fn without_paths(path: &str, body: &str) -> String {
    let open = |name: &str| match path {
        path if path.starts_with("sys/capabilities") => name.starts_with("path"),
        path if path.starts_with("auth/token/create") => name == "policies",
        _ => false,
    };
    let mut body = body.to_owned();
    for (index, _) in FIELDS.iter().enumerate().filter(|(_, name)| open(name)) {
        body = body.replace(&format!("\"{CANARY}{index}\""), "\"a/path\"");
    }
    body
}

/// What a vault answers stands in its audit only as a hash; and a canary that is told is found.
#[test]
fn no_secret_that_is_answered_is_recorded() {
    let (vault, lines, root) = audited();
    let ask = |method, path: &str, body: &str, wrap: &str| {
        let request = ApiRequest::new(method, path).token(&root).wrap_ttl(wrap);
        let request = request.body(body.as_bytes());
        let response = vault.handle(&request);
        assert!(response.status() < 300, "{path}: {}", response.status());
        let debug = format!("{response:?}");
        assert!(!debug.contains(CANARY), "{debug}");
        String::from_utf8_lossy(response.body()).into_owned()
    };
    let kv = r#"{"type": "kv-v2"}"#;
    ask(Method::Post, "sys/mounts/x", kv, "");
    let data = format!(r#"{{"data": {{"a": "{CANARY}", "n": {{"b": ["{CANARY}"]}}}}}}"#);
    ask(Method::Post, "x/data/a", &data, "");
    ask(Method::Post, "cubbyhole/a", &data, "");
    lines.take();
    for (path, wrap) in [("x/data/a", ""), ("cubbyhole/a", ""), ("x/data/a", "60s")] {
        let body = ask(Method::Get, path, "", wrap);
        assert_eq!(
            body.contains(CANARY),
            wrap.is_empty(),
            "the answer itself has it"
        );
        assert!(!lines.take().contains(CANARY), "{path}");
    }
    // A mount may name fields whose values are recorded in clear: then it is there to be found.
    let plain = r#"{"audit_non_hmac_response_keys": ["data"]}"#;
    ask(Method::Post, "sys/mounts/x/tune", plain, "");
    lines.take();
    ask(Method::Get, "x/data/a", "", "");
    assert!(lines.take().contains(CANARY), "the search finds nothing");
}
