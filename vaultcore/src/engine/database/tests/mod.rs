//! The rules of the engine, clause by clause, on the fake.

mod apart;
mod creds;
mod fences;
mod names;
mod passwords;
mod refusals;
mod schedules;
mod statics;

use std::sync::Arc;
use std::time::Duration;

use super::{Connection, Fake, Role};
use crate::api::{ApiRequest, Method};
use crate::clock::{ManualClock, Timestamp};
use crate::engine::sys::NewMount;
use crate::error::ErrorKind;
use crate::seal::NewSlot;
use crate::secret::SecretString;
use crate::session::{Databases, Session};
use crate::storage::{Memory, Storage};
use crate::vault::{Init, Vault};

const HOUR: Duration = Duration::from_secs(3_600);
const PLUGIN: &str = "fake-database-plugin";

/// A vault with a connection `app`, whose roles are `app-*`, and a role `app-reader`.
struct World {
    vault: Vault,
    fake: Fake,
    clock: Arc<ManualClock>,
    init: Init,
    storage: Arc<dyn Storage>,
}

impl World {
    fn new() -> Self {
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let clock = Arc::new(ManualClock::new(start));
        let fake = Fake::new();
        let storage: Arc<dyn Storage> = Arc::new(Memory::new());
        let builder = Vault::builder(Arc::clone(&storage)).clock(clock.clone());
        let vault = builder
            .database_driver(fake.clone())
            .build()
            .expect("a vault");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let world = Self {
            vault,
            fake,
            clock,
            init,
            storage,
        };
        let new = NewMount::new("database");
        world.owner().sys().mount("database", new).expect("mounted");
        world
            .database()
            .configure("app", &connection())
            .expect("configured");
        let role = Role::new("app").default_ttl(HOUR).max_ttl(3 * HOUR);
        world
            .database()
            .write_role("app-reader", &role)
            .expect("a role");
        world
    }

    fn owner(&self) -> Session {
        self.vault.owner().expect("owner")
    }

    fn database(&self) -> Databases {
        self.owner().database("database").expect("facade")
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn ask(&self, method: Method, path: &str, body: &str) -> (u16, serde_json::Value) {
        let root = self.init.root_token().expose();
        let request = ApiRequest::new(method, path)
            .token(root)
            .body(body.as_bytes());
        let response = self.vault.handle(&request);
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status(), body)
    }
}

fn connection() -> Connection {
    let password = SecretString::copy_from("canary-first");
    Connection::new(PLUGIN, "fake://{{username}}:{{password}}@db")
        .login("admin", password)
        .allowed_roles(["app-*"])
}

#[test]
fn a_connection_is_shown_without_its_password() {
    let world = World::new();
    let body = format!(
        r#"{{"plugin_name":"{PLUGIN}","connection_url":"fake://root:canary-url@db/x",
            "username":"root","password":"canary-pass","allowed_roles":"a,b",
            "tls_ca":"pem","private_key":"canary-key","max_open_connections":2}}"#
    );
    let (status, reply) = world.ask(Method::Post, "database/config/two", &body);
    assert_eq!(status, 204, "{reply}");
    let (status, reply) = world.ask(Method::Get, "database/config/two", "");
    assert_eq!(status, 200);
    let data = &reply["data"];
    assert_eq!(data["allowed_roles"], serde_json::json!(["a", "b"]));
    assert_eq!(data["plugin_name"], PLUGIN);
    let details = &data["connection_details"];
    assert_eq!(details["connection_url"], "fake://root:*****@db/x");
    assert_eq!(details["username"], "root");
    assert_eq!(details["max_open_connections"], 2);
    assert_eq!(details["tls_ca"], "pem");
    assert!(!reply.to_string().contains("canary"), "{reply}");
    let (_, reply) = world.ask(Method::List, "database/config", "");
    assert_eq!(reply["data"]["keys"], serde_json::json!(["app", "two"]));
    let (status, _) = world.ask(Method::Delete, "database/config/two", "");
    assert_eq!(status, 204);
    let (status, _) = world.ask(Method::Get, "database/config/two", "");
    assert_eq!(status, 404);
}

#[test]
fn a_connection_that_does_not_work_changes_nothing() {
    let world = World::new();
    world.fake.set_down(true);
    let database = world.database();
    let other = connection().allowed_roles(["none"]);
    let error = database.configure("app", &other).expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        database.connection("app").expect("info").allowed_roles,
        ["app-*"]
    );
    database
        .configure("app", &other.verify(false))
        .expect("unasked");
    assert_eq!(
        database.connection("app").expect("info").allowed_roles,
        ["none"]
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let world = World::new();
    for (path, body) in [
        (
            "database/config/x",
            r#"{"plugin_name":"none","connection_url":"u"}"#,
        ),
        ("database/config/x", r#"{"connection_url":"u"}"#),
        (
            "database/config/x",
            r#"{"plugin_name":"fake-database-plugin"}"#,
        ),
        (
            "database/config/a b",
            r#"{"plugin_name":"fake-database-plugin","connection_url":"u"}"#,
        ),
        ("database/roles/x", "{}"),
        (
            "database/roles/x",
            r#"{"db_name":"app","default_ttl":"2h","max_ttl":"1h"}"#,
        ),
        (
            "database/roles/x",
            r#"{"db_name":"app","credential_type":"rsa_private_key"}"#,
        ),
        (
            "database/static-roles/app-x",
            r#"{"db_name":"app","username":"u"}"#,
        ),
        (
            "database/static-roles/app-x",
            r#"{"db_name":"app","username":"u","rotation_period":"4s"}"#,
        ),
        (
            "database/static-roles/x",
            r#"{"db_name":"app","username":"u","rotation_period":"1h"}"#,
        ),
        ("database/rotate-root/none", "{}"),
        ("database/reset/none", "{}"),
    ] {
        let (status, reply) = world.ask(Method::Post, path, body);
        assert_eq!(status, 400, "{path} {body}: {reply}");
    }
    for path in ["database/creds/none", "database/creds/other"] {
        assert_eq!(world.ask(Method::Get, path, "").0, 400, "{path}");
    }
    assert_eq!(
        world.ask(Method::Get, "database/static-creds/none", "").0,
        404
    );
}

#[test]
fn a_role_comes_back_as_it_was_written() {
    let world = World::new();
    let body = r#"{"db_name":"app","default_ttl":"1h","max_ttl":7200,
        "creation_statements":"CREATE ROLE \"{{name}}\", 1; GRANT x",
        "revocation_statements":["DROP a","DROP b"]}"#;
    let (status, reply) = world.ask(Method::Post, "database/roles/app-w", body);
    assert_eq!(status, 204, "{reply}");
    let (_, reply) = world.ask(Method::Get, "database/roles/app-w", "");
    let data = &reply["data"];
    assert_eq!(data["db_name"], "app");
    assert_eq!(
        data["creation_statements"],
        serde_json::json!(["CREATE ROLE \"{{name}}\", 1; GRANT x"]),
        "a text is not split at commas"
    );
    assert_eq!(
        data["revocation_statements"],
        serde_json::json!(["DROP a", "DROP b"])
    );
    assert_eq!(data["renew_statements"], serde_json::json!([]));
    assert_eq!(
        (&data["default_ttl"], &data["max_ttl"]),
        (&3_600.into(), &7_200.into())
    );
    let (_, reply) = world.ask(Method::List, "database/roles", "");
    assert_eq!(
        reply["data"]["keys"],
        serde_json::json!(["app-reader", "app-w"])
    );
}

#[test]
fn rotating_the_root_leaves_a_password_that_only_the_vault_knows() {
    let world = World::new();
    let database = world.database();
    database.rotate_root("app").expect("rotated");
    let first = SecretString::copy_from("canary-first");
    assert!(!world.fake.lets_in("admin", &first));
    let credentials = database.credentials("app-reader").expect("by the new one");
    assert!(
        world
            .fake
            .lets_in(credentials.username(), credentials.password())
    );
    database.rotate_root("app").expect("again");
    database
        .credentials("app-reader")
        .expect("by the newest one");
}

#[test]
fn a_login_that_stands_in_the_url_is_not_rotated() {
    let world = World::new();
    let database = world.database();
    for (name, url) in [
        ("both", "fake://admin:canary-first@host/db"),
        ("query", "fake://host/db?user=admin&password=canary-first"),
        ("name", "fake://admin:{{password}}@host/db"),
    ] {
        let connection = Connection::new(PLUGIN, url)
            .login("admin", SecretString::copy_from("canary-first"))
            .verify(false);
        database.configure(name, &connection).expect("written");
        let error = database.rotate_root(name).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
    }
}

#[test]
fn a_root_rotation_that_was_interrupted_is_finished_by_the_next() {
    let world = World::new();
    let database = world.database();
    database.rotate_root("app").expect("the admin is known now");
    world.fake.set_down(true);
    let error = database.rotate_root("app").expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    world.fake.set_down(false);
    let credentials = database.credentials("app-reader").expect("by the old one");
    database.rotate_root("app").expect("finished");
    credentials.revoke().expect("by the new one");
}
