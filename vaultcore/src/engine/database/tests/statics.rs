//! Static roles.

use std::time::Duration;

use super::super::StaticRole;
use super::{HOUR, World};
use crate::api::Method;
use crate::error::ErrorKind;
use crate::session::Databases;

fn works(world: &World, database: &Databases, role: &str) -> String {
    let credentials = database.static_credentials(role).expect("credentials");
    assert!(
        world
            .fake
            .lets_in(&credentials.username, &credentials.password)
    );
    credentials.username.clone()
}

#[test]
fn a_password_is_changed_at_once_and_then_on_time() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let database = world.database();
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    database
        .write_static_role("app-report", &role)
        .expect("written");
    let first = database
        .static_credentials("app-report")
        .expect("credentials");
    assert!(world.fake.lets_in("report", &first.password));
    assert_eq!(first.ttl, HOUR);
    world.pass(HOUR - Duration::from_secs(1));
    world.vault.tick().expect("ticked");
    assert!(world.fake.lets_in("report", &first.password), "not yet");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.vault.tick().expect("ticked"), 1);
    assert!(!world.fake.lets_in("report", &first.password));
    works(&world, &database, "app-report");
    database.rotate_static_role("app-report").expect("by hand");
    works(&world, &database, "app-report");
}

#[test]
fn the_door_answers_as_vault_does() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let body = r#"{"db_name":"app","username":"report","rotation_period":"1h"}"#;
    let (status, reply) = world.ask(Method::Post, "database/static-roles/app-s", body);
    assert_eq!(status, 204, "{reply}");
    let (_, reply) = world.ask(Method::Get, "database/static-roles/app-s", "");
    let data = &reply["data"];
    assert_eq!(data["username"], "report");
    assert_eq!(data["rotation_period"], 3_600);
    assert_eq!(data["last_vault_rotation"], "2023-11-14T22:13:20Z");
    let (status, reply) = world.ask(Method::Get, "database/static-creds/app-s", "");
    assert_eq!(status, 200);
    assert_eq!(reply["lease_id"], "");
    assert_eq!(reply["data"]["username"], "report");
    assert_eq!(reply["data"]["ttl"], 3_600);
    let (status, _) = world.ask(Method::Post, "database/rotate-role/app-s", "{}");
    assert_eq!(status, 204);
    let (status, _) = world.ask(Method::Delete, "database/static-roles/app-s", "");
    assert_eq!(status, 204);
    assert_eq!(
        world.ask(Method::Get, "database/static-creds/app-s", "").0,
        404
    );
}

#[test]
fn what_failed_is_tried_again_with_the_same_password() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let database = world.database();
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    world.fake.set_down(true);
    let error = database
        .write_static_role("app-s", &role)
        .expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        database.static_credentials("app-s").is_err(),
        "never changed so far"
    );
    world.fake.set_down(false);
    world.pass(Duration::from_secs(59));
    world.vault.tick().expect("ticked");
    assert!(database.static_credentials("app-s").is_err());
    world.pass(Duration::from_secs(1));
    world.vault.tick().expect("ticked");
    works(&world, &database, "app-s");
}

#[test]
fn a_rotation_that_cannot_begin_is_tried_again_later() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let database = world.database();
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    database.write_static_role("app-s", &role).expect("written");
    database.delete_connection("app").expect("deleted");
    world.pass(HOUR);
    world.vault.tick().expect_err("no connection");
    world.vault.tick().expect("not tried again at once");
    world.pass(Duration::from_secs(60));
    world.vault.tick().expect_err("still none");
    database
        .configure("app", &super::connection())
        .expect("configured");
    world.pass(Duration::from_secs(60));
    world.vault.tick().expect("ticked");
    works(&world, &database, "app-s");
}

#[test]
fn users_who_take_turns_shut_nobody_out() {
    let world = World::new();
    for name in ["web_a", "web_b"] {
        world.fake.add_user(name, "known to all");
    }
    let database = world.database();
    let role = StaticRole::dual("app", "web_a", "web_b", HOUR / 4).rotation_period(HOUR);
    database
        .write_static_role("app-web", &role)
        .expect("written");
    let mut before = database.static_credentials("app-web").expect("credentials");
    for turn in 0..4 {
        let early = database
            .rotate_static_role("app-web")
            .expect_err("in its grace");
        assert_eq!(early.kind(), ErrorKind::InvalidArgument);
        world.pass(HOUR);
        world.vault.tick().expect("ticked");
        let now = database.static_credentials("app-web").expect("credentials");
        assert_ne!(now.username, before.username, "turn {turn}");
        assert!(world.fake.lets_in(&now.username, &now.password));
        assert!(
            world.fake.lets_in(&before.username, &before.password),
            "turn {turn}: a program with the last password works on"
        );
        before = now;
    }
    world.pass(HOUR / 4);
    database
        .rotate_static_role("app-web")
        .expect("after its grace");
    works(&world, &database, "app-web");
}

#[test]
fn a_role_keeps_its_users() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    world.fake.add_user("other", "known to all");
    let database = world.database();
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    database.write_static_role("app-s", &role).expect("written");
    let other = StaticRole::new("app", "other").rotation_period(HOUR);
    let error = database
        .write_static_role("app-s", &other)
        .expect_err("another user");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let slower = StaticRole::default().rotation_period(2 * HOUR);
    database
        .write_static_role("app-s", &slower)
        .expect("slower");
    world.pass(HOUR);
    assert_eq!(world.vault.tick().expect("ticked"), 0);
    world.pass(HOUR);
    assert_eq!(world.vault.tick().expect("ticked"), 1);
    let taken = database
        .write_role("app-s", &super::Role::new("app"))
        .expect_err("taken");
    assert_eq!(taken.kind(), ErrorKind::InvalidArgument);
}
