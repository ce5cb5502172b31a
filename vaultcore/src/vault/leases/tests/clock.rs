//! What a clock that jumps, and entries that are broken, do to leases.

use std::time::Duration;

use super::{HOUR, MINUTE, Rented, World, guest};
use crate::api::Method;
use crate::clock::{Clock, Timestamp};
use crate::error::ErrorKind;
use crate::path::EntryPath;
use crate::storage::{Batch, Scan};
use crate::vault::Vault;

const SECOND: i64 = 1;
const DAY: i64 = 86_400;
const JUMPS: [i64; 6] = [SECOND, -SECOND, 3_600, -3_600, 3_653 * DAY, -3_653 * DAY];

fn jump(world: &World, seconds: i64) {
    let wall = world.clock.read().wall.as_micros();
    let wall = wall
        .checked_add_signed(seconds * 1_000_000)
        .expect("a time");
    world.clock.set_wall(Timestamp::from_micros(wall));
}

/// Lets the machine come up again with its clock `seconds` off, and the vault be opened there.
fn boot(world: &World, seconds: i64) -> Vault {
    world.tick();
    world.vault.close().expect("closed");
    world.clock.reboot([2; 16]);
    jump(world, seconds);
    world.other()
}

#[test]
fn a_lease_lives_as_long_as_it_was_made_for_whatever_the_wall_clock_says() {
    for seconds in JUMPS {
        let world = World::new();
        let rented = world.rent(None, r#"{"ttl":"1h"}"#);
        world.tick();
        jump(&world, seconds);
        world.pass(HOUR - Duration::from_secs(1));
        world.tick();
        assert!(world.hotel.has(&rented.room), "{seconds}: a second is left");
        jump(&world, -seconds);
        world.pass(Duration::from_secs(1));
        world.tick();
        assert!(!world.hotel.has(&rented.room), "{seconds}");
    }
}

#[test]
fn a_restart_in_between_changes_nothing() {
    for seconds in JUMPS {
        let world = World::new();
        let rented = world.rent(None, r#"{"ttl":"1h"}"#);
        world.tick();
        world.vault.close().expect("closed");
        jump(&world, seconds);
        let other = world.other();
        world.pass(HOUR - Duration::from_secs(1));
        other.tick().expect("ticked");
        assert!(world.hotel.has(&rented.room), "{seconds}: a second is left");
        world.pass(Duration::from_secs(1));
        other.tick().expect("ticked");
        assert!(!world.hotel.has(&rented.room), "{seconds}");
    }
}

#[test]
fn no_clock_makes_a_lease_pass_its_maximum() {
    for seconds in JUMPS {
        let world = World::new();
        let rented = world.rent(None, r#"{"ttl":"1h","max_ttl":"3h"}"#);
        let leases = world.owner().leases();
        for _ in 0..3 {
            jump(&world, seconds);
            world.pass(HOUR - MINUTE);
            leases.renew(&rented.lease, None).expect("renewed");
        }
        world.pass(2 * MINUTE);
        let renewed = leases.renew(&rented.lease, Some(HOUR));
        assert_eq!(renewed.expect("a minute"), MINUTE, "{seconds}");
        world.pass(MINUTE);
        world.tick();
        assert!(!world.hotel.has(&rented.room), "{seconds}");
    }
}

#[test]
fn a_clock_far_ahead_after_a_boot_ends_nothing_but_what_somebody_ends() {
    let world = World::new();
    let token = world.token(&guest().ttl(400 * HOUR));
    let kept: Vec<Rented> = (0..50).map(|_| world.rent(None, "{}")).collect();
    let (of_token, by_hand) = (world.rent(Some(&token), "{}"), world.rent(None, "{}"));
    let next = boot(&world, 10 * DAY);
    let suspect = |vault: &Vault| vault.tick().map_err(|error| error.kind());
    assert_eq!(suspect(&next), Err(ErrorKind::ClockSuspect));
    let owner = next.owner().expect("owner");
    owner.leases().revoke(&by_hand.lease).expect("revoked");
    owner.token().revoke(&token).expect("revoked");
    assert_eq!(suspect(&next), Err(ErrorKind::ClockSuspect));
    for gone in [&by_hand, &of_token] {
        assert!(!world.hotel.has(&gone.room), "somebody ended it");
    }
    assert!(kept.iter().all(|rented| world.hotel.has(&rented.room)));
    let body = super::ApiRequest::new(Method::Post, "hotel/rooms/red");
    let refused = owner.request(&body);
    assert_eq!(refused.status(), 500, "nobody knows when it would end");
    // The clock is set right, and all is as it was.
    jump(&world, -10 * DAY);
    next.tick().expect("nothing is in doubt");
    assert!(kept.iter().all(|rented| world.hotel.has(&rented.room)));
    assert_eq!(owner.request(&body).status(), 200);
}

#[test]
fn a_clock_that_is_confirmed_ends_what_ran_out() {
    let world = World::new();
    let rented = world.rent(None, "{}");
    let next = boot(&world, 10 * DAY);
    let sys = next.owner().expect("owner").sys();
    sys.confirm_clock().expect("confirmed");
    assert_eq!(next.tick().expect("ticked"), 1);
    assert!(!world.hotel.has(&rented.room));
}

#[test]
fn a_broken_lease_holds_up_no_others() {
    let world = World::new();
    for _ in 0..3 {
        world.rent(None, r#"{"ttl":"1m"}"#);
    }
    let broken = world.storage.scan(&Scan::new("sys/lease/")).expect("scan");
    let mut batch = Batch::new();
    for path in &broken {
        let path = EntryPath::new(path).expect("a path");
        batch = batch.put(path, b"no record".to_vec());
    }
    world.storage.commit(&batch).expect("planted");
    let behind: Vec<Rented> = (0..100)
        .map(|_| world.rent(None, r#"{"ttl":"2m"}"#))
        .collect();
    world.pass(3 * MINUTE);
    let ticked = world.vault.tick().map_err(|error| error.kind());
    assert_eq!(ticked, Err(ErrorKind::Corrupt));
    assert!(behind.iter().all(|rented| !world.hotel.has(&rented.room)));
    let left = world.storage.scan(&Scan::new("sys/lease/")).expect("scan");
    assert_eq!(left, broken);
}
