//! Static roles whose passwords are changed by the calendar.

use std::time::Duration;

use super::super::StaticRole;
use super::{HOUR, World};
use crate::api::Method;
use crate::session::Databases;

/// The clock of the tests begins on Tuesday, 14 November 2023, at 22:13:20.
const NIGHTLY: &str = "30 2 * * *";

fn role() -> StaticRole {
    StaticRole::new("app", "report").rotation_schedule(NIGHTLY)
}

fn world(role: &StaticRole) -> (World, Databases) {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let database = world.database();
    database.write_static_role("app-s", role).expect("written");
    (world, database)
}

fn ticked(world: &World) -> usize {
    world.vault.tick().expect("ticked")
}

fn until(database: &Databases) -> Duration {
    let credentials = database.static_credentials("app-s").expect("credentials");
    credentials.ttl
}

#[test]
fn a_password_is_changed_by_the_calendar() {
    let (world, database) = world(&role());
    let to_first = Duration::from_secs(4 * 3_600 + 16 * 60 + 40);
    assert_eq!(
        until(&database),
        to_first,
        "changed at once, and then at 02:30"
    );
    let first = database.static_credentials("app-s").expect("credentials");
    assert_eq!(first.rotation_schedule.as_deref(), Some(NIGHTLY));
    assert_eq!(first.rotation_period, None);
    world.pass(to_first - Duration::from_secs(1));
    assert_eq!(ticked(&world), 0);
    assert!(world.fake.lets_in("report", &first.password));
    world.pass(Duration::from_secs(1));
    assert_eq!(ticked(&world), 1);
    assert!(!world.fake.lets_in("report", &first.password));
    assert_eq!(until(&database), 24 * HOUR);
    // By hand it changes nothing of the calendar.
    world.pass(HOUR);
    database.rotate_static_role("app-s").expect("by hand");
    assert_eq!(until(&database), 23 * HOUR);
    // Late is not missed, unless there is a window.
    world.pass(30 * HOUR);
    assert_eq!(ticked(&world), 1);
    assert_eq!(until(&database), 17 * HOUR);
}

#[test]
fn what_missed_its_window_waits_for_the_next_one() {
    let (world, database) = world(&role().rotation_window(2 * HOUR));
    let before = database.static_credentials("app-s").expect("credentials");
    assert_eq!(before.rotation_window, 2 * HOUR);
    world.pass(before.ttl + 2 * HOUR + Duration::from_secs(1));
    assert_eq!(ticked(&world), 0, "missed");
    assert!(world.fake.lets_in("report", &before.password));
    assert_eq!(until(&database), 22 * HOUR - Duration::from_secs(1));
    world.pass(24 * HOUR - Duration::from_secs(1));
    assert_eq!(ticked(&world), 1, "at the end of the window, but in it");
    assert!(!world.fake.lets_in("report", &before.password));
}

#[test]
fn what_has_begun_is_finished_after_its_window() {
    let (world, database) = world(&role().rotation_window(HOUR));
    world.pass(until(&database));
    world.fake.set_down(true);
    assert!(world.vault.tick().is_err(), "begun");
    world.fake.set_down(false);
    world.pass(3 * HOUR);
    assert_eq!(ticked(&world), 1);
    let now = database.static_credentials("app-s").expect("credentials");
    assert!(world.fake.lets_in("report", &now.password));
    assert_eq!(now.ttl, 21 * HOUR);
}

#[test]
fn a_schedule_takes_the_place_of_a_period_and_back() {
    let (world, database) = world(&StaticRole::new("app", "report").rotation_period(HOUR));
    let none = StaticRole::default();
    database
        .write_static_role("app-s", &none.clone().rotation_schedule("0 0 1 * *"))
        .expect("a schedule");
    world.pass(HOUR);
    assert_eq!(ticked(&world), 0);
    let role = database.static_role("app-s").expect("a role");
    assert_eq!(role.schedule.as_deref(), Some("0 0 1 * *"));
    assert_eq!(role.period, None);
    database
        .write_static_role("app-s", &none.clone().rotation_period(2 * HOUR))
        .expect("a period");
    assert_eq!(until(&database), HOUR);
    let both = none.rotation_period(HOUR).rotation_schedule(NIGHTLY);
    database
        .write_static_role("app-s", &both)
        .expect_err("one of the two");
    let role = database.static_role("app-s").expect("a role");
    assert_eq!((role.schedule, role.period), (None, Some(2 * HOUR)));
}

#[test]
fn users_who_take_turns_have_their_grace_between_any_two_times() {
    let world = World::new();
    for name in ["web_a", "web_b"] {
        world.fake.add_user(name, "known to all");
    }
    let database = world.database();
    let dual = |grace| StaticRole::dual("app", "web_a", "web_b", grace);
    let thrice = "0 1,3,8 * * *";
    database
        .write_static_role("app-web", &dual(2 * HOUR).rotation_schedule(thrice))
        .expect_err("two hours from one to three");
    database
        .write_static_role("app-web", &dual(HOUR).rotation_schedule(thrice))
        .expect("an hour");
    let mut before = database.static_credentials("app-web").expect("credentials");
    for _ in 0..5 {
        world.pass(before.ttl);
        assert_eq!(ticked(&world), 1);
        let now = database.static_credentials("app-web").expect("credentials");
        assert_ne!(now.username, before.username);
        assert!(world.fake.lets_in(&before.username, &before.password));
        before = now;
    }
}

#[test]
fn the_door_takes_schedules() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let path = "database/static-roles/app-s";
    for body in [
        r#"{"db_name":"app","username":"report","rotation_schedule":"* * * *"}"#,
        r#"{"db_name":"app","username":"report","rotation_schedule":"0 0 30 2 *"}"#,
        r#"{"db_name":"app","username":"report","rotation_schedule":""}"#,
        r#"{"db_name":"app","username":"report","rotation_schedule":"* * * * *","rotation_period":9}"#,
        r#"{"db_name":"app","username":"report","rotation_schedule":"* * * * *","rotation_window":"59m"}"#,
        r#"{"db_name":"app","username":"report","rotation_period":60,"rotation_window":"2h"}"#,
    ] {
        let (status, reply) = world.ask(Method::Post, path, body);
        assert_eq!(status, 400, "{body}: {reply}");
    }
    let body = r#"{"db_name":"app","username":"report","rotation_schedule":"0 * * * SAT",
        "rotation_window":"1h"}"#;
    let (status, reply) = world.ask(Method::Post, path, body);
    assert_eq!(status, 204, "{reply}");
    for path in [path, "database/static-creds/app-s"] {
        let (_, reply) = world.ask(Method::Get, path, "");
        let data = &reply["data"];
        assert_eq!(data["rotation_schedule"], "0 * * * SAT", "{path}");
        assert_eq!(data["rotation_window"], 3_600, "{path}");
        assert!(data["rotation_period"].is_null(), "{path}");
    }
}
