//! What reviews and models found: each was wrong once.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::{Value, json};
use vaultcore::SecretString;
use vaultcore::api::{ApiRequest, Method};
use vaultcore::kv::Cas;
use vaultcore::storage::{Memory, Storage};

use crate::dying::Dying;
use crate::stage::{Stage, call, send, text};

/// A stage whose first handle dies in the middle of what `work` does, after `commits` were let
/// through; the second handle is of a process that lives on.
fn interrupted(calls: usize, work: impl Fn(&Stage), prepare: impl Fn(&Stage)) -> Stage {
    let memory = Arc::new(Memory::new());
    let dying = Dying::on(&memory);
    let mut stage = Stage::on(Arc::clone(&dying) as Arc<dyn Storage>);
    prepare(&stage);
    dying.die_after(calls);
    work(&stage);
    assert!(dying.is_dead(), "{calls} calls are too many");
    let memory: Arc<dyn Storage> = memory;
    let living = stage.another(&memory);
    stage.handles = [living.clone(), living];
    stage.storage = memory;
    stage
}

/// Plays `work` with one call more each time, until `begun` says that it was begun.
fn begun(
    prepare: impl Fn(&Stage),
    work: impl Fn(&Stage),
    is_begun: impl Fn(&Stage) -> bool,
) -> Stage {
    for calls in 1..100 {
        let stage = interrupted(calls, &work, &prepare);
        if is_begun(&stage) {
            return stage;
        }
    }
    panic!("it is never half done");
}

fn made(reply: &Value) -> (String, String) {
    let token = text(reply, "/auth/client_token");
    (token, text(reply, "/auth/accessor"))
}

/// A batch token cannot be revoked by itself, and whoever tries is told so: it works on.
#[test]
fn a_revocation_that_does_nothing_is_not_acknowledged() {
    let stage = Stage::new();
    let batch = stage.token(&json!({"type": "batch", "policies": ["default"]}));
    for verb in ["revoke", "revoke-orphan"] {
        let path = format!("auth/token/{verb}");
        let reply = stage.write(&stage.root, &path, &json!({ "token": batch }));
        assert_eq!(reply.0, 400, "{verb}: {}", reply.1);
    }
    assert_eq!(stage.read(&batch, "auth/token/lookup-self").0, 200);
    // What is no token at all is gone already.
    let nothing = json!({"token": "hvb.AAAA"});
    assert_eq!(
        stage.write(&stage.root, "auth/token/revoke", &nothing).0,
        204
    );
}

/// The role says whether its tokens are orphans: who may only use it cannot leave the tree.
#[test]
fn a_role_decides_who_is_an_orphan() {
    let stage = Stage::new();
    stage.set("auth/token/roles/app", &json!({"allowed_policies": "app"}));
    let rule = r#"path "auth/token/create/app" { capabilities = ["update"] }"#;
    stage.policy("app", rule);
    let parent = stage.token(&json!({"policies": ["app"]}));
    let new = json!({"no_parent": true});
    let (status, reply) = stage.write(&parent, "auth/token/create/app", &new);
    assert_eq!((status, &reply["auth"]["orphan"]), (200, &json!(false)));
    let (child, _) = made(&reply);
    stage.set("auth/token/revoke", &json!({ "token": parent }));
    assert_eq!(stage.read(&child, "auth/token/lookup-self").0, 403);
}

const TREE: [&str; 2] = ["11111111111111111111", "22222222222222222222"];

/// A parent and its child, with texts that are known.
fn family(stage: &Stage) {
    let parent = stage.token(&json!({"id": TREE[0], "policies": ["root"], "ttl": 100}));
    let child = json!({"id": TREE[1], "policies": ["default"]});
    assert_eq!(stage.write(&parent, "auth/token/create", &child).0, 200);
}

fn is_marked(stage: &Stage) -> bool {
    stage.count("work/") > 0 && stage.count("ns/root/token/") == 3
}

fn end(verb: &'static str) -> impl Fn(&Stage) {
    move |stage| {
        let path = format!("auth/token/{verb}");
        stage.write(&stage.root, &path, &json!({ "token": TREE[0] }));
    }
}

/// Who is being revoked is nobody any more, by accessor as by text.
#[test]
fn a_token_that_is_being_revoked_is_not_shown_or_renewed() {
    let stage = begun(family, end("revoke"), is_marked);
    let keys = call(
        stage.vault(),
        &stage.root,
        Method::List,
        "auth/token/accessors",
        &Value::Null,
    );
    let accessors = keys.1["data"]["keys"].as_array().expect("keys").clone();
    let mut alive = 0;
    for accessor in accessors {
        let body = json!({ "accessor": accessor });
        let looked = stage.write(&stage.root, "auth/token/lookup-accessor", &body);
        let renewed = stage.write(&stage.root, "auth/token/renew-accessor", &body);
        let parent = looked.1["data"]["creation_ttl"] == 100;
        assert!(!parent, "{}", looked.1);
        assert!(renewed.1["auth"]["lease_duration"] != 100, "{}", renewed.1);
        alive += usize::from(looked.0 == 200);
    }
    assert_eq!(alive, 2, "the root token and the child");
}

/// What was begun first holds: a tree that is being revoked is not saved by orphaning its top.
#[test]
fn a_revocation_that_was_begun_is_not_weakened() {
    let stage = begun(family, end("revoke"), is_marked);
    end("revoke-orphan")(&stage);
    stage.vault().tick().expect("ticks");
    assert_eq!(stage.read(TREE[1], "auth/token/lookup-self").0, 403);
}

/// Nor are orphans taken after all, because their parent runs out before that is finished.
#[test]
fn an_orphaning_that_was_begun_is_not_turned_into_a_revocation() {
    for expires in [true, false] {
        let stage = begun(family, end("revoke-orphan"), is_marked);
        match expires {
            true => stage.clock.advance(200),
            false => end("revoke")(&stage),
        }
        stage.vault().tick().expect("ticks");
        assert_eq!(stage.read(TREE[1], "auth/token/lookup-self").0, 200);
        assert_eq!(
            (stage.count("ns/root/token/"), stage.count("work/")),
            (2, 0)
        );
    }
}

/// An accessor names its namespace; who acts in another one cannot reach it by that.
#[test]
fn an_accessor_does_not_lead_out_of_a_namespace() {
    let stage = Stage::new();
    stage.set("sys/namespaces/team", &json!({}));
    stage.set("sys/namespaces/other", &json!({}));
    let asked = |space: &str, token: &str, path: &str, body: &Value| {
        let request = ApiRequest::new(Method::Post, path)
            .token(token)
            .namespace(space);
        send(stage.vault(), &request.body(body.to_string().as_bytes()))
    };
    let all = json!({"policy": "path \"*\" { capabilities = [\"update\", \"sudo\"] }"});
    assert_eq!(
        asked("team", &stage.root, "sys/policies/acl/all", &all).0,
        204
    );
    let new = json!({"policies": ["all"]});
    let (admin, own) = made(&asked("team", &stage.root, "auth/token/create", &new).1);
    let (_, other) = made(&asked("other", &stage.root, "auth/token/create", &new).1);
    let (_, root) = made(&stage.set("auth/token/create", &json!({"policies": ["root"]})));
    let paths = [
        "auth/token/lookup-accessor",
        "auth/token/renew-accessor",
        "sys/capabilities-accessor",
        "auth/token/revoke-accessor",
    ];
    for path in paths {
        for accessor in [&root, &other] {
            let body = json!({ "accessor": accessor, "paths": ["x"] });
            let reply = asked("team", &admin, path, &body);
            assert_eq!(reply.0, 400, "{path}: {}", reply.1);
        }
        // From above it can, and in its own namespace.
        for (space, token) in [("", &stage.root), ("team", &admin)] {
            if path.ends_with("lookup-accessor") {
                let reply = asked(space, token, path, &json!({ "accessor": own }));
                assert_eq!(reply.0, 200, "{space:?}: {}", reply.1);
            }
        }
    }
}

/// A namespace is changed from the one above it, and by no other path.
#[test]
fn a_namespace_has_one_path_that_changes_it() {
    let stage = Stage::new();
    stage.set("sys/namespaces/team", &json!({}));
    stage.set("team/sys/namespaces/app", &json!({}));
    let rules = r#"path "sys/namespaces/*" { capabilities = ["read", "delete", "patch"] }
                   path "team/sys/namespaces/app" { capabilities = ["deny"] }"#;
    stage.policy("spaces", rules);
    let token = stage.token(&json!({"policies": ["spaces"]}));
    for path in ["team/sys/namespaces/app", "sys/namespaces/team/app"] {
        for method in [Method::Get, Method::Delete, Method::Patch] {
            let reply = call(stage.vault(), &token, method, path, &Value::Null);
            assert!(reply.0 >= 400, "{method:?} {path}: {}", reply.1);
        }
    }
    let kept = stage.read(&stage.root, "team/sys/namespaces/app");
    assert_eq!(kept.0, 200, "{}", kept.1);
    let owner = stage.vault().owner().expect("owner");
    let team = owner.namespace("team").expect("namespace").sys();
    assert!(
        team.delete_namespace("").is_err(),
        "it does not delete itself"
    );
}

/// A failure tells something, too: nobody is told without a use of the token being taken, whichever
/// call to the storage fails; and none is taken twice.
#[test]
fn no_answer_is_without_a_use() {
    let missing = |stage: &Stage| {
        let body = json!({"data": {"a": 1}, "options": {"cas": 7}});
        let answers = [
            stage.read(TREE[0], "secret/data/missing").0,
            stage.write(TREE[0], "secret/data/new", &body).0,
        ];
        answers.iter().filter(|status| **status < 500).count()
    };
    let mut told = [0; 3];
    for calls in 1..40 {
        let memory = Arc::new(Memory::new());
        let dying = Dying::on(&memory);
        let stage = Stage::on(Arc::clone(&dying) as Arc<dyn Storage>);
        let new = json!({"id": TREE[0], "policies": ["root"], "num_uses": 5, "ttl": 100});
        stage.set("auth/token/create", &new);
        dying.die_after(calls);
        let answers = missing(&stage);
        dying.die_after(usize::MAX);
        let looked = stage.set("auth/token/lookup", &json!({ "token": TREE[0] }));
        let taken = 5 - looked["data"]["num_uses"].as_u64().expect("uses") as usize;
        assert!(
            (answers..=2).contains(&taken),
            "{calls}: {answers}, {taken}"
        );
        told[answers] += 1;
    }
    assert!(told.iter().all(|count| *count > 0), "{told:?}");
}

/// The use is taken in the commit of the call, and leaves room for the largest one.
#[test]
fn a_limited_token_may_write_as_much_at_once_as_others() {
    let stage = Stage::new();
    let new = json!({"policies": ["root"], "num_uses": 1, "ttl": 100});
    let token = SecretString::copy_from(&stage.token(&new));
    let kv = stage.vault().login(&token).expect("a token").kv("secret");
    let kv = kv.expect("a path");
    let all = kv.transaction(|tx| {
        let mut names = 0..50;
        names.try_for_each(|name| tx.put(&format!("a/{name}"), &json!({"n": name}), Cas::Absent))
    });
    all.expect("fifty secrets");
    assert_eq!(stage.count("ns/root/token/"), 1, "it was the last use");
}

/// A call with a token's last use does not renew it: OpenBao refuses that, and a crash before the
/// end of the token would leave it in storage as long as was asked for.
#[test]
fn the_last_use_renews_nothing() {
    for (uses, status) in [(1, 400), (2, 200)] {
        let stage = Stage::new();
        let new = json!({"policies": ["default"], "num_uses": uses, "ttl": 100});
        let token = stage.token(&new);
        let more = json!({"increment": 1_000});
        assert_eq!(
            stage.write(&token, "auth/token/renew-self", &more).0,
            status
        );
        assert_eq!(stage.count("ns/root/token/"), uses);
    }
}

/// Of a namespace whose deletion was cut short tokens are still stored. They are none: not for
/// whoever has them, and not for whoever names them from outside.
#[test]
fn a_token_of_a_deleted_namespace_is_none() {
    let (token, wrapped) = (RefCell::default(), RefCell::default());
    let prepare = |stage: &Stage| {
        stage.set("sys/namespaces/team", &json!({}));
        let new = json!({"policies": ["default"]});
        *token.borrow_mut() = text(
            &stage.set("team/auth/token/create", &new),
            "/auth/client_token",
        );
        let wrap = ApiRequest::new(Method::Post, "team/sys/wrapping/wrap").wrap_ttl("60");
        let reply = send(stage.vault(), &wrap.token(&stage.root).body(b"{\"a\": 1}"));
        *wrapped.borrow_mut() = text(&reply.1, "/wrap_info/token");
    };
    let delete = |stage: &Stage| {
        let path = "sys/namespaces/team";
        call(
            stage.vault(),
            &stage.root,
            Method::Delete,
            path,
            &Value::Null,
        );
    };
    let stage = begun(prepare, delete, |stage| stage.count("work/wipe/") > 0);
    let named = json!({ "token": *token.borrow() });
    let wrapped = json!({ "token": *wrapped.borrow() });
    for (path, body, status) in [
        ("auth/token/lookup", &named, 403),
        ("auth/token/renew", &named, 403),
        ("sys/wrapping/lookup", &wrapped, 400),
        ("sys/wrapping/unwrap", &wrapped, 400),
        ("sys/wrapping/rewrap", &wrapped, 400),
    ] {
        let reply = stage.write(&stage.root, path, body);
        assert_eq!(reply.0, status, "{path}: {}", reply.1);
    }
}
