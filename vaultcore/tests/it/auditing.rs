//! The audit trail: what is recorded, what is not, and what happens when nobody takes it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::{AuditDevice, AuditFinding, Error, ErrorKind, NewAudit, NewSlot};

use crate::door::{Door, text};
use crate::rig::{Rig, builder};

/// Keeps lines, and takes none while it is told so.
#[derive(Clone, Default)]
struct Lines {
    kept: Arc<Mutex<Vec<Vec<u8>>>>,
    refuses: Arc<AtomicBool>,
}

impl AuditDevice for Lines {
    fn write(&self, line: &[u8]) -> vaultcore::Result<()> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "told to"));
        }
        self.kept.lock().expect("lock").push(line.to_vec());
        Ok(())
    }

    fn may_block(&self) -> bool {
        false
    }
}

impl Lines {
    fn all(&self) -> Vec<Value> {
        let kept = self.kept.lock().expect("lock");
        let parse = |line: &Vec<u8>| serde_json::from_slice(line).expect("a line is JSON");
        kept.iter().map(parse).collect()
    }

    /// Returns what was written since the last call.
    fn take(&self) -> Vec<Value> {
        let all = self.all();
        self.kept.lock().expect("lock").clear();
        all
    }

    fn text(&self) -> String {
        let kept = self.kept.lock().expect("lock");
        String::from_utf8(kept.concat()).expect("UTF-8")
    }
}

fn audited() -> (Door, Lines) {
    let lines = Lines::default();
    let vault = builder(&Rig::new()).audit_device("test", lines.clone());
    let door = Door::on(vault.build().expect("builds"));
    let sys = door.vault.owner().expect("owner").sys();
    sys.enable_audit("test", NewAudit::callback("test"))
        .expect("enabled");
    lines.take();
    (door, lines)
}

#[test]
fn a_request_and_its_response_are_recorded_with_hashed_values() {
    let (door, lines) = audited();
    let body = json!({"data": {"user": "canary-user", "pin": 424_242}});
    door.set("secret/data/app", body);
    let found = lines.take();
    assert_eq!(found.len(), 2);
    let (request, response) = (&found[0], &found[1]);
    assert_eq!(
        (text(request, "/type"), text(response, "/type")),
        ("request".into(), "response".into())
    );
    assert_eq!(text(request, "/request/path"), "secret/data/app");
    assert_eq!(text(request, "/request/operation"), "create");
    assert_eq!(text(request, "/request/mount_type"), "kv-v2");
    assert_eq!(request.pointer("/auth/policies"), Some(&json!(["root"])));
    assert_eq!(
        request.pointer("/request/id"),
        response.pointer("/request/id")
    );
    let hash = door
        .vault
        .owner()
        .expect("owner")
        .sys()
        .audit_hash("test", "canary-user");
    assert_eq!(
        text(request, "/request/data/data/user"),
        hash.expect("hash")
    );
    assert!(text(request, "/request/data/data/pin").starts_with("hmac-sha256:"));
    assert!(text(response, "/response/data/version").starts_with("hmac-sha256:"));
    assert!(text(request, "/request/client_token").starts_with("hmac-sha256:"));
}

#[test]
fn nothing_that_is_secret_is_in_a_line() {
    let (door, lines) = audited();
    let root = door.root.clone();
    door.set(
        "secret/data/app",
        json!({"data": {"canary-key": "canary-one", "n": 7_700_112_233_445_566_u64}}),
    );
    door.read(&root, "secret/data/app");
    door.read("hvs.canary-token", "secret/data/app");
    let made = door.set("auth/token/create", json!({"policies": ["default"]}));
    let token = text(&made, "/auth/client_token");
    door.write(&token, "cubbyhole/a", json!({"k": "canary-two"}));
    let request = ApiRequest::new(Method::Get, "secret/data/app").token(&root);
    let wrapped = text(&door.send(&request.wrap_ttl("60s")).1, "/wrap_info/token");
    door.write(&wrapped, "sys/wrapping/unwrap", Value::Null);
    door.write(
        &root,
        "secret/data/app",
        json!({"data": "canary-three", "x": ["canary-four"]}),
    );
    door.call(&root, Method::Post, "secret/data/%", &json!("canary-five"));
    let all = lines.text();
    for secret in [
        "canary-one",
        "7700112233445566", // longer than what hashes have by chance
        "canary-token",
        "canary-two",
        "canary-three",
        "canary-four",
        "canary-five",
        &root,
        &token,
        &wrapped,
    ] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(
        all.contains("canary-key"),
        "names of fields stand in clear, as in Vault"
    );
}

#[test]
fn refusals_are_recorded_and_say_so() {
    let (door, lines) = audited();
    assert_eq!(door.read("", "secret/data/app").0, 403);
    let token = door.token(&["default"]);
    lines.take();
    assert_eq!(door.read(&token, "secret/data/app").0, 403);
    let found = lines.take();
    assert_eq!(found.len(), 2);
    for line in &found {
        assert_eq!(text(line, "/error"), "permission denied");
        assert_eq!(text(line, "/request/path"), "secret/data/app");
        assert_eq!(
            line.pointer("/auth/policy_results/allowed"),
            Some(&json!(false))
        );
    }
}

#[test]
fn answers_that_say_what_failed_are_recorded_before_they_are_given() {
    let (door, lines) = audited();
    let root = door.root.clone();
    door.set("sys/mounts/transit", json!({"type": "transit"}));
    door.set("transit/keys/app", Value::Null);
    door.set("sys/auth/userpass", json!({"type": "userpass"}));
    door.set("auth/userpass/users/ann", json!({"password": "right"}));
    lines.take();
    let wrong = json!({"ciphertext": "vault:v1:AAAA"});
    let transit = door
        .vault
        .owner()
        .and_then(|owner| owner.transit("transit"));
    let transit = transit.expect("mounted");
    let fail: [(&str, &dyn Fn()); 3] = [
        ("transit/decrypt/app", &|| {
            let (status, _) = door.call(&root, Method::Post, "transit/decrypt/app", &wrong);
            assert_eq!(status, 400);
        }),
        ("transit/decrypt/app", &|| {
            transit.decrypt("app", "vault:v1:AAAA").expect_err("fails");
        }),
        ("auth/userpass/login/ann", &|| {
            let body = json!({"password": "wrong"});
            let (status, _) = door.call("", Method::Post, "auth/userpass/login/ann", &body);
            assert_eq!(status, 400);
        }),
    ];
    for (path, fail) in fail {
        fail();
        let found = lines.take();
        let types: Vec<String> = found.iter().map(|line| text(line, "/type")).collect();
        assert_eq!(types, ["request", "response"], "{path}");
        assert_eq!(text(&found[1], "/request/path"), path);
        assert!(!text(&found[1], "/error").is_empty(), "{path}");
    }
}

#[test]
fn without_a_record_nothing_is_done_and_nothing_is_answered() {
    let (door, lines) = audited();
    door.set("secret/data/app", json!({"data": {"k": "v"}}));
    lines.refuses.store(true, Ordering::SeqCst);
    let (status, body) = door.read(&door.root, "secret/data/app");
    assert_eq!(status, 500);
    assert!(body.pointer("/data").is_none());
    assert_eq!(
        door.write(&door.root, "secret/data/app", json!({"data": {}}))
            .0,
        500
    );
    let owner = door.vault.owner().expect("owner");
    let kv = owner.kv("secret").expect("kv");
    let error = kv.delete("app").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::AuditFailed);
    lines.refuses.store(false, Ordering::SeqCst);
    let (_, got) = door.read(&door.root, "secret/data/app");
    assert_eq!(got.pointer("/data/metadata/version"), Some(&json!(1)));
}

#[test]
fn a_second_device_keeps_the_vault_answering() {
    let (door, lines) = audited();
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("audit.log");
    let file = NewAudit::file(path.to_str().expect("text"));
    let sys = door.vault.owner().expect("owner").sys();
    sys.enable_audit("file", file).expect("enabled");
    lines.refuses.store(true, Ordering::SeqCst);
    assert_eq!(door.read(&door.root, "secret/data/none").0, 404);
    assert!(
        fs::read_to_string(&path)
            .expect("log")
            .contains("secret/data/none")
    );
}

#[test]
fn verify_finds_what_was_done_to_a_file() {
    let rig = Rig::new();
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("audit.log");
    let door = Door::on(builder(&rig).build().expect("builds"));
    let sys = || door.vault.owner().expect("owner").sys();
    let file = NewAudit::file(path.to_str().expect("text"));
    sys().enable_audit("file", file).expect("enabled");
    for number in 0..20 {
        door.set(
            &format!("secret/data/{number}"),
            json!({"data": {"k": number}}),
        );
    }
    door.vault.tick().expect("ticks"); // stores where the chain is
    let log = fs::read(&path).expect("log");
    let verify = |log: &[u8]| sys().verify_audit("file", log).expect("verifies");
    let report = verify(&log);
    assert!(report.is_whole(), "{:?}", report.findings);
    assert!(report.runs.iter().any(|run| run.committed >= 40));
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let without: Vec<u8> = lines
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != 7)
        .flat_map(|(_, l)| l.to_vec())
        .collect();
    assert!(
        verify(&without)
            .findings
            .iter()
            .any(|f| matches!(f, AuditFinding::Missing { .. }))
    );
    let mut changed = log.clone();
    let place = log
        .windows(8)
        .position(|part| part == b"\"create\"")
        .expect("a create");
    changed[place + 1] = b'x';
    assert!(!verify(&changed).is_whole());
    let cut: Vec<u8> = lines[..lines.len() / 2].concat();
    assert!(
        !verify(&cut).is_whole(),
        "what was stored of the chain is missing"
    );
    let error = sys()
        .verify_audit("nothing", &log[..])
        .expect_err("no device");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn devices_are_listed_enabled_and_disabled_by_the_door() {
    let door = Door::new();
    door.set(
        "sys/audit/null",
        json!({"type": "file", "options": {"file_path": "discard"}}),
    );
    let (status, list) = door.read(&door.root, "sys/audit");
    assert_eq!(
        (status, text(&list, "/data/null~1/type")),
        (200, "file".into())
    );
    let hash = door.set("sys/audit-hash/null", json!({"input": "x"}));
    assert!(text(&hash, "/data/hash").starts_with("hmac-sha256:"));
    assert_eq!(
        door.call(&door.root, Method::Delete, "sys/audit/null", &Value::Null)
            .0,
        204
    );
    assert_eq!(
        door.read(&door.root, "sys/audit").1.pointer("/data"),
        Some(&json!({}))
    );
    let bad = json!({"type": "file", "options": {"file_path": "/nowhere/at/all/x"}});
    assert!(door.write(&door.root, "sys/audit/bad", bad).0 >= 400);
    let prefix = json!({"type": "stderr", "options": {"prefix": "#!/bin/sh "}});
    assert_eq!(door.write(&door.root, "sys/audit/bad", prefix).0, 400);
    let vault = door.vault.clone();
    vault.seal().expect("sealed");
    assert_eq!(
        vault
            .init([NewSlot::shamir(1, 1)])
            .expect_err("exists")
            .kind(),
        ErrorKind::AlreadyInitialized
    );
}

#[test]
fn nothing_is_left_of_the_chains_of_a_device_that_is_gone() {
    let rig = Rig::new();
    let lines = [Lines::default(), Lines::default()];
    let vault = builder(&rig)
        .audit_device("0", lines[0].clone())
        .audit_device("1", lines[1].clone());
    let door = Door::on(vault.build().expect("builds"));
    door.set("sys/namespaces/team", json!({}));
    for (number, path) in ["sys/audit/log", "team/sys/audit/log"].iter().enumerate() {
        let options = json!({"name": number.to_string()});
        door.set(path, json!({"type": "callback", "options": options}));
    }
    door.set("team/sys/mounts/kv", json!({"type": "kv"}));
    door.vault.tick().expect("ticks"); // stores where the chains are
    let heads = || {
        let values = rig.values();
        let heads = values
            .keys()
            .filter(|path| path.starts_with("sys/audit-head/"));
        heads.count()
    };
    assert_eq!(heads(), 2);
    let delete = |path| door.call(&door.root, Method::Delete, path, &Value::Null).0;
    assert_eq!(delete("sys/namespaces/team"), 204);
    assert_eq!(heads(), 1);
    assert_eq!(delete("sys/audit/log"), 204);
    door.vault.tick().expect("ticks");
    assert_eq!(heads(), 0);
}

#[test]
fn a_log_that_was_moved_is_left_when_the_host_says_so() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let door = Door::on(builder(&Rig::new()).build().expect("builds"));
    let sys = || door.vault.owner().expect("owner").sys();
    let file = NewAudit::file(path.to_str().expect("text"));
    sys().enable_audit("file", file).expect("enabled");
    assert_eq!(door.read(&door.root, "secret/data/before").0, 404);
    fs::rename(&path, &old).expect("moved");
    door.vault.reopen_audit().expect("opened");
    assert_eq!(door.read(&door.root, "secret/data/after").0, 404);
    let log = |path| fs::read_to_string(path).expect("log");
    assert!(log(&old).contains("data/before") && !log(&old).contains("data/after"));
    assert!(log(&path).contains("data/after"));
    let both = [log(&old), log(&path)].concat();
    let report = sys().verify_audit("file", both.as_bytes()).expect("read");
    assert!(report.is_whole(), "{:?}", report.findings);
}

/// Returns a door whose vault has a namespace `team`, with devices of the root and of the team.
fn two_spaces() -> (Door, Lines, Lines) {
    let (whole, team) = (Lines::default(), Lines::default());
    let vault = builder(&Rig::new())
        .audit_device("whole", whole.clone())
        .audit_device("team", team.clone());
    let door = Door::on(vault.build().expect("builds"));
    door.set("sys/namespaces/team", json!({}));
    door.set("team/sys/namespaces/app", json!({}));
    door.set("team/sys/mounts/secret", json!({"type": "kv-v2"}));
    for (path, name) in [("sys/audit/log", "whole"), ("team/sys/audit/log", "team")] {
        let body = json!({"type": "callback", "options": {"name": name}});
        door.set(path, body);
    }
    whole.take();
    team.take();
    (door, whole, team)
}

#[test]
fn a_namespace_has_devices_of_its_own() {
    let (door, whole, team) = two_spaces();
    door.set("team/secret/data/a", json!({"data": {"k": "canary"}}));
    for lines in [&whole, &team] {
        let found = lines.take();
        assert_eq!(found.len(), 2);
        assert_eq!(text(&found[0], "/request/namespace/path"), "team/");
    }
    assert_eq!(door.read("", "team/app/secret/data/a").0, 403);
    assert_eq!((whole.take().len(), team.take().len()), (2, 2));
    door.set("secret/data/a", json!({"data": {}}));
    assert_eq!(door.read("", "nowhere/secret/data/a").0, 403);
    assert_eq!((whole.take().len(), team.take().len()), (4, 0));

    // Each sees its own, with a salt of its own.
    let (_, list) = door.read(&door.root, "team/sys/audit");
    assert_eq!(text(&list, "/data/log~1/options/name"), "team");
    let hash = |path: &str| text(&door.set(path, json!({"input": "x"})), "/data/hash");
    assert_ne!(hash("sys/audit-hash/log"), hash("team/sys/audit-hash/log"));
    let owner = door.vault.owner().expect("owner");
    let inside = owner.namespace("team").expect("namespace").sys();
    let (mut log, before) = (team.text(), team.all().len());
    let report = inside.verify_audit("log", log.as_bytes()).expect("read");
    assert_eq!(report.lines, u64::try_from(before).expect("small"));
    log = log.replacen("team/", "east/", 1);
    let report = inside.verify_audit("log", log.as_bytes()).expect("read");
    assert!(!report.is_whole());
}

#[test]
fn what_a_namespace_cannot_record_is_refused_there_and_nowhere_else() {
    let (door, whole, team) = two_spaces();
    team.refuses.store(true, Ordering::SeqCst);
    let body = json!({"data": {}});
    for path in ["team/secret/data/a", "team/app/sys/mounts"] {
        assert_eq!(door.read(&door.root, path).0, 500, "{path}");
    }
    door.set("secret/data/a", body.clone());
    team.refuses.store(false, Ordering::SeqCst);
    whole.refuses.store(true, Ordering::SeqCst);
    assert_eq!(door.write(&door.root, "team/secret/data/a", body).0, 500);
    whole.refuses.store(false, Ordering::SeqCst);
    let delete = |path| door.call(&door.root, Method::Delete, path, &Value::Null).0;
    assert_eq!(delete("team/sys/namespaces/app"), 204);
    // From above it is deleted, with a device that takes nothing.
    team.refuses.store(true, Ordering::SeqCst);
    assert_eq!(delete("sys/namespaces/team"), 204);
    door.set("sys/namespaces/team", json!({}));
    assert_eq!(door.read(&door.root, "team/sys/audit").1["data"], json!({}));
}

#[test]
fn a_namespace_writes_to_no_file_without_the_hosts_leave() {
    for allowed in [false, true] {
        let vault = builder(&Rig::new()).audit_in_namespaces(allowed);
        let door = Door::on(vault.build().expect("builds"));
        door.set("sys/namespaces/team", json!({}));
        let body = json!({"type": "file", "options": {"file_path": "discard"}});
        let (status, answer) = door.write(&door.root, "team/sys/audit/log", body);
        assert_eq!(status, if allowed { 204 } else { 400 }, "{answer}");
    }
}
