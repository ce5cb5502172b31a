//! Credentials of MariaDB.

use std::io::Write;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder};
use vaultcore::database::{Connection, Role, StaticRole};
use vaultcore::{ErrorKind, SecretString};

use crate::proxy::Proxy;
use crate::world::{HOUR, World};

const CREATION: &str = "CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'; \
                        GRANT SELECT ON *.* TO '{{name}}'@'%'";

pub(crate) struct Server {
    opts: Opts,
}

pub(crate) fn server(test: &str) -> Option<Server> {
    let Ok(url) = std::env::var("VAULTCORE_MARIADB") else {
        let line = format!("\nSKIPPED {test}: VAULTCORE_MARIADB names no server\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
        return None;
    };
    let opts = Opts::from_url(&url).unwrap();
    Some(Server { opts })
}

impl Server {
    fn admin(&self) -> Conn {
        Conn::new(self.opts.clone()).unwrap()
    }

    pub(crate) fn execute(&self, statement: &str) {
        self.admin().query_drop(statement).unwrap();
    }

    fn lets_in(&self, name: &str, password: &str) -> bool {
        self.login(name, password).is_ok()
    }

    fn login(&self, name: &str, password: &str) -> mysql::Result<Conn> {
        let opts = OptsBuilder::from_opts(self.opts.clone());
        let opts = opts
            .user(Some(name))
            .pass(Some(password))
            .db_name(None::<&str>);
        Conn::new(opts.prefer_socket(false))
    }

    /// The users whose names begin so.
    pub(crate) fn users(&self, prefix: &str) -> usize {
        let query = "SELECT user FROM mysql.user WHERE user LIKE ?";
        let found: Vec<String> = self.admin().exec(query, (format!("{prefix}%"),)).unwrap();
        found.len()
    }

    /// How many sessions of a login there are.
    pub(crate) fn sessions_of(&self, name: &str) -> usize {
        let query = "SELECT id FROM information_schema.processlist WHERE user = ?";
        let found: Vec<u64> = self.admin().exec(query, (name,)).unwrap();
        found.len()
    }

    pub(crate) fn connection(&self, port: Option<u16>) -> Connection {
        let port = port.unwrap_or_else(|| self.opts.get_tcp_port());
        let url = format!("{{{{username}}}}:{{{{password}}}}@tcp(127.0.0.1:{port})/");
        let (name, password) = (self.opts.get_user().unwrap(), self.opts.get_pass().unwrap());
        Connection::new("mysql-database-plugin", url)
            .login(name, SecretString::copy_from(password))
            .allowed_roles(["*"])
    }

    fn world(&self, port: Option<u16>) -> World {
        World::new(&self.connection(port))
    }
}

pub(crate) fn role() -> Role {
    Role::new("app").creation([CREATION]).default_ttl(HOUR)
}

#[test]
fn credentials_log_in_until_their_lease_ends() {
    let Some(server) = server("mariadb_lease") else {
        return;
    };
    let world = server.world(None);
    world.database().write_role("reader", &role()).unwrap();
    let credentials = world.database().credentials("reader").unwrap();
    let (name, password) = (credentials.username(), credentials.password().expose());
    assert!(name.len() <= 32, "{name}");
    let mut session = server.login(name, password).unwrap();
    credentials.renew(Some(2 * HOUR)).unwrap();
    world.pass(2 * HOUR);
    assert_eq!(world.vault.tick().unwrap(), 1);
    assert!(!server.lets_in(name, password));
    assert_eq!(server.users(name), 0);
    assert!(session.ping().is_err(), "who was logged in is out, too");
}

#[test]
fn statements_that_fail_leave_nothing() {
    let Some(server) = server("mariadb_broken") else {
        return;
    };
    let world = server.world(None);
    for creation in [
        "CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'; GRANT nothing ON *.* TO x",
        "no statement",
    ] {
        world
            .database()
            .write_role("bad", &role().creation([creation]))
            .unwrap();
        let error = world.database().credentials("bad").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{creation}");
        assert_eq!(server.users("v-owner-bad-"), 0, "{creation}");
    }
    assert_eq!(world.owner().leases().count().unwrap(), 0);
    let unknown = role().creation(["CREATE USER '{{other}}'"]);
    let refused = world.database().write_role("bad", &unknown).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_user_is_dropped_wherever_it_may_log_in_from() {
    let Some(server) = server("mariadb_hosts") else {
        return;
    };
    let world = server.world(None);
    let creation = [
        "CREATE USER '{{name}}'@'127.0.0.1' IDENTIFIED BY '{{password}}'",
        "CREATE USER '{{name}}'@'10.0.%' IDENTIFIED BY '{{password}}'",
    ];
    let broken = [creation[1], "GRANT nothing ON *.* TO x"];
    let database = world.database();
    database
        .write_role("hosts", &role().creation(creation))
        .unwrap();
    database
        .write_role("hosts-bad", &role().creation(broken))
        .unwrap();
    let credentials = database.credentials("hosts").unwrap();
    let name = credentials.username().to_owned();
    assert_eq!(server.users(&name), 2);
    credentials.revoke().unwrap();
    assert_eq!(server.users(&name), 0);
    database.credentials("hosts-bad").unwrap_err();
    assert_eq!(server.users("v-owner-hosts-bad-"), 0);
}

/// Who may not look at the users drops the usual one, and is told of what it cannot know.
#[test]
fn a_login_that_is_not_shown_the_users_does_not_pass_over_one() {
    let Some(server) = server("mariadb_blind") else {
        return;
    };
    let boss = format!("blind_{}", std::process::id());
    server.execute(&format!("CREATE USER '{boss}'@'%' IDENTIFIED BY 'first'"));
    server.execute(&format!("GRANT CREATE USER ON *.* TO '{boss}'@'%'"));
    let password = vaultcore::SecretString::copy_from("first");
    let world = World::new(&server.connection(None).login(&boss, password));
    let database = world.database();
    let make = |host: &str| {
        let create =
            format!("CREATE USER '{{{{name}}}}'@'{host}' IDENTIFIED BY '{{{{password}}}}'");
        let written = database.write_role("blind", &role().creation([create]));
        written.unwrap();
        database.credentials("blind").unwrap()
    };
    let usual = make("%");
    let name = usual.username().to_owned();
    usual.revoke().unwrap();
    assert_eq!(server.users(&name), 0);
    let other = make("10.0.%");
    let name = other.username().to_owned();
    let error = other.revoke().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(server.users(&name), 1);
    assert_eq!(world.owner().leases().count().unwrap(), 1);
    server.execute(&format!("DROP USER '{name}'@'10.0.%'"));
    server.execute(&format!("DROP USER '{boss}'@'%'"));
}

#[test]
fn rotating_the_root_ends_the_old_password() {
    let Some(server) = server("mariadb_root") else {
        return;
    };
    let boss = format!("boss_{}", std::process::id());
    let make = [
        format!("CREATE USER '{boss}'@'%' IDENTIFIED BY 'first'"),
        format!("GRANT ALL PRIVILEGES ON *.* TO '{boss}'@'%' WITH GRANT OPTION"),
    ];
    for statement in make {
        server.admin().query_drop(statement).unwrap();
    }
    let connection = server
        .connection(None)
        .login(&boss, SecretString::copy_from("first"));
    let world = World::new(&connection);
    world.database().write_role("reader", &role()).unwrap();
    world.database().rotate_root("app").unwrap();
    assert!(!server.lets_in(&boss, "first"));
    let credentials = world.database().credentials("reader").unwrap();
    assert!(server.lets_in(credentials.username(), credentials.password().expose()));
    credentials.revoke().unwrap();
}

#[test]
fn hostile_names_are_names_or_refused() {
    let Some(server) = server("mariadb_names") else {
        return;
    };
    let world = server.world(None);
    server
        .admin()
        .query_drop("CREATE TABLE IF NOT EXISTS mysql.keep_me (a int)")
        .unwrap();
    let mut taken = 0;
    for (number, name) in [
        "it's",
        "say \"hi\"",
        "x'; DROP TABLE keep_me; --",
        "x\"; DROP TABLE keep_me; #",
        "x`y",
        "back\\",
        "/* x",
        "\u{fc}ml\u{e4}ut",
        "{{password}}",
    ]
    .iter()
    .enumerate()
    {
        let quoted = name.replace('\\', "\\\\").replace('\'', "''");
        let make = format!("CREATE OR REPLACE USER '{quoted}'@'%' IDENTIFIED BY 'old'");
        server.admin().query_drop(make).unwrap();
        let role = StaticRole::new("app", *name).rotation_period(HOUR);
        let known = format!("static-{number}");
        if world.database().write_static_role(&known, &role).is_ok() {
            taken += 1;
            let credentials = world.database().static_credentials(&known).unwrap();
            assert!(
                server.lets_in(name, credentials.password.expose()),
                "{name}"
            );
            assert!(!server.lets_in(name, "old"), "{name}");
        } else {
            assert!(name.contains('\\'), "{name}");
            assert!(server.lets_in(name, "old"), "{name}");
        }
        server
            .admin()
            .query_drop(format!("DROP USER '{quoted}'@'%'"))
            .unwrap();
    }
    assert_eq!(taken, 8);
    server
        .admin()
        .query_drop("SELECT * FROM mysql.keep_me")
        .unwrap();
}

#[test]
fn a_server_that_is_cut_off_at_any_step_leaves_no_orphan() {
    let Some(server) = server("mariadb_cut") else {
        return;
    };
    let proxy = Proxy::to(server.opts.get_tcp_port());
    let world = server.world(Some(proxy.port));
    world.database().write_role("cutter", &role()).unwrap();
    let (mut failed, mut made) = (0, 0);
    for step in 0..30 {
        proxy.cut_after(step * 17);
        match world.database().credentials("cutter") {
            Ok(_) => made += 1,
            Err(_) => failed += 1,
        }
        proxy.set_cut(false);
        world.pass(HOUR + Duration::from_secs(60));
        world.vault.tick().unwrap();
        assert_eq!(server.users("v-owner-cutter-"), 0, "step {step}");
        assert_eq!(world.owner().leases().count().unwrap(), 0, "step {step}");
    }
    assert!(failed > 5 && made > 0, "{failed} failed, {made} made");
}

#[test]
fn tls_checks_the_server() {
    let (Some(server), Ok(ca)) = (server("mariadb_tls"), std::env::var("VAULTCORE_MARIADB_CA"))
    else {
        return;
    };
    let world = World::new(&server.connection(None).option("tls_ca", &ca));
    world
        .database()
        .write_role(
            "reader",
            &role()
                .creation(["CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}' REQUIRE SSL"]),
        )
        .unwrap();
    let credentials = world.database().credentials("reader").unwrap();
    let (name, password) = (credentials.username(), credentials.password().expose());
    assert!(!server.lets_in(name, password), "in clear");
    credentials.revoke().unwrap();
    let other = crate::postgres::other_certificate();
    let refused = server.connection(None).option("tls_ca", other);
    let error = world.database().configure("app", &refused).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn a_login_that_takes_a_certificate_is_shown_one() {
    let (Some(server), Ok(ca), Ok(client)) = (
        server("mariadb_client"),
        std::env::var("VAULTCORE_MARIADB_CA"),
        std::env::var("VAULTCORE_MARIADB_CLIENT"),
    ) else {
        return;
    };
    let boss = format!("certified_{}", std::process::id());
    server.execute(&format!(
        "CREATE USER '{boss}'@'%' IDENTIFIED BY 'first' REQUIRE X509"
    ));
    server.execute(&format!(
        "GRANT ALL PRIVILEGES ON *.* TO '{boss}'@'%' WITH GRANT OPTION"
    ));
    let plain = server
        .connection(None)
        .login(&boss, SecretString::copy_from("first"))
        .option("tls_ca", &ca);
    let world = World::new(&plain.clone().verify(false));
    let error = world.database().configure("app", &plain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "without one");
    let (certificate, key) = client.split_at(client.rfind("-----BEGIN").unwrap());
    for shown in [
        plain.clone().option("tls_certificate_key", &client),
        plain
            .clone()
            .option("tls_certificate", certificate)
            .option("private_key", key),
    ] {
        let world = World::new(&shown);
        world.database().write_role("reader", &role()).unwrap();
        let credentials = world.database().credentials("reader").unwrap();
        assert!(server.lets_in(credentials.username(), credentials.password().expose()));
        credentials.revoke().unwrap();
    }
    let info = World::new(&plain.option("tls_certificate_key", &client));
    let info = info.database().connection("app").unwrap();
    assert!(
        !info.options.contains_key("tls_certificate_key"),
        "it holds a key"
    );
}
