//! Vault's paths and JSON of leases.

use zeroize::Zeroizing;

use super::end::Wait;
use super::renew::Renewed;
use super::{
    CountLeases, LeaseInfo, ListIrrevocable, ListLeases, LookupLease, RenewLease, RevokeBelow,
    RevokeLease, TidyLeases,
};
use crate::error::{Error, Result};
use crate::operation::{Call, Erased, Handler};
use crate::wire::{Array, Object, Response, Route, Verb};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/` that are about leases; those outside of `leases/` are old spellings.
pub(crate) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "leases",
        verbs: &[(Verb::Read, irrevocable_ones)],
    },
    Route {
        pattern: "leases/count",
        verbs: &[(Verb::Read, count)],
    },
    Route {
        pattern: "leases/tidy",
        verbs: &[(Verb::Write, tidy)],
    },
    Route {
        pattern: "leases/lookup",
        verbs: &[(Verb::Write, lookup), (Verb::List, list)],
    },
    Route {
        pattern: "leases/lookup/{prefix..}",
        verbs: &[(Verb::List, list)],
    },
    Route {
        pattern: "leases/renew",
        verbs: &[(Verb::Write, renew)],
    },
    Route {
        pattern: "leases/renew/{id..}",
        verbs: &[(Verb::Write, renew)],
    },
    Route {
        pattern: "renew",
        verbs: &[(Verb::Write, renew)],
    },
    Route {
        pattern: "renew/{id..}",
        verbs: &[(Verb::Write, renew)],
    },
    Route {
        pattern: "leases/revoke",
        verbs: &[(Verb::Write, revoke)],
    },
    Route {
        pattern: "leases/revoke/{id..}",
        verbs: &[(Verb::Write, revoke)],
    },
    Route {
        pattern: "revoke",
        verbs: &[(Verb::Write, revoke)],
    },
    Route {
        pattern: "revoke/{id..}",
        verbs: &[(Verb::Write, revoke)],
    },
    Route {
        pattern: "leases/revoke-prefix/{prefix..}",
        verbs: &[(Verb::Write, revoke_prefix)],
    },
    Route {
        pattern: "revoke-prefix/{prefix..}",
        verbs: &[(Verb::Write, revoke_prefix)],
    },
    Route {
        pattern: "leases/revoke-force/{prefix..}",
        verbs: &[(Verb::Write, revoke_force)],
    },
    Route {
        pattern: "revoke-force/{prefix..}",
        verbs: &[(Verb::Write, revoke_force)],
    },
];

/// Returns the id that the path has, or else the body.
fn id(call: &Call<'_>) -> Result<Zeroizing<String>> {
    let in_path = Zeroizing::new(call.captures.get("id").to_owned());
    let id = match in_path.is_empty() {
        true => call.fields.text("lease_id")?,
        false => Some(in_path),
    };
    let missing = || Error::invalid("lease_id must be specified");
    id.filter(|id| !id.is_empty()).ok_or_else(missing)
}

fn prefix(call: &Call<'_>) -> Zeroizing<String> {
    Zeroizing::new(call.captures.get("prefix").to_owned())
}

fn wait(call: &Call<'_>) -> Result<Wait> {
    Ok(match call.fields.flag("sync")? {
        Some(false) => Wait::No,
        _ => Wait::Yes, // OpenBao's default, whatever Vault's pages say
    })
}

fn lookup<'c>(call: &Call<'c>) -> Made<'c> {
    let id = id(call)?;
    Ok(Box::new(LookupLease { id }))
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    let prefix = prefix(call);
    Ok(Box::new(ListLeases { prefix }))
}

fn only_irrevocable(call: &Call<'_>) -> Result<bool> {
    match call.fields.text("type")?.as_ref().map(|text| text.as_str()) {
        None | Some("") => Ok(false),
        Some("irrevocable") => Ok(true),
        Some(_) => Err(Error::invalid(
            "the type of leases is irrevocable, or not given",
        )),
    }
}

fn irrevocable_ones<'c>(call: &Call<'c>) -> Made<'c> {
    match only_irrevocable(call)? {
        true => Ok(Box::new(ListIrrevocable)),
        false => Err(Error::invalid(
            "the type of leases must be given: irrevocable",
        )),
    }
}

fn count<'c>(call: &Call<'c>) -> Made<'c> {
    let irrevocable = only_irrevocable(call)?;
    Ok(Box::new(CountLeases { irrevocable }))
}

fn tidy<'c>(_: &Call<'c>) -> Made<'c> {
    Ok(Box::new(TidyLeases))
}

fn renew<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(RenewLease {
        id: id(call)?,
        increment: call.fields.duration("increment")?,
        shorten: true, // as in Vault: the increment counts from now
    }))
}

fn revoke<'c>(call: &Call<'c>) -> Made<'c> {
    let (id, wait) = (id(call)?, wait(call)?);
    Ok(Box::new(RevokeLease { id, wait }))
}

fn revoke_prefix<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(RevokeBelow {
        prefix: prefix(call),
        wait: wait(call)?,
        force: false,
    }))
}

fn revoke_force<'c>(call: &Call<'c>) -> Made<'c> {
    Ok(Box::new(RevokeBelow {
        prefix: prefix(call),
        wait: Wait::Yes,
        force: true,
    }))
}

pub(super) fn info(info: &LeaseInfo) -> Response {
    let object = Object::new()
        .text("id", &info.id)
        .time("issue_time", Some(info.issued))
        .time("expire_time", Some(info.expires))
        .flag("renewable", info.renewable)
        .number("ttl", info.ttl.as_secs());
    let object = match info.renewed {
        Some(renewed) => object.time("last_renewal", Some(renewed)),
        None => object.null("last_renewal"),
    };
    Response::data(match info.failure.is_empty() {
        true => object,
        false => object.text("revoke_error", &info.failure),
    })
}

pub(super) fn irrevocable(found: &[LeaseInfo]) -> Response {
    let mut leases = Array::new();
    for lease in found {
        leases = leases.object(
            Object::new()
                .text("lease_id", &lease.id)
                .text("error", &lease.failure),
        );
    }
    Response::data(
        Object::new()
            .number("lease_count", found.len() as u64)
            .array("leases", leases),
    )
}

pub(super) fn renewed(renewed: &Renewed) -> Response {
    let response = Response {
        lease: Some(renewed.leased()),
        ..Response::default()
    };
    match renewed.capped {
        false => response,
        true => response.warned(vec![
            "TTL of the lease is limited by its max TTL: it lives shorter than asked for".into(),
        ]),
    }
}
