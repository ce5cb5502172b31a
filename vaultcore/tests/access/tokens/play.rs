//! Plays a history on a vault, and compares every answer with the model's.

use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};

use super::model::{Entries, Model, Outcome};
use super::rules::Planted;
use super::step::{New, Number, Step, Via};
use crate::stage::{Reply, Stage, text};

/// After so many steps everything that can be seen is compared.
const LOOK_ROUND: usize = 6;

/// What the policies allow; `default` allows the rest.
const MAKER: &str = r#"
path "auth/token/create" { capabilities = ["update", "sudo"] }
path "auth/token/create-orphan" { capabilities = ["update"] }
path "auth/token/create/+" { capabilities = ["update", "sudo"] }
path "auth/token/lookup" { capabilities = ["update"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "auth/token/renew" { capabilities = ["update"] }
path "auth/token/revoke" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "auth/token/revoke-orphan" { capabilities = ["update", "sudo"] }
"#;
const CLERK: &str = r#"
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/create-orphan" { capabilities = ["update"] }
path "auth/token/create/+" { capabilities = ["update"] }
"#;
const USER: &str = r#"path "secret/data/x" { capabilities = ["read"] }"#;

/// Plays `steps` on an empty storage.
pub(crate) fn play(planted: Planted, steps: &[Step]) -> Result<(), TestCaseError> {
    let stage = Stage::new();
    prepare(&stage);
    let root = stage.root.clone();
    let mut play = Play {
        stage,
        model: Model::new(planted),
        tokens: vec![(root, String::new())],
    };
    play.tokens[0].1 = play.accessor(0);
    for (number, step) in steps.iter().enumerate() {
        play.compare(step)?;
        if number % LOOK_ROUND == LOOK_ROUND - 1 {
            play.look_round()?;
        }
    }
    play.look_round()
}

fn prepare(stage: &Stage) {
    for (name, text) in [("maker", MAKER), ("clerk", CLERK), ("user", USER)] {
        stage.policy(name, text);
    }
    stage.set("secret/data/x", &json!({"data": {"k": "v"}}));
    let roles = [
        ("orphans", json!({"orphan": true})),
        ("batches", json!({"token_type": "batch"})),
        ("limited", json!({"token_num_uses": 2})),
        (
            "periodic",
            json!({"token_period": 30, "token_explicit_max_ttl": 100}),
        ),
    ];
    for (name, mut role) in roles {
        role["allowed_policies"] = json!("user");
        stage.set(&format!("auth/token/roles/{name}"), &role);
    }
}

/// The vault, the model of it, and the tokens' texts and accessors.
struct Play {
    stage: Stage,
    model: Model,
    tokens: Vec<(String, String)>,
}

impl Play {
    fn compare(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let found = self.perform(step);
        let expected = self.model.apply(step);
        if found != expected {
            return Err(TestCaseError::fail(format!(
                "{step:?}\n  vault: {found:?}\n  model: {expected:?}"
            )));
        }
        assert_eq!(
            self.model.len(),
            self.tokens.len(),
            "tokens are numbered alike"
        );
        Ok(())
    }

    /// Looks at every token as root, and counts what the storage holds.
    fn look_round(&mut self) -> Result<(), TestCaseError> {
        for token in 0..self.tokens.len() {
            self.compare(&Step::Lookup(0, token))?;
        }
        let count = |prefix| self.stage.count(prefix);
        let found = Entries {
            tokens: count("ns/root/token/"),
            accessors: count("ns/root/token-accessor/"),
            children: count("ns/root/token-child/"),
            due: count("sys/token-due/"),
            kept: count("ns/root/cubbyhole/"),
            work: count("work/"),
        };
        let expected = self.model.entries();
        if found == expected {
            return Ok(());
        }
        let message = format!("the storage holds {found:?}, not {expected:?}");
        Err(TestCaseError::fail(message))
    }

    fn perform(&mut self, step: &Step) -> Outcome {
        match *step {
            Step::Create(actor, ref new) => return self.create(actor, new),
            Step::LookupSelf(token) => {
                let reply = self.stage.read(self.text(token), "auth/token/lookup-self");
                return shown(&reply);
            }
            Step::Use(token) => {
                let (status, _) = self.stage.read(self.text(token), "secret/data/x");
                return (status, Value::Null);
            }
            Step::Advance(seconds) => self.stage.clock.advance(seconds),
            Step::Tick => drop(self.stage.vault().tick().expect("ticks")),
            Step::SealAndUnseal => self.stage.seal_and_unseal(),
            Step::Switch => self.stage.active = 1 - self.stage.active,
            _ => return self.ask(step),
        }
        (0, Value::Null)
    }

    /// Sends the request of a step that names one token or two.
    fn ask(&self, step: &Step) -> Outcome {
        let (actor, verb, body) = match *step {
            Step::Keep(token) => (token, "", json!({"k": "v"})),
            Step::RenewSelf(token, by) => (token, "renew-self", json!({ "increment": by })),
            Step::RevokeSelf(token) => (token, "revoke-self", json!({})),
            Step::Lookup(actor, token) => (actor, "lookup", self.named(token)),
            Step::LookupAccessor(actor, token) => (actor, "lookup-accessor", self.handle(token)),
            Step::Renew(actor, token, by) => {
                let mut body = self.named(token);
                body["increment"] = json!(by);
                (actor, "renew", body)
            }
            Step::Revoke(actor, token) => (actor, "revoke", self.named(token)),
            Step::RevokeAccessor(actor, token) => (actor, "revoke-accessor", self.handle(token)),
            Step::RevokeOrphan(actor, token) => (actor, "revoke-orphan", self.named(token)),
            _ => panic!("{step:?} is performed elsewhere"),
        };
        let path = match verb {
            "" => "cubbyhole/kept".to_owned(),
            verb => format!("auth/token/{verb}"),
        };
        let reply = self.stage.write(self.text(actor), &path, &body);
        match verb {
            "lookup" | "lookup-accessor" => shown(&reply),
            "renew" | "renew-self" if reply.0 == 200 => {
                (200, reply.1["auth"]["lease_duration"].clone())
            }
            _ => (reply.0, Value::Null),
        }
    }

    fn create(&mut self, actor: Number, new: &New) -> Outcome {
        let path = match new.via {
            Via::Create => "auth/token/create".to_owned(),
            Via::CreateOrphan => "auth/token/create-orphan".to_owned(),
            Via::Role(name) => format!("auth/token/create/{name}"),
        };
        let (status, reply) = self.stage.write(self.text(actor), &path, &body(new));
        if status != 200 {
            return (status, Value::Null);
        }
        let token = text(&reply, "/auth/client_token");
        let accessor = text(&reply, "/auth/accessor");
        self.tokens.push((token, accessor));
        let auth = &reply["auth"];
        let told = json!({
            "policy": policy(&auth["token_policies"]),
            "batch": auth["token_type"] == "batch",
            "orphan": auth["orphan"],
            "renewable": auth["renewable"],
            "uses": auth["num_uses"],
            "ttl": auth["lease_duration"],
        });
        (200, told)
    }

    fn text(&self, token: Number) -> &str {
        &self.tokens[token % self.tokens.len()].0
    }

    fn named(&self, token: Number) -> Value {
        json!({ "token": self.text(token) })
    }

    fn handle(&self, token: Number) -> Value {
        json!({ "accessor": self.tokens[token % self.tokens.len()].1 })
    }

    fn accessor(&self, token: Number) -> String {
        let (_, reply) = self.stage.read(self.text(token), "auth/token/lookup-self");
        text(&reply, "/data/accessor")
    }
}

fn body(new: &New) -> Value {
    let mut body = Map::new();
    let mut add = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    if let Some(policy) = new.policy {
        add("policies", json!([policy.name()]));
    }
    let times = [
        ("ttl", new.ttl),
        ("explicit_max_ttl", new.max),
        ("period", new.period),
        ("num_uses", new.uses),
    ];
    for (name, number) in times.into_iter().filter(|(_, number)| *number > 0) {
        add(name, json!(number));
    }
    if new.no_parent {
        add("no_parent", json!(true));
    }
    if new.batch {
        add("type", json!("batch"));
    }
    if let Some(renewable) = new.renewable {
        add("renewable", json!(renewable));
    }
    Value::Object(body)
}

/// Returns the one policy that is not `default`.
fn policy(list: &Value) -> Value {
    let names = list.as_array().cloned().unwrap_or_default();
    let mut own = names.into_iter().filter(|name| name != "default");
    own.next().unwrap_or(Value::Null)
}

fn shown((status, reply): &Reply) -> Outcome {
    if *status != 200 {
        return (*status, Value::Null);
    }
    let data = &reply["data"];
    let told = json!({
        "policy": policy(&data["policies"]),
        "batch": data["type"] == "batch",
        "orphan": data["orphan"],
        "renewable": data.get("renewable").cloned().unwrap_or(json!(false)),
        "uses": data["num_uses"],
        "ttl": data["ttl"],
    });
    (200, told)
}
