//! The rules of approle, clause by clause.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::options::{IssuedSecretId, NewSecretId, RoleOptions};
use super::{AppRole, Login, refused};
use crate::auth::options::TokenOptions;
use crate::auth::testing::{World, anybody, secret};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::session;
use crate::storage::{Memory, Scan, Storage};
use crate::vault::Vault;
use crate::wire::{Shape, Verb};

const REFUSED: &str = "invalid role or secret ID";
const MINUTE: Duration = Duration::from_secs(60);

/// A world with the roles `web` and `db`, whose ids are their names.
fn world() -> World {
    world_on(Arc::new(Memory::new()))
}

fn world_on(storage: Arc<dyn Storage>) -> World {
    let world = World::on(storage, AppRole);
    for name in ["web", "db"] {
        let token = TokenOptions::new().policies([name]);
        let options = RoleOptions::new().role_id(name).token(token);
        roles(&world).write(name, &options).expect("written");
    }
    world
}

fn roles(world: &World) -> session::AppRole {
    world.owner().approle("approle").expect("facade")
}

fn issue(world: &World, role: &str, new: &NewSecretId) -> IssuedSecretId {
    let issued = roles(world).create_secret_id(role, new);
    issued.expect("issued")
}

fn login(vault: &Vault, role: &str, secret_id: &SecretString) -> Result<SecretString> {
    vault.login_approle("approle", role, secret_id)
}

fn says_refused<T>(result: Result<T>) {
    let error = result.err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.to_string(), REFUSED);
}

fn message(result: Result<impl Sized>) -> String {
    let error: Option<Error> = result.err();
    error.expect("refused").to_string()
}

#[test]
fn a_machine_gets_a_token_like_what_was_asked() {
    let world = world();
    let token = TokenOptions::new().ttl(MINUTE).num_uses(3);
    let options = RoleOptions::new().token(token);
    roles(&world).write("WEB", &options).expect("written");
    let new = NewSecretId::new().metadata("host", "web-1");
    let issued = issue(&world, "Web", &new.metadata("role_name", "admin"));
    let body = json!({"role_id": "web", "secret_id": issued.secret_id.expose()}).to_string();
    let answer = world.send_from(None, Verb::Write, "login", &body);
    let auth = answer.expect("granted").auth.expect("auth");
    assert_eq!(auth.token_policies, ["default", "web"]);
    let notes: Vec<_> = auth.metadata.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(notes, [("host", "web-1"), ("role_name", "web")]);
    assert_eq!((auth.lease, auth.num_uses), (MINUTE, 3));
    let info = world.owner().token().lookup(&auth.client_token);
    let info = info.expect("in force");
    assert_eq!(info.display_name, "approle");
    assert_eq!(info.path, "auth/approle/login");
}

#[test]
fn whoever_is_not_let_in_gets_one_answer() {
    let world = world();
    let vault = &world.vault;
    let good = issue(&world, "web", &NewSecretId::new()).secret_id;
    let of_db = issue(&world, "db", &NewSecretId::new()).secret_id;
    let short = issue(&world, "web", &NewSecretId::new().ttl(MINUTE)).secret_id;
    let once = issue(&world, "web", &NewSecretId::new().num_uses(1)).secret_id;
    let gone = issue(&world, "web", &NewSecretId::new()).secret_id;
    let far = issue(&world, "web", &NewSecretId::new().cidrs(["10.0.0.0/8"])).secret_id;
    let bound = NewSecretId::new().token_bound_cidrs(["10.0.0.0/8"]);
    let bound = issue(&world, "web", &bound).secret_id;
    login(vault, "web", &once).expect("its only use");
    let destroyed = roles(&world).destroy_secret_id("web", &gone);
    destroyed.expect("destroyed");
    world.pass(MINUTE);
    let changed = secret(&good.expose().to_uppercase().replace('A', "B"));
    let longer = secret(&format!("{} ", good.expose()));
    for (role, secret_id) in [
        ("nobody", &good),
        ("web ", &good),
        ("WEB", &good),
        ("web", &changed),
        ("web", &longer),
        ("web", &secret("")),
        ("nobody", &secret("")),
        ("web", &of_db),
        ("db", &good),
        ("web", &short),
        ("web", &once),
        ("web", &gone),
        ("web", &far),
        ("web", &bound),
    ] {
        says_refused(login(vault, role, secret_id));
    }
    login(vault, "web", &good).expect("granted");
    roles(&world).delete("web").expect("deleted");
    says_refused(login(vault, "web", &good));
    let nowhere = vault.login_approle("nowhere", "web", &good);
    let nowhere = nowhere.err().map(|error| error.kind());
    assert_eq!(nowhere, Some(ErrorKind::PermissionDenied));
}

#[test]
fn a_secret_id_runs_out_to_the_microsecond_and_is_tidied() {
    let storage = Arc::new(Memory::new());
    let world = world_on(storage.clone());
    let left = || {
        let paths = storage.scan(&Scan::new("")).expect("scanned");
        let areas = ["approle-secret-id/", "approle-accessor/", "secret-id-due/"];
        let kept = paths.iter();
        kept.filter(|path| areas.iter().any(|area| path.contains(area)))
            .count()
    };
    let many: Vec<_> = (0..50)
        .map(|_| issue(&world, "web", &NewSecretId::new().ttl(MINUTE)).secret_id)
        .collect();
    let stays = issue(&world, "web", &NewSecretId::new()).secret_id;
    assert_eq!(left(), 50 * 3 + 2);
    world.pass(MINUTE - Duration::from_micros(1));
    login(&world.vault, "web", &many[0]).expect("in force");
    world.pass(Duration::from_micros(1));
    says_refused(login(&world.vault, "web", &many[0]));
    let known = roles(&world).lookup_secret_id("web", &many[0]);
    assert_eq!(known.expect("looked up"), None);
    world.pass(Duration::from_secs(1));
    let tidy = world
        .send(Verb::Write, "tidy/secret-id", "")
        .expect("tidied");
    assert!(!tidy.warnings.is_empty());
    assert_eq!(left(), 26 * 3 + 2);
    world.vault.tick().expect("ticked");
    assert_eq!(left(), 2);
    login(&world.vault, "web", &stays).expect("lives for ever");
}

#[test]
fn a_use_is_taken_only_when_all_else_is_right() {
    let world = world();
    let networks = ["10.0.0.0/8"];
    let new = NewSecretId::new().num_uses(1).cidrs(networks);
    let issued = issue(&world, "web", &new);
    let body = json!({"role_id": "web", "secret_id": issued.secret_id.expose()}).to_string();
    let send = |remote| world.send_from(remote, Verb::Write, "login", &body);
    for remote in [None, Some("11.0.0.1"), Some("::1")] {
        says_refused(send(remote));
    }
    let root = TokenOptions::new().policies(["root"]);
    let options = RoleOptions::new().token(root);
    roles(&world).write("web", &options).expect("written");
    assert!(message(send(Some("10.0.0.1"))).contains("root"));
    let good = RoleOptions::new().token(TokenOptions::new().policies(["web"]));
    roles(&world).write("web", &good).expect("written");
    send(Some("10.0.0.1")).expect("granted");
    says_refused(send(Some("10.0.0.1")));
    let listed = roles(&world).secret_ids("web").expect("listed");
    assert!(listed.is_empty());
}

/// Logs in 64 times at once, by two vaults on one storage; returns how many were let in.
fn race(world: &World, uses: u64) -> usize {
    let issued = issue(world, "web", &NewSecretId::new().num_uses(uses));
    let vaults = [world.vault.clone(), world.other()];
    let secret_id = &issued.secret_id;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64usize)
            .map(|index| {
                let vault = &vaults[index % 2];
                scope.spawn(move || login(vault, "web", secret_id))
            })
            .collect();
        let results = threads
            .into_iter()
            .map(|thread| thread.join().expect("joined"));
        results
            .filter(|result| match result {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.to_string(), REFUSED);
                    false
                }
            })
            .count()
    })
}

#[test]
fn of_64_logins_at_once_as_many_as_there_are_uses_are_let_in() {
    let world = world();
    for uses in [1, 1, 1, 7] {
        assert_eq!(race(&world, uses), usize::try_from(uses).expect("small"));
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn of_64_logins_at_once_on_one_file_one_is_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = crate::storage::Sqlite::open(folder.path().join("vault"));
    let world = world_on(Arc::new(file.expect("opened")));
    assert_eq!(race(&world, 1), 1);
}

#[test]
fn a_role_id_is_one_roles() {
    let world = world();
    let roles = roles(&world);
    let set = |name, id: &str| roles.write(name, &RoleOptions::new().role_id(id));
    assert!(message(set("db", "web")).contains("already in use"));
    assert!(message(set("new", "web")).contains("already in use"));
    assert!(roles.read("new").is_err(), "nothing was written");
    set("web", "web-2").expect("changed");
    assert_eq!(roles.role_id("web").expect("read"), "web-2");
    let issued = issue(&world, "web", &NewSecretId::new());
    says_refused(login(&world.vault, "web", &issued.secret_id));
    login(&world.vault, "web-2", &issued.secret_id).expect("granted");
    set("db", "web").expect("it is free");
    set("db", "web").expect("its own");
    says_refused(login(&world.vault, "web", &issued.secret_id));
    roles.delete("db").expect("deleted");
    set("new", "web").expect("it is free again");
    let drawn = (roles.write("a", &RoleOptions::new()), roles.role_id("a"));
    assert_eq!(drawn.1.expect("an id").len(), 36);
}

#[test]
fn what_belonged_to_a_deleted_role_belongs_to_none_after_it() {
    let storage = Arc::new(Memory::new());
    let world = world_on(storage.clone());
    let many: Vec<_> = (0..120)
        .map(|_| issue(&world, "web", &NewSecretId::new()))
        .collect();
    roles(&world).delete("web").expect("deleted");
    roles(&world).delete("web").expect("again");
    let paths = storage.scan(&Scan::new("")).expect("scanned");
    assert!(!paths.iter().any(|path| path.contains("approle-secret-id/")));
    assert!(!paths.iter().any(|path| path.contains("approle-accessor/")));
    let again = roles(&world).write("web", &RoleOptions::new().role_id("web"));
    again.expect("written");
    says_refused(login(&world.vault, "web", &many[0].secret_id));
    let looked = roles(&world).lookup_accessor("web", &many[0].accessor);
    assert_eq!(looked.expect("looked up"), None);
}

#[test]
fn a_secret_id_gets_no_more_than_its_role_allows() {
    let world = world();
    let roles = roles(&world);
    let token = TokenOptions::new().bound_cidrs(["10.0.0.0/8"]);
    let options = RoleOptions::new()
        .secret_id_ttl(10 * MINUTE)
        .secret_id_num_uses(2)
        .secret_id_bound_cidrs(["10.0.0.0/8", "fd00::/8"])
        .token(token);
    roles.write("web", &options).expect("written");
    let new = NewSecretId::new;
    let issued = issue(&world, "web", &new());
    assert_eq!((issued.ttl, issued.num_uses), (10 * MINUTE, 2));
    for refused in [
        new().ttl(11 * MINUTE),
        new().ttl(Duration::ZERO),
        new().num_uses(3),
        new().num_uses(0),
        new().cidrs(["11.0.0.0/8"]),
        new().cidrs(["10.1.0.0/16", "0.0.0.0/0"]),
        new().cidrs(["here"]),
        new().token_bound_cidrs(["fd00::/8"]),
        new().chosen(&secret("")),
        new().chosen(&secret(&"x".repeat(4_097))),
        new().metadata("x".repeat(513), ""),
        (0..65).fold(new(), |new, number| new.metadata(number.to_string(), "")),
    ] {
        let error = roles.create_secret_id("web", &refused).err();
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::InvalidArgument), "{refused:?}");
    }
    let less = new()
        .ttl(MINUTE)
        .num_uses(1)
        .cidrs(["10.1.0.0/16", "fd00::1"])
        .token_bound_cidrs(["10.2.3.4"]);
    issue(&world, "web", &less);
    let listed = roles.secret_ids("web").expect("listed");
    assert_eq!(listed.len(), 2);
    let missing = roles.create_secret_id("none", &new()).err();
    assert_eq!(missing.map(|error| error.kind()), Some(ErrorKind::NotFound));
}

#[test]
fn the_mount_bounds_how_long_a_secret_id_lives() {
    let world = world();
    let long = Duration::from_secs(9_999 * 3_600);
    let options = RoleOptions::new().secret_id_ttl(long);
    roles(&world).write("web", &options).expect("written");
    let of_system = issue(&world, "web", &NewSecretId::new()).ttl;
    assert_eq!(of_system, Duration::from_secs(768 * 3_600));
    let never = issue(&world, "db", &NewSecretId::new());
    assert_eq!(never.ttl, Duration::ZERO);
    world.pass(100 * long);
    login(&world.vault, "db", &never.secret_id).expect("lives for ever");
}

#[test]
fn what_a_role_allows_later_bounds_its_older_secret_ids() {
    let world = world();
    let new = NewSecretId::new().token_bound_cidrs(["10.0.0.0/8"]);
    let issued = issue(&world, "web", &new);
    let body = json!({"role_id": "web", "secret_id": issued.secret_id.expose()}).to_string();
    let send = |remote| world.send_from(Some(remote), Verb::Write, "login", &body);
    let auth = send("10.1.1.1").expect("granted").auth.expect("auth");
    let info = world.owner().token().lookup(&auth.client_token);
    assert_eq!(info.expect("in force").bound_cidrs, ["10.0.0.0/8"]);
    let set = |options: &RoleOptions| roles(&world).write("web", options).expect("written");
    set(&RoleOptions::new().secret_id_bound_cidrs(["10.1.0.0/16"]));
    send("10.1.1.1").expect("granted");
    says_refused(send("10.2.1.1"));
    set(&RoleOptions::new().token(TokenOptions::new().bound_cidrs(["10.1.0.0/16"])));
    says_refused(send("10.1.1.1"));
}

#[test]
fn a_role_without_secret_ids_is_bound_to_networks() {
    let world = world();
    let roles = roles(&world);
    let open = RoleOptions::new().bind_secret_id(false);
    assert!(message(roles.write("web", &open)).contains("constraint"));
    for bound in [
        open.clone().secret_id_bound_cidrs(["10.0.0.0/8"]),
        open.token(TokenOptions::new().bound_cidrs(["10.0.0.0/8"])),
    ] {
        let name = "open";
        roles.delete(name).expect("deleted");
        roles.write(name, &bound.role_id(name)).expect("written");
        let none = roles.create_secret_id(name, &NewSecretId::new());
        assert!(message(none).contains("bind_secret_id"));
        for body in [
            r#"{"role_id":"open"}"#,
            r#"{"role_id":"open","secret_id":"x"}"#,
        ] {
            let send = |remote| world.send_from(remote, Verb::Write, "login", body);
            send(Some("10.0.0.1")).expect("granted");
            says_refused(send(Some("11.0.0.1")));
            says_refused(send(None));
        }
    }
    let end = world.send(Verb::Delete, "role/open/token-bound-cidrs", "");
    assert!(message(end).contains("constraint"));
}

#[test]
fn accessors_name_secret_ids_of_their_role_only() {
    let world = world();
    let roles = roles(&world);
    let issued = issue(&world, "web", &NewSecretId::new().num_uses(2));
    login(&world.vault, "web", &issued.secret_id).expect("granted");
    world.pass(MINUTE);
    let by_accessor = roles.lookup_accessor("web", &issued.accessor);
    let by_text = roles.lookup_secret_id("web", &issued.secret_id);
    let info = by_accessor.expect("looked up").expect("there");
    assert_eq!(Some(&info), by_text.expect("looked up").as_ref());
    assert_eq!((info.num_uses, &info.accessor), (1, &issued.accessor));
    let of_other = roles.lookup_accessor("db", &issued.accessor);
    assert_eq!(of_other.expect("looked up"), None);
    let long = "0".repeat(5_000);
    for bad in ["", "x", "a/b", "..", "canary \u{e9}", &long] {
        let found = roles.lookup_accessor("web", bad).expect("looked up");
        assert_eq!(found, None, "{bad:?}");
        let error = roles.destroy_accessor("web", bad).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NotFound));
    }
    roles
        .destroy_accessor("db", &issued.accessor)
        .expect_err("not its own");
    roles
        .destroy_accessor("web", &issued.accessor)
        .expect("destroyed");
    says_refused(login(&world.vault, "web", &issued.secret_id));
    roles
        .destroy_secret_id("web", &issued.secret_id)
        .expect("no error");
}

#[test]
fn a_chosen_secret_id_is_taken_once() {
    let world = world();
    let body = r#"{"secret_id":"chosen-canary","metadata":"{\"k\":\"v\"}","num_uses":1}"#;
    let path = "role/web/custom-secret-id";
    let data = world.data(Verb::Write, path, body);
    assert_eq!(data["secret_id"], "chosen-canary");
    let again = world.send(Verb::Write, path, body);
    assert!(message(again).contains("already registered"));
    world.data(Verb::Write, "role/db/custom-secret-id", body);
    login(&world.vault, "web", &secret("chosen-canary")).expect("granted");
    says_refused(login(&world.vault, "web", &secret("chosen-canary")));
    login(&world.vault, "db", &secret("chosen-canary")).expect("another role's");
    world.data(Verb::Write, path, body);
}

#[test]
fn fields_that_cannot_be_are_refused_and_change_nothing() {
    let world = world();
    let before = world.data(Verb::Read, "role/web", "");
    for (path, body) in [
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
    ] {
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
fn every_spelling_is_the_same_role_or_none() {
    let world = world();
    let roles = roles(&world);
    for same in ["WEB", "Web", "web"] {
        assert_eq!(roles.role_id(same).expect(same), "web");
    }
    for other in [
        "web ",
        " web",
        "web/",
        "w\u{200b}eb",
        "%77eb",
        "",
        "web\0",
        "..",
        "w/eb",
    ] {
        let error = roles.write(other, &RoleOptions::new()).expect_err(other);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{other:?}");
    }
    assert_eq!(roles.list().expect("listed"), ["db", "web"]);
}

#[test]
fn a_token_is_renewed_only_with_the_policies_of_now() {
    let world = world();
    let (owner, roles) = (world.owner(), roles(&world));
    let issued = issue(&world, "web", &NewSecretId::new());
    let token = login(&world.vault, "web", &issued.secret_id).expect("granted");
    let tokens = owner.token();
    tokens.renew(&token, None).expect("renewed");
    let set = |name: &str| {
        let token = TokenOptions::new().policies([name]);
        let written = roles.write("web", &RoleOptions::new().token(token));
        written.expect("written");
    };
    set("more");
    tokens.renew(&token, None).expect_err("refused");
    set("web");
    tokens.renew(&token, None).expect("the same again");
    roles.delete("web").expect("deleted");
    tokens.renew(&token, None).expect_err("no role");
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

#[test]
fn nothing_shows_a_secret_id_or_stores_it() {
    let storage = Arc::new(Memory::new());
    let world = world_on(storage.clone());
    let canary = secret("canary-secret-id");
    let new = NewSecretId::new()
        .chosen(&canary)
        .metadata("canary", "canary");
    let issued = issue(&world, "web", &new);
    let mount = MountPath::new("approle").expect("a path");
    let copy = |text: &SecretString| SecretString::copy_from(text.expose());
    let operation = Login::new(&mount, copy(&canary), copy(&canary));
    let outcome = world.vault.run(&anybody(None), &operation).expect("ran");
    let long = secret(&"canary".repeat(1_000));
    let again = roles(&world).create_secret_id("web", &new);
    let texts = [
        format!("{new:?}"),
        format!("{issued:?}"),
        format!("{:?}", refused()),
        format!("{:?}", operation.output(&outcome).err()),
        format!("{:?}", login(&world.vault, "web", &long).err()),
        format!("{:?}", login(&world.vault, "canary", &canary).err()),
        format!("{:?}", again.err()),
        format!("{:?}", RoleOptions::new().role_id("canary")),
    ];
    for text in texts {
        assert!(!text.contains("canary"), "{text}");
    }
    let paths = storage.scan(&Scan::new("")).expect("scanned");
    assert!(!paths.iter().any(|path| path.contains(canary.expose())));
}
