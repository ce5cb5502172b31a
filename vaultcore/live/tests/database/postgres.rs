//! Credentials of PostgreSQL.

use vaultcore::database::Role;
use vaultcore::{ErrorKind, LeaseState};

use crate::proxy::Proxy;
use crate::world::{HOUR, World, role, server};

#[test]
fn credentials_log_in_until_their_lease_ends() {
    let Some(server) = server("postgres_lease") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let credentials = world.database().credentials("reader").unwrap();
    assert!(server.knows(&credentials));
    let mut session = server
        .login(credentials.username(), credentials.password().expose())
        .unwrap();
    let until = |server: &crate::world::Server| -> String {
        let query = "SELECT extract(epoch FROM rolvaliduntil)::bigint::text FROM pg_roles \
                     WHERE rolname = $1";
        let row = server.admin().query_one(query, &[&credentials.username()]);
        row.unwrap().get(0)
    };
    let seconds = |moment: vaultcore::Timestamp| (moment.as_micros() / 1_000_000 + 5).to_string();
    assert_eq!(until(&server), seconds(credentials.expires()));
    credentials.renew(Some(5 * HOUR)).unwrap();
    assert_eq!(until(&server), seconds(credentials.expires()));

    world.pass(5 * HOUR);
    assert_eq!(world.vault.tick().unwrap(), 1);
    assert!(!server.knows(&credentials));
    assert!(!server.has_role(credentials.username()));
    assert!(
        session.simple_query("SELECT 1").is_err(),
        "who was logged in is out, too"
    );
}

#[test]
fn a_revoked_credential_takes_its_grants_along() {
    let Some(server) = server("postgres_grants") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let process = std::process::id();
    let schemas = [
        format!("plain_{process}"),
        format!("it's \"quoted\"; DROP TABLE x; -- {process}"),
    ];
    let mut admin = server.admin();
    let mut creation = vec![
        "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}'".to_owned(),
        "GRANT TEMPORARY ON DATABASE postgres TO \"{{name}}\"".to_owned(),
    ];
    for schema in &schemas {
        let schema = format!("\"{}\"", schema.replace('"', "\"\""));
        let make = format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (a int, b int); \
             CREATE SEQUENCE {schema}.s; \
             CREATE FUNCTION {schema}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        );
        admin.batch_execute(&make).unwrap();
        creation.push(format!(
            "GRANT USAGE ON SCHEMA {schema} TO \"{{{{name}}}}\"; \
             GRANT SELECT, INSERT ON {schema}.t TO \"{{{{name}}}}\"; \
             GRANT UPDATE (a) ON {schema}.t TO \"{{{{name}}}}\"; \
             GRANT USAGE ON SEQUENCE {schema}.s TO \"{{{{name}}}}\"; \
             GRANT EXECUTE ON FUNCTION {schema}.f() TO \"{{{{name}}}}\""
        ));
    }
    world
        .database()
        .write_role("all", &Role::new("app").creation(creation))
        .unwrap();
    let credentials = world.database().credentials("all").unwrap();
    assert!(server.knows(&credentials));
    let name = credentials.username().to_owned();
    credentials.revoke().unwrap();
    assert!(!server.has_role(&name));
    for schema in &schemas {
        let schema = format!("\"{}\"", schema.replace('"', "\"\""));
        admin
            .batch_execute(&format!("DROP SCHEMA {schema} CASCADE"))
            .unwrap();
    }
}

#[test]
fn grants_of_every_kind_are_taken_back() {
    let Some(server) = server("postgres_all_grants") else {
        return;
    };
    for right in ["SUPERUSER", "CREATEROLE"] {
        let admin = server.new_admin_with(right);
        let boss = &admin.0;
        let mut session = server.login(boss, &admin.1).unwrap();
        let schema = format!("CREATE SCHEMA {boss} AUTHORIZATION {boss}");
        server.admin().batch_execute(&schema).unwrap();
        let kinds = format!(
            "CREATE TYPE {boss}.mood AS ENUM ('sad', 'ok'); CREATE TABLE {boss}.t (a int); \
             CREATE DOMAIN {boss}.small AS int"
        );
        session.batch_execute(&kinds).unwrap();
        let creation = [
            "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}'".to_owned(),
            format!("GRANT USAGE ON SCHEMA {boss} TO \"{{{{name}}}}\""),
            format!("GRANT USAGE ON TYPE {boss}.mood TO \"{{{{name}}}}\""),
            format!("GRANT USAGE ON TYPE {boss}.small TO \"{{{{name}}}}\""),
            format!("GRANT SELECT ON {boss}.t TO \"{{{{name}}}}\""),
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO \"{{name}}\"".to_owned(),
            format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {boss} \
                 GRANT EXECUTE ON FUNCTIONS TO \"{{{{name}}}}\""
            ),
        ];
        let world = World::new(&server.connection(&admin));
        let role = Role::new("app").creation(creation);
        world.database().write_role("every", &role).unwrap();
        let credentials = world.database().credentials("every").unwrap();
        let (name, password) = (credentials.username(), credentials.password().expose());
        let mut user = server.login(name, password).unwrap();
        let read = format!("SELECT count(*) FROM {boss}.t");
        user.batch_execute(&read).unwrap();
        let leases = world.owner().leases();
        // The session of the user may take its time to end, which its grants wait for.
        insist(|| {
            let revoked = leases.revoke(credentials.lease_id());
            revoked.map_err(|error| error.to_string())
        });
        assert!(user.simple_query("SELECT 1").is_err(), "who was in is out");
        assert!(!server.has_role(name), "{right}");
        session.batch_execute(&read).unwrap();
    }
}

#[test]
fn statements_that_fail_leave_nothing() {
    let Some(server) = server("postgres_broken") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let database = world.database();
    let before = roles_made(&server);
    for creation in [
        "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}'; GRANT nothing TO \"{{name}}\"",
        "CREATE ROLE \"{{name}}\"; SELECT 1/0",
        "no statement",
        "CREATE ROLE {{name}}",
    ] {
        database
            .write_role("bad", &role().creation([creation]))
            .unwrap();
        let error = database.credentials("bad").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{creation}");
        assert_eq!(roles_made(&server), before, "{creation}");
    }
    assert_eq!(world.owner().leases().count().unwrap(), 0);
    let unknown = role().creation(["CREATE ROLE \"{{other}}\""]);
    let refused = database.write_role("bad", &unknown).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

/// The names of all roles that were made for `bad`.
fn roles_made(server: &crate::world::Server) -> usize {
    let query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-owner-bad-%'";
    server.admin().query(query, &[]).unwrap().len()
}

#[test]
fn own_statements_revoke_and_renew() {
    let Some(server) = server("postgres_statements") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let role = role()
        .renewal(["ALTER ROLE \"{{name}}\" CONNECTION LIMIT 7"])
        .revocation(["ALTER ROLE \"{{name}}\" NOLOGIN"]);
    world.database().write_role("own", &role).unwrap();
    let credentials = world.database().credentials("own").unwrap();
    credentials.renew(None).unwrap();
    let name = credentials.username().to_owned();
    let query = "SELECT rolconnlimit, rolcanlogin FROM pg_roles WHERE rolname = $1";
    let row = server.admin().query_one(query, &[&name]).unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, bool>(1)), (7, true));
    // The statements of when it was made hold.
    world
        .database()
        .write_role("own", &Role::new("app").revocation(["broken"]))
        .unwrap();
    credentials.revoke().unwrap();
    let row = server.admin().query_one(query, &[&name]).unwrap();
    assert!(!row.get::<_, bool>(1));
    let drop = format!("DROP OWNED BY \"{name}\"; DROP ROLE \"{name}\"");
    insist(|| {
        let dropped = server.admin().batch_execute(&drop);
        dropped.map_err(|error| format!("{error:?}"))
    });
}

/// Does it over until it succeeds: other tests change the same rows of the catalogue meanwhile, and
/// the server answers that they were `concurrently updated`.
fn insist(mut work: impl FnMut() -> Result<(), String>) {
    for _ in 0..50 {
        match work() {
            Ok(()) => return,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    work().unwrap();
}

/// What others have put on the way to the system's functions and operators runs as whoever calls it:
/// the driver calls none of it.
#[test]
fn what_lies_on_the_search_path_is_not_run() {
    let Some(server) = server("postgres_path") else {
        return;
    };
    let boss = server.new_admin();
    let trap = format!("trap_{}", std::process::id());
    let body = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$";
    let mut admin = server.admin();
    let mut run = |text: String| admin.batch_execute(&text).unwrap();
    run(format!("CREATE SCHEMA {trap}"));
    for (name, arguments, returns) in [
        ("pg_advisory_xact_lock", "int", "void"),
        ("pg_terminate_backend", "int", "boolean"),
        ("is", "oid, regclass", "boolean"),
        ("unlike", "name, name", "boolean"),
    ] {
        run(format!(
            "CREATE FUNCTION {trap}.{name}({arguments}) RETURNS {returns} {body}"
        ));
    }
    run(format!(
        "CREATE OPERATOR {trap}.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = {trap}.is)"
    ));
    run(format!(
        "CREATE OPERATOR {trap}.!~~ (LEFTARG = name, RIGHTARG = name, FUNCTION = {trap}.unlike)"
    ));
    run(format!(
        "CREATE FUNCTION {trap}.mark() RETURNS void LANGUAGE sql AS ''"
    ));
    run(format!(
        "ALTER ROLE {} SET search_path = {trap}, public",
        boss.0
    ));
    let world = World::new(&server.connection(&boss));
    let database = world.database();
    let credentials = database.credentials("reader").unwrap();
    credentials.renew(None).unwrap();
    let name = credentials.username().to_owned();
    credentials.revoke().unwrap();
    assert!(!server.has_role(&name));
    // The statements of a role look up what they name where they did.
    let own =
        role().revocation(["SELECT mark(); DROP OWNED BY \"{{name}}\"; DROP ROLE \"{{name}}\""]);
    database.write_role("own", &own).unwrap();
    let credentials = database.credentials("own").unwrap();
    let name = credentials.username().to_owned();
    credentials.revoke().unwrap();
    assert!(!server.has_role(&name));
    run(format!("DROP SCHEMA {trap} CASCADE"));
}

#[test]
fn rotating_the_root_ends_the_old_password() {
    let Some(server) = server("postgres_root") else {
        return;
    };
    let admin = server.new_admin();
    let world = World::new(&server.connection(&admin));
    world.database().rotate_root("app").unwrap();
    assert!(!server.lets_in(&admin.0, &admin.1));
    let credentials = world.database().credentials("reader").unwrap();
    assert!(server.knows(&credentials));
    world.database().rotate_root("app").unwrap();
    credentials.revoke().unwrap();
}

#[test]
fn a_rotation_whose_answer_is_lost_is_finished() {
    let Some(server) = server("postgres_root_lost") else {
        return;
    };
    let proxy = Proxy::to(server.config().get_ports()[0]);
    let mut unfinished = 0;
    for bytes in [1, 60, 150, 200, 240, 270, 300] {
        let admin = server.new_admin();
        let connection = server.connection_at(Some(proxy.port), (&admin.0, &admin.1));
        let world = World::new(&connection);
        proxy.cut_after(bytes);
        unfinished += usize::from(world.database().rotate_root("app").is_err());
        proxy.set_cut(false);
        let credentials = world.database().credentials("reader").unwrap();
        assert!(server.knows(&credentials), "whichever password is in force");
        world.database().rotate_root("app").unwrap();
        assert!(!server.lets_in(&admin.0, &admin.1), "after {bytes} bytes");
        credentials.revoke().unwrap();
    }
    assert!(unfinished >= 4, "{unfinished}");
}

#[test]
fn a_server_that_is_cut_off_at_any_step_leaves_no_orphan() {
    let Some(server) = server("postgres_cut") else {
        return;
    };
    let proxy = Proxy::to(server.config().get_ports()[0]);
    let admin = server.new_admin();
    let connection = server.connection_at(Some(proxy.port), (&admin.0, &admin.1));
    let world = World::new(&connection);
    world.database().write_role("cutter", &role()).unwrap();
    let query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-owner-cutter-%'";
    let (mut failed, mut made) = (0, 0);
    for step in 0..40 {
        proxy.cut_after(step * 23);
        match world.database().credentials("cutter") {
            Ok(credentials) => {
                made += 1;
                proxy.set_cut(true);
                let error = credentials.revoke().unwrap_err();
                assert!(matches!(
                    error.kind(),
                    ErrorKind::Unavailable | ErrorKind::Timeout
                ));
            }
            Err(_) => failed += 1,
        }
        proxy.set_cut(false);
        world.pass(HOUR);
        world.vault.tick().unwrap();
        let left = server.admin().query(query, &[]).unwrap();
        assert!(
            left.is_empty(),
            "step {step}: {} roles without a lease",
            left.len()
        );
        assert_eq!(world.owner().leases().count().unwrap(), 0, "step {step}");
    }
    assert!(failed > 10 && made > 0, "{failed} failed, {made} made");
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let Some(server) = server("postgres_down") else {
        return;
    };
    let connection = server
        .connection_at(Some(1), ("nobody", "none"))
        .verify(false);
    let world = World::new(&connection);
    let error = world.database().credentials("reader").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let wrong = server.connection(&("nobody".to_owned(), "none".to_owned()));
    let error = world.database().configure("app", &wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("28P01"), "{error}");
}

#[test]
fn what_a_user_owns_is_not_dropped_with_it() {
    let Some(server) = server("postgres_owner") else {
        return;
    };
    let world = World::new(&server.connection(&server.new_admin()));
    let credentials = world.database().credentials("reader").unwrap();
    let (name, id) = (
        credentials.username().to_owned(),
        credentials.lease_id().to_owned(),
    );
    let table = format!("owned_{}", std::process::id());
    let make = format!("CREATE TABLE {table} (a int); ALTER TABLE {table} OWNER TO \"{name}\"");
    server.admin().batch_execute(&make).unwrap();
    let password = credentials.password().expose().to_owned();
    let mut session = server.login(&name, &password).unwrap();
    let error = credentials.revoke().unwrap_err();
    assert!(error.to_string().contains("2BP01"), "{error}"); // dependent objects still exist
    assert!(
        !server.lets_in(&name, &password),
        "it is locked out all the same"
    );
    assert!(
        session.simple_query("SELECT 1").is_err(),
        "and who was in is out"
    );
    let info = world.owner().leases().lookup(&id).unwrap();
    assert_eq!(info.state, LeaseState::Revoking);
    server
        .admin()
        .batch_execute(&format!("DROP TABLE {table}"))
        .unwrap();
    world.pass(HOUR);
    world.vault.tick().unwrap();
    assert!(!server.has_role(&name));
}

#[test]
fn it_works_inside_an_asynchronous_runtime() {
    let Some(server) = server("postgres_tokio") else {
        return;
    };
    let connection = server.connection(&server.new_admin());
    // What the client forbids in a runtime's thread we do in our own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(&connection);
        let credentials = world.database().credentials("reader").unwrap();
        credentials.revoke().unwrap();
    });
}

#[test]
fn tls_checks_the_server() {
    let (Some(server), Ok(ca)) = (
        server("postgres_tls"),
        std::env::var("VAULTCORE_POSTGRES_CA"),
    ) else {
        return;
    };
    let admin = server.new_admin();
    let good = server.connection(&admin).option("tls_ca", &ca);
    let world = World::new(&good);
    let credentials = world.database().credentials("reader").unwrap();
    assert!(server.knows(&credentials));
    let used = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                WHERE ssl AND usename = $1";
    let count: i64 = server.admin().query_one(used, &[&admin.0]).unwrap().get(0);
    assert!(count > 0, "the connection is encrypted");

    let other = other_certificate();
    let refused = world
        .database()
        .configure("app", &good.clone().option("tls_ca", other));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    let broken = world
        .database()
        .configure("app", &good.option("tls_ca", "no PEM"));
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// A certificate that vouches for nobody here.
pub(crate) fn other_certificate() -> String {
    let out = std::process::Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        ])
        .args(["-subj", "/CN=other", "-keyout", "/dev/null"])
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap()
}
