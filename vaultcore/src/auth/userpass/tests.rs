//! The rules of userpass, clause by clause.

use std::sync::Arc;
use std::time::Duration;

use super::lockout::{THRESHOLD, WINDOW};
use super::{Login, Userpass, refused};
use crate::api::{ApiRequest, Method};
use crate::auth::options::TokenOptions;
use crate::auth::testing::{World, anybody, secret};
use crate::error::{ErrorKind, Result};
use crate::operation::Operation;
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::storage::Memory;
use crate::vault::Vault;
use crate::wire::Verb;

const RIGHT: &str = "canary-correct horse";
const REFUSED: &str = "invalid username or password";

/// A world in which bob and amy have the right password.
fn world() -> World {
    let world = World::new(Userpass);
    let users = world.owner().userpass("userpass").expect("facade");
    for name in ["bob", "amy"] {
        let options = TokenOptions::new().policies(["app"]);
        let password = secret(RIGHT);
        users
            .write(name, Some(&password), &options)
            .expect("written");
    }
    world
}

fn login(vault: &Vault, name: &str, password: &str) -> Result<SecretString> {
    vault.login_userpass("userpass", name, &secret(password))
}

fn says_refused(result: Result<SecretString>) {
    let error = result.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.to_string(), REFUSED);
}

#[test]
fn a_user_gets_a_token_like_what_was_asked() {
    let world = world();
    let body = r#"{"token_ttl":"1h","token_num_uses":7,"token_no_default_policy":true}"#;
    world.send(Verb::Write, "users/BOB", body).expect("written");
    let body = format!(r#"{{"password":"{RIGHT}"}}"#);
    let path = "login/Bob";
    let response = world
        .send_from(None, Verb::Write, path, &body)
        .expect("granted");
    let auth = response.auth.expect("auth");
    assert_eq!(auth.token_policies, ["app"]);
    assert_eq!(auth.metadata["username"], "bob");
    assert_eq!(auth.lease, Duration::from_secs(3_600));
    assert_eq!(
        (auth.num_uses, auth.renewable, auth.orphan),
        (7, true, true)
    );
    let info = world.owner().token().lookup(&auth.client_token);
    let info = info.expect("in force");
    assert_eq!(info.display_name, "userpass-bob");
    assert_eq!(info.path, "auth/userpass/login/bob");
}

#[test]
fn whoever_is_not_let_in_gets_one_answer() {
    let world = world();
    let long = "x".repeat(4_096);
    for (name, password) in [
        ("bob", "wrong"),
        ("bob", "Canary-correct horse"),
        ("bob", "canary-correct horse "),
        ("nobody", RIGHT),
        ("nobody", "wrong"),
        ("bob", long.as_str()),
    ] {
        says_refused(login(&world.vault, name, password));
    }
    login(&world.vault, "amy", RIGHT).expect("granted");
    let missing = login(&world.vault, "bob", "").expect_err("no password");
    let unknown = login(&world.vault, "nobody", "").expect_err("no password");
    assert_eq!(missing.to_string(), unknown.to_string());
}

#[test]
fn every_spelling_is_the_same_user_or_none() {
    let world = world();
    for same in ["BOB", "Bob", "boB", "bob"] {
        login(&world.vault, same, RIGHT).expect(same);
    }
    for other in [
        "bob ",
        " bob",
        "b ob",
        "bob/",
        "/bob",
        "%62ob",
        "bob\0",
        "bo\u{200b}b",
        "\u{ff42}ob",
        "bob.",
        "-bob",
        "",
        "users/../bob",
    ] {
        let error = login(&world.vault, other, RIGHT).expect_err(other);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{other:?}");
    }
    let users = world.owner().userpass("userpass").expect("facade");
    assert_eq!(users.list().expect("listed"), ["amy", "bob"]);
}

#[test]
fn five_failures_lock_a_name_out_whatever_its_spelling_and_in_every_process() {
    let world = world();
    let other = world.other();
    for (index, name) in ["bob", "BOB", "Bob", "bOb", "boB"].iter().enumerate() {
        let vault = if index % 2 == 0 { &world.vault } else { &other };
        says_refused(login(vault, name, "wrong"));
    }
    for vault in [&world.vault, &other, &world.other()] {
        says_refused(login(vault, "bob", RIGHT));
        says_refused(login(vault, "BOB", RIGHT));
        login(vault, "amy", RIGHT).expect("others are let in");
    }
    world.pass(WINDOW - Duration::from_micros(1));
    says_refused(login(&world.vault, "bob", RIGHT));
    world.pass(Duration::from_micros(1));
    login(&other, "bob", RIGHT).expect("the time is over");
}

#[test]
fn a_locked_name_is_not_locked_longer_by_more_tries() {
    let world = world();
    for _ in 0..THRESHOLD {
        says_refused(login(&world.vault, "bob", "wrong"));
    }
    world.pass(WINDOW / 2);
    says_refused(login(&world.vault, "bob", "wrong"));
    world.pass(WINDOW / 2);
    login(&world.vault, "bob", RIGHT).expect("the time is over");
}

#[test]
fn a_success_or_time_forgets_failures() {
    let world = world();
    let fail = |times| {
        for _ in 0..times {
            says_refused(login(&world.vault, "bob", "wrong"));
        }
    };
    fail(THRESHOLD - 1);
    login(&world.vault, "bob", RIGHT).expect("not yet locked");
    fail(THRESHOLD - 1);
    login(&world.vault, "bob", RIGHT).expect("the first are forgotten");
    fail(THRESHOLD - 1);
    world.pass(WINDOW);
    fail(THRESHOLD - 1);
    login(&world.vault, "bob", RIGHT).expect("the older ones are forgotten");
    fail(THRESHOLD);
    says_refused(login(&world.vault, "bob", RIGHT));
    let users = world.owner().userpass("userpass").expect("facade");
    users.set_password("bob", &secret("new")).expect("set");
    login(&world.vault, "bob", "new").expect("a new password opens");
    says_refused(login(&world.vault, "bob", RIGHT));
}

#[test]
fn names_of_nobody_are_locked_too_and_do_not_fill_the_storage() {
    let storage = Arc::new(Memory::new());
    let world = World::on(storage.clone(), Userpass);
    let entries = || {
        let scan = crate::storage::Scan::new("");
        crate::storage::Storage::scan(&*storage, &scan).expect("scanned")
    };
    for _ in 0..THRESHOLD {
        says_refused(login(&world.vault, "ghost", "wrong"));
    }
    let before = entries().len();
    // Locked: no failure is counted any more, as for a user.
    let last = |paths: &[String]| paths.iter().filter(|path| path.contains("-try/")).count();
    assert_eq!(last(&entries()), 1);
    says_refused(login(&world.vault, "ghost", "wrong"));
    for number in 0..40 {
        says_refused(login(&world.vault, &format!("ghost{number}"), "wrong"));
    }
    assert!(entries().len() <= before + 40);
    assert!(last(&entries()) <= 41);
    let places = entries();
    let nobody = places.iter().filter(|path| path.contains("/nobody/"));
    assert!(nobody.count() > 10, "they spread");
}

#[test]
fn of_many_guesses_at_once_five_are_judged() {
    let world = world();
    let vaults = [world.vault.clone(), world.other()];
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16usize)
            .map(|index| {
                let vault = &vaults[index % 2];
                scope.spawn(move || login(vault, "bob", "wrong"))
            })
            .collect();
        for thread in threads {
            says_refused(thread.join().expect("joined"));
        }
    });
    for vault in &vaults {
        says_refused(login(vault, "bob", RIGHT));
    }
}

#[test]
fn a_bound_network_looks_like_a_wrong_password() {
    let world = world();
    let body = r#"{"token_bound_cidrs":"10.0.0.0/8"}"#;
    world.send(Verb::Write, "users/bob", body).expect("written");
    let body = format!(r#"{{"password":"{RIGHT}"}}"#);
    for (remote, let_in) in [
        (Some("10.1.2.3"), true),
        (Some("::ffff:10.1.2.3"), true),
        (Some("11.0.0.1"), false),
        (Some("fd00::1"), false),
        (None, false),
    ] {
        let answer = world.send_from(remote, Verb::Write, "login/bob", &body);
        match answer {
            Ok(_) => assert!(let_in, "{remote:?}"),
            Err(error) => assert!(!let_in && error.to_string() == REFUSED, "{remote:?}"),
        }
    }
}

#[test]
fn fields_that_cannot_be_are_refused_and_change_nothing() {
    let world = world();
    let before = world.data(Verb::Read, "users/bob", "");
    for (path, body) in [
        ("users/new", r"{}"),
        ("users/new", r#"{"password":""}"#),
        ("users/new", r#"{"password":null,"token_ttl":1}"#),
        ("users/bob", r#"{"password":{"a":1}}"#),
        ("users/bob", r#"{"password":["x"]}"#),
        ("users/bob", r#"{"password":"x","password_hash":"y"}"#),
        ("users/bob", r#"{"token_ttl":"x"}"#),
        ("users/bob", r#"{"token_ttl":-1}"#),
        ("users/bob", r#"{"token_ttl":20,"token_max_ttl":10}"#),
        ("users/bob", r#"{"token_max_ttl":[]}"#),
        ("users/bob", r#"{"token_explicit_max_ttl":"1y"}"#),
        ("users/bob", r#"{"token_period":{}}"#),
        ("users/bob", r#"{"token_num_uses":-1}"#),
        ("users/bob", r#"{"token_num_uses":"many"}"#),
        ("users/bob", r#"{"token_type":"root"}"#),
        ("users/bob", r#"{"token_type":"batch","token_num_uses":1}"#),
        ("users/bob", r#"{"token_type":"batch","token_period":1}"#),
        ("users/bob", r#"{"token_bound_cidrs":"10.0.0.0/33"}"#),
        ("users/bob", r#"{"token_bound_cidrs":{"a":1}}"#),
        ("users/bob", r#"{"token_policies":[["a"]]}"#),
        ("users/bob", r#"{"token_no_default_policy":"perhaps"}"#),
        ("users/b@b", r#"{"password":"x"}"#),
        ("users/bob/password", r"{}"),
        ("users/ghost/password", r#"{"password":"x"}"#),
        ("users/ghost/policies", r#"{"policies":"x"}"#),
        ("login/bob", r"{}"),
        ("login/bob", r#"{"password":7.5e999999,"x":}"#),
    ] {
        let error = world.send(Verb::Write, path, body).err();
        let error = error.unwrap_or_else(|| panic!("{path} {body}"));
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{path} {body}");
    }
    assert_eq!(world.data(Verb::Read, "users/bob", ""), before);
    login(&world.vault, "bob", RIGHT).expect("the password is what it was");
}

#[test]
fn a_user_reads_as_in_vault() {
    let world = world();
    let expected = serde_json::json!({
        "token_bound_cidrs": [], "token_explicit_max_ttl": 0, "token_max_ttl": 0,
        "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0,
        "token_policies": ["app"], "token_ttl": 0, "token_type": "default",
    });
    assert_eq!(world.data(Verb::Read, "users/bob", ""), expected);
    let body = r#"{"policies":"zz","ttl":60,"max_ttl":120,"bound_cidrs":"10.0.0.0/8"}"#;
    world.send(Verb::Write, "users/bob", body).expect("written");
    let read = world.data(Verb::Read, "users/bob", "");
    for (old, new) in [
        ("policies", "token_policies"),
        ("ttl", "token_ttl"),
        ("max_ttl", "token_max_ttl"),
        ("bound_cidrs", "token_bound_cidrs"),
    ] {
        assert_eq!(read[old], read[new], "{old}");
    }
    let body = r#"{"token_policies":"c","policies":"d","token_ttl":30}"#;
    let path = "users/bob/policies";
    world.send(Verb::Write, path, body).expect("written");
    let read = world.data(Verb::Read, "users/bob", "");
    assert_eq!(read["token_policies"], serde_json::json!(["c"]));
    assert_eq!(
        (&read["policies"], &read["token_ttl"]),
        (&().into(), &60.into())
    );
    let none = world
        .send(Verb::Read, "users/ghost", "")
        .expect("an answer");
    assert_eq!(none.shape, crate::wire::Shape::NotFound);
    let list = world.data(Verb::List, "users", r#"{"after":"amy"}"#);
    assert_eq!(list, serde_json::json!({"keys": ["bob"]}));
}

#[test]
fn a_token_is_renewed_only_with_the_policies_of_now() {
    let world = world();
    let (owner, users) = (world.owner(), world.owner().userpass("userpass"));
    let (tokens, users) = (owner.token(), users.expect("facade"));
    let token = login(&world.vault, "bob", RIGHT).expect("granted");
    tokens.renew(&token, None).expect("renewed");
    users.set_policies("bob", ["app", "more"]).expect("set");
    let error = tokens.renew(&token, None).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    users.set_policies("bob", ["APP"]).expect("set");
    tokens.renew(&token, None).expect("the same again");
    users.delete("bob").expect("deleted");
    tokens.renew(&token, None).expect_err("nobody's");
    assert!(tokens.lookup(&token).is_ok());
    owner.sys().disable_auth("userpass").expect("disabled");
    assert!(world.vault.login(&token).is_err());
}

#[test]
fn users_of_two_mounts_are_two_users() {
    let world = world();
    let sys = world.owner().sys();
    let new = crate::engine::sys::NewMount::new("userpass");
    sys.enable_auth("other", new).expect("enabled");
    for _ in 0..THRESHOLD {
        let wrong = world.vault.login_userpass("other", "bob", &secret(RIGHT));
        says_refused(wrong);
    }
    login(&world.vault, "bob", RIGHT).expect("not locked here");
    let nowhere = world.vault.login_userpass("nowhere", "bob", &secret(RIGHT));
    let nowhere = nowhere.expect_err("no such mount");
    assert_eq!(nowhere.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn users_are_written_by_whoever_may() {
    let world = world();
    let body = r#"{"password":"x"}"#;
    for (verb, path) in [
        (Verb::Write, "users/bob"),
        (Verb::Read, "users/bob"),
        (Verb::Delete, "users/bob"),
        (Verb::List, "users"),
        (Verb::Write, "users/bob/password"),
        (Verb::Write, "users/bob/policies"),
    ] {
        let error = world.send_from(None, verb, path, body).err();
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::PermissionDenied), "{path}");
    }
}

#[test]
fn nothing_shows_a_password() {
    let world = world();
    let mount = MountPath::new("userpass").expect("a path");
    let operation = Login::new(&mount, "nobody", secret(RIGHT));
    let outcome = world.vault.run(&anybody(None), &operation).expect("ran");
    let texts = [
        format!("{:?}", refused()),
        format!("{:?}", operation.output(&outcome).err()),
        format!("{:?}", world.owner().userpass("userpass")),
        format!("{:?}", login(&world.vault, "bob", "canary").err()),
        format!(
            "{:?}",
            login(&world.vault, "bob", &"canary".repeat(700)).err()
        ),
    ];
    for text in texts {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn failures_count_by_the_door_too() {
    let world = world();
    let ask = |path: &str, password: &str| {
        let body = serde_json::json!({ "password": password }).to_string();
        let request = ApiRequest::new(Method::Post, path).body(body.as_bytes());
        let response = world.vault.handle(&request);
        let body = serde_json::from_slice(response.body());
        (response.status(), body.unwrap_or(serde_json::Value::Null))
    };
    let refused = (400, serde_json::json!({ "errors": [REFUSED] }));
    let (status, granted) = ask("auth/userpass/login/BOB", RIGHT);
    assert_eq!(status, 200);
    assert_eq!(granted["auth"]["metadata"]["username"], "bob");
    for name in ["bob", "Bob", "BOB", "bOb", "boB"] {
        assert_eq!(
            ask(&format!("auth/userpass/login/{name}"), "wrong"),
            refused
        );
    }
    assert_eq!(ask("auth/userpass/login/bob", RIGHT), refused);
    assert_eq!(ask("auth/userpass/login/ghost", RIGHT), refused);
    for name in ["bob", "ghost"] {
        let (status, error) = ask(&format!("auth/userpass/login/{name}"), "");
        assert_eq!(
            (status, &error["errors"][0]),
            (400, &"missing password".into())
        );
    }
    for path in ["auth/userpass/login/", "auth/userpass/login/bob/"] {
        let (status, _) = ask(path, RIGHT);
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    for bad in ["bob%20", "%62ob", "bob ", "b\u{f6}b"] {
        let (status, _) = ask(&format!("auth/userpass/login/{bad}"), RIGHT);
        assert_eq!(status, 400, "{bad}");
    }
    world.pass(WINDOW);
    assert_eq!(ask("auth/userpass/login/bob", RIGHT).0, 200);
}
