//! Plays a history on both.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Map, Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::storage::{Scan, Storage};
use vaultcore::{NewSlot, Vault};

use super::model::{Model, State};
use super::rules::Planted;
use super::step::{By, New, Pick, Policy, Step, Via, short_root};
use crate::common::SharedClock;
use crate::rig::{Effect, Plan, Rig, builder};
use crate::world::{share, texts};

/// Histories make no more tokens than this.
const TOKENS: usize = 22;
const MAKER: &str = r#"
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/create-orphan" { capabilities = ["update"] }
path "auth/token/create/*" { capabilities = ["update"] }
path "auth/token/lookup*" { capabilities = ["read", "update"] }
path "auth/token/renew*" { capabilities = ["update"] }
path "auth/token/revoke" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
"#;
const SUDOER: &str = r#"path "auth/token/*" { capabilities = ["read", "update", "sudo"] }"#;

type Played = Result<(), TestCaseError>;

thread_local! {
    /// Made once: it takes longer than a history.
    static PREPARED: Prepared = Prepared::new();
}

/// A vault with policies and roles, to be copied.
struct Prepared {
    rig: Rig,
    share: String,
    root: String,
}

impl Prepared {
    fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let root = init.root_token().expose().to_owned();
        let set = |path: &str, body: Value| {
            let (status, reply) = ask(&vault, &root, Method::Post, path, &body);
            assert!(status < 300, "{path}: {reply}");
        };
        set("sys/policies/acl/maker", json!({ "policy": MAKER }));
        set("sys/policies/acl/sudoer", json!({ "policy": SUDOER }));
        let allowed = json!(["maker"]);
        set(
            "auth/token/roles/per",
            json!({ "allowed_policies": allowed, "token_period": 70 }),
        );
        set(
            "auth/token/roles/orphans",
            json!({ "allowed_policies": allowed, "orphan": true }),
        );
        Self {
            share: texts(init.shares()).remove(0),
            rig,
            root,
        }
    }
}

fn ask(vault: &Vault, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let mut request = ApiRequest::new(method, path).token(token);
    if !body.is_null() {
        request = request.body(body.to_string().as_bytes());
    }
    let response = vault.handle(&request);
    let body = match response.body() {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("JSON"),
    };
    (response.status(), body)
}

struct Play {
    rig: Rig,
    share: String,
    clock: SharedClock,
    handles: [Vault; 2],
    active: usize,
    /// The text and the accessor of each token of the model.
    names: Vec<(String, String)>,
    model: Model,
}

pub(crate) fn play(planted: Planted, steps: &[Step]) -> Played {
    let (rig, share, root) = PREPARED.with(|prepared| {
        let Prepared { rig, share, root } = prepared;
        (rig.copy(), share.clone(), root.clone())
    });
    let clock = SharedClock::new();
    let handles = [open(&rig, &share, &clock), open(&rig, &share, &clock)];
    let reply = ask(
        &handles[0],
        &root,
        Method::Get,
        "auth/token/lookup-self",
        &Value::Null,
    );
    let accessor = text(&reply.1, "/data/accessor");
    let mut play = Play {
        rig,
        share,
        clock,
        handles,
        active: 0,
        names: vec![(root, accessor)],
        model: Model::new(planted),
    };
    for step in begin().iter().chain(steps) {
        play.step(step)?;
    }
    play.check()?;
    play.step(&Step::Tick)?;
    play.check()
}

/// What every history begins with: a tree of four levels, and one token of each kind.
fn begin() -> Vec<Step> {
    let bounded = New {
        ttl: Some(50),
        explicit: Some(120),
        ..New::with(&[Policy::Maker])
    };
    let with = |new: New, batch, uses| New { batch, uses, ..new };
    let inherit = || New::plain(Via::Create);
    vec![
        Step::Create(0, New::with(&[Policy::Maker])),
        Step::Create(1, inherit()),
        Step::Create(2, inherit()),
        Step::Create(3, inherit()),
        Step::Create(0, New::with(&[Policy::Sudoer])),
        Step::Create(2, with(inherit(), true, 0)),
        Step::Create(3, with(inherit(), false, 3)),
        Step::Create(0, short_root()),
        Step::Create(1, New::plain(Via::Periodic)),
        Step::Create(0, bounded),
    ]
}

fn open(rig: &Rig, key: &str, clock: &SharedClock) -> Vault {
    let vault = builder(rig).clock(clock.clone()).build().expect("builds");
    vault.unseal(&share(key)).expect("unseals");
    vault
}

fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

impl Play {
    fn step(&mut self, step: &Step) -> Played {
        match step {
            Step::Advance(seconds) => {
                self.clock.advance(Duration::from_secs(*seconds));
                self.model.now += seconds;
            }
            Step::Tick => self.tick()?,
            Step::Switch => self.active = 1 - self.active,
            Step::SealAndUnseal => {
                let vault = &self.handles[self.active];
                vault.seal().expect("seals");
                vault.unseal(&share(&self.share)).expect("unseals");
                self.model.sealed();
            }
            Step::SetPeriod(period) => {
                let body = json!({ "allowed_policies": ["maker"], "token_period": period });
                let reply = self.root(Method::Post, "auth/token/roles/per", &body);
                prop_assert!(reply.0 < 300, "{}", reply.1);
                self.model.role = *period;
            }
            Step::Crash(whom, calls, happened) => self.crash(*whom, *calls, *happened)?,
            Step::CrashAlone(whom, calls) => self.crash_alone(*whom, *calls)?,
            Step::Check => self.check()?,
            call => self.call(call)?,
        }
        Ok(())
    }

    fn root(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        ask(
            &self.handles[self.active],
            &self.names[0].0,
            method,
            path,
            body,
        )
    }

    fn tick(&mut self) -> Played {
        self.handles[self.active].tick().expect("ticks");
        self.model.tick();
        prop_assert_eq!(self.count("work/"), 0);
        Ok(())
    }

    fn count(&self, prefix: &str) -> usize {
        self.rig.scan(&Scan::new(prefix)).expect("scan").len()
    }

    /// Plays one call; one by or about a token that was never made, or that ends root, is left out.
    fn call(&mut self, step: &Step) -> Played {
        let known = |pick: &Pick| *pick < self.names.len();
        let (who, method, path, body) = match step {
            Step::Create(who, new) if known(who) && self.names.len() < TOKENS => {
                let path = match new.via {
                    Via::Create => "auth/token/create",
                    Via::CreateOrphan => "auth/token/create-orphan",
                    Via::Periodic => "auth/token/create/per",
                    Via::Orphans => "auth/token/create/orphans",
                };
                (*who, Method::Post, path.to_owned(), new_token(new))
            }
            Step::Lookup(who, by, whom) if known(who) && known(whom) => {
                let (path, body) = self.about("lookup", *by, *whom);
                let method = if *by == By::Own {
                    Method::Get
                } else {
                    Method::Post
                };
                (*who, method, path, body)
            }
            Step::Renew(who, by, whom, more) if known(who) && known(whom) => {
                let (path, mut body) = self.about("renew", *by, *whom);
                if let Some(more) = more {
                    body["increment"] = json!(more);
                }
                (*who, Method::Post, path, body)
            }
            Step::Revoke(who, by, whom) if known(who) && known(whom) => {
                if *whom == 0 || (*who, *by) == (0, By::Own) {
                    return Ok(());
                }
                let (path, body) = self.about("revoke", *by, *whom);
                (*who, Method::Post, path, body)
            }
            Step::RevokeOrphan(who, whom) if known(who) && known(whom) && *whom > 0 => {
                let (_, body) = self.about("revoke", By::Text, *whom);
                let path = "auth/token/revoke-orphan".to_owned();
                (*who, Method::Post, path, body)
            }
            Step::Overreach(who) if known(who) => {
                (*who, Method::Get, "sys/mounts".to_owned(), Value::Null)
            }
            Step::Keep(who) if known(who) => {
                let body = json!({ "a": 1 });
                (*who, Method::Post, "cubbyhole/kept".to_owned(), body)
            }
            _ => return Ok(()),
        };
        let wanted = self.model.call(step);
        let vault = &self.handles[self.active];
        let (status, reply) = ask(vault, &self.names[who].0, method, &path, &body);
        if status != wanted {
            let message = format!("{step:?}: {status}, not {wanted}: {reply}");
            return Err(TestCaseError::fail(message));
        }
        if let (Step::Create(..), 200) = (step, status) {
            let accessor = text(&reply, "/auth/accessor");
            self.names
                .push((text(&reply, "/auth/client_token"), accessor));
            let token = self.model.tokens.last().expect("it was made");
            prop_assert_eq!(&reply["auth"]["orphan"], &json!(token.parent.is_none()));
            prop_assert_eq!(&reply["auth"]["lease_duration"], &json!(token.ttl));
        }
        Ok(())
    }

    fn about(&self, verb: &str, by: By, whom: Pick) -> (String, Value) {
        let (text, accessor) = &self.names[whom];
        let (suffix, body) = match by {
            By::Own => ("-self", json!({})),
            By::Text => ("", json!({ "token": text })),
            By::Accessor => ("-accessor", json!({ "accessor": accessor })),
        };
        (format!("auth/token/{verb}{suffix}"), body)
    }

    /// Root revokes, and the process is gone after some calls to the storage. Returns the status.
    fn interrupted(&mut self, path: &str, whom: Pick, plan: Plan) -> u16 {
        let body = json!({ "token": self.names[whom].0 });
        self.rig.arm(plan);
        let (status, _) = self.root(Method::Post, path, &body);
        self.rig.disarm();
        let open = || open(&self.rig, &self.share, &self.clock);
        self.handles = [open(), open()];
        self.model.sealed();
        status
    }

    fn revocable(&self, whom: Pick) -> bool {
        let token = self.model.tokens.get(whom);
        token.is_some_and(|token| !token.batch) && self.model.valid(whom)
    }

    /// A revocation that a crash cuts: at once nobody acts by the token; what is below goes with
    /// the next tick at the latest, and nothing else goes.
    fn crash(&mut self, whom: Pick, calls: u64, happened: bool) -> Played {
        self.tick()?;
        if !self.revocable(whom) {
            return Ok(());
        }
        let plan = Plan {
            first: calls,
            last: u64::MAX,
            effect: if happened {
                Effect::Happened
            } else {
                Effect::Nothing
            },
        };
        let status = self.interrupted("auth/token/revoke", whom, plan);
        if !self.looked(whom).is_empty() {
            prop_assert!(status >= 500, "{status} of a revocation that did nothing");
            return Ok(()); // whatever it left is found by the next check
        }
        let (stored, tree) = (self.stored(), self.model.tree(whom));
        for pick in tree {
            let works = !self.looked(pick).is_empty();
            let stored = stored.contains(&self.names[pick].1);
            self.model.tokens[pick].state = match (works, stored) {
                (true, _) => State::Active,
                (false, true) => State::Marked,
                (false, false) => State::Gone,
            };
            let token = &mut self.model.tokens[pick];
            token.keeps &= stored;
        }
        if self.count("work/") > 0 {
            self.model.works.insert(whom);
        } else {
            self.model.end(whom);
        }
        Ok(())
    }

    /// A revocation of a token alone that a crash cuts, and that is asked for again.
    fn crash_alone(&mut self, whom: Pick, calls: u64) -> Played {
        self.tick()?;
        if !self.revocable(whom) {
            return Ok(());
        }
        let plan = Plan {
            first: calls,
            last: u64::MAX,
            effect: Effect::Nothing,
        };
        let path = "auth/token/revoke-orphan";
        let first = self.interrupted(path, whom, plan);
        let body = json!({ "token": self.names[whom].0 });
        let (status, reply) = self.root(Method::Post, path, &body);
        // Done, and perhaps all of it: then there is no such token any more.
        let done = status == 204 || first < 300 && status == 400;
        prop_assert!(done, "{}: {}", status, reply);
        self.model.end_alone(whom);
        self.tick()
    }

    /// Returns what root is shown of a token; nothing of none.
    fn looked(&self, pick: Pick) -> Map<String, Value> {
        let body = json!({ "token": self.names[pick].0 });
        let (status, reply) = self.root(Method::Post, "auth/token/lookup", &body);
        match status {
            200 => reply["data"].as_object().expect("data").clone(),
            _ => Map::new(),
        }
    }

    fn stored(&self) -> BTreeSet<String> {
        let (_, reply) = self.root(Method::List, "auth/token/accessors", &Value::Null);
        let keys = reply["data"]["keys"].as_array().expect("keys");
        keys.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    fn check(&self) -> Played {
        let model = &self.model;
        let (mut wanted, mut children, mut due) = (BTreeSet::new(), 0, 0);
        for (pick, token) in model.tokens.iter().enumerate() {
            let found = self.looked(pick);
            prop_assert_eq!(
                !found.is_empty(),
                model.valid(pick),
                "{}: {:?}",
                pick,
                token
            );
            if !found.is_empty() {
                let ttl = token.expires.map_or(0, |expires| expires - model.now);
                let shown = json!([
                    found["orphan"],
                    found["num_uses"],
                    found["ttl"],
                    found.get("renewable"),
                    found.get("period"),
                ]);
                let told = json!([
                    token.parent.is_none(),
                    token.uses.unwrap_or(0),
                    ttl,
                    (pick > 0).then_some(token.renewable),
                    (token.period > 0).then_some(token.period),
                ]);
                prop_assert_eq!(shown, told, "{}: {:?}", pick, token);
                let names = found["policies"].as_array().expect("policies");
                let names = names.iter().filter(|name| **name != json!("default"));
                let policies = token.policies.iter().map(|policy| json!(policy.name()));
                prop_assert!(names.cloned().eq(policies), "{}: {:?}", pick, found);
            }
            if !token.batch && token.state != State::Gone {
                wanted.insert(self.names[pick].1.clone());
                children += usize::from(token.parent.is_some());
                due += usize::from(token.expires.is_some());
            }
        }
        prop_assert_eq!(self.stored(), wanted);
        prop_assert_eq!(self.count("ns/root/token/"), self.stored().len());
        if model.works.is_empty() {
            let kept = model.tokens.iter().filter(|token| token.keeps).count();
            let kept = kept + model.ghosts.cubbyholes;
            prop_assert_eq!(self.count("ns/root/cubbyhole/"), kept);
            prop_assert_eq!(self.count("ns/root/token-child/"), children);
            prop_assert_eq!(self.count("sys/token-due/"), due);
        }
        Ok(())
    }
}

fn new_token(new: &New) -> Value {
    let mut body = json!({
        "no_parent": new.no_parent,
        "num_uses": new.uses,
        "renewable": new.renewable,
        "type": if new.batch { "batch" } else { "service" },
    });
    let times = [
        ("ttl", new.ttl),
        ("explicit_max_ttl", new.explicit),
        ("period", new.period),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            body[name] = json!(time);
        }
    }
    if let Some(policies) = &new.policies {
        body["policies"] = policies.iter().map(|policy| policy.name()).collect();
    }
    body
}
