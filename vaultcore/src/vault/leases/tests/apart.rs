//! What one process, or one lease, must not do to the others.

use super::{HOUR, MINUTE, Rented, World};
use crate::api::Method;
use crate::engine::sys::LeaseState;
use crate::error::ErrorKind;
use crate::path::EntryPath;
use crate::storage::{Batch, Scan};
use crate::vault::Vault;

/// A process that has not the engine of the hotel.
fn stranger(world: &World) -> Vault {
    let builder = Vault::builder(world.storage.clone()).clock(world.clock.clone());
    let vault = builder.build().expect("a vault");
    vault.unseal(&world.init.shares()[0]).expect("unsealed");
    vault
}

fn state(world: &World, rented: &Rented) -> LeaseState {
    world.lookup(rented).expect("a lease").state
}

/// Writes bytes that are no record over what a folder of storage has, but for the first entries.
fn break_all(world: &World, folder: &str, but: usize) -> usize {
    let found = world.storage.scan(&Scan::new(folder)).expect("scan");
    let found = &found[but..];
    for page in found.chunks(100) {
        let mut batch = Batch::new();
        for path in page {
            let path = EntryPath::new(path).expect("a path");
            batch = batch.put(path, b"no record".to_vec());
        }
        world.storage.commit(&batch).expect("planted");
    }
    found.len()
}

#[test]
fn a_process_without_the_engine_uses_up_no_attempts() {
    let world = World::new();
    let rented: Vec<Rented> = (0..50)
        .map(|_| world.rent(None, r#"{"ttl":"1h"}"#))
        .collect();
    world.pass(HOUR);
    let stranger = stranger(&world);
    for _ in 0..10 {
        assert_eq!(stranger.tick().expect("nothing is its own"), 0);
        world.pass(MINUTE);
    }
    assert_eq!(state(&world, &rented[0]), LeaseState::Active);
    assert!(rented.iter().all(|rented| world.hotel.has(&rented.room)));
    assert_eq!(world.tick(), 50, "at once: nobody has a claim");
    assert!(world.hotel.state().rooms.is_empty());
}

#[test]
fn what_a_process_without_the_engine_revokes_is_over_and_ended_by_another() {
    let world = World::new();
    let (one, other) = (world.rent(None, "{}"), world.rent(None, "{}"));
    let third = world.rent(None, "{}");
    let stranger = stranger(&world);
    let leases = stranger.owner().expect("owner").leases();
    for _ in 0..10 {
        let error = leases.revoke(&one.lease).expect_err("elsewhere");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(state(&world, &one), LeaseState::Revoking);
    assert_eq!(state(&world, &other), LeaseState::Active);
    assert_eq!(world.tick(), 1);
    assert!(!world.hotel.has(&one.room) && world.hotel.has(&other.room));
    let error = leases.revoke_prefix(&other.lease).expect_err("elsewhere");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = leases.revoke_prefix("hotel").expect_err("elsewhere");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(world.tick(), 2);
    assert!(!world.hotel.has(&other.room) && !world.hotel.has(&third.room));
}

#[test]
fn a_lease_that_cannot_be_read_holds_up_no_prefix() {
    let world = World::new();
    let rented: Vec<Rented> = (0..60)
        .map(|_| world.rent(None, r#"{"ttl":"1h"}"#))
        .collect();
    assert_eq!(break_all(&world, "sys/lease/", 57), 3);
    let leases = world.owner().leases();
    let error = leases.revoke_prefix("hotel").expect_err("reported");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("3 leases"), "{error}");
    let kept = rented.iter().filter(|rented| world.hotel.has(&rented.room));
    assert_eq!(kept.count(), 3, "all others are ended");
    assert_eq!(
        world.storage.scan(&Scan::new("work/")).expect("scan").len(),
        0
    );
    let left = world.storage.scan(&Scan::new("sys/lease/")).expect("scan");
    assert_eq!(left.len(), 3);
    leases.dangerous_revoke_force("hotel").expect("dropped");
    let left = world.storage.scan(&Scan::new("sys/lease/")).expect("scan");
    assert_eq!(left.len(), 0);
    world.pass(2 * HOUR);
    world.tick();
    let due = world.storage.scan(&Scan::new("sys/lease-due/"));
    assert_eq!(due.expect("scan").len(), 0, "what led there is gone, too");
}

#[test]
fn a_mount_that_waits_for_its_leases_tries_none_before_its_time() {
    let world = World::new();
    let rented = world.rent(None, r#"{"ttl":"1h"}"#);
    world.hotel.set(super::hotel::Trouble::Closed);
    world.owner().sys().unmount("hotel").expect("unmounted");
    let (status, _) = world.ask(None, Method::Post, "hotel/rooms/blue", "{}");
    assert_eq!(status, 404);
    for _ in 0..20 {
        world.tick(); // at once, again and again
    }
    assert_eq!(state(&world, &rented), LeaseState::Revoking);
    world.pass(HOUR / 60 / 2);
    world.hotel.set(super::hotel::Trouble::None);
    world.tick();
    assert!(!world.hotel.has(&rented.room), "it was not given up on");
}

#[test]
fn keys_that_cannot_be_rotated_hold_up_no_others() {
    let world = World::new();
    let owner = world.owner();
    let new = crate::NewMount::new("transit");
    owner.sys().mount("transit", new).expect("mounted");
    let transit = owner.transit("transit").expect("facade");
    let hourly =
        crate::transit::NewKey::new(crate::transit::KeyType::Aes256Gcm96).auto_rotate(HOUR);
    for number in 0..101 {
        transit
            .create(&format!("k{number}"), &hourly)
            .expect("created");
    }
    assert_eq!(break_all(&world, "ns/root/transit-key/", 0), 101);
    world.pass(MINUTE);
    transit.create("last", &hourly).expect("created");
    world.pass(HOUR);
    let ticked = world.vault.tick().map_err(|error| error.kind());
    assert_eq!(ticked, Err(ErrorKind::Corrupt));
    let info = transit.read("last").expect("a key");
    assert_eq!(info.latest_version, 2, "it is behind a hundred that failed");
}
