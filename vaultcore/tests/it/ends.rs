//! The end of a tree of tokens, of a mount and of a namespace takes many commits. Whichever call to
//! the storage fails: at once nobody acts by what was ended, and after recovery it is all there or
//! all gone.

mod cases;

use std::collections::BTreeMap;

use serde_json::Value;
use vaultcore::Vault;
use vaultcore::api::ApiRequest;

use crate::rig::{Effect, Plan, Rig, builder};
use crate::world::share;
use cases::{Case, Probe, Ready};

/// Calls that fail for themselves before only some of them do: the first commits are among them.
const EACH: u64 = 40;
const STRIDE: u64 = 9;

/// Sends a request; the JSON of its reply may be nothing.
fn send(vault: &Vault, request: &ApiRequest) -> (u16, Value) {
    let response = vault.handle(request);
    let body = match response.body() {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("JSON"),
    };
    (response.status(), body)
}

fn open(rig: &Rig, key: &str) -> Vault {
    let vault = builder(rig).build().expect("builds");
    vault.unseal(&share(key)).expect("unseals");
    vault
}

/// Returns what each probe is answered.
fn probed(vault: &Vault, probes: &[Probe]) -> Vec<u16> {
    probes
        .iter()
        .map(|probe| send(vault, &probe.request()).0)
        .collect()
}

/// Counts the stored entries of each area.
fn counts(rig: &Rig) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for path in rig.values().keys() {
        let mut parts = path.splitn(4, '/');
        let area = match parts.next() {
            Some("ns") => parts.nth(1),
            _ => path.rsplit_once('/').map(|(front, _)| front),
        };
        *counts.entry(area.unwrap_or(path).to_owned()).or_default() += 1;
    }
    counts
}

/// What is seen and stored, before and after.
struct Expected {
    before: Vec<u16>,
    after: Vec<u16>,
    stored_before: BTreeMap<String, usize>,
    stored_after: BTreeMap<String, usize>,
}

impl Expected {
    fn of(ready: &Ready) -> Self {
        let rig = ready.rig.copy();
        let vault = open(&rig, &ready.share);
        let before = probed(&vault, &ready.probes);
        let stored_before = counts(&rig);
        let status = send(&vault, &ready.end.request()).0;
        assert!(status < 300, "{status}");
        vault.tick().expect("ticks");
        let after = probed(&vault, &ready.probes);
        let stored_after = counts(&rig);
        assert!(before != after);
        Self {
            before,
            after,
            stored_before,
            stored_after,
        }
    }
}

/// Ends it with the fault, recovers, and ends it again. Returns whether the fault came.
fn check(ready: &Ready, expected: &Expected, plan: Plan) -> Result<bool, String> {
    let rig = ready.rig.copy();
    let bystander = open(&rig, &ready.share);
    let vault = open(&rig, &ready.share);
    rig.arm(plan);
    let (status, _) = send(&vault, &ready.end.request());
    let struck = rig.disarm() > 0;
    drop(vault); // it is dead
    let vault = open(&rig, &ready.share);
    let seen = probed(&vault, &ready.probes);
    let others = probed(&bystander, &ready.probes);
    if seen != others {
        return Err(format!("{seen:?} and {others:?} are seen"));
    }
    let untouched = seen == expected.before;
    if untouched && status < 300 {
        return Err("it is said to be done, and is not".to_owned());
    }
    if !untouched {
        for (number, probe) in ready.probes.iter().enumerate() {
            let (before, after) = (expected.before[number], expected.after[number]);
            if seen[number] != after && (probe.at_once || seen[number] != before) {
                return Err(format!("{}: {}, not {after}", probe.path, seen[number]));
            }
        }
    }
    vault.tick().map_err(|error| error.to_string())?;
    let (stored, wanted) = match untouched {
        true => (counts(&rig), &expected.stored_before),
        false => (counts(&rig), &expected.stored_after),
    };
    if stored != *wanted {
        return Err(format!("{stored:?} is stored, not {wanted:?}"));
    }
    if !untouched && probed(&vault, &ready.probes) != expected.after {
        return Err("it is not all gone after recovery".to_owned());
    }
    let (status, reply) = send(&vault, &ready.end.request());
    if status >= 500 || probed(&vault, &ready.probes) != expected.after {
        return Err(format!("{status} of the second call: {reply}"));
    }
    vault.tick().map_err(|error| error.to_string())?;
    match counts(&rig) == expected.stored_after {
        true => Ok(struck),
        false => Err(format!("{:?} is left", counts(&rig))),
    }
}

/// Runs every case with fault after fault, until one does not come any more.
fn every(cases: &[Case], effects: &[Effect]) -> (usize, Vec<String>) {
    let (mut runs, mut wrong) = (0, Vec::new());
    for case in cases {
        let ready = case.ready();
        let expected = Expected::of(&ready);
        'calls: for first in (1..EACH).chain((EACH..).step_by(STRIDE as usize)) {
            for effect in effects {
                for last in [first, u64::MAX] {
                    let plan = Plan {
                        first,
                        last,
                        effect: *effect,
                    };
                    runs += 1;
                    match check(&ready, &expected, plan) {
                        Ok(true) => {}
                        Ok(false) => break 'calls,
                        Err(what) => wrong.push(format!("{} {plan:?}: {what}", case.name)),
                    }
                }
            }
            if wrong.len() > 20 {
                break;
            }
        }
    }
    (runs, wrong)
}

#[test]
fn what_is_ended_is_all_there_or_all_gone() {
    let effects = [Effect::Nothing, Effect::Happened];
    let (runs, wrong) = every(&cases::all(), &effects);
    println!("{runs} runs with a storage that fails");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(runs > 500, "{runs} runs");
}

/// The control: a storage that applies half of a batch must be caught by the same checks.
#[test]
fn half_an_end_is_caught() {
    for case in cases::all() {
        let (_, wrong) = every(std::slice::from_ref(&case), &[Effect::Half]);
        assert!(!wrong.is_empty(), "{} was not caught", case.name);
    }
}

/// What is stored is what was there before any of it was made, but for what runs out by itself.
#[test]
fn what_is_ended_leaves_nothing() {
    // Alone: its children stay.
    for case in cases::all().iter().filter(|case| case.name != "alone") {
        let (empty, ready) = (case.empty(), case.ready());
        let expected = Expected::of(&ready);
        let before = counts(&empty);
        let more = expected.stored_after.iter();
        let more = more.filter(|(area, count)| before.get(*area) != Some(count));
        for (area, _) in more {
            let known = case.leaves.iter().any(|known| area.starts_with(known));
            assert!(known, "{}: {area}", case.name);
        }
    }
}
