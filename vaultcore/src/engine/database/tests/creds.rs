//! Credentials with a lease.

use super::{HOUR, Role, World};
use crate::api::Method;
use crate::engine::sys::LeaseState;
use crate::error::ErrorKind;

#[test]
fn credentials_work_until_their_lease_ends() {
    let world = World::new();
    let credentials = world.database().credentials("app-reader").expect("made");
    let name = credentials.username().to_owned();
    assert!(name.starts_with("v-owner-app-read-"), "{name}");
    assert!(name.len() <= 63);
    assert!(world.fake.lets_in(&name, credentials.password()));
    assert_eq!(credentials.remaining(), HOUR);
    let by_itself = world.fake.expires(&name).expect("an end");
    let grace = by_itself.since(credentials.expires());
    assert_eq!(grace.as_secs(), 5);

    assert_eq!(
        credentials.renew(Some(2 * HOUR)).expect("renewed"),
        2 * HOUR
    );
    assert_eq!(
        credentials.expires(),
        world
            .fake
            .expires(&name)
            .map(|end| { super::Timestamp::from_micros(end.as_micros() - 5_000_000) })
            .expect("an end")
    );
    world.pass(2 * HOUR);
    assert!(credentials.is_over());
    world.vault.tick().expect("ticked");
    assert_eq!(world.fake.users(), 0);
}

#[test]
fn the_door_answers_as_vault_does() {
    let world = World::new();
    let (status, reply) = world.ask(Method::Get, "database/creds/app-reader", "");
    assert_eq!(status, 200, "{reply}");
    let lease = reply["lease_id"].as_str().expect("a lease");
    assert!(lease.starts_with("database/creds/app-reader/"));
    assert_eq!(reply["lease_duration"], 3_600);
    assert_eq!(reply["renewable"], true);
    let (name, password) = (&reply["data"]["username"], &reply["data"]["password"]);
    assert!(
        name.as_str()
            .expect("a name")
            .starts_with("v-root-app-read-")
    );
    let password = password.as_str().expect("a password");
    assert_eq!(password.len(), 20);
    for set in [char::is_lowercase, char::is_uppercase, char::is_numeric] {
        assert!(password.contains(set), "{password}");
    }
    assert!(password.contains('-'));
}

#[test]
fn no_two_credentials_are_alike() {
    let world = World::new();
    let made: Vec<_> = (0..20)
        .map(|_| world.database().credentials("app-reader").expect("made"))
        .collect();
    let mut names: Vec<_> = made.iter().map(|one| one.username().to_owned()).collect();
    let mut passwords: Vec<_> = made
        .iter()
        .map(|one| one.password().expose().to_owned())
        .collect();
    names.sort();
    names.dedup();
    passwords.sort();
    passwords.dedup();
    assert_eq!((names.len(), passwords.len()), (20, 20));
    assert_eq!(world.fake.users(), 20);
}

#[test]
fn a_database_that_is_down_leaves_nothing_behind() {
    let world = World::new();
    world.fake.set_down(true);
    let error = world
        .database()
        .credentials("app-reader")
        .expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    world.fake.set_down(false);
    world.pass(HOUR);
    world.vault.tick().expect("ticked");
    assert_eq!(world.fake.users(), 0);
    assert_eq!(world.owner().leases().count().expect("counted"), 0);
}

#[test]
fn what_was_made_ends_as_its_role_said_when_it_was_made() {
    let world = World::new();
    let database = world.database();
    let credentials = database.credentials("app-reader").expect("made");
    database.delete_role("app-reader").expect("deleted");
    credentials.renew(None).expect("the lease knows its user");
    credentials.revoke().expect("and how to end it");
    assert_eq!(world.fake.users(), 0);
}

#[test]
fn without_its_connection_a_lease_is_given_up_on() {
    let world = World::new();
    let database = world.database();
    let credentials = database.credentials("app-reader").expect("made");
    let id = credentials.lease_id().to_owned();
    database.delete_connection("app").expect("deleted");
    let error = credentials.revoke().expect_err("who should end it?");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let info = world.owner().leases().lookup(&id).expect("still known");
    assert_eq!(info.state, LeaseState::Irrevocable);
}

#[test]
fn only_allowed_roles_make_users() {
    let world = World::new();
    let database = world.database();
    let role = Role::new("app");
    for name in ["other", "ap", "App-x"] {
        database.write_role(name, &role).expect("a role");
        let error = database.credentials(name).expect_err("not allowed");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
    }
    database
        .configure("app", &super::connection().allowed_roles(["*"]))
        .expect("all");
    database.credentials("other").expect("allowed");
    let none: [&str; 0] = [];
    database
        .configure("app", &super::connection().allowed_roles(none))
        .expect("none");
    database
        .credentials("app-reader")
        .expect_err("none is allowed");
}

#[test]
fn unmounting_takes_all_users_away() {
    let world = World::new();
    for _ in 0..3 {
        world.database().credentials("app-reader").expect("made");
    }
    world.owner().sys().unmount("database").expect("unmounted");
    assert_eq!(world.fake.users(), 0);
}

#[test]
fn a_renewal_that_finds_no_lease_ends_the_secret() {
    let world = World::new();
    let credentials = world.database().credentials("app-reader").expect("made");
    let leases = world.owner().leases();
    leases
        .revoke(credentials.lease_id())
        .expect("by somebody else");
    assert!(!credentials.is_over(), "nobody has told it");
    credentials.renew(None).expect_err("gone");
    assert!(credentials.is_over() && credentials.is_last());
}

#[test]
fn credentials_are_renewed_in_the_background_until_they_cannot_be() {
    let world = World::new();
    let credentials = world.database().credentials("app-reader").expect("made");
    let credentials = credentials.keep_alive().expect("kept");
    let wait = |reached: &dyn Fn() -> bool| {
        let mut spins = 0u64;
        while !reached() {
            std::thread::yield_now();
            spins += 1;
            assert!(spins < 500_000_000, "never reached");
        }
    };
    // The keeper naps by the machine's clock, so that it is begun anew after each move of ours.
    world.pass(41 * HOUR / 60);
    let credentials = credentials.keep_alive().expect("kept");
    wait(&|| credentials.remaining() == HOUR);
    credentials.renew(None).expect("at once again");
    assert!(!credentials.is_last(), "it got all that it asked for");
    world.pass(HOUR);
    assert!(credentials.is_over());
    let credentials = credentials.keep_alive().expect("kept");
    wait(&|| credentials.is_last()); // it learns that nothing prolongs it any more
}
