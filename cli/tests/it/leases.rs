//! Leases of a host's database, looked at and ended by the command line.

use vaultcore::database::{Connection, Fake, Role};
use vaultcore::storage::Sqlite;
use vaultcore::{NewMount, SecretString, Vault, key_file};

use crate::rig::Rig;

/// A host that has the driver, and the vault open beside the command line.
struct Host {
    vault: Vault,
    fake: Fake,
}

impl Host {
    fn new(rig: &Rig) -> Self {
        let fake = Fake::new();
        let storage = Sqlite::open(rig.path("app.vault")).expect("storage");
        let builder = Vault::builder(storage).database_driver(fake.clone());
        let vault = builder.build().expect("vault");
        let key = key_file::read(rig.path("app.key")).expect("key");
        vault.unseal_key(&key).expect("open");
        let owner = vault.owner().expect("owner");
        owner
            .sys()
            .mount("database", NewMount::new("database"))
            .expect("mounted");
        let database = owner.database("database").expect("database");
        let password = SecretString::copy_from("s3cr3t");
        let connection = Connection::new("fake-database-plugin", "fake://")
            .login("admin", password)
            .allowed_roles(["readonly"]);
        database.configure("app", &connection).expect("configured");
        database
            .write_role("readonly", &Role::new("app"))
            .expect("role");
        Self { vault, fake }
    }

    /// Makes a user of the database, as a client of the host does.
    fn lease(&self) {
        let owner = self.vault.owner().expect("owner");
        let database = owner.database("database").expect("database");
        std::mem::forget(database.credentials("readonly").expect("credentials"));
    }
}

fn only_lease(rig: &Rig) -> String {
    let names = rig
        .ok(&["lease", "list", "-format=json", "database/creds/readonly"])
        .json();
    format!(
        "database/creds/readonly/{}",
        names[0].as_str().expect("name")
    )
}

#[test]
fn a_lease_is_listed_and_looked_up() {
    let rig = Rig::bare();
    rig.call(&["lease", "list"]).fails(2);
    let host = Host::new(&rig);
    host.lease();
    assert_eq!(rig.ok(&["lease", "list"]).lines()[2..], ["database/"]);
    let id = only_lease(&rig);
    let run = rig.ok(&["lease", "lookup", &id]);
    assert_eq!((run.row("id"), run.row("renewable")), (id.as_str(), "true"));
    assert_eq!(rig.data(&["lease", "lookup", &id])["id"], id.as_str());
    rig.call(&["lease", "lookup", "database/creds/readonly/none"])
        .fails(2);
    rig.call(&["lease", "lookup"]).fails(1);
}

#[test]
fn what_takes_a_driver_is_told_to_be_the_host_s() {
    let rig = Rig::bare();
    let host = Host::new(&rig);
    host.lease();
    let id = only_lease(&rig);
    rig.call(&["lease", "renew", "-increment=1h", &id]).fails(2);
    rig.call(&["lease", "renew", "none/such"]).fails(2);
    rig.call(&["lease", "revoke", "-sync", &id]).fails(2);
    let run = rig.ok(&["lease", "revoke", &id]);
    assert!(run.out.starts_with("All revocation operations queued"));
    let found = rig.data(&["lease", "lookup", &id]);
    // Nothing was tried here: who has the driver ends it.
    assert!(found["revoke_error"].is_null(), "{found}");
    assert_eq!(
        (found["renewable"].as_bool(), host.fake.users()),
        (Some(false), 1)
    );
}

#[test]
fn a_revocation_must_be_told_what() {
    let rig = Rig::bare();
    rig.ok(&["lease", "revoke", "database/creds/readonly/none"]);
    rig.call(&["lease", "revoke"]).fails(1);
    rig.call(&["lease", "revoke", "/"]).fails(1);
    rig.call(&["lease", "revoke", "-force", "database"])
        .fails(1);
}

#[test]
fn all_below_a_path_are_forgotten_by_force() {
    let rig = Rig::bare();
    let host = Host::new(&rig);
    host.lease();
    host.lease();
    let run = rig.ok(&["lease", "revoke", "-force", "-prefix", "database/creds"]);
    assert_eq!(
        run.out,
        "Success! Force revoked any leases with prefix: database/creds\n"
    );
    rig.call(&["lease", "list", "database/creds/readonly"])
        .fails(2);
    assert_eq!(
        host.fake.users(),
        2,
        "what was leased lives on, as was said"
    );
}

#[test]
fn a_command_without_the_driver_leaves_leases_alone() {
    let rig = Rig::new();
    let host = Host::new(&rig);
    host.lease();
    let run = rig.call(&["operator", "tick"]).fails(1);
    assert!(run.err.contains("database"), "{run:?}");
    for number in 0..8 {
        rig.ok(&["kv", "put", "secret/a", &format!("x={number}")]);
    }
    let found = rig.data(&["lease", "lookup", &only_lease(&rig)]);
    assert!(found.get("revoke_error").is_none(), "{found}");
    assert_eq!(host.fake.users(), 1);
}

#[test]
fn leases_take_leave() {
    let rig = Rig::bare();
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.call(&["lease", "list"]).token(&token).fails(2);
    rig.call(&["lease", "revoke", "-prefix", "database"])
        .token(&token)
        .fails(2);
}
