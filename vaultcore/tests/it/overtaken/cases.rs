//! Calls, and the changes that stop them.

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::{ManualClock, NewSlot, Vault};

use crate::rig::{NOW, Rig, builder};
use crate::world::texts;

/// A request.
#[derive(Clone)]
pub(super) struct Ask {
    token: String,
    method: Method,
    path: String,
    body: Value,
}

impl Ask {
    fn new(token: &str, method: Method, path: &str, body: Value) -> Self {
        Self {
            token: token.to_owned(),
            method,
            path: path.to_owned(),
            body,
        }
    }

    fn post(token: &str, path: &str, body: Value) -> Self {
        Self::new(token, Method::Post, path, body)
    }

    fn delete(token: &str, path: &str) -> Self {
        Self::new(token, Method::Delete, path, Value::Null)
    }

    pub(super) fn request(&self) -> ApiRequest {
        let request = ApiRequest::new(self.method, &self.path).token(&self.token);
        match &self.body {
            Value::Null => request,
            body => request.body(body.to_string().as_bytes()),
        }
    }
}

/// A call, and a change that stops it.
pub(super) struct Case {
    pub(super) name: String,
    /// What is asked before, so that what it reads is cached.
    pub(super) before: Vec<Ask>,
    pub(super) call: Ask,
    pub(super) change: Ask,
}

/// A vault with everything that the cases need.
pub(super) struct Made {
    pub(super) rig: Rig,
    pub(super) share: String,
    root: String,
    /// Makes the worker, whose rights are by policy.
    boss: String,
    worker: String,
    /// Came by a login, and has its rights by entity and by group.
    member: String,
    victim: String,
    wrapped: String,
    /// In the namespace `team`.
    team: String,
    team_wrapped: String,
    role_secret: String,
    entities: [String; 2],
    member_entity: String,
    group: String,
}

const WORKER: &str = r#"
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/create/*" { capabilities = ["update"] }
path "auth/token/revoke" { capabilities = ["update"] }
path "identity/entity/merge" { capabilities = ["update"] }
path "secret/*" { capabilities = ["create", "update"] }
path "cubbyhole/*" { capabilities = ["create", "update"] }
path "sys/wrapping/*" { capabilities = ["update"] }
"#;

/// Begins a vault, as whoever sets everything up sees it.
struct Maker {
    vault: Vault,
    root: String,
}

impl Maker {
    fn ask(&self, request: &ApiRequest) -> Value {
        let response = self.vault.handle(request);
        let body = match response.body() {
            [] => Value::Null,
            body => serde_json::from_slice(body).expect("JSON"),
        };
        assert!(response.status() < 300, "{body}");
        body
    }

    fn set(&self, path: &str, body: Value) -> Value {
        self.ask(&Ask::post(&self.root, path, body).request())
    }

    fn token(&self, by: &str, path: &str, body: Value) -> String {
        let reply = self.ask(&Ask::post(by, path, body).request());
        text(&reply, "/auth/client_token")
    }

    fn wrapped(&self, path: &str) -> String {
        let request = Ask::post(&self.root, path, json!({ "a": 1 })).request();
        text(&self.ask(&request.wrap_ttl("300")), "/wrap_info/token")
    }
}

fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{place} in {reply}"))
        .to_owned()
}

impl Made {
    pub(super) fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let root = init.root_token().expose().to_owned();
        let share = texts(init.shares()).remove(0);
        let maker = Maker { vault, root };
        let policy = json!({ "policy": WORKER });
        let kv = json!({ "type": "kv", "options": { "version": "2" } });
        maker.set("sys/namespaces/team", json!({}));
        for space in ["", "team/"] {
            maker.set(&format!("{space}sys/policies/acl/worker"), policy.clone());
            maker.set(&format!("{space}sys/mounts/secret"), kv.clone());
        }
        maker.set(
            "auth/token/roles/some",
            json!({ "allowed_policies": ["worker"] }),
        );
        maker.set("sys/auth/roles", json!({ "type": "approle" }));
        maker.set("auth/roles/role/app", json!({ "role_id": "app" }));
        let issued = maker.set("auth/roles/role/app/secret-id", json!({}));
        let role_secret = text(&issued, "/data/secret_id");
        let login = json!({ "role_id": "app", "secret_id": role_secret });
        let reply = maker.ask(&Ask::post("", "auth/roles/login", login).request());
        let member_entity = text(&reply, "/auth/entity_id");
        let group = json!({ "policies": ["worker"], "member_entity_ids": [member_entity] });
        let group = text(&maker.set("identity/group", group), "/data/id");
        let entity = |name| {
            let made = maker.set("identity/entity", json!({ "name": name }));
            text(&made, "/data/id")
        };
        let (root, create) = (&maker.root, "auth/token/create");
        let plain = |policy: &str| json!({ "policies": [policy], "ttl": 1_000 });
        let boss = maker.token(root, create, plain("root"));
        Self {
            worker: maker.token(&boss, create, plain("worker")),
            member: text(&reply, "/auth/client_token"),
            victim: maker.token(root, create, plain("default")),
            wrapped: maker.wrapped("sys/wrapping/wrap"),
            team: maker.token(root, "team/auth/token/create", plain("worker")),
            team_wrapped: maker.wrapped("team/sys/wrapping/wrap"),
            entities: [entity("one"), entity("two")],
            root: root.clone(),
            boss,
            role_secret,
            member_entity,
            group,
            share,
            rig,
        }
    }

    pub(super) fn clock(&self) -> ManualClock {
        ManualClock::new(NOW)
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let mut cases = self.by_policy();
        cases.extend(self.by_object());
        cases.extend(self.by_identity());
        cases.extend(self.by_namespace());
        cases
    }

    fn case(&self, (call, ask): (&str, Ask), (change, changed): (&str, Ask)) -> Case {
        let looked = Ask::new(
            &ask.token,
            Method::Get,
            "auth/token/lookup-self",
            Value::Null,
        );
        let mut before = vec![looked];
        if ask.path.starts_with("team/") {
            before[0].path.insert_str(0, "team/");
        }
        // Something that is refused, for which all policies are read.
        let denied = Ask::new(&ask.token, Method::Get, &ask.path, Value::Null);
        before.push(denied);
        Case {
            name: format!("{call}, {change}"),
            before,
            call: ask,
            change: changed,
        }
    }

    /// What a worker may do, with its name.
    fn calls(&self, token: &str, space: &str) -> Vec<(&'static str, Ask)> {
        let post = |path: &str, body| Ask::post(token, &format!("{space}{path}"), body);
        let data = json!({ "data": { "a": 1 } });
        let new = json!({ "policies": ["default"] });
        let wrapped = if space.is_empty() {
            &self.wrapped
        } else {
            &self.team_wrapped
        };
        let merge = json!({
            "from_entity_ids": [self.entities[0]], "to_entity_id": self.entities[1],
        });
        let named = json!({ "token": wrapped });
        let mut calls = vec![
            ("create", post("auth/token/create", new)),
            ("put", post("secret/data/new", data)),
            ("cubbyhole", post("cubbyhole/new", json!({ "a": 1 }))),
            ("unwrap", post("sys/wrapping/unwrap", named.clone())),
            ("rewrap", post("sys/wrapping/rewrap", named)),
        ];
        if space.is_empty() {
            let victim = json!({ "token": self.victim });
            calls.push(("revoke", post("auth/token/revoke", victim)));
            calls.push(("merge", post("identity/entity/merge", merge)));
        }
        calls
    }

    /// The worker's policy, its token and its parent.
    fn by_policy(&self) -> Vec<Case> {
        let nothing = json!({ "policy": "path \"x\" { capabilities = [\"read\"] }" });
        let revoke =
            |token: &String| Ask::post(&self.root, "auth/token/revoke", json!({ "token": token }));
        let changes = [
            (
                "policy changed",
                Ask::post(&self.root, "sys/policies/acl/worker", nothing),
            ),
            (
                "policy deleted",
                Ask::delete(&self.root, "sys/policies/acl/worker"),
            ),
            ("token revoked", revoke(&self.worker)),
            ("parent revoked", revoke(&self.boss)),
        ];
        let calls = self.calls(&self.worker, "");
        let all = calls.iter().flat_map(|call| {
            // Everybody may write into the cubbyhole by the policy `default`.
            let free = |change: &&(&str, Ask)| {
                !matches!(call.0, "cubbyhole" | "unwrap") || !change.0.starts_with("policy")
            };
            let changes = changes.iter().filter(free);
            changes.map(|change| self.case(call.clone(), change.clone()))
        });
        all.collect()
    }

    /// What a call is about.
    fn by_object(&self) -> Vec<Case> {
        let (root, worker) = (&self.root, &self.worker);
        let calls = self.calls(worker, "");
        let call = |name: &str| {
            let found = calls.iter().find(|(known, _)| *known == name);
            found.expect("a call").clone()
        };
        let post = |path: &str, body| Ask::post(root, path, body);
        let entity = |number: usize| format!("identity/entity/id/{}", self.entities[number]);
        let unwrapped = || post("sys/wrapping/unwrap", json!({ "token": self.wrapped }));
        let login = json!({ "role_id": "app", "secret_id": self.role_secret });
        let login = ("login", Ask::post("", "auth/roles/login", login));
        let destroy = json!({ "secret_id": self.role_secret });
        let member = format!("identity/entity/id/{}", self.member_entity);
        let new = json!({ "policies": ["worker"] });
        let by_role = (
            "create by role",
            Ask::post(worker, "auth/token/create/some", new),
        );
        let other = json!({ "allowed_policies": ["other"] });
        vec![
            self.case(
                call("put"),
                ("unmounted", Ask::delete(root, "sys/mounts/secret")),
            ),
            self.case(call("unwrap"), ("unwrapped", unwrapped())),
            self.case(call("rewrap"), ("unwrapped", unwrapped())),
            self.case(
                call("merge"),
                ("one deleted", Ask::delete(root, &entity(0))),
            ),
            self.case(
                call("merge"),
                ("other deleted", Ask::delete(root, &entity(1))),
            ),
            self.case(
                login.clone(),
                ("disabled", Ask::delete(root, "sys/auth/roles")),
            ),
            self.case(
                login.clone(),
                ("role gone", Ask::delete(root, "auth/roles/role/app")),
            ),
            self.case(
                login.clone(),
                (
                    "secret id gone",
                    post("auth/roles/role/app/secret-id/destroy", destroy),
                ),
            ),
            self.case(
                login,
                ("entity off", post(&member, json!({ "disabled": true }))),
            ),
            self.case(
                by_role.clone(),
                ("role gone", Ask::delete(root, "auth/token/roles/some")),
            ),
            self.case(
                by_role,
                ("role changed", post("auth/token/roles/some", other)),
            ),
        ]
    }

    /// Who holds the token, and how that one came.
    fn by_identity(&self) -> Vec<Case> {
        let root = &self.root;
        let entity = format!("identity/entity/id/{}", self.member_entity);
        let group = format!("identity/group/id/{}", self.group);
        let changes = [
            (
                "entity off",
                Ask::post(root, &entity, json!({ "disabled": true })),
            ),
            ("entity deleted", Ask::delete(root, &entity)),
            (
                "group left",
                Ask::post(root, &group, json!({ "member_entity_ids": [] })),
            ),
            (
                "group powerless",
                Ask::post(root, &group, json!({ "policies": ["x"] })),
            ),
            ("group deleted", Ask::delete(root, &group)),
            ("method disabled", Ask::delete(root, "sys/auth/roles")),
        ];
        let names = ["put", "revoke"];
        let calls = self.calls(&self.member, "");
        let calls = calls.into_iter().filter(|(name, _)| names.contains(name));
        let all = calls.flat_map(|call| {
            let change = |change: &(&str, Ask)| self.case(call.clone(), change.clone());
            changes.iter().map(change).collect::<Vec<_>>()
        });
        all.collect()
    }

    /// A namespace with all that is in it.
    fn by_namespace(&self) -> Vec<Case> {
        let gone = || {
            let change = Ask::delete(&self.root, "sys/namespaces/team");
            ("namespace deleted", change)
        };
        let inside = self.calls(&self.team, "team/");
        // From outside, by a token of the one above.
        let named = json!({ "token": self.team_wrapped });
        let outside = (
            "unwrap outside",
            Ask::post(&self.root, "sys/wrapping/unwrap", named),
        );
        let calls = inside.into_iter().chain([outside]);
        calls.map(|call| self.case(call, gone())).collect()
    }
}
