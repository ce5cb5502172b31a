//! What is ended, and what shows whether it is.

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::{NewSlot, Vault};

use super::send;
use crate::rig::{Rig, builder};
use crate::world::texts;

/// A request that can be sent as often as wanted.
#[derive(Clone)]
pub(super) struct Probe {
    token: String,
    space: &'static str,
    method: Method,
    pub(super) path: String,
    body: Value,
    wrap: bool,
    /// Whether its answer changes with the first commit.
    pub(super) at_once: bool,
}

impl Probe {
    fn new(token: &str, method: Method, path: &str, body: Value) -> Self {
        Self {
            token: token.to_owned(),
            space: "",
            method,
            path: path.to_owned(),
            body,
            wrap: false,
            at_once: false,
        }
    }

    fn get(token: &str, path: &str) -> Self {
        Self::new(token, Method::Get, path, Value::Null)
    }

    fn post(token: &str, path: &str, body: Value) -> Self {
        Self::new(token, Method::Post, path, body)
    }

    fn within(self, space: &'static str) -> Self {
        Self { space, ..self }
    }

    fn at_once(self) -> Self {
        Self {
            at_once: true,
            ..self
        }
    }

    pub(super) fn request(&self) -> ApiRequest {
        let request = ApiRequest::new(self.method, &self.path).namespace(self.space);
        let request = request.token(&self.token);
        let request = match self.wrap {
            true => request.wrap_ttl("300"),
            false => request,
        };
        match &self.body {
            Value::Null => request,
            body => request.body(body.to_string().as_bytes()),
        }
    }
}

/// What is there to be ended.
pub(super) struct Ready {
    pub(super) rig: Rig,
    pub(super) share: String,
    pub(super) end: Probe,
    pub(super) probes: Vec<Probe>,
}

/// A vault in which something is made.
struct Maker {
    vault: Vault,
    root: String,
}

impl Maker {
    fn send(&self, probe: &Probe) -> Value {
        let (status, reply) = send(&self.vault, &probe.request());
        assert!(status < 300, "{}: {status} {reply}", probe.path);
        reply
    }

    fn set(&self, space: &'static str, path: &str, body: Value) -> Value {
        self.send(&Probe::post(&self.root, path, body).within(space))
    }

    /// Makes a token, by `by`.
    fn token(&self, by: &str, space: &'static str, body: Value) -> String {
        let probe = Probe::post(by, "auth/token/create", body).within(space);
        text(&self.send(&probe), "/auth/client_token")
    }

    fn wrapped(&self, space: &'static str) -> String {
        let body = json!({ "a": 1 });
        let probe = Probe {
            wrap: true,
            ..Probe::post(&self.root, "sys/wrapping/wrap", body).within(space)
        };
        text(&self.send(&probe), "/wrap_info/token")
    }
}

fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found.expect("a text").to_owned()
}

fn own(token: &str) -> Probe {
    Probe::get(token, "auth/token/lookup-self")
}

/// One thing that ends.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Areas in which something may be left.
    pub(super) leaves: &'static [&'static str],
    make: fn(&Maker) -> (Probe, Vec<Probe>),
}

impl Case {
    fn vault() -> (Rig, String, Maker) {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let root = init.root_token().expose().to_owned();
        let share = texts(init.shares()).remove(0);
        (rig, share, Maker { vault, root })
    }

    /// Returns the storage in which nothing was made yet, looked at and ticked once.
    pub(super) fn empty(&self) -> Rig {
        let (rig, _, maker) = Self::vault();
        maker.vault.tick().expect("ticks");
        rig
    }

    pub(super) fn ready(&self) -> Ready {
        let (rig, share, maker) = Self::vault();
        maker.vault.tick().expect("ticks");
        let (end, probes) = (self.make)(&maker);
        Ready {
            rig,
            share,
            end,
            probes,
        }
    }
}

pub(super) fn all() -> Vec<Case> {
    let case = |name, make, leaves| Case { name, leaves, make };
    vec![
        case("tree", tree, &[]),
        case("wide tree", wide, &[]),
        case("alone", alone, &[]),
        // The table of mounts, which was not stored before.
        case("unmount", unmount, &["sys"]),
        // Whoever logged in; the tokens run out, and nobody acts by them.
        case("disable", disable, &["sys", "entity", "token"]),
        // What says when its tokens run out, and that root made one.
        case("namespace", namespace, &["sys", "token-child"]),
    ]
}

/// Makes a token that has children, and what each keeps; the top is the first.
fn family(maker: &Maker) -> Vec<String> {
    let new = || json!({ "policies": ["root"], "ttl": 1_000 });
    let top = maker.token(&maker.root, "", new());
    let mut all = vec![top.clone()];
    for _ in 0..2 {
        let child = maker.token(&top, "", new());
        all.push(maker.token(&child, "", new()));
        all.push(child);
    }
    for token in [&all[0], &all[1], &all[2]] {
        maker.send(&Probe::post(token, "cubbyhole/kept", json!({ "a": 1 })));
    }
    all
}

fn tree(maker: &Maker) -> (Probe, Vec<Probe>) {
    let all = family(maker);
    let batch = json!({ "policies": ["default"], "type": "batch", "ttl": 1_000 });
    let batch = maker.token(&all[0], "", batch);
    let end = json!({ "token": all[0] });
    let mut probes: Vec<Probe> = all.iter().map(|token| own(token)).collect();
    probes[0].at_once = true;
    probes.push(own(&batch).at_once());
    probes.push(own(&maker.root));
    (Probe::post(&maker.root, "auth/token/revoke", end), probes)
}

fn wide(maker: &Maker) -> (Probe, Vec<Probe>) {
    let top = maker.token(
        &maker.root,
        "",
        json!({ "policies": ["root"], "ttl": 1_000 }),
    );
    let new = || json!({ "policies": ["default"], "ttl": 1_000 });
    let children: Vec<_> = (0..34).map(|_| maker.token(&top, "", new())).collect();
    let mut probes = vec![own(&top).at_once()];
    probes.extend([&children[0], &children[33]].map(|child| own(child)));
    let end = json!({ "token": top });
    (Probe::post(&maker.root, "auth/token/revoke", end), probes)
}

/// The children stay, and are ended one by one with the token that made them all.
fn alone(maker: &Maker) -> (Probe, Vec<Probe>) {
    let (end, mut probes) = tree(maker);
    for probe in &mut probes {
        probe.at_once = true; // what stays, stays all the time
    }
    let path = "auth/token/revoke-orphan".to_owned();
    (Probe { path, ..end }, probes)
}

fn unmount(maker: &Maker) -> (Probe, Vec<Probe>) {
    let kv = json!({ "type": "kv", "options": { "version": "2" } });
    maker.set("", "sys/mounts/going", kv);
    for number in 0..70 {
        let body = json!({ "data": { "n": number } });
        maker.set("", &format!("going/data/{number}"), body);
    }
    let root = &maker.root;
    let probes = vec![
        Probe::get(root, "going/data/0").at_once(),
        Probe::get(root, "going/data/69").at_once(),
        Probe::new(root, Method::List, "going/metadata", Value::Null).at_once(),
        own(root),
    ];
    let end = Probe::new(root, Method::Delete, "sys/mounts/going", Value::Null);
    (end, probes)
}

fn disable(maker: &Maker) -> (Probe, Vec<Probe>) {
    maker.set("", "sys/auth/going", json!({ "type": "approle" }));
    maker.set(
        "",
        "auth/going/role/app",
        json!({ "token_ttl": 1_000, "role_id": "app" }),
    );
    let made = maker.set("", "auth/going/role/app/secret-id", json!({}));
    let login = json!({ "role_id": "app", "secret_id": made["data"]["secret_id"] });
    let reply = maker.send(&Probe::post("", "auth/going/login", login));
    let token = text(&reply, "/auth/client_token");
    let root = &maker.root;
    let probes = vec![
        own(&token).at_once(),
        Probe::get(root, "auth/going/role/app").at_once(),
        own(root),
    ];
    let end = Probe::new(root, Method::Delete, "sys/auth/going", Value::Null);
    (end, probes)
}

fn namespace(maker: &Maker) -> (Probe, Vec<Probe>) {
    const TEAM: &str = "team";
    maker.set("", "sys/namespaces/team", json!({}));
    let kv = json!({ "type": "kv", "options": { "version": "2" } });
    maker.set(TEAM, "sys/mounts/secret", kv);
    maker.set(TEAM, "secret/data/app", json!({ "data": { "n": 1 } }));
    let rule = json!({ "policy": "path \"*\" { capabilities = [\"read\", \"update\"] }" });
    maker.set(TEAM, "sys/policies/acl/all", rule);
    let new = || json!({ "policies": ["all"], "ttl": 1_000 });
    let (team, root) = (maker.token(&maker.root, TEAM, new()), &maker.root);
    let child = maker.token(&team, TEAM, new());
    maker.send(&Probe::post(&child, "cubbyhole/kept", json!({ "a": 1 })).within(TEAM));
    let wrapped = maker.wrapped(TEAM);
    let named = || json!({ "token": wrapped });
    let about = json!({ "token": child });
    let probes = vec![
        own(&team).within(TEAM),
        own(&child).within(TEAM),
        Probe::get(&team, "secret/data/app").within(TEAM),
        Probe::get(root, "secret/data/app").within(TEAM),
        // Whoever knows a token can name it from outside.
        Probe::post("", "sys/wrapping/lookup", named()),
        Probe::post(root, "auth/token/lookup", about.clone()),
        Probe::post(root, "auth/token/renew", about.clone()),
        Probe::post(
            root,
            "sys/capabilities",
            json!({ "token": child, "paths": ["x"] }),
        ),
    ];
    let mut probes: Vec<Probe> = probes.into_iter().map(Probe::at_once).collect();
    probes.push(own(root));
    let path = "sys/namespaces/team";
    (Probe::new(root, Method::Delete, path, Value::Null), probes)
}
