//! Plays a history on both.

use std::time::Duration;

use proptest::prelude::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::storage::{Scan, Storage};
use vaultcore::{NewMount, NewSlot, Vault};

use super::model::{Model, Outcome};
use super::rules::Planted;
use super::step::{About, Kind, Pick, Space, Step, Who};
use crate::common::SharedClock;
use crate::rig::{Effect, Plan, Rig, builder};
use crate::world::{share, texts};

/// Histories wrap no more than this.
const WRAPS: usize = 16;
/// Calls of the one who has a few.
const USES: u64 = 3;
const UNWRAP: &str = "sys/wrapping/unwrap";
const REWRAP: &str = "sys/wrapping/rewrap";
const REWRAPPER: &str = r#"path "sys/wrapping/*" { capabilities = ["update"] }"#;

type Played = Result<(), TestCaseError>;

thread_local! {
    /// Made once: it takes longer than a history.
    static PREPARED: Prepared = Prepared::new();
}

/// Who is there from the beginning, by their tokens.
#[derive(Clone)]
struct Cast {
    root: String,
    plain: String,
    bare: String,
    rewrapper: String,
    limited: String,
    team: String,
}

/// A vault with namespaces and tokens, to be copied.
struct Prepared {
    rig: Rig,
    share: String,
    cast: Cast,
}

impl Prepared {
    fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let sys = vault.owner().expect("owner").sys();
        sys.mount("secret", NewMount::kv2()).expect("mounted");
        let root = init.root_token().expose().to_owned();
        let set = |space: &str, path: &str, body: Value| {
            let request = ApiRequest::new(Method::Post, path).token(&root);
            let request = request.namespace(space).body(body.to_string().as_bytes());
            let (status, reply) = send(&vault, &request);
            assert!(status < 300, "{path}: {reply}");
            text(&reply, "/auth/client_token")
        };
        for space in [Space::Team, Space::Other] {
            set("", &format!("sys/namespaces/{}", space.path()), json!({}));
        }
        let policy = json!({ "policy": REWRAPPER });
        set("", "sys/policies/acl/rewrapper", policy);
        set("", "secret/data/app", json!({ "data": { "n": 0 } }));
        let token = |space, policies: &[&str], uses, bare| {
            let body = json!({
                "policies": policies, "num_uses": uses, "no_default_policy": bare,
            });
            set(space, "auth/token/create", body)
        };
        let cast = Cast {
            root: root.clone(),
            plain: token("", &["default"], 0, false),
            bare: token("", &["nothing"], 0, true),
            rewrapper: token("", &["rewrapper"], 0, true),
            limited: token("", &["default"], USES, false),
            team: token("team", &["default"], 0, false),
        };
        Self {
            share: texts(init.shares()).remove(0),
            rig,
            cast,
        }
    }
}

fn send(vault: &Vault, request: &ApiRequest) -> (u16, Value) {
    let response = vault.handle(request);
    let body = match response.body() {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("JSON"),
    };
    (response.status(), body)
}

fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

struct Play {
    rig: Rig,
    share: String,
    cast: Cast,
    clock: SharedClock,
    handles: [Vault; 2],
    active: usize,
    /// The text and the accessor of each wrapping token of the model.
    names: Vec<(String, String)>,
    model: Model,
}

pub(crate) fn play(planted: Planted, steps: &[Step]) -> Played {
    let (rig, share, cast) = PREPARED.with(|prepared| {
        let Prepared { rig, share, cast } = prepared;
        (rig.copy(), share.clone(), cast.clone())
    });
    let clock = SharedClock::new();
    let handles = [open(&rig, &share, &clock), open(&rig, &share, &clock)];
    let mut play = Play {
        rig,
        share,
        cast,
        clock,
        handles,
        active: 0,
        names: Vec::new(),
        model: Model::new(planted, USES),
    };
    for step in begin().iter().chain(steps) {
        play.step(step)?;
    }
    play.check()?;
    play.step(&Step::Tick)?;
    play.check()
}

/// What every history begins with: something of each kind, in each namespace.
fn begin() -> [Step; 5] {
    [
        Step::Wrap(Who::Plain, Space::Root, Kind::Sent, 100),
        Step::Wrap(Who::Root, Space::Root, Kind::Secret, 100),
        Step::Wrap(Who::Root, Space::Other, Kind::Sent, 100),
        Step::Wrap(Who::Team, Space::Team, Kind::Sent, 100),
        Step::Wrap(Who::Root, Space::Root, Kind::Login, 40),
    ]
}

fn open(rig: &Rig, key: &str, clock: &SharedClock) -> Vault {
    let vault = builder(rig).clock(clock.clone()).build().expect("builds");
    vault.unseal(&share(key)).expect("unseals");
    vault
}

impl Play {
    fn step(&mut self, step: &Step) -> Played {
        match step {
            Step::Advance(seconds) => {
                self.clock.advance(Duration::from_secs(*seconds));
                self.model.now += seconds;
            }
            Step::Tick => {
                self.handles[self.active].tick().expect("ticks");
                self.model.tick();
            }
            Step::Switch => self.active = 1 - self.active,
            Step::SealAndUnseal => {
                let vault = &self.handles[self.active];
                vault.seal().expect("seals");
                vault.unseal(&share(&self.share)).expect("unseals");
            }
            Step::DeleteOther => self.delete_other()?,
            Step::Crash(pick, calls, anew) if *pick < self.names.len() => {
                self.crash(*pick, *calls, *anew)?;
            }
            Step::Check => self.check()?,
            call => self.call(call)?,
        }
        Ok(())
    }

    /// Returns the request of somebody for `path`.
    fn request(&self, who: Who, method: Method, path: &str) -> ApiRequest {
        let token = match who {
            Who::Root => &self.cast.root,
            Who::Plain => &self.cast.plain,
            Who::Bare => &self.cast.bare,
            Who::Rewrapper => &self.cast.rewrapper,
            Who::Limited => &self.cast.limited,
            Who::Team => &self.cast.team,
            Who::Nobody => "",
            Who::Wrap(pick) => &self.names[pick].0,
        };
        let space = match self.model.space_of(who) {
            Space::Other if !self.model.other => Space::Root,
            space => space,
        };
        let request = ApiRequest::new(method, path).namespace(space.path());
        request.token(token)
    }

    fn ask(&self, request: ApiRequest, body: &Value) -> (u16, Value) {
        let request = match body {
            Value::Null => request,
            body => request.body(body.to_string().as_bytes()),
        };
        send(&self.handles[self.active], &request)
    }

    fn as_root(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(self.request(Who::Root, Method::Post, path), body)
    }

    fn about(&self, about: About) -> Value {
        match about {
            About::Own => Value::Null,
            About::Named(pick) => json!({ "token": self.names[pick].0 }),
            About::Ordinary => json!({ "token": self.cast.bare }),
            About::Forged(pick) => {
                // The same token, said to be of another namespace.
                let text = &self.names[pick].0;
                let bare: Vec<&str> = text.split('.').take(2).collect();
                let other = self.cast.team.rsplit('.').next().unwrap_or_default();
                json!({ "token": match self.model.all[pick].space {
                    Space::Root => format!("{}.{other}", bare.join(".")),
                    _ => bare.join("."),
                } })
            }
        }
    }

    /// Plays one call; one by or about what was never wrapped is left out.
    fn call(&mut self, step: &Step) -> Played {
        let known = |pick: &Pick| *pick < self.names.len();
        let there = |who: &Who| !matches!(who, Who::Wrap(pick) if !known(pick));
        let names = |about: &About| match about {
            About::Named(pick) | About::Forged(pick) => known(pick),
            About::Own | About::Ordinary => true,
        };
        let room = self.names.len() < WRAPS;
        let post = |who: &Who, path: &str| self.request(*who, Method::Post, path);
        let (request, body) = match step {
            Step::Wrap(who, space, kind, ttl) if there(who) && room => {
                self.wrapping(*who, *space, *kind, *ttl)
            }
            Step::Lookup(who, about) if there(who) && names(about) => {
                (post(who, "sys/wrapping/lookup"), self.about(*about))
            }
            Step::Unwrap(who, about) if there(who) && names(about) => {
                (post(who, UNWRAP), self.about(*about))
            }
            Step::UnwrapWrapped(who, pick, ttl) if there(who) && known(pick) && room => {
                let request = post(who, UNWRAP).wrap_ttl(&ttl.to_string());
                (request, self.about(About::Named(*pick)))
            }
            Step::Rewrap(who, about) if there(who) && names(about) && room => {
                (post(who, REWRAP), self.about(*about))
            }
            Step::Misuse(pick) if known(pick) => {
                let path = "auth/token/lookup-self";
                let request = self.request(Who::Wrap(*pick), Method::Get, path);
                (request, Value::Null)
            }
            Step::Revoke(pick, true) if known(pick) => {
                let request = post(&Who::Root, "auth/token/revoke");
                (request, self.about(About::Named(*pick)))
            }
            Step::Revoke(pick, false) if known(pick) => {
                let accessor = json!({ "accessor": self.names[*pick].1 });
                (post(&Who::Root, "auth/token/revoke-accessor"), accessor)
            }
            Step::Renew(pick) if known(pick) => {
                let body = json!({ "token": self.names[*pick].0, "increment": 500 });
                (post(&Who::Root, "auth/token/renew"), body)
            }
            Step::RevokePlain => {
                let body = json!({ "token": self.cast.plain });
                (post(&Who::Root, "auth/token/revoke"), body)
            }
            _ => return Ok(()),
        };
        let (status, reply) = self.ask(request, &body);
        let wanted = self.model.call(step);
        self.compare(step, &wanted, status, &reply)
    }

    fn wrapping(&self, who: Who, space: Space, kind: Kind, ttl: u64) -> (ApiRequest, Value) {
        let number = json!({ "n": self.names.len() });
        let (method, path, body) = match kind {
            Kind::Sent => (Method::Post, "sys/wrapping/wrap", number),
            Kind::Secret => (Method::Get, "secret/data/app", Value::Null),
            Kind::Login => {
                let meta = json!({ "n": self.names.len().to_string() });
                let body = json!({ "policies": ["default"], "meta": meta });
                (Method::Post, "auth/token/create", body)
            }
        };
        let request = self.request(who, method, path).wrap_ttl(&ttl.to_string());
        match (who, kind) {
            (Who::Root, Kind::Sent | Kind::Login) => (request.namespace(space.path()), body),
            _ => (request, body),
        }
    }

    fn compare(&mut self, step: &Step, wanted: &Outcome, status: u16, reply: &Value) -> Played {
        let wraps = !reply["wrap_info"].is_null();
        if (status, wraps) != (wanted.status, wanted.wraps) {
            let message = format!("{step:?}: {status}, not {wanted:?}: {reply}");
            return Err(TestCaseError::fail(message));
        }
        if wraps {
            let token = text(reply, "/wrap_info/token");
            self.names.push((token, text(reply, "/wrap_info/accessor")));
            prop_assert_eq!(self.names.len(), self.model.all.len());
            prop_assert!(reply["data"].is_null() && reply["auth"].is_null());
        }
        if let Some(number) = wanted.gives {
            self.given(number, reply)?;
        }
        Ok(())
    }

    /// Compares a reply that was unwrapped with what was wrapped.
    fn given(&self, number: usize, reply: &Value) -> Played {
        let first = self.model.all.iter().find(|all| all.number == number);
        match first.expect("it was wrapped").kind {
            Kind::Sent => prop_assert_eq!(&reply["data"], &json!({ "n": number })),
            Kind::Secret => prop_assert_eq!(&reply["data"]["data"]["n"], &json!(0)),
            Kind::Login => {
                prop_assert_eq!(&reply["auth"]["metadata"]["n"], &json!(number.to_string()));
                let body = json!({ "token": reply["auth"]["client_token"] });
                let looked = self.as_root("auth/token/lookup", &body);
                let alive = looked.0 == 200;
                let space = first.expect("it was wrapped").space;
                prop_assert_eq!(alive, space != Space::Other || self.model.other);
            }
        }
        Ok(())
    }

    fn delete_other(&mut self) -> Played {
        if self.model.other {
            let path = "sys/namespaces/other";
            let (status, reply) =
                self.ask(self.request(Who::Root, Method::Delete, path), &Value::Null);
            prop_assert!(status < 300, "{}", reply);
            self.model.delete_other();
        }
        Ok(())
    }

    /// Root unwraps or wraps anew, and the process is gone after some calls to the storage. Who was
    /// not answered may ask again.
    fn crash(&mut self, pick: Pick, calls: u64, anew: bool) -> Played {
        let (path, step) = match anew {
            true => (REWRAP, Step::Rewrap(Who::Root, About::Named(pick))),
            false => (UNWRAP, Step::Unwrap(Who::Root, About::Named(pick))),
        };
        if anew && self.names.len() >= WRAPS {
            return Ok(());
        }
        self.rig.arm(Plan {
            first: calls,
            last: u64::MAX,
            effect: Effect::Nothing,
        });
        let (status, reply) = self.as_root(path, &self.about(About::Named(pick)));
        self.rig.disarm();
        let open = || open(&self.rig, &self.share, &self.clock);
        self.handles = [open(), open()];
        if status < 500 {
            let wanted = self.model.call(&step);
            self.compare(&step, &wanted, status, &reply)?;
        }
        self.step(&Step::Tick)
    }

    fn check(&self) -> Played {
        for (pick, wrapped) in self.model.all.iter().enumerate() {
            let request = self.request(Who::Nobody, Method::Post, "sys/wrapping/lookup");
            let (status, reply) = self.ask(request, &self.about(About::Named(pick)));
            let wanted = if self.model.valid(pick) { 200 } else { 400 };
            prop_assert_eq!(status, wanted, "{}: {:?} {}", pick, wrapped, reply);
            if status == 200 {
                let data = &reply["data"];
                prop_assert_eq!(&data["creation_path"], &json!(wrapped.path));
                prop_assert_eq!(&data["creation_ttl"], &json!(wrapped.ttl));
                let body = self.about(About::Named(pick));
                let (_, looked) = self.as_root("auth/token/lookup", &body);
                let left = wrapped.created + wrapped.ttl - self.model.now;
                prop_assert_eq!(&looked["data"]["ttl"], &json!(left), "{:?}", wrapped);
                prop_assert_eq!(&looked["data"]["num_uses"], &json!(1));
                prop_assert_eq!(&looked["data"]["orphan"], &json!(true));
            }
        }
        // Each keeps the reply and what is known of it, and nothing else is kept.
        let stored = self.rig.scan(&Scan::new("ns/")).expect("scan");
        let kept = stored.iter().filter(|path| path.contains("/cubbyhole/"));
        prop_assert_eq!(kept.count(), 2 * self.model.stored());
        let alive = |token: &String| {
            let body = json!({ "token": token });
            self.as_root("auth/token/lookup", &body).1["data"].clone()
        };
        let limited = alive(&self.cast.limited);
        prop_assert_eq!(limited["num_uses"].as_u64().unwrap_or(0), self.model.uses);
        prop_assert_eq!(!alive(&self.cast.plain).is_null(), self.model.plain);
        prop_assert_eq!(!alive(&self.cast.bare).is_null(), self.model.ordinary());
        Ok(())
    }
}
