//! `operator tick` and `confirm-clock`: what a host does now and then.

use vaultcore::api::{ApiRequest, Method};
use vaultcore::{Session, Vault};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json::{self, Object};
use crate::reply::Reply;

/// The databases that this build has drivers of.
const DRIVERS: &[&str] = match cfg!(feature = "postgres") {
    true => &["postgresql-database-plugin"],
    false => &[],
};

/// Finishes what was left half done, and ends what ran out.
///
/// What ran out of a database needs the database's driver. A process without would try in vain, and
/// with the sixth time the lease is given up on: so this is for vaults that have no such database.
pub(super) fn tick(context: &Context) -> Result {
    let vault = context.vault()?;
    if has_strange_databases(vault)? {
        return Err(Failure::local(
            "there is a database that this command has no driver of: the host that has one does \
             this, so that users are taken away",
        ));
    }
    let finished = vault.tick()?;
    let finished = u64::try_from(finished).unwrap_or(u64::MAX);
    let object = Object::new().number("finished", finished);
    context.show_object(&object.finish(), &[("Finished", finished.to_string())])
}

/// Returns whether there is a connection to a database anywhere that this build has no driver of.
fn has_strange_databases(vault: &Vault) -> Result<bool> {
    let owner = vault.owner()?;
    let mut spaces = vec![String::new()];
    spaces.extend(names(&owner, Method::Scan, "", "sys/namespaces"));
    for space in spaces {
        for mount in databases(&owner, &space)? {
            for name in names(&owner, Method::List, &space, &format!("{mount}config/")) {
                let config = ask(
                    &owner,
                    Method::Get,
                    &space,
                    &format!("{mount}config/{name}"),
                )?;
                let driver = config.text(&["data", "plugin_name"]).unwrap_or_default();
                if !DRIVERS.contains(&driver.as_str()) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn ask(owner: &Session, method: Method, space: &str, path: &str) -> Result<Reply> {
    Reply::read(&owner.request(&ApiRequest::new(method, path).namespace(space)))
}

/// Returns the names of a list; what there is none of has none.
fn names(owner: &Session, method: Method, space: &str, path: &str) -> Vec<String> {
    let found = ask(owner, method, space, path).ok();
    let keys = found
        .as_ref()
        .and_then(|found| found.part(&["data", "keys"]));
    let keys = keys.and_then(json::array).unwrap_or_default();
    let names = keys.iter().filter_map(|key| json::text(key.get()));
    names.map(|name| name.to_string()).collect()
}

/// Returns the paths of the mounts of databases in a namespace.
fn databases(owner: &Session, space: &str) -> Result<Vec<String>> {
    let mounts = ask(owner, Method::Get, space, "sys/mounts")?;
    let mounts = mounts.data().and_then(json::object).unwrap_or_default();
    let of_databases = mounts.into_iter().filter(|(_, mount)| {
        let kind = json::find_text(mount.get(), &["type"]);
        kind.is_some_and(|kind| kind.as_str() == "database")
    });
    Ok(of_databases.map(|(path, _)| path).collect())
}

/// Says that the clock is right, so that what ran out by it is ended again.
pub(super) fn confirm_clock(context: &Context) -> Result {
    let time = context.session()?.sys().confirm_clock()?.to_string();
    let object = Object::new().text("time", &time);
    context.show_object(&object.finish(), &[("Time", time.clone())])
}
