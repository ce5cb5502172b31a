//! The rules of approle, clause by clause: logins here.

mod paths;
mod roles;
mod secret_ids;

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
    let changed = secret(&good.expose().replacen('-', "0", 1));
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

#[test]
#[cfg(feature = "sqlite")]
fn of_64_logins_at_once_on_one_file_one_is_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = crate::storage::Sqlite::open(folder.path().join("vault"));
    let world = world_on(Arc::new(file.expect("opened")));
    assert_eq!(race(&world, 1), 1);
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
