//! Static roles of PostgreSQL, and names that were chosen to hurt.

use vaultcore::database::StaticRole;

use crate::world::{HOUR, World, server};

#[test]
fn hostile_names_are_names() {
    let Some(server) = server("postgres_names") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let database = world.database();
    let mut admin = server.admin();
    admin
        .batch_execute("CREATE TABLE IF NOT EXISTS keep_me (a int)")
        .unwrap();
    let process = std::process::id();
    for (number, name) in [
        "it's",
        "say \"hi\"",
        "x\"; DROP TABLE keep_me; --",
        "x'; DROP TABLE keep_me; --",
        "$$; DROP TABLE keep_me; $$",
        "/* x",
        "back\\slash\\'",
        "{{password}}",
        "with blanks and\ttabs",
        "\u{fc}ml\u{e4}ut \u{1f511}",
        "UPPER",
        "a;b",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("{name} {process}");
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        admin
            .batch_execute(&format!("CREATE ROLE {quoted} LOGIN PASSWORD 'old'"))
            .unwrap();
        let role = StaticRole::new("app", name.as_str()).rotation_period(HOUR);
        let known = format!("static-{number}");
        database
            .write_static_role(&known, &role)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let credentials = database.static_credentials(&known).unwrap();
        assert!(
            server.lets_in(&name, credentials.password.expose()),
            "{name}"
        );
        assert!(!server.lets_in(&name, "old"), "{name}");
        admin.batch_execute(&format!("DROP ROLE {quoted}")).unwrap();
    }
    admin.batch_execute("SELECT * FROM keep_me").unwrap();
}

#[test]
fn names_that_cannot_be_are_refused() {
    let Some(server) = server("postgres_no_names") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let database = world.database();
    for name in ["", "zero\0byte"] {
        let role = StaticRole::new("app", name).rotation_period(HOUR);
        database.write_static_role("bad", &role).unwrap_err();
    }
    // Where quoting cannot be told only plain names are taken.
    let role = StaticRole::new("app", "x'; DROP ROLE y; --")
        .rotation_period(HOUR)
        .rotation_statements(["DO $$ BEGIN EXECUTE 'ALTER ROLE {{name}}'; END $$"]);
    database.write_static_role("worse", &role).unwrap_err();
}

#[test]
fn passwords_change_on_time_and_users_take_turns() {
    let Some(server) = server("postgres_static") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let database = world.database();
    let process = std::process::id();
    let (first, second) = (format!("turn_a_{process}"), format!("turn_b_{process}"));
    for name in [&first, &second] {
        let make = format!("CREATE ROLE {name} LOGIN PASSWORD 'old'");
        server.admin().batch_execute(&make).unwrap();
    }
    let role = StaticRole::dual("app", first.as_str(), second.as_str(), HOUR / 2);
    database
        .write_static_role("turns", &role.rotation_period(HOUR))
        .unwrap();
    let mut before = database.static_credentials("turns").unwrap();
    for _ in 0..4 {
        world.pass(HOUR);
        world.vault.tick().unwrap();
        let now = database.static_credentials("turns").unwrap();
        assert_ne!(now.username, before.username);
        assert!(server.lets_in(&now.username, now.password.expose()));
        assert!(
            server.lets_in(&before.username, before.password.expose()),
            "in its grace"
        );
        before = now;
    }
}
