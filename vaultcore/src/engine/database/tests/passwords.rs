//! Passwords by policies, which connections name.

use super::super::StaticRole;
use super::{HOUR, World, connection};
use crate::api::Method;
use crate::engine::sys::NewMount;
use crate::error::ErrorKind;
use crate::secret::SecretString;

const DIGITS: &str = r#"length = 31
rule "charset" { charset = "0123456789" }"#;

fn digits(password: &SecretString) -> bool {
    let text = password.expose();
    text.len() == 31 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn world() -> World {
    let world = World::new();
    let sys = world.owner().sys();
    sys.put_password_policy("digits", DIGITS).expect("written");
    let with_policy = connection().password_policy("digits");
    world
        .database()
        .configure("app", &with_policy)
        .expect("configured");
    world
}

#[test]
fn every_password_is_by_the_policy_of_the_connection() {
    let world = world();
    let database = world.database();
    let credentials = database.credentials("app-reader").expect("made");
    assert!(digits(credentials.password()));
    world.fake.add_user("report", "known to all");
    let role = StaticRole::new("app", "report").rotation_period(HOUR);
    database.write_static_role("app-s", &role).expect("written");
    let of_static = database.static_credentials("app-s").expect("credentials");
    assert!(digits(&of_static.password));
    database.rotate_root("app").expect("rotated");
    let info = database.connection("app").expect("info");
    assert_eq!(info.password_policy, "digits");
    database
        .configure("app", &connection().password_policy(""))
        .expect_err("the password of the connection is another one by now");
}

#[test]
fn a_policy_that_is_not_there_makes_nobody() {
    let world = world();
    let database = world.database();
    let other = connection().password_policy("other");
    let error = database.configure("app", &other).expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let sys = world.owner().sys();
    sys.delete_password_policy("digits").expect("deleted");
    let error = database.credentials("app-reader").expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(world.fake.users(), 0);
    database
        .configure("app", &connection().password_policy(""))
        .expect("none any more");
    let credentials = database.credentials("app-reader").expect("made");
    assert_eq!(credentials.password().expose().len(), 20);
}

#[test]
fn a_policy_is_of_its_namespace() {
    let world = world();
    let owner = world.owner();
    owner.sys().create_namespace("team").expect("created");
    let team = owner.namespace("team").expect("session");
    let none = team.sys().password_policies().expect("listed");
    assert!(none.is_empty());
    let new = NewMount::new("database");
    team.sys().mount("database", new).expect("mounted");
    let database = team.database("database").expect("facade");
    let error = database
        .configure("app", &connection().password_policy("digits"))
        .expect_err("of another namespace");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    team.sys()
        .put_password_policy("digits", DIGITS)
        .expect("of its own");
    database
        .configure("app", &connection().password_policy("digits"))
        .expect("configured");
}

#[test]
fn the_door_answers_as_vault_does() {
    let world = World::new();
    let path = "sys/policies/password/p1";
    let (status, _) = world.ask(Method::List, "sys/policies/password", "");
    assert_eq!(status, 404);
    for request in [path, "sys/policies/password/p1/generate"] {
        let (status, reply) = world.ask(Method::Get, request, "");
        assert_eq!(status, 404, "{reply}");
    }
    let body = serde_json::json!({ "policy": DIGITS }).to_string();
    assert_eq!(world.ask(Method::Post, path, &body).0, 204);
    let encoded = data_encoding::BASE64.encode(DIGITS.as_bytes());
    let body = serde_json::json!({ "policy": encoded }).to_string();
    assert_eq!(
        world.ask(Method::Put, "sys/policies/password/p2", &body).0,
        204
    );
    let (_, reply) = world.ask(Method::Get, "sys/policies/password/p2", "");
    assert_eq!(reply["data"], serde_json::json!({ "policy": DIGITS }));
    let (_, reply) = world.ask(Method::List, "sys/policies/password", "");
    assert_eq!(reply["data"]["keys"], serde_json::json!(["p1", "p2"]));
    let (status, reply) = world.ask(Method::Get, "sys/policies/password/p1/generate", "");
    assert_eq!(status, 200);
    let password = reply["data"]["password"].as_str().expect("a password");
    assert!(digits(&SecretString::copy_from(password)));
    for body in [
        "{}",
        r#"{"policy":""}"#,
        r#"{"policy":"length = 3\nrule \"charset\" { charset = \"canary\" }"}"#,
        r#"{"policy":"length = 8\nrule \"canary\" { charset = \"ab\" }"}"#,
    ] {
        let (status, reply) = world.ask(Method::Post, path, body);
        assert_eq!(status, 400, "{body}");
        assert!(!reply.to_string().contains("canary"), "{reply}");
    }
    assert_eq!(world.ask(Method::Delete, path, "").0, 204);
    assert_eq!(world.ask(Method::Delete, path, "").0, 204);
    assert_eq!(world.ask(Method::Get, path, "").0, 404);
}
