//! `operator tick` and `confirm-clock`: what a host does now and then.

use vaultcore::Vault;
use vaultcore::api::{ApiRequest, Method};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json::{self, Object};
use crate::reply::Reply;

/// Finishes what was left half done, and ends what ran out.
///
/// What ran out of a database needs the database's driver, which only a host has. A process without
/// would try in vain, and with the sixth time the lease is given up on: so this is for vaults that
/// have no such mount.
pub(super) fn tick(context: &Context) -> Result {
    let vault = context.vault()?;
    if leases_outside(vault)? {
        return Err(Failure::local(
            "a database is mounted, whose users only a host with its driver can take away: that \
             host does this",
        ));
    }
    let finished = vault.tick()?;
    let finished = u64::try_from(finished).unwrap_or(u64::MAX);
    let object = Object::new().number("finished", finished);
    context.show_object(&object.finish(), &[("Finished", finished.to_string())])
}

/// Returns whether an engine is mounted anywhere that makes something outside of the vault.
fn leases_outside(vault: &Vault) -> Result<bool> {
    let owner = vault.owner()?;
    let mut spaces = vec![String::new()];
    let scan = owner.request(&ApiRequest::new(Method::Scan, "sys/namespaces"));
    if let Ok(found) = Reply::read(&scan) {
        let keys = found.part(&["data", "keys"]).and_then(json::array);
        let keys = keys.unwrap_or_default();
        let names = keys.iter().filter_map(|key| json::text(key.get()));
        spaces.extend(names.map(|name| name.to_string()));
    }
    for space in spaces {
        let mounts = ApiRequest::new(Method::Get, "sys/mounts").namespace(&space);
        let mounts = Reply::read(&owner.request(&mounts))?;
        let mounts = mounts.data().and_then(json::object).unwrap_or_default();
        let mut kinds = mounts
            .values()
            .filter_map(|mount| json::find_text(mount.get(), &["type"]));
        if kinds.any(|kind| kind.as_str() == "database") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says that the clock is right, so that what ran out by it is ended again.
pub(super) fn confirm_clock(context: &Context) -> Result {
    let time = context.session()?.sys().confirm_clock()?.to_string();
    let object = Object::new().text("time", &time);
    context.show_object(&object.finish(), &[("Time", time.clone())])
}
