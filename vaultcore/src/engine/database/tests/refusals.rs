//! What a database or its driver refuses, what is refused before it is asked, and what is let go of.

use super::super::StaticRole;
use super::{HOUR, PLUGIN, World, connection};
use crate::api::Method;
use crate::error::ErrorKind;
use crate::vault::Vault;

fn shorter() -> &'static str {
    r#"length = 20
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" }"#
}

fn longer() -> &'static str {
    r#"length = 40
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" }"#
}

/// A world whose passwords are too short for its database.
fn strict() -> World {
    let world = World::new();
    let sys = world.owner().sys();
    sys.put_password_policy("app", shorter()).expect("written");
    let with_policy = connection().password_policy("app");
    let database = world.database();
    database.configure("app", &with_policy).expect("configured");
    world.fake.add_user("report", "known to all");
    world.fake.refuse_short_passwords(30);
    world
}

#[test]
fn a_password_that_was_refused_is_not_tried_for_ever() {
    let world = strict();
    let database = world.database();
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    let refused = database.write_static_role("app-s", &role);
    assert_eq!(
        refused.expect_err("short").kind(),
        ErrorKind::InvalidArgument
    );
    let refused = database.rotate_static_role("app-s");
    assert_eq!(
        refused.expect_err("short").kind(),
        ErrorKind::InvalidArgument
    );
    let sys = world.owner().sys();
    sys.put_password_policy("app", longer()).expect("written");
    database
        .rotate_static_role("app-s")
        .expect("by the policy of now");
    let credentials = database.static_credentials("app-s").expect("read");
    assert!(world.fake.lets_in("report", &credentials.password));
}

#[test]
fn a_root_password_that_was_refused_is_not_tried_for_ever() {
    let world = strict();
    let database = world.database();
    for _ in 0..2 {
        let refused = database.rotate_root("app");
        assert_eq!(
            refused.expect_err("short").kind(),
            ErrorKind::InvalidArgument
        );
    }
    let sys = world.owner().sys();
    sys.put_password_policy("app", longer()).expect("written");
    database.rotate_root("app").expect("by the policy of now");
    drop(database.credentials("app-reader").expect("made"));
}

#[test]
fn what_the_door_could_not_rotate_can_be_tried_again_at_once() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    let database = world.database();
    database.write_static_role("app-s", &role).expect("written");
    for path in ["database/rotate-role/app-s", "database/rotate-root/app"] {
        world.fake.set_down(true);
        assert_eq!(world.ask(Method::Post, path, "{}").0, 503, "{path}");
        world.fake.set_down(false);
        let (status, reply) = world.ask(Method::Post, path, "{}");
        assert_eq!(status, 204, "{path}: {reply}");
    }
}

#[test]
fn a_role_that_is_not_allowed_any_more_is_handed_out_nothing() {
    let world = World::new();
    world.fake.add_user("report", "known to all");
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    let database = world.database();
    database.write_static_role("app-s", &role).expect("written");
    database.static_credentials("app-s").expect("allowed");
    let others = connection().allowed_roles(["other"]);
    database.configure("app", &others).expect("configured");
    let refused = database
        .static_credentials("app-s")
        .expect_err("not allowed");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

#[cfg(feature = "postgres")]
#[test]
fn statements_are_checked_when_they_are_written() {
    use super::super::{Connection, Role};
    let world = World::new();
    let database = world.database();
    let url = "postgresql://{{username}}:{{password}}@127.0.0.1:9/app";
    let connection = Connection::new("postgresql-database-plugin", url)
        .allowed_roles(["*"])
        .verify(false);
    database.configure("pg", &connection).expect("stored");
    let role = || Role::new("pg").creation([r#"CREATE ROLE "{{name}}""#]);
    let bare = role().creation(["CREATE ROLE {{name}}"]); // some templates make such names
    let password = ["ALTER ROLE x PASSWORD '{{password}}'"];
    for (role, taken) in [
        (role(), true),
        (bare, true),
        (role().revocation([r#"DROP ROLE "{{name}}""#]), true),
        (role().renewal(["SELECT '{{expiration}}'"]), true),
        (role().creation(["CREATE ROLE {{naem}}"]), false),
        (role().creation(["CREATE ROLE 'it"]), false),
        (role().rollback(["DROP {{x}}"]), false),
        (role().renewal(password), false),
        (role().revocation(password), false),
    ] {
        let written = database.write_role("r", &role);
        assert_eq!(written.is_ok(), taken, "{role:?}");
    }
    let role = StaticRole::new("pg", "report").rotation_period(HOUR);
    let role = role.rotation_statements(["SELECT '{{expiration}}'"]);
    let refused = database.write_static_role("s", &role).expect_err("no end");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    let root = connection.clone().root_rotation_statements(["{{naem}}"]);
    assert!(database.configure("pg", &root).is_err());
    let misspelled = connection.option("tls_cca", "pem");
    let refused = database.configure("pg", &misspelled).expect_err("unknown");
    assert!(refused.to_string().contains("tls_cca"), "{refused}");
}

#[test]
fn a_vault_that_is_sealed_holds_no_database_open() {
    let world = World::new();
    let database = world.database();
    let credentials = database.credentials("app-reader").expect("made");
    assert_eq!(world.fake.logins(), 1);
    world.vault.seal().expect("sealed");
    assert_eq!(world.fake.logins(), 0);
    drop(credentials);
}

#[test]
fn what_other_processes_change_is_let_go_of() {
    let world = World::new();
    let builder = Vault::builder(std::sync::Arc::clone(&world.storage)).clock(world.clock.clone());
    let other = builder.database_driver(world.fake.clone());
    let other = other.build().expect("a vault");
    other.unseal(&world.init.shares()[0]).expect("unsealed");
    drop(world.database().credentials("app-reader").expect("made"));
    world.vault.tick().expect("ticked");
    assert_eq!(world.fake.logins(), 1, "it is kept");
    let owner = other.owner().expect("owner");
    let database = owner.database("database").expect("facade");
    database.configure("app", &connection()).expect("anew");
    world.vault.tick().expect("ticked");
    assert_eq!(world.fake.logins(), 0, "it is another connection by now");
    drop(world.database().credentials("app-reader").expect("made"));
    owner.sys().unmount("database").expect("unmounted");
    for vault in [&world.vault, &other] {
        vault.tick().expect("ticked");
    }
    assert_eq!(world.fake.logins(), 0, "{PLUGIN}: the mount is gone");
}
