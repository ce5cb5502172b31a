//! How leases end: by hand, with their token, with their mount, and what cannot be ended.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::hotel::Trouble;
use super::{HOUR, MINUTE, Rented, World, build, guest};
use crate::api::{ApiRequest, Method};
use crate::auth::token::NewToken;
use crate::clock::ManualClock;
use crate::engine::sys::{LeaseState, NewMount};
use crate::error::ErrorKind;
use crate::secret::SecretString;
use crate::storage::Scan;

fn rent(world: &World, count: usize) -> Vec<Rented> {
    (0..count)
        .map(|_| world.rent(None, r#"{"ttl":"1h"}"#))
        .collect()
}

#[test]
fn a_revoked_lease_is_over_and_what_it_leased_is_gone() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    let leases = world.owner().leases();
    leases.revoke(&rented.lease).expect("revoked");
    assert!(!world.hotel.has(&rented.room));
    assert!(world.lookup(&rented).is_none());
    leases.revoke(&rented.lease).expect("again is no error");
    for (path, body, expected) in [
        ("sys/leases/revoke", r#"{"lease_id":"LEASE"}"#, 204),
        (
            "sys/leases/revoke",
            r#"{"lease_id":"LEASE","sync":true}"#,
            204,
        ),
        (
            "sys/leases/revoke",
            r#"{"lease_id":"LEASE","sync":false}"#,
            202,
        ),
        ("sys/leases/revoke/LEASE", "", 204),
        ("sys/revoke/LEASE", "", 204),
        ("sys/revoke", r#"{"lease_id":"LEASE"}"#, 204),
    ] {
        let rented = world.rent(None, "{}");
        let (path, body) = (
            path.replace("LEASE", &rented.lease),
            body.replace("LEASE", &rented.lease),
        );
        let (status, reply) = world.ask(None, Method::Put, &path, &body);
        assert_eq!(status, expected, "{path}: {reply}");
        assert!(!world.hotel.has(&rented.room), "{path}");
    }
}

#[test]
fn what_cannot_be_ended_is_tried_six_times_and_then_daily() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    world.hotel.set(Trouble::Closed);
    let leases = world.owner().leases();
    let error = leases.revoke(&rented.lease).expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let state = || world.lookup(&rented).expect("a lease").state;
    let mut waited = Duration::ZERO;
    while state() == LeaseState::Revoking {
        world.pass(Duration::from_secs(1));
        waited += Duration::from_secs(1);
        world.tick();
        assert!(waited < HOUR, "it is given up on some day");
    }
    assert_eq!(state(), LeaseState::Irrevocable);
    // 10, 20, 40, 80 and 160 s, half of it more or less.
    let (least, most) = (Duration::from_secs(155), Duration::from_secs(470));
    assert!(waited >= least && waited <= most, "{waited:?}");
    let given_up = leases.irrevocable().expect("listed");
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].failure, "the hotel is closed");
    let (_, reply) = world.ask(None, Method::Get, "sys/leases?type=irrevocable", "");
    assert_eq!(
        reply["data"]["leases"][0]["lease_id"],
        rented.lease.as_str()
    );

    world.hotel.set(Trouble::None);
    world.pass(23 * HOUR);
    world.tick();
    assert!(world.hotel.has(&rented.room));
    world.pass(HOUR);
    world.tick();
    assert!(!world.hotel.has(&rented.room));
    assert!(world.lookup(&rented).is_none());
}

#[test]
fn what_can_never_be_ended_is_given_up_on_at_once_and_dropped_by_force_only() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    world.hotel.set(Trouble::Lost);
    let leases = world.owner().leases();
    leases.revoke(&rented.lease).expect_err("lost");
    assert_eq!(
        world.lookup(&rented).expect("a lease").state,
        LeaseState::Irrevocable
    );
    let error = leases.revoke_prefix("hotel/rooms").expect_err("lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(world.lookup(&rented).is_some());
    leases
        .dangerous_revoke_force("hotel/rooms")
        .expect("dropped");
    assert!(world.lookup(&rented).is_none());
    assert!(
        world.hotel.has(&rented.room),
        "which is why it is dangerous"
    );
}

#[test]
fn who_does_not_answer_holds_up_nobody_else() {
    let world = World::new();
    let on = |floor: &str, count: usize| -> Vec<Rented> {
        let rented = (0..count).map(|_| world.rent_on(floor, None, r#"{"ttl":"1h"}"#));
        rented.collect()
    };
    let deaf = on("deaf", 120); // three pages, which are due first
    world.pass(MINUTE);
    let blue = on("blue", 20);
    world.hotel.state().deaf = Some("deaf");
    world.pass(HOUR);
    world.tick();
    assert!(blue.iter().all(|rented| !world.hotel.has(&rented.room)));
    let asked = |world: &World| world.hotel.state().asked.len();
    // Three in a row, and what the other workers were at by then.
    let first = asked(&world) - blue.len();
    assert!(
        (3..=10).contains(&first),
        "{first} of {} were asked",
        deaf.len()
    );
    for _ in 0..20 {
        world.pass(MINUTE);
        world.tick();
    }
    let state = |rented: &Rented| world.lookup(rented).map(|info| info.state);
    let untried = deaf
        .iter()
        .filter(|rented| !world.hotel.state().asked.contains_key(&rented.room));
    let untried: Vec<_> = untried.collect();
    assert!(!untried.is_empty(), "a few are tried in each round");
    for rented in untried {
        assert_eq!(
            state(rented),
            Some(LeaseState::Revoking),
            "not given up on untried"
        );
    }
    world.hotel.state().deaf = None;
    for _ in 0..20 {
        world.pass(2 * HOUR);
        world.tick();
    }
    assert!(world.is_empty(), "and in the end all of them are gone");
}

#[test]
fn a_lease_whose_own_end_fails_silences_no_other() {
    let world = World::new();
    let stuck: Vec<_> = (0..2)
        .map(|_| world.rent_on("deaf", None, r#"{"ttl":"1h"}"#))
        .collect();
    let leases = world.owner().leases();
    world.hotel.state().deaf = Some("deaf");
    assert!(leases.revoke_prefix("hotel/rooms/deaf").is_err());
    let asked = &world.hotel.state().asked;
    assert!(stuck.iter().all(|rented| asked.contains_key(&rented.room)));
}

#[test]
fn a_token_takes_its_own_leases_along_and_nothing_else_that_is_due() {
    let world = World::new();
    let due = world.rent(None, r#"{"ttl":"1m"}"#);
    world.pass(HOUR);
    let token = world.token(&guest());
    let own = world.rent(Some(&token), r#"{"ttl":"9h"}"#);
    let once = world.token(&guest().num_uses(2));
    let last = world.rent(Some(&once), r#"{"ttl":"9h"}"#);
    world.owner().token().revoke(&token).expect("revoked");
    assert!(!world.hotel.has(&own.room) && world.hotel.has(&due.room));
    let (status, _) = world.ask(Some(&once), Method::Put, "sys/leases/lookup", "{}");
    assert_ne!(status, 200, "its last use");
    assert!(!world.hotel.has(&last.room) && world.hotel.has(&due.room));
    world.tick();
    assert!(world.is_empty());
}

/// While one process ends a room, another one is told to, too: alone, and with all others. Returns what
/// they say; `meanwhile` is done before the first one goes on.
fn told_to_end_what_another_ends(
    world: &World,
    meanwhile: impl FnOnce(&dyn Fn() -> bool) + Send + 'static,
) -> Vec<Option<ErrorKind>> {
    let rented = world.rent(None, "{}");
    let (leases, id) = (world.other().owner().expect("owner").leases(), rented.lease);
    let (tell, told) = std::sync::mpsc::channel();
    world.hotel.state().while_ending = Some(Box::new(move || {
        let waiting = thread::spawn(move || {
            let kind = |ended: crate::Result<()>| ended.err().map(|error| error.kind());
            let single = kind(leases.revoke(&id));
            vec![single, kind(leases.revoke_prefix("hotel/rooms/blue"))]
        });
        meanwhile(&|| waiting.is_finished());
        tell.send(waiting).expect("told");
    }));
    let ended = world.owner().leases().revoke_prefix("hotel/rooms/blue");
    assert!(ended.is_ok(), "{ended:?}");
    told.recv().expect("told").join().expect("joined")
}

#[test]
fn what_somebody_else_ends_is_waited_for() {
    let world = World::new();
    let told = told_to_end_what_another_ends(&world, |is_finished| {
        thread::yield_now();
        assert!(!is_finished(), "it is not ended yet");
    });
    assert_eq!(told, [None, None]);
    assert!(world.is_empty());
}

#[test]
fn what_somebody_else_ends_is_not_waited_for_for_ever() {
    let world = World::new();
    let clock = world.clock.clone();
    // For less time than a claim lasts: then it would be anybody's again.
    let told = told_to_end_what_another_ends(&world, move |is_finished| {
        for _ in 0..10 {
            clock.advance(Duration::from_secs(21));
            let mut spins = 0..1_000_000;
            while !is_finished() && spins.next().is_some() {
                thread::yield_now();
            }
        }
    });
    assert_eq!(told[0], Some(ErrorKind::Unavailable));
}

#[test]
fn what_is_leased_after_a_prefix_was_revoked_stays() {
    for force in [false, true] {
        let world = World::new();
        rent(&world, 90);
        let (vault, clock) = (world.vault.clone(), world.clock.clone());
        let root = world.init.root_token().expose().to_owned();
        // Whatever place they get among those that are still to be ended.
        world.hotel.state().while_ending = Some(Box::new(move || {
            clock.advance(MINUTE);
            for _ in 0..20 {
                let request = ApiRequest::new(Method::Post, "hotel/rooms/blue").token(&root);
                assert_eq!(vault.handle(&request).status(), 200);
            }
        }));
        let leases = world.owner().leases();
        let ended = match force {
            false => leases.revoke_prefix("hotel"),
            true => leases.dangerous_revoke_force("hotel"),
        };
        ended.expect("ended");
        assert_eq!(world.hotel.state().rooms.len(), 20, "{force}");
        assert_eq!(leases.count().expect("counted"), 20, "{force}");
    }
}

#[test]
fn a_clock_that_is_ahead_saves_no_lease_from_a_prefix() {
    let world = World::new();
    let ahead = Duration::from_secs(20);
    let clock = Arc::new(ManualClock::new(world.vault.now().saturating_add(ahead)));
    let other = build(&world.storage, &clock, &world.hotel);
    other.unseal(&world.init.shares()[0]).expect("unsealed");
    let root = world.init.root_token().expose();
    let request = ApiRequest::new(Method::Post, "hotel/rooms/blue").token(root);
    assert_eq!(other.handle(&request).status(), 200);
    let leases = world.owner().leases();
    leases.revoke_prefix("hotel").expect("ended");
    assert!(world.is_empty());
}

#[test]
fn all_below_a_path_are_ended_in_pages() {
    let world = World::new();
    let rented = rent(&world, 150);
    world.ask(None, Method::Post, "hotel/rooms/bluer", r#"{"ttl":"1h"}"#);
    let (status, _) = world.ask(
        None,
        Method::Put,
        "sys/leases/revoke-prefix/hotel/rooms/blue",
        r#"{"sync":false}"#,
    );
    assert_eq!(status, 202);
    assert!(rented.iter().all(|rented| !world.hotel.has(&rented.room)));
    assert_eq!(
        world.hotel.state().rooms.len(),
        1,
        "a folder is no prefix of letters"
    );
    let ended = world.hotel.state().ended.values().all(|times| *times == 1);
    assert!(ended, "each once");
    let (status, _) = world.ask(None, Method::Put, "sys/leases/revoke-prefix/hotel", "");
    assert_eq!(status, 204);
    assert_eq!(world.owner().leases().count().expect("counted"), 0);
}

#[test]
fn a_prefix_of_logins_revokes_the_tokens_of_those() {
    let world = World::new();
    let owner = world.owner();
    let root = world.vault.login(world.init.root_token()).expect("root");
    let lives = |token: &SecretString| world.vault.login(token).is_ok();
    let made = |count: usize| -> Vec<SecretString> {
        (0..count)
            .map(|_| world.token(&guest().ttl(HOUR)))
            .collect()
    };
    let (status, _) = world.ask(None, Method::Post, "auth/token/roles/few", "{}");
    assert_eq!(status, 204);
    let by_role = root
        .token()
        .create_by_role("few", &NewToken::new().ttl(HOUR));
    let by_role = by_role.expect("a token");
    let tokens = made(150);
    let rented = world.rent(tokens.last(), "{}");
    let leases = owner.leases();
    leases
        .revoke_prefix("auth/token/creat")
        .expect("nothing is there");
    leases
        .revoke_prefix("auth/token/create/few")
        .expect("revoked");
    assert!(!lives(&by_role) && tokens.iter().all(lives));
    leases.revoke_prefix("auth/token/create").expect("revoked");
    assert!(!tokens.iter().any(lives));
    assert!(!world.hotel.has(&rented.room), "it ended with its token");
    let tokens = made(3);
    leases.dangerous_revoke_force("auth").expect("revoked");
    assert!(!tokens.iter().any(lives));
    assert!(lives(world.init.root_token()), "it never runs out");
    assert_eq!(
        world.storage.scan(&Scan::new("work/")).expect("scan").len(),
        0
    );
}

#[test]
fn a_prefix_may_be_a_lease() {
    let world = World::new();
    let (one, other) = (world.rent(None, "{}"), world.rent(None, "{}"));
    let leases = world.owner().leases();
    leases.revoke_prefix(&one.lease).expect("revoked");
    assert!(!world.hotel.has(&one.room) && world.hotel.has(&other.room));
}

#[test]
fn force_may_be_used_on_a_lease() {
    let world = World::new();
    let (one, other) = (world.rent(None, "{}"), world.rent(None, "{}"));
    let leases = world.owner().leases();
    leases.dangerous_revoke_force(&one.lease).expect("ended");
    assert!(!world.hotel.has(&one.room) && world.lookup(&one).is_none());
    world.hotel.set(Trouble::Lost);
    let path = format!("sys/leases/revoke-force/{}", other.lease);
    let (status, _) = world.ask(None, Method::Put, &path, "");
    assert_eq!(status, 204);
    assert!(world.hotel.has(&other.room) && world.lookup(&other).is_none());
    let left = world.storage.scan(&Scan::new("work/"));
    assert!(left.expect("scan").is_empty());
}

#[test]
fn leases_end_with_their_token_and_those_above_it() {
    let world = World::new();
    let parent = world.token(&guest().ttl(5 * HOUR));
    let session = world.vault.login(&parent).expect("session");
    let child = session
        .token()
        .create(&guest().ttl(2 * HOUR))
        .expect("child");
    let (of_parent, of_child) = (
        world.rent(Some(&parent), r#"{"ttl":"9h"}"#),
        world.rent(Some(&child), r#"{"ttl":"9h"}"#),
    );
    let of_owner = world.rent(None, "{}");
    world.pass(2 * HOUR);
    world.tick(); // the child ran out
    assert!(world.hotel.has(&of_parent.room) && !world.hotel.has(&of_child.room));
    let again = session.token().create(&guest().ttl(HOUR)).expect("child");
    let of_child = world.rent(Some(&again), r#"{"ttl":"9h"}"#);
    world.owner().token().revoke(&parent).expect("revoked");
    assert!(!world.hotel.has(&of_parent.room) && !world.hotel.has(&of_child.room));
    assert!(world.hotel.has(&of_owner.room));
}

#[test]
fn many_leases_of_one_token_end_with_it() {
    let world = World::new();
    let token = world.token(&guest());
    for _ in 0..90 {
        world.rent(Some(&token), r#"{"ttl":"9h"}"#);
    }
    world.owner().token().revoke(&token).expect("revoked");
    assert!(world.hotel.state().rooms.is_empty());
    assert_eq!(world.owner().leases().count().expect("counted"), 0);
}

#[test]
fn a_mount_goes_with_its_leases_and_not_before_them() {
    let world = World::new();
    let rented = rent(&world, 3);
    world.hotel.set(Trouble::Closed);
    world.owner().sys().unmount("hotel").expect("unmounted");
    assert!(rented.iter().all(|rented| world.hotel.has(&rented.room)));
    let waits = || {
        let found = world.storage.scan(&crate::storage::Scan::new("work/wipe/"));
        found.expect("scanned").len()
    };
    assert_eq!(
        waits(),
        1,
        "what ends the leases may need what the mount kept"
    );
    world.hotel.set(Trouble::None);
    world.pass(MINUTE);
    world.tick();
    assert!(rented.iter().all(|rented| !world.hotel.has(&rented.room)));
    world.tick();
    assert_eq!(waits(), 0);
}

#[test]
fn leases_do_not_cross_namespaces() {
    let world = World::new();
    let owner = world.owner();
    owner.sys().create_namespace("team").expect("made");
    let team = owner.namespace("team").expect("inside");
    team.sys()
        .mount("hotel", NewMount::new("rentals"))
        .expect("mounted");
    let (status, reply) = world.ask(None, Method::Post, "team/hotel/rooms/blue", "{}");
    assert_eq!(status, 200, "{reply}");
    let id = reply["lease_id"].as_str().expect("id").to_owned();
    let (front, space) = id.rsplit_once('.').expect("the namespace is named");
    assert!(front.starts_with("hotel/rooms/blue/") && space.len() == 32);
    let room = reply["data"]["room"].as_str().expect("room").to_owned();
    assert!(owner.leases().lookup(&id).is_err());
    owner.leases().revoke(&id).expect("nothing there");
    assert!(world.hotel.has(&room));
    assert_eq!(team.leases().lookup(&id).expect("there").id, id);
    assert_eq!(owner.leases().count().expect("counted"), 0);
    assert_eq!(team.leases().count().expect("counted"), 1);
    owner.sys().delete_namespace("team").expect("deleted");
    assert!(!world.hotel.has(&room));
}

#[test]
fn of_many_reapers_one_ends_each_lease() {
    let world = World::new();
    let rented = rent(&world, 300);
    world.pass(HOUR);
    let vaults: Vec<_> = (0..4).map(|_| world.other()).collect();
    let ended: usize = thread::scope(|scope| {
        let reapers: Vec<_> = vaults
            .iter()
            .map(|vault| scope.spawn(|| vault.tick().expect("ticked")))
            .collect();
        reapers
            .into_iter()
            .map(|reaper| reaper.join().expect("joined"))
            .sum()
    });
    world.tick(); // what somebody had to leave to others
    let state = world.hotel.state();
    assert!(state.rooms.is_empty());
    assert!(rented.iter().all(|rented| state.ended[&rented.room] == 1));
    assert!(ended <= rented.len());
}
