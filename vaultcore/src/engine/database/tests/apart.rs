//! Several processes, of which one lacks what another has.

use std::sync::Arc;

use super::super::StaticRole;
use super::{HOUR, World};
use crate::engine::sys::LeaseState;
use crate::error::ErrorKind;
use crate::vault::Vault;

/// A process without the driver of the fake.
fn stranger(world: &World) -> Vault {
    let builder = Vault::builder(Arc::clone(&world.storage)).clock(world.clock.clone());
    let vault = builder.build().expect("a vault");
    vault.unseal(&world.init.shares()[0]).expect("unsealed");
    vault
}

#[test]
fn a_process_without_the_driver_leaves_leases_and_roles_to_others() {
    let world = World::new();
    let database = world.database();
    world.fake.add_user("report", "known to all");
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    database.write_static_role("app-s", &role).expect("written");
    let before = database.static_credentials("app-s").expect("credentials");
    let credentials = database.credentials("app-reader").expect("made");
    world.pass(HOUR);
    let stranger = stranger(&world);
    for _ in 0..8 {
        assert_eq!(stranger.tick().expect("left to others"), 0);
        world.pass(HOUR / 10);
    }
    let leases = world.owner().leases();
    let lease = leases.lookup(credentials.lease_id()).expect("a lease");
    assert_eq!(lease.state, LeaseState::Active);
    assert!(world.fake.lets_in("report", &before.password));
    assert_eq!(world.vault.tick().expect("ticked"), 2);
    assert!(!world.fake.lets_in("report", &before.password));
    assert!(
        !world
            .fake
            .lets_in(credentials.username(), credentials.password())
    );
}

#[test]
fn roles_that_cannot_be_changed_hold_up_no_others() {
    let world = World::new();
    let database = world.database();
    database
        .configure("other", &super::connection())
        .expect("configured");
    let role = |config, user: &str| StaticRole::new(config, user).rotation_period(HOUR);
    for number in 0..101 {
        let user = format!("user{number}");
        world.fake.add_user(&user, "known to all");
        database
            .write_static_role(&format!("app-{number}"), &role("other", &user))
            .expect("written");
    }
    world.pass(HOUR / 60);
    world.fake.add_user("last", "known to all");
    database
        .write_static_role("app-last", &role("app", "last"))
        .expect("written");
    let before = database.static_credentials("app-last").expect("set");
    database.delete_connection("other").expect("deleted");
    world.pass(HOUR);
    let error = world.vault.tick().expect_err("a hundred fail");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!world.fake.lets_in("last", &before.password));
}
