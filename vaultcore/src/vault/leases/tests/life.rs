//! How leases begin, live, and are prolonged.

use std::sync::mpsc;
use std::time::Duration;

use super::hotel::Trouble;
use super::{HOUR, MINUTE, World, guest};
use crate::api::Method;
use crate::engine::sys::LeaseState;
use crate::error::ErrorKind;
use crate::vault::{Background, Vault};

#[test]
fn what_is_leased_ends_with_its_lease() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    assert_eq!(rented.seconds, 3_600);
    assert!(rented.renewable);
    let bare = rented
        .lease
        .strip_prefix("hotel/rooms/blue/")
        .expect("path");
    assert_eq!(bare.len(), 24);
    assert!(world.hotel.has(&rented.room));
    let info = world.lookup(&rented).expect("a lease");
    assert_eq!(info.state, LeaseState::Active);
    assert_eq!(info.ttl, HOUR);

    world.pass(HOUR - MINUTE);
    assert_eq!(world.tick(), 0);
    assert!(world.hotel.has(&rented.room));
    world.pass(MINUTE);
    assert_eq!(world.tick(), 1);
    assert!(!world.hotel.has(&rented.room));
    assert!(world.lookup(&rented).is_none());
    assert_eq!(world.owner().leases().count().expect("counted"), 0);
    let left = world.storage.scan(&crate::storage::Scan::new("sys/lease"));
    assert!(left.expect("scanned").is_empty());
}

#[test]
fn the_mount_and_the_role_bound_a_lease() {
    let world = World::new();
    for (body, seconds) in [
        ("{}", 36_000),                            // the mount's max TTL
        (r#"{"ttl":"100h"}"#, 36_000),             // is more than that
        (r#"{"ttl":"2h","max_ttl":"1h"}"#, 3_600), // of the role
        (r#"{"ttl":"2h","max_ttl":"90h"}"#, 7_200),
        (r#"{"ttl":"1s"}"#, 1),
    ] {
        assert_eq!(world.rent(None, body).seconds, seconds, "{body}");
    }
}

#[test]
fn a_renewal_counts_from_now_and_shortens_nothing() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h","max_ttl":"3h"}"#);
    let leases = world.owner().leases();
    world.pass(30 * MINUTE);
    let renewed = |increment| leases.renew(&rented.lease, increment).expect("renewed");
    assert_eq!(renewed(None), HOUR); // as it was made for, from now
    assert_eq!(renewed(Some(MINUTE)), HOUR); // no shorter
    assert_eq!(renewed(Some(2 * HOUR)), 2 * HOUR);
    assert_eq!(renewed(Some(9 * HOUR)), 150 * MINUTE); // what its max TTL leaves
    let until = world.hotel.state().rooms[&rented.room];
    assert_eq!(Some(until), world.lookup(&rented).map(|info| info.expires));
    world.pass(150 * MINUTE);
    let late = leases.renew(&rented.lease, None).expect_err("over");
    assert_eq!(late.kind(), ErrorKind::Expired);
    world.tick();
    assert!(!world.hotel.has(&rented.room));
}

#[test]
fn of_two_renewals_at_once_the_longer_one_stays() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    let (leases, id) = (
        world.other().owner().expect("owner").leases(),
        rented.lease.clone(),
    );
    world.hotel.state().while_renewing = Some(Box::new(move || {
        let other = leases.renew(&id, Some(5 * HOUR));
        assert_eq!(other.expect("renewed"), 5 * HOUR);
    }));
    let leases = world.owner().leases();
    let renewed = leases.renew(&rented.lease, Some(2 * HOUR));
    assert_eq!(renewed.expect("renewed"), 5 * HOUR);
    let until = world.lookup(&rented).expect("a lease").expires;
    assert_eq!(until, world.vault.now().saturating_add(5 * HOUR));
    assert_eq!(world.hotel.state().rooms[&rented.room], until);
}

#[test]
fn a_maximum_that_was_lowered_counts_for_renewals() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h","max_ttl":"9h"}"#);
    let (status, _) = world.ask(
        None,
        Method::Post,
        "sys/mounts/hotel/tune",
        r#"{"max_lease_ttl":"2h"}"#,
    );
    assert_eq!(status, 204);
    let leases = world.owner().leases();
    let renewed = leases.renew(&rented.lease, Some(8 * HOUR));
    assert_eq!(renewed.expect("renewed"), 2 * HOUR);
}

#[test]
fn the_door_renews_as_vault_does() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h","max_ttl":"3h"}"#);
    let body = format!(r#"{{"lease_id":"{}","increment":"10m"}}"#, rented.lease);
    for path in ["sys/leases/renew", "sys/renew"] {
        let (status, reply) = world.ask(None, Method::Put, path, &body);
        assert_eq!(status, 200, "{reply}");
        assert_eq!(reply["lease_id"], rented.lease.as_str());
        assert_eq!(reply["renewable"], true);
        assert_eq!(reply["lease_duration"], 600); // the increment counts from now
        assert!(reply["data"].is_null());
    }
    let path = format!("sys/leases/renew/{}", rented.lease);
    let (status, reply) = world.ask(None, Method::Put, &path, r#"{"increment":"9h"}"#);
    assert_eq!((status, &reply["lease_duration"]), (200, &10_800.into()));
    assert!(reply["warnings"][0].is_string());
}

#[test]
fn a_renewal_that_fails_outside_changes_nothing() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    world.hotel.set(Trouble::Closed);
    let leases = world.owner().leases();
    let error = leases
        .renew(&rented.lease, Some(2 * HOUR))
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let info = world.lookup(&rented).expect("a lease");
    assert_eq!((info.ttl, info.state), (HOUR, LeaseState::Active));
}

#[test]
fn a_lease_is_looked_up_and_listed_as_in_vault() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    let body = format!(r#"{{"lease_id":"{}"}}"#, rented.lease);
    let (status, reply) = world.ask(None, Method::Put, "sys/leases/lookup", &body);
    assert_eq!(status, 200);
    let data = &reply["data"];
    assert_eq!(data["id"], rented.lease.as_str());
    assert_eq!(data["ttl"], 3_600);
    assert_eq!(data["renewable"], true);
    assert_eq!(data["issue_time"], "2023-11-14T22:13:20Z");
    assert_eq!(data["expire_time"], "2023-11-14T23:13:20Z");
    assert!(data["last_renewal"].is_null());
    for (folder, names) in [
        ("", vec!["hotel/"]),
        ("hotel/", vec!["rooms/"]),
        ("hotel/rooms/", vec!["blue/"]),
        (
            "hotel/rooms/blue/",
            vec![&rented.lease["hotel/rooms/blue/".len()..]],
        ),
    ] {
        let path = format!("sys/leases/lookup/{folder}");
        let (status, reply) = world.ask(None, Method::List, &path, "");
        assert_eq!(status, 200, "{folder}: {reply}");
        assert_eq!(reply["data"]["keys"], serde_json::json!(names), "{folder}");
    }
    let (status, _) = world.ask(None, Method::List, "sys/leases/lookup/hotel/rooms/red/", "");
    assert_eq!(status, 404);
    let (status, reply) = world.ask(
        None,
        Method::Put,
        "sys/leases/lookup",
        r#"{"lease_id":"x"}"#,
    );
    assert_eq!(
        (status, &reply["errors"][0]),
        (400, &"invalid lease".into())
    );
    let (_, reply) = world.ask(None, Method::Get, "sys/leases/count", "");
    assert_eq!(reply["data"]["lease_count"], 1);
}

#[test]
fn what_a_crash_left_is_undone() {
    let world = World::new();
    world.hotel.set(Trouble::Crash);
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    let info = world.lookup(&rented).expect("a lease");
    assert_eq!(info.state, LeaseState::Pending);
    let renewed = world.owner().leases().renew(&rented.lease, None);
    assert_eq!(
        renewed.map_err(|error| error.kind()),
        Err(ErrorKind::Expired)
    );
    world.pass(MINUTE);
    world.tick();
    assert!(world.lookup(&rented).is_some(), "it may still be under way");
    world.pass(MINUTE);
    world.tick();
    assert!(world.lookup(&rented).is_none());
    assert_eq!(world.hotel.state().ended[&rented.room], 1);
}

#[test]
fn what_failed_half_way_is_undone_at_once() {
    for trouble in [Trouble::Closed, Trouble::Mute] {
        let world = World::new();
        world.hotel.set(trouble);
        let (status, _) = world.ask(None, Method::Post, "hotel/rooms/blue", "{}");
        assert_eq!(status, 503, "{trouble:?}");
        let left = world.owner().leases().count().expect("counted");
        match trouble {
            // It cannot be ended now either, and is tried again.
            Trouble::Closed => assert_eq!(left, 1),
            _ => assert_eq!(left, 0),
        }
        world.hotel.set(Trouble::None);
        world.pass(MINUTE);
        world.tick();
        assert_eq!(world.owner().leases().count().expect("counted"), 0);
        assert!(world.hotel.state().rooms.is_empty(), "{trouble:?}");
    }
}

#[test]
fn a_token_without_a_further_use_gets_no_lease() {
    let world = World::new();
    let once = world.token(&guest().num_uses(1));
    let (status, reply) = world.ask(Some(&once), Method::Post, "hotel/rooms/blue", "{}");
    assert_eq!(status, 400, "{reply}");
    assert!(world.hotel.state().rooms.is_empty());
    let twice = world.token(&guest().num_uses(2));
    let rented = world.rent(Some(&twice), "{}");
    assert!(world.hotel.has(&rented.room));
}

#[test]
fn the_lease_of_a_batch_token_does_not_outlive_it() {
    let world = World::new();
    let batch = world.token(&guest().batch().ttl(HOUR));
    let rented = world.rent(Some(&batch), r#"{"ttl":"5h"}"#);
    assert_eq!((rented.seconds, rented.renewable), (3_600, false));
    let renewed = world.owner().leases().renew(&rented.lease, None);
    assert_eq!(
        renewed.map_err(|error| error.kind()),
        Err(ErrorKind::InvalidArgument)
    );
}

#[test]
fn a_wrapped_lease_comes_out_whole() {
    let world = World::new();
    let root = world.init.root_token();
    let request = crate::api::ApiRequest::new(Method::Post, "hotel/rooms/blue")
        .token(root.expose())
        .wrap_ttl("1m")
        .body(br#"{"ttl":"1h"}"#);
    let response = world.vault.handle(&request);
    let reply: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    assert!(
        reply["data"].is_null() && reply["lease_id"] == "",
        "{reply}"
    );
    let token = reply["wrap_info"]["token"].as_str().expect("a token");
    let token = crate::secret::SecretString::copy_from(token);
    let (status, reply) = world.ask(Some(&token), Method::Post, "sys/wrapping/unwrap", "");
    assert_eq!(status, 200, "{reply}");
    assert!(
        reply["lease_id"]
            .as_str()
            .expect("id")
            .starts_with("hotel/rooms/blue/")
    );
    assert_eq!(reply["lease_duration"], 3_600);
    assert!(reply["data"]["room"].is_string());
}

#[test]
fn a_thread_ends_what_is_due_and_goes_with_the_vault() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    let builder = super::builder(&world.storage, &world.clock, &world.hotel);
    let vault = builder.background(Background::Thread).build();
    let vault = vault.expect("a vault");
    let (told, ends) = mpsc::channel();
    world.hotel.state().told = Some(told);
    vault.unseal(&world.init.shares()[0]).expect("unsealed");
    let session = vault.owner().expect("owner");
    drop(vault);
    world.pass(HOUR);
    let patience = Duration::from_secs(60);
    assert_eq!(
        ends.recv_timeout(patience),
        Ok(rented.room),
        "a session is left"
    );
    drop(session);
    let next = world.rent(None, r#"{"ttl":"1h"}"#);
    world.pass(HOUR);
    assert!(ends.try_recv().is_err(), "nobody is left");
    assert!(world.hotel.has(&next.room));
}

#[test]
fn the_thread_of_a_vault_that_is_closed_is_no_hindrance() {
    let world = World::new();
    let builder = super::builder(&world.storage, &world.clock, &world.hotel);
    let vault = builder.background(Background::Thread).build();
    let vault = vault.expect("a vault");
    vault.unseal(&world.init.shares()[0]).expect("unsealed");
    vault.seal().expect("sealed");
    vault.unseal(&world.init.shares()[0]).expect("unsealed");
    vault.close().expect("closed");
    drop(vault);
}

#[test]
fn what_is_made_after_its_lease_was_ended_is_undone() {
    for trouble in [Trouble::None, Trouble::Mute] {
        let world = World::new();
        let (other, clock) = (world.other(), world.clock.clone());
        world.hotel.set(trouble);
        world.hotel.state().meanwhile = Some(Box::new(move || {
            clock.advance(3 * MINUTE); // this process stood still
            assert_eq!(other.tick().expect("ticked"), 1);
        }));
        let (status, _) = world.ask(None, Method::Post, "hotel/rooms/blue", "{}");
        assert_ne!(status, 200, "{trouble:?}");
        assert!(world.is_empty(), "{trouble:?}");
    }
}

/// Somebody ends a lease while what it is for is being made, in one of the ways there are.
type Ending = fn(&Vault, &str);

const ENDINGS: [Ending; 5] = [
    |other, lease| drop(other.owner().expect("owner").leases().revoke(lease)),
    |other, _| {
        let leases = other.owner().expect("owner").leases();
        let _ = leases.revoke_prefix("hotel");
    },
    |other, lease| {
        let leases = other.owner().expect("owner").leases();
        let _ = leases.dangerous_revoke_force(lease);
    },
    |other, _| {
        let leases = other.owner().expect("owner").leases();
        let _ = leases.dangerous_revoke_force("hotel");
    },
    |other, _| drop(other.owner().expect("owner").sys().unmount("hotel")),
];

#[test]
fn what_is_ended_while_it_is_made_is_undone_by_who_makes_it() {
    for (index, end) in ENDINGS.into_iter().enumerate() {
        let world = World::new();
        let other = world.other();
        world.hotel.state().meanwhile = Some(Box::new(move || {
            let leases = other.owner().expect("owner").leases();
            let id = leases.list("hotel/rooms/blue").expect("listed").remove(0);
            end(&other, &format!("hotel/rooms/blue/{}", *id));
        }));
        let (status, _) = world.ask(None, Method::Post, "hotel/rooms/blue", "{}");
        assert_ne!(status, 200, "{index}");
        assert!(world.hotel.state().rooms.is_empty(), "{index}");
        world.tick();
        assert!(world.is_empty(), "{index}");
    }
}

#[test]
fn what_is_ended_while_it_is_made_is_undone_if_its_maker_dies() {
    for (index, end) in ENDINGS.into_iter().enumerate() {
        let world = World::new();
        world.hotel.set(Trouble::Crash);
        let rented = world.rent(None, r#"{"ttl":"1h"}"#);
        end(&world.other(), &rented.lease);
        end(&world.other(), &rented.lease); // again, which hurries nothing
        // The room was let at the last moment, and nobody was told.
        let until = world.vault.now();
        let let_late = (rented.room.clone(), until);
        world.hotel.state().rooms.extend([let_late]);
        world.hotel.set(Trouble::None);
        world.pass(3 * MINUTE);
        world.tick();
        assert!(world.hotel.state().rooms.is_empty(), "{index}");
        world.tick();
        assert!(world.is_empty(), "{index}");
    }
}

#[test]
fn what_is_made_too_late_and_cannot_be_undone_is_not_forgotten() {
    let world = World::new();
    let (other, clock, hotel) = (world.other(), world.clock.clone(), world.hotel.clone());
    world.hotel.state().meanwhile = Some(Box::new(move || {
        clock.advance(3 * MINUTE);
        assert_eq!(other.tick().expect("ticked"), 1);
        hotel.set(Trouble::Lost); // what is let cannot be given up
    }));
    let (status, _) = world.ask(None, Method::Post, "hotel/rooms/blue", "{}");
    assert_ne!(status, 200);
    let leases = world.owner().leases();
    assert_eq!(leases.irrevocable().expect("listed").len(), 1);
    world.hotel.set(Trouble::None);
    world.pass(24 * HOUR);
    world.tick();
    assert!(world.hotel.state().rooms.is_empty());
    assert_eq!(leases.count().expect("counted"), 0);
}
