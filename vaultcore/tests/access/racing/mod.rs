//! Sixty-four callers at once, in four processes on one SQLite file: of a token that is good for so
//! many calls just as many succeed, and a wrapped reply is given out once.

mod process;

use std::path::Path;

use serde_json::{Value, json};
use vaultcore::Vault;
use vaultcore::api::{ApiRequest, Method};

use crate::stage::{call, count, send, text};
use process::{Ask, Plant, Racer, open, prepare};

const PROCESSES: usize = 4;
/// Callers of each process.
const CALLERS: usize = 16;
const ALL: usize = PROCESSES * CALLERS;

/// A vault of which this process has one handle, and each of the racers another.
struct Race {
    vault: Vault,
    storage: std::sync::Arc<vaultcore::storage::Sqlite>,
    root: String,
    racers: Vec<Racer>,
}

impl Race {
    fn new(folder: &Path, plant: Plant) -> Self {
        let file = folder.join("db");
        let root = prepare(&file);
        let start = |_| Racer::start(&file, plant);
        let racers: Vec<_> = (0..PROCESSES).map(start).collect();
        let (vault, storage) = open(&file);
        Self {
            vault,
            storage,
            root,
            racers,
        }
    }

    fn set(&self, path: &str, body: &Value) -> Value {
        let (status, reply) = call(&self.vault, &self.root, Method::Post, path, body);
        assert!(matches!(status, 200 | 204), "{path}: {status} {reply}");
        reply
    }

    /// Makes a token of `uses` calls that may read secrets.
    fn token(&self, uses: usize) -> (String, String) {
        let new = json!({ "policies": ["reader"], "num_uses": uses });
        let reply = self.set("auth/token/create", &new);
        let accessor = text(&reply, "/auth/accessor");
        (text(&reply, "/auth/client_token"), accessor)
    }

    fn wrapped(&self) -> String {
        let request = ApiRequest::new(Method::Post, "sys/wrapping/wrap").token(&self.root);
        let (_, reply) = send(
            &self.vault,
            &request.wrap_ttl("300").body(b"{\"secret\": 1}"),
        );
        text(&reply, "/wrap_info/token")
    }

    /// Lets all callers ask at once; `ask` says what each one does. Returns all replies.
    fn run(&mut self, ask: impl Fn(usize) -> Ask) -> Vec<(u16, Value)> {
        let mut asks = (0..ALL).map(ask);
        for racer in &mut self.racers {
            racer.send(&asks.by_ref().take(CALLERS).collect::<Vec<_>>());
        }
        let replies = self.racers.iter_mut().flat_map(Racer::replies);
        let replies: Vec<_> = replies.collect();
        assert_eq!(replies.len(), ALL);
        replies
    }

    fn is_gone(&self, accessor: &str) -> bool {
        let body = json!({ "accessor": accessor });
        let path = "auth/token/lookup-accessor";
        call(&self.vault, &self.root, Method::Post, path, &body).0 == 400
    }

    fn stored(&self) -> usize {
        let areas = ["ns/root/token", "sys/token-due/", "work/", "ns/root/cubby"];
        areas.iter().map(|area| count(&*self.storage, area)).sum()
    }
}

fn with(replies: &[(u16, Value)], status: u16) -> usize {
    replies.iter().filter(|reply| reply.0 == status).count()
}

fn ask(token: &str, method: &str, path: &str, body: Value) -> Ask {
    Ask {
        token: token.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        body,
    }
}

/// Checks that of a token's uses each serves one call, whether that finds what it asks for or not.
fn uses(race: &mut Race, uses: usize) -> Result<(), String> {
    let (token, accessor) = race.token(uses);
    let replies = race.run(|number| {
        let path = ["secret/data/here", "secret/data/missing"][number % 2];
        ask(&token, "GET", path, Value::Null)
    });
    let (found, missing) = (with(&replies, 200), with(&replies, 404));
    let denied = with(&replies, 403);
    if (found + missing, denied) != (uses.min(ALL), ALL - uses.min(ALL)) {
        return Err(format!("{uses}: {found}, {missing}, denied {denied}"));
    }
    if race.is_gone(&accessor) != (uses <= ALL) {
        return Err(format!("{uses}: it is there when it should not be, or not"));
    }
    Ok(())
}

/// Checks that of all who write with a token those that were told so did, and nobody else.
fn writes(race: &mut Race, uses: usize) -> Result<(), String> {
    let (token, _) = race.token(uses);
    let cubby = |number| format!("secret/data/written/{uses}/{number}");
    let body = json!({ "data": { "a": 1 } });
    let replies = race.run(|number| ask(&token, "POST", &cubby(number), body.clone()));
    let told = with(&replies, 200);
    let path = format!("secret/metadata/written/{uses}");
    let listed = call(&race.vault, &race.root, Method::List, &path, &Value::Null);
    let done = listed.1["data"]["keys"].as_array().map_or(0, Vec::len);
    if (told, done) != (uses, uses) {
        return Err(format!("{uses} uses: {done} were written, {told} told so"));
    }
    Ok(())
}

/// Checks that one of all who unwrap or rewrap wins, by the token itself or by naming it. (By
/// itself it may not rewrap, and is lost to whoever tries.)
fn unwraps(race: &mut Race, round: usize) -> Result<(), String> {
    let wrapped = race.wrapped();
    let named = json!({ "token": wrapped });
    let root = race.root.clone();
    let own = |path| ask(&wrapped, "POST", path, Value::Null);
    let other = |path| ask(&root, "POST", path, named.clone());
    let (unwrap, rewrap) = ("sys/wrapping/unwrap", "sys/wrapping/rewrap");
    let replies = race.run(|number| match (round % 4, number % 4) {
        (0, _) | (2, 0 | 1) | (3, 0) => own(unwrap),
        (3, 1 | 2) => other(rewrap),
        _ => other(unwrap),
    });
    let won: Vec<_> = replies.iter().filter(|reply| reply.0 == 200).collect();
    let lost = with(&replies, 400) + with(&replies, 403);
    let [(_, body)] = won.as_slice() else {
        return Err(format!("round {round}: {} won, {lost} lost", won.len()));
    };
    if lost != ALL - 1 {
        return Err(format!("round {round}: {lost} lost"));
    }
    // Who rewrapped has a new token, good for one more.
    let body = match body["wrap_info"]["token"].as_str() {
        Some(next) => {
            let reply = call(&race.vault, next, Method::Post, unwrap, &Value::Null);
            reply.1
        }
        None => body.clone(),
    };
    match body["data"]["secret"] == json!(1) {
        true => Ok(()),
        false => Err(format!("round {round}: {body}")),
    }
}

/// Plays all races, and returns the first thing that is wrong.
fn races(plant: Plant) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut race = Race::new(folder.path(), plant);
    race.set("secret/data/here", &json!({ "data": { "a": 1 } }));
    let rule = r#"path "secret/*" { capabilities = ["create", "read", "update"] }"#;
    race.set("sys/policies/acl/reader", &json!({ "policy": rule }));
    let before = race.stored();
    for count in [1, 1, 1, 2, 20, ALL] {
        uses(&mut race, count)?;
    }
    for count in [1, 17, ALL - 1] {
        writes(&mut race, count)?;
    }
    for round in 0..8 {
        unwraps(&mut race, round)?;
    }
    if plant == Plant::Nothing {
        race.vault.tick().expect("ticks");
        assert_eq!(race.stored(), before, "something is left over");
    }
    Ok(())
}

#[test]
fn as_many_callers_succeed_as_there_are_uses() {
    races(Plant::Nothing).unwrap();
}

#[test]
fn storages_that_let_two_win_or_lose_a_use_are_found() {
    for plant in [Plant::Blind, Plant::Denies] {
        let found = races(plant);
        println!("{plant:?}: {found:?}");
        assert!(found.is_err(), "{plant:?} was not found");
    }
}
