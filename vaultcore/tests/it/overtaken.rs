//! What a call rests on is changed by another process at every moment of the call: policies,
//! tokens, mounts, namespaces, roles, entities. Whatever is changed before the call commits stops
//! it, and nothing of it happens any more.

mod cases;
mod watch;

use vaultcore::Vault;
use vaultcore::api::ApiRequest;

use crate::rig::builder;
use crate::world::share;
use cases::{Ask, Case, Made};
use watch::{Plant, Watched};

/// Sends a request, and returns the status.
fn send(vault: &Vault, request: &ApiRequest) -> u16 {
    vault.handle(request).status()
}

/// What is to be found out of one case.
#[derive(Clone, Copy)]
struct Way {
    /// Whether the storage tells that something was changed.
    marks: bool,
    plant: Plant,
}

/// Plays one case, with the change at event `at`. Returns `None` if the call was over before.
fn play(made: &Made, case: &Case, at: u64, way: Way) -> Option<Result<(), String>> {
    let rig = made.rig.copy();
    let open = |builder: vaultcore::VaultBuilder| {
        let vault = builder.build().expect("builds");
        vault.unseal(&share(&made.share)).expect("unseals");
        vault
    };
    let other = open(builder(&rig));
    let watched = Watched::new(rig, way.marks, way.plant);
    let vault = open(Vault::builder(watched.clone()).clock(made.clock()));
    for ask in &case.before {
        send(&vault, &ask.request());
    }
    let change: Ask = case.change.clone();
    watched.arm(at, move |before| {
        let status = send(&other, &change.request());
        // What the call did may leave nothing to be changed.
        let done = status < 300 || before && status < 500;
        assert!(done, "{status} of the change");
        other.tick().expect("ticks");
    });
    let status = send(&vault, &case.call.request());
    let seen = watched.disarm()?;
    let name = &case.name;
    let found = match (seen.before, seen.after, status) {
        (true, _, _) => Ok(()), // it was done already
        (false, 0, 400..=499) => Ok(()),
        (false, after, status) => {
            let marks = way.marks;
            let message = format!(
                "{name} at {at} (marks {marks}): {status}, {after} commits after the change"
            );
            Err(message)
        }
    };
    Some(found)
}

/// Plays a case with the change at every event. Returns the events, and what went wrong.
fn every(made: &Made, case: &Case, way: Way) -> (u64, Vec<String>) {
    let mut wrong = Vec::new();
    for at in 0.. {
        match play(made, case, at, way) {
            Some(found) => wrong.extend(found.err()),
            None => return (at, wrong),
        }
    }
    unreachable!("a call that never ends")
}

#[test]
fn nothing_happens_after_what_it_rests_on_was_changed() {
    let (made, mut moments, mut wrong) = (Made::new(), 0, Vec::new());
    for case in made.cases() {
        for marks in [true, false] {
            let plant = Plant::Nothing;
            let (events, found) = every(&made, &case, Way { marks, plant });
            assert!(events >= 3, "{}: {events} events", case.name);
            moments += events;
            wrong.extend(found);
        }
    }
    println!("{moments} moments");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// The control: a storage that does not check what is expected must be caught in every case.
#[test]
fn a_storage_that_expects_nothing_is_caught() {
    let made = Made::new();
    for case in made.cases() {
        let way = Way {
            marks: false,
            plant: Plant::Blind,
        };
        let (_, wrong) = every(&made, &case, way);
        assert!(!wrong.is_empty(), "{} was not caught", case.name);
    }
}

/// Without the change every call works: it is the change that stops it.
#[test]
fn every_call_works_when_nothing_is_changed() {
    let made = Made::new();
    for case in made.cases() {
        let vault = builder(&made.rig.copy()).build().expect("builds");
        vault.unseal(&share(&made.share)).expect("unseals");
        let status = send(&vault, &case.call.request());
        assert!(status < 300, "{}: {status}", case.name);
    }
}
