//! Vault's paths and JSON, clause by clause.

use super::*;

/// Requests that cannot be: of roles, of their fields, of secret ids, of logins.
const BAD: &[(&str, &str)] = &[
    ("role/web", r#"{"bind_secret_id":"perhaps"}"#),
    ("role/web", r#"{"bind_secret_id":[true]}"#),
    ("role/web", r#"{"secret_id_bound_cidrs":"bad"}"#),
    ("role/web", r#"{"secret_id_bound_cidrs":{"a":1}}"#),
    ("role/web", r#"{"bound_cidr_list":"10.0.0.0/40"}"#),
    ("role/web", r#"{"secret_id_num_uses":-5}"#),
    ("role/web", r#"{"secret_id_num_uses":"x"}"#),
    ("role/web", r#"{"secret_id_ttl":-5}"#),
    ("role/web", r#"{"secret_id_ttl":[]}"#),
    ("role/web", r#"{"local_secret_ids":true}"#),
    ("role/web", r#"{"role_id":{"a":1}}"#),
    ("role/web", r#"{"role_id":"db"}"#),
    ("role/web", r#"{"token_type":"batch","token_num_uses":1}"#),
    ("role/web", r#"{"token_ttl":20,"token_max_ttl":10}"#),
    ("role/web", r#"{"token_bound_cidrs":"10.0.0.0/33"}"#),
    ("role/web", r#"{"token_policies":{"a":1}}"#),
    ("role/w b", r"{}"),
    ("role/web/role-id", r"{}"),
    ("role/web/role-id", r#"{"role_id":""}"#),
    ("role/web/policies", r"{}"),
    ("role/web/bind-secret-id", r"{}"),
    ("role/web/bind-secret-id", r#"{"bind_secret_id":false}"#),
    ("role/web/secret-id-num-uses", r"{}"),
    (
        "role/web/secret-id-num-uses",
        r#"{"secret_id_num_uses":-1}"#,
    ),
    ("role/web/secret-id-ttl", r#"{"secret_id_ttl":"x"}"#),
    ("role/web/token-ttl", r"{}"),
    ("role/web/token-max-ttl", r"{}"),
    ("role/web/token-num-uses", r"{}"),
    ("role/web/period", r"{}"),
    ("role/web/secret-id", r#"{"metadata":"x"}"#),
    ("role/web/secret-id", r#"{"metadata":{"a":{}}}"#),
    ("role/web/secret-id", r#"{"metadata":"{\"a\":[]}"}"#),
    ("role/web/secret-id", r#"{"num_uses":-1}"#),
    ("role/web/secret-id", r#"{"ttl":"x"}"#),
    ("role/web/secret-id", r#"{"cidr_list":"x"}"#),
    ("role/web/custom-secret-id", r"{}"),
    ("role/web/secret-id/lookup", r"{}"),
    ("role/web/secret-id/destroy", r#"{"secret_id":""}"#),
    ("role/web/secret-id/destroy", r#"{"secret_id":{}}"#),
    ("role/web/secret-id-accessor/lookup", r"{}"),
    ("role/web/secret-id-accessor/destroy", r"{}"),
    ("login", r"{}"),
    ("login", r#"{"secret_id":"x"}"#),
    ("login", r#"{"role_id":{},"secret_id":"x"}"#),
    ("login", r#"{"role_id":"web","secret_id":[]}"#),
    ("login", r#"{"role_id":"web"}"#),
];

#[test]
fn fields_that_cannot_be_are_refused_and_change_nothing() {
    let world = world();
    let before = world.data(Verb::Read, "role/web", "");
    for (path, body) in BAD {
        let error = world.send(Verb::Write, path, body).err();
        let error = error.unwrap_or_else(|| panic!("{path} {body}"));
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{path} {body}");
    }
    assert_eq!(world.data(Verb::Read, "role/web", ""), before);
    assert!(roles(&world).secret_ids("web").expect("listed").is_empty());
    for path in ["role/web/other", "role/none/token-ttl", "role/none/role-id"] {
        let body = r#"{"token_ttl":1,"role_id":"x"}"#;
        let error = world.send(Verb::Write, path, body).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NotFound));
    }
}

#[test]
fn each_field_has_a_path_of_its_own() {
    let world = world();
    for (path, name, set, unset) in [
        ("policies", "token_policies", json!(["x", "y"]), json!([])),
        ("bind-secret-id", "bind_secret_id", json!(true), json!(true)),
        (
            "secret-id-bound-cidrs",
            "secret_id_bound_cidrs",
            json!(["10.0.0.0/8"]),
            Value::Null,
        ),
        (
            "bound-cidr-list",
            "bound_cidr_list",
            json!(["10.0.0.0/8"]),
            Value::Null,
        ),
        (
            "secret-id-num-uses",
            "secret_id_num_uses",
            json!(3),
            json!(0),
        ),
        ("secret-id-ttl", "secret_id_ttl", json!(60), json!(0)),
        ("period", "token_period", json!(60), json!(0)),
        ("token-num-uses", "token_num_uses", json!(4), json!(0)),
        ("token-ttl", "token_ttl", json!(60), json!(0)),
        ("token-max-ttl", "token_max_ttl", json!(600), json!(0)),
        (
            "token-bound-cidrs",
            "token_bound_cidrs",
            json!(["10.0.0.0/8"]),
            json!([]),
        ),
    ] {
        let path = format!("role/web/{path}");
        let body = json!({name: set, "token_explicit_max_ttl": 5, "role_id": "other"});
        let written = world.send(Verb::Write, &path, &body.to_string());
        written.expect(&path);
        assert_eq!(world.data(Verb::Read, &path, ""), json!({name: set}));
        world.send(Verb::Delete, &path, "").expect(&path);
        assert_eq!(world.data(Verb::Read, &path, ""), json!({name: unset}));
    }
}

#[test]
fn a_role_reads_as_in_vault() {
    let world = world();
    let policies = world.send(Verb::Delete, "role/web/policies", "");
    policies.expect("reset");
    let expected = json!({
        "bind_secret_id": true, "local_secret_ids": false, "secret_id_bound_cidrs": null,
        "secret_id_num_uses": 0, "secret_id_ttl": 0, "token_bound_cidrs": [],
        "token_explicit_max_ttl": 0, "token_max_ttl": 0, "token_no_default_policy": false,
        "token_num_uses": 0, "token_period": 0, "token_policies": [], "token_ttl": 0,
        "token_type": "default",
    });
    assert_eq!(world.data(Verb::Read, "role/web", ""), expected);
    assert_eq!(
        world.data(Verb::Read, "role/web/role-id", ""),
        json!({"role_id": "web"})
    );
    let local = world.data(Verb::Read, "role/web/local-secret-ids", "");
    assert_eq!(local, json!({"local_secret_ids": false}));
    for path in ["role/none", "role/none/policies", "role/none/role-id"] {
        let answer = world.send(Verb::Read, path, "").expect("an answer");
        assert_eq!(answer.shape, Shape::NotFound, "{path}");
    }
    assert_eq!(
        world.data(Verb::List, "role", ""),
        json!({"keys": ["db", "web"]})
    );
}

#[test]
fn a_secret_id_reads_as_in_vault() {
    let world = world();
    let body = r#"{"metadata":"a=b, c=d","cidr_list":"127.0.0.0/8","ttl":"10m","num_uses":2}"#;
    let made = world.data(Verb::Write, "role/web/secret-id", body);
    assert_eq!(
        (&made["secret_id_num_uses"], &made["secret_id_ttl"]),
        (&2.into(), &600.into())
    );
    let asked = json!({"secret_id": made["secret_id"]}).to_string();
    let found = world.data(Verb::Write, "role/web/secret-id/lookup", &asked);
    let expected = json!({
        "cidr_list": ["127.0.0.0/8"], "creation_time": "2023-11-14T22:13:20Z",
        "expiration_time": "2023-11-14T22:23:20Z", "last_updated_time": "2023-11-14T22:13:20Z",
        "metadata": {"a": "b", "c": "d"}, "secret_id_accessor": made["secret_id_accessor"],
        "secret_id_num_uses": 2, "secret_id_ttl": 600, "token_bound_cidrs": [],
    });
    assert_eq!(found, expected);
    let listed = world.data(Verb::List, "role/web/secret-id", "");
    assert_eq!(listed, json!({"keys": [made["secret_id_accessor"]]}));
    let none = r#"{"secret_id":"none"}"#;
    let none = world.send(Verb::Write, "role/web/secret-id/lookup", none);
    assert!(none.expect("an answer").data.is_none());
    let object = world.data(
        Verb::Write,
        "role/web/secret-id",
        r#"{"metadata":{"k":"v"}}"#,
    );
    let asked = json!({"secret_id_accessor": object["secret_id_accessor"]}).to_string();
    let found = world.data(Verb::Write, "role/web/secret-id-accessor/lookup", &asked);
    assert_eq!(found["metadata"], json!({"k": "v"}));
    assert_eq!(found["expiration_time"], "0001-01-01T00:00:00Z");
}

#[test]
fn roles_are_written_by_whoever_may() {
    let world = world();
    let body = r#"{"secret_id":"x","secret_id_accessor":"y","role_id":"z","token_policies":"p"}"#;
    for (verb, path) in [
        (Verb::List, "role"),
        (Verb::Read, "role/web"),
        (Verb::Write, "role/web"),
        (Verb::Delete, "role/web"),
        (Verb::Write, "role/web/secret-id"),
        (Verb::List, "role/web/secret-id"),
        (Verb::Write, "role/web/custom-secret-id"),
        (Verb::Write, "role/web/secret-id/lookup"),
        (Verb::Write, "role/web/secret-id/destroy"),
        (Verb::Delete, "role/web/secret-id/destroy"),
        (Verb::Write, "role/web/secret-id-accessor/lookup"),
        (Verb::Write, "role/web/secret-id-accessor/destroy"),
        (Verb::Read, "role/web/role-id"),
        (Verb::Write, "role/web/role-id"),
        (Verb::Read, "role/web/policies"),
        (Verb::Write, "role/web/policies"),
        (Verb::Delete, "role/web/policies"),
        (Verb::Read, "role/web/local-secret-ids"),
        (Verb::Write, "tidy/secret-id"),
    ] {
        let error = world.send_from(None, verb, path, body).err();
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::PermissionDenied), "{path}");
    }
}
